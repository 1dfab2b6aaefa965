//! Numbers as GRUB reads them (`grub_strtoull` in `grub-core/kern/misc.c`).

use super::failure::{BAD_NUMBER, Failure, OUT_OF_RANGE};

/// A number and the text behind it. With base 0 a prefix `0x` means 16, and `0` means 8.
pub(super) fn parse(text: &str, base: u32) -> Result<(u64, &str), Failure> {
    let text = text.trim_start_matches(['\n', '\r', ' ', '\t']);
    let (base, digits) = match (base, text.as_bytes()) {
        (0 | 16, [b'0', b'x', ..]) => (16, text.get(2..).unwrap_or_default()),
        (0, [b'0', b'0'..=b'7', ..]) => (8, text),
        (0, _) => (10, text),
        (base, _) => (base, text),
    };
    let end = digits.find(|c: char| !c.is_digit(base));
    let (number, rest) = digits.split_at(end.unwrap_or(digits.len()));
    if number.is_empty() {
        return Err(Failure::new(BAD_NUMBER, "unrecognized number"));
    }
    match u64::from_str_radix(number, base) {
        Ok(value) => Ok((value, rest)),
        Err(_) => Err(Failure::new(OUT_OF_RANGE, "overflow is detected")),
    }
}

/// As GRUB's callers that look at the value only: 0 for no number, the largest for one too large.
pub(super) fn value(text: &str) -> u64 {
    match parse(text, 0) {
        Ok((value, _)) => value,
        Err(failure) if failure.code == OUT_OF_RANGE => u64::MAX,
        Err(_) => 0,
    }
}

/// The entry of a menu with a number, of which GRUB keeps an `int`: the lowest 32 bits, the last of them as a sign.
pub(super) fn index(number: u64) -> Option<usize> {
    let int = number & u64::from(u32::MAX);
    let is_negative = int > u64::from(i32::MAX.unsigned_abs());
    usize::try_from(int).ok().filter(|_| !is_negative)
}

/// As [`value`], with a sign.
pub(super) fn signed(text: &str) -> i64 {
    match text.strip_prefix('-') {
        Some(number) => value(number).wrapping_neg().cast_signed(),
        None => value(text).cast_signed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(parse(" 12ab", 10), Ok((12, "ab")));
        assert_eq!(parse("0x1Fg", 0), Ok((31, "g")));
        assert_eq!(parse("017", 0), Ok((15, "")));
        assert_eq!(parse("08", 0), Ok((8, "")));
        assert_eq!(parse("0", 0), Ok((0, "")));
        assert_eq!(parse("x", 0).map_err(|f| f.code), Err(BAD_NUMBER));
        assert_eq!(parse("", 0).map_err(|f| f.code), Err(BAD_NUMBER));
        assert_eq!(
            parse("99999999999999999999", 0).map_err(|f| f.code),
            Err(OUT_OF_RANGE)
        );
        assert_eq!((value("a"), value("99999999999999999999")), (0, u64::MAX));
        assert_eq!((signed("-5"), signed("7"), signed("--1")), (-5, 7, 0));
    }
}
