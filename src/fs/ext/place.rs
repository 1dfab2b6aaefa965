//! Where the content of a file lies.

use std::ops::Range;

use super::content::Content;
use super::features;
use super::inode::Inode;
use super::medium::Medium;
use crate::disk::{Joined, Source};
use crate::fs::FsError;
use crate::fs::pieces::{MAP_BUDGET, Pieces, check_length};

/// The pieces of the content; `None` where it is in its inode.
///
/// # Errors
/// [`FsError::Unsupported`] while the newest content is in the journal, [`FsError::TooLarge`] for too many
/// pieces, and what reading the map says.
fn pieces(medium: &Medium, inode: Inode) -> Result<Option<Pieces>, FsError> {
    let length = inode.size;
    let mut content = Content::new(medium, inode)?;
    if content.inline().is_some() {
        return Ok(None);
    }
    medium.budget.allow(MAP_BUDGET);
    let block_size = medium.superblock.block_size;
    let place = |physical: u64, count| {
        if medium.is_in_journal(physical..physical.saturating_add(count)) {
            return Err(FsError::Unsupported(
                "its content is in the journal, which was left dirty".to_owned(),
            ));
        }
        medium.place(physical, count)
    };
    let find = &mut |at| content.find(at);
    Pieces::new(length, block_size, find, &place).map(Some)
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
    Ok(pieces.map(|pieces| pieces.image(volume)))
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
    check_length(inode.size, limit)?;
    match pieces(medium, inode)? {
        Some(pieces) => pieces.ranges(),
        None => refuse("its content is in its inode, which has a checksum"),
    }
}
