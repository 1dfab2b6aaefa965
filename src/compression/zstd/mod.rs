//! Zstandard (RFC 8878), for what was compressed in one piece: all that is unpacked stays in memory, and
//! nothing else is needed to unpack it.
//!
//! Every error is the same: the bytes are none that were packed so.

mod bits;
mod fse;
mod huffman;
mod literals;
mod output;
mod sequences;

use self::huffman::Huffman;
use self::output::Output;
use self::sequences::Tables;
use crate::disk::bytes::le32;

/// Section 3.1.1.
const MAGIC: u32 = 0xfd2f_b528;

/// What no block is longer than (section 3.1.1.2.4).
const MAX_BLOCK: usize = 128 * 1024;

/// Unpacks the first frame, which may become up to `limit` bytes.
///
/// # Errors
/// It is none, needs a dictionary, or is longer.
pub(crate) fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, ()> {
    if le32(packed, 0) != Some(MAGIC) {
        return Err(());
    }
    let mut rest = behind_header(packed.get(4..).ok_or(())?)?;
    let mut output = Output::new(limit);
    let mut codes = Codes::default();
    // Each turn takes at least three bytes.
    loop {
        let (head, after) = rest.split_first_chunk::<3>().ok_or(())?;
        let &[a, b, c] = head;
        let head = u32::from_le_bytes([a, b, c, 0]);
        let size = usize::try_from(head >> 3).map_err(drop)?;
        // A run is one byte, however long.
        let stored = if head >> 1 & 3 == 1 { 1 } else { size };
        let (block, after) = after.split_at_checked(stored).ok_or(())?;
        if size > MAX_BLOCK {
            return Err(());
        }
        match head >> 1 & 3 {
            0 => output.append(block)?,
            1 => output.run(block.first().copied().ok_or(())?, size)?,
            2 => codes.unpack(block, &mut output)?,
            _ => return Err(()),
        }
        rest = after;
        if head & 1 != 0 {
            return Ok(output.into_bytes());
        }
    }
}

/// What is behind the header of a frame (section 3.1.1.1), which says nothing that is needed here.
fn behind_header(bytes: &[u8]) -> Result<&[u8], ()> {
    let (descriptor, rest) = bytes.split_first().ok_or(())?;
    let is_single = descriptor & 0x20 != 0;
    let window = usize::from(!is_single);
    let dictionary = match descriptor & 3 {
        3 => 4,
        length => usize::from(length),
    };
    let content = match descriptor >> 6 {
        0 => usize::from(is_single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let rest = rest.get(window..).ok_or(())?;
    let (number, rest) = rest.split_at_checked(dictionary).ok_or(())?;
    if descriptor & 8 != 0 || number.iter().any(|byte| *byte != 0) {
        return Err(());
    }
    rest.get(content..).ok_or(())
}

/// What one block leaves for the next.
#[derive(Default)]
struct Codes {
    huffman: Option<Huffman>,
    tables: Tables,
}

impl Codes {
    /// Unpacks a block (section 3.1.1.3): bytes that appear here first, and what is copied between them.
    fn unpack(&mut self, block: &[u8], output: &mut Output) -> Result<(), ()> {
        let (literals, rest) = literals::read(block, &mut self.huffman)?;
        let mut literals = literals.as_slice();
        if let Some(mut sequences) = sequences::read(rest, &mut self.tables)? {
            while let Some(sequence) = sequences.next()? {
                let (own, after) = literals.split_at_checked(sequence.literals).ok_or(())?;
                literals = after;
                output.append(own)?;
                output.repeat(sequence.offset, sequence.length, own.is_empty())?;
            }
        }
        output.append(literals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a frame that says nothing of itself.
    const FRAME: &[u8] = b"\x28\xb5\x2f\xfd\x00\x38";

    #[test]
    fn blocks_as_they_are_and_runs() {
        let packed = [FRAME, b"\x18\0\0abc", b"\x23\0\0x", b"rest"].concat();
        assert_eq!(unpack(&packed, 7).unwrap(), b"abcxxxx");
        assert!(unpack(&packed, 6).is_err());
        for end in 0..packed.len() - 4 {
            assert!(unpack(&packed[..end], 7).is_err(), "{end}");
        }
    }

    /// What the program `zstd` makes of the numbers from 1 to 300.
    const NUMBERS: &str = "\
        28b52ffd0068350e004a44040709b0eb244988705298756d006b006b00cb1d776fde709f6d76d9648f2d76d8b569\
        837db5d555533db5d451b7660df5d146174df4d042075d9a34d037db5c33cd33cb1c7367ce309f6c72c9248f2c72\
        c89529837cb1c515533cb1c41137660cf175ebd5a94f971ebd9d1dfa71e3c5890f171ebc9c1cf86dd7f42cc79d01\
        c4837889933810bfe136bc86d3f0192ec363788773380c3fe126bc8493f0112ec2437885533808bfe016bc8253f0\
        092ec1237883333804bf722baf722a9f72298ff296b31cca8fdcc88b9cc8875cc883bce42407f2036ec00b38011f\
        e0023c8017388103f0bbedae9beeb98dcee810fddaadbddaa97ddaa53ddadbce76683f76632f76621f76610ff6b2\
        931dd80fba412fe8047da00bf4805ee8840ed0efb81dafe3747c8ecbf138dee33c0ec7cfb8192fe3647c8c8bf130\
        5ee3340ec6afb815afe2547c8a4bf128dee22c0ec58fb8112fe2447c884b03c477ddaed775ba3ed7e57a5cef755e\
        87eb67ddac9775b23ed6c57a58af755a07eb57ddaa5775aa3ed5a57a546f755687ea47dda81775a23ed4857a502f\
        755207ea37dda6d7749a3ed3657a4cef744e87e927dda49774923ed2457a48af744a07e917dda257748a3ed1257a\
        440f00";

    #[test]
    fn literals_and_sequences() {
        let digits = NUMBERS.as_bytes().chunks(2);
        let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
        let packed: Vec<u8> = digits.map(byte).collect();
        let expected: String = (1..=300).map(|i| format!("{i}\n")).collect();
        assert_eq!(unpack(&packed, 5000).unwrap(), expected.as_bytes());
        assert!(unpack(&packed, expected.len() - 1).is_err());
        for end in 0..packed.len() - 4 {
            assert!(unpack(&packed[..end], 5000).is_err(), "{end}");
        }
        // Damage may go unnoticed, but comes to an end.
        for at in 0..packed.len() {
            for flip in [1, 0x80, 0xff] {
                let mut packed = packed.clone();
                packed[at] ^= flip;
                let _ = unpack(&packed, 5000);
            }
        }
    }
}
