//! Automatic Boot Assessment: counting a boot in the name of its entry's file.

use std::fmt;
use std::path::Path;

use super::renaming::{RenameError, Renaming};
use crate::config::bls::{Counter, Place};
use crate::entry::{BootEntry, EntrySource, VolumeId};
use crate::fs::FsPath;
use crate::inventory::Inventory;
use crate::policy::Counting;
use crate::text::Printable;

/// So many names are tried where others have the first ones.
const MAX_NAMES: usize = 16;

/// Is a boot of this entry counted? `can_confirm` tells whether a booted system can be told where its counter
/// is. systemd-bless-boot looks for that on the EFI system partition and XBOOTLDR alone.
pub fn is_counted(
    inventory: &Inventory,
    entry: &BootEntry,
    policy: Counting,
    can_confirm: bool,
) -> bool {
    let has_counter =
        matches!(entry.source, EntrySource::Bls | EntrySource::Uki) && entry.tries_left.is_some();
    let place = inventory.volume(entry.origin.file.volume);
    let place = place.map(|volume| Place::of(volume.purpose()));
    let is_looked_at = matches!(place, Some(Place::Esp | Place::Xbootldr));
    has_counter
        && match policy {
            Counting::Confirmable => can_confirm && is_looked_at,
            Counting::Always => true,
            Counting::Never => false,
        }
}

/// How the file of `entry` is named once a boot of it is counted; one without tries left keeps its name.
///
/// # Errors
/// [`CountError`]; no boot can be counted then.
pub fn counted_name(inventory: &Inventory, entry: &BootEntry) -> Result<FsPath, CountError> {
    let file = &entry.origin.file;
    if entry.tries_left == Some(0) {
        return Ok(file.path.clone());
    }
    let (directory, old) = split(&file.path);
    let new = new_name(inventory, file.volume, directory, old);
    let renamed = new.and_then(|new| FsPath::new(&format!("{directory}/{new}")).ok());
    renamed.ok_or_else(|| CountError::new(inventory, entry, Reason::NoName))
}

/// Counts a boot of `entry` by renaming its file to this name. The filesystem is mounted below `mounts` for that.
///
/// # Errors
/// [`CountError`]; the boot is not counted then.
pub fn count(
    inventory: &Inventory,
    entry: &BootEntry,
    name: &FsPath,
    mounts: &Path,
) -> Result<(), CountError> {
    let file = &entry.origin.file;
    let at = |reason| CountError::new(inventory, entry, reason);
    if file.path == *name {
        return Ok(());
    }
    let (directory, old) = split(&file.path);
    let (_, new) = split(name);
    let volume = inventory
        .volume(file.volume)
        .filter(|volume| volume.assembled.is_none() && inventory.image(file.volume).is_none());
    let format = volume.and_then(|volume| volume.content.format);
    let node = volume.and_then(|volume| volume.device.as_ref()?.node());
    let point = mounts.join("counting");
    let renaming = node
        .zip(format)
        .and_then(|(node, format)| Renaming::new(&node, format, &point, directory, (old, new)));
    let renaming = renaming.ok_or_else(|| at(Reason::Unwritable))?;
    std::fs::create_dir_all(&point).map_err(|error| at(Reason::Point(error)))?;
    let description = inventory.describe(file).to_string();
    log::info!(
        "counting this boot: {} becomes {new}",
        Printable(&description)
    );
    renaming.run().map_err(|error| at(Reason::Kernel(error)))
}

/// The directory of a file, and its name there.
fn split(path: &FsPath) -> (&str, &str) {
    let path = path.as_str();
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The first of the names that follow in counting, and that no other file has. Where the power went while FAT had
/// the old and the new name of a file, this one is the old one again, and must not stay as it is. The other one
/// can't be taken away: on FAT the content would go with it.
fn new_name(inventory: &Inventory, volume: VolumeId, directory: &str, old: &str) -> Option<String> {
    let path = FsPath::new(directory).ok()?;
    let files = inventory.filesystem(volume).ok()?.read_dir(&path).ok()?;
    let is_taken = |name: &str| {
        files
            .iter()
            .any(|file| file.name.eq_ignore_ascii_case(name))
    };
    let next = |name: &str| {
        let mut suffixes = [".conf", ".efi"].into_iter();
        suffixes.find_map(|suffix| Counter::next(name, suffix))
    };
    let names = std::iter::successors(next(old), |name| next(name));
    names.take(MAX_NAMES).find(|name| !is_taken(name))
}

/// A boot was not counted.
#[derive(Debug)]
pub struct CountError {
    /// The file, with disk and partition.
    file: String,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    NoName,
    Unwritable,
    Point(std::io::Error),
    Kernel(RenameError),
}

impl CountError {
    fn new(inventory: &Inventory, entry: &BootEntry, reason: Reason) -> CountError {
        let file = inventory.describe(&entry.origin.file).to_string();
        CountError { file, reason }
    }
}

impl fmt::Display for CountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: this boot is not counted: ", self.file)?;
        match &self.reason {
            Reason::NoName => f.write_str("other files have the names that follow"),
            Reason::Unwritable => f.write_str(
                "files are only renamed on FAT and ext4, in a partition that the kernel sees or a whole disk",
            ),
            Reason::Point(error) => write!(f, "no directory for the mount: {error}"),
            Reason::Kernel(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for CountError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Point(error) => Some(error),
            Reason::NoName | Reason::Unwritable | Reason::Kernel(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    use crate::fs::MemoryFilesystem;

    /// An inventory with one volume that is none of systemd's places, and a counted entry there.
    fn machine() -> (Inventory, BootEntry) {
        let mut inventory = Inventory::new();
        let filesystem = MemoryFilesystem::new().file("/loader/entries/a+3.conf", "");
        inventory.add_filesystem("uuid", Box::new(filesystem));
        let mut entry = BootEntry::on_disk(0, "a.conf");
        entry.tries_left = Some(3);
        entry.origin.file.path = FsPath::new("/loader/entries/a+3.conf").unwrap();
        (inventory, entry)
    }

    #[test]
    fn policy_decides_where_nobody_confirms() {
        let (inventory, entry) = machine();
        let counted = |entry: &BootEntry, policy| is_counted(&inventory, entry, policy, true);
        assert!(!counted(&entry, Counting::Confirmable));
        assert!(counted(&entry, Counting::Always));
        assert!(is_counted(&inventory, &entry, Counting::Always, false));
        assert!(!counted(&entry, Counting::Never));
        let of_grub = BootEntry {
            source: EntrySource::Grub,
            ..entry.clone()
        };
        assert!(!counted(&of_grub, Counting::Always));
        let without = BootEntry {
            tries_left: None,
            ..entry
        };
        assert!(!counted(&without, Counting::Always));
    }

    #[test]
    fn a_name_that_is_taken_counts_as_passed() {
        let name = |old: &str, taken: &[&str]| {
            let filesystem = taken
                .iter()
                .fold(MemoryFilesystem::new(), |filesystem, name| {
                    filesystem.file(&format!("/e/{name}"), "")
                });
            let mut inventory = Inventory::new();
            let volume = inventory.add_filesystem("uuid", Box::new(filesystem));
            new_name(&inventory, volume, "/e", old)
        };
        let is = |name: &str| Some(name.to_owned());
        assert_eq!(name("a+3.conf", &["a+3.conf"]), is("a+2-1.conf"));
        assert_eq!(name("a+3.efi", &["A+2-1.EFI"]), is("a+1-2.efi"));
        let taken = ["a+1-2.conf", "a+0-3.conf", "a+0-4.conf"];
        assert_eq!(name("a+2-1.conf", &taken), is("a+0-5.conf"));
        assert_eq!(name("a+1-8.conf", &["a+0-9.conf"]), None);
    }

    #[test]
    fn what_can_not_be_renamed_is_said() {
        let (inventory, mut entry) = machine();
        // No device stands behind a filesystem in memory.
        let name = counted_name(&inventory, &entry).unwrap();
        assert_eq!(name.as_str(), "/loader/entries/a+2-1.conf");
        let refused = count(&inventory, &entry, &name, "/nowhere".as_ref()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "disk-uuid partition 2: /loader/entries/a+3.conf: this boot is not counted: files are only \
             renamed on FAT and ext4, in a partition that the kernel sees or a whole disk"
        );
        assert!(refused.source().is_none());
        // Without tries left there is nothing to rename, and the system may still find it good.
        let path = FsPath::new("/loader/entries/a+0-3.conf").unwrap();
        entry.origin.file.path = path.clone();
        entry.tries_left = Some(0);
        let kept = counted_name(&inventory, &entry).unwrap();
        assert_eq!(kept, path);
        count(&inventory, &entry, &kept, "/nowhere".as_ref()).unwrap();
    }
}
