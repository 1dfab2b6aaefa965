//! What is in a file, wherever it is kept.

use super::inode::Inode;
use super::medium::Medium;
use super::{extents, table};
use crate::fs::FsError;
use crate::fs::blocks::{self, Found, Leaf};

/// An inode that is read from.
pub(super) struct Content<'a> {
    medium: &'a Medium,
    inode: Inode,
    inline: Option<Vec<u8>>,
    /// The part of the map that was used last.
    leaf: Leaf,
    /// How often another part was needed.
    loads: u32,
}

impl<'a> Content<'a> {
    /// Gets ready to read.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] when it is encrypted, [`FsError::Corrupt`] when inline data is missing.
    pub(super) fn new(medium: &'a Medium, inode: Inode) -> Result<Content<'a>, FsError> {
        inode.check_readable()?;
        Ok(Content {
            medium,
            inline: inode.inline()?,
            inode,
            leaf: Leaf::default(),
            loads: 0,
        })
    }

    /// Length in bytes.
    pub(super) fn size(&self) -> u64 {
        self.inode.size
    }

    /// What is kept in the inode itself, if the content is there.
    pub(super) fn inline(&self) -> Option<&[u8]> {
        self.inline.as_deref()
    }

    /// How often a part of the map was read.
    pub(super) fn loads(&self) -> u32 {
        self.loads
    }

    /// Where the block `logical` is.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] for a map that contradicts itself, and what reading says.
    pub(super) fn find(&mut self, logical: u64) -> Result<Found, FsError> {
        if let Some(found) = self.leaf.find(logical) {
            return Ok(found);
        }
        self.loads = self.loads.saturating_add(1);
        self.leaf = match self.inode.has_extents() {
            true => extents::leaf(self.medium, &self.inode, logical)?,
            false => table::leaf(self.medium, &self.inode, logical)?,
        };
        let found = self.leaf.find(logical);
        found.ok_or_else(|| self.inode.damaged("has a map without an end"))
    }

    /// Reads up to `buf.len()` bytes from `offset`; less only at the end of the file. Blocks in sequence
    /// are one read of the volume.
    ///
    /// # Errors
    /// What [`Content::find`] says, and the medium.
    pub(super) fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        let left = usize::try_from(self.inode.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buf.len());
        let buf = buf.get_mut(..wanted).unwrap_or_default();
        if let Some(inline) = &self.inline {
            let from = usize::try_from(offset).ok().and_then(|at| inline.get(at..));
            fill(buf, from.unwrap_or_default());
            return Ok(wanted);
        }
        let medium = self.medium;
        let block_size = medium.superblock.block_size;
        let read = |place, target: &mut [u8]| medium.data(place, target);
        blocks::read(block_size, offset, buf, &mut |at| self.find(at), &read)?;
        Ok(wanted)
    }
}

/// Copies `from`, and zeros behind it.
fn fill(target: &mut [u8], from: &[u8]) {
    let n = from.len().min(target.len());
    let (head, tail) = target.split_at_mut_checked(n).unwrap_or_default();
    head.copy_from_slice(from.get(..n).unwrap_or_default());
    tail.fill(0);
}
