//! Numbers and texts at their offsets in bytes that came from a disk.

/// The `N` bytes at `at`; `None` where `bytes` ends before.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Gives `bytes` this length; what is new is zero.
///
/// `Vec::resize` does the same, but optimised for size, as the binary for the flash is, it takes fourteen instructions
/// for each byte: 15 millions for a buffer of 1 MiB.
pub(crate) fn set_length(bytes: &mut Vec<u8>, length: usize) {
    if length <= bytes.len() {
        return bytes.truncate(length);
    }
    let mut longer = vec![0; length];
    if let Some(start) = longer.get_mut(..bytes.len()) {
        start.copy_from_slice(bytes);
    }
    *bytes = longer;
}

/// The little-endian 16-bit number at `at`.
pub(crate) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// The little-endian 32-bit number at `at`.
pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// The little-endian 64-bit number at `at`.
pub(crate) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// The big-endian 16-bit number at `at`.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// The big-endian 32-bit number at `at`.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// The big-endian 64-bit number at `at`.
pub(crate) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_be_bytes)
}

/// The `length` bytes at `at` as text: ends before the first NUL and loses the white space at its
/// end, as `blkid` does it. What is not UTF-8 becomes U+FFFD. `None` when nothing is left.
pub(crate) fn text(bytes: &[u8], at: usize, length: usize) -> Option<String> {
    let field = bytes.get(at..)?.get(..length)?;
    let field = field.split(|byte| *byte == 0).next()?;
    let text = String::from_utf8_lossy(field);
    let text = text.trim_end_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    (!text.is_empty()).then(|| text.to_owned())
}

/// The 16 bytes at `at` as a UUID (RFC 9562, bytes in order); `None` when all are zero.
pub(crate) fn uuid(bytes: &[u8], at: usize) -> Option<String> {
    let uuid: [u8; 16] = array(bytes, at)?;
    if uuid == [0; 16] {
        return None;
    }
    let mut text = String::with_capacity(36);
    for (i, byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_zero() {
        let mut bytes = b"abc".to_vec();
        set_length(&mut bytes, 5);
        assert_eq!(bytes, b"abc\0\0");
        set_length(&mut bytes, 2);
        assert_eq!(bytes, b"ab");
        set_length(&mut bytes, 3);
        assert_eq!(bytes, b"ab\0");
    }

    #[test]
    fn text_ends_at_nul_and_loses_the_padding() {
        assert_eq!(text(b"xBOOT  \0junk", 1, 11).as_deref(), Some("BOOT"));
        assert_eq!(text(b" a b", 0, 4).as_deref(), Some(" a b"));
        assert_eq!(text(b"caf\xe9", 0, 4).as_deref(), Some("caf\u{fffd}"));
        assert_eq!(text(b"   ", 0, 3), None);
        assert_eq!(text(b"abc", 1, 3), None);
        assert_eq!(text(b"abc", 4, 1), None);
    }

    #[test]
    fn uuid_has_its_dashes() {
        let bytes: Vec<u8> = (0..=16).collect();
        let expected = "01020304-0506-0708-090a-0b0c0d0e0f10";
        assert_eq!(uuid(&bytes, 1).as_deref(), Some(expected));
        assert_eq!(uuid(&[0; 16], 0), None);
        assert_eq!(uuid(&bytes, 2), None);
    }
}
