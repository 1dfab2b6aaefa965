//! [`Progress`]: how far the reading of a payload is.

use std::time::Duration;

use crate::size::Size;

/// An attempt that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// What is started, and from where.
    pub(super) title: String,
    pub(super) place: String,
    /// Bytes that were read, and of how many; nothing is known at the start.
    read: Option<(u64, u64)>,
    /// When reading began, and when this was known.
    times: (Duration, Duration),
}

impl Progress {
    pub(super) fn new(title: String, place: String, now: Duration) -> Progress {
        Progress {
            title,
            place,
            read: None,
            times: (now, now),
        }
    }

    pub(super) fn set(&mut self, done: u64, all: u64, now: Duration) {
        let same = self.read == Some((done.min(all), all));
        let pause = now.saturating_sub(self.times.1);
        // A rate that falls while nothing comes is news once a second, and when all is read none any more.
        if same && (done >= all || pause < Duration::from_secs(1)) {
            return;
        }
        if self.read.is_none() {
            self.times.0 = now;
        }
        self.times.1 = now;
        self.read = Some((done.min(all), all));
    }

    /// So many of so many parts.
    pub(super) fn parts(&self, of: usize) -> Option<usize> {
        let (done, all) = self.read?;
        let of = u64::try_from(of).ok()?;
        let parts = u128::from(done).checked_mul(of.into())?;
        usize::try_from(parts.checked_div(all.into())?).ok()
    }

    /// Bytes, rate and what remains, in words.
    pub(super) fn text(&self) -> Option<String> {
        let (done, all) = self.read?;
        let text = format!("{} of {}", Size(done), Size(all));
        let elapsed = self.times.1.saturating_sub(self.times.0).as_millis();
        let elapsed = u64::try_from(elapsed).ok()?;
        let rate = done.saturating_mul(1000).checked_div(elapsed);
        // A rate over a moment says nothing.
        let Some(rate) = rate.filter(|_| elapsed >= 500) else {
            return Some(text);
        };
        if done >= all {
            return Some(format!("{}, {}/s, loading", Size(all), Size(rate)));
        }
        let left = all.saturating_sub(done).checked_div(rate);
        let left = left.map_or(String::new(), |left| format!(", {left} s left"));
        Some(format!("{text}, {}/s{left}", Size(rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_rest_are_those_of_what_was_read() {
        let at = Duration::from_millis;
        let mut progress = Progress::new(String::new(), String::new(), at(0));
        assert_eq!((progress.text(), progress.parts(10)), (None, None));
        progress.set(0, 40 << 20, at(1000));
        assert_eq!(progress.text().unwrap(), "0 B of 40.0 MiB");
        progress.set(10 << 20, 40 << 20, at(3000));
        assert_eq!(
            progress.text().unwrap(),
            "10.0 MiB of 40.0 MiB, 5.0 MiB/s, 6 s left"
        );
        assert_eq!(progress.parts(10), Some(2));
        progress.set(u64::MAX, 40 << 20, at(5000));
        assert_eq!(progress.parts(10), Some(10));
        // What comes behind the reading is not part of its rate.
        progress.set(40 << 20, 40 << 20, at(50_000));
        let text = progress.text().unwrap();
        assert_eq!(text, "40.0 MiB, 10.0 MiB/s, loading");
        let mut nothing = Progress::new(String::new(), String::new(), at(0));
        nothing.set(0, 0, at(9000));
        assert_eq!(
            (nothing.text().unwrap().as_str(), nothing.parts(10)),
            ("0 B of 0 B", None)
        );
    }
}
