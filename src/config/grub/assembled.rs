//! Arrays and logical volumes, as the disks that they are for GRUB.

use std::cmp::Reverse;

use super::devices::{Disk, scheme};
use crate::inventory::Inventory;

/// Logical volumes and arrays.
///
/// Those come first that are as removable as the disk with index `first`, where the configuration is: a
/// name that a disk can have brought along does not lead away from what was there. Of a name that several
/// of the same kind have, nobody can say which one it means, and only their UUIDs are left as names.
pub(super) fn disks(inventory: &Inventory, first: usize) -> Vec<Disk> {
    let scanned = inventory.disks().get(first);
    let is_removable = scanned.is_some_and(|scanned| scanned.disk.is_removable());
    let volumes = inventory.volumes().filter_map(|(id, volume)| {
        // One without content was taken back.
        let names = volume
            .assembled
            .as_ref()
            .filter(|_| volume.source.size() > 0)?;
        Some((names, id, &volume.partition))
    });
    let mut volumes: Vec<_> = volumes.collect();
    // Those of a group lie behind each other, whenever their disks came; the group that was found last is the
    // first.
    let groups: Vec<&str> = volumes.iter().map(|(names, ..)| names.group()).collect();
    volumes.sort_by_key(|(names, ..)| {
        let group = groups.iter().position(|group| *group == names.group());
        (names.removable != is_removable, Reverse(group), names.place)
    });
    let mut disks: Vec<(bool, Disk)> = Vec::new();
    for (names, id, partition) in volumes {
        let is_foreign = names.removable != is_removable;
        let is_it = |(foreign, disk): &(bool, Disk)| {
            *foreign == is_foreign && disk.alias.as_deref() == Some(&names.id)
        };
        if !disks.last().is_some_and(is_it) {
            let disk = Disk {
                name: names.name.clone(),
                optical: None,
                alias: Some(names.id.clone()),
                whole: None,
                partitions: Vec::new(),
                scheme: names.table.map_or("gpt", scheme),
            };
            disks.push((is_foreign, disk));
        }
        if let Some((_, disk)) = disks.last_mut() {
            match partition {
                Some(partition) => disk.partitions.push((partition.number, id)),
                None => disk.whole = Some(id),
            }
        }
    }
    let names: Vec<(bool, String)> = disks
        .iter()
        .map(|(is_foreign, disk)| (*is_foreign, disk.name.clone()))
        .collect();
    let unique = |(is_foreign, mut disk): (bool, Disk)| {
        let name = (is_foreign, disk.name);
        let is_unique = names.iter().filter(|other| **other == name).count() == 1;
        let id = disk.alias.clone().unwrap_or_default();
        disk.name = if is_unique { name.1 } else { id };
        disk
    };
    disks.into_iter().map(unique).collect()
}
