//! What UEFI variables choose, before any configuration does.

use crate::config::Found;
use crate::config::bls::{Counter, Pattern};
use crate::efi::Wish;
use crate::entry::{BootEntry, Origin};

/// For each wish the entries that it may mean, in the order of the menu.
fn meant(found: &Found) -> impl Iterator<Item = (Wish<'_>, Vec<&BootEntry>)> {
    found.wishes.entries().map(|wish| {
        let pattern = Pattern::new(wish.pattern);
        let entries = found.entries.iter().filter(|entry| {
            let spared = wish.spares_bad && entry.tries_left == Some(0);
            !spared
                && pattern
                    .as_ref()
                    .is_some_and(|pattern| is_meant(pattern, entry))
        });
        (wish, entries.collect())
    })
}

/// Is it this entry, under its own name or that of another file that offers the same?
fn is_meant(pattern: &Pattern, entry: &BootEntry) -> bool {
    let mut others = entry.also_at.iter().filter(|origin| origin.line.is_none());
    let other = |origin: &Origin| {
        let (id, _) = Counter::split(origin.file.path.file_name(), ".conf");
        id.ends_with(".conf") && pattern.means(&id)
    };
    pattern.means(&entry.id) || others.any(other)
}

/// The entries that are wished for, in order: of each wish the first that `may_start` lets through. One entry
/// may be wished for twice.
pub fn wished(found: &Found, may_start: impl Fn(&BootEntry) -> bool) -> Vec<&BootEntry> {
    let meant = meant(found);
    let first = meant.filter_map(|(_, entries)| entries.into_iter().find(|entry| may_start(entry)));
    first.collect()
}

/// The wishes that nothing can fulfil, in words.
pub fn unmet(found: &Found) -> Vec<String> {
    let unmet = meant(found).filter_map(|(wish, entries)| {
        let why = match entries.iter().any(|entry| entry.bootable()) {
            true => return None,
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
