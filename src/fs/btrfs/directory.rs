//! Directories: `struct btrfs_dir_item` in `include/uapi/linux/btrfs_tree.h` of Linux.
//!
//! A directory has each name twice: by its hash, to find it, and by a number that grows, to list all.

use super::cursor::{Cursor, look_up};
use super::inode::{EMPTY, Inode, Number};
use super::medium::Medium;
use super::node::{DIR_INDEX, DIR_ITEM, INODE_ITEM, Key, ROOT_ITEM};
use super::subvolume::Subvolume;
use crate::disk::bytes::le16;
use crate::fs::crc32c::Checksum;
use crate::fs::{DirEntry, FileKind, FsError, MAX_DIRECTORY_ENTRIES};

/// Length of an entry without its name.
const HEAD: usize = 30;

/// No name is longer (`BTRFS_NAME_LEN`).
const MAX_NAME: usize = 255;

/// One name.
struct Entry<'a> {
    location: Key,
    kind: u8,
    name: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The entry that `bytes` begin with, and what is behind it.
    fn parse(bytes: &'a [u8]) -> Option<(Entry<'a>, &'a [u8])> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let (name, rest) = rest.split_at_checked(le16(head, 27)?.into())?;
        let rest = rest.get(usize::from(le16(head, 25)?)..)?;
        let entry = Entry {
            location: Key::parse(head)?,
            kind: *head.get(29)?,
            name,
        };
        Some((entry, rest))
    }
}

/// What a name is found by.
pub(super) fn hash(name: &[u8]) -> u64 {
    Checksum(!1).and(name).0.into()
}

/// What `name` stands for.
///
/// # Errors
/// [`FsError::Corrupt`] for what is neither a file nor a subvolume, and what reading says.
pub(super) fn find(
    medium: &Medium,
    directory: &Inode,
    name: &[u8],
) -> Result<Option<Number>, FsError> {
    let Number { subvolume, inode } = directory.number;
    if name.len() > MAX_NAME || inode == EMPTY {
        return Ok(None);
    }
    let key = Key::new(inode, DIR_ITEM, hash(name));
    let location = look_up(medium, subvolume.root, key, |content| {
        let mut rest = content;
        // Names with the same hash follow each other, and each is a part of what is left.
        while let Some((entry, after)) = Entry::parse(rest) {
            if entry.name == name {
                return Some(entry.location);
            }
            rest = after;
        }
        None
    })?;
    let Some(location) = location else {
        return Ok(None);
    };
    let number = match location.kind {
        INODE_ITEM => Number {
            subvolume,
            inode: location.object,
        },
        ROOT_ITEM if subvolume.holds(medium, location.object, inode, name)? => {
            let subvolume = Subvolume::read(medium, location.object)?;
            Number {
                subvolume,
                inode: subvolume.directory,
            }
        }
        ROOT_ITEM => Number {
            subvolume,
            inode: EMPTY,
        },
        _ => return Err(directory.damaged("has an entry that leads nowhere")),
    };
    Ok(Some(number))
}

/// All entries, in any order.
///
/// # Errors
/// [`FsError::Corrupt`] for entries that don't fit their place, [`FsError::TooLarge`] above
/// [`MAX_DIRECTORY_ENTRIES`], and what reading says.
pub(super) fn list(medium: &Medium, directory: &Inode) -> Result<Vec<DirEntry>, FsError> {
    let mut list = Vec::new();
    let Number { subvolume, inode } = directory.number;
    if inode == EMPTY {
        return Ok(list);
    }
    let before = Key::new(inode, DIR_INDEX, 0);
    let mut cursor = Cursor::seek(medium, subvolume.root, before)?;
    let mut left = MAX_DIRECTORY_ENTRIES;
    while cursor.advance(medium)? {
        let Some(item) = cursor.item() else { break };
        if (item.key.object, item.key.kind) != (inode, DIR_INDEX) {
            break;
        }
        let (entry, _) = Entry::parse(item.content)
            .ok_or_else(|| directory.damaged("has entries that do not fit their place"))?;
        left = left.checked_sub(1).ok_or_else(|| {
            FsError::TooLarge(format!(
                "a directory with over {MAX_DIRECTORY_ENTRIES} entries"
            ))
        })?;
        let name = std::str::from_utf8(entry.name).ok();
        // No path can lead to a name with a slash in it, which only damage writes.
        let usable = |name: &&str| !matches!(*name, "" | "." | "..") && !name.contains(['/', '\0']);
        if let Some(name) = name.filter(usable) {
            list.push(DirEntry {
                name: name.to_owned(),
                kind: match entry.kind {
                    1 => FileKind::File,
                    2 => FileKind::Directory,
                    7 => FileKind::Symlink,
                    _ => FileKind::Other,
                },
            });
        }
    }
    Ok(list)
}
