//! Feature flags (`Documentation/filesystems/ext4/super.rst` and `fs/ext4/ext4.h` of Linux).

use crate::fs::features::names;

/// `s_feature_compat`: what may be ignored.
pub(super) const DIR_INDEX: u32 = 0x20;
pub(super) const SPARSE_SUPER2: u32 = 0x200;

/// `s_feature_ro_compat`: what a reader may ignore.
pub(super) const SPARSE_SUPER: u32 = 0x1;
pub(super) const GDT_CSUM: u32 = 0x10;
pub(super) const BIGALLOC: u32 = 0x200;
pub(super) const METADATA_CSUM: u32 = 0x400;

/// `s_feature_ro_compat`: with these, the content of a file belongs to it alone and nothing else depends
/// on it. Besides those above: `large_file`, `btree_dir`, `huge_file`, `dir_nlink`, `extra_isize`, `quota`,
/// `project`, `verity` (which inodes have for themselves) and `orphan_present`.
const WRITABLE: u32 = SPARSE_SUPER
    | GDT_CSUM
    | BIGALLOC
    | METADATA_CSUM
    | 0x2
    | 0x4
    | 0x8
    | 0x20
    | 0x40
    | 0x100
    | 0x2000
    | 0x8000
    | 0x1_0000;

/// The features of `s_feature_ro_compat` with which nothing may be written, by the names of `tune2fs`;
/// `None` when there are none.
pub(super) fn read_only(ro_compat: u32) -> Option<String> {
    names(u64::from(ro_compat & !WRITABLE), &|bit| match bit {
        7 => "snapshot".to_owned(),
        11 => "replica".to_owned(),
        12 => "read-only".to_owned(),
        14 => "shared_blocks".to_owned(),
        bit => format!("FEATURE_R{bit}"),
    })
}

/// `s_feature_incompat`: what nobody may ignore.
pub(super) const FILETYPE: u32 = 0x2;
pub(super) const RECOVER: u32 = 0x4;
pub(super) const META_BG: u32 = 0x10;
pub(super) const EXTENTS: u32 = 0x40;
pub(super) const IS_64BIT: u32 = 0x80;
pub(super) const MMP: u32 = 0x100;
pub(super) const FLEX_BG: u32 = 0x200;
pub(super) const EA_INODE: u32 = 0x400;
pub(super) const CSUM_SEED: u32 = 0x2000;
pub(super) const LARGE_DIR: u32 = 0x4000;
pub(super) const INLINE_DATA: u32 = 0x8000;
pub(super) const ENCRYPT: u32 = 0x1_0000;
pub(super) const CASEFOLD: u32 = 0x2_0000;

/// Everything that is read here. Of encryption only that a file has it.
const KNOWN: u32 = FILETYPE
    | RECOVER
    | META_BG
    | EXTENTS
    | IS_64BIT
    | MMP
    | FLEX_BG
    | EA_INODE
    | CSUM_SEED
    | LARGE_DIR
    | INLINE_DATA
    | ENCRYPT
    | CASEFOLD;

/// The features of `s_feature_incompat` that are not read, by the names of `tune2fs`; `None` when
/// there are none.
pub(super) fn refused(incompat: u32) -> Option<String> {
    names(u64::from(incompat & !KNOWN), &name)
}

fn name(bit: u32) -> String {
    match bit {
        0 => "compression".to_owned(),
        3 => "journal_dev".to_owned(),
        12 => "dirdata".to_owned(),
        bit => format!("FEATURE_I{bit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_blocks_are_not_written_to() {
        assert_eq!(read_only(WRITABLE), None);
        assert_eq!(read_only(0x4002).as_deref(), Some("shared_blocks"));
        assert_eq!(read_only(0x1080).as_deref(), Some("snapshot, read-only"));
    }

    #[test]
    fn what_is_refused_has_the_name_of_its_tool() {
        assert_eq!(refused(KNOWN), None);
        assert_eq!(refused(RECOVER | 0x1).as_deref(), Some("compression"));
        let all = "compression, journal_dev, dirdata, FEATURE_I31";
        assert_eq!(refused(0x8000_1009).as_deref(), Some(all));
    }
}
