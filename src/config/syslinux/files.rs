//! [`Files`]: names in a configuration, and the files that they mean.

use std::fmt;
use std::sync::Arc;

use crate::config::budget::{Budget, Limit};
use crate::entry::{ConfigFile, FileRef, VolumeId};
use crate::fs::{FileKind, Filesystem, FsError, FsPath, PathError};
use crate::kexec::{Kernel, NotBzImage, NotStartable};

/// The files of a volume, seen from the directory that SYSLINUX would work in.
#[derive(Clone)]
pub(super) struct Files<'a> {
    pub(super) filesystem: &'a dyn Filesystem,
    pub(super) volume: VolumeId,
    pub(super) directory: FsPath,
    /// What is left for looking at them.
    pub(super) budget: &'a Budget,
}

/// Why a name is no file of the volume.
#[derive(Debug)]
pub(super) enum NameError {
    Empty,
    Network,
    Path(PathError),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("no file is named"),
            NameError::Network => f.write_str("it lies on the network, which is not used"),
            NameError::Path(error) => error.fmt(f),
        }
    }
}

impl Files<'_> {
    /// The path that a name means: from the root, or from the directory. `::` in front is the root for
    /// PXELINUX; a server before it, or an address with a scheme, is elsewhere.
    pub(super) fn locate(&self, name: &str) -> Result<FsPath, NameError> {
        let (from_root, name) = match name.strip_prefix("::") {
            Some(name) => (true, name),
            None => (name.starts_with('/'), name),
        };
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.contains("::") || name.contains("://") {
            return Err(NameError::Network);
        }
        let path = match from_root {
            true => FsPath::new(name),
            false => self.directory.join(name),
        };
        path.map_err(NameError::Path)
    }

    /// Reads a file of at most so many bytes.
    ///
    /// # Errors
    /// Why it can't be read, or is not, in words.
    pub(super) fn read(&self, path: &FsPath, limit: usize) -> Result<Vec<u8>, String> {
        let not_read = |limit: Limit| format!("{path} is not read: {limit}");
        self.budget.look(path).map_err(not_read)?;
        let bytes = self.filesystem.read(path, limit);
        let bytes = bytes.map_err(|error| format!("{path} can't be read: {error}"))?;
        self.budget.read(bytes.len()).map_err(not_read)?;
        Ok(bytes)
    }

    /// A configuration file with its bytes, to be kept with entries; nothing where there is no room for it.
    pub(super) fn keep(&self, path: &FsPath, bytes: &[u8]) -> Option<Arc<ConfigFile>> {
        let has_room = self.budget.spare(bytes.len());
        let file = FileRef {
            volume: self.volume,
            path: path.clone(),
        };
        has_room.then(|| ConfigFile::new(file, bytes))
    }

    /// Is the file that a name means a Linux kernel, or was it one before it was cut off?
    pub(super) fn is_linux(&self, name: &str) -> bool {
        let path = self.locate(name).ok();
        let path = path.filter(|path| self.budget.look(path).is_ok());
        let opened = path.and_then(|path| self.filesystem.open(&path).ok());
        opened.is_some_and(|mut opened| {
            let mut head = vec![0; Kernel::HEAD];
            let length = opened.read_at(0, &mut head).unwrap_or_default();
            head.truncate(length);
            match Kernel::examine(&head, opened.size()) {
                Err(NotStartable::Plain(reason)) => matches!(reason, NotBzImage::Cut { .. }),
                found => found.is_ok(),
            }
        })
    }

    /// Is there something with this path, whatever it is?
    ///
    /// # Errors
    /// [`Limit`]: it is not looked for.
    pub(super) fn is_there(&self, path: &FsPath) -> Result<bool, Limit> {
        self.budget.look(path)?;
        Ok(!matches!(
            self.filesystem.metadata(path),
            Err(FsError::NotFound | FsError::NotADirectory)
        ))
    }

    /// The file that a name means. One that can't be read comes with the reason.
    pub(super) fn find(&self, name: &str) -> (Option<FileRef>, Result<(), String>) {
        let path = match self.locate(name) {
            Ok(path) => path,
            Err(error) => return (None, Err(format!("{name}: {error}"))),
        };
        let found = match self.budget.look(&path) {
            Ok(()) => self.look(&path),
            Err(limit) => Err(format!("{path} is not looked for: {limit}")),
        };
        let volume = self.volume;
        (Some(FileRef { volume, path }), found)
    }

    fn look(&self, path: &FsPath) -> Result<(), String> {
        match self.filesystem.metadata(path) {
            Ok(metadata) if metadata.kind == FileKind::File => Ok(()),
            Ok(_) => Err(format!("{path} is no file")),
            Err(FsError::NotFound | FsError::NotADirectory) => Err(format!("{path} is not there")),
            Err(error) => Err(format!("{path} can't be read: {error}")),
        }
    }
}
