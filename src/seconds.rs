//! Times in seconds, read and written without floating point, whose printing alone takes 10 KB.

use std::fmt;
use std::time::Duration;

/// The digits of a second that count: nanoseconds.
const DIGITS: i64 = 9;

/// Seconds as TOML writes a number with a fraction or an exponent: "0.5", "1e1". `None` where they are negative,
/// no number, or longer than 300 years. What is shorter than a nanosecond is dropped.
pub(crate) fn read(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // The power of ten of the digit before, in nanoseconds.
    let mut power = i64::try_from(whole.len())
        .ok()?
        .checked_add(i64::from(exponent))?
        .checked_add(DIGITS)?;
    let mut nanoseconds: u64 = 0;
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = digit.to_digit(10)?;
        power = power.checked_sub(1)?;
        if digit != 0 && power >= 0 {
            let unit = 10_u64.checked_pow(u32::try_from(power).ok()?)?;
            nanoseconds = nanoseconds.checked_add(unit.checked_mul(u64::from(digit))?)?;
        }
    }
    Some(Duration::from_nanos(nanoseconds))
}

/// Seconds with as much of a fraction as there is.
pub(crate) fn written(time: Duration) -> String {
    let text = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The seconds of a time that passes until it is over: the last one counts to its end.
pub(crate) fn left(time: Duration) -> u64 {
    let begun = u64::from(time.subsec_nanos() != 0);
    time.as_secs().saturating_add(begun)
}

/// Shows a time with its milliseconds: `0.012`.
pub(crate) struct Milliseconds(pub(crate) Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Milliseconds(time) = self;
        f.pad_integral(
            true,
            "",
            &format!("{}.{:03}", time.as_secs(), time.subsec_millis()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "-0.5",
            "inf",
            "nan",
            "1e300",
            "1e99999999999",
            "1e-",
            "0x1.0",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn exponents_move_the_point() {
        for (text, milliseconds) in [
            ("0.0", 0),
            ("0e300", 0),
            ("+0.5", 500),
            ("1e1", 10_000),
            ("12.5E-1", 1250),
            ("0.00125e+3", 1250),
            ("1e-300", 0),
        ] {
            assert_eq!(
                read(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_second_that_has_begun_is_left() {
        for (milliseconds, seconds, shown) in [
            (0, 0, "0.000"),
            (1, 1, "0.001"),
            (1000, 1, "1.000"),
            (1020, 2, "1.020"),
        ] {
            let time = Duration::from_millis(milliseconds);
            assert_eq!(left(time), seconds);
            assert_eq!(Milliseconds(time).to_string(), shown);
            assert_eq!(format!("{:8}", Milliseconds(time)), format!("{shown:>8}"));
        }
    }

    proptest! {
        /// The standard library's floating point is the judge, within what it can represent.
        #[test]
        fn agrees_with_floating_point(text in "[0-9]{1,6}(\\.[0-9]{1,6})?(e(-[0-9]|[0-3]))?") {
            let expected = Duration::from_secs_f64(text.parse().unwrap());
            let found = read(&text).unwrap();
            prop_assert!(found.abs_diff(expected) <= expected / 1_000_000_000 + Duration::from_nanos(1));
        }

        #[test]
        fn what_is_written_can_be_read(nanoseconds: u64) {
            let time = Duration::from_nanos(nanoseconds);
            prop_assert_eq!(read(&written(time)), Some(time));
        }

        #[test]
        fn any_text_is_a_time_or_none(text: String) {
            read(&text);
        }
    }
}
