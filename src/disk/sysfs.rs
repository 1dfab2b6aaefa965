//! The kernel's block devices, as sysfs shows them.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The unit of `size` and `start` in sysfs, whatever the sectors of the disk are.
const SECTOR: u64 = 512;

/// The kernel's device for a part of a disk.
pub(super) struct PartitionDevice {
    /// Where it begins on the disk, in bytes.
    pub(super) offset: u64,
    /// Its node.
    pub(super) node: PathBuf,
}

/// Is it a block device, and not an image file?
pub(super) fn is_block_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_block_device())
}

/// The partitions that the kernel sees on the disk `path`; none for an image file.
pub(super) fn partition_devices(path: &Path) -> Vec<PartitionDevice> {
    let Some(directory) = directory_of(path) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let device = |entry: fs::DirEntry| {
        let start: u64 = read(&entry.path().join("start"))?.parse().ok()?;
        Some(PartitionDevice {
            offset: start.checked_mul(SECTOR)?,
            node: Path::new("/dev").join(entry.file_name()),
        })
    };
    entries.filter_map(|entry| device(entry.ok()?)).collect()
}

/// Where sysfs describes the block device `path`.
fn directory_of(path: &Path) -> Option<PathBuf> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.file_type().is_block_device() {
        return None;
    }
    let device = metadata.rdev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    Some(PathBuf::from(format!("/sys/dev/block/{major}:{minor}")))
}

/// A sysfs attribute without the white space around it; `None` when it is not there or empty.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
