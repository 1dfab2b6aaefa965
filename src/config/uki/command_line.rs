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

/// Is there more behind the first NUL than what fills a section up? A text in UTF-16 ends after its first letter.
pub(super) fn is_cut(section: &[u8]) -> bool {
    let mut rest = section.iter().skip_while(|byte| **byte != 0);
    rest.any(|byte| *byte != 0)
}

/// The longest command line, in bytes. Kernels for x86 and arm64 take 2048 with the NUL, those of other
/// architectures up to twice as much (`COMMAND_LINE_SIZE` in `arch/*/include/*/asm/setup.h`).
pub const MAX_COMMAND_LINE: usize = 4096;

/// The command line of a kernel: the options of a configuration if it gives any, otherwise the text of the image
/// that the kernel is in, and then those of the add-ons in order.
///
/// # Errors
/// [`TooLong`]: nothing is cut off.
pub fn command_line<'a>(
    options: Option<&'a str>,
    own: &'a str,
    addons: impl IntoIterator<Item = &'a str>,
) -> Result<String, TooLong> {
    let base = options.unwrap_or(own);
    let parts = std::iter::once(base).chain(addons);
    let mut length = 0_usize;
    let mut line = String::new();
    for part in parts.filter(|part| !part.is_empty()) {
        let space = if length == 0 { "" } else { " " };
        length = [space.len(), part.len()]
            .into_iter()
            .fold(length, usize::saturating_add);
        if length <= MAX_COMMAND_LINE {
            line.push_str(space);
            line.push_str(part);
        }
    }
    match length <= MAX_COMMAND_LINE {
        true => Ok(line),
        false => Err(TooLong { length }),
    }
}

/// A command line is longer than any kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Its length in bytes.
    pub length: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooLong { length } = self;
        write!(
            f,
            "its command line has {length} bytes, and no kernel takes more than {MAX_COMMAND_LINE}: \
             shorten the options or leave add-ons out"
        )
    }
}

impl std::error::Error for TooLong {}

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
        for (section, cut) in [
            (&b""[..], false),
            (b"ro", false),
            (b"ro\0\0\0", false),
            (b"r\0o\0", true),
        ] {
            assert_eq!(is_cut(section), cut, "{section:?}");
        }
    }

    #[test]
    fn options_take_the_place_and_addons_follow() {
        let line = |options, own, addons: &[&str]| {
            command_line(options, own, addons.iter().copied()).unwrap()
        };
        assert_eq!(line(None, "a", &["b", "", "c"]), "a b c");
        assert_eq!(line(Some("x"), "a", &["b"]), "x b");
        assert_eq!(line(None, "", &["", "b"]), "b");
        assert_eq!(line(None, "", &[]), "");
    }

    #[test]
    fn what_no_kernel_takes_is_not_cut() {
        let most = "a".repeat(MAX_COMMAND_LINE);
        assert_eq!(command_line(Some(&most), "", []).unwrap(), most);
        assert_eq!(
            command_line(None, &most, ["b", "c"]),
            Err(TooLong { length: 4100 })
        );
        let half = &most[..2048];
        assert_eq!(
            command_line(None, half, [half]),
            Err(TooLong { length: 4097 })
        );
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
