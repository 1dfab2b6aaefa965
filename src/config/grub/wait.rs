//! How long GRUB would wait, from `timeout` and `timeout_style` (`grub_menu_get_timeout`,
//! `get_timeout_style` and `run_menu` in `grub-core/normal/menu.c`).

use super::number;
use super::variables::Variables;
use crate::config::configuration::{MenuWait, WaitStyle};

/// What the variables of a menu say. Without a number in `timeout` it waits for somebody, and then it is
/// always seen.
pub(super) fn wait(variables: &Variables) -> MenuWait {
    let number = variables
        .get("timeout")
        .and_then(|value| number::parse(value, 0).ok());
    // A C `int`: what is too large for it may be negative, which is no timeout.
    let seconds = number.and_then(|(value, _)| u32::try_from(value & u64::from(u32::MAX)).ok());
    let seconds = seconds.filter(|seconds| !seconds.cast_signed().is_negative());
    let style = match variables.get("timeout_style") {
        _ if seconds.is_none() => WaitStyle::Menu,
        Some("countdown") => WaitStyle::Countdown,
        Some("hidden") => WaitStyle::Hidden,
        _ => WaitStyle::Menu,
    };
    MenuWait { seconds, style }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_grub_reads_it() {
        use WaitStyle::{Countdown, Hidden, Menu};
        for (timeout, style, expected) in [
            (None, None, (None, Menu)),
            (None, Some("hidden"), (None, Menu)),
            (Some("5"), None, (Some(5), Menu)),
            (Some("5"), Some("menu"), (Some(5), Menu)),
            (Some("5"), Some("hidden"), (Some(5), Hidden)),
            (Some("5"), Some("countdown"), (Some(5), Countdown)),
            (Some("5"), Some("Hidden"), (Some(5), Menu)),
            (Some("0"), Some("hidden"), (Some(0), Hidden)),
            (Some("-1"), Some("hidden"), (None, Menu)),
            (Some(""), Some("hidden"), (None, Menu)),
            (Some("x"), None, (None, Menu)),
            (Some("010"), None, (Some(8), Menu)),
            (Some(" 0x10s"), None, (Some(16), Menu)),
            (Some("4294967295"), Some("hidden"), (None, Menu)),
            (Some("4294967297"), None, (Some(1), Menu)),
            (Some("99999999999999999999"), None, (None, Menu)),
        ] {
            let mut variables = Variables::default();
            for (name, value) in [("timeout", timeout), ("timeout_style", style)] {
                if let Some(value) = value {
                    variables.set(name, value);
                }
            }
            let MenuWait { seconds, style } = wait(&variables);
            assert_eq!((seconds, style), expected, "{timeout:?}");
        }
    }
}
