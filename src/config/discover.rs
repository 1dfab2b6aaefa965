//! Asking every volume for what can be booted from it.

use std::collections::{BTreeMap, BTreeSet};

use super::bls::{self, Place};
use super::budget::Budget;
use super::configuration::{Configuration, MenuWait};
use super::guess::guess;
use super::identity::Identities;
use super::{grub, names, password, same, startable, syslinux, uki};
use crate::disk::{Format, PartitionKind, Volume};
use crate::efi::Wishes;
use crate::entry::{BootEntry, EntrySource, FileRef, VolumeId};
use crate::inventory::Inventory;

/// Of what stands beside a default that goes on to the next disk.
pub(super) const LEFT_TO_PEOPLE: &str =
    "its configuration goes on to the next disk by itself: this is started where it is chosen";

/// What can be booted, and what was found and can't.
#[derive(Debug, Default)]
pub struct Found {
    /// Entries in the order of the menu: by disk, on each as its configurations say.
    pub entries: Vec<BootEntry>,
    /// The configurations that they are from, in the same order: every entry is in one of them. What several
    /// offer alike is in the first.
    pub configurations: Vec<Configuration>,
    /// What was not understood, by volume.
    pub problems: Vec<VolumeProblem>,
    /// What the machine's UEFI variables want of them.
    pub wishes: Wishes,
}

impl Found {
    /// What was not understood on one volume, in words.
    pub fn problems_of(&self, volume: VolumeId) -> impl Iterator<Item = &String> {
        let problems = self.problems.iter();
        problems.filter_map(move |problem| (problem.volume == volume).then_some(&problem.text))
    }

    /// The configuration that chooses an entry, or else has it in its menu.
    pub fn configuration_of(&self, entry: &BootEntry) -> Option<&Configuration> {
        let mut entries = self.entries.iter();
        let index = entries.position(|other| other.id == entry.id)?;
        let all = &self.configurations;
        let chooses = all.iter().find(|all| all.default == Some(index));
        let has = || all.iter().find(|all| all.entries.contains(&index));
        chooses.or_else(has)
    }

    /// Adds the entries of a configuration, and says which they are.
    fn offer(&mut self, entries: impl IntoIterator<Item = BootEntry>) -> std::ops::Range<usize> {
        let first = self.entries.len();
        self.entries.extend(entries);
        first..self.entries.len()
    }

    /// Adds a configuration with its entries.
    fn configure(
        &mut self,
        source: EntrySource,
        file: FileRef,
        entries: impl IntoIterator<Item = BootEntry>,
    ) -> &mut Configuration {
        let entries = self.offer(entries);
        let configuration = Configuration::new(source, file, entries, &self.entries);
        self.configurations.push_mut(configuration)
    }

    /// Adds a configuration that has no default by name, and where it has no entries nothing at all.
    fn plain(
        &mut self,
        source: EntrySource,
        file: FileRef,
        wait: MenuWait,
        entries: Vec<BootEntry>,
    ) {
        if !entries.is_empty() {
            self.configure(source, file, entries).wait = wait;
        }
    }

    fn problem(&mut self, volume: VolumeId, text: String) {
        self.problems.push(VolumeProblem { volume, text });
    }
}

/// Something on a volume that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeProblem {
    /// The volume.
    pub volume: VolumeId,
    /// What and why, in words.
    pub text: String,
}

/// Reads the configurations of all disks.
///
/// Entries of ESP and XBOOTLDR of one disk belong together, as the Boot Loader Specification says;
/// those of other volumes follow, each volume by itself, then what GRUB's configurations say, and then those
/// of SYSLINUX. Each such group has one default. Entries of the specification that a GRUB script has taken into
/// its menu are offered there. What firmware starts by its place alone comes behind all that. Kernels of systems
/// that none of these offers are guessed at the end. Of what several configurations offer alike, one entry is
/// left, and what has a password in one of them has it in all.
pub fn discover(inventory: &Inventory) -> Found {
    let mut found = Found {
        wishes: inventory.wishes().clone(),
        ..Found::default()
    };
    let mut scripts = grub::Configurations::default();
    // The disks of menus of SYSLINUX with a password.
    let mut locked = BTreeSet::new();
    let mut volumes = Vec::new();
    for disk in 0..inventory.disks().len() {
        let budget = Budget::of_disk(inventory.disks().len());
        let mut boot = bls::Group::default();
        let mut others = Vec::new();
        let mut readable = Vec::new();
        // What firmware would look at for a program to start: as it does, any FAT of an MBR that has no ESP.
        let mut started = Vec::new();
        let mut candidates = Vec::new();
        for (id, volume) in inventory.volumes_of(disk) {
            for text in inventory.assembly_problems(id) {
                found.problem(id, text.to_owned());
            }
            // What nobody knows may be anything, and swap is nothing.
            let Some(format) = volume.content.format.filter(|f| *f != Format::Swap) else {
                continue;
            };
            // A partition shows it once more.
            if inventory.canonical(id) != id {
                continue;
            }
            match format {
                Format::Luks => {
                    found.problem(id, "encrypted (LUKS): not opened".to_owned());
                    continue;
                }
                // What is in them is another volume.
                Format::Lvm | Format::MdRaid => continue,
                _ => {}
            }
            let filesystem = match inventory.filesystem(id) {
                Ok(filesystem) => filesystem,
                Err(error) => {
                    found.problem(id, format!("its filesystem can't be read: {error}"));
                    continue;
                }
            };
            if let Some(text) = filesystem.problem() {
                found.problem(id, text.to_owned());
            }
            let place = Place::of(volume.purpose());
            readable.push(id);
            if place == Place::Esp || volume.partition.is_none() {
                started.push(id);
            } else if format == Format::Fat && is_in_mbr(volume) {
                candidates.push(id);
            }
            let group = match place {
                Place::Elsewhere => others.push_mut(bls::Group::default()),
                Place::Esp | Place::Xbootldr => &mut boot,
            };
            group.read(filesystem, id, place, &budget);
            if format == Format::Fat {
                group.forget_left(filesystem, id);
            }
        }
        let first = found.entries.len();
        let evaluated = scripts.read(inventory, readable.iter().copied());
        let mut fixed = BTreeSet::new();
        let mut other_keys = BTreeMap::new();
        for group in std::iter::once(boot).chain(others) {
            let offered = group.finish(inventory.wishes());
            let mut own = offered.entries;
            // Those that a script of GRUB lists are its entries, under what their own loader forbids.
            own.retain_mut(|entry| {
                let file = &entry.origin.file;
                let is_read = scripts.has_read(file);
                if is_read && entry.fixed {
                    fixed.insert(file.clone());
                }
                if is_read && !entry.other_keys.is_empty() {
                    let keys = std::mem::take(&mut entry.other_keys);
                    other_keys.insert(file.clone(), keys);
                }
                !is_read
            });
            if let Some(file) = offered.file.filter(|_| !own.is_empty()) {
                let configuration = found.configure(EntrySource::Bls, file, own);
                configuration.wait = offered.wait;
                configuration.on_error = offered.on_error;
                configuration.wanted = offered.wanted;
            }
            for (volume, text) in offered.problems {
                found.problem(volume, text);
            }
        }
        for (file, mut evaluated) in evaluated {
            let volume = file.volume;
            for entry in &mut evaluated.entries {
                entry.fixed |= fixed.contains(&entry.origin.file);
                let keys = other_keys.get(&entry.origin.file);
                entry.other_keys = keys.cloned().unwrap_or_default();
            }
            let configuration = found.configure(EntrySource::Grub, file, evaluated.entries);
            configuration.wait = evaluated.wait;
            configuration.wanted = evaluated.wanted;
            for text in evaluated.problems {
                found.problem(volume, text);
            }
        }
        for id in &readable {
            let (file, listed) = match syslinux::of_volume(inventory, *id, &budget) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(problem) => {
                    found.problem(*id, problem);
                    continue;
                }
            };
            if listed.has_password {
                locked.insert(disk);
            }
            found.plain(EntrySource::Syslinux, file, listed.wait, listed.entries);
            for text in listed.problems {
                found.problem(*id, text);
            }
        }
        if let Some(entries) = found.entries.get_mut(first..) {
            budget.share(|budget| startable::check(inventory, entries, budget));
        }
        volumes.extend(readable);
        if started.is_empty() {
            started = candidates;
        }
        for volume in started {
            let Ok(filesystem) = inventory.filesystem(volume) else {
                continue;
            };
            let others = found.entries.iter();
            let others = others.filter(|entry| entry.origin.file.volume.disk == disk);
            let others: Vec<&BootEntry> = others.collect();
            let (entries, problem) = uki::fallback(filesystem, volume, &others, &budget);
            for entry in entries {
                let file = entry.origin.file.clone();
                found.plain(entry.source, file, MenuWait::default(), vec![entry]);
            }
            if let Some(text) = problem {
                found.problem(volume, text);
            }
        }
    }
    scripts.restrict(inventory, &mut found.entries);
    let guessed = guess(inventory, &volumes, &found.entries);
    let mut left = guessed.entries.into_iter().peekable();
    while let Some(first) = left.next() {
        let file = first.origin.file.clone();
        let volume = file.volume;
        let mut entries = vec![first];
        entries.extend(std::iter::from_fn(|| {
            left.next_if(|entry| entry.origin.file.volume == volume)
        }));
        found.plain(EntrySource::Guess, file, MenuWait::default(), entries);
    }
    for (volume, text) in guessed.problems {
        found.problem(volume, text);
    }
    let identities = Identities::new(inventory);
    password::guard(inventory, &mut found, scripts.hidden(), &identities);
    locked.extend(scripts.locked());
    password::guard_guesses(&mut found, &locked);
    same::merge(inventory, &mut found, &identities);
    for configuration in &found.configurations {
        if configuration.goes_on(&found.entries) {
            let own = configuration.entries.clone();
            for entry in found.entries.get_mut(own).unwrap_or_default() {
                if !entry.goes_on {
                    entry.remark(LEFT_TO_PEOPLE);
                }
            }
        }
    }
    names::make_unique(inventory, &mut found.entries);
    for entry in &mut found.entries {
        entry.seal();
    }
    found
}

/// Is it a partition of an MBR?
fn is_in_mbr(volume: &Volume) -> bool {
    let partition = volume.partition.as_ref();
    partition.is_some_and(|partition| matches!(partition.kind, PartitionKind::Mbr(_)))
}
