//! Devices under the names that GRUB gives them.

use super::assembled;
use super::blocklist;
use super::failure::{
    BAD_ARGUMENT, BAD_DEVICE, BAD_FILE_TYPE, BAD_FILENAME, FILE_NOT_FOUND, FILE_READ_ERROR,
    Failure, Outcome, UNKNOWN_DEVICE, UNKNOWN_FS, fail,
};
use crate::disk::{Content, Format, Layout, Partition, TableKind, Volume};
use crate::entry::{FileRef, SavePlace, VolumeId};
use crate::fs::{Filesystem, FsError, FsPath};
use crate::inventory::{ImageError, Inventory};
use crate::smbios::Smbios;

/// Files that are devices at the same time. Looking for one, and `search`, go through all of them.
const MAX_IMAGES: usize = 64;

/// Every disk and partition. The disk that the configuration is on is `hd0`, as it is for the firmware
/// that starts GRUB from it.
#[derive(Clone)]
pub(super) struct Devices<'a> {
    inventory: &'a Inventory,
    disks: Vec<Disk>,
    /// How many of them are files, which come first, the newest before the others.
    images: usize,
}

#[derive(Clone)]
pub(super) struct Disk {
    /// `hd0`
    pub(super) name: String,
    /// The number of an optical medium: 0 for `cd0`.
    pub(super) optical: Option<usize>,
    /// Another name: `lvmid/…` of a logical volume.
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
            let volume = |volume| VolumeId {
                disk: index,
                volume,
            };
            let mut disk = Disk::new(format!("hd{number}"), &scanned.layout, volume);
            let whole = disk.whole.and_then(|id| inventory.volume(id));
            if whole.is_some_and(|volume| volume.content.format == Some(Format::Iso9660)) {
                disk.optical = Some(disks.iter().filter(|d| d.optical.is_some()).count());
            }
            disks.push(disk);
        }
        disks.extend(assembled::disks(inventory, first));
        Devices {
            inventory,
            disks,
            images: 0,
        }
    }

    /// Makes a device of a file.
    pub(super) fn attach(&mut self, name: &str, file: &FileRef) -> Outcome {
        let images = self.disks.get(..self.images).unwrap_or_default();
        if images.iter().any(|disk| disk.name == name) {
            return fail(BAD_ARGUMENT, "device name already exists");
        }
        if images.len() >= MAX_IMAGES {
            let text = format!("{MAX_IMAGES} files are devices already");
            return fail(BAD_DEVICE, text);
        }
        let image = match self.inventory.open_image(file) {
            Ok(image) => image,
            Err(ImageError::File(error)) => return Err(file_failure(file, &error)),
            Err(error) => return fail(FILE_READ_ERROR, format!("{}: {error}", file.path)),
        };
        let disk = Disk::new(name.to_owned(), &image.layout, |index| image.volume(index));
        self.disks.insert(0, disk);
        self.images = self.images.saturating_add(1);
        Ok(())
    }

    /// Takes the device of a file away.
    pub(super) fn detach(&mut self, name: &str) -> Outcome {
        let images = self.disks.get(..self.images).unwrap_or_default();
        let Some(at) = images.iter().position(|disk| disk.name == name) else {
            return fail(BAD_DEVICE, "device not found");
        };
        self.disks.remove(at);
        self.images = self.images.saturating_sub(1);
        Ok(())
    }

    /// Is this on a disk that is a file?
    pub(super) fn is_image(&self, id: VolumeId) -> bool {
        self.inventory.image(id).is_some()
    }

    /// Names with their volumes, in GRUB's order: each disk, then its partitions from the last to the
    /// first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, Option<VolumeId>)> {
        self.disks.iter().flat_map(|disk| {
            let whole = (disk.name.clone(), disk.whole);
            std::iter::once(whole).chain(disk.partitions())
        })
    }

    /// How many names there are.
    pub(super) fn count(&self) -> usize {
        let partitions = self.disks.iter().map(|disk| disk.partitions.len());
        partitions.fold(self.disks.len(), usize::saturating_add)
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
            return fail(UNKNOWN_DEVICE, no_disk(disk_name));
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

    /// What the partition table says of a partition.
    pub(super) fn partition(&self, id: VolumeId) -> Option<&Partition> {
        self.inventory.volume(id)?.partition.as_ref()
    }

    /// The UUID of a partition.
    pub(super) fn partition_uuid(&self, id: VolumeId) -> Option<&str> {
        self.partition(id)?.uuid.as_deref()
    }

    /// What the firmware says of the machine.
    pub(super) fn smbios(&self) -> Option<&Smbios> {
        self.inventory.smbios()
    }

    /// The name of a partition in a GPT.
    pub(super) fn partition_label(&self, id: VolumeId) -> Option<&str> {
        let partition = self.inventory.volume(id)?.partition.as_ref()?;
        partition.name.as_deref()
    }

    /// The name of the partition table of the disk that holds a volume.
    pub(super) fn partition_table(&self, id: VolumeId) -> Option<&'static str> {
        let assembled = self.inventory.volume(id)?.assembled.as_ref();
        let table = match assembled {
            Some(assembled) => assembled.table,
            None => self.inventory.layout(id)?.table,
        };
        table.map(scheme)
    }

    /// The filesystem of a volume.
    pub(super) fn filesystem(&self, id: VolumeId) -> Outcome<&dyn Filesystem> {
        let filesystem = self.inventory.filesystem(id);
        filesystem.map_err(|_| Failure::new(UNKNOWN_FS, "unknown filesystem"))
    }

    /// The volume on which `name` means a file, and which: `(device)/path`, or a path on the device `root`.
    fn volume_and_path<'n>(
        &self,
        name: &'n str,
        root: Option<&'n str>,
    ) -> Outcome<(VolumeId, &'n str)> {
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
        match volume {
            Some(volume) => Ok((volume, path)),
            None => fail(UNKNOWN_FS, "unknown filesystem"),
        }
    }

    /// The file that `name` means.
    pub(super) fn locate(&self, name: &str, root: Option<&str>) -> Outcome<FileRef> {
        let (volume, path) = self.volume_and_path(name, root)?;
        if !path.starts_with('/') {
            return fail(BAD_FILENAME, format!("invalid file name `{path}'"));
        }
        // One file is not two where a medium and its partition show the same.
        let volume = self.inventory.canonical(volume);
        match FsPath::new(path) {
            Ok(path) => Ok(FileRef { volume, path }),
            Err(error) => fail(BAD_FILENAME, error.to_string()),
        }
    }

    /// The file or the block list that `name` means.
    pub(super) fn locate_any(&self, name: &str, root: Option<&str>) -> Outcome<SavePlace> {
        let (id, path) = self.volume_and_path(name, root)?;
        if path.starts_with('/') {
            return self.locate(name, root).map(SavePlace::File);
        }
        let size = self.inventory.volume(id).map_or(0, |volume| volume.size);
        Ok(SavePlace::Parts(id, blocklist::parse(path, size)?))
    }

    /// The content of a file or a block list of at most `limit` bytes.
    pub(super) fn read_any(&self, place: &SavePlace, limit: usize) -> Outcome<Vec<u8>> {
        match place {
            SavePlace::File(file) => self.read(file, limit),
            SavePlace::Parts(..) => {
                let content = self.inventory.read_saved(place, limit);
                content.map_err(|error| Failure::new(FILE_READ_ERROR, error.to_string()))
            }
        }
    }

    /// Are both the same on the disk? Larger ones than `limit` bytes are not compared.
    pub(super) fn is_same(&self, a: &SavePlace, b: &SavePlace, limit: u64) -> bool {
        self.inventory.is_same_place(a, b, limit)
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

/// Why there is no disk of this name.
fn no_disk(name: &str) -> String {
    let kind = name.split(['/', ',']).next().unwrap_or_default();
    let reason = match kind {
        "memdisk" => "is inside of GRUB's own program, which is not started here",
        "cryptouuid" => "is encrypted, and encrypted disks can't be opened",
        "http" | "https" | "pxe" | "tftp" => "is on a network, and networks are not used",
        _ if kind.strip_prefix("crypto").is_some_and(is_number) => {
            "is encrypted, and encrypted disks can't be opened"
        }
        _ => "not found",
    };
    format!("disk `{name}' {reason}")
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// GRUB's name of a partition table.
pub(super) fn scheme(table: TableKind) -> &'static str {
    match table {
        TableKind::Gpt => "gpt",
        TableKind::Mbr => "msdos",
    }
}

impl Disk {
    /// The disk with this layout, the volumes of which have these ids.
    fn new(name: String, layout: &Layout, id: impl Fn(usize) -> VolumeId) -> Disk {
        // What was put together from pieces has names of its own.
        let volumes = || {
            let all = (0..).map(&id).zip(&layout.volumes);
            all.filter(|(_, volume)| volume.assembled.is_none())
        };
        let number =
            |(id, volume): (VolumeId, &Volume)| Some((volume.partition.as_ref()?.number, id));
        // A partition of a hybrid medium may begin where the disk begins: then it is the whole, too.
        let is_whole = |volume: &Volume| match &volume.partition {
            None => true,
            Some(_) => volume.offset == 0 && volume.content.format == Some(Format::Iso9660),
        };
        let mut wholes = volumes().filter(|(_, volume)| is_whole(volume));
        Disk {
            name,
            optical: None,
            alias: None,
            whole: wholes.next().map(|(id, _)| id),
            partitions: volumes().filter_map(number).collect(),
            scheme: layout.table.map_or("gpt", scheme),
        }
    }

    fn partitions(&self) -> impl Iterator<Item = (String, Option<VolumeId>)> {
        let named = |(number, id): &(u32, VolumeId)| {
            let name = format!("{},{}{number}", self.name, self.scheme);
            (name, Some(*id))
        };
        self.partitions.iter().rev().map(named)
    }

    fn is_called(&self, name: &str) -> bool {
        match (self.optical, name.strip_prefix("cd")) {
            (Some(0), Some("")) => true,
            (Some(own), Some(number)) if number.parse() == Ok(own) => true,
            _ => self.name == name || self.alias.as_deref() == Some(name),
        }
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
