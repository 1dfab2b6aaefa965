//! [`Progress`]: how far an attempt is.

use std::time::Duration;

use crate::boot::Step;
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
    /// What follows the reading, if it is at that.
    later: Option<Step>,
    /// What there was to say when the last tenth was read, or something else began.
    told: String,
}

impl Progress {
    pub(super) fn new(title: String, place: String, now: Duration) -> Progress {
        Progress {
            title,
            place,
            read: None,
            times: (now, now),
            later: None,
            told: String::new(),
        }
    }

    pub(super) fn set(&mut self, step: Step, now: Duration) {
        let before = (self.parts(10), self.later);
        self.take(step, now);
        if (self.parts(10), self.later) != before {
            self.told = self.text().unwrap_or_default();
        }
    }

    /// What is said where a line that was typed stays: no more than some lines.
    pub(super) fn told(&self) -> &str {
        &self.told
    }

    fn take(&mut self, step: Step, now: Duration) {
        let Step::Read(done, all) = step else {
            self.later = Some(step);
            return;
        };
        // Initrds are read when the kernel is unpacked.
        self.later = None;
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

    /// Bytes, rate and what remains, in words, and what is done besides reading.
    pub(super) fn text(&self) -> Option<String> {
        let (done, all) = self.read?;
        let doing = match self.later {
            Some(Step::Unpack) => Some("unpacking the kernel"),
            Some(Step::Prove) => Some("looking at signatures"),
            Some(Step::Load) => Some("loading"),
            _ if done >= all => Some("all is read"),
            _ => None,
        };
        let elapsed = self.times.1.saturating_sub(self.times.0).as_millis();
        let elapsed = u64::try_from(elapsed).ok()?;
        let rate = done.saturating_mul(1000).checked_div(elapsed);
        // A rate over a moment says nothing.
        let rate = rate.filter(|_| elapsed >= 500);
        let mut text = match done >= all {
            true => Size(all).to_string(),
            false => format!("{} of {}", Size(done), Size(all)),
        };
        if let Some(rate) = rate {
            text += &format!(", {}/s", Size(rate));
        }
        let left = rate.and_then(|rate| all.saturating_sub(done).checked_div(rate));
        match (doing, left) {
            (Some(doing), _) => {
                text += ", ";
                text += doing;
            }
            (None, Some(left)) => text += &format!(", {left} s left"),
            (None, None) => {}
        }
        Some(text)
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
        progress.set(Step::Read(0, 40 << 20), at(1000));
        assert_eq!(progress.text().unwrap(), "0 B of 40.0 MiB");
        progress.set(Step::Read(10 << 20, 40 << 20), at(3000));
        assert_eq!(
            progress.text().unwrap(),
            "10.0 MiB of 40.0 MiB, 5.0 MiB/s, 6 s left"
        );
        assert_eq!(progress.parts(10), Some(2));
        progress.set(Step::Read(u64::MAX, 40 << 20), at(5000));
        assert_eq!(progress.parts(10), Some(10));
        // What comes behind the reading is not part of its rate.
        progress.set(Step::Read(40 << 20, 40 << 20), at(50_000));
        let text = progress.text().unwrap();
        assert_eq!(text, "40.0 MiB, 10.0 MiB/s, all is read");
        for (step, doing) in [
            (Step::Prove, "looking at signatures"),
            (Step::Load, "loading"),
        ] {
            progress.set(step, at(60_000));
            let text = progress.text().unwrap();
            assert_eq!(text, format!("40.0 MiB, 10.0 MiB/s, {doing}"));
        }
        // Behind the kernel come the initrds.
        let mut packed = Progress::new(String::new(), String::new(), at(0));
        packed.set(Step::Read(0, 20 << 20), at(0));
        packed.set(Step::Read(10 << 20, 20 << 20), at(1000));
        packed.set(Step::Unpack, at(3000));
        let text = packed.text().unwrap();
        assert_eq!(
            text,
            "10.0 MiB of 20.0 MiB, 10.0 MiB/s, unpacking the kernel"
        );
        packed.set(Step::Read(11 << 20, 20 << 20), at(4000));
        assert!(packed.text().unwrap().ends_with(" left"));
        let mut nothing = Progress::new(String::new(), String::new(), at(0));
        nothing.set(Step::Read(0, 0), at(9000));
        assert_eq!(
            (nothing.text().unwrap().as_str(), nothing.parts(10)),
            ("0 B, all is read", None)
        );
    }
}
