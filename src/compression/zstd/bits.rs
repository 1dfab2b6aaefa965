//! Numbers of any count of bits.

/// Bits from the first byte on, the lowest of each first.
pub(super) struct Forward<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Forward<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Forward<'a> {
        Forward { bytes, at: 0 }
    }

    /// The next `count` bits, at most 32.
    pub(super) fn read(&mut self, count: u32) -> Result<u32, ()> {
        let end = self.at.checked_add(count as usize).ok_or(())?;
        if end > self.bytes.len().saturating_mul(8) {
            return Err(());
        }
        let bits = window(self.bytes, self.at, count);
        self.at = end;
        Ok(bits)
    }

    /// Gives bits back.
    pub(super) fn unread(&mut self, count: usize) {
        self.at = self.at.saturating_sub(count);
    }

    /// The bytes that nothing was read of.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at.div_ceil(8)..).unwrap_or_default()
    }
}

/// Bits from the last byte on, the highest of each first. What is before the first byte counts as zeros,
/// and as overdrawn.
pub(super) struct Backward<'a> {
    bytes: &'a [u8],
    /// How many bits are left.
    left: usize,
    /// How many more were read.
    overdrawn: usize,
}

impl<'a> Backward<'a> {
    /// The highest bit that is set in the last byte marks the begin.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Backward<'a>, ()> {
        let mark = bytes
            .last()
            .and_then(|last| last.checked_ilog2())
            .ok_or(())?;
        let before = bytes.len().saturating_sub(1).checked_mul(8).ok_or(())?;
        Ok(Backward {
            bytes,
            left: before.saturating_add(mark as usize),
            overdrawn: 0,
        })
    }

    /// The next `count` bits, at most 32.
    pub(super) fn read(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.skip(count);
        bits
    }

    /// The same without going on.
    pub(super) fn peek(&self, count: u32) -> u32 {
        let wanted = count as usize;
        match self.left.checked_sub(wanted) {
            Some(start) => window(self.bytes, start, count),
            None => {
                let missing = u32::try_from(wanted.saturating_sub(self.left)).unwrap_or(u32::MAX);
                let there = window(self.bytes, 0, count.saturating_sub(missing));
                there.checked_shl(missing).unwrap_or_default()
            }
        }
    }

    /// Goes on without looking.
    pub(super) fn skip(&mut self, count: u32) {
        let wanted = count as usize;
        let missing = wanted.saturating_sub(self.left);
        self.overdrawn = self.overdrawn.saturating_add(missing);
        self.left = self.left.saturating_sub(wanted);
    }

    /// Was more read than there is?
    pub(super) fn is_overdrawn(&self) -> bool {
        self.overdrawn > 0
    }

    /// Was all read that there is, and no more?
    pub(super) fn is_at_end(&self) -> bool {
        self.left == 0 && self.overdrawn == 0
    }
}

/// The `count` bits, at most 32, from the bit `start` on.
fn window(bytes: &[u8], start: usize, count: u32) -> u32 {
    let from = bytes.get(start >> 3..).unwrap_or_default();
    let word = match from.first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => from
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let mask = u64::MAX.checked_shl(count).map_or(u64::MAX, |mask| !mask);
    u32::try_from(word >> (start & 7) & mask).unwrap_or_default()
}
