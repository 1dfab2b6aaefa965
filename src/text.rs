//! Texts on their way to a person: nothing from a disk in them moves a cursor or hides a letter.

use std::fmt;

/// Shows a text with what a terminal would act on replaced by `\u{…}`: control characters, and those
/// that turn the direction of writing or join letters invisibly (Unicode TR 36, section 2.10).
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_harmless(c) {
                write!(f, "{c}")?;
            } else {
                write!(f, "{}", c.escape_unicode())?;
            }
        }
        Ok(())
    }
}

/// Does a terminal only show it?
pub(crate) fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{00ad}'
                | '\u{061c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Bytes in hexadecimal digits, as `sha256sum` prints them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that hexadecimal digits of either case stand for, if they are nothing but pairs of digits.
pub(crate) fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| {
        let (high, low) = (digit(*high)?, digit(*low)?);
        high.checked_mul(16)?.checked_add(low)
    });
    bytes.collect::<Option<_>>().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_come_in_pairs_and_have_no_sign() {
        assert_eq!(unhex(b"00fF7a").as_deref(), Some(&[0, 0xff, 0x7a][..]));
        for wrong in ["0", "0g", "+1", "a b", "é"] {
            assert_eq!(unhex(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn what_a_terminal_would_act_on_is_shown() {
        let shown = |text: &str| Printable(text).to_string();
        assert_eq!(shown("Debian – größer"), "Debian – größer");
        assert_eq!(shown("\x1b[2J\r\n"), "\\u{1b}[2J\\u{d}\\u{a}");
        assert_eq!(shown("a\u{202e}b\u{9b}c"), "a\\u{202e}b\\u{9b}c");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_comes_through(text in any::<String>()) {
            prop_assert!(Printable(&text).to_string().chars().all(is_harmless));
        }
    }
}
