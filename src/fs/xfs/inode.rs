//! Inodes: `struct xfs_dinode` in `fs/xfs/libxfs/xfs_format.h` of Linux.

use super::medium::{Medium, Seal};
use crate::disk::bytes::{array, be16, be32, be64};
use crate::fs::{FileKind, FsError};

/// Length of the fields, behind which the forks begin: versions 1 and 2, and version 3.
const FIELDS_V2: usize = 100;
const FIELDS_V3: usize = 176;

const SEAL: Seal = Seal {
    checksum: 100,
    owner: 152,
    uuid: 160,
};

/// A flag of `di_flags`: the content is on another device.
const REALTIME: u16 = 0x1;

/// The same: nobody may change it.
const IMMUTABLE: u16 = 0x8;

/// Flags of `di_flags2`.
const REFLINK: u64 = 0x2;
const BIGTIME: u64 = 0x8;
const NREXT64: u64 = 0x10;

/// Times with `bigtime` begin so many seconds before 1970, and count in nanoseconds.
const BIGTIME_EPOCH: i64 = 1 << 31;
const NANOSECONDS: u64 = 1_000_000_000;

/// How a fork is kept (`di_format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The content itself.
    Local,
    /// All extents.
    Extents,
    /// The root of a tree of extents.
    Tree,
    /// Of devices and the like.
    Other,
}

/// A file of any kind.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: u64,
    pub(super) kind: FileKind,
    pub(super) format: Format,
    /// Length of its content in bytes.
    pub(super) size: u64,
    /// How many extents it has.
    pub(super) extents: u64,
    /// Last modification in seconds since 1970.
    pub(super) modified: i64,
    is_realtime: bool,
    is_immutable: bool,
    /// May its blocks belong to other files, too?
    is_shared: bool,
    /// Where the data fork is in its bytes.
    fork: std::ops::Range<usize>,
    bytes: Vec<u8>,
}

impl Inode {
    /// Reads the inode `number`.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] for one that is not there or not in use, and for a wrong checksum.
    pub(super) fn read(medium: &Medium, number: u64) -> Result<Inode, FsError> {
        let superblock = &medium.superblock;
        let at = superblock.inode(number)?;
        let mut bytes = vec![0; usize::try_from(superblock.inode_size).unwrap_or_default()];
        medium.metadata(at, &mut bytes)?;
        let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
        let version = byte(4);
        let right = match superblock.is_v5 {
            true => version == 3,
            false => version == 1 || version == 2,
        };
        if !bytes.starts_with(b"IN") || !right {
            return Err(damaged(number, "is none"));
        }
        if !medium.is_whole(&bytes, &SEAL, number) {
            return Err(damaged(number, "has a wrong checksum or owner"));
        }
        let kind = match be16(&bytes, 2).unwrap_or_default() >> 12 {
            0 => return Err(damaged(number, "is not in use")),
            0o04 => FileKind::Directory,
            0o10 => FileKind::File,
            0o12 => FileKind::Symlink,
            _ => FileKind::Other,
        };
        let fields = if superblock.is_v5 {
            FIELDS_V3
        } else {
            FIELDS_V2
        };
        // The fork of attributes begins where this one ends, in units of 8 bytes.
        let end = match byte(82) {
            0 => bytes.len(),
            forkoff => fields.saturating_add(usize::from(forkoff).saturating_mul(8)),
        };
        let flags2 = match superblock.is_v5 {
            true => be64(&bytes, 120).unwrap_or_default(),
            false => 0,
        };
        let flags = be16(&bytes, 90).unwrap_or_default();
        let size = be64(&bytes, 56).unwrap_or_default();
        if end > bytes.len() || i64::try_from(size).is_err() {
            return Err(damaged(number, "has an impossible length"));
        }
        Ok(Inode {
            number,
            kind,
            format: match byte(5) {
                1 => Format::Local,
                2 => Format::Extents,
                3 => Format::Tree,
                _ => Format::Other,
            },
            size,
            extents: match flags2 & NREXT64 {
                0 => be32(&bytes, 76).unwrap_or_default().into(),
                _ => be64(&bytes, 24).unwrap_or_default(),
            },
            modified: modified(&bytes, flags2),
            is_realtime: flags & REALTIME != 0,
            is_immutable: flags & IMMUTABLE != 0,
            is_shared: flags2 & REFLINK != 0,
            fork: fields..end,
            bytes,
        })
    }

    /// The data fork: content, extents or the root of their tree.
    pub(super) fn fork(&self) -> &[u8] {
        self.bytes.get(self.fork.clone()).unwrap_or_default()
    }

    /// Content on a real-time device is not read here.
    ///
    /// # Errors
    /// [`FsError::Unsupported`]
    pub(super) fn check_readable(&self) -> Result<(), FsError> {
        match self.is_realtime && self.kind == FileKind::File {
            false => Ok(()),
            true => Err(FsError::Unsupported(format!(
                "inode {} has its content on a real-time device",
                self.number
            ))),
        }
    }

    /// Why its content may not be changed in place.
    pub(super) fn protection(&self) -> Option<&'static str> {
        match (self.is_immutable, self.is_shared) {
            (true, _) => Some("it is immutable"),
            (_, true) => Some("it may share its blocks with other files"),
            (false, false) => None,
        }
    }

    /// Damage of this inode, in words.
    pub(super) fn damaged(&self, text: &str) -> FsError {
        damaged(self.number, text)
    }
}

/// `di_mtime`
fn modified(bytes: &[u8], flags2: u64) -> i64 {
    if flags2 & BIGTIME == 0 {
        let seconds: [u8; 4] = array(bytes, 40).unwrap_or_default();
        return i32::from_be_bytes(seconds).into();
    }
    let seconds = be64(bytes, 40)
        .unwrap_or_default()
        .checked_div(NANOSECONDS)
        .and_then(|seconds| i64::try_from(seconds).ok());
    seconds.unwrap_or_default().saturating_sub(BIGTIME_EPOCH)
}

fn damaged(number: u64, text: &str) -> FsError {
    FsError::Corrupt(format!("inode {number} {text}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::fs::xfs) fn directory() -> Inode {
        Inode {
            number: 4,
            kind: FileKind::Directory,
            format: Format::Local,
            size: 0,
            extents: 0,
            modified: 0,
            is_realtime: false,
            is_immutable: false,
            is_shared: false,
            fork: 0..0,
            bytes: Vec::new(),
        }
    }

    #[test]
    fn times_of_both_kinds() {
        let mut bytes = vec![0; 256];
        bytes[40..44].copy_from_slice(&(-5_i32).to_be_bytes());
        assert_eq!(modified(&bytes, 0), -5);
        let nanoseconds = 1_700_000_000 * NANOSECONDS + (NANOSECONDS << 31) + 5;
        bytes[40..48].copy_from_slice(&nanoseconds.to_be_bytes());
        assert_eq!(modified(&bytes, BIGTIME), 1_700_000_000);
        bytes[40..48].fill(0);
        assert_eq!(modified(&bytes, BIGTIME), -BIGTIME_EPOCH);
    }
}
