//! The sums that headers carry.

/// The byte that makes the sum of all bytes zero.
pub(super) fn sum8(bytes: impl IntoIterator<Item = u8>) -> u8 {
    bytes.into_iter().fold(0, u8::wrapping_add).wrapping_neg()
}

/// The number that makes the sum of all little-endian numbers of two bytes zero. A last odd byte does not count.
pub(super) fn sum16(bytes: &[u8]) -> u16 {
    let (pairs, _) = bytes.as_chunks();
    let numbers = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    numbers.fold(0, u16::wrapping_add).wrapping_neg()
}

/// The CRC-32 of Ethernet, which EDK II calls `CalculateCrc32`.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes)
}
