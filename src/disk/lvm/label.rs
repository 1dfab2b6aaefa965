//! [`PhysicalVolume`]: the label of LVM2 on a disk and the text behind it (`lib/label/label.h` and
//! `lib/format_text/layout.h` of LVM2).

use super::group::VolumeGroup;
use crate::disk::ReadAt;
use crate::disk::bytes::{array, le32, le64};

const SECTOR: u64 = 512;
/// What LVM begins its CRC-32 with; it does not turn the result.
const CRC_START: u32 = 0xf597_a6cf;
/// Where the checksum of a label begins to count.
const CHECKED_FROM: usize = 20;
/// Areas of one kind that a header may list; LVM writes at most two.
const MAX_AREAS: usize = 8;
/// The text of a group with a thousand volumes is a few hundred kilobytes.
const MAX_TEXT: u64 = 4 << 20;
/// The header of a metadata area takes its first sector.
const AREA_HEADER: u64 = 512;
const AREA_MAGIC: &[u8; 16] = b"\x20LVM2\x20x[5A%r0N*>";
/// Flag of a text that does not count.
const IGNORED: u32 = 1;
/// Where an identifier of 32 characters gets its dashes.
const GROUPS: [usize; 7] = [6, 4, 4, 4, 4, 4, 6];

/// A disk, partition or array that belongs to a volume group.
pub(crate) struct PhysicalVolume {
    /// Its UUID, with dashes.
    pub(super) id: String,
    /// The newest description of its group that it holds. Not every physical volume has one.
    pub(super) group: Option<VolumeGroup>,
    /// Descriptions that can't be read, in words.
    pub(super) problems: Vec<String>,
}

impl PhysicalVolume {
    /// Reads the label and every metadata area.
    ///
    /// # Errors
    /// Why it is none that can be used, in words.
    pub(crate) fn read(source: &dyn ReadAt) -> Result<PhysicalVolume, String> {
        let label = (0..4).find_map(|sector| label(source, sector));
        let label = label.ok_or("the label of LVM is damaged")?;
        let (id, areas) = header(&label).ok_or("the header behind the label of LVM is damaged")?;
        let mut volume = PhysicalVolume {
            id,
            group: None,
            problems: Vec::new(),
        };
        for area in areas {
            match area.text(source).and_then(|text| match text {
                Some(text) => VolumeGroup::parse(&text).map(Some),
                None => Ok(None),
            }) {
                Ok(Some(group)) => {
                    let known = volume.group.as_ref().map(|known| known.seqno);
                    if known < Some(group.seqno) {
                        volume.group = Some(group);
                    }
                }
                Ok(None) => {}
                Err(problem) => volume.problems.push(problem),
            }
        }
        Ok(volume)
    }
}

/// The label in a sector, if it is one whose checksum is right.
fn label(source: &dyn ReadAt, sector: u64) -> Option<[u8; 512]> {
    let mut label = [0; 512];
    let at = sector.checked_mul(SECTOR)?;
    source.read_exact_at(at, &mut label).ok()?;
    let known = label.starts_with(b"LABELONE") && label.get(24..32)? == b"LVM2 001";
    let right = le32(&label, 16)? == checksum(label.get(CHECKED_FROM..)?);
    (known && right && le64(&label, 8)? == sector).then_some(label)
}

/// The UUID in the header of a label, and the metadata areas. Both lists of areas end with a zero; the
/// areas of data come first.
fn header(label: &[u8]) -> Option<(String, Vec<Area>)> {
    let start = usize::try_from(le32(label, 20)?).ok()?;
    let header = label.get(start..)?;
    let id = dashed(std::str::from_utf8(header.get(..32)?).ok()?)?;
    let mut at: usize = 40;
    let mut list = || -> Option<Vec<Area>> {
        let mut areas = Vec::new();
        loop {
            let area = Area {
                start: le64(header, at)?,
                size: le64(header, at.checked_add(8)?)?,
            };
            at = at.checked_add(16)?;
            if area.start == 0 {
                return Some(areas);
            }
            if areas.len() < MAX_AREAS {
                areas.push(area);
            }
        }
    };
    list()?;
    Some((id, list()?))
}

fn dashed(plain: &str) -> Option<String> {
    let mut rest = plain;
    let mut parts = Vec::with_capacity(GROUPS.len());
    for length in GROUPS {
        let (part, after) = rest.split_at_checked(length)?;
        parts.push(part);
        rest = after;
    }
    let known = plain.bytes().all(|b| b.is_ascii_alphanumeric());
    known.then(|| parts.join("-"))
}

/// A metadata area: a header and a buffer that is written round and round.
struct Area {
    start: u64,
    size: u64,
}

impl Area {
    /// The text that counts; `None` where there is none yet, or none that is used.
    fn text(&self, source: &dyn ReadAt) -> Result<Option<String>, String> {
        let damaged = || format!("the metadata area of LVM at byte {} is damaged", self.start);
        let failed = |error| {
            format!(
                "the metadata area of LVM at byte {} can't be read: {error}",
                self.start
            )
        };
        let mut header = [0; 512];
        source
            .read_exact_at(self.start, &mut header)
            .map_err(failed)?;
        let place = self.place(&header).ok_or_else(damaged)?;
        let Some((offset, size, expected)) = place else {
            return Ok(None);
        };
        // Behind the end it goes on behind the header.
        let first = size.min(self.size.saturating_sub(offset));
        let mut text = vec![0; usize::try_from(size).map_err(|_| damaged())?];
        let cut = usize::try_from(first).map_err(|_| damaged())?;
        let (begin, rest) = text.split_at_mut_checked(cut).ok_or_else(damaged)?;
        let at = |offset| self.start.checked_add(offset).ok_or_else(damaged);
        source.read_exact_at(at(offset)?, begin).map_err(failed)?;
        source
            .read_exact_at(at(AREA_HEADER)?, rest)
            .map_err(failed)?;
        if checksum(&text) != expected {
            return Err(damaged());
        }
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }

    /// Offset, length and checksum of the text. The outer `None` is damage.
    #[allow(clippy::type_complexity)]
    fn place(&self, header: &[u8; 512]) -> Option<Option<(u64, u64, u32)>> {
        let known = array::<16>(header, 4)? == *AREA_MAGIC && le32(header, 20)? == 1;
        let right = le32(header, 0)? == checksum(header.get(4..)?);
        let here = le64(header, 24)? == self.start && le64(header, 32)? == self.size;
        if !known || !right || !here {
            return None;
        }
        // The first of the two places is what was committed last.
        let (offset, size) = (le64(header, 40)?, le64(header, 48)?);
        if offset == 0 || size == 0 || le32(header, 60)? & IGNORED != 0 {
            return Some(None);
        }
        let room = self.size.checked_sub(AREA_HEADER)?;
        let fits = (AREA_HEADER..self.size).contains(&offset) && size <= room.min(MAX_TEXT);
        fits.then_some(Some((offset, size, le32(header, 56)?)))
    }
}

/// LVM's CRC-32: the polynomial of Ethernet.
fn checksum(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::Algorithm {
        width: 32,
        poly: 0x04c1_1db7,
        init: CRC_START.reverse_bits(),
        refin: true,
        refout: true,
        xorout: 0,
        check: 0,
        residue: 0,
    });
    CRC.checksum(bytes)
}
