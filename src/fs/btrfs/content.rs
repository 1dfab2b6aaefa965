//! What is in a file.

use super::cursor::Cursor;
use super::extent::Extent;
use super::inode::Inode;
use super::medium::Medium;
use super::node::{EXTENT_DATA, Key};
use crate::fs::FsError;

/// An inode that is read from.
pub(super) struct Content<'a> {
    medium: &'a Medium,
    pub(super) inode: Inode,
    /// The part that was used last, and the place of its item.
    extent: Option<Extent>,
    cursor: Option<Cursor>,
}

impl<'a> Content<'a> {
    /// Gets ready to read.
    pub(super) fn new(medium: &'a Medium, inode: Inode) -> Content<'a> {
        Content {
            medium,
            inode,
            extent: None,
            cursor: None,
        }
    }

    /// Reads up to `buf.len()` bytes from `offset`; less only at the end of the file.
    ///
    /// # Errors
    /// What [`Extent::parse`] and [`Extent::read`] say.
    pub(super) fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        let left = usize::try_from(self.inode.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buf.len());
        let buf = buf.get_mut(..wanted).unwrap_or_default();
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(done as u64);
            let mut extent = match self.extent.take().filter(|extent| extent.contains(at)) {
                Some(extent) => extent,
                None => self.find(at)?,
            };
            let available = extent.end.saturating_sub(at);
            let n = usize::try_from(available).map_or(rest.len(), |n| n.min(rest.len()));
            let part = rest.get_mut(..n).unwrap_or_default();
            extent.read(self.medium, &self.inode, at, part)?;
            self.extent = Some(extent);
            done = done.saturating_add(n);
        }
        Ok(wanted)
    }

    /// The part with the byte `at`: that of the next item, as a rule.
    fn find(&mut self, at: u64) -> Result<Extent, FsError> {
        if let Some(mut cursor) = self.cursor.take()
            && cursor.advance(self.medium)?
        {
            let extent = self.extent(&cursor)?;
            self.cursor = Some(cursor);
            if let Some(extent) = extent.filter(|extent| extent.contains(at)) {
                return Ok(extent);
            }
        }
        let key = Key::new(self.inode.number.inode, EXTENT_DATA, at);
        let root = self.inode.number.subvolume.root;
        let mut cursor = Cursor::seek(self.medium, root, key)?;
        let found = self.extent(&cursor)?;
        if let Some(extent) = found.filter(|extent| extent.contains(at)) {
            self.cursor = Some(cursor);
            return Ok(extent);
        }
        // There is no item for a hole: it reaches up to the next one.
        let mut end = u64::MAX;
        if cursor.advance(self.medium)?
            && let Some(item) = cursor.item().filter(|item| self.is_own(item.key))
        {
            end = item.key.offset;
        }
        if end <= at {
            return Err(self.inode.damaged("has parts that are not in order"));
        }
        Ok(Extent::hole(at, end))
    }

    /// The part that the item at `cursor` tells of, if it is one of this file.
    fn extent(&self, cursor: &Cursor) -> Result<Option<Extent>, FsError> {
        let item = cursor.item().filter(|item| self.is_own(item.key));
        item.map(|item| Extent::parse(self.medium, &self.inode, &item))
            .transpose()
    }

    fn is_own(&self, key: Key) -> bool {
        (key.object, key.kind) == (self.inode.number.inode, EXTENT_DATA)
    }
}
