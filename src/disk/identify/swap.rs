//! Swap space (`include/linux/swap.h`, `union swap_header`).

use super::{Fields, Format, Probe, Probed, content, text, uuid};

/// The magic stands at the end of the first page, whatever a page was where it was made.
const PAGES: [u64; 5] = [4096, 8192, 16384, 32768, 65536];

pub(super) fn probe(probe: &Probe<'_>) -> Probed {
    for page in PAGES {
        let Some(magic) = probe.bytes::<10>(page.saturating_sub(10))? else {
            return Ok(None);
        };
        match &magic {
            b"SWAP-SPACE" => return Ok(Some(content(Format::Swap, None, None))),
            b"SWAPSPACE2" => {}
            _ => continue,
        }
        let Some(header) = probe.bytes::<44>(1024)? else {
            return Ok(None);
        };
        let label = text(header.range(28, 16));
        return Ok(Some(content(
            Format::Swap,
            uuid(header.range(12, 16)),
            label,
        )));
    }
    Ok(None)
}
