//! Bytes that a block does not copy from before (RFC 8878, section 3.1.1.3.1).

use super::MAX_BLOCK;
use super::huffman::Huffman;
use crate::disk::bytes::{array, le16};

/// Reads them, and the code that they are written in. Returns what is behind, too.
pub(super) fn read<'a>(
    block: &'a [u8],
    huffman: &mut Option<Huffman>,
) -> Result<(Vec<u8>, &'a [u8]), ()> {
    let head = *block.first().ok_or(())?;
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(block) {
        *to = *from;
    }
    let first = u64::from_le_bytes(first);
    let is_packed = head & 3 >= 2;
    // Length of the head, and of each number in it, in bits.
    let (length, bits) = match (is_packed, head >> 2 & 3) {
        (false, 0 | 2) => (1, 5),
        (false, 1) => (2, 12),
        (false, _) => (3, 20),
        (true, 0 | 1) => (3, 10),
        (true, 2) => (4, 14),
        (true, _) => (5, 18),
    };
    let shift = if bits == 5 { 3 } else { 4 };
    let number = |shift: u32| {
        let mask = 1_u64
            .checked_shl(bits)
            .unwrap_or_default()
            .saturating_sub(1);
        usize::try_from(first >> shift & mask).unwrap_or(usize::MAX)
    };
    let count = number(shift);
    let rest = block.get(length..).ok_or(())?;
    if count > MAX_BLOCK {
        return Err(());
    }
    match head & 3 {
        0 => {
            let (literals, rest) = rest.split_at_checked(count).ok_or(())?;
            Ok((literals.to_vec(), rest))
        }
        1 => {
            let (byte, rest) = rest.split_first().ok_or(())?;
            Ok((vec![*byte; count], rest))
        }
        kind => {
            let packed = number(bits.saturating_add(shift));
            let (packed, rest) = rest.split_at_checked(packed).ok_or(())?;
            let streams = match kind {
                2 => {
                    let (code, streams) = Huffman::read(packed)?;
                    *huffman = Some(code);
                    streams
                }
                _ => packed,
            };
            let code = huffman.as_ref().ok_or(())?;
            let mut literals = Vec::with_capacity(count);
            match head >> 2 & 3 {
                0 => code.decode(streams, count, &mut literals)?,
                _ => four(code, streams, count, &mut literals)?,
            }
            Ok((literals, rest))
        }
    }
}

/// Four streams of the same length, but the last, behind the lengths of three.
fn four(code: &Huffman, streams: &[u8], count: usize, literals: &mut Vec<u8>) -> Result<(), ()> {
    let lengths: [u8; 6] = array(streams, 0).ok_or(())?;
    let mut rest = streams.get(6..).ok_or(())?;
    let each = count.div_ceil(4);
    for stream in 0..3_usize {
        let length = le16(&lengths, stream.saturating_mul(2)).ok_or(())?;
        let (bytes, after) = rest.split_at_checked(length.into()).ok_or(())?;
        code.decode(bytes, each, literals)?;
        rest = after;
    }
    let left = count.checked_sub(literals.len()).ok_or(())?;
    code.decode(rest, left, literals)
}
