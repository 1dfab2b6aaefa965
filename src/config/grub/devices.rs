//! Devices under the names that GRUB gives them.

use super::assembled;
use super::failure::{
    BAD_DEVICE, BAD_FILE_TYPE, BAD_FILENAME, FILE_NOT_FOUND, FILE_READ_ERROR, Failure, Outcome,
    UNKNOWN_DEVICE, UNKNOWN_FS, fail,
};
use crate::disk::{Content, Format, TableKind};
use crate::entry::{FileRef, VolumeId};
use crate::fs::{Filesystem, FsError, FsPath};
use crate::inventory::Inventory;

/// Every disk and partition. The disk that the configuration is on is `hd0`, as it is for the firmware
/// that starts GRUB from it.
pub(super) struct Devices<'a> {
    inventory: &'a Inventory,
    disks: Vec<Disk>,
}

pub(super) struct Disk {
    /// `hd0`
    pub(super) name: String,
    /// Another name: `cd0` of an optical medium, `lvmid/…` of a logical volume.
    pub(super) alias: Option<String>,
    /// The filesystem on the whole disk.
    pub(super) whole: Option<VolumeId>,
    /// Number and volume of the partitions.
    pub(super) partitions: Vec<(u32, VolumeId)>,
    /// What stands before the number: `gpt` or `msdos`.
    pub(super) scheme: &'static str,
}

impl<'a> Devices<'a> {
    /// Names all disks; the one with index `first` comes first.
    pub(super) fn new(inventory: &'a Inventory, first: usize) -> Devices<'a> {
        let others = (0..inventory.disks().len()).filter(|disk| *disk != first);
        let mut disks: Vec<Disk> = Vec::new();
        for (number, index) in std::iter::once(first).chain(others).enumerate() {
            let Some(scanned) = inventory.disks().get(index) else {
                continue;
            };
            let mut disk = Disk {
                name: format!("hd{number}"),
                alias: None,
                whole: None,
                partitions: Vec::new(),
                scheme: match scanned.layout.table {
                    Some(TableKind::Mbr) => "msdos",
                    Some(TableKind::Gpt) | None => "gpt",
                },
            };
            let volumes = inventory.volumes_of(index);
            for (id, volume) in volumes.filter(|(_, volume)| volume.assembled.is_none()) {
                match &volume.partition {
                    Some(partition) => disk.partitions.push((partition.number, id)),
                    None => {
                        disk.whole = Some(id);
                        if volume.content.format == Some(Format::Iso9660) {
                            let before = disks.iter().filter(|d| d.alias.is_some()).count();
                            disk.alias = Some(format!("cd{before}"));
                        }
                    }
                }
            }
            disks.push(disk);
        }
        disks.extend(assembled::disks(inventory, first));
        Devices { inventory, disks }
    }

    /// Names with their volumes, in GRUB's order: each disk, then its partitions from the last to the
    /// first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, Option<VolumeId>)> {
        self.disks.iter().flat_map(|disk| {
            let whole = (disk.name.clone(), disk.whole);
            std::iter::once(whole).chain(disk.partitions())
        })
    }

    /// The partitions of the disk `name`, in the order of their numbers.
    pub(super) fn partitions_of(&self, name: &str) -> Vec<(String, Option<VolumeId>)> {
        let disk = self.disks.iter().find(|disk| disk.is_called(name));
        let mut partitions: Vec<_> = disk.into_iter().flat_map(Disk::partitions).collect();
        partitions.reverse();
        partitions
    }

    /// The name of a volume.
    pub(super) fn name_of(&self, id: VolumeId) -> Option<String> {
        let named = self.iter().find(|(_, volume)| *volume == Some(id));
        named.map(|(name, _)| name)
    }

    /// The device `name`, written without parentheses.
    pub(super) fn find(&self, name: &str) -> Outcome<Option<VolumeId>> {
        let (disk_name, partition) = match name.split_once(',') {
            Some((disk, partition)) => (disk, Some(partition)),
            None => (name, None),
        };
        let disk = self.disks.iter().find(|disk| disk.is_called(disk_name));
        let Some(disk) = disk else {
            return fail(UNKNOWN_DEVICE, format!("disk `{disk_name}' not found"));
        };
        let Some(partition) = partition else {
            return Ok(disk.whole);
        };
        let number = partition.strip_prefix(disk.scheme).unwrap_or(partition);
        let number = number.parse::<u32>().ok();
        let found = disk.partitions.iter().find(|(n, _)| Some(*n) == number);
        match found {
            Some((_, id)) => Ok(Some(*id)),
            None => fail(UNKNOWN_DEVICE, "no such partition"),
        }
    }

    /// What is recognised on a volume, if it is a filesystem.
    pub(super) fn content(&self, id: VolumeId) -> Option<&Content> {
        let content = &self.inventory.volume(id)?.content;
        let holds_files = !matches!(
            content.format,
            None | Some(Format::Luks | Format::Lvm | Format::MdRaid | Format::Swap)
        );
        holds_files.then_some(content)
    }

    /// The UUID of a partition.
    pub(super) fn partition_uuid(&self, id: VolumeId) -> Option<&str> {
        let partition = self.inventory.volume(id)?.partition.as_ref()?;
        partition.uuid.as_deref()
    }

    /// The name of the partition table of the disk that holds a volume.
    pub(super) fn partition_table(&self, id: VolumeId) -> Option<&'static str> {
        let scanned = self.inventory.disk(id)?;
        let assembled = self.inventory.volume(id)?.assembled.as_ref();
        let table = assembled.map_or(scanned.layout.table, |assembled| assembled.table);
        match table? {
            TableKind::Gpt => Some("gpt"),
            TableKind::Mbr => Some("msdos"),
        }
    }

    /// The filesystem of a volume.
    pub(super) fn filesystem(&self, id: VolumeId) -> Outcome<&dyn Filesystem> {
        let filesystem = self.inventory.filesystem(id);
        filesystem.map_err(|_| Failure::new(UNKNOWN_FS, "unknown filesystem"))
    }

    /// The file that `name` means: `(device)/path`, or a path on the device `root`.
    pub(super) fn locate(&self, name: &str, root: Option<&str>) -> Outcome<FileRef> {
        let (device, path) = match name.strip_prefix('(') {
            Some(rest) => match rest.split_once(')') {
                Some(parts) => parts,
                None => return fail(BAD_FILENAME, "missing `)' symbol"),
            },
            None => (root.unwrap_or_default(), name),
        };
        if device.is_empty() {
            return fail(BAD_DEVICE, "variable `root' isn't set");
        }
        // `root` may be set with parentheses.
        let device = device.strip_prefix('(').unwrap_or(device);
        let device = device.strip_suffix(')').unwrap_or(device);
        let volume = self.find(device)?;
        let Some(volume) = volume else {
            return fail(UNKNOWN_FS, "unknown filesystem");
        };
        if !path.starts_with('/') {
            return fail(BAD_FILENAME, format!("invalid file name `{path}'"));
        }
        match FsPath::new(path) {
            Ok(path) => Ok(FileRef { volume, path }),
            Err(error) => fail(BAD_FILENAME, error.to_string()),
        }
    }

    /// The content of a file of at most `limit` bytes.
    pub(super) fn read(&self, file: &FileRef, limit: usize) -> Outcome<Vec<u8>> {
        let content = self.filesystem(file.volume)?.read(&file.path, limit);
        content.map_err(|error| file_failure(file, &error))
    }

    /// Is it a file that can be opened?
    pub(super) fn check(&self, file: &FileRef) -> Outcome {
        match self.filesystem(file.volume)?.open(&file.path) {
            Ok(_) => Ok(()),
            Err(error) => Err(file_failure(file, &error)),
        }
    }
}

impl Disk {
    fn partitions(&self) -> impl Iterator<Item = (String, Option<VolumeId>)> {
        let named = |(number, id): &(u32, VolumeId)| {
            let name = format!("{},{}{number}", self.name, self.scheme);
            (name, Some(*id))
        };
        self.partitions.iter().rev().map(named)
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.alias.as_deref() == Some(name)
    }
}

fn file_failure(file: &FileRef, error: &FsError) -> Failure {
    let path = &file.path;
    match error {
        FsError::NotFound => Failure::new(FILE_NOT_FOUND, format!("file `{path}' not found")),
        FsError::NotADirectory => Failure::new(BAD_FILE_TYPE, "not a directory"),
        FsError::NotAFile => Failure::new(BAD_FILE_TYPE, "not a regular file"),
        other => Failure::new(FILE_READ_ERROR, format!("{path}: {other}")),
    }
}
