//! [`Superblock`]: what a member of an array knows of it (`include/uapi/linux/raid/md_p.h` of Linux).

use super::super::bytes::{le16, le32, le64, text, uuid};
use super::superblock_090;
use crate::disk::ReadAt;

pub(super) const MAGIC: u32 = 0xa92b_4efc;
const SECTOR: u64 = 512;
/// A superblock of version 1 with its roles.
const SIZE: usize = 4096;
/// Where the roles of devices begin.
const ROLES: usize = 256;
/// No offset of progress: everything is done.
const DONE: u64 = u64::MAX;

/// Bits of the feature map.
const RECOVERY_OFFSET: u32 = 2;
const RESHAPE_ACTIVE: u32 = 4;
const BAD_BLOCKS: u32 = 8;
const REPLACEMENT: u32 = 16;
const NEW_OFFSET: u32 = 64;
const RECOVERY_BITMAP: u32 = 128;
const CLUSTERED: u32 = 256;
const JOURNAL: u32 = 512;
const RAID0_LAYOUT: u32 = 4096;
const ALL: u32 = 8191;

/// What one member says, whatever the version of its superblock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Superblock {
    /// UUID of the array.
    pub(super) uuid: String,
    /// What it is called, without the machine that it belongs to.
    pub(super) name: Option<String>,
    pub(super) geometry: Geometry,
    /// Where the data of this member begin, in bytes.
    pub(super) data_offset: u64,
    /// How many bytes it has for data.
    pub(super) data_size: u64,
    /// Grows with every change of the array's state.
    pub(super) events: u64,
    /// Number of this member, which is not its role.
    pub(super) device: usize,
    /// The role of each number.
    pub(super) roles: Vec<Role>,
    /// What the members have for the sake of each other is in step.
    pub(super) clean: bool,
    /// What keeps the whole array from being read, in words.
    pub(super) hindrance: Option<String>,
    /// What keeps this member from being read, in words.
    pub(super) own_hindrance: Option<&'static str>,
}

/// How an array is divided: the same in all members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Major and minor version of the superblock.
    pub(super) version: (u32, u32),
    /// RAID level; -1 is linear.
    pub(super) level: i32,
    pub(super) layout: u32,
    /// Bytes in a chunk.
    pub(super) chunk: u64,
    /// How many roles there are.
    pub(super) members: usize,
    /// Bytes of each member that are used, where that is the same for all.
    pub(super) size: u64,
}

/// What a member is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Active(u16),
    Spare,
    Faulty,
    Journal,
}

impl Role {
    fn new(number: u16) -> Role {
        match number {
            0xffff => Role::Spare,
            0xfffd => Role::Journal,
            // From 0xff00 on it is no place in an array.
            0xff00.. => Role::Faulty,
            role => Role::Active(role),
        }
    }
}

impl Superblock {
    /// Reads the superblock of a member, in the order in which the places are looked at when it is
    /// recognised.
    ///
    /// # Errors
    /// Why it is none that can be used, in words.
    pub(crate) fn read(source: &dyn ReadAt) -> Result<Superblock, String> {
        let size = source.size();
        let mut damaged = None;
        if let Some(at) = superblock_090::place(size) {
            match superblock_090::read(source, at) {
                Err(Unfit::Damaged(reason)) => damaged = Some(reason),
                Err(Unfit::Other) => {}
                Ok(superblock) => return Ok(superblock),
            }
        }
        for (minor, at) in places(size) {
            match read(source, at, minor) {
                Err(Unfit::Damaged(reason)) => damaged = damaged.or(Some(reason)),
                Err(Unfit::Other) => {}
                Ok(superblock) => return Ok(superblock),
            }
        }
        let reason = damaged.unwrap_or("it is not where it belongs");
        Err(format!("the superblock of MD can't be used: {reason}"))
    }

    /// Is a whole disk a member whose superblock is at its end? Then what looks like partitions are those
    /// of the array. Version 0.90 does not say whether a disk is meant or its last partition.
    pub(crate) fn is_at_end(source: &dyn ReadAt) -> bool {
        let place = places(source.size()).find(|(minor, _)| *minor == 0);
        place.is_some_and(|(minor, at)| read(source, at, minor).is_ok())
    }

    /// The role of the member number `device`, as this one knows it.
    pub(super) fn role(&self, device: usize) -> Role {
        *self.roles.get(device).unwrap_or(&Role::Spare)
    }
}

/// Why something is no superblock.
pub(super) enum Unfit {
    /// It is another thing.
    Other,
    /// It is one that can't be used.
    Damaged(&'static str),
}

/// Minor versions and places of version 1, on a device of `size` bytes (`super_1_load` in
/// `drivers/md/md.c` of Linux).
fn places(size: u64) -> impl Iterator<Item = (u32, u64)> {
    let end = size.checked_sub(8192).map(|at| (0, at & !4095));
    end.into_iter().chain([(1, 0), (2, 4096)])
}

/// `struct mdp_superblock_1` at byte `at`.
fn read(source: &dyn ReadAt, at: u64, minor: u32) -> Result<Superblock, Unfit> {
    let mut block = [0; SIZE];
    // A device may end before.
    let n = source.read_at(at, &mut block).map_err(|_| Unfit::Other)?;
    let sb = block.get(..n).unwrap_or_default();
    let known =
        le32(sb, 0) == Some(MAGIC) && le32(sb, 4) == Some(1) && le64(sb, 144) == Some(at / SECTOR);
    if !known {
        return Err(Unfit::Other);
    }
    let checked = le32(sb, 220)
        .and_then(|devices| {
            usize::try_from(devices)
                .ok()?
                .checked_mul(2)?
                .checked_add(ROLES)
        })
        .and_then(|length| sb.get(..length));
    let checked = checked.ok_or(Unfit::Damaged("it has too many devices"))?;
    if le32(sb, 216) != checksum(checked) {
        return Err(Unfit::Damaged("its checksum is wrong"));
    }
    parse(checked, minor, source.size()).ok_or(Unfit::Damaged("its numbers make no sense"))
}

fn parse(sb: &[u8], minor: u32, device_size: u64) -> Option<Superblock> {
    let features = le32(sb, 8)?;
    let has = |bits: u32| features & bits != 0;
    let bytes = |at| le64(sb, at)?.checked_mul(SECTOR);
    let level = i32::from_le_bytes(le32(sb, 72)?.to_le_bytes());
    let layout = match (level, has(RAID0_LAYOUT)) {
        (0, false) => 0,
        _ => le32(sb, 76)?,
    };
    let roles = sb.get(ROLES..)?.as_chunks().0.iter();
    let (data_offset, data_size) = (bytes(128)?, bytes(136)?);
    let hindrance = if has(!ALL) {
        Some(format!(
            "it uses features that are not known ({features:#x})"
        ))
    } else if has(RESHAPE_ACTIVE | NEW_OFFSET) {
        Some("it is being reshaped".to_owned())
    } else if has(JOURNAL) {
        Some("it has a journal, which may hold what its members don't".to_owned())
    } else if has(CLUSTERED) {
        Some("it belongs to a cluster".to_owned())
    } else {
        None
    };
    let own_hindrance =
        if has(RECOVERY_OFFSET | RECOVERY_BITMAP | REPLACEMENT) && le64(sb, 152)? != DONE {
            Some("is being filled")
        } else if has(REPLACEMENT) {
            Some("replaces another one")
        } else if has(BAD_BLOCKS) {
            Some("has bad blocks")
        } else if data_offset.checked_add(data_size)? > device_size {
            Some("is shorter than its superblock says")
        } else {
            None
        };
    Some(Superblock {
        uuid: uuid(sb, 16)?,
        name: text(sb, 32, 32).and_then(|name| without_host(&name)),
        geometry: Geometry {
            version: (1, minor),
            level,
            layout,
            chunk: u64::from(le32(sb, 88)?).checked_mul(SECTOR)?,
            members: usize::try_from(le32(sb, 92)?).ok()?,
            size: bytes(80)?,
        },
        data_offset,
        data_size,
        events: le64(sb, 200)?,
        device: usize::try_from(le32(sb, 160)?).ok()?,
        roles: roles
            .map(|role| Role::new(u16::from_le_bytes(*role)))
            .collect(),
        clean: le64(sb, 208)? == DONE,
        hindrance,
        own_hindrance,
    })
}

/// The name without the machine that the array was made for.
fn without_host(name: &str) -> Option<String> {
    let name = name.split_once(':').map_or(name, |(_, name)| name);
    (!name.is_empty()).then(|| name.to_owned())
}

/// Sum of all 32-bit words, and of a half one at the end, without the field that holds it
/// (`calc_sb_1_csum` in `drivers/md/md.c` of Linux).
fn checksum(sb: &[u8]) -> Option<u32> {
    let (words, half) = sb.as_chunks();
    let words = words
        .iter()
        .map(|word| u64::from(u32::from_le_bytes(*word)));
    let half = le16(half, 0).map(u64::from);
    let sum = words.chain(half).try_fold(0_u64, u64::checked_add)?;
    fold(sum.checked_sub(u64::from(le32(sb, 216)?))?)
}

/// Adds what does not fit into 32 bits.
pub(super) fn fold(sum: u64) -> Option<u32> {
    let (low, high) = (sum & u64::from(u32::MAX), sum >> 32);
    // The carry of this addition is dropped, as Linux does it.
    u32::try_from(low.checked_add(high)? & u64::from(u32::MAX)).ok()
}
