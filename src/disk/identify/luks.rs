//! LUKS 1 (on-disk format specification 1.2.3, figure 1) and LUKS 2 (on-disk format specification
//! 1.1.1, section 2.1). Numbers are big-endian.

use super::probe::Probe;
use super::{Content, Format};
use crate::disk::bytes::{array, text};

pub(super) fn probe(probe: &Probe) -> Option<Content> {
    let header: [u8; 512] = probe.bytes(0)?;
    if !header.starts_with(b"LUKS\xba\xbe") {
        return None;
    }
    let label = match u16::from_be_bytes(array(&header, 6)?) {
        1 => None,
        2 => text(&header, 24, 48),
        _ => return None,
    };
    Some(Content {
        format: Some(Format::Luks),
        uuid: text(&header, 168, 40),
        label,
    })
}
