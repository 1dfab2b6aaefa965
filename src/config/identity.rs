//! What tells a file from others, whatever path and whatever disk lead to it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::disk::{Disk, Volume};
use crate::entry::{FileRef, VolumeId};
use crate::fs::{FsPath, Metadata};
use crate::inventory::Inventory;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    /// Where its content lies: the SHA-256 of the byte ranges on its volume.
    Place(VolumeId, [u8; 32]),
    /// Where nobody can tell: its path.
    Path(VolumeId, FsPath),
    /// Length in bytes and last modification, which links to it have, too.
    Likeness(VolumeId, u64, i64),
}

/// The identities of files, each of which is asked for once.
pub(super) struct Identities<'a> {
    inventory: &'a Inventory,
    known: RefCell<BTreeMap<FileRef, Identity>>,
    volumes: RefCell<BTreeMap<VolumeId, VolumeId>>,
    /// How many files of each disk were looked for on their volume.
    looked: RefCell<BTreeMap<usize, usize>>,
}

/// Files of a disk that are looked for on their volume: a system has some dozen kernels and initrds. Further ones
/// are told by their paths.
const MAX_FILES: usize = 1024;

/// Longer files are told by their paths, in bytes: a file in pieces has a list of them.
const MAX_SIZE: u64 = 256 << 20;

impl<'a> Identities<'a> {
    pub(super) fn new(inventory: &'a Inventory) -> Identities<'a> {
        Identities {
            inventory,
            known: RefCell::default(),
            volumes: RefCell::default(),
            looked: RefCell::default(),
        }
    }

    /// What a file is. One that is not there, and one without content, is its path.
    pub(super) fn of(&self, file: &FileRef) -> Identity {
        if let Some(known) = self.known.borrow().get(file) {
            return known.clone();
        }
        let volume = self.volume(file.volume);
        let place = self.place(file).map(|place| Identity::Place(volume, place));
        let identity = place.unwrap_or_else(|| Identity::Path(volume, file.path.clone()));
        let mut known = self.known.borrow_mut();
        known.insert(file.clone(), identity.clone());
        identity
    }

    /// The same, but where nobody can tell, two that only look alike are one: what one path may not start,
    /// a link to it does not either.
    pub(super) fn at_least(&self, file: &FileRef) -> Identity {
        let identity = self.of(file);
        let Identity::Path(volume, _) = &identity else {
            return identity;
        };
        let filesystem = self.inventory.filesystem(file.volume).ok();
        let metadata = filesystem.and_then(|filesystem| filesystem.metadata(&file.path).ok());
        let likeness = metadata.and_then(|Metadata { size, modified, .. }| {
            Some(Identity::Likeness(*volume, size, modified?))
        });
        likeness.unwrap_or(identity)
    }

    fn place(&self, file: &FileRef) -> Option<[u8; 32]> {
        let mut looked = self.looked.borrow_mut();
        let count = looked.entry(file.volume.disk).or_default();
        *count = count.checked_add(1).filter(|count| *count <= MAX_FILES)?;
        drop(looked);
        let filesystem = self.inventory.filesystem(file.volume).ok()?;
        let ranges = filesystem.locate(&file.path, MAX_SIZE).ok()?;
        let mut hash = Sha256::new();
        for range in &ranges {
            hash.update(range.start.to_le_bytes());
            hash.update(range.end.to_le_bytes());
        }
        (!ranges.is_empty()).then(|| hash.finalize().into())
    }

    /// The first volume that is this one: a disk may be there by two paths.
    pub(super) fn volume(&self, id: VolumeId) -> VolumeId {
        if let Some(known) = self.volumes.borrow().get(&id) {
            return *known;
        }
        let first = self.first(id).unwrap_or(id);
        self.volumes.borrow_mut().insert(id, first);
        first
    }

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

/// Is it one disk with two names, as far as it says so itself? Whoever may plug one in could say
/// anything.
fn is_same_disk(a: &Disk, b: &Disk) -> bool {
    let name = |disk: &Disk| (disk.hardware.model.clone(), disk.hardware.serial.clone());
    a.hardware.serial.is_some()
        && name(a) == name(b)
        && a.source.size() == b.source.size()
        && !a.is_removable()
        && !b.is_removable()
}

fn is_same_volume(a: &Volume, b: &Volume) -> bool {
    let place = |volume: &Volume| (volume.offset, volume.size);
    let is_own = |volume: &Volume| volume.assembled.is_none() && volume.content.uuid.is_some();
    is_own(a) && is_own(b) && place(a) == place(b) && a.content == b.content
}
