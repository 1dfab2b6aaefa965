//! LVM2 physical volumes: the label in one of the first four sectors (`lib/format_text/layout.h` of
//! LVM2).

use super::{Fields, Format, Probe, Probed, content};

const SECTORS: [u64; 4] = [0, 512, 1024, 1536];

pub(super) fn probe(probe: &Probe<'_>) -> Probed {
    for sector in SECTORS {
        let Some(label) = probe.bytes::<512>(sector)? else {
            return Ok(None);
        };
        if label.range(0, 8) != b"LABELONE" || label.range(0x18, 8) != b"LVM2 001" {
            continue;
        }
        let header = usize::try_from(label.u32(0x14)).unwrap_or(usize::MAX);
        let uuid = dashed(label.range(header, 32));
        return Ok(Some(content(Format::Lvm, uuid, None)));
    }
    Ok(None)
}

/// LVM writes its 32 characters in groups of 6, 4, 4, 4, 4, 4 and 6.
fn dashed(id: &[u8]) -> Option<String> {
    let id = std::str::from_utf8(id).ok()?;
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut text = String::with_capacity(38);
    for (i, c) in id.chars().enumerate() {
        if matches!(i, 6 | 10 | 14 | 18 | 22 | 26) {
            text.push('-');
        }
        text.push(c);
    }
    Some(text)
}
