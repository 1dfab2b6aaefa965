//! Asking every volume for what can be booted from it.

use std::collections::BTreeSet;

use super::bls;
use crate::disk::{Format, Partition};
use crate::entry::{BootEntry, VolumeId};
use crate::fs::FsError;
use crate::inventory::Inventory;

/// What can be booted, and what was found and can't.
#[derive(Debug, Default)]
pub struct Found {
    /// Entries in the order of the menu: by disk, on each as its configurations say.
    pub entries: Vec<BootEntry>,
    /// What was not understood, by volume.
    pub problems: Vec<VolumeProblem>,
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
/// those of other volumes follow, each volume by itself. In each such group one entry is the default:
/// the one that `loader.conf` means, otherwise the first that can be booted.
///
/// An id that occurs again gets `@` and the UUID of its volume, and a number where that is not enough:
/// the first keeps its name.
pub fn discover(inventory: &Inventory) -> Found {
    let mut found = Found::default();
    for disk in 0..inventory.disks().len() {
        let mut boot = Group::default();
        let mut others = Vec::new();
        for (id, volume) in inventory.volumes().filter(|(id, _)| id.disk == disk) {
            let partition = volume.partition.as_ref();
            let is_boot = partition.is_some_and(|p| Partition::is_esp(p) || p.is_xbootldr());
            if !may_hold_files(volume.content.format) {
                continue;
            }
            let filesystem = match inventory.filesystem(id) {
                Ok(filesystem) => filesystem,
                Err(error) => {
                    found.problems.push(unreadable(id, error));
                    continue;
                }
            };
            let read = bls::read(filesystem, id, is_boot);
            let texts = read.problems.iter().cloned();
            let problems = texts.map(|text| VolumeProblem { volume: id, text });
            found.problems.extend(problems);
            if is_boot {
                boot.add(read);
            } else {
                let mut group = Group::default();
                group.add(read);
                others.push(group);
            }
        }
        for group in std::iter::once(boot).chain(others) {
            found.entries.extend(group.finish());
        }
    }
    bls::make_unique(&mut found.entries);
    make_ids_unique(inventory, &mut found.entries);
    found
}

/// Entries that are sorted together, with one default.
#[derive(Default)]
struct Group {
    entries: Vec<bls::Sorted>,
    conf: bls::LoaderConf,
}

impl Group {
    fn add(&mut self, read: bls::Read) {
        self.entries.extend(read.entries);
        // The first file that names a default counts: that of the ESP, which comes first.
        if self.conf.default.is_none() {
            self.conf = read.conf;
        }
    }

    fn finish(mut self) -> Vec<BootEntry> {
        bls::order(&mut self.entries);
        let mut entries: Vec<BootEntry> = self.entries.into_iter().map(|s| s.entry).collect();
        let wanted = self.conf.default.as_ref();
        let is_wanted = |entry: &BootEntry| wanted.is_some_and(|choice| choice.means(&entry.id));
        let chosen = entries.iter().position(is_wanted);
        let chosen = chosen.or_else(|| entries.iter().position(BootEntry::bootable));
        if let Some(entry) = chosen.and_then(|i| entries.get_mut(i)) {
            entry.default = true;
        }
        entries
    }
}

/// Containers and swap hold no files; a format that nobody knows may be anything.
fn may_hold_files(format: Option<Format>) -> bool {
    !matches!(
        format,
        None | Some(Format::Luks | Format::Lvm | Format::MdRaid | Format::Swap)
    )
}

fn unreadable(volume: VolumeId, error: &FsError) -> VolumeProblem {
    let text = format!("its filesystem can't be read: {error}");
    VolumeProblem { volume, text }
}

fn make_ids_unique(inventory: &Inventory, entries: &mut [BootEntry]) {
    let mut taken = BTreeSet::new();
    for entry in entries {
        let volume = inventory.volume(entry.origin.file.volume);
        let uuid = volume.and_then(|volume| volume.content.uuid.as_deref());
        let base = format!("{}@{}", entry.id, uuid.unwrap_or("?"));
        let numbered = (2_u32..).map(|n| format!("{base}#{n}"));
        let mut names = [entry.id.clone(), base.clone()].into_iter().chain(numbered);
        if let Some(id) = names.find(|name| !taken.contains(name)) {
            taken.insert(id.clone());
            entry.id = id;
        }
    }
}
