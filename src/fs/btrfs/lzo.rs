//! LZO1X, and how Btrfs packs it: `Documentation/staging/lzo.rst` and `fs/btrfs/lzo.c` of Linux.
//!
//! A length of everything in 4 bytes, then for each sector its packed length in 4 bytes, which are never
//! parted by the end of a sector, and the packed bytes.

use crate::disk::bytes::{le16, le32};

/// Length of a length.
const NUMBER: usize = 4;

/// Unpacks up to `length` bytes.
///
/// # Errors
/// The bytes are none that were packed so.
pub(super) fn unpack(packed: &[u8], length: usize, sector: usize) -> Result<Vec<u8>, ()> {
    let total = usize::try_from(le32(packed, 0).ok_or(())?).map_err(drop)?;
    let packed = packed.get(..total).ok_or(())?;
    let mut output = Vec::with_capacity(length);
    let mut at = NUMBER;
    // Each turn takes at least a length.
    while at < total && output.len() < length {
        let size = usize::try_from(le32(packed, at).ok_or(())?).map_err(drop)?;
        let start = at.checked_add(NUMBER).ok_or(())?;
        let end = start.checked_add(size).ok_or(())?;
        let limit = output.len().saturating_add(sector).min(length);
        segment(packed.get(start..end).ok_or(())?, &mut output, limit)?;
        at = end;
        // What is left of a sector may be too short for a length.
        let left = sector.saturating_sub(at.checked_rem(sector).unwrap_or_default());
        if left < NUMBER {
            at = at.saturating_add(left);
        }
    }
    Ok(output)
}

/// What the last instruction has copied decides what short ones mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes that were not compressed: 0 to 3.
    Few(usize),
    /// More of them.
    Run,
}

/// Bytes that are read in order.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<usize, ()> {
        let (first, rest) = self.0.split_first().ok_or(())?;
        self.0 = rest;
        Ok(usize::from(*first))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ()> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(())?;
        self.0 = rest;
        Ok(taken)
    }

    /// A length that `bits` may be too short for: then it is 0 there, and bytes follow.
    fn length(&mut self, code: usize, bits: u32) -> Result<usize, ()> {
        let most = 1_usize.checked_shl(bits).ok_or(())?.saturating_sub(1);
        let mut length = code & most;
        if length == 0 {
            length = most;
            loop {
                match self.byte()? {
                    0 => length = length.checked_add(255).ok_or(())?,
                    last => break length = length.checked_add(last).ok_or(())?,
                }
            }
        }
        Ok(length)
    }
}

/// Unpacks one stream behind what is in `output`, which grows up to `limit`.
fn segment(packed: &[u8], output: &mut Vec<u8>, limit: usize) -> Result<(), ()> {
    let mut input = Input(packed);
    let start = output.len();
    let mut state = State::Few(0);
    // The first byte may stand for bytes that were not compressed.
    if let Some(first) = packed.first().filter(|first| **first > 17) {
        input.byte()?;
        let length = usize::from(*first).saturating_sub(17);
        append(output, input.take(length)?, limit)?;
        state = match length {
            few @ 0..=3 => State::Few(few),
            _ => State::Run,
        };
    }
    // Each turn takes at least one byte.
    loop {
        let code = input.byte()?;
        // How far back, how many, and how many follow that were not compressed.
        let (distance, length, follow) = match (code, state) {
            (0..16, State::Few(0)) => {
                let length = input.length(code, 4)?.checked_add(3).ok_or(())?;
                append(output, input.take(length)?, limit)?;
                state = State::Run;
                continue;
            }
            (0..16, State::Few(_)) => {
                let near = input.byte()? << 2 | code >> 2;
                (near.saturating_add(1), 2, code & 3)
            }
            (0..16, State::Run) => {
                let near = input.byte()? << 2 | code >> 2;
                (near.saturating_add(2049), 3, code & 3)
            }
            (16..64, _) => {
                let is_far = code < 32;
                let length = input.length(code, if is_far { 3 } else { 5 })?;
                let word = usize::from(le16(input.take(2)?, 0).unwrap_or_default());
                let distance = match is_far {
                    true => (code & 8) << 11 | word >> 2,
                    false => (word >> 2).saturating_add(1),
                };
                if is_far && distance == 0 {
                    return Ok(());
                }
                let distance = if is_far {
                    distance.saturating_add(0x4000)
                } else {
                    distance
                };
                (distance, length.saturating_add(2), word & 3)
            }
            _ => {
                let near = input.byte()? << 3 | code >> 2 & 7;
                let length = (code >> 5).saturating_add(1);
                (near.saturating_add(1), length, code & 3)
            }
        };
        repeat(output, start, distance, length, limit)?;
        append(output, input.take(follow)?, limit)?;
        state = State::Few(follow);
    }
}

fn append(output: &mut Vec<u8>, bytes: &[u8], limit: usize) -> Result<(), ()> {
    if bytes.len() > limit.saturating_sub(output.len()) {
        return Err(());
    }
    output.extend_from_slice(bytes);
    Ok(())
}

/// Appends what is `distance` bytes back, as far as it comes to be meanwhile, but not from before `start`.
fn repeat(
    output: &mut Vec<u8>,
    start: usize,
    distance: usize,
    length: usize,
    limit: usize,
) -> Result<(), ()> {
    let from = output.len().checked_sub(distance).ok_or(())?;
    if from < start || length > limit.saturating_sub(output.len()) {
        return Err(());
    }
    for at in from..from.saturating_add(length) {
        let byte = *output.get(at).ok_or(())?;
        output.push(byte);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a stream.
    const END: [u8; 3] = [17, 0, 0];

    fn one(packed: &[u8]) -> Result<String, ()> {
        let mut output = Vec::new();
        segment(&[packed, &END].concat(), &mut output, 1000)?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn every_instruction() {
        // Four bytes, then from near and a little further, and three that follow.
        assert_eq!(one(b"\x15abcd").unwrap(), "abcd");
        assert_eq!(one(b"\x15abcd\x40\0").unwrap(), "abcdddd");
        assert_eq!(one(b"\x15abcd\x6f\0xyz").unwrap(), "abcdabcdxyz");
        assert_eq!(one(b"\x15abcd\x21\x0c\0").unwrap(), "abcdabc");
        // A run of more than 15 and 31.
        let run = one(b"\x00\x02abcdefghijklmnopqrst").unwrap();
        assert_eq!(run, "abcdefghijklmnopqrst");
        let repeated = one(b"\x12a\x20\x07\0\0").unwrap();
        assert_eq!(repeated, "a".repeat(41));
        // Two bytes, behind one that was not compressed.
        assert_eq!(one(b"\x15abcd\x6d\0x\x04\0").unwrap(), "abcdabcdxdx");
    }

    #[test]
    fn what_leads_out() {
        for packed in [
            &b"\x15abc"[..],
            b"\x15abcd\x40\x10",
            b"\x15abcd\x10\x00\x08",
            b"\x15abcd\x04\0",
            b"\x00",
        ] {
            assert!(one(packed).is_err(), "{packed:?}");
        }
        // More than fits.
        let mut output = Vec::new();
        assert!(segment(b"\x12a\x20\x07\0\0\x11\0\0", &mut output, 40).is_err());
        for length in [0_usize, 3, 4, 7] {
            assert!(unpack(&[0xff; 8][..length], 100, 4096).is_err());
        }
    }

    #[test]
    fn a_length_is_never_parted() {
        // The second length would begin two bytes before the end of the sector of 16.
        let mut packed = vec![25, 0, 0, 0, 6, 0, 0, 0];
        packed.extend(b"\x13ab\x11\0\0");
        packed.extend([0, 0, 5, 0, 0, 0]);
        packed.extend(b"\x12c\x11\0\0");
        assert_eq!(unpack(&packed, 100, 16).unwrap(), b"abc");
    }
}
