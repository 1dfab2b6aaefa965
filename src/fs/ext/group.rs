//! Group descriptors: `Documentation/filesystems/ext4/group_descr.rst` of Linux.
//!
//! They are read when an inode is: how many groups a superblock promises costs nothing.

use super::checksum::crc16;
use super::features::{IS_64BIT, META_BG, SPARSE_SUPER, SPARSE_SUPER2};
use super::medium::Medium;
use super::superblock::{PLACE, Superblock};
use crate::disk::bytes::{le16, le32};
use crate::fs::FsError;

/// Where a descriptor has its checksum (`bg_checksum`).
const CHECKSUM: usize = 0x1e;

/// The block with which the inode table of a group begins.
///
/// # Errors
/// [`FsError::Corrupt`] for a group that there is not, and for a wrong checksum.
pub(super) fn inode_table(medium: &Medium, group: u64) -> Result<u64, FsError> {
    let superblock = &medium.superblock;
    let at = place(superblock, group).ok_or_else(|| {
        FsError::Corrupt(format!(
            "group {group} lies behind the end of the filesystem"
        ))
    })?;
    let mut descriptor = vec![0; usize::try_from(superblock.descriptor_size).unwrap_or_default()];
    medium.metadata(at, &mut descriptor)?;
    if !is_whole(superblock, group, &descriptor) {
        return Err(FsError::Corrupt(format!(
            "the descriptor of group {group} has a wrong checksum"
        )));
    }
    let low = le32(&descriptor, 0x8).unwrap_or_default();
    let high = match superblock.has(IS_64BIT) {
        true => le32(&descriptor, 0x28).unwrap_or_default(),
        false => 0,
    };
    Ok(u64::from(high) << 32 | u64::from(low))
}

/// Where the descriptor of a group is, in bytes (`descriptor_loc` in `fs/ext4/super.c`).
fn place(superblock: &Superblock, group: u64) -> Option<u64> {
    let first = first_block(superblock, group)?;
    if first >= superblock.blocks {
        return None;
    }
    let in_block = superblock
        .block_size
        .checked_div(superblock.descriptor_size)?;
    let (table, index) = (group.checked_div(in_block)?, group.checked_rem(in_block)?);
    let block = if superblock.has(META_BG) && table >= superblock.first_meta_bg {
        // The groups of this block of descriptors begin with it, behind a superblock if there is one.
        let group = table.checked_mul(in_block)?;
        let mut before = u64::from(has_superblock(superblock, group));
        // The first group has a boot block, too, which may or may not count as its first block.
        if superblock.block_size == PLACE && group == 0 && superblock.first_data_block == 0 {
            before = before.checked_add(1)?;
        }
        first_block(superblock, group)?.checked_add(before)?
    } else {
        let behind_superblock = PLACE.checked_div(superblock.block_size)?.checked_add(1)?;
        behind_superblock.checked_add(table)?
    };
    let inside = index.checked_mul(superblock.descriptor_size)?;
    block
        .checked_mul(superblock.block_size)?
        .checked_add(inside)
}

fn first_block(superblock: &Superblock, group: u64) -> Option<u64> {
    let blocks = group.checked_mul(superblock.blocks_per_group)?;
    blocks.checked_add(superblock.first_data_block)
}

/// Does a group begin with a copy of the superblock (`ext4_bg_has_super`)?
fn has_superblock(superblock: &Superblock, group: u64) -> bool {
    if group == 0 {
        return true;
    }
    if superblock.compat & SPARSE_SUPER2 != 0 {
        return superblock.backup_groups.map(u64::from).contains(&group);
    }
    superblock.ro_compat & SPARSE_SUPER == 0
        || group == 1
        || [3, 5, 7].iter().any(|base| is_power(group, *base))
}

/// Is it one of the powers of `base` but the first?
fn is_power(number: u64, base: u64) -> bool {
    let mut powers = std::iter::successors(Some(base), |power| power.checked_mul(base));
    powers.find(|power| *power >= number) == Some(number)
}

fn is_whole(superblock: &Superblock, group: u64, descriptor: &[u8]) -> bool {
    let number = u32::try_from(group).unwrap_or(u32::MAX).to_le_bytes();
    let stored = le16(descriptor, CHECKSUM).unwrap_or_default();
    if superblock.has_checksums() {
        let seed = superblock.seed.and(&number);
        let checksum = seed.and_around::<2>(descriptor, CHECKSUM);
        return u32::from(stored) == checksum.0 & 0xffff;
    }
    if superblock.has_group_checksums() {
        let before = descriptor.get(..CHECKSUM).unwrap_or_default();
        let after = descriptor
            .get(CHECKSUM.saturating_add(2)..)
            .unwrap_or_default();
        return stored == crc16(&[&superblock.uuid, &number, before, after]);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::superblock::tests::bytes;
    use super::*;

    fn superblock(fields: &[(usize, u32)]) -> Superblock {
        // A disk that could have so many blocks: only the superblock is looked at.
        Superblock::parse(&bytes(fields), u64::MAX).unwrap()
    }

    #[test]
    fn descriptors_are_where_the_kernel_looks_for_them() {
        let plain = superblock(&[(0x4, 1 << 24)]);
        assert_eq!(place(&plain, 0), Some(2048));
        assert_eq!(place(&plain, 33), Some(2048 + 33 * 32));
        assert_eq!(place(&plain, 1 << 11), None);
        // bigalloc with blocks of 1 KiB counts the boot block.
        let bigalloc = superblock(&[(0x4, 1 << 24), (0x14, 0)]);
        assert_eq!(place(&bigalloc, 0), Some(2048));
        let large = superblock(&[(0x4, 1 << 24), (0x14, 0), (0x18, 2)]);
        assert_eq!(place(&large, 0), Some(4096));
    }

    #[test]
    fn descriptors_that_lie_with_their_groups() {
        let fields = [(0x4, 1 << 24), (0x60, META_BG), (0x64, SPARSE_SUPER)];
        let meta = superblock(&fields);
        assert_eq!(place(&meta, 0), Some(2048));
        // 32 descriptors fit a block; group 32 has no superblock.
        assert_eq!(place(&meta, 33), Some((32 * 8192 + 1) * 1024 + 32));
        let everywhere = superblock(&fields[..2]);
        assert_eq!(place(&everywhere, 32), Some((32 * 8192 + 2) * 1024));
        let later = superblock(&[fields[0], fields[1], fields[2], (0x104, 2)]);
        assert_eq!(place(&later, 33), Some(3 * 1024 + 32));
        assert_eq!(place(&later, 64), Some((64 * 8192 + 1) * 1024));
        let boot_block_counts = superblock(&[fields[0], fields[1], (0x14, 0)]);
        assert_eq!(place(&boot_block_counts, 0), Some(2048));
    }

    #[test]
    fn groups_with_copies() {
        let sparse = superblock(&[(0x4, 1 << 24), (0x64, SPARSE_SUPER)]);
        let with: Vec<u64> = (0..130)
            .filter(|group| has_superblock(&sparse, *group))
            .collect();
        assert_eq!(with, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
        let two = superblock(&[(0x5c, SPARSE_SUPER2), (0x24c, 1), (0x250, 60)]);
        let with: Vec<u64> = (0..130)
            .filter(|group| has_superblock(&two, *group))
            .collect();
        assert_eq!(with, [0, 1, 60]);
    }
}
