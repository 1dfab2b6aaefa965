//! What several configurations offer alike is one entry.

use std::collections::BTreeMap;
use std::ops::Range;

use super::discover::Found;
use super::identity::{Identities, Identity};
use crate::entry::{BootEntry, CompanionKind, FileRef, PayloadKind};

/// What an entry starts, as far as that can be told without looking at files: the kind, how many files of
/// which kind, and the command line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outline {
    kind: PayloadKind,
    files: Vec<Role>,
    cmdline: String,
    /// The profile of a unified kernel image, and the command line that takes the place of its own.
    unified: Option<(usize, Option<String>)>,
}

/// What an entry needs a file for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Kernel,
    Initrd,
    DeviceTree,
    Module(String),
    Companion(CompanionKind),
}

/// What an entry starts, exactly.
pub(super) type Start = (Outline, Vec<Identity>);

/// The files of an entry, in order.
fn files(entry: &BootEntry) -> impl Iterator<Item = (Role, &FileRef)> {
    let kernel = entry.kernel.iter().map(|file| (Role::Kernel, file));
    let initrds = entry.initrd.iter().map(|file| (Role::Initrd, file));
    let trees = entry.devicetree.iter();
    let trees = trees.map(|file| (Role::DeviceTree, file));
    let modules = entry.modules.iter();
    let modules = modules.map(|module| (Role::Module(words(&module.cmdline)), &module.file));
    let companions = entry.unified.iter().flat_map(|unified| &unified.companions);
    let companions = companions.map(|other| (Role::Companion(other.kind), &other.file));
    kernel
        .chain(initrds)
        .chain(trees)
        .chain(modules)
        .chain(companions)
}

/// A command line without what each boot loader puts in by itself.
fn words(cmdline: &str) -> String {
    let words = cmdline.split_ascii_whitespace();
    let own = words.filter(|word| !word.starts_with("BOOT_IMAGE=") && !word.starts_with("initrd="));
    own.collect::<Vec<_>>().join(" ")
}

/// What an entry starts; `None` where that is nothing.
pub(super) fn outline(entry: &BootEntry) -> Option<Outline> {
    entry.kernel.as_ref()?;
    let unified = entry.unified.as_ref();
    Some(Outline {
        kind: entry.kind,
        files: files(entry).map(|(role, _)| role).collect(),
        cmdline: words(&entry.cmdline),
        unified: unified.map(|unified| (unified.profile, unified.options.clone())),
    })
}

/// The files of what an entry starts.
pub(super) fn identities(entry: &BootEntry, identities: &Identities<'_>) -> Vec<Identity> {
    files(entry).map(|(_, file)| identities.of(file)).collect()
}

/// Other places of one entry beyond this are not told: a disk may offer the same as often as it likes.
const MAX_PLACES: usize = 64;

/// Neither are problems that others have with it.
const MAX_PROBLEMS: usize = 64;

/// Makes one entry of those of several configurations that start the same. Entries of one configuration stay
/// as they are, and so do two of which only one can be booted: so nothing can be booted that could not, or
/// the other way round. Neither are two the same that save different variables, or of which one, on another disk,
/// saves any.
///
/// The first one stays, in its place and under its name; if one of them counts its tries, the first of those.
/// What the others add is where they are, their remarks, and what they save where the first saves nothing.
/// The configurations that choose one of the others choose the one that stays.
pub(super) fn merge(found: &mut Found, known: &Identities<'_>) {
    let mut alike: BTreeMap<(Outline, bool), Vec<usize>> = BTreeMap::new();
    for (i, entry) in found.entries.iter().enumerate() {
        if let Some(outline) = outline(entry) {
            alike
                .entry((outline, entry.bootable()))
                .or_default()
                .push(i);
        }
    }
    let configuration = owners(found);
    let of = |i: usize| configuration.get(i).copied().flatten();
    let disk = |i| {
        let configuration = found.configurations.get(of(i)?)?;
        Some(configuration.file.volume.disk)
    };
    let mut stays: Vec<usize> = (0..found.entries.len()).collect();
    for members in alike.into_values() {
        let first = members.first().copied().map(of);
        if members.iter().all(|member| Some(of(*member)) == first) {
            continue;
        }
        let mut same: BTreeMap<Vec<Identity>, Vec<usize>> = BTreeMap::new();
        for member in members {
            if let Some(entry) = found.entries.get(member) {
                same.entry(identities(entry, known))
                    .or_default()
                    .push(member);
            }
        }
        for members in same.into_values() {
            let counts = |i: &&usize| {
                let entry = found.entries.get(**i);
                entry.is_some_and(|entry| entry.tries_left.is_some())
            };
            let survivor = members.iter().find(counts).or(members.first());
            let Some(survivor) = survivor.copied() else {
                continue;
            };
            // What is written is that of the first that writes anything.
            let saves = |i: usize| found.entries.get(i).map_or(&[][..], |entry| &entry.saves);
            let mut written = saves(survivor);
            for other in members {
                let more = saves(other);
                // A disk that is plugged in has nothing to write when another one is booted.
                let adds = written.is_empty() && disk(other) == disk(survivor);
                let writes_alike = more.is_empty() || adds || written == more;
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
    let mut added: BTreeMap<usize, Vec<BootEntry>> = BTreeMap::new();
    let mut left = Vec::with_capacity(found.entries.len());
    // Where each entry is now, or would be.
    let mut places = Vec::with_capacity(stays.len());
    let entries = std::mem::take(&mut found.entries).into_iter();
    for ((i, entry), survivor) in entries.enumerate().zip(stays) {
        places.push(left.len());
        match i == *survivor {
            true => left.push(entry),
            false => added.entry(*survivor).or_default().push(entry),
        }
    }
    let end = left.len();
    let place = |i: usize| places.get(i).copied().unwrap_or(end);
    found.entries = left;
    for (survivor, others) in added {
        if let Some(entry) = found.entries.get_mut(place(survivor)) {
            others.into_iter().for_each(|other| entry.add(other));
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
        for origin in std::iter::once(other.origin).chain(other.also_at) {
            if self.also_at.len() >= MAX_PLACES {
                break;
            }
            if origin != self.origin && !self.also_at.contains(&origin) {
                self.also_at.push(origin);
            }
        }
        self.default |= other.default;
        self.password = self.password.max(other.password);
        if self.saves.is_empty() {
            self.saves = other.saves;
        }
        for problem in other.problems {
            if self.problems.len() >= MAX_PROBLEMS {
                break;
            }
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }
}
