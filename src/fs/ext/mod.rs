//! ext2, ext3 and ext4, by the crate `ext4-view`.
//!
//! A journal that was left with transactions in it is replayed in memory: what is read is what the
//! kernel would see after its recovery, and the disk stays as it is.

mod blocks;
mod journal;
mod superblock;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use ext4::{Ext4, Ext4Error, Ext4Read};

use self::journal::{Replay, recover};
use self::superblock::{EXTENTS, RECOVER, Superblock};
use super::{
    DirEntry, FileKind, Filesystem, FsError, FsPath, MAX_DIRECTORY_ENTRIES, Metadata, ReadFile,
};
use crate::disk::{Format, Source, Window};

/// An ext2, ext3 or ext4 filesystem.
pub(super) struct Ext {
    inner: Ext4,
    failure: Failure,
    /// No file has extents (ext2, ext3): the crate does not follow all holes in such files.
    block_mapped: bool,
}

/// The last failure of the medium: the crate passes on that there was one, and this is what it was.
type Failure = Rc<RefCell<Option<io::Error>>>;

impl Ext {
    /// Reads superblock and group descriptors, and the journal if it has to be replayed.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] names the feature that the crate does not read.
    pub(super) fn open(source: Source) -> Result<Ext, FsError> {
        let failure = Failure::default();
        let source = Window::new(source);
        let superblock = Superblock::read(&source).map_err(FsError::Io)?;
        let features = superblock.incompat();
        let replay = recover(&source, &superblock)?;
        // The journal may have a newer superblock.
        let mut newest = [0; superblock::LENGTH];
        let medium = Medium {
            superblock: match replay.read_exact_at(&source, superblock::PLACE, &mut newest) {
                Ok(()) => Superblock::new(newest).presented(),
                Err(error) => return Err(FsError::Io(error)),
            },
            source,
            replay,
            failure: failure.clone(),
        };
        match Ext4::load(Box::new(medium)) {
            Ok(inner) => {
                if features & RECOVER != 0 {
                    let uuid = inner.uuid();
                    log::info!("filesystem {uuid}: its journal was left dirty, replayed in memory");
                }
                Ok(Ext {
                    inner,
                    failure,
                    block_mapped: features & EXTENTS == 0,
                })
            }
            Err(Ext4Error::Incompatible(reason)) => {
                Err(FsError::Unsupported(refusal(features, &reason)))
            }
            Err(error) => Err(translate(error, &failure)),
        }
    }

    fn error(&self, error: Ext4Error) -> FsError {
        translate(error, &self.failure)
    }
}

/// Features that the crate refuses, by the names of `tune2fs`.
const REFUSED: [(u32, &str); 6] = [
    (0x1, "compression"),
    (0x8, "journal_dev"),
    (0x10, "meta_bg"),
    (0x1000, "dirdata"),
    (0x8000, "inline_data"),
    (0x2_0000, "casefold"),
];

/// Why the crate does not open a filesystem: features in words, or what it says itself.
fn refusal(features: u32, reason: &ext4::Incompatible) -> String {
    let refused = REFUSED.iter().filter(|(bit, _)| features & bit != 0);
    let names: Vec<&str> = refused.map(|(_, name)| *name).collect();
    match names.as_slice() {
        [] => reason.to_string(),
        names => format!("the ext4 feature {}", names.join(", ")),
    }
}

/// Is it one of the three formats that this file reads?
pub(super) fn is_ext(format: Format) -> bool {
    matches!(format, Format::Ext2 | Format::Ext3 | Format::Ext4)
}

/// Does the journal hold transactions that the kernel would write back at the next mount?
pub(super) fn needs_recovery(source: &Source) -> bool {
    Superblock::read(source.as_ref()).is_ok_and(|superblock| superblock.incompat() & RECOVER != 0)
}

impl Filesystem for Ext {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        let metadata = self.inner.metadata(path.as_str());
        let metadata = metadata.map_err(|error| self.error(error))?;
        let kind = kind(metadata.file_type());
        Ok(Metadata {
            kind,
            size: if kind == FileKind::File {
                metadata.len()
            } else {
                0
            },
            modified: Some(metadata.modified().seconds()),
        })
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        let entries = self.inner.read_dir(path.as_str());
        let mut list = Vec::new();
        for entry in entries.map_err(|error| self.error(error))? {
            let entry = entry.map_err(|error| self.error(error))?;
            let Ok(name) = entry.file_name().as_str() else {
                continue;
            };
            if matches!(name, "." | "..") {
                continue;
            }
            if list.len() >= MAX_DIRECTORY_ENTRIES {
                return Err(FsError::TooLarge(format!(
                    "a directory with over {MAX_DIRECTORY_ENTRIES} entries"
                )));
            }
            let file_type = entry.file_type().map_err(|error| self.error(error))?;
            list.push(DirEntry {
                name: name.to_owned(),
                kind: kind(file_type),
            });
        }
        list.sort();
        Ok(list)
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        let file = self.inner.open(path.as_str());
        let file = file.map_err(|error| self.error(error))?;
        Ok(Box::new(OpenFile {
            file,
            filesystem: self,
        }))
    }
}

struct OpenFile<'a> {
    file: ext4::File,
    filesystem: &'a Ext,
}

impl OpenFile<'_> {
    fn error(&self, error: Ext4Error) -> FsError {
        match self.filesystem.error(error) {
            FsError::Corrupt(text) if self.filesystem.block_mapped => FsError::Unsupported(
                format!("a hole in a file without extents, or damage: {text}"),
            ),
            error => error,
        }
    }
}

impl ReadFile for OpenFile<'_> {
    fn size(&self) -> u64 {
        self.file.metadata().len()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        if offset != self.file.position() {
            let sought = self.file.seek_to(offset);
            sought.map_err(|error| self.error(error))?;
        }
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.file.read_bytes(rest) {
                Ok(0) => break,
                Ok(n) => done = done.saturating_add(n),
                Err(error) => return Err(self.error(error)),
            }
        }
        Ok(done)
    }
}

/// The disk as the crate wants to see it.
struct Medium {
    source: Window,
    replay: Replay,
    superblock: Superblock,
    failure: Failure,
}

impl Ext4Read for Medium {
    fn read(
        &mut self,
        start_byte: u64,
        dst: &mut [u8],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync + 'static>> {
        let read = self.replay.read_exact_at(&self.source, start_byte, dst);
        self.superblock.cover(start_byte, dst);
        read.map_err(|error| {
            let text = error.to_string();
            // What lies behind the end is damage of the filesystem, not of the medium.
            if error.kind() != io::ErrorKind::UnexpectedEof {
                self.failure.replace(Some(error));
            }
            text.into()
        })
    }
}

fn kind(file_type: ext4::FileType) -> FileKind {
    match file_type {
        ext4::FileType::Regular => FileKind::File,
        ext4::FileType::Directory => FileKind::Directory,
        ext4::FileType::Symlink => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

fn translate(error: Ext4Error, failure: &Failure) -> FsError {
    if let Some(error) = failure.take() {
        return FsError::Io(error);
    }
    match error {
        Ext4Error::NotFound => FsError::NotFound,
        Ext4Error::NotADirectory => FsError::NotADirectory,
        Ext4Error::IsADirectory | Ext4Error::IsASpecialFile => FsError::NotAFile,
        Ext4Error::Incompatible(what) => FsError::Unsupported(what.to_string()),
        Ext4Error::Encrypted => FsError::Unsupported("the file is encrypted".to_owned()),
        Ext4Error::FileTooLarge => FsError::TooLarge("the file".to_owned()),
        error => FsError::Corrupt(error.to_string()),
    }
}
