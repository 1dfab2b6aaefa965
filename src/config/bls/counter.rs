//! Boot counters in file names: Automatic Boot Assessment.

/// The counter of an entry, `name+LEFT.conf` or `name+LEFT-DONE.conf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Boots that are left.
    pub left: u32,
    /// Boots that were tried.
    pub done: u32,
}

impl Counter {
    /// Takes the counter out of a file name whose suffix is `suffix` (`.conf`, compared without case):
    /// the name without it, with the suffix, and the counter. A name whose counter can't be read has
    /// none.
    pub fn split(name: &str, suffix: &str) -> (String, Option<Counter>) {
        let whole = || (name.to_owned(), None);
        let Some(start) = name.len().checked_sub(suffix.len()) else {
            return whole();
        };
        let Some((stem, end)) = name.split_at_checked(start) else {
            return whole();
        };
        if !end.eq_ignore_ascii_case(suffix) {
            return whole();
        }
        let Some((stem, counter)) = stem.rsplit_once('+') else {
            return whole();
        };
        let (left, done) = counter.split_once('-').unwrap_or((counter, "0"));
        match (number(left), number(done)) {
            (Some(left), Some(done)) => (format!("{stem}{end}"), Some(Counter { left, done })),
            _ => whole(),
        }
    }
}

/// Digits and nothing else: `u32::from_str` would take a sign.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without() {
        for (name, stem, counter) in [
            ("a.conf", "a.conf", None),
            ("a+3.conf", "a.conf", Some((3, 0))),
            ("a+2-1.conf", "a.conf", Some((2, 1))),
            ("a+b+0-03.CONF", "a+b.CONF", Some((0, 3))),
            ("6.1+deb12.conf", "6.1+deb12.conf", None),
            ("a+.conf", "a+.conf", None),
            ("a++1.conf", "a+.conf", Some((1, 0))),
            ("a+1-.conf", "a+1-.conf", None),
            ("a+-1.conf", "a+-1.conf", None),
            ("a+99999999999.conf", "a+99999999999.conf", None),
            ("a+1", "a+1", None),
            ("f", "f", None),
        ] {
            let counter = counter.map(|(left, done)| Counter { left, done });
            assert_eq!(
                Counter::split(name, ".conf"),
                (stem.to_owned(), counter),
                "{name}"
            );
        }
    }
}
