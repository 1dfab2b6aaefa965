//! Copies of the superblock, for when the first one is damaged: a disk that loses power while it writes 1024 bytes may
//! have written one of two sectors.

use super::superblock::{LENGTH, Superblock};
use crate::disk::ReadAt;
use crate::disk::bytes::{le16, le32};

/// Groups that begin with a copy, with `sparse_super` and without (`ext4_bg_has_super`).
const GROUPS: [u64; 4] = [1, 3, 5, 7];

/// `s_log_block_size`: what is added to it makes the power of two of the smallest blocks.
const SHIFTS: std::ops::RangeInclusive<u32> = 0..=6;

/// Offsets in a superblock.
const LOG_BLOCK_SIZE: usize = 0x18;
const BLOCK_GROUP_NR: usize = 0x5a;
const UUID: std::ops::Range<usize> = 0x68..0x78;

/// The first copy that is whole, and the number of its group. `damaged` is the superblock whose UUID it has to have: a
/// filesystem that was here before may have left copies, too. Where groups are smaller than they can be, none is found.
pub(super) fn find(source: &dyn ReadAt, damaged: &[u8; LENGTH]) -> Option<(u64, Superblock)> {
    let places = SHIFTS.flat_map(|shift| GROUPS.map(|group| (shift, group)));
    places.into_iter().find_map(|(shift, group)| {
        let mut bytes = [0; LENGTH];
        source
            .read_exact_at(place(shift, group)?, &mut bytes)
            .ok()?;
        let is_it = le32(&bytes, LOG_BLOCK_SIZE) == Some(shift)
            && le16(&bytes, BLOCK_GROUP_NR).map(u64::from) == Some(group)
            && bytes.get(UUID) == damaged.get(UUID);
        let superblock = Superblock::parse(&bytes, source.size());
        Some((group, superblock.ok().filter(|_| is_it)?))
    })
}

/// Where a group begins that has as many blocks as one block has bits. Blocks of 1024 bytes count from behind the boot
/// block.
fn place(shift: u32, group: u64) -> Option<u64> {
    let block_size = 1024_u64.checked_shl(shift)?;
    let blocks = block_size.checked_mul(8)?.checked_mul(group)?;
    let first = u64::from(shift == 0);
    blocks.checked_add(first)?.checked_mul(block_size)
}
