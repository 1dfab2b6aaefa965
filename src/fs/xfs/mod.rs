//! XFS, versions 4 and 5, as `fs/xfs/libxfs/` of Linux defines it.
//!
//! A log that was left with changes in it is not replayed, as GRUB does not replay it: what is read is
//! what has reached its place, and [`Filesystem::problem`] says that it may be old. Nothing here trusts
//! the disk: maps and directories are followed for as far as [`BUDGET`] reaches, and what they promise
//! is never allocated before it is read.

mod content;
mod directory;
mod extents;
mod features;
mod inode;
mod log;
mod medium;
mod place;
mod superblock;
mod symlink;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use self::content::Content;
use self::inode::Inode;
use self::log::State;
use self::medium::Medium;
use super::budget::{BUDGET, LEAST_COST};
use super::walk::{self, Tree};
use super::{DirEntry, FileKind, Filesystem, FsError, FsPath, Metadata, ReadFile};
use crate::disk::Source;

/// An XFS filesystem.
pub(super) struct Xfs {
    medium: Medium,
    source: Source,
    problem: Option<String>,
}

impl Xfs {
    /// Reads the superblock, and looks whether the log was left dirty.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] names the feature that is not read here.
    pub(super) fn open(source: Source) -> Result<Xfs, FsError> {
        let medium = Medium::new(source.clone())?;
        let log = log::state(&medium)
            .map_or_else(
                |error| Some(format!("its log can't be read: {error}")),
                |state| state.problem().map(str::to_owned),
            )
            .map(|text| text + "; what is read may be old");
        let repair = medium.superblock.needs_repair.then(|| {
            "it is marked as damaged, and Linux does not mount it: repair it with `xfs_repair`"
                .to_owned()
        });
        Ok(Xfs {
            medium,
            source,
            problem: repair.or(log),
        })
    }

    fn find(&self, path: &FsPath) -> Result<Inode, FsError> {
        self.medium.budget.allow(BUDGET);
        walk::find(&self.medium, path)
    }

    fn file(&self, path: &FsPath) -> Result<Inode, FsError> {
        let inode = self.find(path)?;
        match inode.kind {
            FileKind::File => Ok(inode),
            _ => Err(FsError::NotAFile),
        }
    }
}

impl State {
    fn problem(self) -> Option<&'static str> {
        match self {
            State::Clean => None,
            State::Dirty => Some(
                "it was not unmounted, and its log holds changes that are not in their places yet",
            ),
            State::Elsewhere => Some("its log is on another device, which is not looked at"),
        }
    }
}

impl Tree for Medium {
    type Node = Inode;
    type Id = u64;

    fn root(&self) -> u64 {
        self.superblock.root
    }

    fn node(&self, number: u64) -> Result<Inode, FsError> {
        Inode::read(self, number)
    }

    fn id(&self, inode: &Inode) -> u64 {
        inode.number
    }

    fn kind(&self, inode: &Inode) -> FileKind {
        inode.kind
    }

    fn child(&self, directory: &Inode, name: &[u8]) -> Result<Inode, FsError> {
        let number = directory::find(self, directory, name)?.ok_or(FsError::NotFound)?;
        Inode::read(self, number)
    }

    fn target(&self, link: Inode) -> Result<Vec<u8>, FsError> {
        symlink::target(self, link)
    }
}

impl Filesystem for Xfs {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        let inode = self.find(path)?;
        Ok(Metadata {
            kind: inode.kind,
            size: match inode.kind {
                FileKind::File => inode.size,
                _ => 0,
            },
            modified: Some(inode.modified),
        })
    }

    fn identify(&self, path: &FsPath) -> Option<[u64; 2]> {
        Some([0, self.find(path).ok()?.number])
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        let directory = self.find(path)?;
        if directory.kind != FileKind::Directory {
            return Err(FsError::NotADirectory);
        }
        self.medium.budget.allow(BUDGET);
        let mut found = Vec::new();
        directory::scan(&self.medium, &directory, &mut |entry| {
            let name = std::str::from_utf8(entry.name).ok();
            // No path can lead to a name with a slash in it, which only damage writes.
            if let Some(name) = name.filter(|name| !name.contains(['/', '\0'])) {
                found.push((name.to_owned(), entry.kind, entry.inode));
            }
            ControlFlow::Continue(())
        })?;
        let mut list = Vec::with_capacity(found.len());
        for (name, kind, number) in found {
            // Each entry may cost the reading of its inode.
            self.medium.budget.allow(LEAST_COST);
            let kind = match kind {
                Some(kind) => kind,
                None => Inode::read(&self.medium, number)?.kind,
            };
            list.push(DirEntry { name, kind });
        }
        list.sort_unstable();
        Ok(list)
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        let inode = self.file(path)?;
        Ok(Box::new(OpenFile {
            content: Content::new(&self.medium, inode)?,
            medium: &self.medium,
        }))
    }

    fn image(&self, path: &FsPath) -> Result<Source, FsError> {
        let inode = self.file(path)?;
        Ok(Arc::new(place::image(&self.medium, &self.source, inode)?))
    }

    fn locate(&self, path: &FsPath, limit: u64) -> Result<Vec<Range<u64>>, FsError> {
        let inode = self.file(path)?;
        place::ranges(&self.medium, self.problem(), inode, limit)
    }

    fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

struct OpenFile<'a> {
    content: Content<'a>,
    medium: &'a Medium,
}

impl ReadFile for OpenFile<'_> {
    fn size(&self) -> u64 {
        self.content.inode.size
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        // The more is asked for, the more of the map is needed.
        self.medium
            .budget
            .allow(BUDGET.saturating_add(buf.len() as u64));
        self.content.read_at(offset, buf)
    }
}
