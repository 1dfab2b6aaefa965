//! Was the log left with changes in it? `fs/xfs/libxfs/xfs_log_format.h` and `xfs_log_recover.c` of Linux.
//!
//! The log is a ring of blocks of 512 bytes, each of which tells in which round it was written. The
//! newest record ends where the rounds change. After an unmount it is one that says so; every other one
//! may stand for changes that are not in their places yet. They are not read here.

use super::medium::Medium;
use crate::disk::bytes::be32;
use crate::fs::FsError;

/// Length of a block of the log.
const BLOCK: usize = 512;

/// The first word of a record's head, where other blocks have their round.
const MAGIC: u32 = 0xfeed_babe;

/// A record is at most this long, in blocks (`XLOG_MAX_RECORD_BSIZE` and its heads).
const LONGEST: u64 = 256 * 2 + 8;

/// With this bit of `h_version`, a long record has one head for each so many bytes.
const VERSION_2: u32 = 2;
const BYTES_IN_HEAD: u32 = 32 * 1024;

/// The flag of the one operation in the record of an unmount (`XLOG_UNMOUNT_TRANS`), and where it is.
const UNMOUNT: u8 = 0x20;
const OPERATION_FLAGS: usize = 9;

/// What is known of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// All changes are in their places.
    Clean,
    /// Perhaps not all.
    Dirty,
    /// It is on another device.
    Elsewhere,
}

/// Looks at the newest record.
///
/// # Errors
/// The medium, or the log leaves the volume.
pub(super) fn state(medium: &Medium) -> Result<State, FsError> {
    let superblock = &medium.superblock;
    if superblock.log_start == 0 {
        return Ok(State::Elsewhere);
    }
    let start = superblock.block(superblock.log_start, superblock.log_blocks)?;
    let length = superblock.log_blocks.saturating_mul(superblock.block_size);
    let log = Log {
        medium,
        start: start.saturating_mul(superblock.block_size),
        blocks: length.checked_div(BLOCK as u64).unwrap_or_default(),
    };
    let Some(head) = log.head()? else {
        return Ok(State::Clean);
    };
    match log.ends_with_unmount(head)? {
        true => Ok(State::Clean),
        false => Ok(State::Dirty),
    }
}

struct Log<'a> {
    medium: &'a Medium,
    /// Where it begins, in bytes.
    start: u64,
    /// How many blocks it has.
    blocks: u64,
}

impl Log<'_> {
    /// A block, counted around the ring.
    fn block(&self, number: u64) -> Result<[u8; BLOCK], FsError> {
        let mut block = [0; BLOCK];
        let inside = number.checked_rem(self.blocks).unwrap_or_default();
        let at = self
            .start
            .saturating_add(inside.saturating_mul(BLOCK as u64));
        self.medium.data(at, &mut block)?;
        Ok(block)
    }

    /// In which round a block was written; 0 in none.
    fn round(&self, number: u64) -> Result<u32, FsError> {
        let block = self.block(number)?;
        let word = |at| be32(&block, at).unwrap_or_default();
        Ok(match word(0) {
            MAGIC => word(4),
            round => round,
        })
    }

    /// Where the next record would begin: the first block that was written a round earlier than the first
    /// one, or never. `None` when nothing was ever written.
    fn head(&self) -> Result<Option<u64>, FsError> {
        let newest = self.round(0)?;
        if newest == 0 {
            return Ok(None);
        }
        let (mut new, mut old) = (0, self.blocks);
        // A few dozen turns at most: the distance is halved each time.
        while old.saturating_sub(new) > 1 {
            let middle = new.midpoint(old);
            match self.round(middle)? == newest {
                true => new = middle,
                false => old = middle,
            }
        }
        Ok(Some(old))
    }

    /// Is the record before `head` the one of an unmount?
    fn ends_with_unmount(&self, head: u64) -> Result<bool, FsError> {
        // Counted so that nothing before the first block is below zero.
        let end = head.saturating_add(self.blocks);
        for back in 1..=LONGEST.min(self.blocks) {
            let place = end.saturating_sub(back);
            let record = self.block(place)?;
            let word = |at| be32(&record, at).unwrap_or_default();
            if word(0) != MAGIC {
                continue;
            }
            let heads = match word(8) & VERSION_2 {
                0 => 1,
                _ => word(320).div_ceil(BYTES_IN_HEAD).max(1),
            };
            let content = u64::from(word(12)).div_ceil(BLOCK as u64);
            if u64::from(heads).saturating_add(content) != back || word(40) != 1 {
                return Ok(false);
            }
            let operation = self.block(place.saturating_add(heads.into()))?;
            let flags = operation.get(OPERATION_FLAGS).copied();
            return Ok(flags.is_some_and(|flags| flags & UNMOUNT != 0));
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::superblock::tests::bytes;
    use super::*;
    use crate::disk::MemorySource;

    const START: usize = 8 * BLOCK;
    const BLOCKS: usize = 32;

    /// A volume whose log has blocks of these rounds.
    fn volume(rounds: impl Fn(usize) -> u32) -> Vec<u8> {
        let mut volume = bytes(&[]);
        volume.resize(64 * BLOCK, 0);
        for block in 0..BLOCKS {
            let at = START + block * BLOCK;
            volume[at..at + 4].copy_from_slice(&rounds(block).to_be_bytes());
        }
        volume
    }

    /// Writes a record of one head and one block with so many operations.
    fn record(volume: &mut [u8], block: usize, round: u32, operations: u8, flags: u8) {
        let at = START + block * BLOCK;
        let head = &mut volume[at..at + BLOCK];
        head[..4].copy_from_slice(&MAGIC.to_be_bytes());
        head[4..8].copy_from_slice(&round.to_be_bytes());
        head[11] = 2;
        head[14] = 2;
        head[43] = operations;
        head[322] = 0x80;
        volume[START + (block + 1) % BLOCKS * BLOCK + OPERATION_FLAGS] = flags;
    }

    fn state_of(volume: Vec<u8>) -> State {
        let source = MemorySource::new(volume);
        state(&Medium::new(Arc::new(source)).unwrap()).unwrap()
    }

    #[test]
    fn a_new_log_is_clean() {
        assert_eq!(state_of(volume(|_| 0)), State::Clean);
        let mut made = volume(|block| u32::from(block < 2));
        record(&mut made, 0, 1, 1, UNMOUNT);
        assert_eq!(state_of(made), State::Clean);
    }

    #[test]
    fn the_newest_record_decides() {
        // The round changes in the middle, at the begin, and within the record.
        for (newest, blocks) in [(10, 12), (30, 32), (31, 33)] {
            let round = |block| if block < blocks % BLOCKS { 8 } else { 7 };
            let round = |block| if blocks == BLOCKS { 7 } else { round(block) };
            let own = if newest == 31 { 7 } else { round(newest) };
            for (operations, flags, expected) in [
                (1, UNMOUNT, State::Clean),
                (1, 0, State::Dirty),
                (2, UNMOUNT, State::Dirty),
            ] {
                let mut log = volume(round);
                record(&mut log, newest, own, operations, flags);
                assert_eq!(state_of(log), expected, "{newest} {operations} {flags}");
            }
            // Something was written behind the unmount.
            let mut log = volume(round);
            record(&mut log, newest - 1, own, 1, UNMOUNT);
            assert_eq!(state_of(log), State::Dirty, "{newest}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_not_clean() {
        assert_eq!(state_of(volume(|_| 7)), State::Dirty);
        assert_eq!(state_of(volume(|block| block as u32 + 1)), State::Dirty);
        let mut log = volume(|block| u32::from(block < 2));
        record(&mut log, 0, 1, 1, UNMOUNT);
        for at in [12, 320] {
            let mut log = log.clone();
            log[START + at..START + at + 4].fill(0xff);
            assert_eq!(state_of(log), State::Dirty, "{at}");
        }
    }

    #[test]
    fn a_log_elsewhere() {
        let mut volume = volume(|_| 0);
        volume[55] = 0;
        assert_eq!(state_of(volume), State::Elsewhere);
        // Behind its group.
        let mut volume = self::volume(|_| 0);
        volume[55] = 9;
        let medium = Medium::new(Arc::new(MemorySource::new(volume))).unwrap();
        assert!(state(&medium).is_err());
    }
}
