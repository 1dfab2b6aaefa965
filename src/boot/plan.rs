//! The order of attempts.

use crate::entry::{BootEntry, EntrySource};
use crate::policy::Boot;

/// The entries to try, in order: disk by disk, on each the configuration's own choice first, then the
/// others as they stand in the menu. What was guessed comes after all disks, and only if the policy lets it.
/// Entries that can't be booted, and those whose id is in `lost`, are left out.
pub fn plan<'a>(entries: &'a [BootEntry], lost: &[String], policy: &Boot) -> Vec<&'a BootEntry> {
    let guessed = |entry: &BootEntry| entry.source == EntrySource::Guess;
    let mut plan: Vec<&BootEntry> = entries
        .iter()
        .filter(|entry| entry.bootable() && !lost.contains(&entry.id))
        .filter(|entry| policy.guess || !guessed(entry))
        .collect();
    // The sort is stable, so that everything else keeps its place.
    plan.sort_by_key(|entry| {
        (
            guessed(entry),
            entry.origin.file.volume.disk,
            !entry.default,
        )
    });
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_GUESS: Boot = Boot { guess: false };

    fn ids(plan: Vec<&BootEntry>) -> Vec<&str> {
        plan.into_iter().map(|entry| entry.id.as_str()).collect()
    }

    #[test]
    fn default_first_then_the_menu() {
        let mut entries = ["a", "b", "c"].map(|id| BootEntry::on_disk(0, id));
        assert_eq!(ids(plan(&entries, &[], &NO_GUESS)), ["a", "b", "c"]);
        entries[2].default = true;
        assert_eq!(ids(plan(&entries, &[], &NO_GUESS)), ["c", "a", "b"]);
    }

    #[test]
    fn one_disk_after_the_other() {
        let mut entries = [
            BootEntry::on_disk(0, "a"),
            BootEntry::on_disk(0, "b"),
            BootEntry::on_disk(1, "c"),
            BootEntry::on_disk(1, "d"),
        ];
        entries[1].default = true;
        entries[3].default = true;
        assert_eq!(ids(plan(&entries, &[], &NO_GUESS)), ["b", "a", "d", "c"]);
    }

    #[test]
    fn blocked_and_lost_entries_are_not_tried() {
        let mut entries = ["a", "b", "c"].map(|id| BootEntry::on_disk(0, id));
        entries[0].block("its kernel is not there");
        entries[1].remark("an unknown key");
        assert_eq!(ids(plan(&entries, &["c".to_owned()], &NO_GUESS)), ["b"]);
        entries[1].default = true;
        entries[1].block("its initrd is not there");
        assert_eq!(ids(plan(&entries, &[], &NO_GUESS)), ["c"]);
    }

    #[test]
    fn guesses_come_last_and_only_where_the_policy_wants_them() {
        let mut entries = ["a", "b", "c"].map(|id| BootEntry::on_disk(0, id));
        entries[0].source = EntrySource::Guess;
        entries[0].default = true;
        entries[2].origin.file.volume.disk = 1;
        assert_eq!(ids(plan(&entries, &[], &NO_GUESS)), ["b", "c"]);
        let guess = Boot { guess: true };
        assert_eq!(ids(plan(&entries, &[], &guess)), ["b", "c", "a"]);
        assert!(plan(&entries[..1], &[], &NO_GUESS).is_empty());
    }
}
