//! Asking every volume for what can be booted from it.

use super::bls::{self, Place};
use super::grub;
use super::{names, uki};
use crate::disk::Format;
use crate::entry::{BootEntry, VolumeId};
use crate::inventory::Inventory;

/// What can be booted, and what was found and can't.
#[derive(Debug, Default)]
pub struct Found {
    /// Entries in the order of the menu: by disk, on each as its configurations say.
    pub entries: Vec<BootEntry>,
    /// What was not understood, by volume.
    pub problems: Vec<VolumeProblem>,
}

impl Found {
    /// What was not understood on one volume, in words.
    pub fn problems_of(&self, volume: VolumeId) -> impl Iterator<Item = &String> {
        let problems = self.problems.iter();
        problems.filter_map(move |problem| (problem.volume == volume).then_some(&problem.text))
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
/// those of other volumes follow, each volume by itself, and then what GRUB's configurations say. Each such
/// group has one default. Entries of the specification that a GRUB script has taken into its menu are
/// offered there. What firmware starts by its place alone comes last.
pub fn discover(inventory: &Inventory) -> Found {
    let mut found = Found::default();
    let mut scripts = grub::Configurations::default();
    for disk in 0..inventory.disks().len() {
        let mut boot = bls::Group::default();
        let mut others = Vec::new();
        let mut readable = Vec::new();
        // What firmware would look at for a program to start.
        let mut started = Vec::new();
        for (id, volume) in inventory.volumes_of(disk) {
            // What nobody knows may be anything, and swap is nothing.
            let Some(format) = volume.content.format.filter(|f| *f != Format::Swap) else {
                continue;
            };
            if let Some(reason) = without_files(format) {
                found.problem(id, reason.to_owned());
                continue;
            }
            let filesystem = match inventory.filesystem(id) {
                Ok(filesystem) => filesystem,
                Err(error) => {
                    found.problem(id, format!("its filesystem can't be read: {error}"));
                    continue;
                }
            };
            let place = Place::of(volume.partition.as_ref());
            readable.push((id, filesystem, place == Place::Esp));
            if place == Place::Esp || volume.partition.is_none() {
                started.push(id);
            }
            match place {
                Place::Elsewhere => {
                    let mut group = bls::Group::default();
                    group.read(filesystem, id, Place::Elsewhere);
                    others.push(group);
                }
                place => boot.read(filesystem, id, place),
            }
        }
        let evaluated = scripts.read(inventory, readable);
        for group in std::iter::once(boot).chain(others) {
            let (entries, problems) = group.finish();
            let own = entries.into_iter();
            found
                .entries
                .extend(own.filter(|entry| !scripts.has_read(&entry.origin.file)));
            for (volume, text) in problems {
                found.problem(volume, text);
            }
        }
        for (volume, evaluated) in evaluated {
            found.entries.extend(evaluated.entries);
            for text in evaluated.problems {
                found.problem(volume, text);
            }
        }
        for volume in started {
            let Ok(filesystem) = inventory.filesystem(volume) else {
                continue;
            };
            let others = found.entries.iter();
            let others = others.filter(|entry| entry.origin.file.volume.disk == disk);
            let entries = uki::fallback(filesystem, volume, &others.collect::<Vec<_>>());
            found.entries.extend(entries);
        }
    }
    names::make_unique(inventory, &mut found.entries);
    found
}

/// Why a volume is passed over that holds others instead of files.
fn without_files(format: Format) -> Option<&'static str> {
    match format {
        Format::Luks => Some("encrypted (LUKS): not opened"),
        Format::Lvm => Some("physical volume of LVM: not assembled"),
        Format::MdRaid => Some("member of a RAID (MD): not assembled"),
        _ => None,
    }
}
