//! The disks whose entries are listed.

use std::fs::File;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use pilotlight::disk::{Disk, Sysfs};
use pilotlight::inventory::Inventory;
use rustix::fs::{Advice, fadvise, sync};

use crate::error::SignError;

/// The disks that were named, or all of this machine.
///
/// # Errors
/// [`SignError`]: one that was named can't be opened, or there is none.
pub(super) fn inventory(paths: &[PathBuf]) -> Result<Inventory, SignError> {
    // What this system wrote has to be on its disks, for they are read behind its back.
    sync();
    let mut inventory = Inventory::new();
    for path in paths {
        forget(path);
        inventory.add(Disk::open(path).map_err(SignError::Open)?);
    }
    if !paths.is_empty() {
        return Ok(inventory);
    }
    for found in Sysfs::system().disks() {
        forget(&found.node);
        match Disk::open(&found.node) {
            Ok(disk) => {
                inventory.add(disk);
            }
            Err(error) if error.is_empty_drive() => {}
            // What is on a disk that can't be read would be missing without a word.
            Err(error) => return Err(SignError::Open(error)),
        }
    }
    match inventory.disks().is_empty() {
        true => Err(SignError::NoDisks),
        false => Ok(inventory),
    }
}

/// Lets the kernel forget what it read of a device before: filesystems write past that cache. Where it can't be
/// done, the device is opened in vain as well, or what is there is not older than the last run.
fn forget(path: &Path) {
    let Ok(file) = File::open(path) else {
        return;
    };
    let is_device = file
        .metadata()
        .is_ok_and(|data| data.file_type().is_block_device());
    if is_device {
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
    }
}
