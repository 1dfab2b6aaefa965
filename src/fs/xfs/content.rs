//! What is in a file, wherever it is kept.

use super::extents;
use super::inode::{Format, Inode};
use super::medium::Medium;
use crate::fs::FsError;
use crate::fs::blocks::{self, Found, Leaf};

/// An inode that is read from.
pub(super) struct Content<'a> {
    medium: &'a Medium,
    pub(super) inode: Inode,
    /// The part of the map that was used last.
    leaf: Leaf,
}

impl<'a> Content<'a> {
    /// Gets ready to read.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] when it is on a real-time device, [`FsError::Corrupt`] when a file is kept
    /// in a way that there is not.
    pub(super) fn new(medium: &'a Medium, inode: Inode) -> Result<Content<'a>, FsError> {
        inode.check_readable()?;
        if !matches!(inode.format, Format::Extents | Format::Tree) {
            return Err(inode.damaged("is kept in a way that there is not"));
        }
        Ok(Content {
            medium,
            inode,
            leaf: Leaf::default(),
        })
    }

    /// Where the block `logical` is.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] for a map that contradicts itself, and what reading says.
    pub(super) fn find(&mut self, logical: u64) -> Result<Found, FsError> {
        if let Some(found) = self.leaf.find(logical) {
            return Ok(found);
        }
        self.leaf = extents::leaf(self.medium, &self.inode, logical)?;
        let found = self.leaf.find(logical);
        found.ok_or_else(|| self.inode.damaged("has a map without an end"))
    }

    /// Reads up to `buf.len()` bytes from `offset`; less only at the end of the file.
    ///
    /// # Errors
    /// What [`Content::find`] says, and the medium.
    pub(super) fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        let left = usize::try_from(self.inode.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buf.len());
        let buf = buf.get_mut(..wanted).unwrap_or_default();
        self.fill(offset, buf, Medium::data)?;
        Ok(wanted)
    }

    /// Fills `buf` with metadata that is kept in blocks as content of files is.
    ///
    /// # Errors
    /// What [`Content::find`] and [`Medium::metadata`] say.
    pub(super) fn metadata(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), FsError> {
        self.fill(offset, buf, Medium::metadata)
    }

    fn fill(
        &mut self,
        offset: u64,
        buf: &mut [u8],
        read: fn(&Medium, u64, &mut [u8]) -> Result<(), FsError>,
    ) -> Result<(), FsError> {
        let medium = self.medium;
        let block_size = medium.superblock.block_size;
        let read = |place, target: &mut [u8]| read(medium, place, target);
        blocks::read(block_size, offset, buf, &mut |at| self.find(at), &read)
    }
}
