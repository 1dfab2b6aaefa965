//! FAT12, FAT16 and FAT32 (Microsoft's FAT specification 1.03).
//!
//! There is no magic that all of them carry: a volume is FAT if the numbers of its parameter block make
//! sense together.

use std::io;

use super::{Fields, Format, Probe, Probed, content};

/// Most clusters of a FAT32.
const MAX_CLUSTERS: u64 = 0x0fff_fff5;

/// Clusters of a FAT32's root directory that are searched for a label.
const MAX_ROOT_CLUSTERS: u32 = 100;

/// Bytes of a root directory that are searched for a label, at most.
const MAX_DIRECTORY: u64 = 64 * 1024;

const ENTRY: u64 = 32;

const ATTRIBUTE_VOLUME_ID: u8 = 0x08;
const ATTRIBUTE_DIRECTORY: u8 = 0x10;
/// All of read-only, hidden, system and volume: a part of a long name.
const ATTRIBUTE_LONG_NAME: u8 = 0x0f;

/// The numbers of a boot sector, in bytes where they are sizes.
struct Parameters {
    cluster: u64,
    fat_start: u64,
    fat_length: u64,
    fats: u64,
    root_entries: u64,
    root_cluster: u32,
    is_fat32: bool,
    serial: [u8; 4],
}

pub(super) fn probe(probe: &Probe<'_>) -> Probed {
    let Some(sector) = probe.bytes::<512>(0)? else {
        return Ok(None);
    };
    let Some(parameters) = parameters(&sector) else {
        return Ok(None);
    };
    let label = match parameters.is_fat32 {
        true => label_fat32(probe, &parameters)?,
        false => label_fat16(probe, &parameters)?,
    };
    let [a, b, c, d] = parameters.serial;
    let serial = (parameters.serial != [0; 4]).then(|| format!("{d:02X}{c:02X}-{b:02X}{a:02X}"));
    Ok(Some(content(Format::Fat, serial, label)))
}

fn parameters(boot: &[u8; 512]) -> Option<Parameters> {
    // Either a name that tools write, or the jump of a boot sector with its signature.
    let named = [0x36, 0x52].iter().any(|at| {
        let name = boot.range(*at, 8);
        name.starts_with(b"FAT") || name.starts_with(b"MSDOS") || name.starts_with(b"MSWIN")
    });
    let jump = matches!(boot.u8(0), 0xe9 | 0xeb) && boot.range(510, 2) == [0x55, 0xaa];
    if !named && !jump {
        return None;
    }
    // Others whose boot sectors look the same.
    if boot.range(0x36, 8).starts_with(b"JFS") || boot.range(0x36, 4) == b"HPFS" {
        return None;
    }
    if boot.range(3, 8) == b"NTFS    " || boot.range(3, 8) == b"EXFAT   " {
        return None;
    }
    let sector = u64::from(boot.u16(0x0b));
    let sectors_per_cluster = u64::from(boot.u8(0x0d));
    let reserved = u64::from(boot.u16(0x0e));
    let fats = u64::from(boot.u8(0x10));
    let media = boot.u8(0x15);
    if !matches!(sector, 512 | 1024 | 2048 | 4096)
        || !sectors_per_cluster.is_power_of_two()
        || reserved == 0
        || fats == 0
        || !(media == 0xf0 || media >= 0xf8)
    {
        return None;
    }
    let fat16_length = u64::from(boot.u16(0x16));
    let fat32_length = u64::from(boot.u32(0x24));
    let is_fat32 = fat16_length == 0;
    let fat_sectors = if is_fat32 { fat32_length } else { fat16_length };
    let root_entries = u64::from(boot.u16(0x11));
    if fat_sectors == 0 || (is_fat32 && root_entries != 0) {
        return None;
    }
    let total = match boot.u16(0x13) {
        0 => u64::from(boot.u32(0x20)),
        sectors => u64::from(sectors),
    };
    let fat_length = fat_sectors.checked_mul(sector)?;
    let fat_start = reserved.checked_mul(sector)?;
    let cluster = sectors_per_cluster.checked_mul(sector)?;
    let before_data = fats
        .checked_mul(fat_length)?
        .checked_add(fat_start)?
        .checked_add(root_entries.checked_mul(ENTRY)?)?;
    let data = total.checked_mul(sector)?.checked_sub(before_data)?;
    if data.checked_div(cluster)? > MAX_CLUSTERS {
        return None;
    }
    let serial = if is_fat32 { 0x43 } else { 0x27 };
    Some(Parameters {
        cluster,
        fat_start,
        fat_length,
        fats,
        root_entries,
        root_cluster: boot.u32(0x2c),
        is_fat32,
        serial: super::array(boot.range(serial, 4)),
    })
}

/// FAT12 and FAT16: the root directory has its own place behind the tables.
fn label_fat16(probe: &Probe<'_>, fat: &Parameters) -> io::Result<Option<String>> {
    let start = fat
        .fat_start
        .saturating_add(fat.fats.saturating_mul(fat.fat_length));
    let length = fat.root_entries.saturating_mul(ENTRY).min(MAX_DIRECTORY);
    Ok(match search(probe, start, length)? {
        Search::Label(label) => label,
        Search::End | Search::GoOn => None,
    })
}

/// FAT32: the root directory is a chain of clusters.
fn label_fat32(probe: &Probe<'_>, fat: &Parameters) -> io::Result<Option<String>> {
    let tables = fat.fats.saturating_mul(fat.fat_length);
    let data = fat.fat_start.saturating_add(tables);
    let mut cluster = fat.root_cluster;
    for _ in 0..MAX_ROOT_CLUSTERS {
        let Some(index) = u64::from(cluster)
            .checked_sub(2)
            .filter(|i| *i < MAX_CLUSTERS)
        else {
            return Ok(None);
        };
        let start = data.saturating_add(index.saturating_mul(fat.cluster));
        match search(probe, start, fat.cluster.min(MAX_DIRECTORY))? {
            Search::Label(label) => return Ok(label),
            Search::End => return Ok(None),
            Search::GoOn => {}
        }
        let next = fat
            .fat_start
            .saturating_add(u64::from(cluster).saturating_mul(4));
        if next >= fat.fat_start.saturating_add(fat.fat_length) {
            return Ok(None);
        }
        let Some(next) = probe.bytes::<4>(next)? else {
            return Ok(None);
        };
        cluster = next.u32(0) & 0x0fff_ffff;
    }
    Ok(None)
}

/// What a piece of a directory says about the label.
enum Search {
    /// It is here; `None` for a name that is empty.
    Label(Option<String>),
    /// The directory ends here without one.
    End,
    /// It goes on in another place.
    GoOn,
}

fn search(probe: &Probe<'_>, start: u64, length: u64) -> io::Result<Search> {
    for i in 0..length / ENTRY {
        let offset = start.saturating_add(i.saturating_mul(ENTRY));
        let Some(entry) = probe.bytes::<32>(offset)? else {
            return Ok(Search::End);
        };
        let attributes = entry.u8(11);
        match entry.u8(0) {
            0 => return Ok(Search::End),
            0xe5 => continue,
            _ if attributes & 0x3f == ATTRIBUTE_LONG_NAME => continue,
            _ => {}
        }
        let is_label = attributes & (ATTRIBUTE_VOLUME_ID | ATTRIBUTE_DIRECTORY);
        // A label has no clusters.
        if is_label != ATTRIBUTE_VOLUME_ID || entry.u16(20) != 0 || entry.u16(26) != 0 {
            continue;
        }
        let mut name: [u8; 11] = super::array(entry.range(0, 11));
        // 0xe5 as first character stands as 0x05, since it would mean "deleted".
        if let [first @ 0x05, ..] = &mut name {
            *first = 0xe5;
        }
        let label = super::text(&name).filter(|label| label != "NO NAME");
        return Ok(Search::Label(label));
    }
    Ok(Search::GoOn)
}
