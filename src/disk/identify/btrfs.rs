//! Btrfs: `include/uapi/linux/btrfs_tree.h` of Linux, `struct btrfs_super_block`.

use super::probe::Probe;
use super::{Content, Format};
use crate::disk::bytes::{text, uuid};

const SUPERBLOCK: u64 = 64 * 1024;

pub(super) fn probe(probe: &Probe) -> Option<Content> {
    let sb: [u8; 1024] = probe.bytes(SUPERBLOCK)?;
    if sb.get(0x40..0x48)? != b"_BHRfS_M" {
        return None;
    }
    Some(Content {
        format: Some(Format::Btrfs),
        uuid: uuid(&sb, 0x20),
        label: text(&sb, 0x12b, 256),
    })
}
