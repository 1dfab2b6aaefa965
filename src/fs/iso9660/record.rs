//! [`Record`]: one record of a directory (ECMA-119, section 9.1).

use super::medium::{BLOCK, Place};
use crate::disk::bytes::{array, le32};
use crate::fs::date::Date;

/// Length of a record without its name.
const HEAD: usize = 33;

/// File flags (9.1.6).
const DIRECTORY: u8 = 1 << 1;
const ASSOCIATED: u8 = 1 << 2;
const NOT_THE_LAST: u8 = 1 << 7;

/// A record as it is stored.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// Where its content or, of a large file, a section of it is.
    pub(super) place: Place,
    flags: u8,
    /// Parts of the content are mixed with those of others (6.4.3).
    pub(super) interleaved: bool,
    date: [u8; 7],
    pub(super) name: &'a [u8],
    /// What extensions have added (9.1.13).
    pub(super) system_use: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record that `bytes` are.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Record<'a>> {
        let (block, size) = (le32(bytes, 2)?, le32(bytes, 10)?);
        let [attributes, flags, unit, gap, name_length] =
            [1, 25, 26, 27, 32].map(|at| bytes.get(at).copied().unwrap_or_default());
        let (name, rest) = bytes.get(HEAD..)?.split_at_checked(name_length.into())?;
        // A byte fills up to an even length.
        let padding = usize::from(name_length % 2 == 0);
        // An extended attribute record is before the content, and counted in blocks (9.1.2).
        let block = u64::from(block).saturating_add(attributes.into());
        Some(Record {
            place: Place {
                start: block.saturating_mul(BLOCK),
                size: size.into(),
            },
            flags,
            interleaved: unit != 0 || gap != 0,
            date: array(bytes, 18)?,
            name,
            system_use: rest.get(padding..).unwrap_or_default(),
        })
    }

    pub(super) fn is_directory(&self) -> bool {
        self.flags & DIRECTORY != 0
    }

    /// Is it something that belongs to a file and is none, such as its icon?
    pub(super) fn is_associated(&self) -> bool {
        self.flags & ASSOCIATED != 0
    }

    /// Does the next record have another section of the same file?
    pub(super) fn goes_on(&self) -> bool {
        self.flags & NOT_THE_LAST != 0
    }

    /// Is it the directory itself, or the one above?
    pub(super) fn is_dot(&self) -> bool {
        matches!(self.name, [0 | 1])
    }

    /// When it was recorded, in seconds since 1970.
    pub(super) fn date(&self) -> Option<i64> {
        seconds(self.date)
    }
}

/// Seconds since 1970 of a date in seven bytes (9.1.5).
pub(super) fn seconds(bytes: [u8; 7]) -> Option<i64> {
    let [year, month, day, hour, minute, second, zone] = bytes;
    let date = Date {
        year: u16::from(year).saturating_add(1900),
        month: month.into(),
        day: day.into(),
        hour: hour.into(),
        minute: minute.into(),
        second: second.into(),
    };
    // Quarters of an hour east of Greenwich.
    let zone = i64::from(zone.cast_signed()).saturating_mul(15 * 60);
    date.seconds()?.checked_sub(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_a_zone() {
        assert_eq!(seconds([70, 1, 1, 0, 0, 0, 0]), Some(0));
        assert_eq!(seconds([124, 3, 1, 2, 0, 0, 8]), Some(1_709_251_200));
        assert_eq!(seconds([124, 2, 29, 23, 0, 0, 0xfc]), Some(1_709_251_200));
        assert_eq!(seconds([0; 7]), None);
    }

    #[test]
    fn records_that_end_early_are_none() {
        let mut bytes = vec![0; 40];
        (bytes[2], bytes[10], bytes[32]) = (20, 7, 4);
        bytes[33..37].copy_from_slice(b"NAME");
        let record = Record::parse(&bytes).unwrap();
        assert_eq!(
            (record.name, record.system_use),
            (&b"NAME"[..], &[0, 0][..])
        );
        assert_eq!(record.place.start, 20 * 2048);
        assert_eq!(record.place.size, 7);
        assert!(Record::parse(&bytes[..37]).unwrap().system_use.is_empty());
        for length in 0..37 {
            assert!(Record::parse(&bytes[..length]).is_none(), "{length}");
        }
    }
}
