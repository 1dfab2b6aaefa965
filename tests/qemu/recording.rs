//! Everything that a machine writes to its disk, in the order in which it does: from that, every disk can be made
//! that a power cut would have left.

use std::ops::Range;
use std::path::PathBuf;

use super::disk::directory;

/// What a machine writes to its disk; the file with it is deleted at the end.
pub struct Recording {
    pub path: PathBuf,
}

/// What one request of a machine did to its disk.
#[derive(Debug)]
pub enum Step {
    /// Bytes are written, beginning with this one of the disk.
    Write { start: u64, bytes: Vec<u8> },
    /// What was written before has to be on the medium before this ends.
    Flush,
}

/// QEMU's driver `blklogwrites` writes what `drivers/md/dm-log-writes.c` of Linux does: `log_write_super` in the
/// first sector, then a `log_write_entry` in a sector of its own before the data of each request.
const MAGIC: u64 = 0x006a_7366_7773_6872;
const SECTOR: usize = 512;
const FLUSH: u64 = 1 << 0;
const FUA: u64 = 1 << 1;
const DISCARD: u64 = 1 << 2;

impl Recording {
    pub fn new(name: &str) -> Recording {
        let path = directory().join(format!("{name}.writes"));
        std::fs::write(&path, "").unwrap();
        Recording { path }
    }

    /// All steps, of a machine that is switched off. Nothing may be written outside of `partition`, from whose
    /// beginning they are told.
    pub fn steps(&self, partition: Range<u64>) -> Vec<Step> {
        let log = std::fs::read(&self.path).unwrap();
        let number = |at: usize| u64::from_le_bytes(log[at..at + 8].try_into().unwrap());
        assert_eq!(number(0), MAGIC, "no log of writes");
        let mut steps = Vec::new();
        let mut at = SECTOR;
        // The number of entries in the first sector is behind where the power was cut.
        while at + SECTOR <= log.len() {
            let (sector, sectors, flags) = (number(at), number(at + 8), number(at + 16));
            at += SECTOR;
            assert_eq!(flags & DISCARD, 0, "a discard");
            if flags & FLUSH != 0 {
                steps.push(Step::Flush);
            }
            let length = usize::try_from(sectors).unwrap() * SECTOR;
            if length > 0 {
                let start = sector * SECTOR as u64;
                let end = start + length as u64;
                let is_inside = partition.start <= start && end <= partition.end;
                assert!(is_inside, "a write from {start} to {end}");
                let start = start - partition.start;
                let bytes = log[at..at + length].to_vec();
                steps.push(Step::Write { start, bytes });
                at += length;
            }
            if flags & FUA != 0 {
                steps.push(Step::Flush);
            }
        }
        steps
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
