//! XFS: the superblock of the first allocation group (`fs/xfs/libxfs/xfs_format.h`).

use super::{Fields, Format, Probe, Probed, content, text, uuid};

pub(super) fn probe(probe: &Probe<'_>) -> Probed {
    let Some(superblock) = probe.bytes::<120>(0)? else {
        return Ok(None);
    };
    if superblock.range(0, 4) != b"XFSB" {
        return Ok(None);
    }
    let label = text(superblock.range(108, 12));
    Ok(Some(content(
        Format::Xfs,
        uuid(superblock.range(32, 16)),
        label,
    )))
}
