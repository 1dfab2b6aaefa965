//! Titles that tell entries apart.

use std::collections::BTreeMap;

use crate::entry::BootEntry;

/// Makes titles unique, as the specification says: those that occur more than once get the version;
/// those that still do, the beginning of the machine ID; and at last the id.
pub fn make_unique(entries: &mut [BootEntry]) {
    for addition in [version, machine, id] {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for entry in entries.iter() {
            let times = count.entry(entry.title.clone()).or_default();
            *times = times.saturating_add(1);
        }
        for entry in entries.iter_mut() {
            let repeated = count.get(&entry.title).is_some_and(|times| *times > 1);
            if let Some(addition) = addition(entry).filter(|_| repeated) {
                entry.title = format!("{} ({addition})", entry.title);
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{EntrySource, FileRef, Origin, PayloadKind, VolumeId};
    use crate::fs::FsPath;

    fn entry(id: &str, title: &str, version: &str, machine: &str) -> BootEntry {
        let (disk, volume) = (0, 0);
        let file = FileRef {
            volume: VolumeId { disk, volume },
            path: FsPath::root(),
        };
        let origin = Origin { file, line: None };
        let mut entry = BootEntry::new(id.to_owned(), EntrySource::Bls, PayloadKind::Linux, origin);
        entry.title = title.to_owned();
        entry.version = Some(version.to_owned());
        entry.machine_id = Some(machine.to_owned());
        entry
    }

    #[test]
    fn only_what_is_needed_is_added() {
        let mut entries = [
            entry("a", "Arch", "1", "0123456789"),
            entry("b", "Debian", "6.1", "0123456789"),
            entry("c", "Debian", "6.2", "0123456789"),
            entry("d", "Fedora", "7", "0123456789"),
            entry("e", "Fedora", "7", "abcdef0123"),
            entry("f", "Suse", "8", "short"),
            entry("g", "Suse", "8", "short"),
        ];
        make_unique(&mut entries);
        let titles: Vec<&str> = entries.iter().map(|entry| entry.title.as_str()).collect();
        assert_eq!(
            titles,
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
}
