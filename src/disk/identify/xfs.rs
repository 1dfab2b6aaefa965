//! XFS: `fs/xfs/libxfs/xfs_format.h` of Linux, `struct xfs_dsb`. Numbers are big-endian.

use super::probe::Probe;
use super::{Content, Format};
use crate::disk::bytes::{array, text, uuid};

pub(super) fn probe(probe: &Probe) -> Option<Content> {
    let sb: [u8; 512] = probe.bytes(0)?;
    if !sb.starts_with(b"XFSB") {
        return None;
    }
    let sb_blocksize = u32::from_be_bytes(array(&sb, 4)?);
    let [sb_blocklog] = array(&sb, 120)?;
    // 512 bytes to 64 KiB (XFS_MIN_BLOCKSIZE_LOG, XFS_MAX_BLOCKSIZE_LOG).
    if !(9..=16).contains(&sb_blocklog) || sb_blocksize != 1 << sb_blocklog {
        return None;
    }
    Some(Content {
        format: Some(Format::Xfs),
        uuid: uuid(&sb, 32),
        label: text(&sb, 108, 12),
    })
}
