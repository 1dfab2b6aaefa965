//! From a path to an inode.

use super::content::Content;
use super::directory;
use super::inode::{Inode, ROOT};
use super::medium::{BUDGET, Medium};
use crate::fs::{FileKind, FsError, FsPath};

/// Links that are followed on one way, as in Linux (`MAXSYMLINKS`).
const MAX_LINKS: u32 = 40;

/// The longest target of a link (`PATH_MAX`).
const MAX_TARGET: u64 = 4096;

/// What `path` leads to. Links begin at the root of this filesystem or where they are, and `..` of the
/// root is the root: no way leads out.
///
/// # Errors
/// [`FsError::NotFound`], [`FsError::NotADirectory`], [`FsError::Corrupt`] for too many links, and what
/// reading says.
pub(super) fn find(medium: &Medium, path: &FsPath) -> Result<Inode, FsError> {
    medium.allow(BUDGET);
    let mut above: Vec<u32> = Vec::new();
    let mut here = Inode::read(medium, ROOT)?;
    // What is still to be looked up, the next one at the end.
    let mut names: Vec<Vec<u8>> = path
        .components()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    names.reverse();
    let mut links = MAX_LINKS;
    while let Some(name) = names.pop() {
        if here.kind != FileKind::Directory {
            return Err(FsError::NotADirectory);
        }
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                if let Some(number) = above.pop() {
                    here = Inode::read(medium, number)?;
                }
                continue;
            }
            _ => {}
        }
        let number = directory::find(medium, &here, &name)?.ok_or(FsError::NotFound)?;
        let next = Inode::read(medium, number)?;
        if next.kind != FileKind::Symlink {
            above.push(here.number);
            here = next;
            continue;
        }
        links = links.checked_sub(1).ok_or_else(|| {
            FsError::Corrupt(format!("more than {MAX_LINKS} symbolic links on the way"))
        })?;
        let target = target(medium, next)?;
        if target.first() == Some(&b'/') {
            above.clear();
            here = Inode::read(medium, ROOT)?;
        }
        names.extend(target.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
    }
    Ok(here)
}

/// Where a link leads.
fn target(medium: &Medium, link: Inode) -> Result<Vec<u8>, FsError> {
    link.check_readable()?;
    let length = match link.size {
        length @ 1..=MAX_TARGET => usize::try_from(length).unwrap_or_default(),
        length => return Err(link.damaged(&format!("is a symbolic link of {length} bytes"))),
    };
    let mut target = match link.short_link(medium.superblock.cluster_size) {
        Some(target) => target,
        None => {
            let mut target = vec![0; length];
            medium.spend(length)?;
            Content::new(medium, link)?.read_at(0, &mut target)?;
            target
        }
    };
    let end = target.iter().position(|byte| *byte == 0);
    target.truncate(end.unwrap_or(length));
    Ok(target)
}
