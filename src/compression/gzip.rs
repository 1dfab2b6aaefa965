//! gzip (RFC 1952), of one member.

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};

use super::inflate;
use crate::disk::bytes::{le16, le32};

/// What every member begins with: the mark, and deflate as the method.
const HEAD: [u8; 3] = [0x1f, 0x8b, 8];

/// Flags for what is in the header (section 2.3.1).
const HEADER_CHECKSUM: u8 = 0x02;
const EXTRA: u8 = 0x04;
const NAME: u8 = 0x08;
const COMMENT: u8 = 0x10;

static CRC32: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// Unpacks what becomes up to `limit` bytes, and compares it with the checksum.
pub(crate) fn gzip(packed: &[u8], limit: usize) -> Result<Vec<u8>, ()> {
    let rest = behind_header(packed).ok_or(())?;
    let (bytes, taken) = inflate(rest, 0, limit)?;
    let trailer = taken.and_then(|taken| rest.get(taken..)).ok_or(())?;
    let length = u32::try_from(bytes.len()).map_err(drop)?;
    let is_whole =
        le32(trailer, 0) == Some(CRC32.checksum(&bytes)) && le32(trailer, 4) == Some(length);
    is_whole.then_some(bytes).ok_or(())
}

fn behind_header(packed: &[u8]) -> Option<&[u8]> {
    let flags = *packed.strip_prefix(&HEAD)?.first()?;
    let mut rest = packed.get(10..)?;
    if flags & EXTRA != 0 {
        let length = usize::from(le16(rest, 0)?);
        rest = rest.get(2..)?.get(length..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end..)?.get(1..)?;
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `gzip -n` makes of `abc`.
    const ABC: [u8; 23] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 0x4a, 6, 0, 0xc2, 0x41, 0x24, 0x35, 3, 0,
        0, 0,
    ];

    #[test]
    fn whole_or_not_at_all() {
        assert_eq!(gzip(&ABC, 3).unwrap(), b"abc");
        assert!(gzip(&ABC, 2).is_err());
        for end in 0..ABC.len() {
            assert!(gzip(&ABC[..end], 3).is_err(), "{end}");
        }
        for at in (10..ABC.len()).chain([0, 1, 2]) {
            let mut damaged = ABC;
            damaged[at] ^= 0x55;
            assert!(gzip(&damaged, 3).is_err(), "{at}");
        }
    }

    #[test]
    fn headers_with_everything() {
        let mut packed = ABC[..10].to_vec();
        packed[3] = EXTRA | NAME | COMMENT | HEADER_CHECKSUM;
        packed.extend(b"\x02\0xxname\0comment\0cc");
        packed.extend(&ABC[10..]);
        assert_eq!(gzip(&packed, 100).unwrap(), b"abc");
    }

    #[test]
    fn more_than_the_first_memory() {
        let blocks = (0..5).map(|_| [&[0_u8, 0xff, 0xff, 0, 0][..], &[7; 0xffff]].concat());
        let mut packed = ABC[..10].to_vec();
        packed.extend(blocks.flatten());
        packed.extend([1, 0, 0, 0xff, 0xff]);
        let content = vec![7; 5 * 0xffff];
        packed.extend(CRC32.checksum(&content).to_le_bytes());
        packed.extend((5 * 0xffff_u32).to_le_bytes());
        assert!(gzip(&packed, 1 << 20).unwrap() == content);
        assert!(gzip(&packed, 5 * 0xffff).unwrap() == content);
        assert!(gzip(&packed, 5 * 0xffff - 1).is_err());
    }
}
