//! Opening a disk: an image file, or a block device with what sysfs knows of it.

use std::fmt;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::sysfs::Sysfs;
use super::{Disk, FileSource, Hardware, Partition};

impl Disk {
    /// Opens an image file or a block device for reading.
    ///
    /// # Errors
    /// [`OpenError`] names the path and what may help.
    pub fn open(path: &Path) -> Result<Disk, OpenError> {
        let at = |error: io::Error| OpenError {
            path: path.to_owned(),
            error,
        };
        let kind = std::fs::metadata(path).map_err(at)?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return Err(at(io::Error::other(
                "it is neither a file nor a block device",
            )));
        }
        let source = Arc::new(FileSource::open(path).map_err(at)?);
        let hardware = match kind.is_block_device() {
            true => {
                // `/dev/disk/by-id/…` is a link; sysfs knows the name behind it.
                let node = std::fs::canonicalize(path).map_err(at)?;
                let name = node.file_name().unwrap_or_default();
                Sysfs::system().hardware(&name.to_string_lossy())
            }
            false => Hardware::default(),
        };
        Ok(Disk {
            path: path.to_owned(),
            source,
            hardware,
        })
    }

    /// The kernel's device for a partition, or for the whole disk.
    pub(super) fn device_of(&self, partition: Option<&Partition>, offset: u64) -> Option<PathBuf> {
        // An image file has no devices; asking sysfs for its name would find somebody else's.
        self.hardware.sector_size?;
        match partition {
            None => Some(self.path.clone()),
            Some(_) => {
                let node = std::fs::canonicalize(&self.path).ok()?;
                let name = node.file_name()?.to_string_lossy();
                let partition = Sysfs::system().partition_at(&name, offset)?;
                Some(Path::new("/dev").join(partition))
            }
        }
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
