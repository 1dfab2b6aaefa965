//! CMS and PKCS #7 signatures (RFC 5652, section 5; RFC 2315, section 9), with SHA-256 and one signer.
//!
//! They hold no time: nobody proves it, and without it the same file and RSA key give the same bytes again.

use der::asn1::ObjectIdentifier as Oid;
use der::{Encode, Tag, TagNumber};
use pilotlight::trust::Digest;

use crate::encode;
use crate::error::SignError;
use crate::signer::Signer;

/// SHA-256.
pub(crate) const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
/// `id-data`: a file.
pub(crate) const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.2");
/// The two attributes that are signed (RFC 5652, section 11).
const CONTENT_TYPE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.4");

/// What is signed.
pub(crate) struct Content<'a> {
    /// Of what type.
    pub(crate) kind: Oid,
    /// The content in DER; nothing when it stands elsewhere.
    pub(crate) inside: Option<&'a [u8]>,
    /// Its SHA-256, without tag and length.
    pub(crate) digest: Digest,
}

/// A `ContentInfo` with the signature.
///
/// # Errors
/// [`SignError`]: `openssl` does not sign.
pub(crate) fn sign(signer: &Signer, content: &Content<'_>) -> Result<Vec<u8>, SignError> {
    let kind = content.kind.to_der()?;
    let digest = encode::value(Tag::OctetString, content.digest.bytes())?;
    let attribute =
        |oid: Oid, value: &[u8]| encode::sequence(&[&oid.to_der()?, &encode::set(&[value])?]);
    let attributes = encode::sorted(&[
        &attribute(CONTENT_TYPE, &kind)?,
        &attribute(MESSAGE_DIGEST, &digest)?,
    ]);
    // They are signed as a SET OF, and written as [0].
    let signature = signer.sign(&encode::value(Tag::Set, &attributes)?)?;

    let certificate = &signer.certificate;
    let serial = encode::value(Tag::Integer, certificate.serial())?;
    let info = encode::sequence(&[
        &1_u8.to_der()?,
        &encode::sequence(&[certificate.issuer(), &serial])?,
        &encode::algorithm(SHA256)?,
        &encode::tagged(TagNumber::N0, &attributes)?,
        &signer.kind.algorithm()?,
        &encode::value(Tag::OctetString, &signature)?,
    ])?;

    let certificates = std::iter::once(certificate).chain(&signer.chain);
    let certificates: Vec<&[u8]> = certificates.map(|certificate| certificate.der()).collect();
    let inside = content
        .inside
        .map(|inside| encode::tagged(TagNumber::N0, inside));
    let data = encode::sequence(&[
        &1_u8.to_der()?,
        &encode::set(&[&encode::algorithm(SHA256)?])?,
        &encode::sequence(&[&kind, &inside.transpose()?.unwrap_or_default()])?,
        &encode::tagged(TagNumber::N0, &encode::sorted(&certificates))?,
        &encode::set(&[&info])?,
    ])?;
    let data = encode::tagged(TagNumber::N0, &data)?;
    Ok(encode::sequence(&[&SIGNED_DATA.to_der()?, &data])?)
}
