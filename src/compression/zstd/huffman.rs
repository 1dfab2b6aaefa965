//! Huffman codes (RFC 8878, section 4.2).

use super::bits::Backward;
use super::fse::Table;

/// No code is longer.
const MAX_BITS: u32 = 11;

/// The last weight is not written: this many can be.
const MAX_WEIGHTS: usize = 255;

/// What each number of the longest code's bits begins with.
pub(super) struct Huffman {
    /// A symbol, and the length of its code.
    entries: Vec<(u8, u8)>,
    bits: u32,
}

impl Huffman {
    /// Reads a description (section 4.2.1). Returns what is behind, too.
    pub(super) fn read(bytes: &[u8]) -> Result<(Huffman, &[u8]), ()> {
        let (head, rest) = bytes.split_first().ok_or(())?;
        let (weights, rest) = match usize::from(*head).checked_sub(127) {
            Some(count) if count > 0 => {
                let (bytes, rest) = rest.split_at_checked(count.div_ceil(2)).ok_or(())?;
                let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                (halves.take(count).collect(), rest)
            }
            _ => {
                let (bytes, rest) = rest.split_at_checked(usize::from(*head)).ok_or(())?;
                (compressed_weights(bytes)?, rest)
            }
        };
        Ok((Huffman::new(weights)?, rest))
    }

    /// Of the weights of all symbols but the last one, which follows from them.
    fn new(mut weights: Vec<u8>) -> Result<Huffman, ()> {
        let mut sum = 0_u32;
        for weight in &weights {
            if u32::from(*weight) > MAX_BITS {
                return Err(());
            }
            sum = sum.saturating_add(parts(*weight));
        }
        let bits = sum.checked_ilog2().ok_or(())?.saturating_add(1);
        let all = 1_u32.checked_shl(bits).ok_or(())?;
        let last = all.checked_sub(sum).filter(|last| last.is_power_of_two());
        let last = last.ok_or(())?.trailing_zeros().saturating_add(1);
        if bits > MAX_BITS {
            return Err(());
        }
        weights.push(u8::try_from(last).map_err(drop)?);
        // The longest codes come first; those of one length in the order of their symbols.
        let mut entries = Vec::with_capacity(usize::try_from(all).map_err(drop)?);
        for weight in 1..=u8::try_from(bits).map_err(drop)? {
            let length = bits.saturating_add(1).saturating_sub(weight.into());
            let length = u8::try_from(length).map_err(drop)?;
            for (symbol, own) in (0..=u8::MAX).zip(&weights) {
                if *own == weight {
                    for _ in 0..parts(weight) {
                        entries.push((symbol, length));
                    }
                }
            }
        }
        Ok(Huffman { entries, bits })
    }

    /// Appends `count` symbols to `output` of a stream that ends with the last of them.
    pub(super) fn decode(
        &self,
        bytes: &[u8],
        count: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), ()> {
        let mut input = Backward::new(bytes)?;
        for _ in 0..count {
            let code = usize::try_from(input.peek(self.bits)).map_err(drop)?;
            let (symbol, length) = *self.entries.get(code).ok_or(())?;
            input.skip(length.into());
            output.push(symbol);
        }
        input.is_at_end().then_some(()).ok_or(())
    }
}

/// How many of the numbers with the bits of the longest code begin with a code of this weight.
fn parts(weight: u8) -> u32 {
    match weight.checked_sub(1) {
        Some(shift) => 1_u32.checked_shl(shift.into()).unwrap_or_default(),
        None => 0,
    }
}

/// Weights that two states take turns in (section 4.2.1.2).
fn compressed_weights(bytes: &[u8]) -> Result<Vec<u8>, ()> {
    let (table, rest) = Table::read(bytes, 256, 6)?;
    let mut input = Backward::new(rest)?;
    let mut here = table.start(&mut input);
    let mut other = table.start(&mut input);
    let mut weights = Vec::new();
    while weights.len() < MAX_WEIGHTS {
        weights.push(table.symbol(here)?);
        let next = table.next(here, &mut input)?;
        if input.is_overdrawn() {
            weights.push(table.symbol(other)?);
            return Ok(weights);
        }
        (here, other) = (other, next);
    }
    Err(())
}
