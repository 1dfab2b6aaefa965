//! What UEFI variables choose, before any configuration does.

use crate::config::Found;
use crate::config::bls::{Nearness, Pattern};
use crate::efi::Wish;
use crate::entry::BootEntry;

/// For each wish the entries that it may mean, the nearest first; of those that are alike near the ones that have the
/// name themselves before those that another configuration calls so, and then in the order of the menu.
fn meant(found: &Found) -> impl Iterator<Item = (Wish<'_>, Vec<&BootEntry>)> {
    found.wishes.entries().map(|wish| {
        let Some(pattern) = Pattern::new(wish.pattern) else {
            return (wish, Vec::new());
        };
        let entries = found.entries.iter().filter_map(|entry| {
            let spared = wish.spares_bad && entry.tries_left == Some(0);
            let near = nearness(&pattern, entry).filter(|_| !spared)?;
            Some((near, pattern.nearness(&entry.id) != Some(near), entry))
        });
        let mut entries: Vec<(Nearness, bool, &BootEntry)> = entries.collect();
        entries.sort_by_key(|(near, is_other, _)| (*near, *is_other));
        (wish, entries.into_iter().map(|(.., entry)| entry).collect())
    })
}

/// Is it this entry, under its own name or that which another configuration has for the same, and how nearly?
pub(super) fn nearness(pattern: &Pattern, entry: &BootEntry) -> Option<Nearness> {
    let names = std::iter::once(&entry.id).chain(&entry.also_called);
    names.filter_map(|name| pattern.nearness(name)).min()
}

/// May it be this entry?
pub(super) fn is_meant(pattern: &Pattern, entry: &BootEntry) -> bool {
    nearness(pattern, entry).is_some()
}

/// Is this an entry that is wished for at one boot only?
pub fn is_one_shot(found: &Found, entry: &BootEntry) -> bool {
    let pattern = found.wishes.one_shot.as_deref().and_then(Pattern::new);
    pattern.is_some_and(|pattern| is_meant(&pattern, entry))
}

/// The entries that are wished for, in order, each with the wish: of each the first that `may_start` lets through.
/// One entry may be wished for twice.
pub fn wished(
    found: &Found,
    may_start: impl Fn(&BootEntry) -> bool,
) -> Vec<(Wish<'_>, &BootEntry)> {
    let meant = meant(found);
    let first = meant.filter_map(|(wish, entries)| {
        let entry = entries.into_iter().find(|entry| may_start(entry));
        Some((wish, entry?))
    });
    first.collect()
}

/// The wishes that nothing can fulfil, in words.
pub fn unmet(found: &Found) -> Vec<String> {
    let unmet = meant(found).filter_map(|(wish, entries)| {
        let why = match entries.iter().any(|entry| entry.bootable()) {
            true => return None,
            false if entries.is_empty() && wish.spares_bad => {
                "means no entry that is there and has not used up its tries"
            }
            false if entries.is_empty() => "means no entry that is there",
            false => "means nothing that can be booted",
        };
        let Wish {
            variable, pattern, ..
        } = wish;
        Some(format!("the UEFI variable {variable}, {pattern:?}, {why}"))
    });
    unmet.collect()
}
