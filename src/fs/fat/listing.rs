//! [`Listing`]: what is in the directory that was listed last.
//!
//! The crate goes through a directory from its beginning for each file, by reads of a few bytes: whoever lists a
//! thousand entries and opens each of them would wait for half a million.

use std::collections::BTreeMap;

use super::super::{FsPath, Metadata};
use super::upper_case;

/// A longer file is read by the crate, which keeps no list of its pieces.
pub(super) const MAX_SMALL: u64 = 1024 * 1024;

/// Length of one record of a directory (Microsoft's FAT specification, section 6).
pub(super) const RECORD: usize = 32;

/// The bits of a place inside of a record: records begin at multiples of their length.
pub(super) const INSIDE: u64 = 31;

/// A directory with all that is in it.
pub(super) struct Listing {
    directory: FsPath,
    items: BTreeMap<String, Item>,
}

/// Something in a directory.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) metadata: Metadata,
    /// Where on the volume its record begins that has its length and its first cluster, in bytes.
    pub(super) record: u64,
}

impl Listing {
    /// Nothing is in it yet.
    pub(super) fn new(directory: &FsPath) -> Listing {
        Listing {
            directory: directory.clone(),
            items: BTreeMap::new(),
        }
    }

    /// Adds an item with both of its names. What came before it has a name for itself.
    pub(super) fn add(&mut self, names: [String; 2], item: Item) {
        for name in names {
            let name = upper_case(&name).collect();
            self.items.entry(name).or_insert(item);
        }
    }

    /// Does it lack what `path` begins with, which is to be asked of a root directory?
    pub(super) fn lacks(&self, path: &FsPath) -> bool {
        let first = path.components().next();
        first.is_some_and(|first| {
            !self
                .items
                .contains_key(&upper_case(first).collect::<String>())
        })
    }

    /// What `path` leads to, where it is in this directory: `Some(None)` when there is nothing.
    pub(super) fn find(&self, path: &FsPath) -> Option<Option<Item>> {
        if path.parent()? != self.directory {
            return None;
        }
        let name: String = upper_case(path.file_name()).collect();
        Some(self.items.get(&name).copied())
    }
}
