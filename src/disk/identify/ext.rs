//! ext2, ext3 and ext4: `Documentation/filesystems/ext4/super.rst` of Linux.

use super::probe::Probe;
use super::{Content, Format};
use crate::disk::bytes::{le16, le32, text, uuid};

const SUPERBLOCK: u64 = 1024;
const MAGIC: u16 = 0xef53;

const COMPAT_HAS_JOURNAL: u32 = 0x4;
const INCOMPAT_JOURNAL_DEV: u32 = 0x8;
/// filetype, recover, meta_bg: what the driver of ext3 knew.
const EXT3_INCOMPAT: u32 = 0x2 | 0x4 | 0x10;
/// sparse_super, large_file, btree_dir: what the driver of ext3 knew.
const EXT3_RO_COMPAT: u32 = 0x1 | 0x2 | 0x4;

/// The three differ only in features: ext4 has one that ext3 doesn't know, ext3 has a journal.
pub(super) fn probe(probe: &Probe) -> Option<Content> {
    let sb: [u8; 1024] = probe.bytes(SUPERBLOCK)?;
    if le16(&sb, 0x38)? != MAGIC {
        return None;
    }
    let s_feature_compat = le32(&sb, 0x5c)?;
    let s_feature_incompat = le32(&sb, 0x60)?;
    let s_feature_ro_compat = le32(&sb, 0x64)?;
    if s_feature_incompat & INCOMPAT_JOURNAL_DEV != 0 {
        return None;
    }
    let beyond_ext3 =
        s_feature_incompat & !EXT3_INCOMPAT != 0 || s_feature_ro_compat & !EXT3_RO_COMPAT != 0;
    let format = if beyond_ext3 {
        Format::Ext4
    } else if s_feature_compat & COMPAT_HAS_JOURNAL != 0 {
        Format::Ext3
    } else {
        Format::Ext2
    };
    Some(Content {
        format: Some(format),
        uuid: uuid(&sb, 0x68),
        label: text(&sb, 0x78, 16),
    })
}
