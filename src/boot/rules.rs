//! Which entries and disks the rules of the policy hold for.

use std::iter::successors;

use super::wished::is_meant;
use crate::config::bls::Pattern;
use crate::config::{Found, discover};
use crate::disk::{Disk, Partition, Volume};
use crate::entry::{BootEntry, FileRef, VolumeId};
use crate::inventory::Inventory;
use crate::policy::{Boot, DiskRule, EntryRule, Purpose};

/// Reads the configurations of all disks, blocks what the policy refuses, and ranks what it prefers.
pub fn find(inventory: &Inventory, policy: &Boot) -> Found {
    let mut found = discover(inventory);
    judge(inventory, policy, &mut found.entries);
    found
}

/// Blocks what the policy refuses, and ranks what it prefers.
///
/// Where an entry is, for what is preferred, is the volume that it was written down on. Refused is also what was
/// written down on other volumes alike, what is made from a configuration file on one, and what is read from one, so
/// that nothing leads around the rule.
pub(super) fn judge(inventory: &Inventory, policy: &Boot, entries: &mut [BootEntry]) {
    for entry in entries {
        let own = [entry.origin.file.volume];
        entry.rank = policy
            .prefer
            .iter()
            .position(|rule| holds(rule, inventory, entry, &own));
        let refuses = |entry: &BootEntry| {
            let volumes = volumes(entry);
            let mut rules = policy.refuse.iter();
            rules.find(|rule| holds(rule, inventory, entry, &volumes))
        };
        // What is refused vouches for nothing.
        let mut twins = std::mem::take(&mut entry.twins);
        twins.retain(|twin| refuses(twin).is_none());
        entry.twins = twins;
        if let Some(rule) = refuses(entry) {
            let line = rule.place.line;
            entry.block(format!("line {line} of the policy refuses it"));
        }
    }
}

/// The volumes that an entry has to do with, each once.
fn volumes(entry: &BootEntry) -> Vec<VolumeId> {
    let origins = std::iter::once(&entry.origin).chain(&entry.also_at);
    let files = [&entry.kernel, &entry.devicetree];
    let companions = entry.unified.iter().flat_map(|unified| &unified.companions);
    let files: Vec<&FileRef> = origins
        .map(|origin| &origin.file)
        .chain(files.into_iter().flatten())
        .chain(entry.initrd.iter().map(|initrd| &initrd.file))
        .chain(entry.modules.iter().map(|module| &module.file))
        .chain(companions.map(|companion| &companion.file))
        .collect();
    let written = entry.written.files().iter();
    let written = written.map(|file| file.place.volume());
    let files = files.into_iter().map(|file| file.volume);
    let mut volumes: Vec<VolumeId> = files.chain(written).collect();
    volumes.sort_unstable();
    volumes.dedup();
    volumes
}

/// Does a rule hold for an entry that is on one of these volumes?
fn holds(rule: &EntryRule, inventory: &Inventory, entry: &BootEntry, volumes: &[VolumeId]) -> bool {
    let matches = |pattern: &Option<_>, test: &dyn Fn(&_) -> bool| match pattern {
        Some(pattern) => test(pattern),
        None => true,
    };
    rule.source.is_none_or(|source| source == entry.source)
        && matches(&rule.id, &|id| is_meant(id, entry))
        && matches(&rule.title, &|title| title.matches(&entry.title))
        && matches(&rule.system, &|system| {
            entry.system.as_deref().is_some_and(|id| system.matches(id))
        })
        && volumes
            .iter()
            .flat_map(|volume| around(inventory, *volume))
            .any(|volume| is_at(&rule.place, inventory, volume))
}

/// A volume, and the one that holds the file in which it is, and so on.
fn around(inventory: &Inventory, volume: VolumeId) -> impl Iterator<Item = VolumeId> {
    successors(Some(volume), |volume| {
        inventory.image(*volume).map(|image| image.file.volume)
    })
}

/// Does a rule hold for a volume?
fn is_at(rule: &DiskRule, inventory: &Inventory, volume: VolumeId) -> bool {
    let Some((scanned, volume)) = inventory.disk(volume).zip(inventory.volume(volume)) else {
        return false;
    };
    is_on(rule, &scanned.disk, volume) && is_called(rule, volume)
}

/// Does what a rule says of disks hold for one? What is put together is removable where its pieces are.
fn is_on(rule: &DiskRule, disk: &Disk, volume: &Volume) -> bool {
    let assembled = volume.assembled.as_ref().map(|names| names.removable);
    is_disk(rule, disk, disk.is_removable() || assembled == Some(true))
}

fn is_disk(rule: &DiskRule, disk: &Disk, is_removable: bool) -> bool {
    let is_named = |pattern: &Pattern| {
        let path = disk.path.to_str().map(str::to_owned);
        let mut names = disk.hardware.names().into_iter().chain(path);
        names.any(|name| pattern.matches(&name))
    };
    rule.transport
        .is_none_or(|transport| disk.hardware.transport == Some(transport))
        && rule.removable.is_none_or(|wanted| wanted == is_removable)
        && rule.disk.as_ref().is_none_or(is_named)
}

/// Does what a rule says of volumes hold for one?
fn is_called(rule: &DiskRule, volume: &Volume) -> bool {
    let content = &volume.content;
    let is_name = |name: &String| {
        let uuid = content.uuid.as_ref();
        uuid.is_some_and(|uuid| uuid.eq_ignore_ascii_case(name))
            || content.label.as_ref() == Some(name)
    };
    let is_for = |purpose: &Purpose| {
        let is = |partition: &Partition| match purpose {
            Purpose::Esp => partition.is_esp(),
            Purpose::Xbootldr => partition.is_xbootldr(),
            Purpose::Kind(kind) => partition.kind == *kind,
        };
        volume.purpose().is_some_and(is)
    };
    rule.volume.as_ref().is_none_or(is_name) && rule.partition.as_ref().is_none_or(is_for)
}

/// The rules that no disk fulfils which is there.
pub(super) fn missing<'p>(inventory: &Inventory, wanted: &'p [DiskRule]) -> Vec<&'p DiskRule> {
    let is_there = |rule: &DiskRule| match rule.is_of_volume() {
        true => inventory
            .volumes()
            .any(|(id, _)| is_at(rule, inventory, id)),
        // A disk may be there without anything on it.
        false => inventory
            .disks()
            .iter()
            .any(|scanned| is_disk(rule, &scanned.disk, scanned.disk.is_removable())),
    };
    wanted.iter().filter(|rule| !is_there(rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::ConfigFile;
    use crate::fs::FsPath;

    #[test]
    fn an_entry_has_to_do_with_every_disk_that_made_it() {
        let mut entry = BootEntry::on_disk(0, "a");
        let own = volumes(&entry);
        let stick = VolumeId { disk: 7, volume: 2 };
        assert!(!own.contains(&stick));
        let sourced = FileRef {
            volume: stick,
            path: FsPath::new("/custom.cfg").unwrap(),
        };
        entry.written.add(Some(&ConfigFile::new(sourced, b"")));
        assert_eq!(volumes(&entry), [own, vec![stick]].concat());
    }
}
