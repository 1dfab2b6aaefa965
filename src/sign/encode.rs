//! Writing DER (ITU-T X.690) with [`der`].

use der::asn1::ObjectIdentifier as Oid;
use der::{Encode, Header, Tag, TagNumber};

/// A value of which this is the content.
pub(crate) fn value(tag: Tag, content: &[u8]) -> der::Result<Vec<u8>> {
    let mut bytes = Header::new(tag, content.len())?.to_der()?;
    bytes.extend_from_slice(content);
    Ok(bytes)
}

/// A SEQUENCE of these values.
pub(crate) fn sequence(parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    value(Tag::Sequence, &parts.concat())
}

/// The values of a SET OF, in the order that DER wants.
pub(crate) fn sorted(parts: &[&[u8]]) -> Vec<u8> {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    parts.concat()
}

/// A SET OF these values.
pub(crate) fn set(parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    value(Tag::Set, &sorted(parts))
}

/// A constructed value with the tag `[number]`, around a value or in place of its own tag.
pub(crate) fn tagged(number: TagNumber, content: &[u8]) -> der::Result<Vec<u8>> {
    let tag = Tag::ContextSpecific {
        constructed: true,
        number,
    };
    value(tag, content)
}

/// An `AlgorithmIdentifier` with NULL as parameters.
pub(crate) fn algorithm(oid: Oid) -> der::Result<Vec<u8>> {
    sequence(&[&oid.to_der()?, &[5, 0]])
}
