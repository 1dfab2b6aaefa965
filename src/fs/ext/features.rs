//! Feature flags (`Documentation/filesystems/ext4/super.rst` and `fs/ext4/ext4.h` of Linux).

/// `s_feature_compat`: what may be ignored.
pub(super) const DIR_INDEX: u32 = 0x20;
pub(super) const SPARSE_SUPER2: u32 = 0x200;

/// `s_feature_ro_compat`: what a reader may ignore.
pub(super) const SPARSE_SUPER: u32 = 0x1;
pub(super) const GDT_CSUM: u32 = 0x10;
pub(super) const BIGALLOC: u32 = 0x200;
pub(super) const METADATA_CSUM: u32 = 0x400;

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
    let bits = (0..u32::BITS).filter(|bit| incompat & !KNOWN & 1_u32.rotate_left(*bit) != 0);
    let names: Vec<String> = bits.map(name).collect();
    (!names.is_empty()).then(|| names.join(", "))
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
    fn what_is_refused_has_the_name_of_its_tool() {
        assert_eq!(refused(KNOWN), None);
        assert_eq!(refused(RECOVER | 0x1).as_deref(), Some("compression"));
        let all = "compression, journal_dev, dirdata, FEATURE_I31";
        assert_eq!(refused(0x8000_1009).as_deref(), Some(all));
    }
}
