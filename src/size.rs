//! Sizes for people.

use std::fmt;

/// A number of bytes, shown with three digits and a binary unit.
pub(crate) struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit: u64 = 1;
        let mut name = "B";
        for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
            if self.0 / 1024 < unit {
                break;
            }
            unit = unit.saturating_mul(1024);
            name = next;
        }
        let whole = self.0.checked_div(unit).unwrap_or_default();
        let rest = self.0.checked_rem(unit).unwrap_or_default();
        let tenths = rest
            .saturating_mul(10)
            .checked_div(unit)
            .unwrap_or_default();
        match (unit, whole) {
            (1, _) | (_, 100..) => write!(f, "{whole} {name}"),
            _ => write!(f, "{whole}.{tenths} {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fit_the_number() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (500 << 20, "500 MiB"),
            (1 << 40, "1.0 TiB"),
            (u64::MAX, "16383 PiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
