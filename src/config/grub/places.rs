//! Where distributions put their configurations, and how they lead to each other.

use std::collections::BTreeSet;

use super::listing::{Evaluated, evaluate};
use super::platform::Platform;
use crate::disk::Partition;
use crate::entry::{FileRef, VolumeId};
use crate::fs::{FileKind, Filesystem, FsPath};
use crate::inventory::Inventory;

/// The configurations of a machine, each of which is read once.
#[derive(Default)]
pub struct Configurations {
    reached: BTreeSet<FileRef>,
}

impl Configurations {
    /// Evaluates those on the volumes of one disk; `true` marks an EFI system partition. Those come first
    /// that stand beside GRUB itself and lead on to others.
    pub fn read<'a>(
        &mut self,
        inventory: &Inventory,
        volumes: impl IntoIterator<Item = (VolumeId, &'a dyn Filesystem, bool)>,
    ) -> Vec<(VolumeId, Evaluated)> {
        let mut files = Vec::new();
        for (volume, filesystem, is_esp) in volumes {
            let places = places(filesystem, is_esp).into_iter();
            files.extend(places.map(|path| FileRef { volume, path }));
        }
        files.sort_by_key(|file| !is_stub(&file.path));
        let mut all = Vec::new();
        for file in files {
            if self.reached.contains(&file) {
                continue;
            }
            let platform = Platform::of_disk(inventory, file.volume);
            let mut evaluated = evaluate(inventory, &file, platform);
            // What leads to a configuration that was read before offers nothing new.
            let is_new = |script: &FileRef| *script == file || !self.reached.contains(script);
            evaluated.entries.retain(|entry| is_new(&entry.origin.file));
            self.reached.extend(evaluated.reached.iter().cloned());
            all.push((file.volume, evaluated));
        }
        all
    }

    /// Was this file read as a script, or as an entry that a script asked for?
    pub fn has_read(&self, file: &FileRef) -> bool {
        self.reached.contains(file)
    }
}

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
fn places(filesystem: &dyn Filesystem, is_esp: bool) -> Vec<FsPath> {
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
fn is_stub(path: &FsPath) -> bool {
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
    fn of_disk(inventory: &Inventory, id: VolumeId) -> Platform {
        let mut partitions = inventory
            .layout(id)
            .into_iter()
            .flat_map(|layout| &layout.volumes)
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
