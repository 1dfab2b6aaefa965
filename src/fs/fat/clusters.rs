//! [`Clusters`]: which clusters a file has, by the table (Microsoft's FAT specification, sections 3 and 4).
//! The crate knows, and does not tell.

use std::ops::Range;

use crate::disk::bytes::{array, le16, le32};
use crate::disk::{ReadAt, Window};
use crate::fs::FsError;

/// A file in more pieces than this is neither written in place nor used as a disk.
const MAX_PIECES: usize = 65_536;

/// The first cluster has this number.
const FIRST: u64 = 2;

/// The table, and what it tells of.
pub(super) struct Clusters {
    /// Where the table begins that is in use, in bytes.
    table: u64,
    /// Bits of an entry: 12, 16 or 32.
    width: u64,
    /// Where the first cluster begins, in bytes.
    data: u64,
    /// Length of a cluster in bytes.
    size: u64,
    /// How many clusters there are.
    count: u64,
}

impl Clusters {
    /// Reads the boot sector.
    ///
    /// # Errors
    /// The medium, or [`FsError::Corrupt`] when its numbers make no sense.
    pub(super) fn read(source: &dyn ReadAt) -> Result<Clusters, FsError> {
        let mut sector = [0; 512];
        source.read_exact_at(0, &mut sector).map_err(FsError::Io)?;
        let contradiction = || FsError::Corrupt("the boot sector contradicts itself".to_owned());
        Clusters::parse(&sector, source.size()).ok_or_else(contradiction)
    }

    fn parse(sector: &[u8], volume: u64) -> Option<Clusters> {
        let byte = |at: usize| sector.get(at).copied().map(u64::from);
        let short = |at: usize| le16(sector, at).map(u64::from);
        let long = |at: usize| le32(sector, at).map(u64::from);
        let (bytes, in_cluster, reserved) = (short(11)?, byte(13)?, short(14)?);
        let (tables, root) = (byte(16)?, short(17)?);
        let or = |small: u64, large: u64| if small == 0 { large } else { small };
        let total = or(short(19)?, long(32)?);
        let in_table = or(short(22)?, long(36)?);
        let root = root.checked_mul(32)?.div_ceil(bytes.max(1));
        let before = tables.checked_mul(in_table)?.checked_add(reserved)?;
        let before = before.checked_add(root)?;
        let count = total.checked_sub(before)?.checked_div(in_cluster)?;
        let width = match count {
            _ if short(22)? == 0 => 32,
            0..4085 => 12,
            _ => 16,
        };
        // With 32 bits, one of the tables may be the only one in use.
        let flags = match width {
            32 => short(40)?,
            _ => 0,
        };
        let active = if flags & 0x80 == 0 { 0 } else { flags & 0xf };
        let table = active.checked_mul(in_table)?.checked_add(reserved)?;
        let size = in_cluster.checked_mul(bytes).filter(|size| *size > 0)?;
        let data = before.checked_mul(bytes)?;
        Some(Clusters {
            table: table.checked_mul(bytes)?,
            width,
            data,
            size,
            // What a volume that was cut has left.
            count: count.min(volume.checked_sub(data)?.checked_div(size)?),
        })
    }

    /// Where a file begins, by its record in a directory; `None` where the record does not have this length.
    pub(super) fn start(&self, record: &[u8], length: u64) -> Option<u64> {
        let high = match self.width {
            32 => le16(record, 20)?,
            _ => 0,
        };
        let number = (u64::from(high) << 16) | u64::from(le16(record, 26)?);
        let inside = number.checked_sub(FIRST).or((length == 0).then_some(0))?;
        let has_length = le32(record, 28).map(u64::from) == Some(length);
        let start = inside.checked_mul(self.size)?.checked_add(self.data)?;
        has_length.then_some(start)
    }

    /// Where the content of a file of `length` bytes lies that begins at byte `start` of the volume: ranges of
    /// bytes, neighbours joined.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] for a chain of clusters that ends early or leaves the volume,
    /// [`FsError::TooLarge`] for too many pieces, and the medium.
    pub(super) fn ranges(
        &self,
        volume: &Window,
        start: u64,
        length: u64,
    ) -> Result<Vec<Range<u64>>, FsError> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let number = start.checked_sub(self.data);
        let number = number.and_then(|inside| inside.checked_div(self.size));
        let mut number = number.unwrap_or_default().saturating_add(FIRST);
        let mut done = 0_u64;
        while done < length {
            let inside = number.checked_sub(FIRST).filter(|i| *i < self.count);
            let Some(inside) = inside else {
                return Err(FsError::Corrupt(format!(
                    "the chain of clusters ends at {done} of {length} bytes"
                )));
            };
            let start = self.data.saturating_add(inside.saturating_mul(self.size));
            let size = self.size.min(length.saturating_sub(done));
            let end = start.saturating_add(size);
            match ranges.last_mut().filter(|last| last.end == start) {
                Some(last) => last.end = end,
                None => ranges.push(start..end),
            }
            if ranges.len() > MAX_PIECES {
                return Err(FsError::TooLarge(format!(
                    "it lies in more than {MAX_PIECES} places"
                )));
            }
            done = done.saturating_add(size);
            if done < length {
                number = self.next(volume, number)?;
            }
        }
        Ok(ranges)
    }

    /// The cluster behind this one.
    fn next(&self, volume: &Window, number: u64) -> Result<u64, FsError> {
        let at = number.saturating_mul(self.width) / 8;
        let mut entry = [0; 4];
        let bytes = if self.width == 32 { 4 } else { 2 };
        let entry_bytes = entry.get_mut(..bytes).unwrap_or_default();
        let read = volume.read_exact_at(self.table.saturating_add(at), entry_bytes);
        read.map_err(FsError::Io)?;
        let entry = u64::from(u32::from_le_bytes(array(&entry, 0).unwrap_or_default()));
        Ok(match self.width {
            12 if number.is_multiple_of(2) => entry & 0xfff,
            12 => entry >> 4,
            16 => entry,
            // Four bits are for others.
            _ => entry & 0x0fff_ffff,
        })
    }
}
