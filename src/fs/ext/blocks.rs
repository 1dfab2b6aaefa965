//! Where the blocks of one inode are: `Documentation/filesystems/ext4/ifork.rst` of Linux.
//!
//! The crate opens files by their names, and a journal has none.

use std::io;

use super::superblock::{IS_64BIT, Superblock};
use crate::disk::ReadAt;
use crate::disk::bytes::{le16, le32};

/// The inode has extents (`EXT4_EXTENTS_FL`).
const EXTENTS_FLAG: u32 = 0x8_0000;

const EXTENT_MAGIC: u16 = 0xf30a;

/// Linux makes trees of at most this depth (`EXT4_MAX_EXTENT_DEPTH`).
const MAX_DEPTH: u16 = 5;

/// Blocks of the tree or of the table that are read: enough for a journal of 1 GiB in blocks of 1 KiB.
const MAX_READS: u32 = 5000;

/// Pieces of a journal, which is made in a few.
const MAX_RUNS: usize = 100_000;

/// Direct blocks of an inode without extents.
const DIRECT: usize = 12;

/// Blocks that lie one after the other, in the file and on the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    logical: u64,
    physical: u64,
    length: u64,
}

/// The blocks of a file.
#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<Run>);

impl Blocks {
    /// Reads the inode and what leads from it to the blocks.
    pub(super) fn of_inode(
        source: &dyn ReadAt,
        superblock: &Superblock,
        number: u64,
    ) -> io::Result<Blocks> {
        let block_size = superblock.block_size().ok_or_else(damaged)?;
        let inode = inode(source, superblock, block_size, number).ok_or_else(damaged)?;
        let i_flags = le32(&inode, 0x20).ok_or_else(damaged)?;
        let i_block = inode.get(0x28..0x28 + 60).ok_or_else(damaged)?;
        let mut reader = Reader {
            source,
            block_size,
            reads: 0,
            blocks: Blocks::default(),
        };
        if i_flags & EXTENTS_FLAG != 0 {
            reader.extents(i_block, MAX_DEPTH)?;
        } else {
            reader.table(i_block)?;
        }
        Ok(reader.blocks)
    }

    /// Where the block `logical` of the file is, as a block of the volume.
    pub(super) fn find(&self, logical: u64) -> Option<u64> {
        let after = self.0.partition_point(|run| run.logical <= logical);
        let run = self.0.get(after.checked_sub(1)?)?;
        let distance = logical.checked_sub(run.logical)?;
        (distance < run.length).then(|| run.physical.checked_add(distance))?
    }

    /// Adds blocks behind those that are known.
    fn push(&mut self, next: Run) {
        if let Some(last) = self.0.last_mut() {
            let ends = |at: u64| at.saturating_add(last.length);
            if ends(last.logical) == next.logical && ends(last.physical) == next.physical {
                last.length = last.length.saturating_add(next.length);
                return;
            }
        }
        self.0.push(next);
    }
}

/// The bytes of an inode of the first group, which has those that the filesystem needs for itself.
fn inode(
    source: &dyn ReadAt,
    superblock: &Superblock,
    block_size: u64,
    number: u64,
) -> Option<[u8; 128]> {
    let mut descriptor = [0; 64];
    let descriptors = superblock.first_data_block().checked_add(1)?;
    let at = descriptors.checked_mul(block_size)?;
    source.read_exact_at(at, &mut descriptor).ok()?;
    let low = u64::from(le32(&descriptor, 0x8)?);
    let high = match superblock.incompat() & IS_64BIT {
        0 => 0,
        _ => u64::from(le32(&descriptor, 0x28)?) << 32,
    };
    let index = number
        .checked_sub(1)?
        .checked_mul(superblock.inode_size())?;
    let at = (high | low).checked_mul(block_size)?.checked_add(index)?;
    let mut inode = [0; 128];
    source.read_exact_at(at, &mut inode).ok()?;
    Some(inode)
}

struct Reader<'a> {
    source: &'a dyn ReadAt,
    block_size: u64,
    reads: u32,
    blocks: Blocks,
}

impl Reader<'_> {
    /// A node of the tree, which may have `depth` more below it.
    fn extents(&mut self, node: &[u8], depth: u16) -> io::Result<()> {
        let (magic, entries, own) = (le16(node, 0), le16(node, 2), le16(node, 6));
        let own = own.filter(|own| *own <= depth).ok_or_else(damaged)?;
        if magic != Some(EXTENT_MAGIC) {
            return Err(damaged());
        }
        let entries = usize::from(entries.unwrap_or_default());
        for entry in node.as_chunks::<12>().0.iter().skip(1).take(entries) {
            let field = |at| le32(entry, at).unwrap_or_default();
            let half = |at| u64::from(le16(entry, at).unwrap_or_default());
            if own > 0 {
                let child = self.block(half(8) << 32 | u64::from(field(4)))?;
                self.extents(&child, own.saturating_sub(1))?;
            } else {
                self.blocks.push(Run {
                    logical: field(0).into(),
                    physical: half(6) << 32 | u64::from(field(8)),
                    length: half(4),
                });
            }
        }
        Ok(())
    }

    /// Twelve blocks, then one that holds numbers of blocks, one of such ones, and one of those.
    fn table(&mut self, i_block: &[u8]) -> io::Result<()> {
        let mut logical = 0;
        for (i, pointer) in i_block.as_chunks::<4>().0.iter().enumerate() {
            let levels = i.saturating_sub(DIRECT.saturating_sub(1));
            self.pointer(u32::from_le_bytes(*pointer), levels, &mut logical)?;
        }
        Ok(())
    }

    fn pointer(&mut self, pointer: u32, levels: usize, logical: &mut u64) -> io::Result<()> {
        if levels == 0 {
            if pointer != 0 {
                self.blocks.push(Run {
                    logical: *logical,
                    physical: pointer.into(),
                    length: 1,
                });
            }
            *logical = logical.saturating_add(1);
            return Ok(());
        }
        // A journal has no holes: where there is no table the file ends.
        if pointer == 0 {
            return Ok(());
        }
        let table = self.block(pointer.into())?;
        for pointer in table.as_chunks::<4>().0 {
            let below = levels.saturating_sub(1);
            self.pointer(u32::from_le_bytes(*pointer), below, logical)?;
        }
        Ok(())
    }

    fn block(&mut self, number: u64) -> io::Result<Vec<u8>> {
        self.reads = self.reads.saturating_add(1);
        let at = number.checked_mul(self.block_size);
        let within_limits = self.reads <= MAX_READS && self.blocks.0.len() <= MAX_RUNS;
        let at = at.filter(|_| within_limits).ok_or_else(damaged)?;
        let length = usize::try_from(self.block_size).map_err(|_| damaged())?;
        let mut block = vec![0; length];
        self.source.read_exact_at(at, &mut block)?;
        Ok(block)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its journal is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_joined_and_found() {
        let mut blocks = Blocks::default();
        for (logical, physical, length) in [(0, 100, 10), (10, 110, 5), (15, 300, 1), (20, 5, 2)] {
            blocks.push(Run {
                logical,
                physical,
                length,
            });
        }
        assert_eq!(blocks.0.len(), 3);
        let found = [0, 14, 15, 16, 19, 21, 22].map(|logical| blocks.find(logical));
        assert_eq!(
            found,
            [Some(100), Some(114), Some(300), None, None, Some(6), None]
        );
        assert_eq!(Blocks::default().find(0), None);
    }
}
