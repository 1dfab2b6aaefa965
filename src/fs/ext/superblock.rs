//! The superblock (`Documentation/filesystems/ext4/super.rst` of Linux), and what the crate sees of it.

use std::io;

use crc::{CRC_32_ISCSI, Crc};

use crate::disk::ReadAt;
use crate::disk::bytes::{le16, le32};

/// Where it lies on the volume, in bytes.
pub(super) const PLACE: u64 = 1024;

/// Its length in bytes.
pub(super) const LENGTH: usize = 1024;

/// Features without which a filesystem can't be read (`s_feature_incompat` in `fs/ext4/ext4.h`).
pub(super) const RECOVER: u32 = 0x4;
pub(super) const EXTENTS: u32 = 0x40;
pub(super) const IS_64BIT: u32 = 0x80;

/// Features that change nothing for a reader of names and contents, and that the crate refuses all the
/// same: mmp (who has it mounted), ea_inode (where long attributes are), large_dir (how large a
/// directory may become).
const HARMLESS: u32 = 0x100 | 0x400 | 0x4000;

/// metadata_csum in `s_feature_ro_compat`.
const METADATA_CSUM: u32 = 0x400;

const INCOMPAT: usize = 0x60;
const RO_COMPAT: usize = 0x64;
const CHECKSUM: usize = 0x3fc;

/// Inodes of this length have no room for a checksum, and the crate insists on one.
const SMALL_INODE: u64 = 128;

/// A superblock as it is on the disk.
#[derive(Clone)]
pub(super) struct Superblock([u8; LENGTH]);

impl Superblock {
    pub(super) fn read(source: &dyn ReadAt) -> io::Result<Superblock> {
        let mut bytes = [0; LENGTH];
        source.read_exact_at(PLACE, &mut bytes)?;
        Ok(Superblock::new(bytes))
    }

    pub(super) fn new(bytes: [u8; LENGTH]) -> Superblock {
        Superblock(bytes)
    }

    /// `s_feature_incompat`
    pub(super) fn incompat(&self) -> u32 {
        le32(&self.0, INCOMPAT).unwrap_or_default()
    }

    /// Length of a block in bytes; `None` for one that can't be.
    pub(super) fn block_size(&self) -> Option<u64> {
        let shift = le32(&self.0, 0x18)?;
        (shift <= 6).then(|| 1024_u64.checked_shl(shift))?
    }

    /// `s_first_data_block`: the block that holds the superblock.
    pub(super) fn first_data_block(&self) -> u64 {
        le32(&self.0, 0x14).unwrap_or_default().into()
    }

    /// Length of an inode in bytes; the first revision has no field for it.
    pub(super) fn inode_size(&self) -> u64 {
        match le32(&self.0, 0x4c) {
            Some(0) => SMALL_INODE,
            _ => le16(&self.0, 0x58).unwrap_or_default().into(),
        }
    }

    /// `s_journal_inum`
    pub(super) fn journal_inode(&self) -> u64 {
        le32(&self.0, 0xe0).unwrap_or_default().into()
    }

    /// What the crate is shown: without features that need not stop it, and without the request for a
    /// recovery, which is done. A checksum that was wrong before stays wrong.
    pub(super) fn presented(mut self) -> Superblock {
        let checked = self.ro_compat() & METADATA_CSUM != 0;
        if checked && le32(&self.0, CHECKSUM) != Some(self.checksum()) {
            return self;
        }
        let incompat = self.incompat() & !(HARMLESS | RECOVER);
        self.set(INCOMPAT, incompat);
        if self.inode_size() == SMALL_INODE {
            let ro_compat = self.ro_compat() & !METADATA_CSUM;
            self.set(RO_COMPAT, ro_compat);
        }
        let checksum = self.checksum();
        self.set(CHECKSUM, checksum);
        self
    }

    /// Puts it in the place of what was read: `bytes` are those from `at` of the volume.
    pub(super) fn cover(&self, at: u64, bytes: &mut [u8]) {
        let skip = PLACE.saturating_sub(at);
        let from = at.saturating_sub(PLACE);
        let (Ok(skip), Ok(from)) = (usize::try_from(skip), usize::try_from(from)) else {
            return;
        };
        let target = bytes.iter_mut().skip(skip);
        for (byte, own) in target.zip(self.0.iter().skip(from)) {
            *byte = *own;
        }
    }

    fn ro_compat(&self) -> u32 {
        le32(&self.0, RO_COMPAT).unwrap_or_default()
    }

    fn set(&mut self, at: usize, value: u32) {
        let field = self.0.get_mut(at..).and_then(|rest| rest.first_chunk_mut());
        if let Some(field) = field {
            *field = value.to_le_bytes();
        }
    }

    /// CRC-32C without the inversion at its end, as everywhere in ext4.
    fn checksum(&self) -> u32 {
        let crc = Crc::<u32>::new(&CRC_32_ISCSI);
        !crc.checksum(self.0.get(..CHECKSUM).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn superblock(incompat: u32, ro_compat: u32, inode_size: u16) -> Superblock {
        let mut superblock = Superblock([0; LENGTH]);
        superblock.0[0x4c] = 1;
        superblock.0[0x58..0x5a].copy_from_slice(&inode_size.to_le_bytes());
        superblock.set(INCOMPAT, incompat);
        superblock.set(RO_COMPAT, ro_compat);
        let checksum = superblock.checksum();
        superblock.set(CHECKSUM, checksum);
        superblock
    }

    #[test]
    fn harmless_features_are_hidden_and_others_are_not() {
        let shown = superblock(0x4000 | RECOVER | 0x8000, METADATA_CSUM, 256).presented();
        assert_eq!(shown.incompat(), 0x8000);
        assert_eq!(shown.ro_compat(), METADATA_CSUM);
        assert_eq!(le32(&shown.0, CHECKSUM), Some(shown.checksum()));
        let shown = superblock(RECOVER, METADATA_CSUM, 128).presented();
        assert_eq!((shown.incompat(), shown.ro_compat()), (0, 0));
    }

    #[test]
    fn a_wrong_checksum_is_not_made_right() {
        let mut wrong = superblock(0x4000, METADATA_CSUM, 256);
        wrong.0[0x78] = b'x';
        let shown = wrong.clone().presented();
        assert!(shown.0 == wrong.0);
    }

    #[test]
    fn covers_what_overlaps() {
        let shown = Superblock([7; LENGTH]);
        for (at, length, covered) in [
            (0, 1024, 0..0),
            (0, 4096, 1024..2048),
            (1024, 1024, 0..1024),
            (2000, 100, 0..48),
            (2048, 9, 0..0),
        ] {
            let mut bytes = vec![0; length];
            shown.cover(at, &mut bytes);
            for (i, byte) in bytes.iter().enumerate() {
                assert_eq!(*byte == 7, covered.contains(&i), "{i} of {at}");
            }
        }
    }
}
