//! [`Holes`]: the bytes of a program that its digest leaves out.

use std::ops::Range;

use crate::pe::{Image, PeError};

/// Where in the headers the offset of the PE headers is.
const PE_POINTER: u64 = 0x3c;
/// From there to the optional header: the magic and the file header.
const OPTIONAL_HEADER: u64 = 4 + 20;
/// `CheckSum` in the optional header.
const CHECKSUM: u64 = 64;
/// The certificate table is the fifth directory of 8 bytes.
const CERTIFICATE_TABLE: u64 = 4 * 8;

/// What the digest of a program leaves out, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holes {
    /// The checksum.
    pub checksum: Range<u64>,
    /// Where in the headers the table of signatures is named; empty when the headers have no place for that.
    pub directory: Range<u64>,
    /// The table, which is the end of the file; empty without signatures.
    pub table: Range<u64>,
}

impl Holes {
    /// Finds them in the first bytes of a program of `size` bytes, whose headers were checked.
    ///
    /// # Errors
    /// [`PeError::Headers`]: the optional header is cut off, or can be read in two ways.
    pub fn find(head: &[u8], image: &Image, size: u64) -> Result<Holes, PeError> {
        let damaged = PeError::Headers("the optional header is cut off");
        let find = || {
            let optional = u64::from(number(head, PE_POINTER)?).checked_add(OPTIONAL_HEADER)?;
            // PE32+ has wider addresses, and no `BaseOfData`.
            let directories: u64 = match number(head, optional)? & 0xffff {
                0x20b => 112,
                0x10b => 96,
                _ => return None,
            };
            // `SizeOfOptionalHeader` is 4 bytes before the optional header.
            let length = number(head, optional.checked_sub(4)?)? & 0xffff;
            let count = number(head, optional.checked_add(directories.checked_sub(4)?)?)?;
            let checksum = optional.checked_add(CHECKSUM)?;
            let place = directories.checked_add(CERTIFICATE_TABLE)?;
            let directory = optional.checked_add(place)?;
            if u64::from(length) < directories {
                return None;
            }
            let table = match count > 4 {
                true if u64::from(length) < place.checked_add(8)? => return None,
                true => {
                    let start = u64::from(number(head, directory)?);
                    let length = u64::from(number(head, directory.checked_add(4)?)?);
                    (length != 0).then_some(start..start.checked_add(length)?)
                }
                false => None,
            };
            let end = directory.checked_add(if count > 4 { 8 } else { 0 })?;
            Some((checksum..checksum.checked_add(4)?, directory..end, table))
        };
        let (checksum, directory, table) = find().ok_or(damaged)?;
        // Both have to read the same, or one of them hashes what the other does not load.
        if table != image.certificates {
            return Err(PeError::Headers("the place of its signatures is ambiguous"));
        }
        Ok(Holes {
            checksum,
            directory,
            table: table.unwrap_or(size..size),
        })
    }

    /// All three.
    pub(super) fn all(&self) -> [&Range<u64>; 3] {
        [&self.checksum, &self.directory, &self.table]
    }
}

fn number(bytes: &[u8], at: u64) -> Option<u32> {
    let at = usize::try_from(at).ok()?;
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}
