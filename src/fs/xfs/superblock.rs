//! The superblock: `struct xfs_dsb` in `fs/xfs/libxfs/xfs_format.h` of Linux. Numbers are big-endian,
//! checksums are not.

use super::features::{
    BORG, DIRV2, FTYPE, FTYPE_V4, META_UUID, MOREBITS, NEEDSREPAIR, VERSION, refused,
};
use crate::disk::ReadAt;
use crate::disk::bytes::{array, be16, be32, be64, le32};
use crate::fs::crc32c::Checksum;
use crate::fs::{FsError, unreadable};

/// What it needs of its sector.
const LENGTH: usize = 264;

/// Where its checksum is, with version 5.
const CHECKSUM: usize = 224;

/// Sizes that there can be (`XFS_MIN_BLOCKSIZE` and so on), in bytes.
const SECTORS: (u64, u64) = (512, 32_768);
const BLOCKS: (u64, u64) = (512, 65_536);
const INODES: (u64, u64) = (256, 2048);

/// The numbers that files are found by.
pub(super) struct Superblock {
    /// Length of a block in bytes.
    pub(super) block_size: u64,
    /// How many blocks there are.
    pub(super) blocks: u64,
    /// How many of them an allocation group has, and how many bits of a block's number tell which.
    group_blocks: u64,
    group_bits: u32,
    /// Length of an inode in bytes.
    pub(super) inode_size: u64,
    /// How many bits of an inode's number tell which it is in its block.
    inode_bits: u32,
    pub(super) root: u64,
    /// Length of a directory's block in bytes: one or several blocks.
    pub(super) directory_block: u64,
    /// The first block of the log, as the disk has it; 0 when it is on another device.
    pub(super) log_start: u64,
    /// Length of the log in blocks.
    pub(super) log_blocks: u64,
    /// Metadata has checksums and says whose it is.
    pub(super) is_v5: bool,
    /// Directories tell what an entry is.
    pub(super) has_kinds: bool,
    /// Names are compared without case, as far as they are ASCII.
    pub(super) folds_case: bool,
    /// `sb_features_ro_compat`: who does not know them may not write.
    pub(super) ro_compat: u32,
    /// The kernel refuses to mount it before `xfs_repair` was there.
    pub(super) needs_repair: bool,
    /// What metadata is marked with.
    pub(super) uuid: [u8; 16],
}

impl Superblock {
    /// Reads the first one.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when its numbers make no sense, [`FsError::Unsupported`] names what is not
    /// read here.
    pub(super) fn read(source: &dyn ReadAt) -> Result<Superblock, FsError> {
        let mut head = [0; LENGTH];
        source.read_exact_at(0, &mut head).map_err(unreadable)?;
        let sector_size = u64::from(be16(&head, 102).unwrap_or_default());
        if !fits(sector_size, SECTORS) {
            return Err(senseless("the size of a sector is out of range"));
        }
        let mut sector = vec![0; usize::try_from(sector_size).unwrap_or(LENGTH)];
        source.read_exact_at(0, &mut sector).map_err(unreadable)?;
        Superblock::parse(&sector, source.size())
    }

    /// Of the first sector of a volume of `size` bytes.
    fn parse(sector: &[u8], size: u64) -> Result<Superblock, FsError> {
        let byte = |at: usize| u32::from(sector.get(at).copied().unwrap_or_default());
        let half = |at| be16(sector, at).unwrap_or_default();
        let word = |at| be32(sector, at).unwrap_or_default();
        let long = |at| be64(sector, at).unwrap_or_default();
        if !sector.starts_with(b"XFSB") {
            return Err(senseless("its magic number is wrong"));
        }
        let versionnum = half(100);
        let is_v5 = match versionnum & VERSION {
            4 => false,
            5 => true,
            version => {
                return Err(FsError::Unsupported(format!("version {version} of XFS")));
            }
        };
        let mut incompat = 0;
        if is_v5 {
            let sum = Checksum::START.and_around::<4>(sector, CHECKSUM);
            if le32(sector, CHECKSUM) != Some(!sum.0) {
                return Err(senseless("its checksum is wrong"));
            }
            incompat = word(216);
            if let Some(names) = refused(incompat) {
                return Err(FsError::Unsupported(format!("the XFS feature {names}")));
            }
        } else if versionnum & DIRV2 == 0 {
            let text = "directories of version 1 in XFS";
            return Err(FsError::Unsupported(text.to_owned()));
        }
        let has_kinds = match is_v5 {
            true => incompat & FTYPE != 0,
            false => versionnum & MOREBITS != 0 && word(200) & FTYPE_V4 != 0,
        };
        let uuid = if incompat & META_UUID != 0 { 248 } else { 32 };
        let block_size = u64::from(word(4));
        let superblock = Superblock {
            block_size,
            blocks: long(8),
            group_blocks: word(84).into(),
            group_bits: byte(124),
            inode_size: half(104).into(),
            inode_bits: byte(123),
            root: long(56),
            directory_block: block_size.checked_shl(byte(192)).unwrap_or_default(),
            log_start: long(48),
            log_blocks: word(96).into(),
            is_v5,
            has_kinds,
            folds_case: versionnum & BORG != 0,
            ro_compat: if is_v5 { word(212) } else { 0 },
            needs_repair: incompat & NEEDSREPAIR != 0,
            uuid: array(sector, uuid).unwrap_or_default(),
        };
        superblock.check(size)?;
        Ok(superblock)
    }

    /// Do the numbers fit each other and a volume of `size` bytes?
    fn check(&self, size: u64) -> Result<(), FsError> {
        let bytes = self.blocks.checked_mul(self.block_size);
        let inodes = self.block_size.checked_shr(self.inode_bits);
        for (right, text) in [
            (
                fits(self.block_size, BLOCKS),
                "the size of a block is out of range",
            ),
            (
                bytes.is_some_and(|end| end <= size),
                "it has more blocks than the volume",
            ),
            (self.blocks != 0, "it has no blocks"),
            (
                self.group_bits < 32
                    && self.group_blocks != 0
                    && self.group_blocks <= 1 << self.group_bits,
                "the size of a group is out of range",
            ),
            (
                fits(self.inode_size, INODES) && inodes == Some(self.inode_size),
                "the size of an inode is out of range",
            ),
            (
                fits(self.directory_block, (self.block_size, BLOCKS.1)),
                "the size of a directory block is out of range",
            ),
        ] {
            if !right {
                return Err(senseless(text));
            }
        }
        Ok(())
    }

    /// Where a block is, counted from the begin of the volume: numbers on the disk are made of the
    /// allocation group and the block in it.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when not all of `count` blocks from it on are there.
    pub(super) fn block(&self, number: u64, count: u64) -> Result<u64, FsError> {
        let (group, inside) = split(number, self.group_bits);
        let end = inside.checked_add(count);
        let start = group.checked_mul(self.group_blocks);
        let place = start.and_then(|start| start.checked_add(inside));
        let is_there = place
            .and_then(|place| place.checked_add(count))
            .is_some_and(|end| end <= self.blocks);
        match place {
            Some(place) if is_there && end.is_some_and(|end| end <= self.group_blocks) => Ok(place),
            _ => Err(FsError::Corrupt(format!(
                "a map leads to block {number:#x}, which is not there"
            ))),
        }
    }

    /// Where the inode `number` is, in bytes.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when it is not there.
    pub(super) fn inode(&self, number: u64) -> Result<u64, FsError> {
        let (block, index) = split(number, self.inode_bits);
        let place = self.block(block, 1)?.saturating_mul(self.block_size);
        // Inodes fill their block: that was checked.
        Ok(place.saturating_add(index.saturating_mul(self.inode_size)))
    }
}

/// What is above the lowest `bits` of a number, and what is in them.
fn split(number: u64, bits: u32) -> (u64, u64) {
    let upper = number.checked_shr(bits).unwrap_or_default();
    let lower = u64::MAX.checked_shl(bits).map_or(u64::MAX, |mask| !mask);
    (upper, number & lower)
}

fn fits(length: u64, (least, most): (u64, u64)) -> bool {
    length.is_power_of_two() && (least..=most).contains(&length)
}

fn senseless(text: &str) -> FsError {
    FsError::Corrupt(format!("the superblock: {text}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const SIZE: u64 = 64 * 512;

    /// The superblock of version 4 of a volume with 64 blocks of 512 bytes in two groups of 40, the log in
    /// blocks 8 to 39.
    pub(in crate::fs::xfs) fn bytes(fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        let defaults: [(usize, &[u8]); 14] = [
            (0, b"XFSB"),
            (4, &[0, 0, 2, 0]),
            (15, &[64]),
            (55, &[8]),
            (63, &[4]),
            (87, &[40]),
            (91, &[2]),
            (99, &[32]),
            (100, &[0xb4, 0xa4]),
            (102, &[2, 0]),
            (104, &[1, 0]),
            (120, &[9]),
            (123, &[1]),
            (124, &[6]),
        ];
        for (at, value) in defaults.iter().chain(fields) {
            bytes[*at..at + value.len()].copy_from_slice(value);
        }
        bytes
    }

    pub(in crate::fs::xfs) fn superblock() -> Superblock {
        Superblock::parse(&bytes(&[]), SIZE).unwrap()
    }

    fn refusal(fields: &[(usize, &[u8])]) -> String {
        let result = Superblock::parse(&bytes(fields), SIZE);
        result.err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn numbers_on_the_disk_are_places() {
        let superblock = superblock();
        assert_eq!(superblock.block(39, 1).unwrap(), 39);
        assert_eq!(superblock.block(64, 24).unwrap(), 40);
        assert_eq!(superblock.inode(0x83).unwrap(), 41 * 512 + 256);
        // Behind the first group, behind the last block, in no group, and with lengths that do not fit.
        for (number, count) in [
            (40, 1),
            (88, 1),
            (64, 25),
            (128, 1),
            (u64::MAX, 1),
            (1, u64::MAX),
        ] {
            assert!(superblock.block(number, count).is_err(), "{number} {count}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_damage() {
        for (fields, text) in [
            (&[(0, &b"XFSA"[..])][..], "magic"),
            (&[(4, &[0, 0, 3, 0])], "size of a block"),
            (&[(4, &[0, 0, 1, 0])], "size of a block"),
            (&[(15, &[65])], "more blocks than the volume"),
            (&[(8, &[255])], "more blocks than the volume"),
            (&[(15, &[0])], "no blocks"),
            (&[(87, &[0])], "size of a group"),
            (&[(87, &[65])], "size of a group"),
            (&[(124, &[64])], "size of a group"),
            (&[(104, &[2, 0])], "size of an inode"),
            (&[(123, &[200])], "size of an inode"),
            (&[(192, &[8])], "size of a directory block"),
            (&[(192, &[64])], "size of a directory block"),
            (&[(101, &[0xa5])], "checksum"),
        ] {
            let refusal = refusal(fields);
            assert!(
                refusal.starts_with("damaged: the superblock: ") && refusal.contains(text),
                "{refusal}"
            );
        }
    }
}
