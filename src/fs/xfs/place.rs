//! Where the content of a file lies.

use std::ops::Range;

use super::content::Content;
use super::features;
use super::inode::Inode;
use super::medium::Medium;
use crate::disk::{Joined, Source};
use crate::fs::FsError;
use crate::fs::pieces::{MAP_BUDGET, Pieces, check_length};

/// # Errors
/// [`FsError::TooLarge`] for too many pieces, and what reading the map says.
fn pieces(medium: &Medium, inode: Inode) -> Result<Pieces, FsError> {
    let length = inode.size;
    let mut content = Content::new(medium, inode)?;
    medium.budget.allow(MAP_BUDGET);
    // Blocks of a map were looked at when it was read: all of them are there.
    let block_size = medium.superblock.block_size;
    let place = |physical: u64, _count| Ok(physical.saturating_mul(block_size));
    let find = &mut |at| content.find(at);
    Pieces::new(length, block_size, find, &place)
}

/// The content of `inode`, read from the volume without this filesystem.
///
/// # Errors
/// As [`pieces`].
pub(super) fn image(medium: &Medium, volume: &Source, inode: Inode) -> Result<Joined, FsError> {
    Ok(pieces(medium, inode)?.image(volume))
}

/// The byte ranges of the volume with the content of `inode`, in its order, neighbours joined. `log` is what
/// is wrong with the log of the filesystem.
///
/// # Errors
/// [`FsError::Unsupported`] where the content may not be changed there, [`FsError::TooLarge`] for more than
/// `limit` bytes, and what reading the map says.
pub(super) fn ranges(
    medium: &Medium,
    log: Option<&str>,
    inode: Inode,
    limit: u64,
) -> Result<Vec<Range<u64>>, FsError> {
    // A map that is still in the log may have given the blocks to another file.
    if let Some(problem) = log {
        return Err(FsError::Unsupported(problem.to_owned()));
    }
    if let Some(names) = features::read_only(medium.superblock.ro_compat) {
        return Err(FsError::Unsupported(format!(
            "nothing may be written with the XFS feature {names}"
        )));
    }
    if let Some(reason) = inode.protection() {
        return Err(FsError::Unsupported(reason.to_owned()));
    }
    check_length(inode.size, limit)?;
    pieces(medium, inode)?.ranges()
}
