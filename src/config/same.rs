//! What several configurations offer alike is one entry.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use super::discover::Found;
use super::identity::Identities;
use crate::entry::{BootEntry, FileRef};
use crate::inventory::Inventory;
use crate::kexec::parameters_of;

/// What an entry starts, as far as that can be told without looking at files, as a text: the kind, what files it
/// needs, and the command line. `None` where it starts nothing.
fn outline(entry: &BootEntry) -> Option<String> {
    entry.kernel.as_ref()?;
    let mut text = entry.kind.name().to_owned();
    for (role, arguments, _) in files(entry) {
        // Writing to a string does not fail.
        let _ = write!(text, " {role}{:?}", words(arguments));
    }
    if let Some(unified) = &entry.unified {
        let _ = write!(text, " {}{:?}", unified.profile, unified.options);
    }
    Some(text + &words(&entry.cmdline))
}

/// The files of an entry, in order: a letter for what each is needed for, and arguments that go with it.
fn files(entry: &BootEntry) -> Vec<(char, &str, &FileRef)> {
    let mut files = Vec::new();
    files.extend(entry.kernel.iter().map(|file| ('k', "", file)));
    let initrds = entry.initrd.iter().map(|initrd| match &initrd.name {
        Some(name) => ('n', name.as_str(), &initrd.file),
        None => ('i', "", &initrd.file),
    });
    files.extend(initrds);
    files.extend(entry.devicetree.iter().map(|file| ('d', "", file)));
    let modules = entry.modules.iter();
    files.extend(modules.map(|module| ('m', module.cmdline.as_str(), &module.file)));
    if let Some(unified) = &entry.unified {
        let companions = unified.companions.iter();
        files.extend(companions.map(|companion| (companion.kind.letter(), "", &companion.file)));
    }
    files
}

/// A command line without what each boot loader puts in by itself: parameters as the kernel divides them, none of
/// which has a quote. What a quote that stays open makes of the rest is compared as it is written.
fn words(cmdline: &str) -> String {
    let Some(words) = parameters_of(cmdline) else {
        return cmdline.to_owned();
    };
    let is_own = |word: &str| {
        let names = ["BOOT_IMAGE=", "initrd="];
        names.iter().any(|name| word.starts_with(name)) && !word.contains('"')
    };
    let words = words.into_iter().map(|(_, word)| word);
    let left = words.filter(|word| !is_own(word));
    left.fold(String::new(), |text, word| text + " " + word)
}

/// What an entry starts, exactly, as a text; `None` where that is nothing.
pub(super) fn start(entry: &BootEntry, known: &Identities<'_>) -> Option<String> {
    let outline = outline(entry)?;
    let files = files(entry).into_iter();
    let identities = files.map(|(_, _, file)| known.of(file));
    let files = identities.fold(String::new(), |text, identity| text + &identity + "\0");
    Some(files + &outline)
}

/// Those of `members` that have the same text, in order.
fn alike(
    members: impl Iterator<Item = usize>,
    text: &dyn Fn(usize) -> Option<String>,
) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for member in members {
        let Some(text) = text(member) else {
            continue;
        };
        let next = groups.len();
        let group = *known.entry(text).or_insert(next);
        match groups.get_mut(group) {
            Some(group) => group.push(member),
            None => groups.push(vec![member]),
        }
    }
    groups
}

/// Other places of one entry beyond this are not told: a disk may offer the same as often as it likes.
const MAX_PLACES: usize = 64;

/// Neither are problems that others have with it.
const MAX_PROBLEMS: usize = 64;

/// Further ones that others made are not kept: a system has one for each language, and signatures are looked for beside
/// the files of each.
const MAX_TWINS: usize = 8;

/// Makes one entry of those of several configurations that start the same. Entries of one configuration stay
/// as they are, and so do two of which only one can be booted: so nothing can be booted that could not, or
/// the other way round. Neither are two the same that save different variables, or of which one, on another disk,
/// saves any. What anybody may plug in or pull out does not stand for what another disk offers: it would be refused, or
/// gone, in the place of the other.
///
/// The first one stays, in its place and under its name; if one of them counts its tries, the first of those.
/// What the others add is where they are, their remarks, what they save where the first saves nothing, and what they
/// are made from: who judges the first looks at the others, too.
/// The configurations that choose one of the others choose the one that stays.
pub(super) fn merge(inventory: &Inventory, found: &mut Found, known: &Identities<'_>) {
    let configuration = owners(found);
    let of = |i: usize| configuration.get(i).copied().flatten();
    let disk = |i| {
        let configuration = found.configurations.get(of(i)?)?;
        Some(configuration.file.volume.disk)
    };
    let is_removable = |disk: &usize| {
        let scanned = inventory.disks().get(*disk);
        scanned.is_some_and(|scanned| scanned.disk.is_removable())
    };
    let mut stays: Vec<usize> = (0..found.entries.len()).collect();
    let entry = |i: usize| found.entries.get(i);
    let outlines = |i: usize| {
        let entry = entry(i)?;
        let mark = if entry.bootable() { "" } else { "!" };
        Some(outline(entry)? + mark)
    };
    let starts = |i: usize| {
        let start = start(entry(i)?, known)?;
        // Also where a file is on such a disk that the entry is made from.
        let written = entry(i)?.written.files().iter();
        let written = written.map(|file| file.place.volume().disk);
        let mut disks = disk(i).into_iter().chain(written);
        Some(match disks.find(is_removable) {
            Some(disk) => format!("{disk} {start}"),
            None => start,
        })
    };
    for members in alike(0..found.entries.len(), &outlines) {
        let first = members.first().copied().map(of);
        if members.iter().all(|member| Some(of(*member)) == first) {
            continue;
        }
        for members in alike(members.into_iter(), &starts) {
            let counts = |i: &&usize| entry(**i).is_some_and(|entry| entry.tries_left.is_some());
            let survivor = members.iter().find(counts).or(members.first());
            let Some(survivor) = survivor.copied() else {
                continue;
            };
            // What is written is that of the first that writes anything.
            let saves = |i: usize| entry(i).map_or(&[][..], |entry| &entry.saves);
            let mut written = saves(survivor);
            for other in members {
                let more = saves(other);
                // A disk that is plugged in has nothing to write when another one is booted.
                let adds = written.is_empty() && disk(other) == disk(survivor);
                let writes_alike = more.is_empty() || adds || known.save_alike(written, more);
                if of(other) == of(survivor) || !writes_alike {
                    continue;
                }
                if adds {
                    written = more;
                }
                if let Some(stays) = stays.get_mut(other) {
                    *stays = survivor;
                }
            }
        }
    }
    join(found, &stays);
}

/// For each entry the number of its configuration.
fn owners(found: &Found) -> Vec<Option<usize>> {
    let mut owners = vec![None; found.entries.len()];
    for (number, configuration) in found.configurations.iter().enumerate() {
        let own = owners.get_mut(configuration.entries.clone());
        own.unwrap_or_default().fill(Some(number));
    }
    owners
}

/// Leaves those entries that stand for themselves in `stays`, and gives them what the others add.
fn join(found: &mut Found, stays: &[usize]) {
    let mut added: Vec<(usize, BootEntry)> = Vec::new();
    let mut left = Vec::with_capacity(found.entries.len());
    // Where each entry is now, or would be.
    let mut places = Vec::with_capacity(stays.len());
    let entries = std::mem::take(&mut found.entries).into_iter();
    for ((i, entry), survivor) in entries.enumerate().zip(stays) {
        places.push(left.len());
        match i == *survivor {
            true => left.push(entry),
            false => added.push((*survivor, entry)),
        }
    }
    let end = left.len();
    let place = |i: usize| places.get(i).copied().unwrap_or(end);
    found.entries = left;
    for (survivor, other) in added {
        if let Some(entry) = found.entries.get_mut(place(survivor)) {
            entry.add(other);
        }
    }
    for configuration in &mut found.configurations {
        let Range { start, end } = configuration.entries;
        configuration.entries = place(start)..place(end);
        let stays = |i: &mut usize| *i = place(stays.get(*i).copied().unwrap_or(*i));
        configuration.default.iter_mut().for_each(stays);
        configuration.fallback.iter_mut().for_each(stays);
        // Two choices may have become one.
        let mut chosen: Vec<usize> = configuration.default.into_iter().collect();
        configuration.fallback.retain(|i| {
            let is_new = !chosen.contains(i);
            chosen.push(*i);
            is_new
        });
    }
}

impl BootEntry {
    /// Takes over what another entry has that starts the same.
    fn add(&mut self, other: BootEntry) {
        for origin in std::iter::once(&other.origin).chain(&other.also_at) {
            if self.also_at.len() >= MAX_PLACES {
                break;
            }
            if *origin != self.origin && !self.also_at.contains(origin) {
                self.also_at.push(origin.clone());
            }
        }
        for name in std::iter::once(&other.id).chain(&other.also_called) {
            if self.also_called.len() >= MAX_PLACES {
                break;
            }
            if *name != self.id && !self.also_called.contains(name) {
                self.also_called.push(name.clone());
            }
        }
        self.default |= other.default;
        self.password = self.password.max(other.password);
        self.fixed |= other.fixed;
        if self.saves.is_empty() {
            self.saves.clone_from(&other.saves);
        }
        if self.other_keys.is_empty() {
            self.other_keys.clone_from(&other.other_keys);
        }
        for problem in &other.problems {
            // That which no change mends decides, and is told even so.
            let has_room = self.problems.len() < MAX_PROBLEMS;
            let decides = problem.lasts() && self.mendable();
            if (has_room || decides) && !self.problems.contains(problem) {
                self.problems.push(problem.clone());
            }
        }
        let is_known =
            |twin: &BootEntry| twin.cmdline == other.cmdline && twin.written == other.written;
        // Where one is counts for what is refused: without a place it does not stand for the others.
        let has_place = self.origin == other.origin || self.also_at.contains(&other.origin);
        let is_new = !is_known(self) && !self.twins.iter().any(is_known);
        if self.twins.len() < MAX_TWINS && has_place && is_new {
            self.twins.push(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Change, Problem};

    #[test]
    fn what_can_not_be_mended_is_not_cut_off() {
        let mut first = BootEntry::on_disk(0, "a");
        for number in 0..MAX_PROBLEMS {
            let text = format!("/gone{number} is not there");
            first.problems.push(Problem::new(true, text));
        }
        first.mark_mendable(0, Change::Initrds);
        let mut other = BootEntry::on_disk(0, "b");
        other.remark("a remark");
        other.block("not mendable");
        other.block("another");
        first.add(other);
        assert!(!first.mendable());
        assert_eq!(first.problems.len(), MAX_PROBLEMS + 1);
    }
}
