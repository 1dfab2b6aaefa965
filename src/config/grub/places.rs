//! Where distributions put their configurations, and how they lead to each other.

use std::collections::BTreeSet;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::evaluate::{Evaluated, evaluate};
use super::platform::Platform;
use crate::disk::{Format, Partition, PartitionKind, TableKind};
use crate::entry::{FileRef, VolumeId};
use crate::fs::{FileKind, Filesystem, FsPath};
use crate::inventory::Inventory;

/// The configurations of a machine, each of which is read once.
#[derive(Default)]
pub struct Configurations {
    reached: BTreeSet<FileRef>,
    /// What those of the usual names are, whatever path leads to them.
    identities: Vec<Identity>,
    /// What was said of a volume already.
    said: Vec<(VolumeId, String)>,
}

impl Configurations {
    /// Evaluates those on the volumes of one disk. Those come first that stand beside GRUB itself and lead
    /// on to others.
    pub fn read(
        &mut self,
        inventory: &Inventory,
        volumes: impl IntoIterator<Item = VolumeId>,
    ) -> Vec<(FileRef, Evaluated)> {
        let mut files = Vec::new();
        for volume in volumes {
            let Ok(filesystem) = inventory.filesystem(volume) else {
                continue;
            };
            let places = places(filesystem, Kind::of(inventory, volume)).into_iter();
            files.extend(places.map(|path| FileRef { volume, path }));
        }
        files.sort_by_key(|file| !is_stub(&file.path));
        let mut all = Vec::new();
        for file in files {
            if self.is_known(inventory, &file) {
                continue;
            }
            if all.len() >= MAX_CONFIGURATIONS {
                let text = format!(
                    "{}: the disk has over {MAX_CONFIGURATIONS} configurations: it is left out, and those \
                     that follow",
                    file.path
                );
                let problems = vec![text];
                let left_out = Evaluated {
                    problems,
                    ..Evaluated::default()
                };
                all.push((file, left_out));
                break;
            }
            let platform = Platform::of(inventory, &file);
            let mut evaluated = evaluate(inventory, &file, platform);
            self.drop_known(inventory, &file, &mut evaluated);
            let reached = evaluated.reached.iter();
            let new = reached.filter_map(|file| Identity::of(inventory, file));
            self.identities.extend(new);
            self.reached.extend(evaluated.reached.iter().cloned());
            all.push((file, evaluated));
        }
        all
    }

    /// Was this file read as a script, or as an entry that a script asked for?
    pub fn has_read(&self, file: &FileRef) -> bool {
        self.reached.contains(file)
    }

    /// The same, where another path may have led to it.
    fn is_known(&self, inventory: &Inventory, file: &FileRef) -> bool {
        let is_known = |identity| self.identities.contains(&identity);
        self.has_read(file) || Identity::of(inventory, file).is_some_and(is_known)
    }

    /// What leads to a configuration that was read before offers nothing new.
    fn drop_known(&mut self, inventory: &Inventory, file: &FileRef, evaluated: &mut Evaluated) {
        let scripts = evaluated.reached.iter();
        let known = scripts.filter(|script| *script != file && self.is_known(inventory, script));
        let known: BTreeSet<FileRef> = known.cloned().collect();
        let entries = &mut evaluated.entries;
        entries.retain(|entry| !known.contains(&entry.origin.file));
        let is_new = |text: &String| {
            let said = (file.volume, text.clone());
            let is_new = !self.said.contains(&said);
            if is_new {
                self.said.push(said);
            }
            is_new
        };
        evaluated.problems.retain(is_new);
    }
}

/// A disk with more configurations, not counting those that others lead to, is an attack or a mistake.
const MAX_CONFIGURATIONS: usize = 64;

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
fn is_stub(path: &FsPath) -> bool {
    path.components()
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case("EFI"))
}

fn is_file(filesystem: &dyn Filesystem, path: &FsPath) -> bool {
    let metadata = filesystem.metadata(path);
    metadata.is_ok_and(|metadata| metadata.kind == FileKind::File)
}

/// What tells a configuration from others on its volume. Symbolic links lead to one by several paths:
/// `/boot/boot` is often one to `/boot` itself.
#[derive(PartialEq, Eq)]
enum Identity {
    /// Where it lies, in bytes.
    Place(VolumeId, Vec<Range<u64>>),
    /// Where nobody can tell: when it was changed, and the SHA-256 of what it says.
    Content(VolumeId, Option<i64>, [u8; 32]),
}

impl Identity {
    /// `None` for a file that has another name than those that are looked for, and one that can't be read.
    fn of(inventory: &Inventory, file: &FileRef) -> Option<Identity> {
        let FileRef { volume, path } = file;
        let name = path.file_name();
        let names = ["grub.cfg", "loopback.cfg"];
        if !names.iter().any(|usual| name.eq_ignore_ascii_case(usual)) {
            return None;
        }
        let filesystem = inventory.filesystem(*volume).ok()?;
        if let Ok(ranges) = filesystem.locate(path, MAX_SIZE as u64) {
            return Some(Identity::Place(*volume, ranges));
        }
        let modified = filesystem.metadata(path).ok()?.modified;
        let content = filesystem.read(path, MAX_SIZE).ok()?;
        let digest = Sha256::digest(content).into();
        Some(Identity::Content(*volume, modified, digest))
    }
}

/// Longer scripts are not read, in bytes.
const MAX_SIZE: usize = super::commands::MAX_SCRIPT;

impl Platform {
    /// The GRUB that a configuration is made for: that for EFI where it is beside one, or the disk has an
    /// EFI system partition; that for a BIOS where the disk has a place for it. Otherwise what the other
    /// disks have decides.
    fn of(inventory: &Inventory, file: &FileRef) -> Platform {
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

    #[test]
    fn a_disk_with_too_many_configurations_says_so() {
        let files = (0..70).fold(MemoryFilesystem::new(), |all, number| {
            all.file(
                &format!("/EFI/{number:02}/grub.cfg"),
                format!("x={number}\n"),
            )
        });
        let mut inventory = Inventory::new();
        let volume = inventory.add_filesystem("a", Box::new(files));
        let all = Configurations::default().read(&inventory, [volume]);
        assert_eq!(all.len(), MAX_CONFIGURATIONS + 1);
        let (file, last) = &all[MAX_CONFIGURATIONS];
        assert_eq!(file.path.as_str(), "/EFI/64/grub.cfg");
        assert_eq!(
            last.problems,
            [
                "/EFI/64/grub.cfg: the disk has over 64 configurations: it is left out, and those that \
                 follow"
            ]
        );
    }
}
