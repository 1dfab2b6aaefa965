//! Disks: where bytes come from, how they are divided, and what is in each part.
//!
//! A [`Disk`] is a block device or an image file; nothing here cares which. [`Disk::scan`] reads its
//! partition table and identifies what each part carries: the result is a [`Layout`] of [`Volume`]s,
//! with a reason in words for everything that could not be read.

mod assembly;
mod attributes;
pub(crate) mod bytes;
mod device;
mod gpt;
mod hardware;
mod identify;
mod joined;
mod layout;
mod lvm;
mod mbr;
mod md;
mod mirror;
mod open;
mod probing;
mod protection;
mod scan;
mod source;
mod striped;
mod sysfs;
#[cfg(test)]
mod test_tree;
mod uevent;
mod window;
mod writing;

pub use assembly::{Assembly, Piece, Whole, assemble};
pub use device::Device;
pub use hardware::{Hardware, Transport};
pub use identify::{Content, Format, identify};
pub use joined::Joined;
pub use layout::{Assembled, Layout, Partition, PartitionKind, TableKind, Volume};
pub use open::OpenError;
pub(crate) use protection::{is_read_only, set_read_only};
pub use source::{FileSource, MemorySource, ReadAt, Section, Source};
pub use sysfs::{Found, Sysfs};
pub use uevent::{Action, Uevent, Uevents};
pub use window::{WINDOW, Window};
pub use writing::{DiskWriter, WriteAt};

use std::path::PathBuf;

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
    /// Can anybody plug it in? So it is with removable media, and with everything on USB.
    pub fn is_removable(&self) -> bool {
        self.hardware.removable || self.hardware.transport == Some(Transport::Usb)
    }

    /// Reads the partition table and identifies every volume. Damage never fails the scan: it is
    /// among the problems.
    pub fn scan(&self) -> Layout {
        scan::scan(self)
    }
}
