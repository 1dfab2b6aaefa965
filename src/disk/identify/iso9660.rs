//! ISO 9660 (ECMA-119, section 8) and the Joliet specification's supplementary descriptors.

use super::probe::Probe;
use super::{Content, Format};
use crate::disk::bytes::{array, text};

const SECTOR: u64 = 2048;
/// The system area before the volume descriptors has 16 sectors.
const FIRST_DESCRIPTOR: u64 = 16;
/// Descriptors that are looked at before the set must have ended.
const MAX_DESCRIPTORS: u64 = 16;

const PRIMARY: u8 = 1;
const SUPPLEMENTARY: u8 = 2;
const TERMINATOR: u8 = 255;

const VOLUME_IDENTIFIER: usize = 40;
const VOLUME_IDENTIFIER_LENGTH: usize = 32;
const ESCAPE_SEQUENCES: usize = 88;
const CREATION: usize = 813;
const MODIFICATION: usize = 830;

type Descriptor = [u8; 2048];

pub(super) fn probe(probe: &Probe) -> Option<Content> {
    let primary = descriptor(probe, 0).filter(|found| found.first() == Some(&PRIMARY))?;
    let joliet = (1..MAX_DESCRIPTORS)
        .map_while(|index| descriptor(probe, index))
        .take_while(|found| found.first() != Some(&TERMINATOR))
        .find(is_joliet);
    let label = joliet.and_then(|joliet| joliet_label(&joliet, &primary));
    Some(Content {
        format: Some(Format::Iso9660),
        uuid: date(&primary, MODIFICATION).or_else(|| date(&primary, CREATION)),
        label: label.or_else(|| text(&primary, VOLUME_IDENTIFIER, VOLUME_IDENTIFIER_LENGTH)),
    })
}

fn descriptor(probe: &Probe, index: u64) -> Option<Descriptor> {
    let sector = FIRST_DESCRIPTOR.checked_add(index)?;
    let descriptor: Descriptor = probe.bytes(sector.checked_mul(SECTOR)?)?;
    (descriptor.get(1..6)? == b"CD001").then_some(descriptor)
}

/// UCS-2 level 1, 2 or 3.
fn is_joliet(descriptor: &Descriptor) -> bool {
    let escape: Option<[u8; 3]> = array(descriptor, ESCAPE_SEQUENCES);
    descriptor.first() == Some(&SUPPLEMENTARY)
        && matches!(escape.as_ref(), Some(b"%/@" | b"%/C" | b"%/E"))
}

/// Joliet has 16 characters in UCS-2 where the primary descriptor has 32 in capitals: where both begin
/// alike, the rest comes from the longer one.
fn joliet_label(joliet: &Descriptor, primary: &Descriptor) -> Option<String> {
    let wide: [u8; VOLUME_IDENTIFIER_LENGTH] = array(joliet, VOLUME_IDENTIFIER)?;
    let plain: [u8; VOLUME_IDENTIFIER_LENGTH] = array(primary, VOLUME_IDENTIFIER)?;
    let mut units: Vec<u16> = wide
        .as_chunks::<2>()
        .0
        .iter()
        .map(|unit| u16::from_be_bytes(*unit))
        .collect();
    let alike = units.iter().zip(&plain).all(|(unit, byte)| {
        let unit = u8::try_from(*unit).unwrap_or(b'_').to_ascii_uppercase();
        unit == byte.to_ascii_uppercase() || unit == b'_' || *byte == b'_'
    });
    if alike {
        units.extend(plain.iter().skip(units.len()).map(|byte| u16::from(*byte)));
    }
    let label = String::from_utf16_lossy(&units);
    text(label.as_bytes(), 0, label.len())
}

/// A date of 16 digits in the form that serves as UUID: `2026-11-21-06-13-27-00`.
fn date(descriptor: &Descriptor, at: usize) -> Option<String> {
    let digits: [u8; 16] = array(descriptor, at)?;
    if digits == [b'0'; 16] || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut date = String::with_capacity(22);
    for (index, digit) in digits.into_iter().enumerate() {
        if index >= 4 && index % 2 == 0 {
            date.push('-');
        }
        date.push(char::from(digit));
    }
    Some(date)
}
