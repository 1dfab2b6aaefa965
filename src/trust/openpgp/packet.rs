//! [`Packet`]s, of which everything in OpenPGP is made (RFC 9580, section 4), and the numbers in them.

use crate::trust::cursor::Cursor;
use crate::trust::error::Problem;

/// No file has more. A keyring of a distribution has some hundred.
const MAX_PACKETS: usize = 4096;

/// Kinds of packets (RFC 9580, section 5).
pub(super) const SIGNATURE: u8 = 2;
pub(super) const PUBLIC_KEY: u8 = 6;
pub(super) const MARKER: u8 = 10;
/// What GnuPG notes in its own keyrings.
pub(super) const TRUST: u8 = 12;
pub(super) const USER_ID: u8 = 13;
pub(super) const PUBLIC_SUBKEY: u8 = 14;
pub(super) const USER_ATTRIBUTE: u8 = 17;
pub(super) const PADDING: u8 = 21;
/// From here on, a reader goes on without what it does not know (RFC 9580, section 4.3).
pub(super) const NOT_CRITICAL: u8 = 40;

const DAMAGED: Problem = Problem::Damaged("its OpenPGP packets are damaged");

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) kind: u8,
    pub(super) body: &'a [u8],
}

/// All packets, to the end of the bytes.
///
/// # Errors
/// [`Problem::Damaged`]: also where the length is not said or comes in parts, which nobody does with keys
/// and signatures. [`Problem::TooMany`].
pub(super) fn packets(bytes: &[u8]) -> Result<Vec<Packet<'_>>, Problem> {
    let mut cursor = Cursor(bytes);
    let mut found = Vec::new();
    while !cursor.is_empty() {
        if found.len() == MAX_PACKETS {
            return Err(Problem::TooMany("OpenPGP packets"));
        }
        found.push(packet(&mut cursor).ok_or(DAMAGED)?);
    }
    Ok(found)
}

/// RFC 9580, section 4.2.
fn packet<'a>(cursor: &mut Cursor<'a>) -> Option<Packet<'a>> {
    let first = cursor.byte()?;
    let (kind, length) = match first {
        0xc0.. => (first & 0x3f, length(cursor)?),
        0x80.. => {
            let length = match first & 3 {
                0 => cursor.byte()?.into(),
                1 => cursor.u16()?.into(),
                2 => cursor.u32()?,
                _ => return None,
            };
            (first >> 2 & 0xf, length)
        }
        _ => return None,
    };
    let body = cursor.take(usize::try_from(length).ok()?)?;
    Some(Packet { kind, body })
}

/// A length as packets of the newer form have it (RFC 9580, section 4.2.1). That it
/// comes in parts is refused.
fn length(cursor: &mut Cursor<'_>) -> Option<u32> {
    match cursor.byte()? {
        first @ 0..192 => Some(first.into()),
        first @ 192..224 => two_bytes(first, cursor.byte()?),
        255 => cursor.u32(),
        _ => None,
    }
}

/// The same in subpackets, where the first bytes that mean parts belong to lengths of two bytes.
pub(super) fn subpacket_length(cursor: &mut Cursor<'_>) -> Option<u32> {
    match cursor.byte()? {
        first @ 0..192 => Some(first.into()),
        first @ 192..255 => two_bytes(first, cursor.byte()?),
        255 => cursor.u32(),
    }
}

fn two_bytes(first: u8, second: u8) -> Option<u32> {
    let high = u32::from(first.checked_sub(192)?) << 8;
    high.checked_add(second.into())?.checked_add(192)
}

/// A number (RFC 9580, section 3.2): its bytes, in the one form that it has, without zeros in front.
pub(super) fn number<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let bits = cursor.u16()?;
    let bytes = cursor.take(bits.div_ceil(8).into())?;
    let first = bytes.first().copied().unwrap_or(0);
    let unused = bits.wrapping_neg() & 7;
    (bits == 0 || first.leading_zeros() == u32::from(unused)).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_of_packets() {
        let long = vec![7; 300];
        for head in [
            &[0x88_u8, 2][..],
            &[0x89, 0, 2],
            &[0x8a, 0, 0, 0, 2],
            &[0xc2, 2],
            &[0xc2, 255, 0, 0, 0, 2],
        ] {
            let bytes = [head, b"ab"].concat();
            assert_eq!(
                packets(&bytes).unwrap(),
                [Packet {
                    kind: SIGNATURE,
                    body: b"ab"
                }]
            );
            assert!(packets(&bytes[..bytes.len() - 1]).is_err());
            assert!(packets(&[&bytes[..], &[0]].concat()).is_err());
        }
        let bytes = [&[0xc2, 192, 108][..], &long].concat();
        assert_eq!(packets(&bytes).unwrap()[0].body, long);
        // Of no length, and in parts.
        assert!(packets(&[0x8b, 1, 1]).is_err());
        assert!(packets(&[0xc2, 224, 1, 0]).is_err());
        assert!(packets(&[0xc2, 0].repeat(MAX_PACKETS + 1)).is_err());
    }

    #[test]
    fn numbers_have_one_form() {
        let read = |bytes: &'static [u8]| number(&mut Cursor(bytes));
        assert_eq!(read(&[0, 1, 1]), Some(&[1][..]));
        assert_eq!(read(&[0, 9, 1, 0xff]), Some(&[1, 0xff][..]));
        assert_eq!(read(&[0, 16, 0x80, 0]), Some(&[0x80, 0][..]));
        assert_eq!(read(&[0, 0]), Some(&[][..]));
        for bytes in [
            &[0, 2, 1][..],
            &[0, 1, 2],
            &[0, 16, 0x7f, 0],
            &[0, 9, 1],
            &[0, 8, 0],
            &[0],
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in any::<Vec<u8>>()) {
            let _ = packets(&bytes);
            let _ = number(&mut Cursor(&bytes));
            let _ = subpacket_length(&mut Cursor(&bytes));
        }
    }
}
