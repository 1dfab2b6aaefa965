//! The volume below an XFS filesystem, and how much of it one request may read.

use super::superblock::Superblock;
use crate::disk::bytes::{array, be64, le32};
use crate::disk::{ReadAt, Source, Window};
use crate::fs::budget::Budget;
use crate::fs::crc32c::Checksum;
use crate::fs::{FsError, unreadable};

/// The bytes of the volume.
pub(super) struct Medium {
    source: Window,
    pub(super) superblock: Superblock,
    pub(super) budget: Budget,
}

/// Where a kind of metadata has its checksum, the UUID and the number of the inode that it belongs to.
pub(super) struct Seal {
    pub(super) checksum: usize,
    pub(super) uuid: usize,
    pub(super) owner: usize,
}

impl Medium {
    /// Reads the superblock.
    ///
    /// # Errors
    /// As [`Superblock::read`].
    pub(super) fn new(source: Source) -> Result<Medium, FsError> {
        let source = Window::new(source);
        Ok(Medium {
            superblock: Superblock::read(&source)?,
            source,
            budget: Budget::new(),
        })
    }

    /// Fills `buf` with content of files: what is read is what the caller asked for.
    ///
    /// # Errors
    /// The medium, or [`FsError::Corrupt`] behind its end.
    pub(super) fn data(&self, at: u64, buf: &mut [u8]) -> Result<(), FsError> {
        self.source.read_exact_at(at, buf).map_err(unreadable)
    }

    /// Fills `buf` with metadata.
    ///
    /// # Errors
    /// As [`Medium::data`] and [`Budget::spend`].
    pub(super) fn metadata(&self, at: u64, buf: &mut [u8]) -> Result<(), FsError> {
        self.budget.spend(buf.len())?;
        self.data(at, buf)
    }

    /// Is this metadata of the inode `owner` of this filesystem, and whole? Version 4 does not tell.
    pub(super) fn is_whole(&self, bytes: &[u8], seal: &Seal, owner: u64) -> bool {
        if !self.superblock.is_v5 {
            return true;
        }
        let sum = Checksum::START.and_around::<4>(bytes, seal.checksum);
        le32(bytes, seal.checksum) == Some(!sum.0)
            && array(bytes, seal.uuid) == Some(self.superblock.uuid)
            && be64(bytes, seal.owner) == Some(owner)
    }
}
