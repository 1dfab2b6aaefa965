//! `SpcIndirectDataContent`: the digest of a program, as Authenticode signs it (Microsoft's "Windows Authenticode
//! Portable Executable Signature Format").

use der::asn1::ObjectIdentifier as Oid;
use der::{Encode, Tag, TagNumber};
use pilotlight::trust::Digest;

use crate::encode;

/// `SPC_INDIRECT_DATA_OBJID`.
pub(crate) const CONTENT_TYPE: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.1.4");
/// `SPC_PE_IMAGE_DATAOBJ`.
const PE_IMAGE_DATA: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.1.15");
/// What every tool writes where a link to more could stand.
const OBSOLETE: &str = "<<<Obsolete>>>";

/// The content of the structure for a SHA-256 digest. Its own tag and length are not hashed (RFC 2315, section
/// 9.3).
pub(crate) fn content(digest: &Digest) -> der::Result<Vec<u8>> {
    let text: Vec<u8> = OBSOLETE.encode_utf16().flat_map(u16::to_be_bytes).collect();
    // `SpcString`: [0] IMPLICIT BMPString, in `SpcLink`: [2].
    let unicode = Tag::ContextSpecific {
        constructed: false,
        number: TagNumber::N0,
    };
    let link = encode::tagged(TagNumber::N2, &encode::value(unicode, &text)?)?;
    // No flags: an empty BIT STRING.
    let flags = encode::value(Tag::BitString, &[0])?;
    let image = encode::sequence(&[&flags, &encode::tagged(TagNumber::N0, &link)?])?;
    let kind = encode::sequence(&[&PE_IMAGE_DATA.to_der()?, &image])?;
    let digest = encode::value(Tag::OctetString, digest.bytes())?;
    let digest = encode::sequence(&[&encode::algorithm(crate::cms::SHA256)?, &digest])?;
    Ok([kind, digest].concat())
}
