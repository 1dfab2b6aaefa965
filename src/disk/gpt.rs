//! GUID partition tables (UEFI specification 2.10, chapter 5), by the crate `gpt`.
//!
//! The crate reads one header and one array of entries; which of the copies, and whether its numbers can
//! be believed at all, is decided here. A table counts only if header and entries have the right
//! checksums; copies are tried in this order: the primary, the one that the primary names, the one at
//! the end of the size that the protective MBR tells (a disk that was grown), the last sector.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use ::gpt::disk::LogicalBlockSize;
use ::gpt::header::{Header, read_header_from_arbitrary_device};
use ::gpt::partition::file_read_partitions;

use super::{Partition, PartitionKind, Source};

/// More entries than this are refused before memory for them is taken. Tables have 128.
const MAX_ENTRIES: u32 = 4096;

/// The only size of an entry that the crate reads, and the only one that tools write, in bytes.
const ENTRY_SIZE: u32 = 128;

/// A table, and where its partitions lie.
pub(super) struct Table {
    /// Partitions with their first byte and their length.
    pub partitions: Vec<(Partition, u64, u64)>,
    /// What was wrong, in words.
    pub problems: Vec<String>,
}

/// Looks for a table with sectors of `sector_size` bytes. `protective_size` is the number of sectors
/// that the protective MBR claims. `None`: nothing here looks like a GPT.
///
/// # Errors
/// The problems of all copies, if there are any and none can be used.
pub(super) fn read(
    source: &Source,
    sector_size: u32,
    protective_size: Option<u32>,
) -> Option<Result<Table, Vec<String>>> {
    let block_size = match sector_size {
        512 => LogicalBlockSize::Lb512,
        4096 => LogicalBlockSize::Lb4096,
        _ => return None,
    };
    let last = source
        .size()
        .checked_div(sector_size.into())?
        .checked_sub(1)?;
    let reader = TableReader {
        source,
        sector_size,
        block_size,
    };
    let mut problems = Vec::new();
    let primary = reader.header(1);
    let named = primary.as_ref().ok().map(|header| header.backup_lba);
    match primary.and_then(|header| reader.entries(&header)) {
        Ok(entries) => {
            if let Err(reason) = reader.header(named.unwrap_or(last)) {
                problems.push(format!("the backup GPT can't be used: {reason}"));
            }
            return Some(Ok(reader.table(entries, problems)));
        }
        Err(reason) => problems.push(format!("the primary GPT can't be used: {reason}")),
    }
    let claimed = protective_size
        .filter(|size| *size != u32::MAX)
        .map(u64::from);
    let mut tried = Vec::new();
    for lba in [named, claimed, Some(last)].into_iter().flatten() {
        if lba <= 1 || tried.contains(&lba) {
            continue;
        }
        tried.push(lba);
        match reader
            .header(lba)
            .and_then(|header| reader.entries(&header))
        {
            Ok(entries) => {
                problems.push(format!("the backup GPT in sector {lba} is used"));
                return Some(Ok(reader.table(entries, problems)));
            }
            Err(Unusable::NoHeader) => {}
            Err(reason) => {
                problems.push(format!(
                    "the backup GPT in sector {lba} can't be used: {reason}"
                ));
            }
        }
    }
    // Without one signature there is no reason to speak of a GPT.
    let seen = named.is_some() || problems.len() > 1 || reader.has_signature(1);
    seen.then_some(Err(problems))
}

type Entries = BTreeMap<u32, ::gpt::partition::Partition>;

struct TableReader<'a> {
    source: &'a Source,
    sector_size: u32,
    block_size: LogicalBlockSize,
}

/// Why a copy is not used.
#[derive(Debug)]
enum Unusable {
    NoHeader,
    Header(String),
    Entries(String),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unusable::NoHeader => f.write_str("there is no header"),
            Unusable::Header(reason) => write!(f, "header: {reason}"),
            Unusable::Entries(reason) => write!(f, "entries: {reason}"),
        }
    }
}

impl TableReader<'_> {
    fn has_signature(&self, lba: u64) -> bool {
        let mut signature = [0; 8];
        let offset = lba.checked_mul(self.sector_size.into());
        offset.is_some_and(|offset| self.source.read_exact_at(offset, &mut signature).is_ok())
            && signature == *b"EFI PART"
    }

    /// The header in sector `lba`, with its checksum verified.
    fn header(&self, lba: u64) -> Result<Header, Unusable> {
        if !self.has_signature(lba) {
            return Err(Unusable::NoHeader);
        }
        // The crate looks for the header in the second sector: it gets to see the disk from the sector
        // before this one.
        let origin = lba
            .checked_sub(1)
            .and_then(|before| before.checked_mul(self.sector_size.into()))
            .ok_or(Unusable::NoHeader)?;
        let mut device = Device::new(self.source, origin);
        let header = read_header_from_arbitrary_device(&mut device, self.block_size)
            .map_err(|error| Unusable::Header(error.to_string()))?;
        if header.part_size != ENTRY_SIZE {
            let size = header.part_size;
            return Err(Unusable::Header(format!("entries of {size} bytes")));
        }
        if header.num_parts > MAX_ENTRIES {
            let number = header.num_parts;
            return Err(Unusable::Header(format!("{number} entries")));
        }
        Ok(header)
    }

    /// The entries that a header names, with their checksum verified.
    fn entries(&self, header: &Header) -> Result<Entries, Unusable> {
        file_read_partitions(&mut Device::new(self.source, 0), header, self.block_size)
            .map_err(|error| Unusable::Entries(error.to_string()))
    }

    fn table(&self, entries: Entries, mut problems: Vec<String>) -> Table {
        let mut partitions: Vec<(Partition, u64, u64)> = Vec::new();
        for (number, entry) in entries {
            // An unused entry may keep its other fields (UEFI specification, table 5-7).
            if !entry.is_used() {
                continue;
            }
            let Some((start, size)) = self.extent(entry.first_lba, entry.last_lba) else {
                let (first, last) = (entry.first_lba, entry.last_lba);
                problems.push(format!(
                    "partition {number} can't lie from sector {first} to {last}: left out"
                ));
                continue;
            };
            let end = start.saturating_add(size);
            if end > self.source.size() {
                problems.push(format!(
                    "partition {number} reaches over the end of the disk"
                ));
            }
            for (other, other_start, other_size) in &partitions {
                if start < other_start.saturating_add(*other_size) && *other_start < end {
                    let other = other.number;
                    problems.push(format!("partitions {other} and {number} overlap"));
                }
            }
            let partition = Partition {
                number,
                kind: PartitionKind::Gpt(entry.part_type_guid.guid.hyphenated().to_string()),
                uuid: Some(entry.part_guid.hyphenated().to_string()),
                name: Some(entry.name).filter(|name| !name.is_empty()),
                attributes: entry.flags,
            };
            partitions.push((partition, start, size));
        }
        Table {
            partitions,
            problems,
        }
    }

    /// First byte and length, if both sectors make sense.
    fn extent(&self, first: u64, last: u64) -> Option<(u64, u64)> {
        let sectors = last.checked_sub(first)?.checked_add(1)?;
        let start = first.checked_mul(self.sector_size.into())?;
        let size = sectors.checked_mul(self.sector_size.into())?;
        (first > 0 && start < self.source.size()).then_some((start, size))
    }
}

/// A disk as the crate wants to see it, from `origin`. It can't be written: the crate is never asked to.
#[derive(Clone)]
struct Device<'a> {
    source: &'a Source,
    origin: u64,
    position: u64,
}

impl<'a> Device<'a> {
    fn new(source: &'a Source, origin: u64) -> Device<'a> {
        let position = 0;
        Device {
            source,
            origin,
            position,
        }
    }
}

impl Read for Device<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let at = self.origin.checked_add(self.position);
        let at = at.ok_or(io::ErrorKind::InvalidInput)?;
        let n = self.source.read_at(at, buf)?;
        self.position = self.position.saturating_add(n as u64);
        Ok(n)
    }
}

impl Seek for Device<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let size = self.source.size().saturating_sub(self.origin);
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => size.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
