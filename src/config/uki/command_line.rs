//! Texts in sections, and the command line that comes of them.

use std::fmt;

/// The text of a section as systemd-stub reads it: up to the first NUL, with spaces in the place of
/// control characters and none at both ends.
///
/// # Errors
/// [`TextError`].
pub fn text(section: &[u8]) -> Result<String, TextError> {
    let text = section.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|error| TextError {
        position: error.valid_up_to(),
    })?;
    let text = text.replace(|c: char| c.is_ascii_control(), " ");
    Ok(text.trim_matches(' ').to_owned())
}

/// The command line of a unified kernel image: the options of a configuration if it gives any, otherwise
/// the text of the image, and then those of the add-ons in order.
pub fn command_line<'a>(
    options: Option<&'a str>,
    own: &'a str,
    addons: impl IntoIterator<Item = &'a str>,
) -> String {
    let base = options.unwrap_or(own);
    let parts = std::iter::once(base).chain(addons);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// A section is no UTF-8 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextError {
    /// The first byte that is none, from 0.
    pub position: usize,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no UTF-8 text at byte {}: damaged", self.position)
    }
}

impl std::error::Error for TextError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_the_stub_reads_it() {
        for (section, expected) in [
            (&b"root=/dev/sda1 ro\n"[..], "root=/dev/sda1 ro"),
            (b" \t a\r\nb\0 c", "a  b"),
            (b"\0a", ""),
            ("a=ü".as_bytes(), "a=ü"),
        ] {
            assert_eq!(text(section).as_deref(), Ok(expected));
        }
        assert_eq!(text(b"ab\xff"), Err(TextError { position: 2 }));
    }

    #[test]
    fn options_take_the_place_and_addons_follow() {
        assert_eq!(command_line(None, "a", ["b", "", "c"]), "a b c");
        assert_eq!(command_line(Some("x"), "a", ["b"]), "x b");
        assert_eq!(command_line(None, "", []), "");
    }

    proptest! {
        #[test]
        fn no_text_has_control_characters(section: Vec<u8>) {
            if let Ok(text) = text(&section) {
                prop_assert!(!text.contains(|c: char| c.is_ascii_control()));
            }
        }
    }
}
