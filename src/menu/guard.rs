//! [`Guard`]: passwords that are asked for, each after a longer pause.

use std::time::Duration;

use crate::seconds;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Who knows the password, and how often somebody did not.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    open: bool,
    failures: u32,
    /// No password is taken before.
    until: Duration,
}

impl Guard {
    /// Has somebody known the password?
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Who knew it is gone.
    pub(super) fn close(&mut self) {
        self.open = false;
    }

    /// Whole seconds until a password is taken; 0 when one is.
    pub(super) fn pause(&self, now: Duration) -> u64 {
        seconds::left(self.until.saturating_sub(now))
    }

    /// Until when none is taken.
    pub(super) fn until(&self) -> Duration {
        self.until
    }

    /// Are no more taken, of so many?
    pub(super) fn is_shut(&self, attempts: u32) -> bool {
        self.failures >= attempts
    }

    /// A password was right, or wrong: then the next one has to wait, twice as long each time.
    pub(super) fn judge(&mut self, right: bool, now: Duration) {
        if right {
            (self.open, self.failures) = (true, 0);
            return;
        }
        let pause = Duration::from_secs(1_u64.checked_shl(self.failures).unwrap_or(u64::MAX));
        self.failures = self.failures.saturating_add(1);
        self.until = now.saturating_add(pause.min(LONGEST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_attempts_end() {
        let mut guard = Guard::default();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            guard.judge(false, Duration::ZERO);
            pauses.push(guard.pause(Duration::ZERO));
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(guard.pause(LONGEST - Duration::from_nanos(1)), 1);
        assert_eq!(guard.pause(LONGEST), 0);
        assert!(guard.is_shut(9) && !guard.is_shut(10) && !guard.is_open());
        guard.judge(true, LONGEST);
        assert!(guard.is_open() && !guard.is_shut(1));
    }
}
