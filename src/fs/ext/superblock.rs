//! The superblock: `Documentation/filesystems/ext4/super.rst` of Linux.

use super::features::{BIGALLOC, CSUM_SEED, GDT_CSUM, IS_64BIT, METADATA_CSUM, RECOVER, refused};
use crate::disk::ReadAt;
use crate::disk::bytes::{array, le16, le32, uuid};
use crate::fs::FsError;
use crate::fs::crc32c::Checksum;

/// Where it lies on the volume, in bytes.
pub(super) const PLACE: u64 = 1024;

/// Its length in bytes.
pub(super) const LENGTH: usize = 1024;

/// Where its checksum is.
const CHECKSUM: usize = 0x3fc;

/// `s_checksum_type`: CRC-32C, the only one that there is.
const CRC32C: u8 = 1;

/// The length of an inode in the first revision, which has no field for it, and the least of all.
pub(super) const SMALL_INODE: u64 = 128;

/// Lengths of a group descriptor: always, with 64-bit numbers, and at most.
const SMALL_DESCRIPTOR: u64 = 32;
const LARGE_DESCRIPTOR: u64 = 64;
const MAX_DESCRIPTOR: u64 = 1024;

/// What describes the filesystem. Its numbers fit each other and the volume.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) compat: u32,
    pub(super) incompat: u32,
    pub(super) ro_compat: u32,
    /// How many inodes there are; the first is number 1.
    pub(super) inodes: u32,
    /// Blocks of the whole volume.
    pub(super) blocks: u64,
    /// The block with which the first group begins.
    pub(super) first_data_block: u64,
    /// Length of a block in bytes: a power of two from 1024 to 65,536.
    pub(super) block_size: u64,
    /// What is allocated at once, in bytes: a block, or several of them (`bigalloc`).
    pub(super) cluster_size: u64,
    pub(super) blocks_per_group: u64,
    pub(super) inodes_per_group: u32,
    /// Length of an inode in bytes, from 128 up to a block.
    pub(super) inode_size: u64,
    /// Length of a group descriptor in bytes.
    pub(super) descriptor_size: u64,
    /// The first block of descriptors that is kept with its groups (`meta_bg`).
    pub(super) first_meta_bg: u64,
    /// The groups with copies of the superblock (`sparse_super2`).
    pub(super) backup_groups: [u32; 2],
    /// `None` when there is none inside.
    pub(super) journal_inode: Option<u32>,
    /// The state with which checksums of metadata begin.
    pub(super) seed: Checksum,
    pub(super) uuid: [u8; 16],
    /// Made by Linux: others put something else where inodes have their checksums.
    pub(super) is_linux: bool,
}

impl Superblock {
    /// Of bytes that were read from a volume of `size` bytes.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when its numbers make no sense, [`FsError::Unsupported`] names features that
    /// are not read here.
    pub(super) fn parse(bytes: &[u8; LENGTH], size: u64) -> Result<Superblock, FsError> {
        let word = |at| le32(bytes, at).unwrap_or_default();
        let half = |at| le16(bytes, at).unwrap_or_default();
        if half(0x38) != 0xef53 {
            return Err(senseless("its magic number is wrong"));
        }
        let (compat, incompat, ro_compat) = (word(0x5c), word(0x60), word(0x64));
        if let Some(names) = refused(incompat) {
            return Err(FsError::Unsupported(format!("the ext4 feature {names}")));
        }
        let s_uuid: [u8; 16] = array(bytes, 0x68).unwrap_or_default();
        if ro_compat & METADATA_CSUM != 0 {
            if bytes.get(0x175) != Some(&CRC32C) {
                return Err(FsError::Unsupported(
                    "an unknown kind of checksum".to_owned(),
                ));
            }
            let own = Checksum::START.and(bytes.get(..CHECKSUM).unwrap_or_default());
            if own.0 != word(CHECKSUM) {
                return Err(senseless("its checksum is wrong"));
            }
        }
        let block_size = match word(0x18) {
            shift @ 0..=6 => 1024_u64.rotate_left(shift),
            _ => return Err(senseless("the size of a block is out of range")),
        };
        let high = if incompat & IS_64BIT != 0 {
            word(0x150)
        } else {
            0
        };
        let superblock = Superblock {
            compat,
            incompat,
            ro_compat,
            inodes: word(0x0),
            blocks: u64::from(high) << 32 | u64::from(word(0x4)),
            first_data_block: word(0x14).into(),
            block_size,
            cluster_size: match ro_compat & BIGALLOC {
                0 => block_size,
                _ => 1024_u64.checked_shl(word(0x1c)).unwrap_or(block_size),
            },
            blocks_per_group: word(0x20).into(),
            inodes_per_group: word(0x28),
            inode_size: match word(0x4c) {
                0 => SMALL_INODE,
                _ => half(0x58).into(),
            },
            descriptor_size: match incompat & IS_64BIT {
                0 => SMALL_DESCRIPTOR,
                _ => u64::from(half(0xfe)),
            },
            first_meta_bg: word(0x104).into(),
            backup_groups: [word(0x24c), word(0x250)],
            journal_inode: Some(word(0xe0)).filter(|number| *number != 0),
            seed: match incompat & CSUM_SEED {
                0 => Checksum::START.and(&s_uuid),
                _ => Checksum(word(0x270)),
            },
            uuid: s_uuid,
            is_linux: word(0x48) == 0,
        };
        superblock.check(size)?;
        Ok(superblock)
    }

    /// Do the numbers fit each other and a volume of `size` bytes?
    fn check(&self, size: u64) -> Result<(), FsError> {
        let bits = self.block_size.saturating_mul(8);
        let fits =
            |length: u64, least, most| length.is_power_of_two() && (least..=most).contains(&length);
        let least_descriptor = match self.incompat & IS_64BIT {
            0 => SMALL_DESCRIPTOR,
            _ => LARGE_DESCRIPTOR,
        };
        for (right, text) in [
            (
                self.blocks
                    .checked_mul(self.block_size)
                    .is_some_and(|end| end <= size),
                "it has more blocks than the volume",
            ),
            (self.first_data_block < self.blocks, "it has no blocks"),
            (self.blocks_per_group != 0, "its groups have no blocks"),
            (
                self.inodes_per_group != 0 && u64::from(self.inodes_per_group) <= bits,
                "its groups have an impossible number of inodes",
            ),
            (
                fits(self.inode_size, SMALL_INODE, self.block_size),
                "the size of an inode is out of range",
            ),
            (
                fits(self.descriptor_size, least_descriptor, MAX_DESCRIPTOR),
                "the size of a group descriptor is out of range",
            ),
        ] {
            if !right {
                return Err(senseless(text));
            }
        }
        Ok(())
    }

    /// Has `s_feature_incompat` this one?
    pub(super) fn has(&self, feature: u32) -> bool {
        self.incompat & feature != 0
    }

    /// Has metadata checksums (`metadata_csum`)?
    pub(super) fn has_checksums(&self) -> bool {
        self.ro_compat & METADATA_CSUM != 0
    }

    /// Have group descriptors, and nothing else, the older checksums (`uninit_bg`)?
    pub(super) fn has_group_checksums(&self) -> bool {
        self.ro_compat & (GDT_CSUM | METADATA_CSUM) == GDT_CSUM
    }

    /// The UUID as text.
    pub(super) fn uuid(&self) -> String {
        uuid(&self.uuid, 0).unwrap_or_default()
    }
}

/// Is the flag set that asks for a recovery, whatever else is there?
pub(super) fn asks_for_recovery(source: &dyn ReadAt) -> bool {
    let mut bytes = [0; LENGTH];
    let read = source.read_exact_at(PLACE, &mut bytes);
    read.is_ok() && le32(&bytes, 0x60).is_some_and(|incompat| incompat & RECOVER != 0)
}

fn senseless(text: &str) -> FsError {
    FsError::Corrupt(format!("the superblock: {text}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const SIZE: u64 = 1 << 20;

    /// The superblock of a small filesystem with blocks of 1024 bytes.
    pub(in crate::fs::ext) fn bytes(fields: &[(usize, u32)]) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let defaults = [
            (0x0, 128),
            (0x4, 1024),
            (0x14, 1),
            (0x20, 8192),
            (0x28, 128),
            (0x38, 0xef53),
            (0x4c, 1),
            (0x58, 256),
        ];
        for (at, value) in defaults.iter().chain(fields) {
            bytes[*at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    fn refusal(fields: &[(usize, u32)]) -> String {
        let result = Superblock::parse(&bytes(fields), SIZE);
        result.err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn numbers_that_fit_are_taken() {
        let superblock = Superblock::parse(&bytes(&[]), SIZE).unwrap();
        assert_eq!((superblock.block_size, superblock.blocks), (1024, 1024));
        assert_eq!(
            (superblock.inode_size, superblock.descriptor_size),
            (256, 32)
        );
        // The first revision has no field for the size.
        let old = Superblock::parse(&bytes(&[(0x4c, 0), (0x58, 0)]), SIZE).unwrap();
        assert_eq!(old.inode_size, 128);
        let large = bytes(&[(0x60, IS_64BIT), (0xfc, 64 << 16)]);
        let large = Superblock::parse(&large, SIZE).unwrap();
        assert_eq!(large.descriptor_size, 64);
    }

    #[test]
    fn numbers_that_do_not_fit_are_damage() {
        for (fields, text) in [
            (&[(0x38, 0)][..], "magic"),
            (&[(0x18, 7)], "size of a block"),
            (&[(0x4, u32::MAX), (0x20, 1)], "more blocks than the volume"),
            (&[(0x4, 1)], "no blocks"),
            (&[(0x20, 0)], "groups have no blocks"),
            (&[(0x28, 0)], "number of inodes"),
            (&[(0x28, 8193)], "number of inodes"),
            (&[(0x58, 2048)], "size of an inode"),
            (&[(0x58, 200)], "size of an inode"),
            (&[(0x60, IS_64BIT)], "size of a group descriptor"),
            (
                &[(0x64, METADATA_CSUM), (0x174, 0x100)],
                "checksum is wrong",
            ),
        ] {
            let refusal = refusal(fields);
            assert!(
                refusal.starts_with("damaged: the superblock: "),
                "{refusal}"
            );
            assert!(refusal.contains(text), "{refusal}");
        }
    }

    #[test]
    fn what_is_unknown_is_not_supported() {
        let features = refusal(&[(0x60, 0x9)]);
        assert_eq!(
            features,
            "not supported: the ext4 feature compression, journal_dev"
        );
        assert!(refusal(&[(0x64, METADATA_CSUM)]).starts_with("not supported: an unknown kind"));
    }
}
