//! Where the content of a file lies as a whole: for disks in files, and for the one that is written in place.

use std::ops::Range;

use super::FsError;
use super::blocks::Found;
use super::budget::BUDGET;
use crate::disk::{Joined, Section, Source};

/// A file in more pieces than this is not used as a disk.
const MAX_PIECES: usize = 65_536;

/// Bytes of a map that are read for a file that is used as a disk: the tables of ext2 have four bytes for
/// each block.
pub(super) const MAP_BUDGET: u64 = 8 * BUDGET;

/// The pieces of a file in their order, neighbours joined, together as long as the file.
pub(super) struct Pieces(Vec<Piece>);

/// A piece of a file.
struct Piece {
    /// Where it begins on the volume, in bytes; `None` in a hole.
    start: Option<u64>,
    /// Its length in bytes.
    size: u64,
}

impl Piece {
    /// Does one that begins there belong to it?
    fn goes_on_at(&self, start: Option<u64>) -> bool {
        match (self.start, start) {
            (Some(before), Some(start)) => before.saturating_add(self.size) == start,
            (before, start) => before == start,
        }
    }
}

impl Pieces {
    /// Those of `length` bytes in blocks of `block_size`. `find` tells where a block of the file is, and
    /// `place` where a number of blocks of the volume begin, in bytes.
    ///
    /// # Errors
    /// [`FsError::TooLarge`] for too many pieces, and what `find` and `place` say.
    pub(super) fn new(
        length: u64,
        block_size: u64,
        find: &mut dyn FnMut(u64) -> Result<Found, FsError>,
        place: &dyn Fn(u64, u64) -> Result<u64, FsError>,
    ) -> Result<Pieces, FsError> {
        let blocks = length.div_ceil(block_size);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut logical = 0_u64;
        // Each turn goes forward.
        while logical < blocks {
            let found = find(logical)?;
            let count = found.length.min(blocks.saturating_sub(logical));
            let at = logical.saturating_mul(block_size);
            let left = length.saturating_sub(at);
            let size = count.saturating_mul(block_size).min(left);
            let start = found.physical.map(|physical| place(physical, count));
            let start = start.transpose()?;
            match pieces.last_mut().filter(|last| last.goes_on_at(start)) {
                Some(last) => last.size = last.size.saturating_add(size),
                None => pieces.push(Piece { start, size }),
            }
            if pieces.len() > MAX_PIECES {
                return Err(FsError::TooLarge(format!(
                    "it lies in more than {MAX_PIECES} places"
                )));
            }
            logical = logical.saturating_add(count);
        }
        Ok(Pieces(pieces))
    }

    /// The content, read from the volume without its filesystem.
    pub(super) fn image(self, volume: &Source) -> Joined {
        let section = |piece: Piece| match piece.start {
            Some(start) => Section::new(volume.clone(), start, piece.size),
            None => Section::new(Joined::zeros(piece.size), 0, piece.size),
        };
        Joined::new(self.0.into_iter().map(section))
    }

    /// The byte ranges of the volume.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] where a part has no place.
    pub(super) fn ranges(&self) -> Result<Vec<Range<u64>>, FsError> {
        let range = |piece: &Piece| {
            let start = piece.start?;
            Some(start..start.saturating_add(piece.size))
        };
        let ranges: Option<Vec<_>> = self.0.iter().map(range).collect();
        ranges.ok_or_else(|| {
            FsError::Unsupported("it has a hole, or a part that nothing was written to".to_owned())
        })
    }
}

/// A file that is written in place may have so many bytes.
///
/// # Errors
/// [`FsError::TooLarge`]
pub(super) fn check_length(length: u64, limit: u64) -> Result<(), FsError> {
    match length > limit {
        false => Ok(()),
        true => Err(FsError::TooLarge(format!(
            "{length} bytes where at most {limit} are written"
        ))),
    }
}
