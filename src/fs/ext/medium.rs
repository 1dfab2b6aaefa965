//! The volume below an ext filesystem, and how much of it one request may read.

use std::ops::Range;

use super::backup;
use super::journal::Replay;
use super::superblock::{LENGTH, PLACE, Superblock};
use crate::disk::{ReadAt, Source, Window};
use crate::fs::budget::Budget;
use crate::fs::{FsError, unreadable};

/// The volume as the kernel would see it after its recovery.
pub(super) struct Medium {
    source: Window,
    pub(super) superblock: Superblock,
    /// What is wrong with the first superblock, where a copy of it is in its place.
    pub(super) problem: Option<String>,
    replay: Replay,
    /// What the request may still read of the metadata.
    pub(super) budget: Budget,
}

impl Medium {
    /// Reads the superblock, or a copy of it.
    ///
    /// # Errors
    /// As [`Superblock::parse`].
    pub(super) fn new(source: Source) -> Result<Medium, FsError> {
        let source = Window::new(source);
        let mut first = [0; LENGTH];
        source
            .read_exact_at(PLACE, &mut first)
            .map_err(unreadable)?;
        let (superblock, problem) = match Superblock::parse(&first, source.size()) {
            Err(FsError::Corrupt(why)) => match backup::find(&source, &first) {
                Some((group, copy)) => {
                    let text = format!("{why}: its copy in group {group} was read; run e2fsck");
                    (copy, Some(text))
                }
                None => return Err(FsError::Corrupt(why)),
            },
            superblock => (superblock?, None),
        };
        Ok(Medium {
            superblock,
            problem,
            source,
            replay: Replay::default(),
            budget: Budget::new(),
        })
    }

    /// From now on reads as if the journal had been written back, which may hold a newer superblock.
    ///
    /// # Errors
    /// As [`Superblock::parse`].
    pub(super) fn apply(&mut self, replay: Replay) -> Result<(), FsError> {
        self.replay = replay;
        let mut newest = [0; LENGTH];
        self.data(PLACE, &mut newest)?;
        match Superblock::parse(&newest, self.size()) {
            Ok(newest) => {
                self.superblock = newest;
                Ok(())
            }
            // It was damaged before, and is not in the journal.
            Err(FsError::Corrupt(_)) if self.problem.is_some() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Length of the volume in bytes.
    fn size(&self) -> u64 {
        self.source.size()
    }

    /// Fills `buf` with content of files: what is read is what the caller asked for.
    ///
    /// # Errors
    /// The medium, or [`FsError::Corrupt`] behind its end.
    pub(super) fn data(&self, at: u64, buf: &mut [u8]) -> Result<(), FsError> {
        let read = self.replay.read_exact_at(&self.source, at, buf);
        read.map_err(unreadable)
    }

    /// Fills `buf` with metadata.
    ///
    /// # Errors
    /// As [`Medium::data`] and [`Budget::spend`].
    pub(super) fn metadata(&self, at: u64, buf: &mut [u8]) -> Result<(), FsError> {
        self.budget.spend(buf.len())?;
        self.data(at, buf)
    }

    /// A block of metadata.
    ///
    /// # Errors
    /// As [`Medium::metadata`], and for a block that there is not.
    pub(super) fn block(&self, number: u64) -> Result<Vec<u8>, FsError> {
        let at = self.place(number, 1)?;
        let length = usize::try_from(self.superblock.block_size).unwrap_or_default();
        let mut block = vec![0; length];
        self.metadata(at, &mut block)?;
        Ok(block)
    }

    /// Is the newest content of some of these blocks in the journal? Then what is written in their place
    /// is overwritten when the kernel recovers the filesystem.
    pub(super) fn is_in_journal(&self, blocks: Range<u64>) -> bool {
        self.replay.has(blocks)
    }

    /// Where `count` blocks from `number` on begin, in bytes. Block 0 is never anybody's.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when not all of them are there.
    pub(super) fn place(&self, number: u64, count: u64) -> Result<u64, FsError> {
        let end = number.checked_add(count);
        if number == 0 || end.is_none_or(|end| end > self.superblock.blocks) {
            return Err(FsError::Corrupt(format!(
                "a map leads to block {number}, which is none of the {} that there are",
                self.superblock.blocks
            )));
        }
        // The superblock was checked: all blocks fit the volume.
        Ok(number.saturating_mul(self.superblock.block_size))
    }
}
