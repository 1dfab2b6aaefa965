//! Subvolumes: trees of files that other trees name in the place of a directory.

use super::cursor::{Cursor, look_up};
use super::directory::hash;
use super::medium::Medium;
use super::node::{DIR_ITEM, Key, ROOT_ITEM, ROOT_REF, Root};
use crate::disk::bytes::{le16, le64};
use crate::fs::FsError;

/// The subvolume that holds all others (`BTRFS_FS_TREE_OBJECTID`).
pub(super) const TOP: u64 = 5;

/// Where the tree of trees says which subvolume is mounted when nobody says which
/// (`BTRFS_ROOT_TREE_DIR_OBJECTID`).
const SETTINGS: u64 = 6;

/// A subvolume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subvolume {
    pub(super) number: u64,
    pub(super) root: Root,
    /// The inode of its root directory.
    pub(super) directory: u64,
}

impl Subvolume {
    /// Looks it up by its number.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when there is none, and what reading says.
    pub(super) fn read(medium: &Medium, number: u64) -> Result<Subvolume, FsError> {
        // Snapshots have when they were made as their offset, others 0.
        let key = Key::new(number, ROOT_ITEM, u64::MAX);
        let cursor = Cursor::seek(medium, medium.superblock.root, key)?;
        let item = cursor
            .item()
            .filter(|item| (item.key.object, item.key.kind) == (number, ROOT_ITEM));
        let subvolume = item.and_then(|item| {
            Some(Subvolume {
                number,
                root: Root {
                    address: le64(item.content, 176)?,
                    generation: le64(item.content, 160)?,
                    level: *item.content.get(238)?,
                },
                directory: le64(item.content, 168)?,
            })
        });
        subvolume.ok_or_else(|| FsError::Corrupt(format!("there is no subvolume {number}")))
    }

    /// The one that is mounted when nobody says which, if it is not the top.
    ///
    /// # Errors
    /// As [`Subvolume::read`].
    pub(super) fn default(medium: &Medium) -> Result<Option<Subvolume>, FsError> {
        let key = Key::new(SETTINGS, DIR_ITEM, hash(b"default"));
        let number = look_up(medium, medium.superblock.root, key, |content| {
            Key::parse(content).map(|location| location.object)
        })?;
        match number.filter(|number| *number != TOP) {
            Some(number) => Subvolume::read(medium, number).map(Some),
            None => Ok(None),
        }
    }

    /// Is it here that a directory has the subvolume `number` under this name? A snapshot of what holds
    /// subvolumes has their names, but nothing behind them.
    ///
    /// # Errors
    /// What reading says.
    pub(super) fn holds(
        &self,
        medium: &Medium,
        number: u64,
        directory: u64,
        name: &[u8],
    ) -> Result<bool, FsError> {
        let key = Key::new(self.number, ROOT_REF, number);
        let is_here = look_up(medium, medium.superblock.root, key, |content| {
            let length = usize::from(le16(content, 16)?);
            let own = content.get(18..)?.get(..length)?;
            Some(le64(content, 0)? == directory && own == name)
        })?;
        Ok(is_here.unwrap_or(false))
    }
}
