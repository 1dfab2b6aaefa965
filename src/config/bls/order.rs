//! The order of entries in a menu.

use std::cmp::Ordering;

use super::version::compare;
use super::volume::Sorted;

/// Sorts as the specification and systemd-boot do: entries without tries left come last; those with a
/// sort key before those without; among them by sort key, machine ID and falling version; then by
/// falling file name without case, profiles of one image as they stand in it; at last, of one name, those that can be
/// booted, with more tries left and fewer done. (A power cut may leave a counted entry of FAT an empty file beside it.)
pub(super) fn order(entries: &mut [Sorted]) {
    entries.sort_by(by_specification);
}

fn by_specification(a: &Sorted, b: &Sorted) -> Ordering {
    let exhausted = |e: &Sorted| e.entry.tries_left == Some(0);
    let keys = match (&a.sort_key, &b.sort_key) {
        (Some(x), Some(y)) => (x.cmp(y))
            .then_with(|| a.entry.machine_id.cmp(&b.entry.machine_id))
            .then_with(|| {
                let (a, b) = (&a.entry.version, &b.entry.version);
                compare(b.as_deref().unwrap_or(""), a.as_deref().unwrap_or(""))
            }),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    (exhausted(a).cmp(&exhausted(b)))
        .then(keys)
        .then_with(|| compare(&folded(b), &folded(a)))
        .then_with(|| a.profile().cmp(&b.profile()))
        .then_with(|| b.entry.bootable().cmp(&a.entry.bootable()))
        .then_with(|| b.entry.tries_left.cmp(&a.entry.tries_left))
        .then_with(|| a.entry.tries_done.cmp(&b.entry.tries_done))
}

/// The name of its file, without case, which FAT does not tell (`config_add_entry` in systemd's `boot.c`).
fn folded(sorted: &Sorted) -> String {
    sorted.image().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::BootEntry;

    fn entry(id: &str) -> Sorted {
        Sorted {
            entry: BootEntry::on_disk(0, id),
            sort_key: None,
            profile_of: None,
        }
    }

    fn keyed(id: &str, key: &str, machine: &str, version: &str) -> Sorted {
        let mut sorted = entry(id);
        sorted.sort_key = Some(key.to_owned());
        sorted.entry.machine_id = Some(machine.to_owned());
        sorted.entry.version = Some(version.to_owned());
        sorted
    }

    fn counted(id: &str, left: u32, done: u32) -> Sorted {
        let mut sorted = entry(id);
        sorted.entry.tries_left = Some(left);
        sorted.entry.tries_done = Some(done);
        sorted
    }

    fn sorted(mut entries: Vec<Sorted>) -> Vec<String> {
        order(&mut entries);
        entries.into_iter().map(|sorted| sorted.entry.id).collect()
    }

    #[test]
    fn keys_first_then_machine_then_newest() {
        let entries = vec![
            entry("old-9.conf"),
            keyed("a", "fedora", "1", "6.10"),
            keyed("b", "debian", "2", "9"),
            entry("old-10.conf"),
            keyed("c", "debian", "1", "6.9"),
            keyed("d", "debian", "1", "6.10"),
        ];
        assert_eq!(
            sorted(entries),
            ["d", "c", "b", "a", "old-10.conf", "old-9.conf"]
        );
    }

    #[test]
    fn names_of_files_have_no_case() {
        let entries = vec![entry("arch.conf"), entry("Zebra.conf"), entry("YAK.conf")];
        assert_eq!(sorted(entries), ["Zebra.conf", "YAK.conf", "arch.conf"]);
    }

    #[test]
    fn profiles_stand_as_in_their_image() {
        let profile = |id: &str, image: &str, number| Sorted {
            profile_of: Some((image.to_owned(), number)),
            ..entry(id)
        };
        let entries = vec![
            profile("x-9.efi", "x-9.efi", 0),
            profile("x-10.efi@a", "x-10.efi", 1),
            entry("x-9a.conf"),
            profile("x-10.efi@b", "x-10.efi", 0),
        ];
        assert_eq!(
            sorted(entries),
            ["x-10.efi@b", "x-10.efi@a", "x-9a.conf", "x-9.efi"]
        );
    }

    #[test]
    fn exhausted_entries_come_last() {
        let entries = vec![counted("3", 0, 3), counted("2", 1, 2), entry("1")];
        assert_eq!(sorted(entries), ["2", "1", "3"]);
        let entries = vec![counted("a", 1, 0), counted("a", 2, 1), counted("a", 2, 0)];
        let mut entries = entries;
        order(&mut entries);
        let tries: Vec<_> = entries
            .iter()
            .map(|s| (s.entry.tries_left, s.entry.tries_done))
            .collect();
        assert_eq!(
            tries,
            [(Some(2), Some(0)), (Some(2), Some(1)), (Some(1), Some(0))]
        );
    }
}
