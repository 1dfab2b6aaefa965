//! Btrfs on one device, as `include/uapi/linux/btrfs_tree.h` of Linux defines it.
//!
//! Paths begin in the subvolume that holds all others, as in GRUB. What is not there is looked for in the
//! subvolume that is mounted by default, where distributions that set one keep their `/boot`, and where
//! their GRUB looks; at last in `@`, whose subvolumes openSUSE mounts on directories of that one. A log of changes that
//! were not yet in the trees is not replayed, as GRUB does not
//! replay it: [`Filesystem::problem`] says so. Nothing here trusts the disk: trees are followed for as far
//! as [`BUDGET`] reaches, and what they promise is never allocated before it is read.

mod checksum;
mod chunks;
mod compression;
mod content;
mod cursor;
mod directory;
mod extent;
mod features;
mod inode;
mod lzo;
mod medium;
mod node;
mod subvolume;
mod superblock;

use self::checksum::Kind;
use self::content::Content;
use self::inode::{Inode, Number};
use self::medium::Medium;
use self::subvolume::{Subvolume, TOP};
use super::budget::BUDGET;
use super::walk::{self, MAX_TARGET, Tree};
use super::{DirEntry, FileKind, Filesystem, FsError, FsPath, Metadata, ReadFile};
use crate::disk::Source;

/// A Btrfs filesystem.
pub(super) struct Btrfs {
    medium: Medium,
    top: Subvolume,
    default: Option<Subvolume>,
    problem: Option<String>,
}

impl Btrfs {
    /// Reads the superblock and where everything is.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] names the feature that is not read here.
    pub(super) fn open(source: Source) -> Result<Btrfs, FsError> {
        let medium = Medium::new(source)?;
        medium.budget.allow(BUDGET);
        let top = Subvolume::read(&medium, TOP)?;
        let mut problems = Vec::new();
        let default = Subvolume::default(&medium).unwrap_or_else(|error| {
            problems.push(format!("its default subvolume can't be read: {error}"));
            None
        });
        let superblock = &medium.superblock;
        if superblock.has_log {
            problems.push(
                "it was not unmounted, and its log holds changes that are not in their places \
                 yet; what is read may be old"
                    .to_owned(),
            );
        }
        if let Kind::Unverified(name) = superblock.checksums {
            problems.push(format!("its checksums ({name}) are not verified"));
        }
        if superblock.devices > 1 {
            problems.push(format!(
                "it is on {} devices, of which each is read by itself",
                superblock.devices
            ));
        }
        Ok(Btrfs {
            medium,
            top,
            default,
            problem: (!problems.is_empty()).then(|| problems.join("; ")),
        })
    }

    fn find(&self, path: &FsPath) -> Result<Inode, FsError> {
        let find = |root: Subvolume, path: &FsPath| {
            self.medium.budget.allow(BUDGET);
            let medium = &self.medium;
            walk::find(&Files { medium, root }, path)
        };
        let found = match (find(self.top, path), self.default) {
            (Err(FsError::NotFound), Some(default)) => find(default, path),
            (found, _) => return found,
        };
        match (found, beside(path)) {
            (Err(FsError::NotFound), Some(beside)) => find(self.top, &beside),
            (found, _) => found,
        }
    }
}

/// Where openSUSE keeps what it mounts on this path.
fn beside(path: &FsPath) -> Option<FsPath> {
    FsPath::new(&format!("/@{path}")).ok()
}

/// The files below one subvolume.
struct Files<'a> {
    medium: &'a Medium,
    root: Subvolume,
}

impl Tree for Files<'_> {
    type Node = Inode;
    type Id = Number;

    fn root(&self) -> Number {
        Number {
            subvolume: self.root,
            inode: self.root.directory,
        }
    }

    fn node(&self, number: Number) -> Result<Inode, FsError> {
        Inode::read(self.medium, number)
    }

    fn id(&self, inode: &Inode) -> Number {
        inode.number
    }

    fn kind(&self, inode: &Inode) -> FileKind {
        inode.kind
    }

    fn child(&self, directory: &Inode, name: &[u8]) -> Result<Inode, FsError> {
        let number = directory::find(self.medium, directory, name)?.ok_or(FsError::NotFound)?;
        Inode::read(self.medium, number)
    }

    fn target(&self, link: Inode) -> Result<Vec<u8>, FsError> {
        let length = match link.size {
            length @ 1..=MAX_TARGET => usize::try_from(length).unwrap_or_default(),
            length => return Err(link.damaged(&format!("is a symbolic link of {length} bytes"))),
        };
        let mut target = vec![0; length];
        Content::new(self.medium, link).read_at(0, &mut target)?;
        Ok(target)
    }
}

impl Filesystem for Btrfs {
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
        let Number { subvolume, inode } = self.find(path).ok()?.number;
        Some([subvolume.number, inode])
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        let directory = self.find(path)?;
        if directory.kind != FileKind::Directory {
            return Err(FsError::NotADirectory);
        }
        self.medium.budget.allow(BUDGET);
        let mut list = directory::list(&self.medium, &directory)?;
        list.sort_unstable();
        Ok(list)
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        let inode = self.find(path)?;
        if inode.kind != FileKind::File {
            return Err(FsError::NotAFile);
        }
        Ok(Box::new(OpenFile {
            content: Content::new(&self.medium, inode),
            medium: &self.medium,
        }))
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
        // The more is asked for, the more is unpacked.
        let bytes = BUDGET.saturating_add(buf.len() as u64);
        self.medium.budget.allow(bytes);
        self.content.read_at(offset, buf)
    }
}
