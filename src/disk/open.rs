//! Opening a disk: an image file, or a block device with what sysfs knows of it.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::{Disk, FileSource, sysfs};

impl Disk {
    /// Opens an image file or a block device for reading; what the kernel says of a device is read from
    /// sysfs.
    ///
    /// # Errors
    /// [`OpenError`] names the path and what may help.
    pub fn open(path: &Path) -> Result<Disk, OpenError> {
        let at = |error: io::Error| OpenError {
            path: path.to_owned(),
            error,
        };
        // Opening a pipe would wait for somebody to write into it.
        let kind = fs::metadata(path).map_err(at)?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return Err(at(io::Error::other(
                "it is neither a file nor a block device",
            )));
        }
        Ok(Disk {
            path: path.to_owned(),
            source: Arc::new(FileSource::open(path).map_err(at)?),
            hardware: sysfs::hardware_of(path),
        })
    }
}

/// A disk could not be opened.
#[derive(Debug)]
pub struct OpenError {
    /// Its path.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl OpenError {
    /// Is it a drive without a medium in it? That is no failure: there is nothing to open.
    pub fn is_empty_drive(&self) -> bool {
        self.error.raw_os_error() == Some(Errno::NOMEDIUM.raw_os_error())
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't open {}: {}", self.path.display(), self.error)?;
        match self.error.kind() {
            io::ErrorKind::PermissionDenied => f.write_str(" (try as root)"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
