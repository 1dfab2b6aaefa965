//! ext2, ext3 and ext4: the superblock (`fs/ext4/ext4.h`, `struct ext4_super_block`).

use super::{Fields, Format, Probe, Probed, content, text, uuid};

const SUPERBLOCK: u64 = 1024;
const MAGIC: u16 = 0xef53;

const COMPAT_HAS_JOURNAL: u32 = 0x4;
const INCOMPAT_JOURNAL_DEV: u32 = 0x8;

/// What the drivers of ext2 and ext3 know; anything else makes it an ext4. Compatible features for
/// reading and writing: `sparse_super large_file btree_dir`.
const EXT3_RO_COMPAT: u32 = 0x1 | 0x2 | 0x4;
/// `filetype meta_bg`.
const EXT2_INCOMPAT: u32 = 0x2 | 0x10;
/// The same and `recover`.
const EXT3_INCOMPAT: u32 = EXT2_INCOMPAT | 0x4;

pub(super) fn probe(probe: &Probe<'_>) -> Probed {
    let Some(superblock) = probe.bytes::<0x88>(SUPERBLOCK)? else {
        return Ok(None);
    };
    if superblock.u16(0x38) != MAGIC {
        return Ok(None);
    }
    let (compat, incompat) = (superblock.u32(0x5c), superblock.u32(0x60));
    let ro_compat = superblock.u32(0x64);
    if incompat & INCOMPAT_JOURNAL_DEV != 0 {
        // An external journal is nothing that can be read.
        return Ok(None);
    }
    let has_journal = compat & COMPAT_HAS_JOURNAL != 0;
    let old = ro_compat & !EXT3_RO_COMPAT == 0;
    let format = match has_journal {
        true if old && incompat & !EXT3_INCOMPAT == 0 => Format::Ext3,
        false if old && incompat & !EXT2_INCOMPAT == 0 => Format::Ext2,
        _ => Format::Ext4,
    };
    let label = text(superblock.range(0x78, 16));
    Ok(Some(content(
        format,
        uuid(superblock.range(0x68, 16)),
        label,
    )))
}
