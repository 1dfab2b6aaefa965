//! The log of a journal, from its oldest transaction on (`do_one_pass` in `fs/jbd2/recovery.c`).

use std::collections::BTreeMap;

use super::head::{CHECKSUM_V3, Head};
use super::records::{Tag, revoked, tags};
use super::replay::{Newest, Replay};
use super::{MAGIC, be32, damaged, too_long};
use crate::disk::bytes::{array, le16, le32};
use crate::fs::FsError;
use crate::fs::ext::content::Content;
use crate::fs::ext::medium::Medium;

/// Types of blocks.
const DESCRIPTOR: u32 = 1;
const COMMIT: u32 = 2;
const REVOKE: u32 = 5;

/// Where a commit has its checksum, and its time in seconds.
const COMMIT_CHECKSUM: usize = 16;
const COMMIT_TIME: usize = 48;

/// What fast commits begin with (`EXT4_FC_TAG_HEAD`), in little-endian numbers.
const FAST_HEAD: u16 = 9;

/// Blocks that a log may name: 4 GiB of changes in blocks of 4 KiB, and less than 100 MiB of memory.
const MAX_RECORDS: usize = 1_000_000;

/// How often reading may go on at another place of the volume, and what is another place: farther away
/// than this in blocks. A journal lies in a few pieces; one in thousands is made to take long.
const MAX_JUMPS: u32 = 10_000;
const FAR: u64 = 1024;

/// A log that is read.
pub(super) struct Log<'a> {
    medium: &'a Medium,
    content: Content<'a>,
    head: Head,
    /// Contents of blocks, in the order in which they were written.
    writes: Vec<Write>,
    /// Blocks whose content no longer counts, and the transaction that says so.
    revoked: Vec<(u64, u32)>,
    /// The block of the volume that was read last.
    last: u64,
    jumps: u32,
}

struct Write {
    /// Counted from the oldest.
    transaction: u32,
    tag: Tag,
    /// The block of the journal that holds the content.
    at: u32,
}

impl<'a> Log<'a> {
    pub(super) fn new(medium: &'a Medium, content: Content<'a>, head: Head) -> Log<'a> {
        Log {
            medium,
            content,
            head,
            writes: Vec::new(),
            revoked: Vec::new(),
            last: 0,
            jumps: 0,
        }
    }

    /// All transactions that were committed, in order: of two contents of a block the later counts, and
    /// none that a transaction of the same time or later revoked.
    pub(super) fn replay(mut self) -> Result<Replay, FsError> {
        let next = self.scan()?;
        if self.has_fast_commits(next)? {
            return Err(FsError::Unsupported(
                "a journal with fast commits".to_owned(),
            ));
        }
        let mut revoked: BTreeMap<u64, u32> = BTreeMap::new();
        // In order, so that the latest stays.
        revoked.extend(std::mem::take(&mut self.revoked));
        let mut moved = BTreeMap::new();
        for write in std::mem::take(&mut self.writes) {
            let by = revoked.get(&write.tag.block);
            if by.is_some_and(|by| *by >= write.transaction) {
                continue;
            }
            if self.head.has_checksums() && !self.is_content(&write)? {
                return Err(damaged("has a block with a wrong checksum"));
            }
            let newest = Newest {
                block: self.place(write.at)?,
                escaped: write.tag.is_escaped(),
            };
            moved.insert(write.tag.block, newest);
        }
        Ok(Replay::new(self.medium.superblock.block_size, moved))
    }

    /// Goes through the log to its end, and says which number the next transaction would have.
    fn scan(&mut self) -> Result<u32, FsError> {
        let mut sequence = self.head.sequence;
        let mut transaction = 0_u32;
        let (mut committed_writes, mut committed_revoked) = (0, 0);
        let mut doubtful = false;
        let mut last_time = 0;
        let mut at = self.head.start;
        // Every step goes forward by one block, and a ring is not gone round twice.
        let mut left = self.head.end.saturating_sub(self.head.first);
        while let Some(rest) = left.checked_sub(1) {
            left = rest;
            let block = self.block(at)?;
            if be32(&block, 0) != MAGIC || be32(&block, 8) != sequence {
                break;
            }
            at = self.after(at);
            let kind = be32(&block, 4);
            // With a wrong checksum it is damaged, or left from earlier times: its commit tells.
            doubtful |= !self.is_whole(kind, &block);
            match kind {
                DESCRIPTOR => {
                    let tags = tags(self.head.features, &block);
                    // One block of content for each.
                    let count = u32::try_from(tags.len()).unwrap_or(u32::MAX);
                    let Some(rest) = left.checked_sub(count) else {
                        break;
                    };
                    left = rest;
                    for tag in tags {
                        self.writes.push(Write {
                            transaction,
                            tag,
                            at,
                        });
                        at = self.after(at);
                    }
                }
                REVOKE => {
                    let blocks = revoked(self.head.features, &block).into_iter();
                    self.revoked
                        .extend(blocks.map(|block| (block, transaction)));
                }
                COMMIT => {
                    let time = array(&block, COMMIT_TIME).map(u64::from_be_bytes);
                    let time = time.unwrap_or_default();
                    // What was left by an older log has an older time. Everything else was committed,
                    // and is damaged.
                    match doubtful {
                        true if time >= last_time => {
                            return Err(damaged(&format!(
                                "has a wrong checksum in transaction {sequence}"
                            )));
                        }
                        true => break,
                        false => {}
                    }
                    last_time = time;
                    sequence = sequence.wrapping_add(1);
                    transaction = transaction.saturating_add(1);
                    (committed_writes, committed_revoked) = (self.writes.len(), self.revoked.len());
                }
                _ => break,
            }
            if self.writes.len().saturating_add(self.revoked.len()) > MAX_RECORDS {
                return Err(too_long());
            }
        }
        // What follows the last commit never happened.
        self.writes.truncate(committed_writes);
        self.revoked.truncate(committed_revoked);
        Ok(sequence)
    }

    /// Is the checksum of a block right?
    fn is_whole(&self, kind: u32, block: &[u8]) -> bool {
        let at = match kind {
            COMMIT => COMMIT_CHECKSUM,
            _ => block.len().saturating_sub(4),
        };
        let sum = self.head.seed.and_around::<4>(block, at);
        !self.head.has_checksums() || sum.0 == be32(block, at)
    }

    /// Is the content of a block in the journal what its tag says?
    fn is_content(&mut self, write: &Write) -> Result<bool, FsError> {
        let content = self.block(write.at)?;
        let sequence = self.head.sequence.wrapping_add(write.transaction);
        let sum = self.head.seed.and(&sequence.to_be_bytes()).and(&content);
        Ok(match self.head.features & CHECKSUM_V3 {
            0 => write.tag.checksum == sum.0 & 0xffff,
            _ => write.tag.checksum == sum.0,
        })
    }

    /// Do fast commits follow the last transaction?
    fn has_fast_commits(&mut self, sequence: u32) -> Result<bool, FsError> {
        let Some(at) = self.head.fast_commits else {
            return Ok(false);
        };
        let block = self.block(at)?;
        // Tag, length, features, and the transaction that they follow.
        Ok(le16(&block, 0) == Some(FAST_HEAD) && le32(&block, 8) == Some(sequence))
    }

    /// The log is a ring.
    fn after(&self, at: u32) -> u32 {
        match at.saturating_add(1) {
            next if next < self.head.end => next,
            _ => self.head.first,
        }
    }

    /// The block of the volume that is block `at` of the journal.
    fn place(&mut self, at: u32) -> Result<u64, FsError> {
        let found = self.content.find(at.into())?;
        found.physical.ok_or_else(|| damaged("has a hole"))
    }

    fn block(&mut self, at: u32) -> Result<Vec<u8>, FsError> {
        let place = self.place(at)?;
        if place.abs_diff(self.last) > FAR {
            self.jumps = self.jumps.saturating_add(1);
        }
        // Another part of the map lies at another place, too.
        if self.jumps.saturating_add(self.content.loads()) > MAX_JUMPS {
            return Err(too_long());
        }
        self.last = place;
        self.medium.block(place)
    }
}
