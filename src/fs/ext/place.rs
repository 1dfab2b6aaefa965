//! Where the content of a file lies, for the one that is written in place.

use std::ops::Range;

use super::content::Content;
use super::features;
use super::inode::Inode;
use super::medium::{BUDGET, Medium};
use crate::fs::FsError;

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
    let mut content = Content::new(medium, inode)?;
    if content.inline().is_some() {
        return refuse("its content is in its inode, which has a checksum");
    }
    medium.allow(BUDGET);
    let block_size = medium.superblock.block_size;
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for logical in 0..size.div_ceil(block_size) {
        let Some(physical) = content.find(logical)?.physical else {
            return refuse("it has a hole, or a part that nothing was written to");
        };
        if medium.is_in_journal(physical..physical.saturating_add(1)) {
            return refuse("its content is in the journal, which was left dirty");
        }
        let start = medium.place(physical, 1)?;
        let left = size.saturating_sub(logical.saturating_mul(block_size));
        let end = start.saturating_add(left.min(block_size));
        match ranges.last_mut().filter(|last| last.end == start) {
            Some(last) => last.end = end,
            None => ranges.push(start..end),
        }
    }
    Ok(ranges)
}
