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
        match Parts::of(name, suffix) {
            Some(Parts {
                stem, counter, end, ..
            }) => (format!("{stem}{end}"), Some(counter)),
            None => (name.to_owned(), None),
        }
    }

    /// The name of the file while its entry is tried: one boot less is left, if any is, and one more is done.
    /// Numbers keep their width, so that the name has room: what is done stays at the highest that fits. `None` for
    /// a name without a counter, and where nothing would change.
    pub fn next(name: &str, suffix: &str) -> Option<String> {
        let Parts {
            stem,
            counter,
            widths: (left_width, done_width),
            end,
        } = Parts::of(name, suffix)?;
        let left = counter.left.saturating_sub(1);
        let more = counter.done.saturating_add(1);
        let done = match more.to_string().len() <= done_width {
            true => more,
            false => counter.done,
        };
        let next = format!("{stem}+{left:0left_width$}-{done:0done_width$}{end}");
        (next != name).then_some(next)
    }
}

/// A name with a counter.
struct Parts<'a> {
    stem: &'a str,
    counter: Counter,
    /// How many digits are left and done written with.
    widths: (usize, usize),
    /// The suffix as it is written.
    end: &'a str,
}

impl Parts<'_> {
    fn of<'a>(name: &'a str, suffix: &str) -> Option<Parts<'a>> {
        let start = name.len().checked_sub(suffix.len())?;
        let (stem, end) = name.split_at_checked(start)?;
        if !end.eq_ignore_ascii_case(suffix) {
            return None;
        }
        let (stem, counter) = stem.rsplit_once('+')?;
        let (left, done) = counter.split_once('-').unwrap_or((counter, "0"));
        let widths = (left.len(), done.len());
        let counter = Counter {
            left: number(left)?,
            done: number(done)?,
        };
        Some(Parts {
            stem,
            counter,
            widths,
            end,
        })
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
    use proptest::prelude::*;

    #[test]
    fn one_boot_less_is_left() {
        for (name, next) in [
            ("a+3.conf", Some("a+2-1.conf")),
            ("a+2-1.CONF", Some("a+1-2.CONF")),
            ("a+1-2.conf", Some("a+0-3.conf")),
            ("a+0-3.conf", Some("a+0-4.conf")),
            ("a+0-9.conf", None),
            ("a+10-05.conf", Some("a+09-06.conf")),
            ("a+003.conf", Some("a+002-1.conf")),
            ("a+2-9.conf", Some("a+1-9.conf")),
            ("a+2-99.conf", Some("a+1-99.conf")),
            ("a+b+1-8.conf", Some("a+b+0-9.conf")),
            ("a.conf", None),
            ("a+b.conf", None),
        ] {
            assert_eq!(Counter::next(name, ".conf").as_deref(), next, "{name}");
        }
        let image = Counter::next("a+2-1.efi", ".efi");
        assert_eq!(image.as_deref(), Some("a+1-2.efi"));
    }

    proptest! {
        #[test]
        fn every_name_counts_down_to_its_end(name in "[a-z+-]{0,5}\\+[0-9]{1,2}(-[0-9]{1,3})?\\.conf") {
            let (stem, counter) = Counter::split(&name, ".conf");
            let mut counter = counter.unwrap();
            let mut name = name;
            while let Some(next) = Counter::next(&name, ".conf") {
                let (same, after) = Counter::split(&next, ".conf");
                let after = after.unwrap();
                prop_assert_eq!((&same, after.left), (&stem, counter.left.saturating_sub(1)));
                prop_assert!(after.left < counter.left || after.done > counter.done);
                prop_assert!(next.len() <= name.len() + 2);
                (name, counter) = (next, after);
            }
            prop_assert_eq!(counter.left, 0);
        }
    }

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
