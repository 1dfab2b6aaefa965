//! The journal of ext3 and ext4 (`Documentation/filesystems/ext4/journal.rst` and `fs/jbd2/recovery.c`
//! of Linux), replayed in memory.
//!
//! The crate does this too, for the journals of new filesystems only and without escaped blocks. Here
//! every kind is read, of ext3 as of ext4: the result tells for each block where its newest content is.

use std::collections::BTreeMap;
use std::io;

use crc::{CRC_32_ISCSI, Crc, Digest, Table};

use super::blocks::Blocks;
use super::superblock::{RECOVER, Superblock};
use crate::disk::ReadAt;
use crate::fs::FsError;

const MAGIC: u32 = 0xc03b_3998;

/// Types of blocks.
const DESCRIPTOR: u32 = 1;
const COMMIT: u32 = 2;
const SUPERBLOCK_V1: u32 = 3;
const SUPERBLOCK_V2: u32 = 4;
const REVOKE: u32 = 5;

/// Features (`s_feature_incompat` of the journal).
const HAS_REVOKE: u32 = 0x1;
const IS_64BIT: u32 = 0x2;
const CHECKSUM_V2: u32 = 0x8;
const CHECKSUM_V3: u32 = 0x10;

/// `s_checksum_type`: CRC-32C, the only one that there is.
const CRC32C: u8 = 4;

/// Where a commit has its checksum.
const COMMIT_CHECKSUM: usize = 16;

/// Without `ASYNC_COMMIT` a commit is written when everything before it is on the disk: checksums only
/// find damage. With it they decide what counts.
const KNOWN: u32 = HAS_REVOKE | IS_64BIT | CHECKSUM_V2 | CHECKSUM_V3;

/// Flags of a tag: the first four bytes of the block were the magic number; no UUID follows; no tag
/// follows.
const ESCAPED: u32 = 1;
const SAME_UUID: u32 = 2;
const LAST: u32 = 8;

/// Length of what every block of the journal begins with.
const HEADER: usize = 12;

/// The newest content of blocks that the kernel would write back.
#[derive(Default)]
pub(super) struct Replay {
    block_size: u64,
    /// For each block, the block of the volume that has its content.
    moved: BTreeMap<u64, Newest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Newest {
    block: u64,
    escaped: bool,
}

/// Looks at the journal; what has to be written back is in the result.
///
/// # Errors
/// [`FsError::Unsupported`] for features that nobody but the kernel knows, [`FsError::Corrupt`] for a
/// journal that can't be.
pub(super) fn recover(source: &dyn ReadAt, superblock: &Superblock) -> Result<Replay, FsError> {
    if superblock.incompat() & RECOVER == 0 {
        return Ok(Replay::default());
    }
    let Some(block_size) = superblock.block_size() else {
        return Err(damaged("the size of a block makes no sense"));
    };
    let blocks = Blocks::of_inode(source, superblock, superblock.journal_inode());
    let mut journal = Journal {
        source,
        block_size,
        blocks: blocks.map_err(unreadable)?,
        first: 0,
        length: 0,
        features: 0,
        seed: [0; 16],
    };
    let head = journal.block(0)?;
    let kind = be32(&head, 4);
    if be32(&head, 0) != MAGIC || !matches!(kind, SUPERBLOCK_V1 | SUPERBLOCK_V2) {
        return Err(damaged("its journal has no superblock"));
    }
    if kind == SUPERBLOCK_V2 {
        journal.features = be32(&head, 0x28);
        journal.seed = head
            .get(0x30..)
            .and_then(|rest| rest.first_chunk().copied())
            .unwrap_or_default();
    }
    let unknown = journal.features & !KNOWN;
    if unknown != 0 {
        return Err(FsError::Unsupported(format!(
            "a dirty journal with the features {unknown:#x}"
        )));
    }
    if journal.has_checksums() && head.get(0x50) != Some(&CRC32C) {
        return Err(damaged("its journal has checksums of an unknown kind"));
    }
    let (sequence, start) = (be32(&head, 0x18), be32(&head, 0x1c));
    if start == 0 {
        return Ok(Replay::default());
    }
    journal.length = be32(&head, 0x10);
    journal.first = be32(&head, 0x14);
    let in_log = journal.first..journal.length;
    if u64::from(be32(&head, 0xc)) != block_size || !in_log.contains(&start) || journal.first == 0 {
        return Err(damaged("its journal contradicts itself"));
    }
    journal.replay(start, sequence)
}

fn damaged(text: &str) -> FsError {
    FsError::Corrupt(text.to_owned())
}

fn unreadable(error: io::Error) -> FsError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => damaged(&error.to_string()),
        _ => FsError::Io(error),
    }
}

/// CRC-32C, which ext4 and its journal use without the inversion at the end.
const CHECKSUM: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

struct Journal<'a> {
    source: &'a dyn ReadAt,
    block_size: u64,
    blocks: Blocks,
    first: u32,
    /// Length in blocks.
    length: u32,
    features: u32,
    /// The UUID of the journal, with which every checksum begins.
    seed: [u8; 16],
}

/// What one transaction asks for.
#[derive(Default)]
struct Transaction {
    /// What its descriptors say, and where in the journal the contents are.
    contents: Vec<(Tag, u32)>,
    /// The block that is meant, and where its content is.
    writes: Vec<(u64, Newest)>,
    revoked: Vec<u64>,
}

/// What a descriptor says of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag {
    /// The block of the volume.
    block: u64,
    flags: u32,
    /// Of the content; 16 bits of it before the third kind.
    checksum: u32,
}

impl Journal<'_> {
    /// All transactions that were committed, in order: of two contents of a block the later counts, and
    /// none that a transaction of the same time or later revoked.
    fn replay(&self, start: u32, sequence: u32) -> Result<Replay, FsError> {
        let transactions = self.transactions(start, sequence)?;
        let mut revoked: BTreeMap<u64, usize> = BTreeMap::new();
        for (i, transaction) in transactions.iter().enumerate() {
            revoked.extend(transaction.revoked.iter().map(|block| (*block, i)));
        }
        let mut replay = Replay {
            block_size: self.block_size,
            moved: BTreeMap::new(),
        };
        for (i, transaction) in transactions.into_iter().enumerate() {
            let counts = |block: &u64| revoked.get(block).is_none_or(|by| *by < i);
            let writes = transaction.writes.into_iter();
            replay
                .moved
                .extend(writes.filter(|(block, _)| counts(block)));
        }
        Ok(replay)
    }

    fn transactions(&self, start: u32, mut sequence: u32) -> Result<Vec<Transaction>, FsError> {
        let mut committed = Vec::new();
        let mut current = Transaction::default();
        let mut at = start;
        // Every step goes forward by one block, and a journal is not read twice.
        let mut left = self.length;
        while let Some(rest) = left.checked_sub(1) {
            left = rest;
            let block = self.block(at)?;
            if be32(&block, 0) != MAGIC || be32(&block, 8) != sequence {
                break;
            }
            at = self.after(at);
            let tail = block.len().saturating_sub(4);
            match be32(&block, 4) {
                DESCRIPTOR if self.is_whole(&block, tail) => {
                    for tag in self.tags(&block) {
                        let Some(rest) = left.checked_sub(1) else {
                            return Ok(committed);
                        };
                        left = rest;
                        current.contents.push((tag, at));
                        at = self.after(at);
                    }
                }
                REVOKE if self.is_whole(&block, tail) => {
                    current.revoked.extend(self.revoked(&block));
                }
                COMMIT if self.is_whole(&block, COMMIT_CHECKSUM) => {
                    self.check(&mut current, sequence)?;
                    committed.push(std::mem::take(&mut current));
                    sequence = sequence.wrapping_add(1);
                }
                _ => break,
            }
        }
        Ok(committed)
    }

    /// A transaction is committed: all of its contents have to be there.
    fn check(&self, transaction: &mut Transaction, sequence: u32) -> Result<(), FsError> {
        for (tag, at) in std::mem::take(&mut transaction.contents) {
            if !self.is_content(&tag, sequence, at)? {
                return Err(damaged("a block of its journal has a wrong checksum"));
            }
            let newest = Newest {
                block: self.place(at)?,
                escaped: tag.flags & ESCAPED != 0,
            };
            transaction.writes.push((tag.block, newest));
        }
        Ok(())
    }

    /// The blocks that a descriptor names.
    fn tags(&self, block: &[u8]) -> Vec<Tag> {
        let large = self.features & IS_64BIT != 0;
        let v3 = self.features & CHECKSUM_V3 != 0;
        let v2 = self.features & CHECKSUM_V2 != 0;
        let length = match (v3, v2, large) {
            (true, _, _) => 16,
            (false, true, true) => 14,
            (false, true, false) => 10,
            (false, false, true) => 12,
            (false, false, false) => 8,
        };
        // Where there are checksums, that of the descriptor is at its end.
        let tail = if v2 || v3 { 4 } else { 0 };
        let end = block.len().saturating_sub(tail);
        let mut rest = block.get(HEADER..end).unwrap_or_default();
        let mut tags = Vec::new();
        while let Some((tag, after)) = rest.split_at_checked(length) {
            let (flags, checksum) = match v3 {
                true => (be32(tag, 4), be32(tag, 12)),
                false => (be32(tag, 4) & 0xffff, be32(tag, 4) >> 16),
            };
            let high = if large { be32(tag, 8) } else { 0 };
            tags.push(Tag {
                block: u64::from(high) << 32 | u64::from(be32(tag, 0)),
                flags,
                checksum,
            });
            let uuid = if flags & SAME_UUID == 0 { 16 } else { 0 };
            rest = after.get(uuid..).unwrap_or_default();
            if flags & LAST != 0 {
                break;
            }
        }
        tags
    }

    /// The blocks that a revoke block names.
    fn revoked(&self, block: &[u8]) -> Vec<u64> {
        let used = usize::try_from(be32(block, HEADER)).unwrap_or(usize::MAX);
        let records = block.get(HEADER + 4..used.min(block.len()));
        let records = records.unwrap_or_default();
        match self.features & IS_64BIT {
            0 => {
                let numbers = records.as_chunks::<4>().0.iter();
                numbers.map(|n| u32::from_be_bytes(*n).into()).collect()
            }
            _ => {
                let numbers = records.as_chunks::<8>().0.iter();
                numbers.map(|n| u64::from_be_bytes(*n)).collect()
            }
        }
    }

    /// The log is a ring.
    fn after(&self, at: u32) -> u32 {
        match at.saturating_add(1) {
            next if next < self.length => next,
            _ => self.first,
        }
    }

    /// The block of the volume that is block `at` of the journal.
    fn place(&self, at: u32) -> Result<u64, FsError> {
        let place = self.blocks.find(at.into());
        place.ok_or_else(|| damaged("its journal has a hole"))
    }

    fn block(&self, at: u32) -> Result<Vec<u8>, FsError> {
        let place = self.place(at)?.saturating_mul(self.block_size);
        let mut block = vec![0; usize::try_from(self.block_size).unwrap_or_default()];
        let read = self.source.read_exact_at(place, &mut block);
        read.map_err(unreadable)?;
        Ok(block)
    }

    fn has_checksums(&self) -> bool {
        self.features & (CHECKSUM_V2 | CHECKSUM_V3) != 0
    }

    /// A checksum of the journal, to be fed with what it covers.
    fn digest(&self) -> Digest<'static, u32, Table<1>> {
        static CRC: Crc<u32, Table<1>> = CHECKSUM;
        let mut digest = CRC.digest();
        digest.update(&self.seed);
        digest
    }

    /// Is the checksum of a block right that is at `at` of it?
    fn is_whole(&self, block: &[u8], at: usize) -> bool {
        let mut digest = self.digest();
        digest.update(block.get(..at).unwrap_or_default());
        digest.update(&[0; 4]);
        digest.update(block.get(at.saturating_add(4)..).unwrap_or_default());
        !self.has_checksums() || be32(block, at) == !digest.finalize()
    }

    /// Is the content of a block in the journal what its tag says?
    fn is_content(&self, tag: &Tag, sequence: u32, at: u32) -> Result<bool, FsError> {
        if !self.has_checksums() {
            return Ok(true);
        }
        let mut digest = self.digest();
        digest.update(&sequence.to_be_bytes());
        digest.update(&self.block(at)?);
        let checksum = !digest.finalize();
        Ok(match self.features & CHECKSUM_V3 {
            0 => tag.checksum == checksum & 0xffff,
            _ => tag.checksum == checksum,
        })
    }
}

impl Replay {
    /// Reads as if the journal had been written back.
    pub(super) fn read_exact_at(
        &self,
        source: &dyn ReadAt,
        offset: u64,
        buf: &mut [u8],
    ) -> io::Result<()> {
        source.read_exact_at(offset, buf)?;
        let Some(first) = offset.checked_div(self.block_size) else {
            return Ok(());
        };
        let end = offset.saturating_add(buf.len() as u64);
        let last = end.div_ceil(self.block_size);
        for (block, newest) in self.moved.range(first..last.max(first)) {
            let start = block.saturating_mul(self.block_size);
            let (from, to) = (
                start.max(offset),
                start.saturating_add(self.block_size).min(end),
            );
            let range = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
            let Some(target) = buf.get_mut(range(from)..range(to)) else {
                continue;
            };
            let inside = from.saturating_sub(start);
            let place = newest.block.saturating_mul(self.block_size);
            source.read_exact_at(place.saturating_add(inside), target)?;
            if newest.escaped {
                // The block began with the magic number, which in the journal is written as zero.
                let magic = MAGIC.to_be_bytes();
                let skip = usize::try_from(inside).unwrap_or(usize::MAX);
                for (byte, own) in target.iter_mut().zip(magic.iter().skip(skip)) {
                    *byte = *own;
                }
            }
        }
        Ok(())
    }
}

/// The big-endian number at `at`; 0 behind the end.
fn be32(bytes: &[u8], at: usize) -> u32 {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    field.copied().map(u32::from_be_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemorySource;

    fn journal(features: u32, source: &MemorySource) -> Journal<'_> {
        Journal {
            source,
            block_size: 1024,
            blocks: Blocks::default(),
            first: 1,
            length: 100,
            features,
            seed: [0; 16],
        }
    }

    fn named(tags: Vec<Tag>) -> Vec<(u64, u32)> {
        tags.iter().map(|tag| (tag.block, tag.flags)).collect()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        let mut block: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        block.resize(1024, 0);
        block
    }

    #[test]
    fn tags_of_every_kind() {
        let source = MemorySource::new(Vec::new());
        let old = words(&[
            MAGIC,
            1,
            7,
            20,
            0,
            1,
            2,
            3,
            4,
            21,
            SAME_UUID | ESCAPED,
            22,
            LAST | SAME_UUID,
            23,
        ]);
        assert_eq!(
            named(journal(0, &source).tags(&old)),
            [(20, 0), (21, 3), (22, 10)]
        );
        let large = words(&[MAGIC, 1, 7, 20, SAME_UUID, 1, 21, LAST | SAME_UUID, 0]);
        assert_eq!(
            named(journal(IS_64BIT, &source).tags(&large)),
            [(1 << 32 | 20, 2), (21, 10)]
        );
        let v3 = words(&[
            MAGIC,
            1,
            7,
            20,
            SAME_UUID,
            0,
            0xdead,
            21,
            LAST | SAME_UUID,
            0,
            0xbeef,
        ]);
        assert_eq!(
            named(journal(CHECKSUM_V3, &source).tags(&v3)),
            [(20, 2), (21, 10)]
        );
        // Nobody says that it is the last: the block ends.
        let endless = words(&[SAME_UUID; 256]);
        assert_eq!(journal(0, &source).tags(&endless).len(), (1024 - 12) / 8);
    }

    #[test]
    fn revocations_have_a_length_that_may_lie() {
        let source = MemorySource::new(Vec::new());
        let block = words(&[MAGIC, REVOKE, 7, 24, 5, 6, 7]);
        assert_eq!(journal(0, &source).revoked(&block), [5, 6]);
        assert_eq!(journal(IS_64BIT, &source).revoked(&block), [5 << 32 | 6]);
        let liar = words(&[MAGIC, REVOKE, 7, u32::MAX]);
        assert_eq!(journal(0, &source).revoked(&liar).len(), 1008 / 4);
        assert_eq!(journal(0, &source).revoked(&words(&[0; 4])).len(), 0);
    }

    #[test]
    fn reads_parts_of_moved_blocks() {
        let mut bytes = vec![1; 4096];
        bytes[2048..3072].fill(2);
        bytes[3072..].fill(3);
        let source = MemorySource::new(bytes);
        let newest = |block, escaped| Newest { block, escaped };
        let replay = Replay {
            block_size: 1024,
            moved: [(0, newest(2, false)), (1, newest(3, true))].into(),
        };
        let mut all = vec![0; 4096];
        replay.read_exact_at(&source, 0, &mut all).unwrap();
        assert_eq!(all[..1024], [2; 1024]);
        assert_eq!(all[1024..1028], MAGIC.to_be_bytes());
        assert_eq!(all[1028..2048], [3; 1020]);
        assert_eq!(all[2048..3072], [2; 1024]);
        for (offset, length) in [(1000, 100), (1025, 1), (1026, 3000), (2048, 5), (1020, 6)] {
            let mut part = vec![0; length];
            replay
                .read_exact_at(&source, offset as u64, &mut part)
                .unwrap();
            assert_eq!(part, all[offset..offset + length], "{length} at {offset}");
        }
    }
}
