//! What blocks of the log say of other blocks: `journal.rst`, "Descriptor Block" and "Revocation Block".

use super::be32;
use super::head::{CHECKSUM_V2, CHECKSUM_V3, IS_64BIT};

/// Flags of a tag: the first four bytes of the block were the magic number; no UUID follows; no tag
/// follows.
const ESCAPED: u32 = 1;
const SAME_UUID: u32 = 2;
const LAST: u32 = 8;

/// Length of what every block of the log begins with.
const HEADER: usize = 12;

/// What a descriptor says of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// The block of the volume.
    pub(super) block: u64,
    flags: u32,
    /// Of the content; 16 bits of it before the third kind.
    pub(super) checksum: u32,
}

impl Tag {
    /// Did the content begin with the magic number, which is written as zero?
    pub(super) fn is_escaped(&self) -> bool {
        self.flags & ESCAPED != 0
    }
}

/// The blocks that a descriptor names.
pub(super) fn tags(features: u32, block: &[u8]) -> Vec<Tag> {
    let large = features & IS_64BIT != 0;
    let v3 = features & CHECKSUM_V3 != 0;
    let v2 = features & CHECKSUM_V2 != 0;
    let length = match (v3, v2, large) {
        (true, _, _) => 16,
        (false, true, true) => 14,
        (false, true, false) => 10,
        (false, false, true) => 12,
        (false, false, false) => 8,
    };
    let mut rest = behind_header(block, v2 || v3);
    let mut tags = Vec::new();
    while let Some((tag, after)) = rest.split_at_checked(length) {
        let (flags, checksum) = match v3 {
            true => (be32(tag, 4), be32(tag, 12)),
            false => (be32(tag, 4) & 0xffff, be32(tag, 4) >> 16),
        };
        let high = if large { be32(tag, 8) } else { 0 };
        tags.push(Tag {
            block: u64::from(high) << 32 | u64::from(be32(tag, 0)),
            flags,
            checksum,
        });
        let uuid = if flags & SAME_UUID == 0 { 16 } else { 0 };
        rest = after.get(uuid..).unwrap_or_default();
        if flags & LAST != 0 {
            break;
        }
    }
    tags
}

/// The blocks that a revocation block names.
pub(super) fn revoked(features: u32, block: &[u8]) -> Vec<u64> {
    let used = usize::try_from(be32(block, HEADER)).unwrap_or(usize::MAX);
    let records = block.get(HEADER + 4..used.min(block.len()));
    let records = records.unwrap_or_default();
    match features & IS_64BIT {
        0 => {
            let numbers = records.as_chunks::<4>().0.iter();
            numbers.map(|n| u32::from_be_bytes(*n).into()).collect()
        }
        _ => {
            let numbers = records.as_chunks::<8>().0.iter();
            numbers.map(|n| u64::from_be_bytes(*n)).collect()
        }
    }
}

/// What is in a block, without the checksum at its end if there is one.
fn behind_header(block: &[u8], has_checksum: bool) -> &[u8] {
    let tail = if has_checksum { 4 } else { 0 };
    let end = block.len().saturating_sub(tail);
    block.get(HEADER..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::MAGIC;
    use super::*;

    fn named(features: u32, block: &[u8]) -> Vec<(u64, u32)> {
        let tags = tags(features, block);
        tags.iter().map(|tag| (tag.block, tag.flags)).collect()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        let mut block: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        block.resize(1024, 0);
        block
    }

    #[test]
    fn tags_of_every_kind() {
        let old = words(&[
            MAGIC,
            1,
            7,
            20,
            0,
            1,
            2,
            3,
            4,
            21,
            SAME_UUID | ESCAPED,
            22,
            LAST | SAME_UUID,
            23,
        ]);
        assert_eq!(named(0, &old), [(20, 0), (21, 3), (22, 10)]);
        let large = words(&[MAGIC, 1, 7, 20, SAME_UUID, 1, 21, LAST | SAME_UUID, 0]);
        assert_eq!(named(IS_64BIT, &large), [(1 << 32 | 20, 2), (21, 10)]);
        let v3 = words(&[
            MAGIC,
            1,
            7,
            20,
            SAME_UUID,
            0,
            0xdead,
            21,
            LAST | SAME_UUID,
            0,
            0xbeef,
        ]);
        assert_eq!(named(CHECKSUM_V3, &v3), [(20, 2), (21, 10)]);
        // The second kind has its checksum beside the flags, and two bytes that are always zero.
        let mut v2 = words(&[MAGIC, 1, 7, 20, 0xdead << 16 | SAME_UUID]);
        v2[22..30].copy_from_slice(&[0, 0, 0, 21, 0xbe, 0xef, 0, 10]);
        assert_eq!(named(CHECKSUM_V2, &v2), [(20, 2), (21, 10)]);
        let sums: Vec<u32> = tags(CHECKSUM_V2, &v2)
            .iter()
            .map(|tag| tag.checksum)
            .collect();
        assert_eq!(sums, [0xdead, 0xbeef]);
        // Nobody says that it is the last: the block ends.
        let endless = words(&[SAME_UUID; 256]);
        assert_eq!(tags(0, &endless).len(), (1024 - 12) / 8);
    }

    #[test]
    fn revocations_have_a_length_that_may_lie() {
        let block = words(&[MAGIC, 5, 7, 24, 5, 6, 7]);
        assert_eq!(revoked(0, &block), [5, 6]);
        assert_eq!(revoked(IS_64BIT, &block), [5 << 32 | 6]);
        let liar = words(&[MAGIC, 5, 7, u32::MAX]);
        assert_eq!(revoked(0, &liar).len(), 1008 / 4);
        assert_eq!(revoked(0, &words(&[0; 4])).len(), 0);
    }
}
