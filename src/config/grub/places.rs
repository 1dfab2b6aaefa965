//! Where distributions put their configurations.

use super::platform::Platform;
use crate::disk::{Format, Partition, PartitionKind, TableKind};
use crate::entry::{FileRef, VolumeId};
use crate::fs::{FileKind, Filesystem, FsPath};
use crate::inventory::Inventory;

/// On a root filesystem, or on a `/boot` of its own.
const PLACES: [&str; 4] = [
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/grub/grub.cfg",
    "/grub2/grub.cfg",
];

/// Where the root filesystem is on a btrfs of which everything is seen: the subvolumes of Ubuntu, Arch and
/// openSUSE; of Debian; of Fedora.
const SUBVOLUMES: [&str; 3] = ["/@", "/@rootfs", "/root"];

/// Media that are started from a file.
const LOOPBACK: &str = "/boot/grub/loopback.cfg";

/// What a volume is to whoever looks for configurations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Firmware may start a program from it.
    Firmware,
    Btrfs,
    Other,
}

impl Kind {
    fn of(inventory: &Inventory, id: VolumeId) -> Kind {
        let Some(volume) = inventory.volume(id) else {
            return Kind::Other;
        };
        let is_esp = volume.partition.as_ref().is_some_and(Partition::is_esp);
        match volume.content.format {
            // Removable media often have no EFI system partition, and are started all the same.
            Some(Format::Fat) => Kind::Firmware,
            Some(Format::Btrfs) => Kind::Btrfs,
            _ if is_esp => Kind::Firmware,
            _ => Kind::Other,
        }
    }
}

/// The configurations on volumes of a disk. Those come first that stand beside GRUB itself and lead on to
/// others.
pub(super) fn files(
    inventory: &Inventory,
    volumes: impl IntoIterator<Item = VolumeId>,
) -> Vec<FileRef> {
    let mut files = Vec::new();
    for volume in volumes {
        let Ok(filesystem) = inventory.filesystem(volume) else {
            continue;
        };
        let places = places(filesystem, Kind::of(inventory, volume)).into_iter();
        files.extend(places.map(|path| FileRef { volume, path }));
    }
    files.sort_by_key(|file| !is_stub(&file.path));
    files
}

/// The configurations on a volume, those first that lead on to others.
fn places(filesystem: &dyn Filesystem, kind: Kind) -> Vec<FsPath> {
    let mut found = Vec::new();
    let exists = |path: &FsPath| is_file(filesystem, path);
    if kind == Kind::Firmware {
        found.extend(stubs(filesystem));
    }
    let roots = match kind {
        Kind::Btrfs => &SUBVOLUMES[..],
        _ => &[],
    };
    let roots = std::iter::once("").chain(roots.iter().copied());
    let usual = roots.flat_map(|root| PLACES.iter().map(move |place| format!("{root}{place}")));
    let usual = usual.filter_map(|place| FsPath::new(&place).ok());
    found.extend(usual.filter(exists));
    if found.is_empty() {
        // An optical medium, which firmware starts through an image in it.
        found.extend(stubs(filesystem));
    }
    if found.is_empty() {
        found.extend(FsPath::new(LOOPBACK).ok().filter(exists));
    }
    found
}

/// The configurations beside the programs that EFI firmware starts. The one that it starts without being
/// told comes last: where a system is installed, that is a copy.
fn stubs(filesystem: &dyn Filesystem) -> Vec<FsPath> {
    let Ok(efi) = FsPath::new("/EFI") else {
        return Vec::new();
    };
    let list = filesystem.read_dir(&efi).unwrap_or_default();
    let directories = list.iter().filter(|e| e.kind == FileKind::Directory);
    let (copies, own): (Vec<_>, Vec<_>) =
        directories.partition(|entry| entry.name.eq_ignore_ascii_case("BOOT"));
    let paths = own.into_iter().chain(copies).filter_map(|entry| {
        let directory = efi.join(&entry.name).ok()?;
        directory.join("grub.cfg").ok()
    });
    paths.filter(|path| is_file(filesystem, path)).collect()
}

/// Is it beside GRUB on an EFI system partition, and probably leads on to the configuration itself?
pub(super) fn is_stub(path: &FsPath) -> bool {
    path.components()
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case("EFI"))
}

fn is_file(filesystem: &dyn Filesystem, path: &FsPath) -> bool {
    let metadata = filesystem.metadata(path);
    metadata.is_ok_and(|metadata| metadata.kind == FileKind::File)
}

impl Platform {
    /// The GRUB that a configuration is made for: that for EFI where it is beside one, or the disk has an
    /// EFI system partition; that for a BIOS where the disk has a place for it. Otherwise what the other
    /// disks have decides.
    pub(super) fn of(inventory: &Inventory, file: &FileRef) -> Platform {
        let Some(layout) = inventory.layout(file.volume) else {
            return Platform::Pc;
        };
        let volumes = layout.volumes.iter();
        let mut own = volumes.filter_map(|volume| volume.partition.as_ref());
        if is_stub(&file.path) || own.clone().any(Partition::is_esp) {
            return Platform::Efi;
        }
        if layout.table == Some(TableKind::Mbr) || own.any(is_bios_boot) {
            return Platform::Pc;
        }
        let mut all = inventory.volumes();
        match all.any(|(_, volume)| volume.partition.as_ref().is_some_and(Partition::is_esp)) {
            true => Platform::Efi,
            false => Platform::Pc,
        }
    }
}

/// Where GRUB for a BIOS keeps itself on a disk with a GPT.
fn is_bios_boot(partition: &Partition) -> bool {
    match &partition.kind {
        PartitionKind::Gpt(guid) => guid == "21686148-6449-6e6f-744e-656564454649",
        PartitionKind::Mbr(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryFilesystem;

    fn found(files: &[&str], kind: Kind) -> Vec<String> {
        let filesystem = files
            .iter()
            .fold(MemoryFilesystem::new(), |all, path| all.file(path, ""));
        let places = places(&filesystem, kind);
        places.iter().map(FsPath::to_string).collect()
    }

    #[test]
    fn what_distributions_write() {
        for (kind, files, expected) in [
            (
                Kind::Firmware,
                &["/EFI/debian/grub.cfg", "/EFI/BOOT/BOOTX64.EFI"][..],
                &["/EFI/debian/grub.cfg"][..],
            ),
            (
                Kind::Firmware,
                &[
                    "/EFI/BOOT/grub.cfg",
                    "/EFI/debian/grub.cfg",
                    "/EFI/arch/grub.cfg",
                    "/grub/grub.cfg",
                ],
                &[
                    "/EFI/arch/grub.cfg",
                    "/EFI/debian/grub.cfg",
                    "/EFI/BOOT/grub.cfg",
                    "/grub/grub.cfg",
                ],
            ),
            (
                Kind::Other,
                &["/boot/grub/grub.cfg", "/boot/grub/loopback.cfg"],
                &["/boot/grub/grub.cfg"],
            ),
            (
                Kind::Other,
                &[
                    "/grub2/grub.cfg",
                    "/EFI/x/grub.cfg",
                    "/@/boot/grub/grub.cfg",
                ],
                &["/grub2/grub.cfg"],
            ),
            (
                Kind::Other,
                &["/EFI/BOOT/grub.cfg", "/boot/grub/loopback.cfg"],
                &["/EFI/BOOT/grub.cfg"],
            ),
            (
                Kind::Other,
                &["/boot/grub/loopback.cfg"],
                &["/boot/grub/loopback.cfg"],
            ),
            (Kind::Other, &["/boot/grub/grub.cfg/x"], &[]),
            (
                Kind::Btrfs,
                &[
                    "/@/boot/grub/grub.cfg",
                    "/@rootfs/boot/grub/grub.cfg",
                    "/boot/grub2/grub.cfg",
                ],
                &[
                    "/boot/grub2/grub.cfg",
                    "/@/boot/grub/grub.cfg",
                    "/@rootfs/boot/grub/grub.cfg",
                ],
            ),
        ] {
            assert_eq!(found(files, kind), expected);
        }
        assert!(is_stub(&FsPath::new("/efi/debian/grub.cfg").unwrap()));
        assert!(!is_stub(&FsPath::new("/boot/grub/grub.cfg").unwrap()));
    }
}
