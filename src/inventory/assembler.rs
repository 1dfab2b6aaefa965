//! [`Assembler`]: volumes of several disks that become one.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;

use super::ScannedDisk;
use super::image::VOLUMES;
use crate::disk::{
    Assembled, Assembly, Content, Disk, Hardware, Layout, MemorySource, Piece, Volume, Whole,
    assemble,
};
use crate::entry::VolumeId;
use crate::fs::FsError;

/// Arrays of arrays, and a volume group on them.
const MAX_DEPTH: usize = 4;
/// Volumes that are put together in all; a machine has some dozen.
const MAX_VOLUMES: usize = 4096;

/// What is put together, and was. After every disk that comes it is asked again what there is. The answer
/// depends on the pieces that are there, not on the order in which they came.
#[derive(Default)]
pub(super) struct Assembler {
    pieces: Vec<Piece>,
    /// Where each piece is, and how deep it lies in others.
    places: Vec<(VolumeId, usize)>,
    /// The volumes of what was put together.
    made: Vec<(Key, Vec<VolumeId>)>,
    /// What was put together and is not any more. It does not come back: pieces that lie in each other's
    /// whole could otherwise go on for ever.
    withdrawn: Vec<Key>,
    /// What is to be said of volumes now, in words.
    problems: Vec<(VolumeId, String)>,
}

/// One state of something that is put together.
#[derive(Clone, PartialEq, Eq)]
struct Key {
    id: String,
    generation: u64,
    removable: bool,
}

impl Key {
    fn of(whole: &Whole) -> Key {
        Key {
            id: whole.names.id.clone(),
            generation: whole.generation,
            removable: whole.names.removable,
        }
    }
}

impl Assembler {
    /// Takes the pieces on a disk, and appends to the layouts of all what can be put together.
    pub(super) fn add(&mut self, disks: &mut [ScannedDisk], disk: usize) {
        let before = self.pieces.len();
        if let Some(scanned) = disks.get(disk) {
            self.take_pieces(scanned, disk, 0, 0);
        }
        let mut changed = self.pieces.len() != before;
        while changed {
            let assembly = assemble(&self.pieces);
            changed = self.apply(disks, assembly);
        }
    }

    /// What is to be said of a volume, in words.
    pub(super) fn problems(&self, id: VolumeId) -> impl Iterator<Item = &str> {
        let problems = self
            .problems
            .iter()
            .filter(move |(volume, _)| *volume == id);
        problems.map(|(_, text)| text.as_str())
    }

    /// Looks for pieces among the volumes of a disk from `first` on.
    fn take_pieces(&mut self, scanned: &ScannedDisk, disk: usize, first: usize, depth: usize) {
        if depth >= MAX_DEPTH {
            return;
        }
        for (number, volume) in scanned.layout.volumes.iter().enumerate().skip(first) {
            let place = scanned.place(volume).to_string();
            if let Some(piece) = Piece::of(&scanned.disk, volume, place) {
                let id = VolumeId {
                    disk,
                    volume: number,
                };
                self.pieces.push(piece);
                self.places.push((id, depth));
            }
        }
    }

    /// Makes the volumes of what is new, and takes back what is not true any more. Says whether there are
    /// other pieces now.
    fn apply(&mut self, disks: &mut [ScannedDisk], assembly: Assembly) -> bool {
        let place = |piece: usize| self.places.get(piece).copied();
        let located = |whole: Whole| Some((Key::of(&whole), place(whole.first)?, whole));
        let wholes: Vec<_> = assembly.volumes.into_iter().filter_map(located).collect();
        let problems = assembly.problems.into_iter();
        let problems = problems.filter_map(|(piece, text)| Some((place(piece)?.0, text)));
        self.problems = problems.collect();
        let mut changed = false;
        let is_there = |key: &Key| wholes.iter().any(|(known, ..)| known == key);
        let (made, gone) = std::mem::take(&mut self.made)
            .into_iter()
            .partition(|(key, _)| is_there(key));
        self.made = made;
        let gone: Vec<(Key, Vec<VolumeId>)> = gone;
        for (key, volumes) in gone {
            for id in volumes {
                changed |= self.withdraw(disks, id);
            }
            self.withdrawn.push(key);
        }
        for (key, (id, depth), mut whole) in wholes {
            if self.withdrawn.contains(&key) {
                continue;
            }
            let problems = std::mem::take(&mut whole.problems);
            if self.volumes(&key).is_none() {
                let before = self.pieces.len();
                let volumes = self.append(disks, whole, id.disk, depth);
                changed |= self.pieces.len() != before;
                self.made.push((key.clone(), volumes));
            }
            let volume = self
                .volumes(&key)
                .and_then(|volumes| volumes.first().copied());
            let problems = problems.into_iter();
            self.problems
                .extend(problems.filter_map(|text| Some((volume?, text))));
        }
        changed
    }

    /// The volumes that were made of something.
    fn volumes(&self, key: &Key) -> Option<&Vec<VolumeId>> {
        let found = self.made.iter().find(|(known, _)| known == key);
        found.map(|(_, volumes)| volumes)
    }

    /// Adds what was put together to the volumes of the disk with its first piece.
    fn append(
        &mut self,
        disks: &mut [ScannedDisk],
        whole: Whole,
        disk: usize,
        depth: usize,
    ) -> Vec<VolumeId> {
        let all: usize = self.made.iter().map(|(_, volumes)| volumes.len()).sum();
        let Some(scanned) = disks.get_mut(disk) else {
            return Vec::new();
        };
        let first = scanned.layout.volumes.len();
        if all >= MAX_VOLUMES {
            leave_out(scanned, MAX_VOLUMES, "all disks have", &whole.names.name);
            return Vec::new();
        }
        let layout = match whole.may_have_partitions {
            true => {
                let inside = Disk {
                    path: PathBuf::from(&whole.names.name),
                    source: whole.source,
                    hardware: Hardware {
                        sector_size: scanned.disk.hardware.sector_size,
                        ..Hardware::default()
                    },
                };
                inside.scan()
            }
            false => unpartitioned(whole.source),
        };
        let Layout {
            table,
            volumes,
            mut problems,
            ..
        } = layout;
        let names = Assembled {
            table,
            ..whole.names
        };
        let room = VOLUMES.saturating_sub(first);
        if volumes.len() > room {
            leave_out(scanned, VOLUMES, "it has", &names.name);
        }
        for mut volume in volumes.into_iter().take(room) {
            volume.assembled = Some(names.clone());
            volume.problems.append(&mut problems);
            scanned.layout.volumes.push(volume);
            scanned.filesystems.0.push(OnceCell::new());
        }
        let end = scanned.layout.volumes.len();
        self.take_pieces(scanned, disk, first, depth.saturating_add(1));
        (first..end)
            .map(|volume| VolumeId { disk, volume })
            .collect()
    }

    /// Empties a volume that is not what it was. Says whether it was a piece.
    fn withdraw(&mut self, disks: &mut [ScannedDisk], id: VolumeId) -> bool {
        const REASON: &str =
            "not used any more: a disk that came later has changed what it is made of";
        if let Some(scanned) = disks.get_mut(id.disk)
            && let Some(volume) = scanned.layout.volumes.get_mut(id.volume)
            && let Some(filesystem) = scanned.filesystems.0.get_mut(id.volume)
        {
            volume.content = Content::default();
            volume.source = Arc::new(MemorySource::new(Vec::new()));
            volume.problems = vec![REASON.to_owned()];
            *filesystem = OnceCell::from(Err(FsError::LeftOut(REASON.to_owned())));
        }
        let piece = self.places.iter().position(|(place, _)| *place == id);
        if let Some(piece) = piece {
            self.places.remove(piece);
            self.pieces.remove(piece);
        }
        piece.is_some()
    }
}

/// Says, once on a disk, that something has no room among the volumes.
fn leave_out(scanned: &mut ScannedDisk, limit: usize, who: &str, name: &str) {
    const LEFT_OUT: &str = "what follows is left out";
    let problems = &mut scanned.layout.problems;
    if !problems.iter().any(|problem| problem.ends_with(LEFT_OUT)) {
        problems.push(format!(
            "{who} {limit} volumes with those that are put together: `{name}' and {LEFT_OUT}"
        ));
    }
}

/// The volume that fills a source.
fn unpartitioned(source: crate::disk::Source) -> Layout {
    let mut problems = Vec::new();
    let volume = Volume {
        partition: None,
        assembled: None,
        offset: 0,
        size: source.size(),
        content: crate::disk::identify(source.as_ref(), &mut problems),
        problems,
        source,
        device: None,
    };
    Layout {
        volumes: vec![volume],
        ..Layout::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryFilesystem;
    use crate::inventory::Inventory;

    fn whole(name: &str) -> Whole {
        Whole {
            names: Assembled {
                id: name.to_owned(),
                name: name.to_owned(),
                place: 0,
                table: None,
                removable: false,
                purpose: None,
            },
            generation: 0,
            source: Arc::new(MemorySource::new(Vec::new())),
            first: 0,
            may_have_partitions: false,
            problems: Vec::new(),
        }
    }

    /// Adds logical volumes behind a partition, and says how many there are and what is said of the disk.
    fn appended(assembler: &mut Assembler, count: usize) -> (usize, Vec<String>) {
        let mut inventory = Inventory::new();
        inventory.add_filesystem("a", Box::new(MemoryFilesystem::new()));
        for number in 0..count {
            let whole = whole(&format!("lvm/g-{number}"));
            assembler.append(&mut inventory.disks, whole, 0, 0);
        }
        let layout = &inventory.disks[0].layout;
        (layout.volumes.len(), layout.problems.clone())
    }

    #[test]
    fn what_has_no_room_is_said_once() {
        let mut assembler = Assembler::default();
        assert_eq!(appended(&mut assembler, 1023), (1024, Vec::new()));
        assert_eq!(
            appended(&mut assembler, 1025),
            (
                1024,
                vec![
                    "it has 1024 volumes with those that are put together: `lvm/g-1023' and what follows is \
                     left out"
                        .to_owned()
                ]
            )
        );
        let id = VolumeId { disk: 0, volume: 0 };
        let key = Key::of(&whole("lvm/other"));
        assembler.made.push((key, vec![id; MAX_VOLUMES]));
        assert_eq!(
            appended(&mut assembler, 2),
            (
                1,
                vec![
                    "all disks have 4096 volumes with those that are put together: `lvm/g-0' and what follows \
                     is left out"
                        .to_owned()
                ]
            )
        );
    }
}
