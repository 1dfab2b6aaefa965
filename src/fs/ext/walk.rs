//! The inodes as a tree, and what symbolic links hold.

use super::content::Content;
use super::directory;
use super::inode::{Inode, ROOT};
use super::medium::Medium;
use crate::fs::budget::BUDGET;
use crate::fs::walk::{self, MAX_TARGET, Tree};
use crate::fs::{FileKind, FsError, FsPath};

/// The inode that `path` leads to.
///
/// # Errors
/// As [`walk::find`].
pub(super) fn find(medium: &Medium, path: &FsPath) -> Result<Inode, FsError> {
    medium.budget.allow(BUDGET);
    walk::find(medium, path)
}

impl Tree for Medium {
    type Node = Inode;
    type Id = u32;

    fn root(&self) -> u32 {
        ROOT
    }

    fn node(&self, number: u32) -> Result<Inode, FsError> {
        Inode::read(self, number)
    }

    fn id(&self, inode: &Inode) -> u32 {
        inode.number
    }

    fn kind(&self, inode: &Inode) -> FileKind {
        inode.kind
    }

    fn child(&self, here: &Inode, name: &[u8]) -> Result<Inode, FsError> {
        let number = directory::find(self, here, name)?.ok_or(FsError::NotFound)?;
        Inode::read(self, number)
    }

    fn target(&self, link: Inode) -> Result<Vec<u8>, FsError> {
        link.check_readable()?;
        let length = match link.size {
            length @ 1..=MAX_TARGET => usize::try_from(length).unwrap_or_default(),
            length => return Err(link.damaged(&format!("is a symbolic link of {length} bytes"))),
        };
        let mut target = match link.short_link(self.superblock.cluster_size) {
            Some(target) => target,
            None => {
                let mut target = vec![0; length];
                self.budget.spend(length)?;
                Content::new(self, link)?.read_at(0, &mut target)?;
                target
            }
        };
        let end = target.iter().position(|byte| *byte == 0);
        target.truncate(end.unwrap_or(length));
        Ok(target)
    }
}
