//! What configurations offer already.

use crate::entry::{BootEntry, FileRef, PayloadKind, VolumeId};
use crate::fs::FileKind;
use crate::inventory::Inventory;

/// The entries whose configuration holds: those that can be booted, and those whose kernel is there and
/// which something else keeps from being booted, perhaps a password. What a configuration says of a system
/// is not to be gone around.
pub(super) fn offers(inventory: &Inventory, entries: &[BootEntry]) -> Vec<Offer> {
    let holds = |entry: &&BootEntry| {
        let is_system = entry.kind != PayloadKind::Efi;
        entry.bootable() || is_system && files(entry).any(|file| is_there(inventory, file))
    };
    let offer = |entry: &BootEntry| Offer {
        disk: entry.origin.file.volume.disk,
        kernels: files(entry).map(|file| file.volume).collect(),
        root: root(&entry.cmdline).map(str::to_owned),
    };
    entries.iter().filter(holds).map(offer).collect()
}

/// What an entry says of the system that it starts.
#[derive(Debug)]
pub(super) struct Offer {
    /// The disk that the entry is written on.
    disk: usize,
    /// Where its kernel and modules are.
    kernels: Vec<VolumeId>,
    /// The last `root=`, which counts for the kernel.
    root: Option<String>,
}

/// A kernel, or what Multiboot loads: there it may be a module.
fn files(entry: &BootEntry) -> impl Iterator<Item = &FileRef> {
    let modules = entry.modules.iter().map(|module| &module.file);
    entry.kernel.iter().chain(modules)
}

fn is_there(inventory: &Inventory, file: &FileRef) -> bool {
    let filesystem = inventory.filesystem(file.volume).ok();
    let metadata = filesystem.and_then(|filesystem| filesystem.metadata(&file.path).ok());
    metadata.is_some_and(|metadata| metadata.kind == FileKind::File)
}

fn root(cmdline: &str) -> Option<&str> {
    let mut words = cmdline.split_ascii_whitespace().rev();
    words.find_map(|word| word.strip_prefix("root="))
}

/// Does anything start a kernel from this volume?
pub(super) fn kernels_of(offers: &[Offer], volume: VolumeId) -> bool {
    offers.iter().any(|offer| offer.kernels.contains(&volume))
}

/// Does anything start the system on this volume?
pub(super) fn system(inventory: &Inventory, offers: &[Offer], volume: VolumeId) -> bool {
    offers.iter().any(|offer| {
        let root = offer.root.as_deref();
        match root.and_then(|root| names(inventory, root, volume)) {
            Some(is_it) => is_it,
            // It may be any of this disk.
            None => offer.disk == volume.disk,
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
