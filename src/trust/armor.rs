//! Bytes as text: base64 between lines `-----BEGIN …` and `-----END …`. PEM (RFC 7468), the armor of OpenPGP
//! (RFC 9580, section 6.2) and the signatures of OpenSSH are the same but for their labels and headers.

use super::error::Problem;

/// No file has more blocks.
const MAX_BLOCKS: usize = 64;

const DAMAGED: Problem = Problem::Damaged("the text between its BEGIN and END lines is damaged");

/// What stands between two such lines.
pub(super) struct Block {
    /// What it is, as the lines say.
    pub(super) label: String,
    /// What the base64 says.
    pub(super) bytes: Vec<u8>,
}

/// Is there a line that begins a block?
pub(super) fn is_armored(text: &[u8]) -> bool {
    lines(text).any(|line| begins(line).is_some())
}

/// All blocks of a text. What stands outside of them is for people (RFC 7468, section 2).
///
/// Headers of OpenPGP's armor and its checksum are read over, as RFC 9580 asks for: nobody signs them.
///
/// # Errors
/// [`Problem::Damaged`], [`Problem::TooMany`].
pub(super) fn blocks(text: &[u8]) -> Result<Vec<Block>, Problem> {
    let mut found = Vec::new();
    let mut lines = lines(text);
    while let Some(line) = lines.next() {
        let Some(label) = begins(line) else {
            continue;
        };
        if found.len() == MAX_BLOCKS {
            return Err(Problem::TooMany("blocks"));
        }
        let label = String::from_utf8_lossy(label).into_owned();
        let end = format!("-----END {label}-----");
        let is_pgp = label.starts_with("PGP ");
        let mut is_header = is_pgp;
        let mut base64 = Vec::new();
        loop {
            let line = lines.next().ok_or(DAMAGED)?;
            if line == end.as_bytes() {
                break;
            } else if is_header {
                // An empty line ends them, also where there are none.
                is_header = !line.is_empty();
                if is_header && !line.windows(2).any(|pair| pair == b": ") {
                    return Err(DAMAGED);
                }
            } else if !(is_pgp && line.len() == 5 && line.first() == Some(&b'=')) {
                base64.extend_from_slice(line);
            }
        }
        let bytes = decode(&base64).ok_or(DAMAGED)?;
        found.push(Block { label, bytes });
    }
    Ok(found)
}

/// Lines without the blanks at their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.map(<[u8]>::trim_ascii_end)
}

fn begins(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")
}

/// Base64 (RFC 4648, section 4) in its one canonical form: padded, and nothing in between.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut groups = text.chunks(4).peekable();
    while let Some(group) = groups.next() {
        let digits = match (group, groups.peek()) {
            ([_, _, b'=', b'='], None) => 2,
            ([_, _, _, b'='], None) => 3,
            ([_, _, _, _], _) => 4,
            _ => return None,
        };
        let number = group.iter().take(digits).try_fold(0_u32, |number, digit| {
            Some(number << 6 | u32::from(value(*digit)?))
        })?;
        // Four digits are three bytes; the bits that are too many are zero.
        let shift = [24, 18, 12, 6, 0].get(digits)?;
        let [_, whole @ ..] = (number << shift).to_be_bytes();
        let (said, unsaid) = whole.split_at_checked(digits.checked_sub(1)?)?;
        if unsaid.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(said);
    }
    Some(bytes)
}

/// Base64 without its padding.
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digits = [18, 12, 6, 0].into_iter();
        for shift in digits.take(three.len().saturating_add(1)) {
            let digit = usize::try_from(bits >> shift & 63).unwrap_or(0);
            text.push(DIGITS.get(digit).copied().unwrap_or(b'?').into());
        }
    }
    text
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => digit.checked_sub(b'A'),
        b'a'..=b'z' => digit.checked_sub(b'a' - 26),
        b'0'..=b'9' => digit.checked_add(52 - b'0'),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_has_one_form() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYg==", b"foob"),
            ("+/+/", b"\xfb\xff\xbf"),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes), "{text}");
            assert_eq!(encode(bytes), text.trim_end_matches('='));
        }
        for text in [
            "Z",
            "Zg",
            "Zg=",
            "Zh==",
            "Zm9=",
            "Z===",
            "====",
            "Zg==Zg==",
            "Zm 9v",
            "Zm-_",
            "Zg=a",
            "Zm9v\0===",
            "Zm-v",
            "Z=m9",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn blocks_between_lines() {
        let text = "said by people\n-----BEGIN A-----\nZm9v\nYg==\n-----END A-----\r\n\
            -----BEGIN PGP B-----\nVersion: 1\n\nZm9v\n=abcd\n-----END PGP B-----";
        let found = blocks(text.as_bytes()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|block| (&block.label[..], &block.bytes[..]))
            .collect();
        assert_eq!(found, [("A", &b"foob"[..]), ("PGP B", b"foo")]);
        for text in [
            "-----BEGIN A-----\nZm9v\n",
            "-----BEGIN A-----\nZm9v\n-----END B-----\n",
            "-----BEGIN A-----\nVersion: 1\n\nZm9v\n-----END A-----\n",
            "-----BEGIN A-----\nZm9v\n=abcd\n-----END A-----\n",
            "-----BEGIN PGP A-----\nZm9v\n-----END PGP A-----\n",
        ] {
            assert!(blocks(text.as_bytes()).is_err(), "{text}");
        }
        assert!(blocks("-----BEGIN A-----\n-----END A-----\n".repeat(65).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(-----BEGIN (PGP )?A-----\n|[a-zA-Z0-9+/=]{0,9}\n|A: b\n|-----END (PGP )?A-----\n){0,9}") {
            let _ = blocks(text.as_bytes());
        }
    }
}
