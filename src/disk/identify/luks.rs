//! LUKS 1 and 2 (LUKS On-Disk Format Specification).

use super::{Fields, Format, Probe, Probed, content, text};

pub(super) fn probe(probe: &Probe<'_>) -> Probed {
    let Some(header) = probe.bytes::<208>(0)? else {
        return Ok(None);
    };
    if header.range(0, 6) != b"LUKS\xba\xbe" {
        return Ok(None);
    }
    // The version is stored with its high byte first.
    let label = match header.u16(6).swap_bytes() {
        2 => text(header.range(24, 48)),
        _ => None,
    };
    Ok(Some(content(
        Format::Luks,
        text(header.range(168, 40)),
        label,
    )))
}
