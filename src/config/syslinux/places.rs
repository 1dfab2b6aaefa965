//! Where SYSLINUX and its relatives look for their configuration.

use super::listing::Medium;
use crate::config::budget::Budget;
use crate::fs::{FileKind, Filesystem, FsPath};

/// A configuration and the directory that SYSLINUX would work in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: FsPath,
    pub(super) directory: FsPath,
    pub(super) medium: Medium,
}

/// Directories of EXTLINUX and SYSLINUX on disks (`generic_open_config` in `core/fs/lib/loadconfig.c`).
/// That in which it is installed comes first there: which one that is, only its boot sector knows.
const ON_DISKS: [&str; 6] = [
    "/boot/extlinux",
    "/extlinux",
    "/boot/syslinux",
    "/syslinux",
    "/",
    "/boot",
];

/// Directories of ISOLINUX (`iso_open_config` in `core/fs/iso9660/iso9660.c`), and that of openSUSE's media, where
/// the loader itself is and was told to look.
const ON_MEDIA: [&str; 6] = [
    "/boot/isolinux",
    "/isolinux",
    "/boot/syslinux",
    "/syslinux",
    "/",
    "/boot/x86_64/loader",
];

/// More of them beside EFI programs are not tried.
const MAX_BESIDE: usize = 8;

/// The configurations on a volume in the order in which they are tried, as far as the budget lasts. Media that were
/// copied to a disk are found there, too. Some come twice.
pub(super) fn all<'a>(
    filesystem: &'a dyn Filesystem,
    is_optical: bool,
    budget: &'a Budget,
) -> impl Iterator<Item = Place> + 'a {
    let medium = match is_optical {
        true => Medium::Optical,
        false => Medium::Disk,
    };
    let on_media = move || {
        let names = &["isolinux.cfg", "syslinux.cfg"];
        search(filesystem, &ON_MEDIA, names, medium, budget)
    };
    let names = &["extlinux.conf", "syslinux.cfg"];
    let on_disks = search(filesystem, &ON_DISKS, names, Medium::Disk, budget);
    let first = is_optical.then(on_media).into_iter().flatten();
    let beside = std::iter::once_with(move || beside_efi_programs(filesystem, budget)).flatten();
    let network = std::iter::once_with(move || for_the_network(filesystem, budget)).flatten();
    first
        .chain(on_disks)
        .chain(beside)
        .chain(on_media())
        .chain(network)
}

fn search<'a>(
    filesystem: &'a dyn Filesystem,
    directories: &'a [&'a str],
    names: &'a [&'a str],
    medium: Medium,
    budget: &'a Budget,
) -> impl Iterator<Item = Place> + 'a {
    directories.iter().flat_map(move |directory| {
        names.iter().filter_map(move |name| {
            let directory = FsPath::new(directory).ok()?;
            let path = directory.join(name).ok()?;
            is_file(filesystem, &path, budget).then_some(Place {
                path,
                directory,
                medium,
            })
        })
    })
}

/// SYSLINUX for EFI lies in a directory of a vendor or in that for removable media.
fn beside_efi_programs(filesystem: &dyn Filesystem, budget: &Budget) -> Vec<Place> {
    let Ok(efi) = FsPath::new("/EFI") else {
        return Vec::new();
    };
    let vendors = filesystem.read_dir(&efi).unwrap_or_default().into_iter();
    let vendors = vendors.filter(|entry| entry.kind == FileKind::Directory);
    let directories = vendors.filter_map(|entry| efi.join(&entry.name).ok());
    let places = directories.flat_map(|directory| {
        let (directory, names) = ([directory.as_str()], ["syslx64.cfg", "syslinux.cfg"]);
        let places = search(filesystem, &directory, &names, Medium::Disk, budget);
        places.collect::<Vec<Place>>()
    });
    places.take(MAX_BESIDE).collect()
}

/// What a server would give to PXELINUX, which lies beside the directory of its configurations.
fn for_the_network(filesystem: &dyn Filesystem, budget: &Budget) -> Option<Place> {
    let directory = FsPath::root();
    let path = directory.join("pxelinux.cfg/default").ok()?;
    let medium = Medium::Network;
    is_file(filesystem, &path, budget).then_some(Place {
        path,
        directory,
        medium,
    })
}

fn is_file(filesystem: &dyn Filesystem, path: &FsPath, budget: &Budget) -> bool {
    if budget.look(path).is_err() {
        return false;
    }
    let metadata = filesystem.metadata(path);
    metadata.is_ok_and(|metadata| metadata.kind == FileKind::File)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryFilesystem;

    #[test]
    fn the_first_that_is_there() {
        for (files, optical, path, directory, medium) in [
            (
                &["/extlinux.conf", "/extlinux/extlinux.conf"][..],
                false,
                "/extlinux/extlinux.conf",
                "/extlinux",
                Medium::Disk,
            ),
            (
                &["/isolinux/isolinux.cfg", "/syslinux.cfg"],
                false,
                "/syslinux.cfg",
                "/",
                Medium::Disk,
            ),
            (
                &["/isolinux/isolinux.cfg", "/syslinux.cfg"],
                true,
                "/isolinux/isolinux.cfg",
                "/isolinux",
                Medium::Optical,
            ),
            (
                &["/isolinux/isolinux.cfg"],
                false,
                "/isolinux/isolinux.cfg",
                "/isolinux",
                Medium::Disk,
            ),
            (
                &["/EFI/debian/x", "/EFI/syslinux/syslinux.cfg"],
                false,
                "/EFI/syslinux/syslinux.cfg",
                "/EFI/syslinux",
                Medium::Disk,
            ),
            (
                &["/boot/syslinux/syslinux.cfg"],
                true,
                "/boot/syslinux/syslinux.cfg",
                "/boot/syslinux",
                Medium::Optical,
            ),
            (
                &[
                    "/boot/extlinux/extlinux.conf",
                    "/boot/syslinux/syslinux.cfg",
                ],
                false,
                "/boot/extlinux/extlinux.conf",
                "/boot/extlinux",
                Medium::Disk,
            ),
            (
                &["/boot/syslinux/syslinux.cfg", "/syslinux/syslinux.cfg"],
                false,
                "/boot/syslinux/syslinux.cfg",
                "/boot/syslinux",
                Medium::Disk,
            ),
            (
                &["/syslinux/syslinux.cfg", "/boot/extlinux.conf"],
                false,
                "/syslinux/syslinux.cfg",
                "/syslinux",
                Medium::Disk,
            ),
            (
                &["/boot/extlinux.conf", "/EFI/BOOT/syslinux.cfg"],
                false,
                "/boot/extlinux.conf",
                "/boot",
                Medium::Disk,
            ),
            (
                &["/EFI/BOOT/syslinux.cfg", "/EFI/BOOT/syslx64.cfg"],
                false,
                "/EFI/BOOT/syslx64.cfg",
                "/EFI/BOOT",
                Medium::Disk,
            ),
            (
                &["/boot/isolinux/isolinux.cfg", "/isolinux/isolinux.cfg"],
                true,
                "/boot/isolinux/isolinux.cfg",
                "/boot/isolinux",
                Medium::Optical,
            ),
            (
                &["/boot/x86_64/loader/isolinux.cfg"],
                true,
                "/boot/x86_64/loader/isolinux.cfg",
                "/boot/x86_64/loader",
                Medium::Optical,
            ),
            (
                &["/isolinux.cfg", "/pxelinux.cfg/default"],
                true,
                "/isolinux.cfg",
                "/",
                Medium::Optical,
            ),
            (
                &["/pxelinux.cfg/default"],
                false,
                "/pxelinux.cfg/default",
                "/",
                Medium::Network,
            ),
        ] {
            let filesystem = files
                .iter()
                .fold(MemoryFilesystem::new(), |all, path| all.file(path, ""));
            let budget = Budget::of_disk(1);
            let found = all(&filesystem, optical, &budget).next().unwrap();
            assert_eq!(
                (found.path.as_str(), found.directory.as_str()),
                (path, directory)
            );
            assert_eq!(found.medium, medium);
        }
        let filesystem = MemoryFilesystem::new().file("/extlinux.conf/x", "");
        assert_eq!(all(&filesystem, false, &Budget::of_disk(1)).count(), 0);
    }
}
