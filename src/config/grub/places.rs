//! Where distributions put their configurations.

use super::platform::Platform;
use crate::disk::Partition;
use crate::entry::VolumeId;
use crate::fs::{FileKind, Filesystem, FsPath};
use crate::inventory::Inventory;

/// On a root filesystem, or on a `/boot` of its own.
const PLACES: [&str; 4] = [
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/grub/grub.cfg",
    "/grub2/grub.cfg",
];

/// Media that are started from a file.
const LOOPBACK: &str = "/boot/grub/loopback.cfg";

/// The configurations on a volume, those first that lead on to others: the ones beside GRUB itself on an
/// EFI system partition.
pub fn places(filesystem: &dyn Filesystem, is_esp: bool) -> Vec<FsPath> {
    let mut found = Vec::new();
    if is_esp && let Ok(efi) = FsPath::new("/EFI") {
        let vendors = filesystem.read_dir(&efi).unwrap_or_default().into_iter();
        let directories = vendors.filter(|entry| entry.kind == FileKind::Directory);
        let configurations = directories.filter_map(|entry| {
            let directory = efi.join(&entry.name).ok()?;
            directory.join("grub.cfg").ok()
        });
        found.extend(configurations.filter(|path| is_file(filesystem, path)));
    }
    let usual = PLACES.iter().filter_map(|place| FsPath::new(place).ok());
    found.extend(usual.filter(|path| is_file(filesystem, path)));
    if found.is_empty() {
        let loopback = FsPath::new(LOOPBACK).ok();
        found.extend(loopback.filter(|path| is_file(filesystem, path)));
    }
    found
}

/// Is it beside GRUB on an EFI system partition, and probably leads on to the configuration itself?
pub fn is_stub(path: &FsPath) -> bool {
    path.components()
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case("EFI"))
}

fn is_file(filesystem: &dyn Filesystem, path: &FsPath) -> bool {
    let metadata = filesystem.metadata(path);
    metadata.is_ok_and(|metadata| metadata.kind == FileKind::File)
}

impl Platform {
    /// The GRUB that a disk is made for: that for EFI where there is an EFI system partition.
    pub fn of_disk(inventory: &Inventory, id: VolumeId) -> Platform {
        let mut partitions = inventory
            .disk(id)
            .into_iter()
            .flat_map(|scanned| &scanned.layout.volumes)
            .filter_map(|volume| volume.partition.as_ref());
        match partitions.any(Partition::is_esp) {
            true => Platform::Efi,
            false => Platform::Pc,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryFilesystem;

    fn found(files: &[&str], is_esp: bool) -> Vec<String> {
        let filesystem = files
            .iter()
            .fold(MemoryFilesystem::new(), |all, path| all.file(path, ""));
        let places = places(&filesystem, is_esp);
        places.iter().map(FsPath::to_string).collect()
    }

    #[test]
    fn what_distributions_write() {
        assert_eq!(
            found(&["/EFI/debian/grub.cfg", "/EFI/BOOT/BOOTX64.EFI"], true),
            ["/EFI/debian/grub.cfg"]
        );
        assert_eq!(
            found(&["/boot/grub/grub.cfg", "/boot/grub/loopback.cfg"], false),
            ["/boot/grub/grub.cfg"]
        );
        assert_eq!(
            found(&["/grub2/grub.cfg", "/EFI/x/grub.cfg"], false),
            ["/grub2/grub.cfg"]
        );
        assert_eq!(
            found(&["/boot/grub/loopback.cfg"], false),
            ["/boot/grub/loopback.cfg"]
        );
        assert_eq!(found(&["/boot/grub/grub.cfg/x"], false), [""; 0]);
        assert!(is_stub(&FsPath::new("/efi/debian/grub.cfg").unwrap()));
        assert!(!is_stub(&FsPath::new("/boot/grub/grub.cfg").unwrap()));
    }
}
