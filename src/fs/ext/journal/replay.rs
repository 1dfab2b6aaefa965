//! What a journal changes, without writing it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use super::MAGIC;
use crate::disk::ReadAt;

/// The newest content of blocks that the kernel would write back.
#[derive(Default)]
pub(in crate::fs::ext) struct Replay {
    block_size: u64,
    /// For each block, the block of the volume that has its content.
    moved: BTreeMap<u64, Newest>,
}

/// Where the content of a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Newest {
    /// The block of the volume that holds it.
    pub(super) block: u64,
    /// It begins with the magic number of the journal, which is not written there.
    pub(super) escaped: bool,
}

impl Replay {
    /// Of blocks of `block_size` bytes.
    pub(super) fn new(block_size: u64, moved: BTreeMap<u64, Newest>) -> Replay {
        Replay { block_size, moved }
    }

    /// Is one of these blocks among those that would be written back?
    pub(in crate::fs::ext) fn has(&self, blocks: Range<u64>) -> bool {
        !blocks.is_empty() && self.moved.range(blocks).next().is_some()
    }

    /// Reads as if the journal had been written back.
    pub(in crate::fs::ext) fn read_exact_at(
        &self,
        source: &dyn ReadAt,
        offset: u64,
        buf: &mut [u8],
    ) -> io::Result<()> {
        source.read_exact_at(offset, buf)?;
        let Some(first) = offset.checked_div(self.block_size) else {
            return Ok(());
        };
        let end = offset.saturating_add(buf.len() as u64);
        let last = end.div_ceil(self.block_size);
        for (block, newest) in self.moved.range(first..last.max(first)) {
            let start = block.saturating_mul(self.block_size);
            let (from, to) = (
                start.max(offset),
                start.saturating_add(self.block_size).min(end),
            );
            let range = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
            let Some(target) = buf.get_mut(range(from)..range(to)) else {
                continue;
            };
            let inside = from.saturating_sub(start);
            let place = newest.block.saturating_mul(self.block_size);
            source.read_exact_at(place.saturating_add(inside), target)?;
            if newest.escaped {
                // The block began with the magic number, which in the journal is written as zero.
                let magic = MAGIC.to_be_bytes();
                let skip = usize::try_from(inside).unwrap_or(usize::MAX);
                for (byte, own) in target.iter_mut().zip(magic.iter().skip(skip)) {
                    *byte = *own;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemorySource;

    #[test]
    fn reads_parts_of_moved_blocks() {
        let mut bytes = vec![1; 4096];
        bytes[2048..3072].fill(2);
        bytes[3072..].fill(3);
        let source = MemorySource::new(bytes);
        let newest = |block, escaped| Newest { block, escaped };
        let moved = [(0, newest(2, false)), (1, newest(3, true))];
        let replay = Replay::new(1024, moved.into());
        assert!(replay.has(0..1) && replay.has(1..9));
        assert!(!replay.has(2..9) && !replay.has(1..1));
        let mut all = vec![0; 4096];
        replay.read_exact_at(&source, 0, &mut all).unwrap();
        assert_eq!(all[..1024], [2; 1024]);
        assert_eq!(all[1024..1028], MAGIC.to_be_bytes());
        assert_eq!(all[1028..2048], [3; 1020]);
        assert_eq!(all[2048..3072], [2; 1024]);
        for (offset, length) in [(1000, 100), (1025, 1), (1026, 3000), (2048, 5), (1020, 6)] {
            let mut part = vec![0; length];
            replay
                .read_exact_at(&source, offset as u64, &mut part)
                .unwrap();
            assert_eq!(part, all[offset..offset + length], "{length} at {offset}");
        }
    }
}
