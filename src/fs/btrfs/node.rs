//! Nodes of trees: `struct btrfs_header`, `btrfs_item` and `btrfs_key_ptr` in
//! `include/uapi/linux/btrfs_tree.h` of Linux.

use std::rc::Rc;

use super::medium::Medium;
use crate::disk::bytes::{array, le32, le64};
use crate::fs::FsError;

/// Kinds of items (`BTRFS_INODE_ITEM_KEY` and so on).
pub(super) const INODE_ITEM: u8 = 1;
pub(super) const DIR_ITEM: u8 = 84;
pub(super) const DIR_INDEX: u8 = 96;
pub(super) const EXTENT_DATA: u8 = 108;
pub(super) const ROOT_ITEM: u8 = 132;
pub(super) const ROOT_REF: u8 = 156;
pub(super) const CHUNK_ITEM: u8 = 228;

/// Length of what is before the items, of an item without its content, and of a pointer.
const HEAD: usize = 101;
const ITEM: usize = 25;
const POINTER: usize = 33;

/// The highest level of a root (`BTRFS_MAX_LEVEL`).
const MAX_LEVEL: u8 = 7;

/// What items are found by, and ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// What the item belongs to.
    pub(super) object: u64,
    pub(super) kind: u8,
    pub(super) offset: u64,
}

impl Key {
    /// Its length on the disk.
    pub(super) const LENGTH: usize = 17;

    pub(super) fn new(object: u64, kind: u8, offset: u64) -> Key {
        Key {
            object,
            kind,
            offset,
        }
    }

    /// The key that `bytes` begin with.
    pub(super) fn parse(bytes: &[u8]) -> Option<Key> {
        Some(Key {
            object: le64(bytes, 0)?,
            kind: *bytes.get(8)?,
            offset: le64(bytes, 9)?,
        })
    }
}

/// Where a tree begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) address: u64,
    /// When it was written, which it has to say itself.
    pub(super) generation: u64,
    /// How many levels are below it.
    pub(super) level: u8,
}

/// One node, with items at the lowest level and pointers at the others.
pub(super) struct Node {
    bytes: Vec<u8>,
    length: usize,
    level: u8,
}

impl Node {
    /// Reads the node that `root` names, from whichever copy is whole. The last few are remembered.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when none is, and what reading says.
    pub(super) fn read(medium: &Medium, root: Root) -> Result<Rc<Node>, FsError> {
        if let Some(node) = medium.remembered(root) {
            // As if it were read: a tree whose nodes all lead to one child must end, too.
            medium.budget.spend(medium.superblock.node_size)?;
            return Ok(node);
        }
        let found = medium.chunks.find(root.address)?;
        let mut error = None;
        for place in found.places() {
            let mut bytes = vec![0; medium.superblock.node_size];
            let read = medium.metadata(place, &mut bytes);
            match read.and_then(|()| Node::parse(medium, bytes, root)) {
                Ok(node) => {
                    let node = Rc::new(node);
                    medium.remember(root, node.clone());
                    return Ok(node);
                }
                Err(other) => error = Some(other),
            }
        }
        Err(error.unwrap_or(FsError::NotFound))
    }

    fn parse(medium: &Medium, bytes: Vec<u8>, root: Root) -> Result<Node, FsError> {
        let superblock = &medium.superblock;
        let damaged = |text: &str| {
            let address = root.address;
            FsError::Corrupt(format!("the node at {address:#x} {text}"))
        };
        if !superblock.checksums.is_whole(&bytes) {
            return Err(damaged("has a wrong checksum"));
        }
        let long = |at| le64(&bytes, at).unwrap_or_default();
        let level = bytes.get(100).copied().unwrap_or_default();
        if array(&bytes, 32) != Some(superblock.uuid)
            || long(48) != root.address
            || long(80) != root.generation
            || level != root.level
            || level > MAX_LEVEL
        {
            return Err(damaged("is another one"));
        }
        let length = usize::try_from(le32(&bytes, 96).unwrap_or_default()).unwrap_or(usize::MAX);
        let entry = if level == 0 { ITEM } else { POINTER };
        let end = length
            .checked_mul(entry)
            .and_then(|end| end.checked_add(HEAD));
        if end.is_none_or(|end| end > bytes.len()) || level > 0 && length == 0 {
            return Err(damaged("has an impossible number of entries"));
        }
        Ok(Node {
            bytes,
            length,
            level,
        })
    }

    /// How many items or pointers it has.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// What an item says, at the lowest level.
    pub(super) fn item(&self, index: usize) -> Option<Item<'_>> {
        let entry = self.entry(index)?;
        let offset = usize::try_from(le32(entry, Key::LENGTH)?).ok()?;
        let length = usize::try_from(le32(entry, Key::LENGTH.saturating_add(4))?).ok()?;
        let content = self.bytes.get(HEAD.checked_add(offset)?..)?.get(..length)?;
        Some(Item {
            key: Key::parse(entry)?,
            content,
        })
    }

    /// Where a pointer leads; `None` at the lowest level.
    pub(super) fn child(&self, index: usize) -> Option<Root> {
        let level = self.level.checked_sub(1)?;
        let entry = self.entry(index)?;
        Some(Root {
            address: le64(entry, Key::LENGTH)?,
            generation: le64(entry, Key::LENGTH.saturating_add(8))?,
            level,
        })
    }

    /// How many entries have keys up to this one.
    pub(super) fn up_to(&self, key: Key) -> usize {
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low.midpoint(high);
            let here = self.entry(middle).and_then(Key::parse);
            match here.is_some_and(|here| here <= key) {
                true => low = middle.saturating_add(1),
                false => high = middle,
            }
        }
        low
    }

    fn entry(&self, index: usize) -> Option<&[u8]> {
        let length = if self.level == 0 { ITEM } else { POINTER };
        let index = (index < self.length).then_some(index)?;
        let start = index.checked_mul(length)?.checked_add(HEAD)?;
        self.bytes.get(start..)?.get(..length)
    }
}

/// What a tree has under a key.
pub(super) struct Item<'a> {
    pub(super) key: Key,
    pub(super) content: &'a [u8],
}
