//! FAT12, FAT16 and FAT32: Microsoft's FAT specification 1.03. There is no magic that all makers
//! write, so the numbers of the BIOS parameter block (BPB) must fit together.

use super::probe::Probe;
use super::{Content, Format};
use crate::disk::bytes::{array, le16, le32, text};

/// FAT12 has fewer clusters than this, FAT16 fewer than the next (section 3.5, with the tolerance of
/// the Linux driver).
const MAX_FAT12: u32 = 0xff4;
const MAX_FAT16: u32 = 0xfff4;
const MAX_FAT32: u32 = 0x0fff_fff6;

const ENTRY_SIZE: u32 = 32;
/// Entries of the root directory that are searched for the label, which formatters write first.
const MAX_ENTRIES: u32 = 16_384;
/// Clusters of a FAT32 root directory that are followed, which bounds a chain that bites its tail.
const MAX_CLUSTERS: u32 = 100;

const LONG_NAME: u8 = 0x0f;
const VOLUME_ID: u8 = 0x08;
const DIRECTORY: u8 = 0x10;

pub(super) fn probe(probe: &Probe) -> Option<Content> {
    let boot: [u8; 512] = probe.bytes(0)?;
    let bpb = Bpb::read(&boot)?;
    // BS_VolID and BS_VolLab follow the part of the BPB that only FAT32 has.
    let (volume_id, volume_label) = if bpb.fat32 {
        (0x43, 0x47)
    } else {
        (0x27, 0x2b)
    };
    let serial = le32(&boot, volume_id)?;
    let label = root_label(probe, &bpb).or_else(|| text(&boot, volume_label, 11));
    Some(Content {
        format: Some(Format::Fat),
        uuid: (serial != 0).then(|| format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff)),
        label: label.filter(|label| label != "NO NAME"),
    })
}

/// The numbers of a BPB that fit together.
struct Bpb {
    fat32: bool,
    sector_size: u32,
    sectors_per_cluster: u32,
    reserved_sectors: u32,
    /// All copies of the table together.
    fat_sectors: u32,
    root_entries: u32,
    root_cluster: u32,
}

impl Bpb {
    fn read(boot: &[u8; 512]) -> Option<Bpb> {
        if !has_signature(boot) {
            return None;
        }
        let bytes_per_sec = le16(boot, 0x0b)?;
        let [sec_per_clus] = array(boot, 0x0d)?;
        let rsvd_sec_cnt = le16(boot, 0x0e)?;
        let [num_fats] = array(boot, 0x10)?;
        let root_ent_cnt = le16(boot, 0x11)?;
        let tot_sec_16 = le16(boot, 0x13)?;
        let [media] = array(boot, 0x15)?;
        let fat_sz_16 = le16(boot, 0x16)?;
        let tot_sec_32 = le32(boot, 0x20)?;
        let fat_sz_32 = le32(boot, 0x24)?;
        let root_clus = le32(boot, 0x2c)?;

        let plausible = matches!(bytes_per_sec, 512 | 1024 | 2048 | 4096)
            && sec_per_clus.is_power_of_two()
            && rsvd_sec_cnt != 0
            && num_fats != 0
            && (media == 0xf0 || media >= 0xf8);
        if !plausible {
            return None;
        }
        let fat32 = fat_sz_16 == 0;
        let fat_size = if fat32 {
            fat_sz_32
        } else {
            u32::from(fat_sz_16)
        };
        let sectors = if tot_sec_16 == 0 {
            tot_sec_32
        } else {
            u32::from(tot_sec_16)
        };
        let sector_size = u32::from(bytes_per_sec);
        let fat_sectors = fat_size.checked_mul(u32::from(num_fats))?;
        let root_bytes = u32::from(root_ent_cnt).checked_mul(ENTRY_SIZE)?;
        let root_sectors = root_bytes.div_ceil(sector_size);
        let overhead = fat_sectors
            .checked_add(u32::from(rsvd_sec_cnt))?
            .checked_add(root_sectors)?;
        let clusters = sectors
            .checked_sub(overhead)?
            .checked_div(u32::from(sec_per_clus))?;
        let max = match (fat32, clusters > MAX_FAT12) {
            (true, _) => MAX_FAT32,
            (false, true) => MAX_FAT16,
            (false, false) => MAX_FAT12,
        };
        (fat_size != 0 && clusters <= max).then_some(Bpb {
            fat32,
            sector_size,
            sectors_per_cluster: u32::from(sec_per_clus),
            reserved_sectors: u32::from(rsvd_sec_cnt),
            fat_sectors,
            root_entries: u32::from(root_ent_cnt),
            root_cluster: root_clus,
        })
    }

    /// Where a sector lies in the volume, in bytes.
    fn sector(&self, number: u64) -> Option<u64> {
        number.checked_mul(u64::from(self.sector_size))
    }

    /// Where the data of a cluster lies in the volume, in bytes. Only FAT32 asks.
    fn cluster(&self, number: u32) -> Option<u64> {
        let index = u64::from(number.checked_sub(2)?);
        let before = u64::from(self.reserved_sectors).checked_add(u64::from(self.fat_sectors))?;
        let sector = index
            .checked_mul(u64::from(self.sectors_per_cluster))?
            .checked_add(before)?;
        self.sector(sector)
    }
}

/// One of the strings that formatters write, a jump instruction, or the end mark that MBRs have too.
/// Other filesystems that begin alike say their name where FAT would say its own.
fn has_signature(boot: &[u8; 512]) -> bool {
    let says = |at: usize, name: &[u8]| boot.get(at..).is_some_and(|rest| rest.starts_with(name));
    let named = says(0x52, b"FAT32   ")
        || says(0x52, b"MSWIN")
        || says(0x36, b"FAT12   ")
        || says(0x36, b"FAT16   ")
        || says(0x36, b"FAT     ")
        || says(0x36, b"MSDOS");
    let other = says(0x36, b"JFS     ")
        || says(0x36, b"HPFS    ")
        || says(0x03, b"NTFS    ")
        || says(0x03, b"EXFAT   ")
        || says(0x03, b"-FVE-FS-");
    named || (says(0x1fe, &[0x55, 0xaa]) && !other)
}

/// The label that the root directory carries, which is the one that other systems show.
fn root_label(probe: &Probe, bpb: &Bpb) -> Option<String> {
    if !bpb.fat32 {
        let first = bpb.reserved_sectors.checked_add(bpb.fat_sectors)?;
        let start = bpb.sector(u64::from(first))?;
        return match search(probe, start, bpb.root_entries) {
            Search::Label(label) => label,
            Search::End | Search::More => None,
        };
    }
    let entries_per_cluster = bpb
        .sectors_per_cluster
        .checked_mul(bpb.sector_size)?
        .checked_div(ENTRY_SIZE)?;
    let most = MAX_ENTRIES
        .checked_div(entries_per_cluster)?
        .clamp(1, MAX_CLUSTERS);
    let mut cluster = bpb.root_cluster;
    for _ in 0..most {
        match search(probe, bpb.cluster(cluster)?, entries_per_cluster) {
            Search::Label(label) => return label,
            Search::End => return None,
            Search::More => {}
        }
        let table = bpb.sector(u64::from(bpb.reserved_sectors))?;
        let entry = table.checked_add(u64::from(cluster).checked_mul(4)?)?;
        cluster = u32::from_le_bytes(probe.bytes(entry)?) & 0x0fff_ffff;
    }
    None
}

/// What a part of a directory said about the label.
enum Search {
    /// The entry is here; its text may be empty.
    Label(Option<String>),
    /// The directory ends here.
    End,
    /// It goes on elsewhere.
    More,
}

/// Looks through `entries` directory entries at `start`, a sector at a time.
fn search(probe: &Probe, start: u64, entries: u32) -> Search {
    const SECTOR: u32 = 512;
    let bytes = entries.min(MAX_ENTRIES).saturating_mul(ENTRY_SIZE);
    for index in 0..bytes.div_ceil(SECTOR) {
        let at = start.saturating_add(u64::from(index).saturating_mul(u64::from(SECTOR)));
        let Some(sector) = probe.bytes::<512>(at) else {
            return Search::End;
        };
        for entry in sector.as_chunks::<32>().0 {
            let [first, ..] = entry;
            let attributes = entry.get(11).copied().unwrap_or_default();
            match first {
                0 => return Search::End,
                0xe5 => {}
                _ if attributes & 0x3f == LONG_NAME => {}
                _ if attributes & (VOLUME_ID | DIRECTORY) == VOLUME_ID => {
                    return Search::Label(text(entry, 0, 11));
                }
                _ => {}
            }
        }
    }
    Search::More
}
