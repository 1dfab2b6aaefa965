//! What configurations offer already.

use crate::entry::{BootEntry, VolumeId};
use crate::inventory::Inventory;

/// Does anything that can be booted start a kernel from this volume?
pub(super) fn kernels_of(known: &[BootEntry], volume: VolumeId) -> bool {
    known.iter().filter(|entry| entry.bootable()).any(|entry| {
        let kernel = entry.kernel.as_ref();
        kernel.is_some_and(|file| file.volume == volume)
    })
}

/// Does anything that can be booted start the system on this volume?
pub(super) fn system(inventory: &Inventory, known: &[BootEntry], volume: VolumeId) -> bool {
    let mut bootable = known.iter().filter(|entry| entry.bootable());
    bootable.any(|entry| {
        let root = entry.cmdline.split_ascii_whitespace().rev();
        let root = root.filter_map(|word| word.strip_prefix("root=")).next();
        match root.and_then(|root| names(inventory, root, volume)) {
            Some(is_it) => is_it,
            // It may be any of this disk.
            None => entry.origin.file.volume.disk == volume.disk,
        }
    })
}

/// Does the source of a mount, or the value of `root=`, mean this volume? `None`: only the running system
/// can tell.
pub(super) fn names(inventory: &Inventory, source: &str, volume: VolumeId) -> Option<bool> {
    let (tag, value) = match source.strip_prefix("/dev/disk/by-") {
        Some(link) => link.split_once('/')?,
        None => source.split_once('=')?,
    };
    let volume = inventory.volume(volume)?;
    let partition = volume.partition.as_ref();
    let own = match tag.to_ascii_lowercase().as_str() {
        "uuid" => volume.content.uuid.as_deref(),
        "label" => volume.content.label.as_deref(),
        "partuuid" => partition.and_then(|partition| partition.uuid.as_deref()),
        "partlabel" => partition.and_then(|partition| partition.name.as_deref()),
        _ => return None,
    };
    let value = value.trim_matches('"');
    Some(own.is_some_and(|own| own.eq_ignore_ascii_case(value)))
}
