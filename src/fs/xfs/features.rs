//! Features of the superblock (`fs/xfs/libxfs/xfs_format.h` of Linux).

use crate::fs::features::{name_among, names};

/// Bits of `sb_versionnum`, of which the lowest four are the version.
pub(super) const VERSION: u16 = 0xf;
pub(super) const DIRV2: u16 = 0x2000;
pub(super) const BORG: u16 = 0x4000;
pub(super) const MOREBITS: u16 = 0x8000;

/// `sb_features2` of version 4, if `MOREBITS` says that it counts.
pub(super) const FTYPE_V4: u32 = 0x200;

/// `sb_features_incompat` of version 5: what nobody may ignore.
pub(super) const FTYPE: u32 = 0x1;
pub(super) const META_UUID: u32 = 0x4;
pub(super) const NEEDSREPAIR: u32 = 0x10;

/// Names in the order of the bits, as `xfs_info` has them.
const NAMES: [&str; 11] = [
    "ftype",
    "sparse",
    "metauuid",
    "bigtime",
    "needsrepair",
    "nrext64",
    "exchange",
    "parent",
    "metadir",
    "zoned",
    "zone_gaps",
];

/// Everything that is read here, or that a reader of files does not notice: all up to `metadir`.
const KNOWN: u32 = 0x1ff;

/// The features that are not read; `None` when there are none.
pub(super) fn refused(incompat: u32) -> Option<String> {
    names(u64::from(incompat & !KNOWN), &|bit| name_among(&NAMES, bit))
}

/// `sb_features_ro_compat`: free inodes in a tree, owners of blocks, blocks that files share, counters of
/// inodes. Content that is written in place changes none of that.
const WRITABLE: u32 = 0xf;

/// The features with which nothing may be written; `None` when there are none.
pub(super) fn read_only(ro_compat: u32) -> Option<String> {
    let unknown = u64::from(ro_compat & !WRITABLE);
    names(unknown, &|bit| format!("ro_compat bit {bit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_has_a_name() {
        assert_eq!(refused(KNOWN), None);
        let all = "zoned, zone_gaps, incompat bit 31";
        assert_eq!(refused(0x8000_0600 | FTYPE).as_deref(), Some(all));
    }
}
