//! Lines: a keyword, and the rest.

/// SYSLINUX reads lines of up to this many bytes (`MAX_LINE` in `readconfig.c`).
pub(super) const MAX_LENGTH: usize = 4096;

/// White space is everything up to the space (`my_isspace`).
pub(super) fn is_space(c: char) -> bool {
    c <= ' '
}

/// The first word, and what follows it. White space before and between is gone.
pub(super) fn split(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches(is_space);
    let (word, rest) = match text.find(is_space) {
        Some(end) => text.split_at(end),
        None => (text, ""),
    };
    (word, rest.trim_start_matches(is_space))
}

/// The words of a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// The number at the beginning of a text, as C's `strtoul` reads it: decimal, or `0x…`. No number is 0.
pub(super) fn number(text: &str) -> u32 {
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => digits_of(digits, 16),
        None => digits_of(text, 10),
    }
}

/// The same for bits: `0` in front means octal.
pub(super) fn mask(text: &str) -> u32 {
    match text.strip_prefix('0') {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_digit()) => digits_of(digits, 8),
        _ => number(text),
    }
}

fn digits_of(digits: &str, radix: u32) -> u32 {
    let end = digits.find(|c: char| !c.is_digit(radix));
    let digits = digits.get(..end.unwrap_or(digits.len()));
    digits
        .and_then(|digits| u32::from_str_radix(digits, radix).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        assert_eq!(split(" \tlabel  a b "), ("label", "a b "));
        assert_eq!(split("label"), ("label", ""));
        assert_eq!(split(""), ("", ""));
        assert_eq!(words(" a\t b ").collect::<Vec<_>>(), ["a", "b"]);
        for (text, value) in [("50", 50), ("0x1f x", 31), ("", 0), ("-3", 0), ("5 s", 5)] {
            assert_eq!(number(text), value, "{text}");
        }
        assert_eq!(number("99999999999"), 0);
        for (text, value) in [
            ("3", 3),
            ("0x3fff", 0x3fff),
            ("020", 16),
            ("0", 0),
            ("08", 0),
        ] {
            assert_eq!(mask(text), value, "{text}");
        }
        assert_eq!(number("020"), 20);
    }
}
