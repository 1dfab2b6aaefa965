//! Reading DER (ITU-T X.690) with [`der`]: the few steps that certificates and signatures need.
//!
//! Everything read keeps its own bytes, since it is those that were signed, not what would be written of them.

use der::asn1::AnyRef;
use der::{Decode, Header, Reader, SliceReader, Tag, TagNumber, Tagged};

pub(super) type Result<T> = der::Result<T>;

/// Reads one value to its end, and nothing may stand behind it.
pub(super) fn whole<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T>,
) -> Result<T> {
    let mut reader = SliceReader::new(bytes)?;
    let value = read(&mut reader)?;
    reader.finish(value)
}

/// The content of the value that comes next, which has to be of this kind.
pub(super) fn content<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<&'a [u8]> {
    let value = AnyRef::decode(reader)?;
    value.tag().assert_eq(tag)?;
    Ok(value.value())
}

/// Reads what is in the SEQUENCE that comes next, to its end.
pub(super) fn sequence<'a, T>(
    reader: &mut SliceReader<'a>,
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T>,
) -> Result<T> {
    whole(content(reader, Tag::Sequence)?, read)
}

/// The content of a context-specific value of this number, if it comes next.
pub(super) fn optional<'a>(
    reader: &mut SliceReader<'a>,
    number: TagNumber,
    constructed: bool,
) -> Result<Option<&'a [u8]>> {
    let tag = Tag::ContextSpecific {
        constructed,
        number,
    };
    match !reader.is_finished() && reader.peek_tag()? == tag {
        true => content(reader, tag).map(Some),
        false => Ok(None),
    }
}

/// What an EXPLICIT tag holds.
pub(super) fn explicit<'a>(
    reader: &mut SliceReader<'a>,
    number: TagNumber,
) -> Result<Option<&'a [u8]>> {
    optional(reader, number, true)
}

/// The values that stand one behind the other in `bytes`, each with its tag and length; at most `limit`.
pub(super) fn each(bytes: &[u8], limit: usize) -> Result<Vec<&[u8]>> {
    whole(bytes, |reader| {
        let mut found = Vec::new();
        while !reader.is_finished() {
            if found.len() == limit {
                return Err(reader.error(der::ErrorKind::Failed));
            }
            found.push(reader.tlv_bytes()?);
        }
        Ok(found)
    })
}

/// The kind of the first value in the SEQUENCE that stands first in `bytes`.
pub(super) fn first_in_sequence(bytes: &[u8]) -> Option<Tag> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let content = content(&mut reader, Tag::Sequence).ok()?;
    SliceReader::new(content).ok()?.peek_tag().ok()
}

/// A small number that is not negative.
pub(super) fn number(reader: &mut SliceReader<'_>) -> Result<u8> {
    u8::decode(reader)
}

/// The value of what is written in `bytes`, without tag and length.
pub(super) fn value(bytes: &[u8]) -> Result<&[u8]> {
    whole(bytes, |reader| {
        let header = Header::decode(reader)?;
        reader.read_slice(header.length)
    })
}
