//! Where symbolic links lead: `struct xfs_dsymlink_hdr` in `fs/xfs/libxfs/xfs_format.h` of Linux.

use super::content::Content;
use super::inode::{Format, Inode};
use super::medium::{Medium, Seal};
use crate::fs::FsError;

/// The longest target (`XFS_SYMLINK_MAXLEN`).
const MAX_TARGET: u64 = 1024;

/// What is before each part of a target, with version 5.
const HEAD: usize = 56;

const SEAL: Seal = Seal {
    checksum: 12,
    uuid: 16,
    owner: 32,
};

/// The target of `link`: in its inode, or in up to three extents.
///
/// # Errors
/// [`FsError::Corrupt`] for one that can't be, and what reading says.
pub(super) fn target(medium: &Medium, link: Inode) -> Result<Vec<u8>, FsError> {
    let length = match link.size {
        length @ 1..=MAX_TARGET => usize::try_from(length).unwrap_or_default(),
        length => return Err(link.damaged(&format!("is a symbolic link of {length} bytes"))),
    };
    if link.format == Format::Local {
        let target = link.fork().get(..length);
        return target
            .map(<[u8]>::to_vec)
            .ok_or_else(|| link.damaged("is a symbolic link that is longer than its inode"));
    }
    let head = if medium.superblock.is_v5 { HEAD } else { 0 };
    let block_size = medium.superblock.block_size;
    let block = usize::try_from(block_size).unwrap_or_default();
    let mut content = Content::new(medium, link)?;
    let mut target = Vec::new();
    let mut logical = 0_u64;
    // Each turn adds a part that is not empty, since a block is longer than a head.
    while let Some(left) = length.checked_sub(target.len()).filter(|left| *left > 0) {
        let blocks = left.div_ceil(block.saturating_sub(head).max(1));
        let found = content.find(logical)?;
        let count = found.length.min(blocks as u64);
        let part = usize::try_from(count)
            .unwrap_or_default()
            .saturating_mul(block);
        let mut bytes = vec![0; part];
        content.metadata(logical.saturating_mul(block_size), &mut bytes)?;
        if !medium.is_whole(&bytes, &SEAL, content.inode.number) {
            let text = "is a symbolic link with a wrong checksum or owner";
            return Err(content.inode.damaged(text));
        }
        let body = bytes.get(head..).unwrap_or_default();
        target.extend(body.iter().take(left));
        logical = logical.saturating_add(count);
    }
    Ok(target)
}
