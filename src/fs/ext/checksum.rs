//! The older checksum of group descriptors (`Documentation/filesystems/ext4/checksums.rst` of Linux).

use crc::{CRC_16_MODBUS, Crc, NoTable};

/// Few bytes, so it needs no table.
static CRC16: Crc<u16, NoTable> = Crc::<u16, NoTable>::new(&CRC_16_MODBUS);

/// Of the parts in turn.
pub(super) fn crc16(parts: &[&[u8]]) -> u16 {
    let mut digest = CRC16.digest();
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_one() {
        assert_eq!(crc16(&[b"1234", b"56789"]), 0x4b37);
    }
}
