//! Master boot records with primary and logical partitions, numbered as Linux numbers them
//! (`block/partitions/msdos.c`).

use super::ReadAt;
use super::bytes::{array, le32};
use super::layout::{Partition, PartitionKind};
use super::scan::Slot;

/// Type byte of an entry that protects a GPT (UEFI specification 2.10, section 5.2.3).
const PROTECTIVE: u8 = 0xee;
/// Extended partitions: DOS, Windows, Linux.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// Links of a chain of logical partitions that are followed. Linux stops at 100, too.
const MAX_LINKS: usize = 100;
/// Logical partitions count from here, however few primary ones there are.
const FIRST_LOGICAL: u32 = 5;

const SIGNATURE: usize = 0x1b8;
const ENTRIES: usize = 0x1be;

/// The first sector of a disk, when it is a master boot record.
pub(super) struct Mbr {
    signature: u32,
    entries: [Entry; 4],
}

/// One of the four entries of a record.
#[derive(Clone, Copy)]
struct Entry {
    boot_indicator: u8,
    kind: u8,
    first: u32,
    sectors: u32,
}

impl Mbr {
    /// Reads the record. `None` when there is none: the end mark is missing, an entry's boot
    /// indicator is neither 0 nor 0x80, or no entry is used, as in the boot sector of a filesystem.
    pub(super) fn read(source: &dyn ReadAt) -> Option<Mbr> {
        let sector = read_sector(source, 0)?;
        let entries = read_entries(&sector)?;
        let signature = le32(&sector, SIGNATURE)?;
        let valid = entries
            .iter()
            .all(|entry| matches!(entry.boot_indicator, 0 | 0x80));
        let used = entries.iter().any(Entry::is_used);
        (valid && used).then_some(Mbr { signature, entries })
    }

    /// Does it protect a GPT?
    pub(super) fn is_protective(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == PROTECTIVE)
    }

    /// Do all partitions lie behind the record, on a disk of `size` bytes, and apart?
    pub(super) fn fits(&self, size: u64, sector_size: u64) -> bool {
        let mut extents: Vec<(u64, u64)> = self
            .entries
            .iter()
            .filter(|entry| entry.is_used())
            .map(|entry| (u64::from(entry.first), u64::from(entry.sectors)))
            .collect();
        extents.sort_unstable();
        let mut free = 1;
        extents.into_iter().all(|(first, sectors)| {
            let apart = first >= free;
            free = first.saturating_add(sectors);
            apart
        }) && free.saturating_mul(sector_size) <= size
    }

    /// The last sector that the protective entry covers: where the disk ended when it was written.
    /// `None` when it says that the disk has more sectors than it can count.
    pub(super) fn protective_end(&self) -> Option<u64> {
        let entry = self.entries.iter().find(|entry| entry.kind == PROTECTIVE)?;
        let end = u64::from(entry.first).checked_add(u64::from(entry.sectors))?;
        (entry.sectors != u32::MAX).then_some(end.checked_sub(1)?)
    }

    /// How many partitions a hybrid record lists beside its protective entry.
    pub(super) fn hybrid_entries(&self) -> usize {
        let hybrid = |entry: &&Entry| entry.is_used() && entry.kind != PROTECTIVE;
        self.entries.iter().filter(hybrid).count()
    }

    /// The partitions, without the extended ones, which contain nothing but the logical ones.
    pub(super) fn partitions(
        &self,
        source: &dyn ReadAt,
        sector_size: u64,
        problems: &mut Vec<String>,
    ) -> Vec<Slot> {
        let used = || {
            (1..)
                .zip(&self.entries)
                .filter(|(_, entry)| entry.is_used())
        };
        let mut slots = Vec::new();
        for (number, entry) in used().filter(|(_, entry)| !entry.is_extended()) {
            slots.push(self.slot(number, entry, u64::from(entry.first)));
        }
        let mut number = FIRST_LOGICAL;
        for (_, container) in used().filter(|(_, entry)| entry.is_extended()) {
            self.logical(
                source,
                sector_size,
                container,
                &mut number,
                &mut slots,
                problems,
            );
        }
        slots
    }

    /// Follows the chain of extended boot records in `container`: each has the entry of one logical
    /// partition, relative to the record, and a link to the next, relative to the container.
    fn logical(
        &self,
        source: &dyn ReadAt,
        sector_size: u64,
        container: &Entry,
        number: &mut u32,
        slots: &mut Vec<Slot>,
        problems: &mut Vec<String>,
    ) {
        let begin = u64::from(container.first);
        let end = begin.saturating_add(u64::from(container.sectors));
        let mut seen = Vec::new();
        let mut record = begin;
        loop {
            if seen.contains(&record) || seen.len() >= MAX_LINKS {
                problems.push(format!(
                    "the chain of logical partitions comes back to sector {record} or is longer than {MAX_LINKS}: it is followed no further"
                ));
                return;
            }
            seen.push(record);
            let at = record.checked_mul(sector_size);
            let sector = at.and_then(|at| read_sector(source, at));
            let Some(entries) = sector.as_ref().and_then(read_entries) else {
                problems.push(format!(
                    "the chain of logical partitions breaks at sector {record}: there is no extended boot record"
                ));
                return;
            };
            let mut next = None;
            for (index, entry) in entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.is_used())
            {
                if entry.is_extended() {
                    next = next.or(Some(begin.saturating_add(u64::from(entry.first))));
                    continue;
                }
                let first = record.saturating_add(u64::from(entry.first));
                let last = first.saturating_add(u64::from(entry.sectors));
                // Only the first two entries of a record mean something; some tools left garbage in
                // the others, so those count only where they fit.
                if index >= 2 && (first < begin || last > end) {
                    continue;
                }
                slots.push(self.slot(*number, entry, first));
                *number = number.saturating_add(1);
            }
            match next {
                Some(next) if (begin..end).contains(&next) => record = next,
                Some(next) => {
                    problems.push(format!(
                        "the chain of logical partitions leads to sector {next}, outside of the extended partition"
                    ));
                    return;
                }
                None => return,
            }
        }
    }

    fn slot(&self, number: u32, entry: &Entry, first: u64) -> Slot {
        Slot {
            partition: Partition {
                number,
                kind: PartitionKind::Mbr(entry.kind),
                uuid: (self.signature != 0).then(|| format!("{:08x}-{number:02x}", self.signature)),
                name: None,
                attributes: 0,
            },
            first,
            sectors: Some(u64::from(entry.sectors)),
        }
    }
}

impl Entry {
    fn is_used(&self) -> bool {
        self.sectors != 0
    }

    fn is_extended(&self) -> bool {
        EXTENDED.contains(&self.kind)
    }
}

/// A sector with the end mark that master and extended boot records have.
fn read_sector(source: &dyn ReadAt, at: u64) -> Option<[u8; 512]> {
    let mut sector = [0; 512];
    source.read_exact_at(at, &mut sector).ok()?;
    sector.ends_with(&[0x55, 0xaa]).then_some(sector)
}

fn read_entries(sector: &[u8; 512]) -> Option<[Entry; 4]> {
    let table: [u8; 64] = array(sector, ENTRIES)?;
    let entry = |index: usize| {
        let raw = table.as_chunks::<16>().0.get(index)?;
        let [boot_indicator, _, _, _, kind, ..] = *raw;
        Some(Entry {
            boot_indicator,
            kind,
            first: le32(raw, 8)?,
            sectors: le32(raw, 12)?,
        })
    };
    Some([entry(0)?, entry(1)?, entry(2)?, entry(3)?])
}
