//! Where the content of a file lies: for disks in files, and for the one that is written in place.

use std::ops::Range;

use super::content::Content;
use super::features;
use super::inode::Inode;
use super::medium::Medium;
use crate::disk::{Joined, Section, Source};
use crate::fs::FsError;
use crate::fs::budget::BUDGET;

/// A file in more pieces than this is not used as a disk.
const MAX_PIECES: usize = 65_536;

/// Bytes of a map that are read for a file that is used as a disk: the tables of ext2 have four bytes for
/// each block.
const MAP_BUDGET: u64 = 8 * BUDGET;

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

/// The pieces of the content in their order, neighbours joined, together as long as the file; `None`
/// where it is in its inode.
///
/// # Errors
/// [`FsError::Unsupported`] while the newest content is in the journal, [`FsError::TooLarge`] for too many
/// pieces, and what reading the map says.
fn pieces(medium: &Medium, inode: Inode) -> Result<Option<Vec<Piece>>, FsError> {
    let length = inode.size;
    let mut content = Content::new(medium, inode)?;
    if content.inline().is_some() {
        return Ok(None);
    }
    medium.budget.allow(MAP_BUDGET);
    let block_size = medium.superblock.block_size;
    let blocks = length.div_ceil(block_size);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut logical = 0_u64;
    // Each turn goes forward.
    while logical < blocks {
        let found = content.find(logical)?;
        let count = found.length.min(blocks.saturating_sub(logical));
        let at = logical.saturating_mul(block_size);
        let left = length.saturating_sub(at);
        let size = count.saturating_mul(block_size).min(left);
        let start = match found.physical {
            Some(physical) => {
                if medium.is_in_journal(physical..physical.saturating_add(count)) {
                    return Err(FsError::Unsupported(
                        "its content is in the journal, which was left dirty".to_owned(),
                    ));
                }
                Some(medium.place(physical, count)?)
            }
            None => None,
        };
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
    Ok(Some(pieces))
}

/// The content of `inode`, read from the volume without this filesystem; `None` where it has no place of
/// its own.
///
/// # Errors
/// As [`pieces`].
pub(super) fn image(
    medium: &Medium,
    volume: &Source,
    inode: Inode,
) -> Result<Option<Joined>, FsError> {
    let pieces = pieces(medium, inode)?;
    let section = |piece: Piece| match piece.start {
        Some(start) => Section::new(volume.clone(), start, piece.size),
        None => Section::new(Joined::zeros(piece.size), 0, piece.size),
    };
    Ok(pieces.map(|pieces| Joined::new(pieces.into_iter().map(section))))
}

/// The byte ranges of the volume with the content of `inode`, in its order, neighbours joined.
///
/// # Errors
/// [`FsError::Unsupported`] where the content has no place of its own or may not be changed there,
/// [`FsError::TooLarge`] for more than `limit` bytes, and what reading the map says.
pub(super) fn ranges(
    medium: &Medium,
    inode: Inode,
    limit: u64,
) -> Result<Vec<Range<u64>>, FsError> {
    let refuse = |reason: &str| Err(FsError::Unsupported(reason.to_owned()));
    if let Some(names) = features::read_only(medium.superblock.ro_compat) {
        return refuse(&format!(
            "nothing may be written with the ext4 feature {names}"
        ));
    }
    if let Some(reason) = inode.protection() {
        return refuse(reason);
    }
    let size = inode.size;
    if size > limit {
        return Err(FsError::TooLarge(format!(
            "{size} bytes where at most {limit} are written"
        )));
    }
    let Some(pieces) = pieces(medium, inode)? else {
        return refuse("its content is in its inode, which has a checksum");
    };
    let range = |piece: &Piece| {
        let start = piece.start?;
        Some(start..start.saturating_add(piece.size))
    };
    let ranges: Option<Vec<_>> = pieces.iter().map(range).collect();
    match ranges {
        Some(ranges) => Ok(ranges),
        None => refuse("it has a hole, or a part that nothing was written to"),
    }
}
