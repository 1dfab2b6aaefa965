//! [`Countdown`]: how long it takes until something is started without a person.

use std::time::Duration;

use super::permissions::Timeout;

/// The wait of a menu, from its start on.
#[derive(Clone, Debug)]
pub(super) struct Countdown {
    timeout: Timeout,
    /// When it is over, while it runs.
    end: Option<Duration>,
    /// Nobody has seen the menu yet.
    hidden: bool,
    /// When somebody was here last.
    seen: Duration,
}

impl Countdown {
    pub(super) fn start(timeout: Timeout, now: Duration) -> Countdown {
        Countdown {
            timeout,
            end: timeout.wait.map(|wait| now.saturating_add(wait)),
            hidden: timeout
                .wait
                .is_some_and(|wait| timeout.hidden || wait.is_zero()),
            seen: now,
        }
    }

    /// Is nothing shown yet?
    pub(super) fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// Whole seconds that are left, if it runs.
    pub(super) fn left(&self, now: Duration) -> Option<u64> {
        let left = self.end?.saturating_sub(now);
        let more = u64::from(left.subsec_nanos() != 0);
        Some(left.as_secs().saturating_add(more))
    }

    /// When the seconds that are left change, or it begins anew.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        match (self.end, self.timeout.idle) {
            (Some(end), _) => {
                let left = end.saturating_sub(now);
                let part = Duration::from_nanos(u64::from(left.subsec_nanos()));
                let second = Duration::from_secs(1).min(left);
                Some(now.saturating_add(if part.is_zero() { second } else { part }))
            }
            (None, Some(idle)) if self.timeout.wait.is_some() => {
                Some(self.seen.saturating_add(idle))
            }
            (None, _) => None,
        }
    }

    /// Is it over?
    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    /// Somebody is here: it ends, and the menu is shown.
    pub(super) fn stop(&mut self, now: Duration) {
        self.end = None;
        self.hidden = false;
        self.seen = now;
    }

    /// It begins anew, shown, with so much time.
    pub(super) fn again(&mut self, wait: Duration, now: Duration) {
        self.end = Some(now.saturating_add(wait));
        self.hidden = false;
    }

    /// Has whoever stopped it gone? Then it begins anew.
    pub(super) fn resume(&mut self, now: Duration) -> bool {
        let idle = self.timeout.idle.zip(self.timeout.wait);
        let Some((idle, wait)) = idle.filter(|_| self.end.is_none()) else {
            return false;
        };
        let gone = now >= self.seen.saturating_add(idle);
        if gone {
            self.again(wait.max(AGAIN), now);
        }
        gone
    }
}

/// A wait that begins anew takes at least this long: whoever reads has a chance to press a key.
const AGAIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn timeout(wait: u64) -> Timeout {
        Timeout {
            wait: Some(S * wait as u32),
            ..Timeout::default()
        }
    }

    #[test]
    fn whole_seconds_are_counted_to_the_end() {
        let countdown = Countdown::start(timeout(3), S);
        assert_eq!(countdown.left(S), Some(3));
        assert_eq!(countdown.left(S + S / 2), Some(3));
        assert_eq!(countdown.next(S + S / 2), Some(S * 2));
        assert_eq!(countdown.next(S * 2), Some(S * 3));
        assert!(!countdown.is_over(S * 4 - Duration::from_nanos(1)));
        assert!(countdown.is_over(S * 4));
        assert_eq!(countdown.left(S * 9), Some(0));
    }

    #[test]
    fn none_means_at_once_and_unseen() {
        let countdown = Countdown::start(timeout(0), S);
        assert!(countdown.is_hidden() && countdown.is_over(S));
        let waits = Countdown::start(Timeout::default(), S);
        assert!(!waits.is_hidden() && !waits.is_over(S * 1_000_000));
        assert_eq!(waits.next(S), None);
    }

    #[test]
    fn who_goes_away_does_not_stop_it_for_ever() {
        let mut countdown = Countdown::start(timeout(5), S);
        countdown.stop(S * 2);
        assert_eq!((countdown.left(S), countdown.next(S)), (None, None));
        assert!(!countdown.resume(S * 1_000_000));
        countdown.timeout.idle = Some(S * 60);
        assert_eq!(countdown.next(S * 2), Some(S * 62));
        assert!(!countdown.resume(S * 61));
        assert!(countdown.resume(S * 62));
        assert_eq!(countdown.left(S * 62), Some(10));
        assert!(!countdown.resume(S * 62));
    }
}
