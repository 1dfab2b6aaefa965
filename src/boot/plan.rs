//! The order of attempts.

use std::collections::BTreeSet;

use super::wished::{nearness, wished};
use crate::config::bls::Nearness;
use crate::config::{Configuration, Found};
use crate::efi::Wish;
use crate::entry::{BootEntry, EntrySource};
use crate::policy::Boot;

/// The entries to try, in order: what a UEFI variable wishes for this boot alone, then what the policy has as its
/// default, then other wishes, then what the policy prefers, then the others. In each of these it goes disk by disk,
/// on each with the choice of every configuration and what that falls back to, where the policy follows that, and
/// then the others as they stand in the menu; of one that goes on to the next disk when nobody chooses, none of them.
/// The disk is the one that a configuration is on, wherever it leads.
/// What was guessed comes after all disks, and only if the policy lets it. Entries that can't be booted, and those
/// whose id is in `lost`, are left out.
pub fn plan<'a>(found: &'a Found, lost: &[String], policy: &Boot) -> Vec<&'a BootEntry> {
    let guessed = |entry: &BootEntry| entry.source == EntrySource::Guess;
    // Whether it is left to people, the disk, and the entry.
    let mut plan: Vec<(bool, usize, &BootEntry)> = Vec::with_capacity(found.entries.len());
    let is_left = |all: &Configuration| policy.follow && all.goes_on(&found.entries);
    for configuration in found.configurations.iter().filter(|_| policy.follow) {
        let disk = configuration.file.volume.disk;
        let choices = configuration.choices(&found.entries);
        plan.extend(choices.map(|entry| (is_left(configuration), disk, entry)));
    }
    for configuration in &found.configurations {
        let disk = configuration.file.volume.disk;
        let others = found.entries.get(configuration.entries.clone());
        let others = others.unwrap_or_default().iter();
        plan.extend(others.map(|entry| (is_left(configuration), disk, entry)));
    }
    let may_start = |entry: &BootEntry| {
        let allowed = policy.guess || !guessed(entry);
        allowed && entry.bootable() && !lost.contains(&entry.id)
    };
    plan.retain(|(_, _, entry)| may_start(entry));
    // The sort is stable, so that everything else keeps its place.
    plan.sort_by_key(|(_, disk, entry)| {
        let rank = entry.rank.unwrap_or(usize::MAX);
        (guessed(entry), rank, *disk)
    });
    let as_default = |entry: &BootEntry| {
        let pattern = policy.default.as_ref()?;
        let title = || pattern.matches(&entry.title).then_some(Nearness::Matched);
        nearness(pattern, entry).or_else(title)
    };
    let (mut default, mut others): (Vec<_>, Vec<_>) =
        (plan.into_iter()).partition(|(_, _, entry)| as_default(entry).is_some());
    default.sort_by_key(|(_, _, entry)| as_default(entry));
    others.retain(|(is_left, ..)| !is_left);
    let entries =
        |planned: Vec<(bool, usize, &'a BootEntry)>| planned.into_iter().map(|(_, _, entry)| entry);
    let (once, wished): (Vec<_>, Vec<_>) = wished(found, may_start)
        .into_iter()
        .partition(|(wish, _)| wish.is_one_shot());
    let only = |wished: Vec<(Wish<'a>, &'a BootEntry)>| wished.into_iter().map(|(_, entry)| entry);
    let order = (only(once).chain(entries(default)))
        .chain(only(wished))
        .chain(entries(others));
    // What is wished for, or a configuration chooses, is in a menu, too, and others may choose it as well.
    let mut planned = BTreeSet::new();
    order
        .filter(|entry| planned.insert(entry.id.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::unmet;
    use crate::config::bls::Pattern;
    use crate::efi::Wishes;

    /// Configurations, by their disks and the ids of their entries: `*` marks the default, and `+` what it
    /// falls back to, in order of the numbers behind it.
    fn found(configurations: &[(usize, &[&str])]) -> Found {
        let mut found = Found::default();
        for (disk, words) in configurations {
            let first = found.entries.len();
            for word in *words {
                let (id, fallback) = match word.split_once('+') {
                    Some((id, number)) => (id, Some(number.parse().unwrap())),
                    None => (*word, None),
                };
                let mut entry = BootEntry::on_disk(*disk, id.trim_start_matches('*'));
                entry.default = id.starts_with('*');
                entry.fallback = fallback;
                found.entries.push(entry);
            }
            let file = found.entries[first].origin.file.clone();
            let own = first..found.entries.len();
            let configuration = Configuration::new(EntrySource::Grub, file, own, &found.entries);
            found.configurations.push(configuration);
        }
        found
    }

    fn ids(found: &Found, lost: &[&str]) -> String {
        let lost: Vec<String> = lost.iter().map(|id| (*id).to_owned()).collect();
        let plan = plan(found, &lost, &Boot::default()).into_iter();
        plan.map(|entry| entry.id.as_str()).collect()
    }

    #[test]
    fn default_first_then_the_menu() {
        assert_eq!(ids(&found(&[(0, &["a", "b", "c"])]), &[]), "abc");
        assert_eq!(ids(&found(&[(0, &["a", "b", "*c"])]), &[]), "cab");
    }

    #[test]
    fn what_a_configuration_falls_back_to_comes_before_the_next_one() {
        let found = found(&[(0, &["a", "b+1", "*c", "d+0"]), (0, &["e", "*f", "g+0"])]);
        assert_eq!(ids(&found, &[]), "cdbfgae");
        assert_eq!(ids(&found, &["c", "b"]), "dfgae");
    }

    #[test]
    fn one_disk_after_the_other() {
        let mut found = found(&[(0, &["a", "*b"]), (1, &["c", "*d", "e+0"])]);
        assert_eq!(ids(&found, &[]), "badec");
        // A stub on the second disk leads to entries on the first.
        for entry in &mut found.entries[2..] {
            entry.origin.file.volume.disk = 0;
        }
        assert_eq!(ids(&found, &[]), "badec");
    }

    #[test]
    fn what_goes_on_to_the_next_disk_starts_nothing_else_of_its_own() {
        let mut found = found(&[(0, &["a", "*b", "c+0"]), (1, &["d", "*e"])]);
        found.entries[1].goes_on = true;
        found.entries[1].block("`localboot` goes on to the next disk");
        assert_eq!(ids(&found, &[]), "ed");
        assert_eq!(ids(&found, &["d", "e"]), "");
        // The policy may name one, or not follow what configurations choose.
        let ids = |policy: &Boot| -> String {
            let plan = plan(&found, &[], policy).into_iter();
            plan.map(|entry| entry.id.as_str()).collect()
        };
        let named = Boot {
            default: Pattern::new("c"),
            ..Boot::default()
        };
        assert_eq!(ids(&named), "ced");
        let unfollowed = Boot {
            follow: false,
            ..Boot::default()
        };
        assert_eq!(ids(&unfollowed), "acde");
        // What another configuration chooses, too, is started.
        found.configurations[1].default = Some(2);
        assert_eq!(super::tests::ids(&found, &[]), "cde");
    }

    #[test]
    fn what_two_configurations_choose_is_tried_once() {
        let mut found = found(&[(1, &["a", "*b"]), (0, &["c", "*d"])]);
        // The default of the second one is an entry of the first, which offers the same.
        found.configurations[1].default = Some(0);
        found.entries[0].default = true;
        assert_eq!(ids(&found, &[]), "acdb");
        found.configurations[1].file.volume.disk = 1;
        assert_eq!(ids(&found, &[]), "bacd");
    }

    #[test]
    fn blocked_and_lost_entries_are_not_tried() {
        let mut found = found(&[(0, &["a", "*b", "c"])]);
        found.entries[0].block("its kernel is not there");
        found.entries[1].remark("an unknown key");
        assert_eq!(ids(&found, &["c"]), "b");
        found.entries[1].block("its initrd is not there");
        assert_eq!(ids(&found, &[]), "c");
    }

    fn wishing(one_shot: &str, preferred: &str, default: &str) -> Wishes {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Wishes {
            one_shot: text(one_shot),
            preferred: text(preferred),
            default: text(default),
            last_booted: text("e"),
            ..Wishes::default()
        }
    }

    #[test]
    fn wishes_come_before_all_configurations() {
        let mut found = found(&[(0, &["a", "*b", "c"]), (1, &["*d", "e"])]);
        for (wishes, order) in [
            (wishing("c", "", ""), "cbade"),
            (wishing("d", "c", "a"), "dcabe"),
            (wishing("", "[ce]", "@saved"), "cebad"),
            (wishing("C", "", "c"), "cbade"),
            (wishing("x", "@saved", ""), "ebacd"),
            (wishing(&"x".repeat(300), "", ""), "bacde"),
        ] {
            found.wishes = wishes;
            assert_eq!(ids(&found, &[]), order, "{:?}", found.wishes);
        }
        // One that stands for another goes by its name, too.
        found.entries[4].also_called = vec!["other.conf".to_owned(), "x-1.efi@safe".to_owned()];
        for wish in ["other.conf", "OTHER", "x-1.efi@safe", "x-*.efi@*"] {
            found.wishes = wishing(wish, "", "");
            assert_eq!(ids(&found, &[]), "ebacd", "{wish}");
        }
        // But not before one that has the name itself.
        found.entries[0].also_called = vec!["c".to_owned()];
        found.wishes = wishing("c", "", "");
        assert_eq!(ids(&found, &[]), "cbade");
        found.entries[0].also_called.clear();
        // What failed is not tried again, and what is bad not preferred.
        found.wishes = wishing("c", "a", "");
        found.entries[0].tries_left = Some(0);
        assert_eq!(ids(&found, &["c"]), "bade");
        found.wishes = wishing("", "", "a");
        assert_eq!(ids(&found, &[]), "abcde");
    }

    #[test]
    fn a_wish_starts_nothing_that_the_policy_refuses() {
        let mut found = found(&[(0, &["a"]), (0, &["b", "c"])]);
        found.entries[0].source = EntrySource::Guess;
        found.entries[2].block("its kernel is not there");
        found.wishes = wishing("a", "c", "");
        assert_eq!(ids(&found, &[]), "b");
        found.wishes.default = Some("gone".to_owned());
        assert_eq!(
            unmet(&found),
            [
                "the UEFI variable LoaderEntryPreferred, \"c\", means nothing that can be booted",
                "the UEFI variable LoaderEntryDefault, \"gone\", means no entry that is there",
            ]
        );
        found.wishes = wishing("", "c", "");
        found.entries[2].tries_left = Some(0);
        assert_eq!(
            unmet(&found),
            [
                "the UEFI variable LoaderEntryPreferred, \"c\", means no entry that is there and has not \
                 used up its tries",
            ]
        );
    }

    #[test]
    fn a_name_means_that_one_first_whatever_else_it_matches() {
        let kernels = found(&[(0, &["k-6.1.10", "k-6.12.3", "k-6.1"])]);
        let titles = found(&[(0, &["Debian r", "Debian [rescue]"])]);
        for (found, id, others) in [
            (kernels, "k-6.1", "k-6.1.10 k-6.12.3"),
            (titles, "Debian [rescue]", "Debian r"),
        ] {
            let first = format!("{id} {others}");
            let order = |found: &Found, policy: &Boot| {
                let plan = plan(found, &[], policy).into_iter();
                plan.map(|entry| entry.id.as_str())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let policy = Boot {
                default: Pattern::new(id),
                ..Boot::default()
            };
            assert_eq!(order(&found, &policy), first);
            let mut found = found;
            found.wishes = wishing(id, "", "");
            assert_eq!(order(&found, &Boot::default()), first);
        }
    }

    #[test]
    fn guesses_come_last_and_only_where_the_policy_wants_them() {
        let mut found = found(&[(0, &["*a"]), (0, &["b"]), (1, &["c"])]);
        found.entries[0].source = EntrySource::Guess;
        assert_eq!(ids(&found, &[]), "bc");
        let policy = Boot {
            guess: true,
            ..Boot::default()
        };
        let plan = plan(&found, &[], &policy).into_iter();
        assert_eq!(
            plan.map(|entry| entry.id.as_str()).collect::<String>(),
            "bca"
        );
    }
}
