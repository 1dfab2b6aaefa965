//! Swap space: `include/linux/swap.h` of Linux, `union swap_header`.

use super::probe::Probe;
use super::{Content, Format};
use crate::disk::bytes::{text, uuid};

/// The magic ends the first page, and pages differ between architectures.
const PAGE_SIZES: [u64; 5] = [4096, 8192, 16_384, 32_768, 65_536];
const MAGIC_LENGTH: u64 = 10;
/// `info` begins behind the boot block.
const INFO: u64 = 1024;

pub(super) fn probe(probe: &Probe) -> Option<Content> {
    let magic = PAGE_SIZES.into_iter().find_map(|page| {
        let magic: [u8; 10] = probe.bytes(page.checked_sub(MAGIC_LENGTH)?)?;
        matches!(&magic, b"SWAPSPACE2" | b"SWAP-SPACE").then_some(magic)
    })?;
    let swap = Content {
        format: Some(Format::Swap),
        ..Content::default()
    };
    if &magic == b"SWAP-SPACE" {
        return Some(swap);
    }
    let info: [u8; 512] = probe.bytes(INFO)?;
    // The version in either byte order, and a last page.
    let (version, rest) = info.split_first_chunk::<4>()?;
    let known = matches!(version, [1, 0, 0, 0] | [0, 0, 0, 1]);
    if !known || rest.starts_with(&[0; 4]) {
        return None;
    }
    // Old tools left garbage where newer ones put UUID and label: the padding behind tells.
    if info.get(76..78)? != [0, 0] {
        return Some(swap);
    }
    Some(Content {
        uuid: uuid(&info, 12),
        label: text(&info, 28, 16),
        ..swap
    })
}
