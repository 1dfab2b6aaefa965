//! The scan of one disk: which table counts, what it divides the disk into, and what is in each part.

use std::sync::Arc;

use super::gpt::{self, SectorSize};
use super::layout::{Layout, Partition, TableKind, Volume};
use super::mbr::Mbr;
use super::{Content, Device, Disk, Format, Section, identify, md};

/// Linux makes at most this many devices of one disk (`DISK_MAX_PARTS`).
const MAX_PARTITIONS: usize = 256;

/// A partition as its table describes it, not yet compared with the disk.
pub(super) struct Slot {
    pub(super) partition: Partition,
    /// The first sector.
    pub(super) first: u64,
    /// How many sectors; `None` when it ends before it begins.
    pub(super) sectors: Option<u64>,
}

/// A table that was chosen.
struct Table {
    kind: TableKind,
    sector_size: u64,
    slots: Vec<Slot>,
}

pub(super) fn scan(disk: &Disk) -> Layout {
    let mut layout = Layout::default();
    let mut whole_problems = Vec::new();
    let whole = identify(disk.source.as_ref(), &mut whole_problems);
    let table = find_table(disk, &whole, &mut layout.problems);
    let sector_size = table
        .as_ref()
        .map_or(default_sector_size(disk).as_u64(), |t| t.sector_size);
    layout.sector_size = u32::try_from(sector_size).unwrap_or(512);
    if let Some(table) = table {
        layout.table = Some(table.kind);
        add_partitions(disk, table, &mut layout);
    }
    // Hybrid media are an ISO 9660 filesystem as a whole, and have partitions in it. One that begins
    // where the disk begins says the same.
    let hybrid = whole.format == Some(Format::Iso9660)
        && layout.volumes.iter().all(|volume| volume.offset != 0);
    if disk.source.size() != 0 && (layout.table.is_none() || hybrid) {
        layout.volumes.push(Volume {
            partition: None,
            assembled: None,
            offset: 0,
            size: disk.source.size(),
            content: whole,
            problems: whole_problems,
            source: disk.source.clone(),
            device: Device::new(&disk.path, disk.hardware.sequence, None),
        });
    }
    layout
}

fn default_sector_size(disk: &Disk) -> SectorSize {
    match disk.hardware.sector_size {
        Some(4096) => SectorSize::Lb4096,
        _ => SectorSize::Lb512,
    }
}

/// The partition table that Linux would use, or else the one that can still be saved.
fn find_table(disk: &Disk, whole: &Content, problems: &mut Vec<String>) -> Option<Table> {
    let source = disk.source.as_ref();
    if whole.format == Some(Format::MdRaid) && md::Superblock::is_at_end(source) {
        return None;
    }
    let mbr = Mbr::read(source).filter(|mbr| {
        // A FAT filesystem on the whole disk and a record of partitions share the first sector: what one
        // of them left there does not disturb the other. Partitions count where they can be.
        whole.format != Some(Format::Fat)
            || match mbr.is_protective() {
                true => gpt::announced(source).is_some(),
                false => mbr.fits(source.size(), default_sector_size(disk).as_u64()),
            }
    });
    if mbr.is_some() && whole.format == Some(Format::Fat) {
        problems.push(
            "the first sector also describes a FAT filesystem on the whole disk: the partitions are \
             used, as Linux does"
                .to_owned(),
        );
    }
    match mbr {
        Some(mbr) if mbr.is_protective() => {
            let table = find_gpt(disk, mbr.protective_end(), problems)?;
            if mbr.hybrid_entries() != 0 {
                problems.push(format!(
                    "hybrid MBR: the GPT is used, and the {} other partitions of the MBR are not",
                    mbr.hybrid_entries()
                ));
            }
            Some(table)
        }
        Some(mbr) => {
            if gpt::announced(source).is_some() {
                problems.push(
                    "there is a GPT that no protective MBR announces: the MBR is used, as Linux does"
                        .to_owned(),
                );
            }
            let sector_size = default_sector_size(disk).as_u64();
            Some(Table {
                kind: TableKind::Mbr,
                sector_size,
                slots: mbr.partitions(source, sector_size, problems),
            })
        }
        // A filesystem on the whole disk is no reason to look for the rests of an older table, and
        // neither is a first sector that somebody else wrote.
        None if matches!(whole.format, None | Some(Format::Iso9660))
            && (gpt::announced(source).is_some() || first_sector_is_gone(disk, problems)) =>
        {
            let mut found = Vec::new();
            let table = find_gpt(disk, None, &mut found)?;
            problems.append(&mut found);
            problems.push(
                "there is no protective MBR: Linux does not see the partitions of this GPT"
                    .to_owned(),
            );
            Some(table)
        }
        None => None,
    }
}

/// Is the first sector zero or unreadable, as the beginning of a damaged disk is?
fn first_sector_is_gone(disk: &Disk, problems: &mut Vec<String>) -> bool {
    let mut sector = [0; 512];
    if let Err(error) = disk.source.read_exact_at(0, &mut sector) {
        problems.push(format!("the first sector can't be read: {error}"));
    }
    sector == [0; 512]
}

/// The GPT in whichever sectors it counts: those of the disk or, after a copy from another disk, not.
fn find_gpt(disk: &Disk, protective_end: Option<u64>, problems: &mut Vec<String>) -> Option<Table> {
    let source = disk.source.as_ref();
    let of_disk = default_sector_size(disk);
    let other = match of_disk {
        SectorSize::Lb512 => SectorSize::Lb4096,
        SectorSize::Lb4096 => SectorSize::Lb512,
    };
    let order = match gpt::announced(source) {
        Some(announced) if announced == other => [other, of_disk],
        _ => [of_disk, other],
    };
    let mut first_problems = None;
    for size in order {
        let mut found = Vec::new();
        let Some(slots) = gpt::read(source, size, protective_end, &mut found) else {
            first_problems.get_or_insert(found);
            continue;
        };
        problems.append(&mut found);
        if disk.hardware.sector_size.is_some() && size != of_disk {
            problems.push(format!(
                "the GPT counts in sectors of {size} bytes and the disk in {of_disk}: Linux does not \
                 see its partitions"
            ));
        }
        return Some(Table {
            kind: TableKind::Gpt,
            sector_size: size.as_u64(),
            slots,
        });
    }
    problems.append(&mut first_problems.unwrap_or_default());
    None
}

/// Makes a volume of each partition that is on the disk at least in part.
fn add_partitions(disk: &Disk, mut table: Table, layout: &mut Layout) {
    table.slots.sort_by_key(|slot| slot.partition.number);
    if table.slots.len() > MAX_PARTITIONS {
        layout.problems.push(format!(
            "the table has {} partitions: those after the first {MAX_PARTITIONS} are left out",
            table.slots.len()
        ));
        table.slots.truncate(MAX_PARTITIONS);
    }
    for slot in table.slots {
        match volume(disk, slot, table.sector_size) {
            Ok(volume) => layout.volumes.push(volume),
            Err(reason) => layout.problems.push(reason),
        }
    }
    report_overlaps(layout);
}

/// The volume of a partition, cut where the disk ends.
fn volume(disk: &Disk, slot: Slot, sector_size: u64) -> Result<Volume, String> {
    let number = slot.partition.number;
    let disk_size = disk.source.size();
    let Some(sectors) = slot.sectors else {
        return Err(format!(
            "partition {number} ends before it begins: left out"
        ));
    };
    let offset = slot
        .first
        .checked_mul(sector_size)
        .filter(|at| *at < disk_size);
    let Some(offset) = offset else {
        return Err(format!(
            "partition {number} begins at sector {}, beyond the end of the disk: left out",
            slot.first
        ));
    };
    let promised = sectors.saturating_mul(sector_size);
    let size = promised.min(disk_size.saturating_sub(offset));
    let mut problems = Vec::new();
    if size < promised {
        problems.push(format!(
            "reaches {} bytes over the end of the disk and is cut there",
            promised.saturating_sub(size)
        ));
    }
    let source = Arc::new(Section::new(disk.source.clone(), offset, size));
    let content = identify(source.as_ref(), &mut problems);
    Ok(Volume {
        partition: Some(slot.partition),
        assembled: None,
        offset,
        size,
        content,
        problems,
        source,
        device: Device::new(&disk.path, disk.hardware.sequence, Some(offset)),
    })
}

/// Overlapping partitions stay, since one of them may be good, and are reported.
fn report_overlaps(layout: &mut Layout) {
    let mut order: Vec<&Volume> = layout.volumes.iter().collect();
    order.sort_by_key(|volume| volume.offset);
    let mut furthest: Option<&Volume> = None;
    for volume in order {
        if let Some(before) = furthest.filter(|before| volume.offset < end(before)) {
            layout.problems.push(format!(
                "partitions {} and {} overlap",
                number(before),
                number(volume)
            ));
        }
        if furthest.is_none_or(|before| end(before) < end(volume)) {
            furthest = Some(volume);
        }
    }
}

fn end(volume: &Volume) -> u64 {
    volume.offset.saturating_add(volume.size)
}

fn number(volume: &Volume) -> u32 {
    volume
        .partition
        .as_ref()
        .map_or(0, |partition| partition.number)
}
