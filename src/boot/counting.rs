//! Automatic Boot Assessment: counting a boot in the name of its entry's file.

use std::fmt;
use std::path::Path;

use super::renaming::{RenameError, Renaming};
use crate::config::bls::{Counter, Place};
use crate::entry::{BootEntry, EntrySource};
use crate::fs::FsPath;
use crate::inventory::Inventory;
use crate::policy::Counting;
use crate::text::Printable;

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

/// Counts a boot of `entry`, and returns how its file is named now; one without tries left keeps its name. The
/// filesystem is mounted below `mounts` for that.
///
/// # Errors
/// [`CountError`]; the boot is not counted then.
pub fn count(
    inventory: &Inventory,
    entry: &BootEntry,
    mounts: &Path,
) -> Result<FsPath, CountError> {
    let file = &entry.origin.file;
    let at = |reason| CountError {
        file: inventory.describe(file).to_string(),
        reason,
    };
    let path = file.path.as_str();
    let (directory, old) = path.rsplit_once('/').unwrap_or(("", path));
    let suffixes = [".conf", ".efi"].into_iter();
    let new = suffixes
        .filter_map(|suffix| Counter::next(old, suffix))
        .next();
    let Some(new) = new else {
        return Ok(file.path.clone());
    };
    let renamed = FsPath::new(&format!("{directory}/{new}"));
    let renamed = renamed.map_err(|_| at(Reason::Unwritable))?;
    let volume = inventory
        .volume(file.volume)
        .filter(|volume| volume.assembled.is_none() && inventory.image(file.volume).is_none());
    let format = volume.and_then(|volume| volume.content.format);
    let node = volume.and_then(|volume| volume.device.as_ref()?.node());
    let point = mounts.join("counting");
    let renaming = node
        .zip(format)
        .and_then(|(node, format)| Renaming::new(&node, format, &point, directory, (old, &new)));
    let renaming = renaming.ok_or_else(|| at(Reason::Unwritable))?;
    std::fs::create_dir_all(&point).map_err(|error| at(Reason::Point(error)))?;
    let description = inventory.describe(file).to_string();
    log::info!(
        "counting this boot: {} becomes {new}",
        Printable(&description)
    );
    renaming.run().map_err(|error| at(Reason::Kernel(error)))?;
    Ok(renamed)
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
    Unwritable,
    Point(std::io::Error),
    Kernel(RenameError),
}

impl fmt::Display for CountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: this boot is not counted: ", self.file)?;
        match &self.reason {
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
            Reason::Unwritable | Reason::Kernel(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryFilesystem;

    /// An inventory with one volume that is none of systemd's places, and a counted entry there.
    fn machine() -> (Inventory, BootEntry) {
        let mut inventory = Inventory::new();
        inventory.add_filesystem("uuid", Box::new(MemoryFilesystem::new()));
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
    fn what_can_not_be_renamed_is_said() {
        let (inventory, mut entry) = machine();
        // No device stands behind a filesystem in memory.
        let refused = count(&inventory, &entry, "/nowhere".as_ref()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "disk-uuid partition 2: /loader/entries/a+3.conf: this boot is not counted: files are only \
             renamed on FAT and ext4, in a partition that the kernel sees or a whole disk"
        );
        // Without tries left there is nothing to rename, and the system may still find it good.
        let path = FsPath::new("/loader/entries/a+0-3.conf").unwrap();
        entry.origin.file.path = path.clone();
        let kept = count(&inventory, &entry, "/nowhere".as_ref());
        assert_eq!(kept.unwrap(), path);
    }
}
