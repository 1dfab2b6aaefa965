//! Maps of single blocks, of ext2 and ext3: `Documentation/filesystems/ext4/blockmap.rst` of Linux.

use super::inode::Inode;
use super::medium::Medium;
use crate::fs::FsError;
use crate::fs::blocks::{Leaf, Run};

/// Blocks that `i_block` names itself; behind them are a table, a table of tables, and one of those.
const DIRECT: usize = 12;

/// The leaf that tells of the block `logical`: the direct blocks, one table of the lowest level, or a
/// hole as large as the table that is missing.
pub(super) fn leaf(medium: &Medium, inode: &Inode, logical: u64) -> Result<Leaf, FsError> {
    let i_block = inode.i_block();
    let (direct, tables) = i_block.as_chunks::<4>().0.split_at(DIRECT);
    let mut start = 0_u64;
    let mut end = DIRECT as u64;
    if logical < end {
        return runs(medium, inode, direct, start);
    }
    // Blocks that a table of the level tells of: at most 2¹⁴ to the third.
    let in_table = medium.superblock.block_size / 4;
    let mut covers = 1_u64;
    for (level, root) in tables.iter().enumerate() {
        covers = covers.saturating_mul(in_table);
        start = end;
        end = end.saturating_add(covers);
        if logical < end {
            let mut pointer = u32::from_le_bytes(*root);
            // Down to the table of the lowest level.
            for _ in 0..level {
                if pointer == 0 {
                    break;
                }
                covers = covers.checked_div(in_table).unwrap_or(1);
                let index = logical
                    .saturating_sub(start)
                    .checked_div(covers)
                    .unwrap_or_default();
                start = start.saturating_add(index.saturating_mul(covers));
                let table = medium.block(pointer.into())?;
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                let entry = table.as_chunks::<4>().0.get(index).copied();
                pointer = u32::from_le_bytes(entry.unwrap_or_default());
            }
            if pointer == 0 {
                return Ok(Leaf::hole(start..start.saturating_add(covers)));
            }
            let table = medium.block(pointer.into())?;
            return runs(medium, inode, table.as_chunks::<4>().0, start);
        }
    }
    Ok(Leaf::hole(end..u64::MAX))
}

/// What these pointers say of the blocks from `start` on; 0 is a hole.
fn runs(medium: &Medium, inode: &Inode, pointers: &[[u8; 4]], start: u64) -> Result<Leaf, FsError> {
    let mut leaf = Leaf::hole(start..start.saturating_add(pointers.len() as u64));
    for (logical, pointer) in (start..).zip(pointers) {
        let physical = u64::from(u32::from_le_bytes(*pointer));
        if physical == 0 {
            continue;
        }
        if medium.place(physical, 1).is_err() {
            return Err(inode.damaged("has a block that leaves the volume"));
        }
        leaf.push(Run {
            logical,
            physical,
            length: 1,
        });
    }
    Ok(leaf)
}
