//! How long GRUB would wait, from `timeout` and `timeout_style` (`grub_menu_get_timeout`,
//! `get_timeout_style` and `run_menu` in `grub-core/normal/menu.c`).

use super::number;
use super::variables::Variables;
use crate::config::configuration::{MenuWait, WaitStyle};

/// What the variables of a menu say. Without a number in `timeout`, and with one that is negative, it waits for
/// somebody, and then it is always seen; only the second is said.
pub(super) fn wait(variables: &Variables) -> MenuWait {
    let value = variables.get("timeout").unwrap_or_default();
    let number = number::parse(value, 0).ok();
    // GRUB reads no sign, and waits for ever with what it can't read. -1 is how its manual says so.
    let negative = value.trim_start().strip_prefix('-');
    let is_negative = negative.is_some_and(|value| number::parse(value, 0).is_ok());
    // A C `int`: what is too large for it may be negative, which is no timeout.
    let seconds = number.and_then(|(value, _)| u32::try_from(value & u64::from(u32::MAX)).ok());
    let seconds = seconds.filter(|seconds| !seconds.cast_signed().is_negative());
    let style = match variables.get("timeout_style") {
        _ if seconds.is_none() => WaitStyle::Menu,
        Some("countdown") => WaitStyle::Countdown,
        Some("hidden") => WaitStyle::Hidden,
        _ => WaitStyle::Menu,
    };
    MenuWait {
        stated: number.is_some() || is_negative,
        seconds,
        style,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_grub_reads_it() {
        use WaitStyle::{Countdown, Hidden, Menu};
        for (timeout, style, expected) in [
            (None, None, (false, None, Menu)),
            (None, Some("hidden"), (false, None, Menu)),
            (Some("5"), None, (true, Some(5), Menu)),
            (Some("5"), Some("menu"), (true, Some(5), Menu)),
            (Some("5"), Some("hidden"), (true, Some(5), Hidden)),
            (Some("5"), Some("countdown"), (true, Some(5), Countdown)),
            (Some("5"), Some("Hidden"), (true, Some(5), Menu)),
            (Some("0"), Some("hidden"), (true, Some(0), Hidden)),
            (Some("-1"), Some("hidden"), (true, None, Menu)),
            (Some("-"), None, (false, None, Menu)),
            (Some(""), Some("hidden"), (false, None, Menu)),
            (Some("x"), None, (false, None, Menu)),
            (Some("010"), None, (true, Some(8), Menu)),
            (Some(" 0x10s"), None, (true, Some(16), Menu)),
            (Some("4294967295"), Some("hidden"), (true, None, Menu)),
            (Some("4294967297"), None, (true, Some(1), Menu)),
            (Some("99999999999999999999"), None, (false, None, Menu)),
        ] {
            let mut variables = Variables::default();
            for (name, value) in [("timeout", timeout), ("timeout_style", style)] {
                if let Some(value) = value {
                    variables.set(name, value);
                }
            }
            let MenuWait {
                stated,
                seconds,
                style,
            } = wait(&variables);
            assert_eq!((stated, seconds, style), expected, "{timeout:?}");
        }
    }
}
