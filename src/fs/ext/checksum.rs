//! Checksums of metadata (`Documentation/filesystems/ext4/checksums.rst` of Linux).

use crc::{CRC_16_MODBUS, CRC_32_ISCSI, Crc, NoTable, Table};

static CRC32C: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// The CRC of group descriptors where there are no other checksums; few bytes, so it needs no table.
static CRC16: Crc<u16, NoTable> = Crc::<u16, NoTable>::new(&CRC_16_MODBUS);

/// A CRC-32C in the making: ext4 and its journal leave out the inversion at the end and go on from any
/// state, which they call a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checksum(pub(super) u32);

impl Checksum {
    /// Nothing is covered yet.
    pub(super) const START: Checksum = Checksum(u32::MAX);

    /// Goes on with these bytes.
    pub(super) fn and(self, bytes: &[u8]) -> Checksum {
        let mut digest = CRC32C.digest_with_initial(self.0.reverse_bits());
        digest.update(bytes);
        Checksum(!digest.finalize())
    }

    /// Goes on with these bytes, of which the `N` at `at` are the checksum itself and count as zeros.
    pub(super) fn and_around<const N: usize>(self, bytes: &[u8], at: usize) -> Checksum {
        let before = bytes.get(..at).unwrap_or(bytes);
        let after = bytes.get(at.saturating_add(N)..).unwrap_or_default();
        self.and(before).and(&[0; N]).and(after)
    }
}

/// The older checksum of a group descriptor: of the parts in turn.
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
    fn goes_on_from_any_state() {
        // The check value of the catalogue is inverted, ours is not.
        assert_eq!(Checksum::START.and(b"123456789").0, !0xe306_9283);
        let parts = Checksum::START.and(b"1234").and(b"56789");
        assert_eq!(parts, Checksum::START.and(b"123456789"));
        let around = Checksum::START.and_around::<2>(b"12xx56789", 2);
        assert_eq!(around, Checksum::START.and(b"12\0\x0056789"));
        assert_eq!(crc16(&[b"1234", b"56789"]), 0x4b37);
    }
}
