//! Members of Linux software RAIDs (`include/uapi/linux/raid/md_p.h`).

use std::io;

use super::{Content, Fields, Format, Probe, Probed, content, text, uuid};

const MAGIC: u32 = 0xa92b_4efc;

/// Superblocks 0.90 stand in the last 64 KiB that begin at a multiple of it.
const RESERVED: u64 = 64 * 1024;

pub(super) fn probe(probe: &Probe<'_>) -> Probed {
    let size = probe.size();
    // Version 1.0 lies at the end, 8 to 12 KiB before it, at a multiple of 4 KiB.
    let sectors = size / 512;
    let version_1_0 = sectors
        .checked_sub(16)
        .map(|sector| (sector & !7).saturating_mul(512));
    for offset in version_1_0.into_iter().chain([0, 4096]) {
        if let Some(found) = version_1(probe, offset)? {
            return Ok(Some(found));
        }
    }
    let version_0 = (size & !(RESERVED.saturating_sub(1))).checked_sub(RESERVED);
    match version_0 {
        Some(offset) => version_0_90(probe, offset),
        None => Ok(None),
    }
}

fn version_1(probe: &Probe<'_>, offset: u64) -> io::Result<Option<Content>> {
    let Some(superblock) = probe.bytes::<256>(offset)? else {
        return Ok(None);
    };
    // It names its own place: a copy in a file or another partition is none.
    let place = superblock.u64(0x90).checked_mul(512);
    if superblock.u32(0) != MAGIC || superblock.u32(4) != 1 || place != Some(offset) {
        return Ok(None);
    }
    let label = text(superblock.range(32, 32));
    Ok(Some(content(
        Format::MdRaid,
        uuid(superblock.range(16, 16)),
        label,
    )))
}

fn version_0_90(probe: &Probe<'_>, offset: u64) -> io::Result<Option<Content>> {
    let Some(superblock) = probe.bytes::<64>(offset)? else {
        return Ok(None);
    };
    if superblock.u32(0) != MAGIC || superblock.u32(4) != 0 {
        return Ok(None);
    }
    // Four numbers, the first away from the others, make the UUID with their high bytes first.
    let words = [20, 52, 56, 60].map(|offset| superblock.u32(offset).to_be_bytes());
    Ok(Some(content(Format::MdRaid, uuid(&words.concat()), None)))
}
