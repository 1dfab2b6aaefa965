//! Where the blocks of a file are, in filesystems that keep files in blocks of one size.
//!
//! Of the map of a file only the leaf is read and kept that tells of the blocks in question.

use std::ops::Range;

use super::FsError;

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

/// Fills bytes with what is on the volume from a place on.
type ReadBytes<'a> = dyn Fn(u64, &mut [u8]) -> Result<(), FsError> + 'a;

/// Fills `buf` with the content of a file from `offset` on. `find` tells where a block of the file is, and
/// `read` reads bytes of the volume; blocks in sequence are one read, and holes are zeros.
///
/// # Errors
/// What `find` and `read` say.
pub(super) fn read(
    block_size: u64,
    offset: u64,
    buf: &mut [u8],
    find: &mut dyn FnMut(u64) -> Result<Found, FsError>,
    read: &ReadBytes<'_>,
) -> Result<(), FsError> {
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(done as u64);
        // A power of two.
        let inside = at & block_size.saturating_sub(1);
        let found = find(at.checked_div(block_size).unwrap_or_default())?;
        let available = found
            .length
            .saturating_mul(block_size)
            .saturating_sub(inside);
        let n = usize::try_from(available).map_or(rest.len(), |n| n.min(rest.len()));
        let target = rest.get_mut(..n).unwrap_or_default();
        match found.physical {
            None => target.fill(0),
            Some(physical) => {
                let place = physical.saturating_mul(block_size).saturating_add(inside);
                read(place, target)?;
            }
        }
        done = done.saturating_add(n);
    }
    Ok(())
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
