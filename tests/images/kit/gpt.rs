//! Changes to GUID partition tables that keep their checksums right, so that only what a test means
//! is wrong (UEFI specification 2.10, section 5.3). Sectors have 512 bytes.

use super::Image;
use crate::targets::crc32;

const SECTOR: u64 = 512;
const HEADER_SIZE: usize = 92;

/// Offsets in a header.
pub const ENTRIES_LBA: usize = 72;
pub const ENTRY_COUNT: usize = 80;
pub const ENTRY_SIZE: usize = 84;
const HEADER_CHECKSUM: usize = 16;
const ENTRIES_CHECKSUM: usize = 88;

/// Offsets in an entry.
pub const FIRST_LBA: usize = 32;
pub const LAST_LBA: usize = 40;

/// Writes `bytes` at `offset` in the header in sector `lba` and makes its checksum right.
pub fn edit_header(image: &Image, lba: u64, offset: usize, bytes: &[u8]) {
    let mut header = image.read(lba * SECTOR, HEADER_SIZE);
    header[offset..][..bytes.len()].copy_from_slice(bytes);
    header[HEADER_CHECKSUM..][..4].fill(0);
    let checksum = crc32(&header).to_le_bytes();
    header[HEADER_CHECKSUM..][..4].copy_from_slice(&checksum);
    image.write(lba * SECTOR, &header);
}

/// Writes `bytes` at `offset` in entry `number` of the table whose header is in sector `lba`, and
/// makes both checksums right.
pub fn edit_entry(image: &Image, lba: u64, number: usize, offset: usize, bytes: &[u8]) {
    let header = image.read(lba * SECTOR, HEADER_SIZE);
    let start = u64::from_le_bytes(header[ENTRIES_LBA..][..8].try_into().unwrap()) * SECTOR;
    let mut entries = image.read(start, 128 * 128);
    entries[(number - 1) * 128 + offset..][..bytes.len()].copy_from_slice(bytes);
    image.write(start, &entries);
    edit_header(image, lba, ENTRIES_CHECKSUM, &crc32(&entries).to_le_bytes());
}
