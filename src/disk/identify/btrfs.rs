//! Btrfs: the first superblock, at 64 KiB (`include/uapi/linux/btrfs_tree.h`).

use super::{Fields, Format, Probe, Probed, content, text, uuid};

const SUPERBLOCK: u64 = 0x10000;

pub(super) fn probe(probe: &Probe<'_>) -> Probed {
    let Some(superblock) = probe.bytes::<{ 0x12b + 256 }>(SUPERBLOCK)? else {
        return Ok(None);
    };
    if superblock.range(0x40, 8) != b"_BHRfS_M" {
        return Ok(None);
    }
    let label = text(superblock.range(0x12b, 256));
    Ok(Some(content(
        Format::Btrfs,
        uuid(superblock.range(0x20, 16)),
        label,
    )))
}
