//! [`Smbios`]: the tables in which a firmware describes its machine (DMTF DSP0134).

use std::path::Path;

/// Where the kernel shows them (`drivers/firmware/dmi_scan.c`).
const DIRECTORY: &str = "/sys/firmware/dmi/tables";

/// A longer table is cut off here, in bytes. Real ones have some thousand.
const MAX_TABLE: usize = 1 << 20;

/// The type of the structure behind which there is none.
const END_OF_TABLE: u8 = 127;

/// Structures, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smbios {
    table: Vec<u8>,
    /// How many structures there are at most: SMBIOS 2 counts them.
    count: u32,
}

/// A structure of the table: what it is about, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure<'a> {
    /// What it describes: 1 is the system, 2 the board, 3 the chassis.
    pub kind: u8,
    /// Its number, by which others refer to it.
    pub handle: u16,
    /// Its fields, from the type on. At least 4 bytes.
    pub fields: &'a [u8],
    /// Texts that end with a NUL; what does not end is cut off by the table.
    strings: &'a [u8],
}

impl Smbios {
    /// Those of this machine, where its firmware has some and the kernel shows them.
    pub fn of_this_machine() -> Option<Smbios> {
        let read = |name: &str| std::fs::read(Path::new(DIRECTORY).join(name)).ok();
        Smbios::parse(&read("smbios_entry_point")?, read("DMI")?)
    }

    /// Tables with their entry point, which says how long they are. `None` where that is none of SMBIOS 2 or
    /// 3 (DSP0134, section 5.2).
    pub fn parse(entry_point: &[u8], mut table: Vec<u8>) -> Option<Smbios> {
        let word = |at: usize| {
            let bytes = entry_point.get(at..)?.first_chunk()?;
            Some(u16::from_le_bytes(*bytes))
        };
        let (length, count) = match entry_point {
            [b'_', b'S', b'M', b'3', b'_', ..] => {
                let length = entry_point.get(0x0c..)?.first_chunk()?;
                (u32::from_le_bytes(*length), u32::MAX)
            }
            [b'_', b'S', b'M', b'_', ..] => (u32::from(word(0x16)?), u32::from(word(0x1c)?)),
            _ => return None,
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        table.truncate(length.min(MAX_TABLE));
        // No number is no limit, as in GRUB.
        let count = if count == 0 { u32::MAX } else { count };
        Some(Smbios { table, count })
    }

    /// The structures in order, up to the last one or the first that can't be.
    pub fn structures(&self) -> impl Iterator<Item = Structure<'_>> {
        let mut rest = self.table.as_slice();
        let mut count = 0..self.count;
        std::iter::from_fn(move || {
            count.next()?;
            let (structure, behind) = split(rest)?;
            rest = match structure.kind {
                END_OF_TABLE => &[],
                _ => behind,
            };
            Some(structure)
        })
    }

    /// Length of the table, in bytes.
    pub fn size(&self) -> usize {
        self.table.len()
    }
}

/// The first structure, and what is behind it.
fn split(table: &[u8]) -> Option<(Structure<'_>, &[u8])> {
    let [kind, length, low, high, ..] = *table else {
        return None;
    };
    if length < 4 {
        return None;
    }
    let (fields, behind) = table.split_at_checked(usize::from(length))?;
    // Two NULs end the texts, and stand there as well where there is none.
    let end = behind.windows(2).position(|pair| pair == [0, 0]);
    let end = end.map_or(behind.len(), |at| at.saturating_add(2));
    let (strings, rest) = behind.split_at_checked(end)?;
    let structure = Structure {
        kind,
        handle: u16::from_le_bytes([low, high]),
        fields,
        strings,
    };
    Some((structure, rest))
}

impl<'a> Structure<'a> {
    /// The text with this number, counted from 1.
    pub fn string(&self, number: u8) -> Option<&'a [u8]> {
        let index = usize::from(number).checked_sub(1)?;
        let mut texts = self.strings.split_inclusive(|byte| *byte == 0);
        // An empty one ends the others.
        let text = texts.by_ref().take_while(|text| *text != [0]).nth(index)?;
        text.strip_suffix(&[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry_point(length: u16, count: u16) -> Vec<u8> {
        let mut point = vec![0; 0x1f];
        point[..4].copy_from_slice(b"_SM_");
        point[0x16..0x18].copy_from_slice(&length.to_le_bytes());
        point[0x1c..0x1e].copy_from_slice(&count.to_le_bytes());
        point
    }

    fn entry_point_3(length: u32) -> Vec<u8> {
        let mut point = vec![0; 0x18];
        point[..5].copy_from_slice(b"_SM3_");
        point[0x0c..0x10].copy_from_slice(&length.to_le_bytes());
        point
    }

    fn table() -> Vec<u8> {
        let mut table = vec![1, 6, 0x34, 0x12, 1, 2];
        table.extend(b"Maker\0Product\0\0");
        table.extend([2, 4, 1, 0, 0, 0]);
        table.extend([127, 4, 2, 0, 0, 0]);
        table.extend([3, 4, 3, 0, 0, 0]);
        table
    }

    #[test]
    fn structures_with_their_texts() {
        let smbios = Smbios::parse(&entry_point_3(4096), table()).unwrap();
        let all: Vec<Structure<'_>> = smbios.structures().collect();
        let kinds: Vec<(u8, u16)> = all.iter().map(|s| (s.kind, s.handle)).collect();
        assert_eq!(kinds, [(1, 0x1234), (2, 1), (127, 2)]);
        assert_eq!(all[0].fields, [1, 6, 0x34, 0x12, 1, 2]);
        assert_eq!(all[0].string(1), Some(&b"Maker"[..]));
        assert_eq!(all[0].string(2), Some(&b"Product"[..]));
        assert_eq!((all[0].string(3), all[0].string(0)), (None, None));
        assert_eq!(all[1].string(1), None);
    }

    #[test]
    fn entry_points_bound_the_table() {
        let count = |point: &[u8]| Smbios::parse(point, table()).map(|s| s.structures().count());
        assert_eq!(count(&entry_point(100, 0)), Some(3));
        assert_eq!(count(&entry_point(100, 2)), Some(2));
        assert_eq!(count(&entry_point(21, 0)), Some(1));
        assert_eq!(count(&entry_point_3(27)), Some(2));
        assert_eq!(count(&entry_point_3(0)), Some(0));
        assert_eq!(count(b"_DMI_"), None);
        assert_eq!(count(b"_SM_"), None);
        assert_eq!(count(b"_SM3_"), None);
    }

    #[test]
    fn a_text_that_does_not_end_is_none() {
        let smbios = Smbios::parse(&entry_point_3(99), b"\x01\x04\0\0one\0two".to_vec()).unwrap();
        let first = smbios.structures().next().unwrap();
        assert_eq!(first.string(1), Some(&b"one"[..]));
        assert_eq!(first.string(2), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table(table: Vec<u8>, length: u16, count: u16) {
            let size = table.len();
            let smbios = Smbios::parse(&entry_point(length, count), table).unwrap();
            prop_assert!(smbios.size() <= size.min(usize::from(length)));
            let mut bytes = 0;
            for structure in smbios.structures() {
                prop_assert!(structure.fields.len() >= 4);
                bytes += structure.fields.len();
                for number in 0..=255 {
                    prop_assert!(structure.string(number).is_none_or(|text| !text.is_empty()));
                }
            }
            prop_assert!(bytes <= smbios.size());
        }
    }
}
