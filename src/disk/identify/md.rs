//! Members of Linux software RAID: `include/uapi/linux/raid/md_p.h` of Linux.

use super::probe::Probe;
use super::{Content, Format};
use crate::disk::bytes::{array, le32, le64, text, uuid};

const MAGIC: u32 = 0xa92b_4efc;
/// Format 0.90 keeps the last whole 64 KiB that are aligned to 64 KiB.
const RESERVED_090: u64 = 64 * 1024;
const SECTOR: u64 = 512;

pub(super) fn probe(probe: &Probe) -> Option<Content> {
    let size = probe.size();
    let version_090 = (size & !(RESERVED_090 - 1)).checked_sub(RESERVED_090);
    // Version 1.0: at least 8 KiB before the end, aligned to 4 KiB.
    let version_10 = size.checked_sub(8192).map(|at| at & !4095);
    let (version_11, version_12) = (0, 4096);
    version_090
        .and_then(|at| superblock_090(probe, at))
        .or_else(|| superblock_1(probe, version_10?))
        .or_else(|| superblock_1(probe, version_11))
        .or_else(|| superblock_1(probe, version_12))
}

/// `struct mdp_superblock_s`, in the byte order of the machine that made it.
fn superblock_090(probe: &Probe, at: u64) -> Option<Content> {
    let sb: [u8; 64] = probe.bytes(at)?;
    let word = |index: usize| -> Option<[u8; 4]> { array(&sb, index.checked_mul(4)?) };
    let number: fn([u8; 4]) -> u32 = match word(0)? {
        magic if u32::from_le_bytes(magic) == MAGIC => u32::from_le_bytes,
        magic if u32::from_be_bytes(magic) == MAGIC => u32::from_be_bytes,
        _ => return None,
    };
    let (major_version, minor_version) = (number(word(1)?), number(word(2)?));
    if major_version != 0 {
        return None;
    }
    // set_uuid0 to set_uuid3. They are numbers; the text shows them as numbers.
    let mut set_uuid = number(word(5)?).to_be_bytes().to_vec();
    for index in [13, 14, 15] {
        let part = if minor_version >= 90 {
            number(word(index)?)
        } else {
            0
        };
        set_uuid.extend(part.to_be_bytes());
    }
    Some(Content {
        format: Some(Format::MdRaid),
        uuid: uuid(&set_uuid, 0),
        label: None,
    })
}

/// `struct mdp_superblock_1`, little-endian, which knows where it lies.
fn superblock_1(probe: &Probe, at: u64) -> Option<Content> {
    let sb: [u8; 256] = probe.bytes(at)?;
    let super_offset = le64(&sb, 144)?;
    if le32(&sb, 0)? != MAGIC || le32(&sb, 4)? != 1 || super_offset != at / SECTOR {
        return None;
    }
    Some(Content {
        format: Some(Format::MdRaid),
        uuid: uuid(&sb, 16),
        label: text(&sb, 32, 32),
    })
}
