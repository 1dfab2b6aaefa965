//! Maps of extents: `Documentation/filesystems/ext4/ifork.rst` of Linux, "Extent Tree".

use std::ops::Range;

use super::inode::Inode;
use super::medium::Medium;
use crate::disk::bytes::{le16, le32};
use crate::fs::FsError;
use crate::fs::blocks::{Leaf, Run};

const MAGIC: u16 = 0xf30a;

/// Linux makes trees of at most this depth (`EXT4_MAX_EXTENT_DEPTH`).
const MAX_DEPTH: u16 = 5;

/// Length of the header and of each entry.
const ENTRY: usize = 12;

/// Blocks of a file have numbers of 32 bits.
const BLOCKS: u64 = 1 << 32;

/// The longest extent; a greater length stands for one that nothing was written to yet.
const MAX_LENGTH: u64 = 1 << 15;

/// The leaf that tells of the block `logical`.
///
/// Each step goes one level down, and what it finds lies in the range that the step before had: so it
/// ends, whatever the blocks hold.
pub(super) fn leaf(medium: &Medium, inode: &Inode, logical: u64) -> Result<Leaf, FsError> {
    if logical >= BLOCKS {
        return Ok(Leaf::hole(BLOCKS..u64::MAX));
    }
    let mut range = 0..BLOCKS;
    let mut block = inode.i_block().to_vec();
    let mut depth = le16(&block, 6).unwrap_or_default();
    if depth > MAX_DEPTH {
        return Err(inode.damaged("has a map that is too deep"));
    }
    loop {
        let node = Node::new(&block, depth, range).map_err(|text| inode.damaged(text))?;
        let Some(below) = depth.checked_sub(1) else {
            let leaf = node.leaf(medium.superblock.blocks);
            return leaf.map_err(|text| inode.damaged(text));
        };
        let child = match node.child(logical) {
            Ok(child) => child,
            Err(hole) => return Ok(Leaf::hole(hole)),
        };
        block = medium.block(child.0)?;
        if medium.superblock.has_checksums() && !is_whole(&block, inode) {
            return Err(inode.damaged("has a block of extents with a wrong checksum"));
        }
        (range, depth) = (child.1, below);
    }
}

/// One node of the tree, its entries in order and inside `range`.
struct Node<'a> {
    entries: &'a [[u8; ENTRY]],
    range: Range<u64>,
}

impl<'a> Node<'a> {
    fn new(block: &'a [u8], depth: u16, range: Range<u64>) -> Result<Node<'a>, &'static str> {
        let field = |at| le16(block, at).unwrap_or_default();
        if field(0) != MAGIC {
            return Err("has a map without its magic number");
        }
        if field(6) != depth {
            return Err("has a map whose levels contradict each other");
        }
        let (count, max) = (usize::from(field(2)), usize::from(field(4)));
        let all = block.as_chunks::<ENTRY>().0.get(1..).unwrap_or_default();
        let entries = all
            .get(..count)
            .filter(|_| count <= max && max <= all.len());
        let entries = entries.ok_or("has a map with more entries than fit")?;
        let mut least = range.start;
        for entry in entries {
            let first = first(entry);
            if first < least || first >= range.end {
                return Err("has a map whose entries are not in order");
            }
            least = first.saturating_add(1);
        }
        Ok(Node { entries, range })
    }

    /// The block that tells more of `logical`, and of which blocks it tells; otherwise the hole in
    /// which it lies.
    fn child(&self, logical: u64) -> Result<(u64, Range<u64>), Range<u64>> {
        let after = self
            .entries
            .partition_point(|entry| first(entry) <= logical);
        let end = self.entries.get(after).map_or(self.range.end, first);
        let entry = after.checked_sub(1).and_then(|at| self.entries.get(at));
        let entry = entry.ok_or(self.range.start..end)?;
        let low = le32(entry, 4).unwrap_or_default();
        let high = le16(entry, 8).unwrap_or_default();
        Ok((u64::from(high) << 32 | u64::from(low), first(entry)..end))
    }

    /// What a node of the lowest level says, on a volume of so many blocks.
    fn leaf(&self, blocks: u64) -> Result<Leaf, &'static str> {
        let mut leaf = Leaf::hole(self.range.clone());
        let mut free = self.range.start;
        for entry in self.entries {
            let logical = first(entry);
            let stored = u64::from(le16(entry, 4).unwrap_or_default());
            let (length, written) = match stored.checked_sub(MAX_LENGTH) {
                None | Some(0) => (stored, true),
                Some(length) => (length, false),
            };
            let end = logical.saturating_add(length);
            if length == 0 || logical < free || end > self.range.end {
                return Err("has extents that overlap or are empty");
            }
            free = end;
            let low = le32(entry, 8).unwrap_or_default();
            let high = le16(entry, 6).unwrap_or_default();
            let physical = u64::from(high) << 32 | u64::from(low);
            if physical == 0 || physical.saturating_add(length) > blocks {
                return Err("has an extent that leaves the volume");
            }
            if written {
                leaf.push(Run {
                    logical,
                    physical,
                    length,
                });
            }
        }
        Ok(leaf)
    }
}

/// The block of the file with which an entry begins.
fn first(entry: &[u8; ENTRY]) -> u64 {
    le32(entry, 0).unwrap_or_default().into()
}

/// The checksum stands behind the last entry that there is room for.
fn is_whole(block: &[u8], inode: &Inode) -> bool {
    let max = usize::from(le16(block, 4).unwrap_or_default());
    let at = max.saturating_add(1).saturating_mul(ENTRY);
    let covered = block.get(..at).map(|covered| inode.seed.and(covered).0);
    covered.is_some() && covered == le32(block, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::blocks::Found;

    fn node(count: u16, depth: u16, entries: &[(u32, u32)]) -> Vec<u8> {
        let mut block = Vec::new();
        for field in [MAGIC, count, 4, depth, 0, 0] {
            block.extend(field.to_le_bytes());
        }
        for (logical, second) in entries {
            for field in [*logical, *second, 0] {
                block.extend(field.to_le_bytes());
            }
        }
        block.resize(60, 0);
        block
    }

    #[test]
    fn finds_the_child_and_its_range() {
        let block = node(2, 1, &[(10, 500), (20, 600)]);
        let node = Node::new(&block, 1, 5..100).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(node.child(7), Err(5..10));
        assert_eq!(node.child(10), Ok((500, 10..20)));
        assert_eq!(node.child(99), Ok((600, 20..100)));
    }

    #[test]
    fn a_node_that_contradicts_itself() {
        let refused = |block: &[u8], depth, range| Node::new(block, depth, range).err();
        let good = node(2, 1, &[(10, 500), (20, 600)]);
        assert_eq!(refused(&good, 1, 0..100), None);
        assert!(refused(&good, 2, 0..100).is_some());
        assert!(refused(&good, 1, 11..100).is_some());
        assert!(refused(&good, 1, 0..20).is_some());
        assert!(refused(&good[..30], 1, 0..100).is_some());
        assert!(refused(&node(5, 1, &[]), 1, 0..100).is_some());
        assert!(refused(&node(2, 1, &[(10, 1), (10, 2)]), 1, 0..100).is_some());
        assert!(refused(&[0; 60], 0, 0..100).is_some());
        assert!(refused(&[], 0, 0..100).is_some());
    }

    #[test]
    fn lengths_say_what_was_written() {
        // A leaf with one extent of this length at block 7 of the file.
        let leaf = |stored: u32, physical: u32| {
            let mut block = node(1, 0, &[(7, stored)]);
            block[20..24].copy_from_slice(&physical.to_le_bytes());
            let node = Node::new(&block, 0, 0..50_000).unwrap_or_else(|e| panic!("{e}"));
            node.leaf(1 << 20)
        };
        let found = |stored, at| leaf(stored, 100).unwrap().find(at).unwrap();
        let (some, none) = (Some(100), None);
        for (stored, at, physical, length) in [
            (1, 7, some, 1),
            (1, 8, none, 49_992),
            (32_768, 7, some, 32_768),
            (32_769, 7, none, 49_993),
            (65_535, 7, none, 49_993),
        ] {
            let expected = Found { physical, length };
            assert_eq!(found(stored, at), expected, "{stored}");
        }
        assert!(leaf(0, 100).is_err());
        assert!(leaf(1, 0).is_err());
        assert!(leaf(1, 1 << 20).is_err());
        assert!(leaf(32_769, 1 << 20).is_err());
    }
}
