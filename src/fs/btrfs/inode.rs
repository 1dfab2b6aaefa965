//! Inodes: `struct btrfs_inode_item` in `include/uapi/linux/btrfs_tree.h` of Linux.

use super::cursor::look_up;
use super::medium::Medium;
use super::node::{INODE_ITEM, Key};
use super::subvolume::Subvolume;
use crate::disk::bytes::{le32, le64};
use crate::fs::{FileKind, FsError};

/// The number of a directory that has nothing in it and is in no tree (`BTRFS_EMPTY_SUBVOL_DIR_OBJECTID`).
pub(super) const EMPTY: u64 = 2;

/// How files are named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    pub(super) subvolume: Subvolume,
    pub(super) inode: u64,
}

/// A file of any kind.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: Number,
    pub(super) kind: FileKind,
    /// Length of its content in bytes.
    pub(super) size: u64,
    /// Last modification in seconds since 1970.
    pub(super) modified: i64,
}

impl Inode {
    /// Looks up an inode.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when there is none or it makes no sense, and what reading says.
    pub(super) fn read(medium: &Medium, number: Number) -> Result<Inode, FsError> {
        if number.inode == EMPTY {
            return Ok(Inode {
                number,
                kind: FileKind::Directory,
                size: 0,
                modified: 0,
            });
        }
        let key = Key::new(number.inode, INODE_ITEM, 0);
        let inode = look_up(medium, number.subvolume.root, key, |content| {
            Some(Inode {
                number,
                kind: match le32(content, 52)? >> 12 & 0xf {
                    0o04 => FileKind::Directory,
                    0o10 => FileKind::File,
                    0o12 => FileKind::Symlink,
                    _ => FileKind::Other,
                },
                size: le64(content, 16).filter(|size| i64::try_from(*size).is_ok())?,
                modified: le64(content, 136)?.cast_signed(),
            })
        })?;
        inode.ok_or_else(|| damaged(number, "does not exist or makes no sense"))
    }

    /// Damage of this inode, in words.
    pub(super) fn damaged(&self, text: &str) -> FsError {
        damaged(self.number, text)
    }
}

fn damaged(number: Number, text: &str) -> FsError {
    let Number { subvolume, inode } = number;
    let subvolume = subvolume.number;
    FsError::Corrupt(format!("inode {inode} of subvolume {subvolume} {text}"))
}
