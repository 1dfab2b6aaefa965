//! GUID partition tables (UEFI specification 2.10, section 5.3), read by the crate `gpt` from bytes
//! that were bounded first, and from whichever copy of the table is intact.

use std::collections::BTreeMap;
use std::io::Cursor;

use gpt::disk::LogicalBlockSize;
use gpt::header::{Header, HeaderError, read_header_from_arbitrary_device};
use gpt::partition::file_read_partitions;

use super::layout::{Partition, PartitionKind};
use super::scan::Slot;
use super::{ReadAt, bytes};

/// The size of an entry that Linux accepts as well (`is_gpt_valid` in `block/partitions/efi.c`).
const ENTRY_SIZE: u32 = 128;
/// A table promises at most this many entries, which are 512 KiB. Usual are 128.
const MAX_ENTRIES: u32 = 4096;
/// A header proper (section 5.3.2, table 5.5).
const HEADER_SIZE: usize = 92;
/// Where a header says where the other one lies.
const ALTERNATE_LBA: usize = 32;
/// The primary header lies here.
const PRIMARY: u64 = 1;

/// The sector sizes that disks have; the table counts in them.
pub(super) type SectorSize = LogicalBlockSize;

/// The entries of one table, by number, and the header over them.
struct Table {
    header: Header,
    entries: BTreeMap<u32, gpt::partition::Partition>,
}

/// The sector size in which a primary header is at its place. Its checksum is not looked at.
pub(super) fn announced(source: &dyn ReadAt) -> Option<SectorSize> {
    let is_there = |sector: &SectorSize| {
        let mut signature = [0; 8];
        let read = source.read_exact_at(sector.as_u64(), &mut signature);
        read.is_ok() && &signature == b"EFI PART"
    };
    [SectorSize::Lb512, SectorSize::Lb4096]
        .into_iter()
        .find(is_there)
}

/// Reads the table from the first intact copy: the primary, then the backup where the primary says
/// that it is, then where the disk ended when `protective_end` (the last sector that the protective
/// MBR covers) was written, then at the end of the disk.
///
/// What is wrong goes into `problems`. `None` when no copy is intact.
pub(super) fn read(
    source: &dyn ReadAt,
    sector: SectorSize,
    protective_end: Option<u64>,
    problems: &mut Vec<String>,
) -> Option<Vec<Slot>> {
    let last = source.size().checked_div(sector.as_u64())?.checked_sub(1)?;
    let mut damage = Vec::new();
    let mut table = None;
    for lba in copies(source, sector, protective_end, last) {
        match read_copy(source, sector, lba) {
            Ok(copy) => {
                table = Some((lba, copy));
                break;
            }
            Err(Damage::NoHeader) if lba != PRIMARY => {}
            Err(reason) => damage.push(format!("GPT at sector {lba}: {reason}")),
        }
    }
    let (lba, table) = match table {
        Some(found) => found,
        None => {
            problems.append(&mut damage);
            problems.push("no copy of the GPT is intact".to_owned());
            return None;
        }
    };
    problems.append(&mut damage);
    if lba == PRIMARY {
        check_backup(source, sector, &table.header, last, problems);
    } else {
        problems.push(format!(
            "the backup GPT at sector {lba} is used; repair the primary one with `sgdisk -e` or `gdisk`"
        ));
    }
    let slots = table.entries.iter().filter(|(_, entry)| entry.is_used());
    Some(slots.map(|(number, entry)| slot(*number, entry)).collect())
}

/// The sectors where a header may be, most trusted first and each once.
fn copies(
    source: &dyn ReadAt,
    sector: SectorSize,
    protective_end: Option<u64>,
    last: u64,
) -> Vec<u64> {
    // A header whose checksum is wrong may still have this field right, and what it leads to has a
    // checksum of its own.
    let alternate = header_bytes(source, sector, PRIMARY)
        .and_then(|header| bytes::le64(&header, ALTERNATE_LBA));
    let mut copies = vec![PRIMARY];
    for lba in [alternate, protective_end, Some(last)]
        .into_iter()
        .flatten()
    {
        if lba > PRIMARY && lba <= last && !copies.contains(&lba) {
            copies.push(lba);
        }
    }
    copies
}

/// Why a copy of the table can't be used.
enum Damage {
    NoHeader,
    Text(String),
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Damage::NoHeader => "there is no header",
            Damage::Text(text) => text,
        })
    }
}

fn damage<T>(text: impl Into<String>) -> Result<T, Damage> {
    Err(Damage::Text(text.into()))
}

fn header_bytes(source: &dyn ReadAt, sector: SectorSize, lba: u64) -> Option<[u8; HEADER_SIZE]> {
    let mut header = [0; HEADER_SIZE];
    let at = lba.checked_mul(sector.as_u64())?;
    source.read_exact_at(at, &mut header).ok()?;
    Some(header)
}

/// A header that is intact and that is where it says it is.
fn read_header(source: &dyn ReadAt, sector: SectorSize, lba: u64) -> Result<Header, Damage> {
    let Some(header) = header_bytes(source, sector, lba) else {
        return damage("the header could not be read");
    };
    // The crate looks for a header in the second sector of what it is given.
    let mut image = vec![0; sector.as_usize()];
    image.extend(header);
    let header = match read_header_from_arbitrary_device(&mut Cursor::new(image), sector) {
        Ok(header) => header,
        Err(HeaderError::InvalidGptSignature) => return Err(Damage::NoHeader),
        Err(HeaderError::InvalidCRC32Checksum) => return damage("the header's checksum is wrong"),
        Err(error) => return damage(error.to_string()),
    };
    if header.current_lba != lba {
        return damage(format!(
            "the header belongs at sector {}",
            header.current_lba
        ));
    }
    Ok(header)
}

/// A copy of the table whose header and entries are intact.
fn read_copy(source: &dyn ReadAt, sector: SectorSize, lba: u64) -> Result<Table, Damage> {
    let mut header = read_header(source, sector, lba)?;
    if header.part_size != ENTRY_SIZE || header.num_parts > MAX_ENTRIES {
        return damage(format!(
            "the header promises {} entries of {} bytes; {MAX_ENTRIES} of {ENTRY_SIZE} are the limit",
            header.num_parts, header.part_size
        ));
    }
    let array = read_array(source, sector, &header);
    let Some(array) = array else {
        return damage(format!(
            "the entries at sector {} could not be read",
            header.part_start
        ));
    };
    // The crate reads from a copy in memory that begins with the entries: what is checked is what is
    // used.
    let part_start = std::mem::replace(&mut header.part_start, 0);
    let entries = file_read_partitions(&mut Cursor::new(array), &header, sector);
    header.part_start = part_start;
    match entries {
        Ok(entries) => Ok(Table { header, entries }),
        Err(_) => damage("the checksum over the entries is wrong"),
    }
}

/// The bytes of all entries; their number was bounded before.
fn read_array(source: &dyn ReadAt, sector: SectorSize, header: &Header) -> Option<Vec<u8>> {
    let at = header.part_start.checked_mul(sector.as_u64())?;
    let length = header.num_parts.checked_mul(header.part_size)?;
    let mut array = vec![0; usize::try_from(length).ok()?];
    source.read_exact_at(at, &mut array).ok()?;
    Some(array)
}

/// Tells what is wrong with the backup while the primary is still good.
fn check_backup(
    source: &dyn ReadAt,
    sector: SectorSize,
    primary: &Header,
    last: u64,
    problems: &mut Vec<String>,
) {
    let lba = primary.backup_lba;
    if lba > last {
        problems.push(format!(
            "the backup GPT should be at sector {lba}, but the disk ends at sector {last}: it was cut"
        ));
        return;
    }
    match read_copy(source, sector, lba) {
        Err(reason) => problems.push(format!("backup GPT at sector {lba}: {reason}")),
        Ok(backup)
            if backup.header.disk_guid != primary.disk_guid
                || backup.header.crc32_parts != primary.crc32_parts =>
        {
            problems.push(format!(
                "the backup GPT at sector {lba} differs from the primary one, which is used"
            ));
        }
        Ok(_) if lba < last => problems.push(format!(
            "the backup GPT is at sector {lba}, and the disk ends at sector {last}: it was grown; \
             `sgdisk -e` moves the backup"
        )),
        Ok(_) => {}
    }
}

fn slot(number: u32, entry: &gpt::partition::Partition) -> Slot {
    Slot {
        partition: Partition {
            number,
            kind: PartitionKind::Gpt(entry.part_type_guid.guid.to_string()),
            uuid: Some(entry.part_guid.to_string()),
            name: Some(entry.name.clone()).filter(|name| !name.is_empty()),
            attributes: entry.flags,
        },
        first: entry.first_lba,
        // The last sector belongs to the partition.
        sectors: (entry.last_lba.checked_sub(entry.first_lba)).map(|more| more.saturating_add(1)),
    }
}
