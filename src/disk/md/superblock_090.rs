//! Version 0.90 of the superblock: in the last whole 64 KiB, in the byte order of the machine that made it.

use super::super::bytes::uuid;
use super::superblock::{Geometry, MAGIC, Role, Superblock, Unfit, fold};
use crate::disk::ReadAt;

const RESERVED: u64 = 64 * 1024;
const WORDS: usize = 1024;
const KIB: u64 = 1024;
/// Numbers of words (`struct mdp_superblock_s`).
const STATE: usize = 33;
const CHECKSUM: usize = 38;
const EVENTS: usize = 39;
const DISKS: usize = 128;
const THIS_DISK: usize = 992;
/// Words of a descriptor, and how many descriptors there are.
const DESCRIPTOR: usize = 32;
const MAX_DISKS: usize = 27;
/// Bits of the state of a disk.
const FAULTY: u32 = 1;
const ACTIVE: u32 = 2;
const SYNC: u32 = 4;
const REMOVED: u32 = 8;
/// Bit of the state of an array.
const CLEAN: u32 = 1;

/// Where the superblock is on a device of `size` bytes.
pub(super) fn place(size: u64) -> Option<u64> {
    (size & !(RESERVED - 1)).checked_sub(RESERVED)
}

/// Reads the superblock at byte `at`.
pub(super) fn read(source: &dyn ReadAt, at: u64) -> Result<Superblock, Unfit> {
    let mut block = [0; WORDS * 4];
    let read = source.read_exact_at(at, &mut block);
    read.map_err(|_| Unfit::Other)?;
    let magic = block.first_chunk().ok_or(Unfit::Other)?;
    let (order, is_little): (fn([u8; 4]) -> u32, bool) = match magic {
        magic if u32::from_le_bytes(*magic) == MAGIC => (u32::from_le_bytes, true),
        magic if u32::from_be_bytes(*magic) == MAGIC => (u32::from_be_bytes, false),
        _ => return Err(Unfit::Other),
    };
    let words = block.as_chunks().0.iter().map(|word| order(*word));
    let sb = Words {
        words: words.collect(),
        is_little,
    };
    if sb.word(1) != Some(0) {
        return Err(Unfit::Other);
    }
    if sb.word(CHECKSUM) != sb.checksum() {
        return Err(Unfit::Damaged("its checksum is wrong"));
    }
    sb.parse(at)
        .ok_or(Unfit::Damaged("its numbers make no sense"))
}

struct Words {
    words: Vec<u32>,
    is_little: bool,
}

impl Words {
    fn word(&self, number: usize) -> Option<u32> {
        self.words.get(number).copied()
    }

    fn checksum(&self) -> Option<u32> {
        let mut words = self.words.iter().map(|word| u64::from(*word));
        let sum = words.try_fold(0_u64, u64::checked_add)?;
        fold(sum.checked_sub(u64::from(self.word(CHECKSUM)?))?)
    }

    fn parse(&self, at: u64) -> Option<Superblock> {
        let minor = self.word(2)?;
        let mut id = Vec::with_capacity(16);
        for number in [5, 13, 14, 15] {
            id.extend(self.word(number)?.to_be_bytes());
        }
        let level = i32::from_le_bytes(self.word(7)?.to_le_bytes());
        let roles = (0..MAX_DISKS).map(|disk| {
            let descriptor = disk.checked_mul(DESCRIPTOR)?.checked_add(DISKS)?;
            self.role(descriptor)
        });
        let size = u64::from(self.word(8)?).checked_mul(KIB)?;
        // Levels without redundancy use what there is of each member.
        let (data_size, size) = match level {
            ..=0 => (at, 0),
            _ => (size, size),
        };
        let own_hindrance = match data_size > at {
            true => Some("is shorter than its superblock says"),
            false => None,
        };
        let (low, high) = match self.is_little {
            true => (self.word(EVENTS)?, self.word(EVENTS + 1)?),
            false => (self.word(EVENTS + 1)?, self.word(EVENTS)?),
        };
        Some(Superblock {
            uuid: uuid(&id, 0)?,
            name: Some(format!("md{}", self.word(11)?)),
            geometry: Geometry {
                version: (0, minor),
                level,
                layout: self.word(64)?,
                chunk: u64::from(self.word(65)?),
                members: usize::try_from(self.word(10)?).ok()?,
                size,
            },
            data_offset: 0,
            data_size,
            events: u64::from(high) << 32 | u64::from(low),
            device: usize::try_from(self.word(THIS_DISK)?).ok()?,
            roles: roles.collect::<Option<_>>()?,
            clean: self.word(STATE)? & CLEAN != 0,
            hindrance: match minor {
                90 => None,
                91 => Some("it is being reshaped".to_owned()),
                _ => Some(format!("version 0.{minor} of the superblock is not read")),
            },
            own_hindrance,
        })
    }

    /// The role in the descriptor at a word.
    fn role(&self, descriptor: usize) -> Option<Role> {
        let role = self.word(descriptor.checked_add(3)?)?;
        let state = self.word(descriptor.checked_add(4)?)?;
        Some(if state & (FAULTY | REMOVED) != 0 {
            Role::Faulty
        } else if state & (ACTIVE | SYNC) == ACTIVE | SYNC {
            Role::Active(u16::try_from(role).ok()?)
        } else {
            Role::Spare
        })
    }
}
