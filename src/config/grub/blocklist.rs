//! Block lists: files that have a place and no name, `(device)512+1,600+2` (`grub_fs_blocklist_open` in
//! `grub-core/kern/fs.c`).

use std::ops::Range;

use super::failure::{BAD_FILENAME, OUT_OF_RANGE, Outcome, fail};
use super::number;

/// GRUB counts in sectors of this many bytes, whatever the disk has.
const SECTOR: u64 = 512;

/// Lists of more bytes are not read.
const MAX_SIZE: u64 = 4 << 20;

/// The ranges of bytes that a list means on a device of `size` bytes.
///
/// # Errors
/// It is no list, it leaves the device, or it means more than 4 MiB.
pub(super) fn parse(list: &str, size: u64) -> Outcome<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    let mut left = MAX_SIZE;
    for part in list.split(',') {
        let Some((start, count)) = part_of(part) else {
            return fail(BAD_FILENAME, format!("invalid file name `{list}'"));
        };
        let bytes = |sectors: u64| sectors.checked_mul(SECTOR);
        let end = start.checked_add(count).and_then(bytes);
        let inside = bytes(start).zip(end.filter(|end| *end <= size));
        let Some((start, end)) = inside else {
            return fail(
                OUT_OF_RANGE,
                "attempt to read or write outside of partition",
            );
        };
        match left.checked_sub(end.saturating_sub(start)) {
            Some(rest) => left = rest,
            None => return fail(OUT_OF_RANGE, format!("it has more than {MAX_SIZE} bytes")),
        }
        ranges.push(start..end);
    }
    Ok(ranges)
}

/// `START+COUNT` in sectors; without a start from the first one. What follows a space does not count.
fn part_of(part: &str) -> Option<(u64, u64)> {
    let (start, count) = match part.strip_prefix('+') {
        Some(count) => (0, count),
        None => {
            let (start, rest) = number::parse(part, 0).ok()?;
            (start, rest.strip_prefix('+')?)
        }
    };
    let (count, rest) = number::parse(count, 0).ok()?;
    let ends = rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']);
    (ends && count > 0).then_some((start, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[allow(clippy::single_range_in_vec_init)] // most lists have one part
    fn lists_as_grub_reads_them() {
        let ranges = |list: &str| parse(list, 16 << 20).map_err(|failure| failure.code);
        assert_eq!(ranges("+1"), Ok(vec![0..512]));
        assert_eq!(ranges("512+1"), Ok(vec![262_144..262_656]));
        assert_eq!(ranges("0x10+010"), Ok(vec![8192..12_288]));
        assert_eq!(
            ranges("2+1,+2, 1+1 "),
            Ok(vec![1024..1536, 0..1024, 512..1024])
        );
        for wrong in [
            "", "1", "1+", "1+0", "+0", "x+1", "1+1x", "1+1,", ",1+1", "-1+1",
        ] {
            assert_eq!(ranges(wrong), Err(BAD_FILENAME), "{wrong}");
        }
        for outside in [
            "32768+1",
            "32767+2",
            "0+18446744073709551615",
            "18446744073709551615+1",
            "0+8193",
            "0+4096,0+4096,0+1",
        ] {
            assert_eq!(ranges(outside), Err(OUT_OF_RANGE), "{outside}");
        }
        assert!(ranges("32767+1").is_ok());
    }

    proptest! {
        #[test]
        fn any_text_stays_on_the_device(list in "[0-9x+, ]{0,40}", size: u64) {
            for range in parse(&list, size).unwrap_or_default() {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
