//! LVM physical volumes: `lib/label/label.h` and `lib/format_text/layout.h` of LVM2.

use super::probe::Probe;
use super::{Content, Format};
use crate::disk::bytes::{le32, le64};

/// The label may lie in any of the first four sectors of 512 bytes.
const SECTORS: [u64; 4] = [0, 1, 2, 3];
const SECTOR: u64 = 512;
/// Where an identifier of 32 characters gets its dashes.
const GROUPS: [usize; 7] = [6, 4, 4, 4, 4, 4, 6];

pub(super) fn probe(probe: &Probe) -> Option<Content> {
    SECTORS.into_iter().find_map(|sector| label(probe, sector))
}

fn label(probe: &Probe, sector: u64) -> Option<Content> {
    let label: [u8; 512] = probe.bytes(sector.checked_mul(SECTOR)?)?;
    let known = label.starts_with(b"LABELONE") && label.get(24..32)? == b"LVM2 001";
    let sector_xl = le64(&label, 8)?;
    if !known || sector_xl != sector {
        return None;
    }
    let offset_xl = usize::try_from(le32(&label, 20)?).ok()?;
    let mut pv_uuid = label.get(offset_xl..)?;
    let mut uuid = String::with_capacity(38);
    for length in GROUPS {
        let (group, rest) = pv_uuid.split_at_checked(length)?;
        if !uuid.is_empty() {
            uuid.push('-');
        }
        uuid.push_str(std::str::from_utf8(group).ok()?);
        pv_uuid = rest;
    }
    Some(Content {
        format: Some(Format::Lvm),
        uuid: Some(uuid),
        label: None,
    })
}
