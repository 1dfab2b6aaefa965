//! Where in the file everything is: nothing twice, nothing in between, nothing outside.
//!
//! Files of GRUB, shim, systemd, memtest86+ and Linux, signed or not, and what `objcopy` and `ukify` make of
//! them keep to this. Symbols and padding behind the last section are usual.

use std::ops::Range;

use goblin::pe::section_table::SectionTable;

use super::error::PeError;

/// Checks the places of headers, sections and signatures in a file of `size` bytes. The section table ends
/// at `table_end`.
///
/// # Errors
/// [`PeError`]: the first thing that is wrong, in the order of the file.
pub(super) fn check(
    table_end: usize,
    size_of_headers: u32,
    tables: &[SectionTable],
    certificates: Option<&Range<u64>>,
    size: u64,
) -> Result<(), PeError> {
    let headers = u64::from(size_of_headers);
    if u64::try_from(table_end).is_ok_and(|end| end > headers) {
        return Err(PeError::Headers("`SizeOfHeaders` is too small"));
    }
    inside("headers", headers, size)?;
    let mut sorted: Vec<&SectionTable> = tables.iter().collect();
    sorted.retain(|table| table.size_of_raw_data != 0);
    sorted.sort_by_key(|table| table.pointer_to_raw_data);
    let mut end = headers;
    for table in sorted {
        let start = u64::from(table.pointer_to_raw_data);
        let section = || name(table);
        if start < end {
            let section = section();
            return Err(PeError::Overlap {
                section,
                start,
                end,
            });
        }
        if start > end {
            return Err(PeError::Gap {
                section: section(),
                start: end,
                end: start,
            });
        }
        end = start.saturating_add(table.size_of_raw_data.into());
        if end > size {
            inside(&format!("section {}", section()), end, size)?;
        }
    }
    match certificates {
        Some(table) if table.start < end || table.end != size => Err(PeError::Certificates {
            start: table.start,
            end: table.end,
        }),
        _ => Ok(()),
    }
}

fn inside(what: &str, end: u64, size: u64) -> Result<(), PeError> {
    match end > size {
        true => Err(PeError::Outside {
            what: what.to_owned(),
            end,
            size,
        }),
        false => Ok(()),
    }
}

/// The name in the section table, without the zeros behind it.
pub(super) fn name(table: &SectionTable) -> String {
    let name = table.name.split(|byte| *byte == 0).next();
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}
