//! Strings in UEFI variables: UTF-16, little-endian, with a NUL at the end.

/// A text as a variable holds it.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().chain([0]);
    units.flat_map(u16::to_le_bytes).collect()
}

/// The text of a variable up to the first NUL, which may be missing; `None` if it is no UTF-16.
pub(crate) fn decode(value: &[u8]) -> Option<String> {
    let pairs = value.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    let units = pairs.filter_map(|pair| pair.try_into().ok().map(u16::from_le_bytes));
    let units = units.take_while(|unit| *unit != 0);
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for text in ["", "debian.conf", "grün", "\u{1f525}"] {
            assert_eq!(decode(&encode(text)).unwrap(), text);
        }
        assert_eq!(encode("a"), b"a\0\0\0");
    }

    #[test]
    fn ends_at_the_first_nul_or_the_end() {
        assert_eq!(decode(b"a\0\0\0b\0").unwrap(), "a");
        assert_eq!(decode(b"a\0").unwrap(), "a");
        assert_eq!(decode(b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_utf16() {
        assert_eq!(decode(b"a\0b"), None);
        assert_eq!(decode(b"\x00\xd8a\0"), None);
    }
}
