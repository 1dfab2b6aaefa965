//! `CheckSum` of the optional header: what `CheckSumMappedFile` computes. EFI does not look at it, and some tools
//! that verify signatures do.

/// The sum over a whole file, of which `place` is where the sum itself stands. Nothing when the file is longer
/// than a PE file can be.
pub(crate) fn of(file: &[u8], place: usize) -> Option<u32> {
    let length = u32::try_from(file.len()).ok()?;
    let mut sum: u64 = 0;
    for (number, pair) in file.chunks(2).enumerate() {
        let at = number.checked_mul(2)?;
        let is_itself = at >= place && at < place.checked_add(4)?;
        let low = pair.first().copied().unwrap_or_default();
        let high = pair.get(1).copied().unwrap_or_default();
        if !is_itself {
            sum = sum.checked_add(u16::from_le_bytes([low, high]).into())?;
        }
    }
    // The carries are added at the end: at most twice there are some.
    while sum > 0xffff {
        sum = (sum & 0xffff).checked_add(sum >> 16)?;
    }
    u32::try_from(sum).ok()?.checked_add(length)
}
