//! A place in a tree.

use std::rc::Rc;

use super::medium::Medium;
use super::node::{Item, Key, Node, Root};
use crate::fs::FsError;

/// A place behind an item, or before the first.
pub(super) struct Cursor {
    /// The nodes on the way from the root, each with how many of its entries are not behind.
    way: Vec<(Rc<Node>, usize)>,
}

impl Cursor {
    /// Looks up `key`: behind the last item that has this key or a lower one.
    ///
    /// # Errors
    /// What [`Node::read`] says.
    pub(super) fn seek(medium: &Medium, root: Root, key: Key) -> Result<Cursor, FsError> {
        let mut way = Vec::new();
        let mut next = Some(root);
        // Each turn goes one level down.
        while let Some(root) = next {
            let node = Node::read(medium, root)?;
            let mut passed = node.up_to(key);
            if root.level > 0 {
                passed = passed.max(1);
            }
            next = passed.checked_sub(1).and_then(|index| node.child(index));
            way.push((node, passed));
        }
        Ok(Cursor { way })
    }

    /// The item that it is behind.
    pub(super) fn item(&self) -> Option<Item<'_>> {
        let (node, passed) = self.way.last()?;
        node.item(passed.checked_sub(1)?)
    }

    /// Goes on behind the next item; `false` at the end of the tree.
    ///
    /// # Errors
    /// What [`Node::read`] says.
    pub(super) fn advance(&mut self, medium: &Medium) -> Result<bool, FsError> {
        let mut way_down = None;
        while let Some((node, passed)) = self.way.last_mut() {
            let index = *passed;
            if index < node.length() {
                *passed = index.saturating_add(1);
                way_down = node.child(index);
                break;
            }
            self.way.pop();
        }
        if self.way.is_empty() {
            return Ok(false);
        }
        while let Some(root) = way_down {
            let node = Node::read(medium, root)?;
            if node.length() == 0 {
                return Err(FsError::Corrupt(format!(
                    "the node at {:#x} is empty",
                    root.address
                )));
            }
            way_down = node.child(0);
            self.way.push((node, 1));
        }
        Ok(true)
    }
}

/// What the tree has under this key, handed to `read`; `None` when it has nothing.
///
/// # Errors
/// What [`Cursor::seek`] says.
pub(super) fn look_up<T>(
    medium: &Medium,
    root: Root,
    key: Key,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, FsError> {
    let cursor = Cursor::seek(medium, root, key)?;
    let item = cursor.item().filter(|item| item.key == key);
    Ok(item.and_then(|item| read(item.content)))
}
