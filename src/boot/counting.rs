//! Automatic Boot Assessment: counting a boot in the name of its entry's file.

use std::fmt;
use std::path::Path;

use super::renaming::{RenameError, Renaming};
use crate::config::bls::{Counter, Place};
use crate::disk::Format;
use crate::entry::{BootEntry, EntrySource, FileRef};
use crate::fs::{FileKind, Filesystem, FsPath};
use crate::inventory::Inventory;
use crate::policy::Counting;
use crate::text::Printable;

/// So many names are tried where others have the first ones.
const MAX_NAMES: usize = 16;

/// How the names of counted files end.
const SUFFIXES: [&str; 2] = [".conf", ".efi"];

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

/// How the file of `entry` is named once a boot of it is counted; one without tries left keeps its name, and so does
/// one whose last count was cut short when it had that name already: that boot never began.
///
/// # Errors
/// [`CountError`]; no boot can be counted then.
pub fn counted_name(inventory: &Inventory, entry: &BootEntry) -> Result<FsPath, CountError> {
    let file = &entry.origin.file;
    if entry.tries_left == Some(0) {
        return Ok(file.path.clone());
    }
    let (directory, old) = split(&file.path);
    let new = Beside::of(inventory, file).and_then(|beside| beside.new_name(old));
    let renamed = new.and_then(|new| FsPath::new(&format!("{directory}/{new}")).ok());
    renamed.ok_or_else(|| CountError::new(inventory, entry, Reason::NoName))
}

/// Counts a boot of `entry` by renaming its file to this name, and takes away what counts that were cut short have left
/// beside it. The filesystem is mounted below `mounts` for that.
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
    let (directory, old) = split(&file.path);
    let (_, new) = split(name);
    let mut left = Beside::of(inventory, file).map_or_else(Vec::new, |beside| beside.left);
    left.retain(|name| name != new);
    if old == new && left.is_empty() {
        return Ok(());
    }
    let volume = inventory
        .volume(file.volume)
        .filter(|volume| volume.assembled.is_none() && inventory.image(file.volume).is_none());
    let format = volume.and_then(|volume| volume.content.format);
    let node = volume.and_then(|volume| volume.device.as_ref()?.node());
    let point = mounts.join("counting");
    let renaming = node.zip(format).and_then(|(node, format)| {
        Renaming::new(&node, format, &point, directory, (old, new), &left)
    });
    let renaming = renaming.ok_or_else(|| at(Reason::Unwritable))?;
    std::fs::create_dir_all(&point).map_err(|error| at(Reason::Point(error)))?;
    let description = inventory.describe(file).to_string();
    let becomes = match old == new {
        true => "is that already, by a count that was cut short:",
        false => "becomes",
    };
    log::info!(
        "counting this boot: {} {becomes} {new}",
        Printable(&description)
    );
    renaming.run().map_err(|error| at(Reason::Kernel(error)))
}

/// The directory of a file, and its name there.
fn split(path: &FsPath) -> (&str, &str) {
    let path = path.as_str();
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The name that follows in counting.
fn next(name: &str) -> Option<String> {
    let mut suffixes = SUFFIXES.into_iter();
    suffixes.find_map(|suffix| Counter::next(name, suffix))
}

/// A name with a counter, without that.
fn uncounted(name: &str) -> Option<String> {
    let mut names = SUFFIXES
        .into_iter()
        .map(|suffix| Counter::split(name, suffix));
    names.find_map(|(stem, counter)| counter.map(|_| stem))
}

/// What else is in the directory of a counted file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Beside {
    /// Names that are taken.
    taken: Vec<String>,
    /// What counts of this file have left on FAT where they were cut short: empty files with its name but for the
    /// counter. Nothing else is ever empty and named so.
    left: Vec<String>,
}

impl Beside {
    fn of(inventory: &Inventory, file: &FileRef) -> Option<Beside> {
        let format = inventory.volume(file.volume)?.content.format;
        let filesystem = inventory.filesystem(file.volume).ok()?;
        Beside::read(filesystem, format == Some(Format::Fat), &file.path)
    }

    fn read(filesystem: &dyn Filesystem, is_fat: bool, path: &FsPath) -> Option<Beside> {
        let (directory, name) = split(path);
        let directory = FsPath::new(directory).ok()?;
        let counted = uncounted(name).filter(|_| is_fat);
        let is_empty = |name: &str| {
            let path = directory.join(name).ok()?;
            let file = filesystem.metadata(&path).ok()?;
            Some(file.kind == FileKind::File && file.size == 0)
        };
        let is_left = |other: &str| {
            let is_named_so = other != name && counted.is_some() && uncounted(other) == counted;
            is_named_so && is_empty(other) == Some(true)
        };
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for item in filesystem.read_dir(&directory).ok()? {
            match is_left(&item.name) {
                true => left.push(item.name),
                false => taken.push(item.name),
            }
        }
        Some(Beside { taken, left })
    }

    /// The first of the names that follow in counting, and that no other file has. Where the power went while FAT had
    /// the content behind the old and the new name of a file, this one is the old one again, and must not stay as it
    /// is. The other one can't be taken away: on FAT the content would go with it.
    fn new_name(&self, old: &str) -> Option<String> {
        // The name before this one is taken away last: no boot began since.
        if self
            .left
            .iter()
            .any(|left| next(left).as_deref() == Some(old))
        {
            return Some(old.to_owned());
        }
        let is_taken = |name: &str| {
            let mut taken = self.taken.iter();
            taken.any(|other| other.eq_ignore_ascii_case(name))
        };
        let names = std::iter::successors(next(old), |name| next(name));
        names.take(MAX_NAMES).find(|name| !is_taken(name))
    }
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

    /// What is beside `/e/NAME` among these files, and how that is named once it is counted.
    fn beside(name: &str, is_fat: bool, files: &[(&str, &str)]) -> (Beside, Option<String>) {
        let filesystem = files
            .iter()
            .fold(MemoryFilesystem::new(), |filesystem, (name, content)| {
                filesystem.file(&format!("/e/{name}"), *content)
            });
        let path = FsPath::new(&format!("/e/{name}")).unwrap();
        let beside = Beside::read(&filesystem, is_fat, &path).unwrap();
        let new = beside.new_name(name);
        (beside, new)
    }

    #[test]
    fn a_name_that_is_taken_counts_as_passed() {
        let name = |old: &str, taken: &[&str]| {
            let taken: Vec<_> = taken.iter().map(|name| (*name, "content")).collect();
            beside(old, true, &taken).1
        };
        let is = |name: &str| Some(name.to_owned());
        assert_eq!(name("a+3.conf", &["a+3.conf"]), is("a+2-1.conf"));
        assert_eq!(name("a+3.efi", &["A+2-1.EFI"]), is("a+1-2.efi"));
        let taken = ["a+1-2.conf", "a+0-3.conf", "a+0-4.conf"];
        assert_eq!(name("a+2-1.conf", &taken), is("a+0-5.conf"));
        assert_eq!(name("a+1-8.conf", &["a+0-9.conf"]), None);
    }

    /// What a cut leaves of `a+3.conf` that becomes `a+2-1.conf`, in the order of the steps.
    #[test]
    fn a_count_that_was_cut_short_goes_on() {
        let (old, new, next) = ("a+3.conf", "a+2-1.conf", "a+1-2.conf");
        // The file that is started, what is there (`-` is in front of empty ones), how it is named then, and which
        // names are taken away.
        for (started, files, named, left) in [
            (old, "a+3.conf", new, ""),
            // The new name has nothing behind it: it is taken. No try is lost.
            (old, "a+3.conf -a+2-1.conf", new, new),
            // Both have the content: whichever is started counts on.
            (old, "a+3.conf a+2-1.conf", next, ""),
            (new, "a+3.conf a+2-1.conf", next, ""),
            // The new one alone has it: the boot is counted, and did not begin.
            (new, "-a+3.conf a+2-1.conf", new, old),
            (new, "a+2-1.conf", next, ""),
            // What older counts have left.
            (
                new,
                "-a+4.conf a+2-1.conf -a+0-3.conf",
                next,
                "a+0-3.conf a+4.conf",
            ),
            ("a+0-3.conf", "a+0-3.conf -a+1-2.conf", "a+0-3.conf", next),
        ] {
            let names = files.split(' ').map(|name| match name.strip_prefix('-') {
                Some(name) => (name, ""),
                None => (name, "linux /l"),
            });
            let (found, name) = beside(started, true, &names.collect::<Vec<_>>());
            assert_eq!(name.as_deref(), Some(named), "{started} of {files}");
            assert_eq!(found.left.join(" "), left, "{started} of {files}");
        }
    }

    #[test]
    fn nothing_else_is_taken_away() {
        let others = [
            ("b+3.conf", ""),
            ("A+1-2.conf", ""),
            ("a+2-1.conf", "x"),
            ("a+2-1.efi", ""),
            ("a+2-1.conf.bak", ""),
            ("a+x.conf", ""),
            ("a.conf", ""),
            ("ab+2-1.conf", ""),
            ("a+0-3.conf/file", ""),
            (".a+2.conf", ""),
        ];
        let (found, name) = beside("a+3.conf", true, &others);
        assert_eq!(found.left, [""; 0]);
        assert_eq!(found.taken.len(), others.len());
        assert_eq!(name.as_deref(), Some("a+0-4.conf"));
        // Only FAT is renamed in so many steps.
        let empty = [("a+2-1.conf", "")];
        let (found, name) = beside("a+3.conf", false, &empty);
        assert_eq!((found.left.len(), name.as_deref()), (0, Some("a+1-2.conf")));
        // A file without a counter is not counted.
        assert_eq!(beside("a.conf", true, &empty).0.left, [""; 0]);
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
