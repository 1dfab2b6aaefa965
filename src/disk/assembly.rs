//! What can be put together from pieces that lie on several volumes: arrays and volume groups.
//!
//! Who may plug in a disk must not be able to take over what is on the disks of a machine by giving it the
//! UUID of an array or a group there. So pieces on disks that can be plugged in by anybody (removable
//! media, and everything on USB) are never put together with pieces on others, and where there is a fixed
//! piece, only those count.

use super::layout::{Assembled, Partition, Volume};
use super::{Disk, Format, Source, lvm, md};

/// A volume that holds a part of something.
pub struct Piece {
    /// How people find it.
    place: String,
    source: Source,
    /// Anybody can plug it in.
    removable: bool,
    /// Which medium it is on, and where: the same for one disk that is there by two paths.
    medium: Option<String>,
    partition: Option<Partition>,
    content: Content,
}

enum Content {
    Array(md::Superblock),
    Group(lvm::PhysicalVolume),
    Broken(String),
}

/// Everything that can be put together.
#[derive(Default)]
pub struct Assembly {
    /// Arrays, then logical volumes, each in the order of their first pieces.
    pub volumes: Vec<Whole>,
    /// Indices of pieces with what is not done with them, in words.
    pub problems: Vec<(usize, String)>,
}

/// Something that was put together.
pub struct Whole {
    /// Its names.
    pub names: Assembled,
    /// Grows when its pieces are changed: what was read before is out of date then.
    pub generation: u64,
    /// Its bytes.
    pub source: Source,
    /// Index of its first piece.
    pub first: usize,
    /// Linux looks for partitions in it.
    pub may_have_partitions: bool,
    /// What is wrong with it, in words.
    pub problems: Vec<String>,
}

impl Piece {
    /// The piece that a volume is; `None` where it is none. `place` is how people find the volume.
    ///
    /// What lies in a logical volume belongs to whoever uses that, mostly a virtual machine: as in Linux,
    /// nothing is put together from it.
    pub fn of(disk: &Disk, volume: &Volume, place: String) -> Option<Piece> {
        let assembled = volume.assembled.as_ref();
        if assembled.is_some_and(Assembled::is_logical_volume) {
            return None;
        }
        let source = volume.source.as_ref();
        let content = match volume.content.format? {
            Format::MdRaid => md::Superblock::read(source).map(Content::Array),
            Format::Lvm => lvm::PhysicalVolume::read(source).map(Content::Group),
            _ => return None,
        };
        let hardware = &disk.hardware;
        let medium = hardware.serial.as_ref().map(|serial| {
            let model = hardware.model.as_deref().unwrap_or_default();
            let size = disk.source.size();
            format!("{model}\n{serial}\n{size}\n{}", volume.offset)
        });
        Some(Piece {
            place,
            source: volume.source.clone(),
            removable: match assembled {
                Some(assembled) => assembled.removable,
                None => disk.is_removable(),
            },
            medium: medium.filter(|_| assembled.is_none()),
            partition: volume.partition.clone(),
            content: content.unwrap_or_else(Content::Broken),
        })
    }

    /// Is it the same as another one, on a disk that is there by two paths?
    fn is_same(&self, other: &Piece) -> bool {
        let same_content = match (&self.content, &other.content) {
            (Content::Array(a), Content::Array(b)) => a == b,
            (Content::Group(a), Content::Group(b)) => a.id() == b.id(),
            _ => false,
        };
        same_content && self.medium.is_some() && self.medium == other.medium
    }

    fn array(&self) -> Option<md::Member<'_>> {
        match &self.content {
            Content::Array(superblock) => Some(md::Member {
                superblock,
                source: &self.source,
            }),
            _ => None,
        }
    }

    fn group(&self) -> Option<lvm::Member<'_>> {
        match &self.content {
            Content::Group(volume) => Some(lvm::Member {
                volume,
                source: &self.source,
            }),
            _ => None,
        }
    }
}

/// Puts together what is whole.
pub fn assemble(pieces: &[Piece]) -> Assembly {
    let mut assembler = Assembler {
        pieces,
        twins: Vec::new(),
        made: Assembly::default(),
    };
    assembler.look_at_pieces();
    assembler.arrays();
    assembler.groups();
    assembler.compare_names();
    assembler.made
}

struct Assembler<'a> {
    pieces: &'a [Piece],
    /// Pieces that are there by another path.
    twins: Vec<usize>,
    made: Assembly,
}

impl<'a> Assembler<'a> {
    fn look_at_pieces(&mut self) {
        for (index, piece) in self.pieces.iter().enumerate() {
            let mut before = self.pieces.iter().take(index);
            if let Some(twin) = before.find(|before| before.is_same(piece)) {
                let text = format!("is the same as {}, by another path", twin.place);
                self.problem(index, text);
                self.twins.push(index);
            }
            match &piece.content {
                Content::Broken(reason) => self.problem(index, reason.clone()),
                Content::Group(volume) => {
                    for problem in volume.problems() {
                        self.problem(index, problem.clone());
                    }
                }
                Content::Array(_) => {}
            }
        }
    }

    fn problem(&mut self, piece: usize, text: String) {
        self.made.problems.push((piece, text));
    }

    /// The pieces that count of those for which `belongs` is true: the fixed ones, or, where there is none,
    /// the others.
    fn trusted(&mut self, what: &str, belongs: &dyn Fn(&Piece) -> bool) -> Vec<usize> {
        let pieces = self.pieces;
        let all = pieces.iter().enumerate();
        let all = all.filter(|(index, piece)| belongs(piece) && !self.twins.contains(index));
        let (removable, fixed): (Vec<_>, Vec<_>) = all.partition(|(_, piece)| piece.removable);
        let indices =
            |list: Vec<(usize, &Piece)>| list.into_iter().map(|(index, _)| index).collect();
        let removable: Vec<usize> = indices(removable);
        if fixed.is_empty() {
            return removable;
        }
        for index in removable {
            let text = format!(
                "says that it belongs to {what}, which is on fixed disks: what can be plugged in is not \
                 put together with those"
            );
            self.problem(index, text);
        }
        indices(fixed)
    }

    fn arrays(&mut self) {
        let mut done = Vec::new();
        for piece in self.pieces {
            if let Some(uuid) = piece.array().map(|member| member.superblock.uuid())
                && !done.contains(&uuid)
            {
                done.push(uuid);
                self.array(uuid);
            }
        }
    }

    fn array(&mut self, uuid: &str) {
        let is_member = |piece: &Piece| {
            piece
                .array()
                .is_some_and(|member| member.superblock.uuid() == uuid)
        };
        let indices = self.trusted(&format!("array {uuid}"), &is_member);
        let pieces = self.pieces;
        let found = indices.iter().filter_map(|index| pieces.get(*index));
        let members: Vec<_> = found.filter_map(Piece::array).collect();
        let array = match md::assemble(&members) {
            Ok(array) => array,
            Err(reason) => {
                for index in indices {
                    let text = format!("array {uuid} is not assembled: {reason}");
                    self.problem(index, text);
                }
                return;
            }
        };
        let is_used = |number: usize| array.unused.iter().all(|(unused, _)| *unused != number);
        let mut numbered = indices.iter().zip(&members).enumerate();
        let first = numbered.find(|(number, _)| is_used(*number));
        let Some((_, (first, member))) = first else {
            return;
        };
        for (number, reason) in &array.unused {
            if let Some(index) = indices.get(*number) {
                self.problem(*index, format!("is not used for array {uuid}: {reason}"));
            }
        }
        let id = format!("mduuid/{}", uuid.replace('-', ""));
        let piece = pieces.get(*first);
        self.made.volumes.push(Whole {
            names: Assembled {
                name: member.superblock.name().unwrap_or_else(|| id.clone()),
                id,
                place: 0,
                table: None,
                removable: piece.is_some_and(|piece| piece.removable),
                purpose: piece
                    .filter(|_| member.superblock.is_mirror())
                    .and_then(|piece| piece.partition.clone()),
            },
            generation: array.events,
            source: array.source,
            first: *first,
            may_have_partitions: true,
            problems: array.problem.into_iter().collect(),
        });
    }

    /// Says of a name that several have that it is none.
    fn compare_names(&mut self) {
        let key = |whole: &Whole| (whole.names.removable, whole.names.name.clone());
        let keys: Vec<(bool, String)> = self.made.volumes.iter().map(key).collect();
        for (whole, key) in self.made.volumes.iter_mut().zip(&keys) {
            if keys.iter().filter(|other| *other == key).count() > 1 {
                let Assembled { name, id, .. } = &whole.names;
                let text =
                    format!("another one is called {name}, too: GRUB's name for it is {id} only");
                whole.problems.push(text);
            }
        }
    }

    fn groups(&mut self) {
        let mut done = Vec::new();
        for piece in self.pieces {
            let volume = piece.group().map(|member| member.volume);
            if let Some(id) = volume.and_then(lvm::PhysicalVolume::group_id)
                && !done.contains(&id)
            {
                done.push(id);
                self.group(id);
            }
        }
        self.orphans();
    }

    fn group(&mut self, id: &str) {
        let describes = |piece: &Piece| {
            let group = piece.group().and_then(|member| member.volume.group_id());
            group == Some(id)
        };
        let described = self.trusted(&format!("volume group {id}"), &describes);
        let pieces = self.pieces;
        let removable = described.first().and_then(|index| pieces.get(*index));
        let Some(removable) = removable.map(|piece| piece.removable) else {
            return;
        };
        // Physical volumes without a description are named by that of others.
        let candidates = pieces.iter().enumerate();
        let candidates = candidates
            .filter(|(index, piece)| piece.removable == removable && !self.twins.contains(index));
        let (indices, members): (Vec<usize>, Vec<lvm::Member<'_>>) = candidates
            .filter_map(|(index, piece)| Some((index, piece.group()?)))
            .unzip();
        let group = match lvm::assemble(id, &members) {
            Ok(group) => group,
            Err(reason) => {
                for index in described {
                    self.problem(index, reason.clone());
                }
                return;
            }
        };
        for (number, reason) in group.unused {
            if let Some(index) = indices.get(number) {
                self.problem(*index, reason);
            }
        }
        let Some(first) = described.first() else {
            return;
        };
        for problem in group.problems {
            self.problem(*first, problem);
        }
        for volume in group.volumes {
            self.made.volumes.push(Whole {
                names: Assembled {
                    name: volume.name,
                    id: volume.id,
                    place: volume.place,
                    table: None,
                    removable,
                    purpose: None,
                },
                generation: group.seqno,
                source: volume.source,
                first: *first,
                may_have_partitions: false,
                problems: Vec::new(),
            });
        }
    }

    /// Says of physical volumes without a description that nobody knows them.
    fn orphans(&mut self) {
        for (index, piece) in self.pieces.iter().enumerate() {
            let Some(volume) = piece.group().map(|member| member.volume) else {
                continue;
            };
            let knows = |other: &Piece| {
                let other = other.group().filter(|_| other.removable == piece.removable);
                other.is_some_and(|other| other.volume.knows(volume.id()))
            };
            if volume.group_id().is_none() && !self.pieces.iter().any(knows) {
                let text = format!(
                    "physical volume {}: no volume group that is here has it",
                    volume.id()
                );
                self.problem(index, text);
            }
        }
    }
}
