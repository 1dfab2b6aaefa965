//! [`Place`]: what a loader is at work on, by names that mean the same to the next loader.

use std::fmt;

use crate::disk::{Disk, Found};
use crate::entry::VolumeId;
use crate::inventory::Inventory;
use crate::text::Printable;

/// Something on which a loader may die.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A disk: opening it, reading its partition table, recognising what is on it.
    Disk(DiskName),
    /// A volume: reading its filesystem and its boot configuration.
    Volume(VolumeName),
    /// An entry: reading and loading its files.
    Entry(EntryName),
    /// The machine's own memory: UEFI variables, and what the management controller keeps.
    Firmware,
}

/// A disk. Another medium of the same name has another sequence number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DiskName {
    /// Its node.
    pub(super) path: String,
    /// `diskseq`, where the kernel counts.
    pub(super) sequence: Option<u64>,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct VolumeName {
    /// Its disk.
    pub(super) disk: DiskName,
    /// What it is in or is, if not simply on the disk: an image, as people find the file, or a logical volume or
    /// an array that has its first piece there.
    pub(super) inside: Option<String>,
    /// The number of the partition; `None` for a whole disk.
    pub(super) partition: Option<u32>,
    /// Where it begins there, in bytes.
    pub(super) offset: u64,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryName {
    /// Where its configuration lies.
    pub(super) volume: VolumeName,
    /// The configuration file there.
    pub(super) path: String,
    /// The line in it, where the language has lines.
    pub(super) line: Option<u32>,
    /// How many entries of the same file and line came before it: a loop makes several.
    pub(super) nth: u32,
}

impl DiskName {
    /// The name of a disk that is not open yet.
    pub(super) fn found(found: &Found) -> DiskName {
        DiskName {
            path: found.node.display().to_string(),
            sequence: found.sequence,
        }
    }

    /// The name of an open disk.
    pub(super) fn of(disk: &Disk) -> DiskName {
        DiskName {
            path: disk.path.display().to_string(),
            sequence: disk.hardware.sequence,
        }
    }
}

impl VolumeName {
    /// The name of a volume; `None` where there is none.
    pub(super) fn of(inventory: &Inventory, id: VolumeId) -> Option<VolumeName> {
        let (scanned, volume) = inventory.disk(id).zip(inventory.volume(id))?;
        let image = inventory.image(id);
        let image = image.map(|image| inventory.describe(&image.file).to_string());
        let assembled = volume.assembled.as_ref();
        let assembled =
            assembled.map(|names| format!("{} {}", scanned.disk.path.display(), names.id));
        Some(VolumeName {
            disk: DiskName::of(&scanned.disk),
            inside: image.or(assembled),
            partition: volume.partition.as_ref().map(|found| found.number),
            offset: volume.offset,
        })
    }
}

impl Place {
    /// The disk that it is or lies on, if any.
    pub(super) fn disk(&self) -> Option<&DiskName> {
        match self {
            Place::Disk(disk) => Some(disk),
            Place::Volume(volume) => Some(&volume.disk),
            Place::Entry(entry) => Some(&entry.volume.disk),
            Place::Firmware => None,
        }
    }
}

/// For people: nothing in it moves a cursor.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (volume, entry) = match self {
            Place::Disk(disk) => return write!(f, "{}", Printable(&disk.path)),
            Place::Volume(volume) => (volume, None),
            Place::Entry(entry) => (&entry.volume, Some(entry)),
            Place::Firmware => return f.write_str("the firmware"),
        };
        let around = volume.inside.as_ref().unwrap_or(&volume.disk.path);
        write!(f, "{}", Printable(around))?;
        if let Some(number) = volume.partition {
            write!(f, " partition {number}")?;
        }
        if let Some(entry) = entry {
            write!(f, ": {}", Printable(&entry.path))?;
            if let Some(line) = entry.line {
                write!(f, " line {line}")?;
            }
        }
        Ok(())
    }
}
