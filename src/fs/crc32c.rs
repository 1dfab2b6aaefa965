//! CRC-32C, the checksum of metadata in ext4, XFS and Btrfs.

use crc::{CRC_32_ISCSI, Crc, Table};

static CRC32C: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// A CRC-32C in the making: without the inversion at the end, so that it goes on from any state. ext4,
/// which stores it so, calls a state to begin with a seed.
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
    }
}
