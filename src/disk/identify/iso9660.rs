//! ISO 9660 (ECMA-119) with Joliet names.

use super::{Fields, Format, Probe, Probed, content, text};

const FIRST_DESCRIPTOR: u64 = 16 * 2048;
const DESCRIPTOR: u64 = 2048;

/// Descriptors are looked at up to this number; the set must end before.
const MAX_DESCRIPTORS: u64 = 16;

pub(super) fn probe(probe: &Probe<'_>) -> Probed {
    let Some(primary) = probe.bytes::<2048>(FIRST_DESCRIPTOR)? else {
        return Ok(None);
    };
    if primary.range(1, 5) != b"CD001" {
        return Ok(None);
    }
    let mut label = text(primary.range(40, 32));
    for i in 1..MAX_DESCRIPTORS {
        let offset = FIRST_DESCRIPTOR.saturating_add(DESCRIPTOR.saturating_mul(i));
        let Some(descriptor) = probe.bytes::<128>(offset)? else {
            break;
        };
        match descriptor.u8(0) {
            // The end of the set.
            0xff => break,
            // A supplementary descriptor in one of the three levels of UCS-2.
            2 if matches!(descriptor.range(88, 3), b"%/@" | b"%/C" | b"%/E") => {
                let joliet = descriptor.range(40, 32);
                label = merged(joliet, primary.range(40, 32)).or(label);
                break;
            }
            _ => {}
        }
    }
    // The time of the last change, or of the creation where that was never set.
    let uuid = date(primary.range(830, 17)).or_else(|| date(primary.range(813, 17)));
    Ok(Some(content(Format::Iso9660, uuid, label)))
}

/// The Joliet name has room for 16 characters and the other one for 32, in capitals: where the first
/// agrees with the second so far, the rest comes from the second.
fn merged(joliet: &[u8], ascii: &[u8]) -> Option<String> {
    let units: Vec<u16> = joliet
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes(super::array(pair)))
        .collect();
    let mut name = String::from_utf16_lossy(&units);
    let same = name.chars().zip(ascii).all(|(c, byte)| {
        let byte = char::from(*byte);
        byte == '_' || c.eq_ignore_ascii_case(&byte)
    });
    if same && let Some(rest) = ascii.get(units.len()..) {
        name.push_str(&String::from_utf8_lossy(rest));
    }
    text(name.as_bytes())
}

/// A date in digits as a UUID; none if it was never set.
fn date(digits: &[u8]) -> Option<String> {
    let digits = std::str::from_utf8(digits.get(..16)?).ok()?;
    if digits.bytes().all(|digit| digit == b'0') || !digits.bytes().all(|d| d.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = digits.split_at_checked(4)?;
    let mut date = year.to_owned();
    for pair in rest.as_bytes().chunks(2) {
        date.push('-');
        date.push_str(std::str::from_utf8(pair).ok()?);
    }
    Some(date)
}
