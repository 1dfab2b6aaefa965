//! Incompatible features of the superblock (`include/uapi/linux/btrfs.h` of Linux).

use crate::fs::features::{name_among, names};

/// Metadata is marked with another UUID than the filesystem.
pub(super) const METADATA_UUID: u64 = 1 << 10;

/// Names in the order of the bits, as `btrfs inspect-internal dump-super` has them.
const NAMES: [&str; 18] = [
    "MIXED_BACKREF",
    "DEFAULT_SUBVOL",
    "MIXED_GROUPS",
    "COMPRESS_LZO",
    "COMPRESS_ZSTD",
    "BIG_METADATA",
    "EXTENDED_IREF",
    "RAID56",
    "SKINNY_METADATA",
    "NO_HOLES",
    "METADATA_UUID",
    "RAID1C34",
    "ZONED",
    "EXTENT_TREE_V2",
    "RAID_STRIPE_TREE",
    "incompat bit 15",
    "SIMPLE_QUOTA",
    "REMAP_TREE",
];

/// Everything that is read here, or that a reader of files does not notice: all up to `RAID1C34`, and
/// `SIMPLE_QUOTA`.
const KNOWN: u64 = 0x1_0fff;

/// The features that are not read; `None` when there are none.
pub(super) fn refused(incompat: u64) -> Option<String> {
    names(incompat & !KNOWN, &|bit| name_among(&NAMES, bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_has_a_name() {
        assert_eq!(refused(KNOWN), None);
        let all = "ZONED, incompat bit 15, incompat bit 63";
        assert_eq!(refused(1 << 63 | 1 << 15 | 1 << 12).as_deref(), Some(all));
    }
}
