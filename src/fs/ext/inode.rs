//! Inodes: `Documentation/filesystems/ext4/inodes.rst` of Linux.

use super::features::LARGE_DIR;
use super::medium::Medium;
use super::superblock::SMALL_INODE;
use super::{group, inline};
use crate::disk::bytes::{array, le16, le32};
use crate::fs::crc32c::Checksum;
use crate::fs::{FileKind, FsError};

/// The root directory (`special_inodes.rst`).
pub(super) const ROOT: u32 = 2;

/// Flags (`i_flags`).
const INDEX: u32 = 0x1000;
const ENCRYPTED: u32 = 0x800;
const IMMUTABLE: u32 = 0x10;
const JOURNALED_DATA: u32 = 0x4000;
const VERITY: u32 = 0x10_0000;
const EXTENTS: u32 = 0x8_0000;
const INLINE_DATA: u32 = 0x1000_0000;
const CASEFOLD: u32 = 0x4000_0000;

/// What `i_block` holds: the root of a map, the begin of inline data, or a short symbolic link.
const I_BLOCK: usize = 0x28;
pub(super) const I_BLOCK_LENGTH: usize = 60;

/// Where the two halves of the checksum are.
const CHECKSUM_LOW: usize = 0x7c;
const CHECKSUM_HIGH: usize = 0x82;

/// Where inodes of 128 bytes end and longer ones say how much more of them is in use.
const SMALL: usize = 128;

/// A file of any kind.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: u32,
    pub(super) kind: FileKind,
    /// Length of its content in bytes.
    pub(super) size: u64,
    /// The state with which checksums of its blocks begin.
    pub(super) seed: Checksum,
    flags: u32,
    bytes: Vec<u8>,
}

impl Inode {
    /// Reads the inode `number`.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] for one that is not there or not in use, and for a wrong checksum.
    pub(super) fn read(medium: &Medium, number: u32) -> Result<Inode, FsError> {
        let superblock = &medium.superblock;
        let per_group = superblock.inodes_per_group;
        let index = number
            .checked_sub(1)
            .filter(|index| *index < superblock.inodes);
        let place = index.and_then(|index| {
            let group = index.checked_div(per_group)?;
            Some((group, index.checked_rem(per_group)?))
        });
        let Some((group, index)) = place else {
            return Err(damaged(number, "does not exist"));
        };
        let table = group::inode_table(medium, group.into())?;
        // The index is below 2³², an inode is not longer than a block, and the table is on the volume.
        let inside = u64::from(index).saturating_mul(superblock.inode_size);
        let at = medium.place(table, 1)?.saturating_add(inside);
        let mut bytes = vec![0; usize::try_from(superblock.inode_size).unwrap_or_default()];
        medium.metadata(at, &mut bytes)?;
        let generation: [u8; 4] = array(&bytes, 0x64).unwrap_or_default();
        let seed = superblock.seed.and(&number.to_le_bytes()).and(&generation);
        if superblock.has_checksums() && superblock.is_linux && !is_whole(&bytes, seed) {
            return Err(damaged(number, "has a wrong checksum"));
        }
        let word = |at| le32(&bytes, at).unwrap_or_default();
        let kind = match le16(&bytes, 0x0).unwrap_or_default() >> 12 {
            0 => return Err(damaged(number, "is not in use")),
            0o04 => FileKind::Directory,
            0o10 => FileKind::File,
            0o12 => FileKind::Symlink,
            _ => FileKind::Other,
        };
        // What is the upper half of the length was something else in directories of ext2.
        let high = match kind == FileKind::File || superblock.has(LARGE_DIR) {
            true => word(0x6c),
            false => 0,
        };
        let size = u64::from(high) << 32 | u64::from(word(0x4));
        if i64::try_from(size).is_err() {
            return Err(damaged(number, "has an impossible length"));
        }
        Ok(Inode {
            number,
            kind,
            size,
            seed,
            flags: word(0x20),
            bytes,
        })
    }

    /// Last modification in seconds since 1970. Longer inodes have two more bits for it.
    pub(super) fn modified(&self) -> i64 {
        let time: [u8; 4] = array(&self.bytes, 0x10).unwrap_or_default();
        let seconds = i64::from(i32::from_le_bytes(time));
        let epoch = match used(&self.bytes) >= 0x8c {
            true => le32(&self.bytes, 0x88).unwrap_or_default() & 3,
            false => 0,
        };
        seconds.saturating_add(i64::from(epoch) << 32)
    }

    /// `i_block`
    pub(super) fn i_block(&self) -> [u8; I_BLOCK_LENGTH] {
        array(&self.bytes, I_BLOCK).unwrap_or([0; I_BLOCK_LENGTH])
    }

    /// Its blocks are mapped by extents, otherwise by tables.
    pub(super) fn has_extents(&self) -> bool {
        self.flags & EXTENTS != 0
    }

    /// It is a directory with an index, whose blocks are other ones.
    pub(super) fn has_index(&self) -> bool {
        self.flags & INDEX != 0
    }

    /// It is a directory whose names are compared without case.
    pub(super) fn folds_case(&self) -> bool {
        self.flags & CASEFOLD != 0
    }

    /// What it has in the inode itself, when its content is there.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when it should be there and is not.
    pub(super) fn inline(&self) -> Result<Option<Vec<u8>>, FsError> {
        if self.flags & INLINE_DATA == 0 {
            return Ok(None);
        }
        let extra = self.bytes.get(used(&self.bytes)..).unwrap_or_default();
        match inline::value(extra) {
            Ok(value) => Ok(Some([&self.i_block(), value].concat())),
            Err(text) => Err(damaged(self.number, text)),
        }
    }

    /// The target of a symbolic link that is short enough for `i_block`: it has no block of its own
    /// (`ext4_inode_is_fast_symlink`).
    pub(super) fn short_link(&self, cluster_size: u64) -> Option<Vec<u8>> {
        if self.flags & INLINE_DATA != 0 {
            return None;
        }
        // A block of extended attributes counts, in units of 512 bytes.
        let has_attributes = le32(&self.bytes, 0x68) != Some(0);
        let attributes = if has_attributes { cluster_size >> 9 } else { 0 };
        let i_blocks = le32(&self.bytes, 0x1c).unwrap_or_default();
        let length = usize::try_from(self.size).ok()?;
        let target = self.i_block().get(..length)?.to_vec();
        (u64::from(i_blocks) == attributes).then_some(target)
    }

    /// What is encrypted is not read here: neither content nor names.
    ///
    /// # Errors
    /// [`FsError::Unsupported`]
    pub(super) fn check_readable(&self) -> Result<(), FsError> {
        match self.flags & ENCRYPTED {
            0 => Ok(()),
            _ => Err(FsError::Unsupported(format!(
                "inode {} is encrypted",
                self.number
            ))),
        }
    }

    /// Why its content must not be changed where it lies, if so.
    pub(super) fn protection(&self) -> Option<&'static str> {
        [
            (IMMUTABLE, "it is immutable"),
            (JOURNALED_DATA, "its content goes through the journal"),
            (VERITY, "its content is sealed by verity"),
        ]
        .into_iter()
        .find_map(|(flag, reason)| (self.flags & flag != 0).then_some(reason))
    }

    /// Damage of this inode, in words.
    pub(super) fn damaged(&self, text: &str) -> FsError {
        damaged(self.number, text)
    }

    #[cfg(test)]
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Inode {
        Inode {
            number: 12,
            kind: FileKind::File,
            size: 0,
            seed: Checksum::START,
            flags: le32(&bytes, 0x20).unwrap(),
            bytes,
        }
    }
}

fn damaged(number: u32, text: &str) -> FsError {
    FsError::Corrupt(format!("inode {number} {text}"))
}

/// How much of an inode holds fields: 128 bytes and what longer ones say (`i_extra_isize`).
fn used(bytes: &[u8]) -> usize {
    let extra = le16(bytes, SMALL).unwrap_or_default();
    SMALL.saturating_add(extra.into()).min(bytes.len())
}

/// Is the checksum right? Inodes without room for its upper half have only the lower.
fn is_whole(bytes: &[u8], seed: Checksum) -> bool {
    let (small, rest) = bytes.split_at_checked(SMALL).unwrap_or((bytes, &[]));
    let sum = seed.and_around::<2>(small, CHECKSUM_LOW);
    let low = u32::from(le16(bytes, CHECKSUM_LOW).unwrap_or_default());
    if used(bytes) < CHECKSUM_HIGH.saturating_add(2) {
        return low == sum.and(rest).0 & 0xffff;
    }
    let high = u32::from(le16(bytes, CHECKSUM_HIGH).unwrap_or_default());
    let sum = sum.and_around::<2>(rest, CHECKSUM_HIGH.saturating_sub(SMALL));
    sum.0 == high << 16 | low
}

const _: () = assert!(SMALL as u64 == SMALL_INODE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_an_epoch_in_longer_inodes() {
        let mut bytes = vec![0; 256];
        bytes[0x10..0x14].copy_from_slice(&(-1_i32).to_le_bytes());
        bytes[0x88] = 0xf5;
        assert_eq!(Inode::of_bytes(bytes.clone()).modified(), -1);
        bytes[SMALL] = 12;
        assert_eq!(Inode::of_bytes(bytes.clone()).modified(), (1 << 32) - 1);
        bytes.truncate(SMALL);
        assert_eq!(Inode::of_bytes(bytes).modified(), -1);
    }

    #[test]
    fn a_longer_inode_that_lies_about_its_length() {
        let mut bytes = vec![0; 256];
        bytes[SMALL..SMALL + 2].fill(0xff);
        bytes[0x23] = 0x10;
        let inode = Inode::of_bytes(bytes);
        assert!(matches!(inode.inline(), Err(FsError::Corrupt(_))));
    }

    #[test]
    fn short_links_have_no_blocks() {
        let mut bytes = vec![0; 128];
        bytes[I_BLOCK..I_BLOCK + 4].copy_from_slice(b"boot");
        let mut inode = Inode::of_bytes(bytes);
        inode.size = 4;
        assert_eq!(inode.short_link(4096).as_deref(), Some(&b"boot"[..]));
        inode.bytes[0x1c] = 8;
        assert_eq!(inode.short_link(4096), None);
        // The block belongs to its attributes.
        inode.bytes[0x68] = 1;
        assert_eq!(inode.short_link(4096).as_deref(), Some(&b"boot"[..]));
        inode.size = 61;
        assert_eq!(inode.short_link(4096), None);
    }
}
