//! Master boot records with logical partitions.
//!
//! Layout and numbering are those of the kernel (`block/partitions/msdos.c`), so that numbers and
//! `PARTUUID`s are the ones that the booted system will see.

use super::{Partition, PartitionKind, Source};

/// Extended partitions, whose first sector begins a chain of logical ones.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];

/// The type that says: there is a GPT.
const PROTECTIVE: u8 = 0xee;

/// The chain of logical partitions ends here at the latest.
const MAX_LOGICAL: u32 = 128;

/// An MBR that has partitions.
pub(super) struct Mbr {
    signature: u32,
    entries: [Entry; 4],
}

/// What an MBR says of its partitions.
pub(super) struct Table {
    /// Partitions with their first byte and their length.
    pub partitions: Vec<(Partition, u64, u64)>,
    /// What was wrong, in words.
    pub problems: Vec<String>,
}

/// One of the four entries of a partition sector.
#[derive(Clone, Copy, Default)]
struct Entry {
    boot: u8,
    kind: u8,
    first: u32,
    sectors: u32,
}

impl Entry {
    fn is_used(self) -> bool {
        self.kind != 0 && self.sectors != 0
    }

    fn is_extended(self) -> bool {
        self.is_used() && EXTENDED.contains(&self.kind)
    }
}

/// The four entries of a sector that has the signature bytes at its end.
fn entries(sector: &[u8; 512]) -> Option<[Entry; 4]> {
    if sector.get(510..) != Some(&[0x55, 0xaa]) {
        return None;
    }
    let mut entries = [Entry::default(); 4];
    let stored = sector.get(0x1be..0x1fe)?.chunks_exact(16);
    for (entry, bytes) in entries.iter_mut().zip(stored) {
        *entry = Entry {
            boot: *bytes.first()?,
            kind: *bytes.get(4)?,
            first: u32_at(bytes, 8)?,
            sectors: u32_at(bytes, 12)?,
        };
    }
    Some(entries)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

impl Mbr {
    /// Reads the first sector. A boot sector of a filesystem has the same signature: it is told apart by
    /// boot flags and ranges that no partition table has.
    pub(super) fn read(source: &Source) -> Option<Mbr> {
        let mut sector = [0; 512];
        source.read_exact_at(0, &mut sector).ok()?;
        let entries = entries(&sector)?;
        let plausible = entries.iter().all(|entry| {
            // 0x80 is "active"; the others are code or text of a boot sector.
            entry.boot & 0x7f == 0 && (!entry.is_used() || entry.first > 0 || entry.kind == 0xcd)
        });
        let used = entries.iter().any(|entry| entry.is_used());
        let signature = u32_at(&sector, 0x1b8)?;
        (plausible && used).then_some(Mbr { signature, entries })
    }

    /// The number of sectors that a protective entry claims, if there is one.
    pub(super) fn protective_size(&self) -> Option<u32> {
        let protective = self.entries.iter().find(|entry| entry.kind == PROTECTIVE);
        protective.map(|entry| entry.sectors)
    }

    /// Has it partitions besides the protective one?
    pub(super) fn is_hybrid(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.is_used() && entry.kind != PROTECTIVE)
    }

    /// All partitions, the logical ones from number 5.
    pub(super) fn table(&self, source: &Source, sector_size: u32) -> Table {
        let mut table = Table {
            partitions: Vec::new(),
            problems: Vec::new(),
        };
        let disk = Geometry {
            source,
            sector_size: sector_size.into(),
            signature: self.signature,
        };
        for (entry, number) in self.entries.iter().zip(1..) {
            if entry.is_used() && !entry.is_extended() && entry.kind != PROTECTIVE {
                disk.add(&mut table, number, *entry, 0);
            }
        }
        // The kernel follows the first extended partition only.
        if let Some(extended) = self.entries.iter().find(|entry| entry.is_extended()) {
            disk.logical(&mut table, extended.first.into());
        }
        table
    }
}

struct Geometry<'a> {
    source: &'a Source,
    sector_size: u64,
    signature: u32,
}

impl Geometry<'_> {
    /// Adds `entry`, whose first sector counts from `base`.
    fn add(&self, table: &mut Table, number: u32, entry: Entry, base: u64) {
        let first = base.saturating_add(entry.first.into());
        let start = first.saturating_mul(self.sector_size);
        let size = u64::from(entry.sectors).saturating_mul(self.sector_size);
        if start >= self.source.size() {
            table.problems.push(format!(
                "partition {number} begins behind the end of the disk: left out"
            ));
            return;
        }
        if start.saturating_add(size) > self.source.size() {
            table.problems.push(format!(
                "partition {number} reaches over the end of the disk"
            ));
        }
        let partition = Partition {
            number,
            kind: PartitionKind::Mbr(entry.kind),
            uuid: Some(format!("{:08x}-{number:02x}", self.signature)),
            name: None,
            attributes: 0,
        };
        table.partitions.push((partition, start, size));
    }

    /// Follows the chain of partition sectors that begins at `extended`. Each holds one logical
    /// partition, counted from that sector, and the next link, counted from the extended partition.
    fn logical(&self, table: &mut Table, extended: u64) {
        let mut sector_number = extended;
        let mut visited = Vec::new();
        let mut number: u32 = 5;
        loop {
            if visited.contains(&sector_number) || number > MAX_LOGICAL {
                table
                    .problems
                    .push("the chain of logical partitions runs in a circle: cut".to_owned());
                return;
            }
            visited.push(sector_number);
            let mut sector = [0; 512];
            let offset = sector_number.saturating_mul(self.sector_size);
            let read = self.source.read_exact_at(offset, &mut sector);
            let Some(links) = read.ok().and_then(|()| entries(&sector)) else {
                table.problems.push(format!(
                    "the chain of logical partitions breaks in sector {sector_number}"
                ));
                return;
            };
            let partitions = links.iter().filter(|entry| entry.is_used());
            for entry in partitions.filter(|entry| !entry.is_extended()) {
                self.add(table, number, *entry, sector_number);
                number = number.saturating_add(1);
            }
            match links.iter().find(|entry| entry.is_extended()) {
                Some(next) => sector_number = extended.saturating_add(next.first.into()),
                None => return,
            }
        }
    }
}
