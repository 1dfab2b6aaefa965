//! Disks: where bytes come from, how they are divided, and what is in each part.
//!
//! A [`Disk`] is a block device or an image file; nothing here cares which. [`Disk::scan`] reads its
//! partition table and identifies what each part carries: the result is a [`Layout`] of [`Volume`]s,
//! with a reason in words for everything that could not be read.

mod block_device;
mod bytes;
mod gpt;
mod hardware;
mod identify;
mod layout;
mod mbr;
mod probing;
mod read_ahead;
mod scan;
mod source;
mod sysfs;
#[cfg(test)]
mod test_tree;
mod uevent;

pub use block_device::BlockDevice;
pub use hardware::{Hardware, Transport};
pub use identify::{Content, Format, identify};
pub use layout::{Layout, Partition, PartitionKind, TableKind, Volume};
pub use probing::still_probing;
pub use read_ahead::ReadAhead;
pub use source::{FileSource, MemorySource, ReadAt, Section, Source};
pub use uevent::{Action, Uevent, UeventSocket, Wake};

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A whole disk: a block device, or an image file that stands for one.
pub struct Disk {
    /// The path as it was given or found (`/dev/sda`, `image.raw`).
    pub path: PathBuf,
    /// Its bytes.
    pub source: Source,
    /// What the kernel says of the hardware; empty for an image file.
    pub hardware: Hardware,
}

impl Disk {
    /// Opens an image file or a block device for reading; what the kernel says of a device is read from
    /// sysfs.
    ///
    /// # Errors
    /// It can't be opened, or has no size.
    pub fn open(path: &Path) -> io::Result<Disk> {
        Disk::open_as(path, block_device::hardware_of(path))
    }

    fn open_as(path: &Path, hardware: Hardware) -> io::Result<Disk> {
        Ok(Disk {
            path: path.to_owned(),
            source: Arc::new(FileSource::open(path)?),
            hardware,
        })
    }

    /// Reads the partition table and identifies every volume. Damage never fails the scan: it is
    /// among the problems.
    pub fn scan(&self) -> Layout {
        scan::scan(self)
    }
}
