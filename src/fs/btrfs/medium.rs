//! The device below a Btrfs filesystem, and how much of it one request may read.

use std::cell::RefCell;
use std::rc::Rc;

use super::chunks::Chunks;
use super::cursor::Cursor;
use super::node::{CHUNK_ITEM, Key, Node, Root};
use super::superblock::Superblock;
use crate::disk::{ReadAt, Source, Window};
use crate::fs::budget::Budget;
use crate::fs::{FsError, unreadable};

/// What all chunks belong to (`BTRFS_FIRST_CHUNK_TREE_OBJECTID`).
const CHUNK_TREE: u64 = 256;

/// The bytes of the device, and where addresses are on it.
pub(super) struct Medium {
    source: Window,
    pub(super) superblock: Superblock,
    pub(super) chunks: Chunks,
    pub(super) budget: Budget,
    nodes: Nodes,
}

/// The nodes that were used last, the newest at the end.
type Nodes = RefCell<Vec<(Root, Rc<Node>)>>;

/// How many nodes are remembered: the upper levels of the trees that are in use.
const REMEMBERED: usize = 16;

impl Medium {
    /// Reads the superblock and all chunks.
    ///
    /// # Errors
    /// As [`Superblock::read`], [`Chunks::add`] and reading.
    pub(super) fn new(source: Source) -> Result<Medium, FsError> {
        let source = Window::new(source);
        let superblock = Superblock::read(&source)?;
        let device = superblock.device;
        let mut medium = Medium {
            chunks: Chunks::of_superblock(&superblock.system_chunks, device)?,
            source,
            superblock,
            budget: Budget::new(),
            nodes: RefCell::default(),
        };
        let mut chunks = Chunks::of_superblock(&medium.superblock.system_chunks, device)?;
        let first = Key::new(CHUNK_TREE, CHUNK_ITEM, 0);
        let mut cursor = Cursor::seek(&medium, medium.superblock.chunks, first)?;
        while cursor.advance(&medium)? {
            let Some(item) = cursor.item() else { break };
            if (item.key.object, item.key.kind) != (CHUNK_TREE, CHUNK_ITEM) {
                break;
            }
            chunks.add(item.key.offset, item.content, device)?;
        }
        medium.chunks = chunks;
        Ok(medium)
    }

    /// A node that was read before.
    pub(super) fn remembered(&self, root: Root) -> Option<Rc<Node>> {
        let mut nodes = self.nodes.borrow_mut();
        let at = nodes.iter().position(|(known, _)| *known == root)?;
        nodes.get_mut(at..)?.rotate_left(1);
        nodes.last().map(|(_, node)| node.clone())
    }

    /// Keeps a node for the next time, and forgets the one that was not used for longest.
    pub(super) fn remember(&self, root: Root, node: Rc<Node>) {
        let mut nodes = self.nodes.borrow_mut();
        if nodes.len() >= REMEMBERED {
            nodes.remove(0);
        }
        nodes.push((root, node));
    }

    /// Fills `buf` with metadata, from a place on the device.
    ///
    /// # Errors
    /// The medium, or [`FsError::Corrupt`] behind its end, and as [`Budget::spend`].
    pub(super) fn metadata(&self, at: u64, buf: &mut [u8]) -> Result<(), FsError> {
        self.budget.spend(buf.len())?;
        self.read(at, buf)
    }

    /// Fills `buf` with content of files, from an address on, and from whichever copy can be read.
    ///
    /// # Errors
    /// As [`Chunks::find`] and the medium.
    pub(super) fn data(&self, address: u64, buf: &mut [u8]) -> Result<(), FsError> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let found = self.chunks.find(address.saturating_add(done as u64))?;
            let n = usize::try_from(found.length).map_or(rest.len(), |n| n.min(rest.len()));
            let part = rest.get_mut(..n).unwrap_or_default();
            let mut result = Ok(());
            for place in found.places() {
                result = self.read(place, part);
                if result.is_ok() {
                    break;
                }
            }
            result?;
            done = done.saturating_add(n);
        }
        Ok(())
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> Result<(), FsError> {
        self.source.read_exact_at(at, buf).map_err(unreadable)
    }
}
