//! Where the blocks of a file are: `struct xfs_bmbt_rec` and the tree of them, in
//! `fs/xfs/libxfs/xfs_format.h` of Linux.

use std::ops::Range;

use super::inode::{Format, Inode};
use super::medium::{Medium, Seal};
use super::superblock::Superblock;
use crate::disk::bytes::{be16, be64};
use crate::fs::FsError;
use crate::fs::blocks::{Leaf, Run};

/// Length of an extent, and of a key with its pointer in a node above.
const ENTRY: usize = 16;
const KEY: usize = 8;

/// Linux makes trees of at most this height (`XFS_BM_MAXLEVELS`, for the most extents in the smallest
/// blocks).
const MAX_LEVEL: u16 = 12;

/// What is before the entries of a root and of other nodes, by version.
const ROOT_HEAD: usize = 4;
const HEAD_V4: usize = 24;
const HEAD_V5: usize = 72;

const SEAL: Seal = Seal {
    checksum: 64,
    uuid: 40,
    owner: 56,
};

/// The leaf of the map of `inode` that tells of its block `logical`.
///
/// Each step goes one level down, and what it finds lies in the range that the step before had: so it
/// ends, whatever the blocks hold.
///
/// # Errors
/// [`FsError::Corrupt`] for a map that contradicts itself, and what reading says.
pub(super) fn leaf(medium: &Medium, inode: &Inode, logical: u64) -> Result<Leaf, FsError> {
    let superblock = &medium.superblock;
    let fork = inode.fork();
    let everything = 0..u64::MAX;
    match inode.format {
        Format::Extents => {
            let length = usize::try_from(inode.extents)
                .ok()
                .and_then(|count| count.checked_mul(ENTRY));
            let entries = length.and_then(|length| fork.get(..length));
            let entries = entries.ok_or_else(|| inode.damaged("has more extents than fit"))?;
            return runs(superblock, entries, everything).map_err(|text| inode.damaged(text));
        }
        Format::Tree => {}
        Format::Local | Format::Other => return Err(inode.damaged("has no map")),
    }
    let mut level = be16(fork, 0).unwrap_or_default();
    if !(1..=MAX_LEVEL).contains(&level) {
        return Err(inode.damaged("has a map of an impossible height"));
    }
    let count = be16(fork, 2).unwrap_or_default();
    let node = fork.get(ROOT_HEAD..).unwrap_or_default();
    let mut next = child(node, count, logical, everything);
    let head = if superblock.is_v5 { HEAD_V5 } else { HEAD_V4 };
    let mut block = vec![0; usize::try_from(superblock.block_size).unwrap_or_default()];
    loop {
        let (pointer, range) = match next.map_err(|text| inode.damaged(text))? {
            Child::Node(pointer, range) => (pointer, range),
            Child::Hole(range) => return Ok(Leaf::hole(range)),
        };
        let place = superblock.block(pointer, 1)?;
        medium.metadata(place.saturating_mul(superblock.block_size), &mut block)?;
        level = level.saturating_sub(1);
        let magic: &[u8] = if superblock.is_v5 { b"BMA3" } else { b"BMAP" };
        if !block.starts_with(magic) || be16(&block, 4) != Some(level) {
            return Err(inode.damaged("has a map whose levels contradict each other"));
        }
        if !medium.is_whole(&block, &SEAL, inode.number) {
            return Err(inode.damaged("has a map with a wrong checksum or owner"));
        }
        let count = be16(&block, 6).unwrap_or_default();
        let node = block.get(head..).unwrap_or_default();
        if level == 0 {
            let entries = node.get(..usize::from(count).saturating_mul(ENTRY));
            let entries = entries.ok_or_else(|| inode.damaged("has more extents than fit"))?;
            return runs(superblock, entries, range).map_err(|text| inode.damaged(text));
        }
        next = child(node, count, logical, range);
    }
}

/// What a node says of a block.
enum Child {
    /// This block tells more, of blocks in this range.
    Node(u64, Range<u64>),
    /// Nobody does.
    Hole(Range<u64>),
}

/// Looks up `logical` in the `count` keys of a node that tells of `range`: first come all keys, behind
/// the places for more of them all pointers.
fn child(node: &[u8], count: u16, logical: u64, range: Range<u64>) -> Result<Child, &'static str> {
    let room = node.len().checked_div(ENTRY).unwrap_or_default();
    let (keys, pointers) = node
        .split_at_checked(room.saturating_mul(KEY))
        .unwrap_or_default();
    let keys = keys.as_chunks::<KEY>().0.get(..count.into());
    let keys = keys.ok_or("has a map with more entries than fit")?;
    let mut found = None;
    let mut end = range.end;
    let mut least = range.start;
    for (index, key) in keys.iter().enumerate() {
        let first = u64::from_be_bytes(*key);
        if first < least || first >= range.end {
            return Err("has a map whose entries are not in order");
        }
        least = first.saturating_add(1);
        if first <= logical {
            found = Some((index, first));
        } else if end == range.end {
            end = first;
        }
    }
    let Some((index, first)) = found else {
        return Ok(Child::Hole(range.start..end));
    };
    let pointer = be64(pointers, index.saturating_mul(KEY)).unwrap_or_default();
    Ok(Child::Node(pointer, first..end))
}

/// What extents say of the blocks in `range`.
fn runs(superblock: &Superblock, entries: &[u8], range: Range<u64>) -> Result<Leaf, &'static str> {
    let mut free = range.start;
    let end = range.end;
    let mut leaf = Leaf::hole(range);
    for entry in entries.as_chunks::<ENTRY>().0 {
        // From the top: 1 bit that nothing was written yet, 54 of the first block of the file, 52 of
        // the volume, 21 of the length.
        let bits = u128::from_be_bytes(*entry);
        let field = |low: u32, length: u32| {
            let mask = u64::MAX >> u64::BITS.saturating_sub(length);
            let shifted = bits.checked_shr(low).unwrap_or_default();
            u64::try_from(shifted & u128::from(mask)).unwrap_or_default()
        };
        let (is_unwritten, logical) = (field(127, 1) == 1, field(73, 54));
        let (number, length) = (field(21, 52), field(0, 21));
        let after = logical.saturating_add(length);
        if length == 0 || logical < free || after > end {
            return Err("has extents that overlap or are empty");
        }
        free = after;
        let physical = superblock.block(number, length);
        let physical = physical.map_err(|_| "has an extent that leaves the volume")?;
        if !is_unwritten {
            leaf.push(Run {
                logical,
                physical,
                length,
            });
        }
    }
    Ok(leaf)
}

#[cfg(test)]
mod tests {
    use super::super::superblock::tests::superblock;
    use super::*;
    use crate::fs::blocks::Found;

    fn extent(unwritten: bool, logical: u64, physical: u64, length: u64) -> [u8; ENTRY] {
        let bits = u128::from(unwritten) << 127
            | u128::from(logical) << 73
            | u128::from(physical) << 21
            | u128::from(length);
        bits.to_be_bytes()
    }

    #[test]
    fn extents_and_what_is_between_them() {
        let entries = [
            extent(false, 2, 64, 3),
            extent(true, 5, 10, 2),
            extent(false, 1 << 50, 1, 1),
        ];
        let leaf = runs(&superblock(), entries.as_flattened(), 1..u64::MAX).unwrap();
        for (logical, physical, length) in [
            (1, None, 1),
            (3, Some(41), 2),
            (5, None, (1 << 50) - 5),
            (1 << 50, Some(1), 1),
        ] {
            let found = leaf.find(logical).unwrap();
            assert_eq!(found, Found { physical, length }, "{logical}");
        }
    }

    #[test]
    fn extents_that_lie() {
        for entries in [
            vec![extent(false, 2, 1, 0)],
            vec![extent(false, 0, 1, 1)],
            vec![extent(false, 2, 1, 3), extent(false, 4, 1, 1)],
            vec![extent(false, 98, 1, 3)],
            vec![extent(false, 2, 39, 2)],
            vec![extent(true, 2, 1 << 51, 1)],
        ] {
            let result = runs(&superblock(), entries.as_flattened(), 1..100);
            assert!(result.is_err(), "{entries:?}");
        }
    }

    /// A node with room for three entries.
    fn node(keys: [u64; 3]) -> Vec<u8> {
        let pointers = [70, 80, 90];
        let numbers = keys.into_iter().chain(pointers);
        numbers.flat_map(u64::to_be_bytes).collect()
    }

    #[test]
    fn the_way_down() {
        let ask = |count, logical| match child(&node([10, 20, 30]), count, logical, 5..40).unwrap()
        {
            Child::Node(pointer, range) => (pointer, range),
            Child::Hole(range) => (0, range),
        };
        assert_eq!(ask(3, 7), (0, 5..10));
        assert_eq!(ask(3, 10), (70, 10..20));
        assert_eq!(ask(3, 39), (90, 30..40));
        assert_eq!(ask(2, 39), (80, 20..40));
        assert_eq!(ask(0, 10), (0, 5..40));
    }

    #[test]
    fn nodes_that_lie() {
        for (keys, count) in [
            ([10, 20, 30], 4),
            ([10, 20, 30], u16::MAX),
            ([10, 10, 30], 3),
            ([20, 10, 30], 3),
            ([4, 10, 30], 3),
            ([10, 20, 40], 3),
        ] {
            assert!(child(&node(keys), count, 15, 5..40).is_err(), "{keys:?}");
        }
        assert!(child(&[0; 7], 1, 15, 5..40).is_err());
    }
}
