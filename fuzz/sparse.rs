//! Disks in a few kilobytes: the sectors that are not zero, and nothing in between.
//!
//! One byte of flags, the number of sectors in 4 bytes (little-endian), then for each sector that is not
//! zero its number in 4 bytes and its 512 bytes. What is behind the last whole one is left out.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use pilotlight::disk::ReadAt;

const SECTOR: u64 = 512;
const RECORD: usize = 516;

/// A disk in sparse form.
pub struct SparseDisk {
    /// Flags for the target.
    pub flags: u8,
    sectors: u32,
    content: BTreeMap<u64, [u8; 512]>,
    reads: AtomicU64,
}

impl SparseDisk {
    /// Reads the sparse form; every input is one.
    pub fn decode(data: &[u8]) -> SparseDisk {
        let (head, records) = data.split_at(data.len().min(5));
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0_u32, |n, byte| n << 8 | u32::from(*byte))
        };
        let mut content = BTreeMap::new();
        for record in records.chunks_exact(RECORD) {
            let (at, sector) = record.split_at(4);
            if let Ok(sector) = sector.try_into() {
                content.insert(u64::from(number(at)), sector);
            }
        }
        SparseDisk {
            flags: head.first().copied().unwrap_or_default(),
            sectors: number(head.get(1..).unwrap_or_default()),
            content,
            reads: AtomicU64::new(0),
        }
    }

    /// Writes `image` in sparse form.
    pub fn encode(flags: u8, image: &[u8]) -> Vec<u8> {
        let sectors = u32::try_from(image.len() / 512).unwrap_or(u32::MAX);
        let mut data = vec![flags];
        data.extend(sectors.to_le_bytes());
        for (number, sector) in (0_u32..sectors).zip(image.chunks_exact(512)) {
            if sector.iter().any(|byte| *byte != 0) {
                data.extend(number.to_le_bytes());
                data.extend(sector);
            }
        }
        data
    }

    /// A sector to change; it comes to be if it was zero.
    pub fn sector(&mut self, number: u64) -> &mut [u8; 512] {
        self.content.entry(number).or_insert([0; 512])
    }

    /// The numbers of the sectors that are not zero.
    pub fn used(&self) -> Vec<u64> {
        self.content.keys().copied().collect()
    }

    /// How often it was read from.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

impl ReadAt for SparseDisk {
    fn size(&self) -> u64 {
        u64::from(self.sectors) * SECTOR
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let left = self.size().saturating_sub(offset);
        let length = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let buf = &mut buf[..length];
        buf.fill(0);
        let end = offset + length as u64;
        for (number, sector) in self.content.range(offset / SECTOR..end.div_ceil(SECTOR)) {
            let start = number * SECTOR;
            let (from, to) = (start.max(offset), (start + SECTOR).min(end));
            let target = (from - offset) as usize..(to - offset) as usize;
            buf[target].copy_from_slice(&sector[(from - start) as usize..(to - start) as usize]);
        }
        Ok(length)
    }
}
