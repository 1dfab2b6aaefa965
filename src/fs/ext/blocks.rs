//! Where the blocks of a file are: `Documentation/filesystems/ext4/ifork.rst` of Linux.
//!
//! Of the map of a file only the leaf is read and kept that tells of the blocks in question.

use std::ops::Range;

use super::inode::Inode;
use super::medium::Medium;
use super::{extents, table};
use crate::fs::FsError;

/// Blocks that lie one after the other, in the file and on the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first, as a block of the file.
    pub(super) logical: u64,
    /// The same as a block of the volume.
    pub(super) physical: u64,
    pub(super) length: u64,
}

/// What one leaf of a map says: all blocks of the file in `range` are in its runs, or in no place at
/// all and read as zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Leaf {
    range: Range<u64>,
    runs: Vec<Run>,
}

/// Where a block is, and how many blocks from it on are in sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// `None` in a hole.
    pub(super) physical: Option<u64>,
    pub(super) length: u64,
}

impl Leaf {
    /// The leaf of the map of `inode` that tells of its block `logical`.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] for a map that contradicts itself, and what reading says.
    pub(super) fn of(medium: &Medium, inode: &Inode, logical: u64) -> Result<Leaf, FsError> {
        match inode.has_extents() {
            true => extents::leaf(medium, inode, logical),
            false => table::leaf(medium, inode, logical),
        }
    }

    /// Nothing is in this range yet.
    pub(super) fn hole(range: Range<u64>) -> Leaf {
        let runs = Vec::new();
        Leaf { range, runs }
    }

    /// Adds blocks behind those that are known.
    pub(super) fn push(&mut self, next: Run) {
        if let Some(last) = self.runs.last_mut() {
            let ends = |at: u64| at.saturating_add(last.length);
            if ends(last.logical) == next.logical && ends(last.physical) == next.physical {
                last.length = last.length.saturating_add(next.length);
                return;
            }
        }
        self.runs.push(next);
    }

    /// Where the block `logical` of the file is; `None` when another leaf knows.
    pub(super) fn find(&self, logical: u64) -> Option<Found> {
        if !self.range.contains(&logical) {
            return None;
        }
        let after = self.runs.partition_point(|run| run.logical <= logical);
        let run = after.checked_sub(1).and_then(|at| self.runs.get(at));
        let inside = run.and_then(|run| {
            let distance = logical.saturating_sub(run.logical);
            Some(Found {
                physical: Some(run.physical.saturating_add(distance)),
                length: run.length.checked_sub(distance).filter(|left| *left > 0)?,
            })
        });
        let next = self
            .runs
            .get(after)
            .map_or(self.range.end, |run| run.logical);
        Some(inside.unwrap_or(Found {
            physical: None,
            length: next.saturating_sub(logical),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_joined_and_found() {
        let mut leaf = Leaf::hole(0..30);
        for (logical, physical, length) in [(2, 100, 10), (12, 110, 5), (17, 300, 1), (20, 5, 2)] {
            leaf.push(Run {
                logical,
                physical,
                length,
            });
        }
        assert_eq!(leaf.runs.len(), 3);
        for (logical, physical, length) in [
            (0, None, 2),
            (2, Some(100), 15),
            (16, Some(114), 1),
            (17, Some(300), 1),
            (18, None, 2),
            (21, Some(6), 1),
            (22, None, 8),
        ] {
            let found = leaf.find(logical);
            assert_eq!(found, Some(Found { physical, length }), "{logical}");
        }
        assert_eq!(leaf.find(30), None);
        assert_eq!(Leaf::default().find(0), None);
    }
}
