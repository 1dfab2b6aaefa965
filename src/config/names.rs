//! Names that tell entries apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::entry::{BootEntry, EntrySource};
use crate::inventory::Inventory;

/// Makes ids and titles unique in the whole list.
///
/// An id that occurs again gets `@` and the UUID of its volume, and a number where that is not enough:
/// the first keeps its name. Titles follow the Boot Loader Specification: those that occur more than once in
/// a menu get the version; those that still do, the beginning of the machine ID; and at last the id.
pub(super) fn make_unique(inventory: &Inventory, entries: &mut [BootEntry]) {
    let mut taken = Taken::default();
    for entry in entries.iter_mut() {
        let volume = inventory.volume(entry.origin.file.volume);
        let uuid = volume.and_then(|volume| volume.content.uuid.as_deref());
        let with_volume = format!("{}@{}", entry.id, uuid.unwrap_or("?"));
        taken.rename(&mut entry.id, with_volume);
    }
    make_titles_unique(entries);
}

/// Ids are unique already. What stands in GRUB's menu keeps its title: it is found by it. Titles in
/// different menus do not get in each other's way.
fn make_titles_unique(entries: &mut [BootEntry]) {
    let is_renamed = |entry: &BootEntry| entry.source != EntrySource::Grub;
    for addition in [version, machine, id] {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for entry in entries.iter() {
            let times = count.entry(menu(entry) + &entry.title).or_default();
            *times = times.saturating_add(1);
        }
        for entry in entries.iter_mut().filter(|entry| is_renamed(entry)) {
            let times = count.get(&(menu(entry) + &entry.title));
            let repeated = times.is_some_and(|times| *times > 1);
            if let Some(addition) = addition(entry).filter(|_| repeated) {
                entry.title = format!("{} ({addition})", entry.title);
            }
        }
    }
    // Somebody may have written a title that looks like one that was made here.
    let mut taken = Taken::default();
    for entry in entries.iter().filter(|entry| !is_renamed(entry)) {
        taken.names.insert(menu(entry) + &entry.title);
    }
    for entry in entries.iter_mut().filter(|entry| is_renamed(entry)) {
        let menu = menu(entry);
        let mut title = menu.clone() + &entry.title;
        let second = title.clone();
        taken.rename(&mut title, second);
        if let Some(title) = title.strip_prefix(&menu) {
            entry.title = title.to_owned();
        }
    }
}

/// The menus that an entry is in, as the beginning of a name.
fn menu(entry: &BootEntry) -> String {
    let menus = entry.submenu.iter();
    menus.flat_map(|title| [title, "\0"]).collect()
}

fn version(entry: &BootEntry) -> Option<String> {
    entry.version.clone()
}

fn machine(entry: &BootEntry) -> Option<String> {
    let machine = entry.machine_id.as_deref()?;
    Some(machine.get(..8).unwrap_or(machine).to_owned())
}

fn id(entry: &BootEntry) -> Option<String> {
    Some(entry.id.clone())
}

/// Names that somebody has.
#[derive(Default)]
struct Taken {
    names: BTreeSet<String>,
    /// The last number behind a name: a disk full of equal names must not cost the square of their
    /// count.
    numbers: BTreeMap<String, u64>,
}

impl Taken {
    /// Leaves `name` as it is if nobody has it; otherwise it becomes `second`, or the first that is
    /// free of `second#2`, `second#3`, …
    fn rename(&mut self, name: &mut String, second: String) {
        if self.names.insert(name.clone()) {
            return;
        }
        let number = self.numbers.entry(second.clone()).or_insert(1);
        *name = second.clone();
        while !self.names.insert(name.clone()) {
            *number = number.saturating_add(1);
            *name = format!("{second}#{number}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, title: &str, version: &str, machine: &str) -> BootEntry {
        let mut entry = BootEntry::on_disk(0, id);
        entry.title = title.to_owned();
        entry.version = Some(version.to_owned());
        entry.machine_id = Some(machine.to_owned());
        entry
    }

    fn unique_titles<const N: usize>(mut entries: [BootEntry; N]) -> [String; N] {
        make_titles_unique(&mut entries);
        entries.map(|entry| entry.title)
    }

    #[test]
    fn only_what_is_needed_is_added() {
        let entries = [
            entry("a", "Arch", "1", "0123456789"),
            entry("b", "Debian", "6.1", "0123456789"),
            entry("c", "Debian", "6.2", "0123456789"),
            entry("d", "Fedora", "7", "0123456789"),
            entry("e", "Fedora", "7", "abcdef0123"),
            entry("f", "Suse", "8", "short"),
            entry("g", "Suse", "8", "short"),
        ];
        assert_eq!(
            unique_titles(entries),
            [
                "Arch",
                "Debian (6.1)",
                "Debian (6.2)",
                "Fedora (7) (01234567)",
                "Fedora (7) (abcdef01)",
                "Suse (8) (short) (f)",
                "Suse (8) (short) (g)",
            ]
        );
    }

    #[test]
    fn nothing_takes_the_title_of_another() {
        let entries = [
            entry("a", "Debian", "6.1", "short"),
            entry("b", "Debian", "6.1", "short"),
            entry("c", "Debian (6.1) (short) (b)", "6.1", "short"),
        ];
        assert_eq!(
            unique_titles(entries),
            [
                "Debian (6.1) (short) (a)",
                "Debian (6.1) (short) (b)",
                "Debian (6.1) (short) (b)#2",
            ]
        );
    }

    #[test]
    fn a_title_counts_in_its_menu() {
        let in_menu = |id, menu: &str| {
            let mut entry = entry(id, "Install", "1", "short");
            entry.version = None;
            entry.machine_id = None;
            entry.submenu = vec![menu.to_owned()];
            entry
        };
        let mut of_grub = in_menu("d", "b");
        of_grub.source = EntrySource::Grub;
        let entries = [
            in_menu("a", "a"),
            in_menu("b", "b"),
            of_grub,
            in_menu("c", "c"),
        ];
        assert_eq!(
            unique_titles(entries),
            ["Install", "Install (b)", "Install", "Install"]
        );
    }

    /// A disk may hold as many equal names as it likes.
    #[test]
    fn equal_names_cost_no_more_than_others() {
        let mut taken = Taken::default();
        let names: BTreeSet<String> = (0..50_000)
            .map(|_| {
                let mut name = "a.conf".to_owned();
                taken.rename(&mut name, "a.conf@1".to_owned());
                name
            })
            .collect();
        assert_eq!(names.len(), 50_000);
        assert!(names.contains("a.conf@1#49999"));
    }
}
