//! The names of volumes, files and formats.

use std::fmt;
use std::str::FromStr;

/// A GUID as it stands in memory: its first three fields are little-endian (UEFI Specification 2.10, appendix A).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guid([u8; 16]);

impl Guid {
    /// From its fields, in the order in which they are written.
    pub const fn new(a: u32, b: u16, c: u16, d: [u8; 8]) -> Guid {
        let (a, b, c) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
        Guid([
            a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5],
            d[6], d[7],
        ])
    }

    /// From its bytes in memory.
    pub const fn from_bytes(bytes: [u8; 16]) -> Guid {
        Guid(bytes)
    }

    /// Its bytes in memory.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, rest @ ..] = self.0;
        let a = u32::from_le_bytes([a0, a1, a2, a3]);
        let (b, c) = (u16::from_le_bytes([b0, b1]), u16::from_le_bytes([c0, c1]));
        let d = u16::from_be_bytes([d0, d1]);
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-")?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text is no GUID.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseGuidError;

impl fmt::Display for ParseGuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no GUID: eight, four, four, four and twelve hexadecimal digits")
    }
}

impl std::error::Error for ParseGuidError {}

impl FromStr for Guid {
    type Err = ParseGuidError;

    fn from_str(text: &str) -> Result<Guid, ParseGuidError> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths = groups.iter().map(|group| group.len());
        let digits = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !lengths.eq([8, 4, 4, 4, 12]) || !groups.iter().all(digits) {
            return Err(ParseGuidError);
        }
        let number = |index: usize| {
            let group = groups.get(index).ok_or(ParseGuidError)?;
            u64::from_str_radix(group, 16).map_err(|_| ParseGuidError)
        };
        let short = |index| u16::try_from(number(index)?).map_err(|_| ParseGuidError);
        let [_, _, e @ ..] = number(4)?.to_be_bytes();
        let [d0, d1] = short(3)?.to_be_bytes();
        let [e0, e1, e2, e3, e4, e5] = e;
        Ok(Guid::new(
            u32::try_from(number(0)?).map_err(|_| ParseGuidError)?,
            short(1)?,
            short(2)?,
            [d0, d1, e0, e1, e2, e3, e4, e5],
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_bytes_are_the_same_guid() {
        let text = "7c04a583-9e3e-4f1c-ad65-e05268d0b4d1";
        let guid: Guid = text.parse().unwrap();
        let bytes = *b"\x83\xa5\x04\x7c\x3e\x9e\x1c\x4f\xad\x65\xe0\x52\x68\xd0\xb4\xd1";
        assert_eq!(guid.bytes(), bytes);
        assert_eq!(guid.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(guid));
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "Shell",
            "7c04a583-9e3e-4f1c-ad65-e05268d0b4d",
            "7c04a583-9e3e-4f1c-ad65-+05268d0b4d1",
            "7c04a5839-e3e-4f1c-ad65-e05268d0b4d1",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(ParseGuidError), "{text}");
        }
    }
}
