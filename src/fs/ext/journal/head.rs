//! The superblock of a journal: `journal.rst`, "Super Block".

use super::{MAGIC, be32, damaged};
use crate::disk::bytes::array;
use crate::fs::FsError;
use crate::fs::crc32c::Checksum;

/// Its length in bytes.
pub(super) const LENGTH: usize = 1024;

/// Types of blocks.
const SUPERBLOCK_V1: u32 = 3;
const SUPERBLOCK_V2: u32 = 4;

/// Features (`s_feature_incompat`).
const HAS_REVOKE: u32 = 0x1;
pub(super) const IS_64BIT: u32 = 0x2;
pub(super) const CHECKSUM_V2: u32 = 0x8;
pub(super) const CHECKSUM_V3: u32 = 0x10;
const FAST_COMMIT: u32 = 0x20;

/// Without `ASYNC_COMMIT` a commit is written when everything before it is on the disk: checksums only
/// find damage. With it they decide what counts.
const KNOWN: u32 = HAS_REVOKE | IS_64BIT | CHECKSUM_V2 | CHECKSUM_V3 | FAST_COMMIT;

/// `s_checksum_type`: CRC-32C, the only one that there is.
const CRC32C: u8 = 4;

/// Where its own checksum is.
const CHECKSUM: usize = 0xfc;

/// Blocks for fast commits where `s_num_fc_blks` is 0, and what they leave to the log at least.
const FAST_BLOCKS: u32 = 256;
const LEAST_LOG: u32 = 1024;

/// Where the log is and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) features: u32,
    /// The state with which checksums begin.
    pub(super) seed: Checksum,
    /// The first block of the ring, and the one behind its last.
    pub(super) first: u32,
    pub(super) end: u32,
    /// Where its oldest transaction begins, and the number of that.
    pub(super) start: u32,
    pub(super) sequence: u32,
    /// The block with which fast commits begin.
    pub(super) fast_commits: Option<u32>,
}

impl Head {
    /// Of the bytes of a journal with `blocks` blocks. `None`: there is nothing to replay.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] for unknown features, [`FsError::Corrupt`] for numbers that can't be.
    pub(super) fn parse(
        bytes: &[u8; LENGTH],
        block_size: u64,
        blocks: u64,
    ) -> Result<Option<Head>, FsError> {
        let kind = be32(bytes, 4);
        if be32(bytes, 0) != MAGIC || !matches!(kind, SUPERBLOCK_V1 | SUPERBLOCK_V2) {
            return Err(damaged("has no superblock"));
        }
        // The first kind has no fields for features.
        let (features, read_only) = match kind {
            SUPERBLOCK_V1 => (0, 0),
            _ => (be32(bytes, 0x28), be32(bytes, 0x2c)),
        };
        if features & (CHECKSUM_V2 | CHECKSUM_V3) != 0 {
            if bytes.get(0x50) != Some(&CRC32C) {
                return Err(damaged("has checksums of an unknown kind"));
            }
            let sum = Checksum::START.and_around::<4>(bytes, CHECKSUM);
            if sum.0 != be32(bytes, CHECKSUM) {
                return Err(damaged("has a wrong checksum in its superblock"));
            }
        }
        let (sequence, start) = (be32(bytes, 0x18), be32(bytes, 0x1c));
        if start == 0 {
            return Ok(None);
        }
        let unknown = features & !KNOWN;
        if unknown != 0 || read_only != 0 {
            return Err(FsError::Unsupported(format!(
                "a dirty journal with the features {unknown:#x}, {read_only:#x}"
            )));
        }
        let (length, first) = (be32(bytes, 0x10), be32(bytes, 0x14));
        let mut end = length;
        let mut fast_commits = None;
        if features & FAST_COMMIT != 0 {
            let count = match be32(bytes, 0x54) {
                0 => FAST_BLOCKS,
                count => count,
            };
            if let Some(rest) = length.checked_sub(count).filter(|rest| *rest >= LEAST_LOG) {
                end = rest;
                // As the kernel counts them, one block stays between.
                fast_commits = rest.checked_add(1).filter(|block| *block < length);
            }
        }
        if u64::from(be32(bytes, 0xc)) != block_size
            || u64::from(length) > blocks
            || first == 0
            || !(first..end).contains(&start)
        {
            return Err(damaged("contradicts itself"));
        }
        let uuid: [u8; 16] = array(bytes, 0x30).unwrap_or_default();
        Ok(Some(Head {
            features,
            seed: Checksum::START.and(&uuid),
            first,
            end,
            start,
            sequence,
            fast_commits,
        }))
    }

    /// Do blocks and contents have checksums?
    pub(super) fn has_checksums(&self) -> bool {
        self.features & (CHECKSUM_V2 | CHECKSUM_V3) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &[(usize, u32)], seal: bool) -> Result<Option<Head>, FsError> {
        let mut bytes = [0; LENGTH];
        let defaults = [
            (0x0, MAGIC),
            (0x4, SUPERBLOCK_V2),
            (0xc, 1024),
            (0x10, 2000),
            (0x14, 1),
            (0x18, 7),
            (0x1c, 5),
        ];
        for (at, value) in defaults.iter().chain(fields) {
            bytes[*at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        if seal {
            let sum = Checksum::START.and_around::<4>(&bytes, CHECKSUM);
            bytes[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.0.to_be_bytes());
        }
        Head::parse(&bytes, 1024, 2000)
    }

    #[test]
    fn says_where_the_log_is() {
        let head = parse(&[], false).unwrap().unwrap();
        assert_eq!((head.first, head.end, head.start), (1, 2000, 5));
        assert_eq!(parse(&[(0x1c, 0)], false).unwrap(), None);
        let fast = parse(&[(0x28, FAST_COMMIT)], false).unwrap().unwrap();
        assert_eq!((fast.end, fast.fast_commits), (1744, Some(1745)));
        let many = [(0x28, FAST_COMMIT), (0x54, 1999)];
        let many = parse(&many, false).unwrap().unwrap();
        assert_eq!((many.end, many.fast_commits), (2000, None));
    }

    #[test]
    fn contradictions_are_damage() {
        for field in [
            (0x0, 0),
            (0x4, 1),
            (0xc, 4096),
            (0x10, 2001),
            (0x14, 0),
            (0x14, 6),
            (0x1c, 2000),
        ] {
            let result = parse(&[field], false);
            assert!(matches!(result, Err(FsError::Corrupt(_))), "{field:x?}");
        }
    }

    #[test]
    fn its_checksum_is_compared() {
        for version in [CHECKSUM_V2, CHECKSUM_V3] {
            let fields = [(0x28, version), (0x50, 0x0400_0000)];
            assert!(parse(&fields, true).unwrap().unwrap().has_checksums());
            assert!(matches!(parse(&fields, false), Err(FsError::Corrupt(_))));
            let unknown_kind = parse(&fields[..1], true);
            assert!(matches!(unknown_kind, Err(FsError::Corrupt(_))));
        }
    }

    #[test]
    fn unknown_features_matter_when_something_is_to_be_replayed() {
        for field in [(0x28, 0x4), (0x28, 0x8000_0000), (0x2c, 1)] {
            let dirty = parse(&[field], false);
            assert!(matches!(dirty, Err(FsError::Unsupported(_))), "{field:x?}");
            assert_eq!(parse(&[field, (0x1c, 0)], false).unwrap(), None);
        }
    }
}
