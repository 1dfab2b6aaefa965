//! Filesystems: look-up and reading of files on a [`Volume`](crate::disk::Volume), read-only.
//!
//! FAT, ext2/3/4, XFS, Btrfs and ISO 9660 are read in user space, on devices and image files alike. What those
//! readers refuse, the kernel mounts read-only when we are process 1. Behind [`Filesystem`] all look the same.

mod blocks;
mod btrfs;
mod budget;
mod crc32c;
mod date;
mod directory;
mod ext;
mod fallback;
mod fat;
mod features;
mod iso9660;
mod kernel_mount;
mod memory;
mod path;
mod pieces;
mod walk;
mod xfs;

pub use kernel_mount::KernelMount;
pub use memory::MemoryFilesystem;
pub use path::{FsPath, PathError};

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::disk::{MemorySource, Source, Volume};

/// Opens the filesystem of a volume: in user space where we can, otherwise by `kernel_mount` if there
/// is one.
///
/// # Errors
/// [`FsError::Unsupported`] when nobody can read it.
pub fn open(
    volume: &Volume,
    kernel_mount: Option<&KernelMount>,
) -> Result<Box<dyn Filesystem>, FsError> {
    fallback::open(volume, kernel_mount)
}

/// A filesystem that can be read. Symbolic links are followed inside it and never lead out of it.
pub trait Filesystem {
    /// What `path` is, after following symbolic links.
    ///
    /// # Errors
    /// [`FsError::NotFound`] and the others.
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError>;

    /// The entries of a directory without `.` and `..`, sorted by name (bytes). Names that are not
    /// UTF-8 are left out: no boot configuration can name them.
    ///
    /// # Errors
    /// [`FsError::TooLarge`] above [`MAX_DIRECTORY_ENTRIES`], and the others.
    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError>;

    /// Opens a regular file for positional reads.
    ///
    /// # Errors
    /// [`FsError::NotAFile`] for anything else than a regular file, and the others.
    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError>;

    /// Reads a whole file of at most `limit` bytes: configurations, not payloads.
    ///
    /// # Errors
    /// [`FsError::TooLarge`] above `limit`, and what opening and reading say.
    fn read(&self, path: &FsPath, limit: usize) -> Result<Vec<u8>, FsError> {
        let mut file = self.open(path)?;
        let size = usize::try_from(file.size()).unwrap_or(usize::MAX);
        if size > limit {
            return Err(FsError::TooLarge(format!(
                "{size} bytes where at most {limit} are read"
            )));
        }
        let mut bytes = vec![0; size];
        let n = file.read_at(0, &mut bytes)?;
        bytes.truncate(n);
        Ok(bytes)
    }

    /// The content of a regular file as bytes of their own, for disks in files. It is read from the volume
    /// without this filesystem.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] where the filesystem does not tell where the content lies and it is longer
    /// than is kept in memory, and what opening says.
    fn image(&self, path: &FsPath) -> Result<Source, FsError> {
        image_in_memory(self, path)
    }

    /// Where a file of at most `limit` bytes may be written in place: byte ranges of the volume in the
    /// order of its content, together as long as the file. Who writes to them changes this file and
    /// nothing else.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] where that can't be known or is not so, [`FsError::TooLarge`] above
    /// `limit`, and what reading says.
    fn locate(&self, path: &FsPath, limit: u64) -> Result<Vec<Range<u64>>, FsError> {
        let _ = (path, limit);
        Err(FsError::Unsupported(
            "its filesystem does not tell where a file lies".to_owned(),
        ))
    }

    /// What tells the directory at `path` from all others here, whatever links lead to it. `None` where nothing but
    /// the path does, since there are no links, and where no directory can be looked up.
    fn identify(&self, path: &FsPath) -> Option<[u64; 2]> {
        let _ = path;
        None
    }

    /// What is wrong with the whole filesystem though it is read, in words: what people should know who
    /// rely on what is read.
    fn problem(&self) -> Option<&str> {
        None
    }
}

/// A disk in a file is kept in memory up to this many bytes, where its filesystem does not tell where it lies.
const MAX_IN_MEMORY: usize = 1024 * 1024;

/// A file that has no place of its own, in memory.
fn image_in_memory<F: Filesystem + ?Sized>(
    filesystem: &F,
    path: &FsPath,
) -> Result<Source, FsError> {
    match filesystem.read(path, MAX_IN_MEMORY) {
        Ok(bytes) => Ok(Arc::new(MemorySource::new(bytes))),
        Err(FsError::TooLarge(_)) => Err(FsError::Unsupported(
            "its filesystem does not tell where it lies".to_owned(),
        )),
        Err(error) => Err(error),
    }
}

/// An open file.
pub trait ReadFile {
    /// Its length in bytes when it was opened.
    fn size(&self) -> u64;

    /// Reads up to `buf.len()` bytes from `offset` and says how many. Less than asked for comes only
    /// at the end of the file.
    ///
    /// # Errors
    /// The medium or the filesystem's structures could not be read.
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError>;
}

/// A directory with more entries than this is an attack or a mistake.
pub const MAX_DIRECTORY_ENTRIES: usize = 65_536;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// File, directory or neither.
    pub kind: FileKind,
    /// Length in bytes; 0 for what is not a regular file.
    pub size: u64,
    /// Last modification in seconds since 1970, where the filesystem keeps it. FAT keeps local time
    /// without a zone: it is taken for UTC.
    pub modified: Option<i64>,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// Its name, without the directory.
    pub name: String,
    /// What it is; a symbolic link is not followed here.
    pub kind: FileKind,
}

/// Kinds of file that matter to a boot loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Devices, sockets and the like, which are never opened.
    Other,
}

/// Why a filesystem did not give what was asked. Callers add disk, volume and path.
#[derive(Debug)]
pub enum FsError {
    /// There is no such file or directory.
    NotFound,
    /// A part of the path that should be a directory is not, or a directory was asked for.
    NotADirectory,
    /// Something else than a regular file was opened.
    NotAFile,
    /// The medium could not be read.
    Io(io::Error),
    /// Valid, but not by this reader: the text names the feature.
    Unsupported(String),
    /// The filesystem contradicts itself: the text says where.
    Corrupt(String),
    /// More than the limit that the caller or this module sets.
    TooLarge(String),
    /// Nobody has tried: the text says why not.
    LeftOut(String),
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FsError::NotFound => f.write_str("not found"),
            FsError::NotADirectory => f.write_str("not a directory"),
            FsError::NotAFile => f.write_str("not a regular file"),
            FsError::Io(e) => write!(f, "read error: {e}"),
            FsError::Unsupported(what) => write!(f, "not supported: {what}"),
            FsError::Corrupt(what) => write!(f, "damaged: {what}"),
            FsError::TooLarge(what) => write!(f, "too large: {what}"),
            FsError::LeftOut(why) => write!(f, "left out: {why}"),
        }
    }
}

impl std::error::Error for FsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FsError::Io(e) => Some(e),
            _ => None,
        }
    }
}

/// What lies behind the end is damage of the filesystem, not of the medium.
fn unreadable(error: io::Error) -> FsError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            FsError::Corrupt("a structure lies behind the end of the volume".to_owned())
        }
        _ => FsError::Io(error),
    }
}
