//! [`Device`]: the kernel's device for a volume, looked up when it is needed.

use std::path::{Path, PathBuf};

use super::attributes::{children, name, number};
use super::sysfs::{SECTOR, directory_of, node};

/// Where the kernel has a volume, if it has it. The kernel looks for partitions by itself, a moment after
/// the disk is there: what was asked too early would be missed for ever, so it is asked at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    disk: PathBuf,
    sequence: Option<u64>,
    /// Where the partition begins, in bytes; `None` for the whole disk.
    partition: Option<u64>,
}

impl Device {
    /// The device of a partition that begins at byte `partition`, or of the whole disk; `None` where
    /// `disk` is an image file.
    pub(super) fn new(
        disk: &Path,
        sequence: Option<u64>,
        partition: Option<u64>,
    ) -> Option<Device> {
        directory_of(disk)?;
        Some(Device {
            disk: disk.to_owned(),
            sequence,
            partition,
        })
    }

    /// The disk.
    pub fn disk(&self) -> &Path {
        &self.disk
    }

    /// The node of the disk (`/dev/sda`). `None` where the name belongs to another one by now.
    pub fn disk_node(&self) -> Option<&Path> {
        let directory = directory_of(&self.disk)?;
        let same = number(&directory, "diskseq") == self.sequence;
        same.then_some(self.disk.as_path())
    }

    /// The node (`/dev/sda1`). `None` where the kernel sees no such partition, or where the name of the
    /// disk belongs to another one by now.
    pub fn node(&self) -> Option<PathBuf> {
        self.node_in(&directory_of(&self.disk)?)
    }

    /// The same, with what sysfs has of the disk in `directory`.
    fn node_in(&self, directory: &Path) -> Option<PathBuf> {
        if number(directory, "diskseq") != self.sequence {
            return None;
        }
        let Some(offset) = self.partition else {
            return Some(self.disk.clone());
        };
        let begins_there = |child: &&PathBuf| {
            let start = number(child, "start").and_then(|start| start.checked_mul(SECTOR));
            start == Some(offset)
        };
        let children = children(directory);
        let partition = children.iter().find(begins_there)?;
        Some(node(name(partition)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::test_tree::Tree;

    const DISK: &str = "devices/pci0000:00/0000:00:02.0/virtio1/block/vda";

    fn device(partition: Option<u64>) -> Device {
        Device {
            disk: PathBuf::from("/dev/vda"),
            sequence: Some(9),
            partition,
        }
    }

    #[test]
    fn a_partition_that_the_kernel_finds_late_is_found() {
        let tree = Tree::new();
        tree.disk(DISK, 4096, &[("diskseq", "9\n")]);
        let directory = tree.path().join(DISK);
        let second = device(Some(1 << 20));
        assert_eq!(second.node_in(&directory), None);
        tree.file(&format!("{DISK}/vda1/start"), "1024\n");
        tree.file(&format!("{DISK}/vda2/start"), "2048\n");
        let found = second.node_in(&directory);
        assert_eq!(found.as_deref(), Some(Path::new("/dev/vda2")));
    }

    #[test]
    fn another_disk_of_the_same_name_is_not_taken_for_it() {
        let tree = Tree::new();
        tree.disk(DISK, 4096, &[("diskseq", "9\n")]);
        let directory = tree.path().join(DISK);
        let whole = device(None).node_in(&directory);
        assert_eq!(whole.as_deref(), Some(Path::new("/dev/vda")));
        tree.file(&format!("{DISK}/diskseq"), "10\n");
        assert_eq!(device(None).node_in(&directory), None);
    }

    #[test]
    fn an_image_file_has_none() {
        assert_eq!(Device::new(Path::new("/dev/null"), None, None), None);
        assert_eq!(Device::new(Path::new("Cargo.toml"), None, Some(0)), None);
    }
}
