//! What tells a file from others, whatever path and whatever disk lead to it.
//!
//! Identities and keys are texts: sets and maps of texts are in the binary anyway.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::disk::{Disk, Volume};
use crate::entry::{FileRef, SavePlace, SavedVariables, VolumeId};
use crate::fs::Metadata;
use crate::inventory::Inventory;
use crate::text::hex;

/// The identities of files, each of which is asked for once.
pub(super) struct Identities<'a> {
    inventory: &'a Inventory,
    /// Numbers of identities, by the keys of files.
    known: RefCell<BTreeMap<String, usize>>,
    identities: RefCell<Vec<String>>,
    /// How many files of each disk were looked for on their volume.
    looked: RefCell<Vec<usize>>,
}

/// Files of a disk that are looked for on their volume: a system has some dozen kernels and initrds. Further ones
/// are told by their paths.
const MAX_FILES: usize = 1024;

/// Longer files are told by their paths, in bytes: a file in pieces has a list of them.
const MAX_SIZE: u64 = 256 << 20;

impl<'a> Identities<'a> {
    pub(super) fn new(inventory: &'a Inventory) -> Identities<'a> {
        let disks = inventory.disks().len();
        Identities {
            inventory,
            known: RefCell::default(),
            identities: RefCell::default(),
            looked: RefCell::new(vec![0; disks]),
        }
    }

    /// What a file is: where its content lies. Where nobody can tell, and of what is not there or is empty, it is the
    /// path.
    pub(super) fn of(&self, file: &FileRef) -> String {
        let key = file.key();
        let mut identities = self.identities.borrow_mut();
        let known = self.known.borrow().get(&key).copied();
        if let Some(known) = known.and_then(|number| identities.get(number)) {
            return known.clone();
        }
        let volume = self.first(file.volume).unwrap_or(file.volume);
        let identity = match self.place(file) {
            Some(ranges) => volume.key() + &ranges,
            None => {
                let path = file.path.clone();
                FileRef { volume, path }.key()
            }
        };
        self.known.borrow_mut().insert(key, identities.len());
        identities.push(identity.clone());
        identity
    }

    /// The same, but where nobody can tell, two that only look alike are one: what one path may not start,
    /// a link to it does not either.
    pub(super) fn at_least(&self, file: &FileRef) -> String {
        let identity = self.of(file);
        if !identity.contains(PATH) {
            return identity;
        }
        let filesystem = self.inventory.filesystem(file.volume).ok();
        let metadata = filesystem.and_then(|filesystem| filesystem.metadata(&file.path).ok());
        let likeness = metadata.and_then(|Metadata { size, modified, .. }| {
            let volume = self.first(file.volume).unwrap_or(file.volume).key();
            Some(format!("{volume}={size},{}", modified?))
        });
        likeness.unwrap_or(identity)
    }

    /// Do both write the same values to the same places?
    pub(super) fn save_alike(&self, a: &[SavedVariables], b: &[SavedVariables]) -> bool {
        let place = |saved: &SavedVariables| match &saved.place {
            SavePlace::File(file) => self.of(file),
            SavePlace::Parts(volume, ranges) => {
                self.first(*volume).unwrap_or(*volume).key() + &place(ranges)
            }
        };
        let mut pairs = a.iter().zip(b);
        a.len() == b.len() && pairs.all(|(a, b)| a.variables == b.variables && place(a) == place(b))
    }

    fn place(&self, file: &FileRef) -> Option<String> {
        let mut looked = self.looked.borrow_mut();
        let count = looked.get_mut(file.volume.disk)?;
        *count = count.checked_add(1).filter(|count| *count <= MAX_FILES)?;
        drop(looked);
        let filesystem = self.inventory.filesystem(file.volume).ok()?;
        let ranges = filesystem.locate(&file.path, MAX_SIZE).ok()?;
        (!ranges.is_empty()).then(|| place(&ranges))
    }

    /// The first volume that is this one, if it is not itself: a disk may be there by two paths.
    fn first(&self, id: VolumeId) -> Option<VolumeId> {
        let disks = self.inventory.disks();
        let (own, volume) = (disks.get(id.disk)?, self.inventory.volume(id)?);
        let others = disks.iter().enumerate().take(id.disk);
        let mut others = others.filter(|(_, other)| is_same_disk(&own.disk, &other.disk));
        others.find_map(|(disk, _)| {
            let same = VolumeId { disk, ..id };
            let other = self.inventory.volume(same)?;
            is_same_volume(volume, other).then_some(same)
        })
    }
}

/// Ranges of bytes as a short text.
pub(in crate::config) fn place(ranges: &[Range<u64>]) -> String {
    let mut hash = Sha256::new();
    for range in ranges {
        hash.update(range.start.to_le_bytes());
        hash.update(range.end.to_le_bytes());
    }
    hex(&hash.finalize())
}

/// What stands in front of a path.
const PATH: char = ':';

impl VolumeId {
    /// A text that no other volume has.
    pub(in crate::config) fn key(self) -> String {
        format!("{}.{} ", self.disk, self.volume)
    }
}

impl FileRef {
    /// A text that no other path has.
    pub(in crate::config) fn key(&self) -> String {
        let mut key = self.volume.key();
        key.push(PATH);
        key.push_str(self.path.as_str());
        key
    }
}

/// Is it one disk with two names, as far as it says so itself? Whoever may plug one in could say
/// anything.
fn is_same_disk(a: &Disk, b: &Disk) -> bool {
    a.hardware.serial.is_some()
        && a.hardware.serial == b.hardware.serial
        && a.hardware.model == b.hardware.model
        && a.source.size() == b.source.size()
        && !a.is_removable()
        && !b.is_removable()
}

fn is_same_volume(a: &Volume, b: &Volume) -> bool {
    let place = |volume: &Volume| (volume.offset, volume.size);
    let is_own = |volume: &Volume| volume.assembled.is_none() && volume.content.uuid.is_some();
    is_own(a) && is_own(b) && place(a) == place(b) && a.content == b.content
}
