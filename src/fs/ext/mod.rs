//! ext2, ext3 and ext4, as `Documentation/filesystems/ext4/` of Linux describes them.
//!
//! A journal that was left with transactions in it is replayed in memory: what is read is what the
//! kernel would see after its recovery, and the disk stays as it is. Nothing here trusts the disk: maps
//! and directories are followed for as far as [`BUDGET`] reaches, and what they promise is never
//! allocated before it is read.

mod backup;
mod checksum;
mod content;
mod directory;
mod extents;
mod features;
mod group;
mod inline;
mod inode;
mod journal;
mod medium;
mod place;
mod superblock;
mod table;
mod walk;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use self::content::Content;
use self::features::RECOVER;
use self::inode::Inode;
use self::medium::Medium;
use super::budget::{BUDGET, LEAST_COST};
use super::{DirEntry, FileKind, Filesystem, FsError, FsPath, Metadata, ReadFile, image_in_memory};
use crate::disk::{Format, Source};

/// An ext2, ext3 or ext4 filesystem.
pub(super) struct Ext {
    medium: Medium,
    source: Source,
}

impl Ext {
    /// Reads the superblock, and the journal if it has to be replayed.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] names the feature that is not read here.
    pub(super) fn open(source: Source) -> Result<Ext, FsError> {
        let mut medium = Medium::new(source.clone())?;
        let is_dirty = medium.superblock.has(RECOVER);
        // A copy of a superblock does not say that the journal is dirty; the journal itself does.
        let is_copy = medium.problem.is_some() && medium.superblock.journal_inode.is_some();
        if is_dirty || is_copy {
            let replay = journal::recover(&medium)?;
            medium.apply(replay)?;
        }
        if is_dirty {
            let uuid = medium.superblock.uuid();
            log::info!("filesystem {uuid}: its journal was left dirty, replayed in memory");
        }
        Ok(Ext { medium, source })
    }

    fn file(&self, path: &FsPath) -> Result<Inode, FsError> {
        let inode = walk::find(&self.medium, path)?;
        match inode.kind {
            FileKind::File => Ok(inode),
            _ => Err(FsError::NotAFile),
        }
    }
}

/// Is it one of the three formats that are read here?
pub(super) fn is_ext(format: Format) -> bool {
    matches!(format, Format::Ext2 | Format::Ext3 | Format::Ext4)
}

/// Does the journal hold transactions that the kernel would write back at the next mount?
pub(super) fn needs_recovery(source: &Source) -> bool {
    superblock::asks_for_recovery(source.as_ref())
}

impl Filesystem for Ext {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        let inode = walk::find(&self.medium, path)?;
        Ok(Metadata {
            kind: inode.kind,
            size: match inode.kind {
                FileKind::File => inode.size,
                _ => 0,
            },
            modified: Some(inode.modified()),
        })
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        let directory = walk::find(&self.medium, path)?;
        if directory.kind != FileKind::Directory {
            return Err(FsError::NotADirectory);
        }
        self.medium.budget.allow(BUDGET);
        let mut found = Vec::new();
        directory::scan(&self.medium, &directory, &mut |entry| {
            let name = std::str::from_utf8(entry.name).ok();
            // No path can lead to a name with a slash in it, which only damage writes.
            if let Some(name) = name.filter(|name| !name.is_empty() && !name.contains(['/', '\0']))
            {
                found.push((name.to_owned(), entry.kind, entry.inode));
            }
            ControlFlow::Continue(())
        })?;
        let mut list = Vec::with_capacity(found.len());
        for (name, kind, number) in found {
            // Each entry may cost the reading of its inode and of a group descriptor.
            self.medium.budget.allow(LEAST_COST.saturating_mul(64));
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

    fn identify(&self, path: &FsPath) -> Option<[u64; 2]> {
        let inode = walk::find(&self.medium, path).ok()?;
        Some([0, inode.number.into()])
    }

    fn image(&self, path: &FsPath) -> Result<Source, FsError> {
        let inode = self.file(path)?;
        match place::image(&self.medium, &self.source, inode)? {
            Some(image) => Ok(Arc::new(image)),
            None => image_in_memory(self, path),
        }
    }

    fn locate(&self, path: &FsPath, limit: u64) -> Result<Vec<Range<u64>>, FsError> {
        let inode = self.file(path)?;
        place::ranges(&self.medium, inode, limit)
    }

    fn problem(&self) -> Option<&str> {
        self.medium.problem.as_deref()
    }
}

struct OpenFile<'a> {
    content: Content<'a>,
    medium: &'a Medium,
}

impl ReadFile for OpenFile<'_> {
    fn size(&self) -> u64 {
        self.content.size()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        // The more is asked for, the more of the map is needed.
        self.medium
            .budget
            .allow(BUDGET.saturating_add(buf.len() as u64));
        self.content.read_at(offset, buf)
    }
}
