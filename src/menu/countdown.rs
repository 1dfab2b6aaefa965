//! [`Countdown`]: how long it takes until something is started without a person.

use std::time::Duration;

use super::permissions::Timeout;
use crate::seconds;

/// The wait of a menu.
#[derive(Clone, Debug)]
pub(super) struct Countdown {
    timeout: Timeout,
    /// It is known how long it takes.
    begun: bool,
    state: State,
    /// Nobody has seen the menu yet.
    hidden: bool,
    /// When somebody was here last.
    seen: Duration,
    /// Since when somebody is here of whom nobody knows whether it is a person.
    came: Option<Duration>,
    /// Is it taken for noise, until it types what noise does not?
    doubted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody knows yet how long it takes.
    Early,
    /// It is over at this time.
    Runs(Duration),
    /// It was over, and something is started.
    Fired,
    /// Somebody is here, or has to come.
    Stopped,
}

impl Countdown {
    /// Without a timeout, that is told [later](Countdown::begin).
    pub(super) fn start(timeout: Option<Timeout>, now: Duration) -> Countdown {
        let mut countdown = Countdown {
            timeout: Timeout::default(),
            begun: false,
            state: State::Early,
            hidden: true,
            seen: now,
            came: None,
            doubted: false,
        };
        if let Some(timeout) = timeout {
            countdown.begin(timeout, now);
        }
        countdown
    }

    /// What holds for who comes before it begins.
    pub(super) fn set_limits(&mut self, idle: Option<Duration>, stay: Option<Duration>) {
        self.timeout.idle = idle;
        self.timeout.stay = stay;
    }

    /// It begins now, unless somebody is here already. What was shown stays shown.
    pub(super) fn begin(&mut self, timeout: Timeout, now: Duration) {
        self.timeout = timeout;
        self.begun = true;
        if self.state == State::Early {
            let wait = timeout.wait;
            self.state = match wait {
                Some(wait) => State::Runs(now.saturating_add(wait)),
                None => State::Stopped,
            };
            self.hidden &= wait.is_some_and(|wait| timeout.hidden || wait.is_zero());
            self.seen = now;
        }
    }

    /// Is nothing shown yet?
    pub(super) fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// Is somebody here, or has to come?
    pub(super) fn is_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    /// Has nothing to happen without a key, for now or at all?
    pub(super) fn holds(&self, now: Duration) -> bool {
        match self.state {
            State::Runs(end) => end > now,
            State::Stopped => true,
            State::Early | State::Fired => false,
        }
    }

    /// Whole seconds that are left, if it runs.
    pub(super) fn left(&self, now: Duration) -> Option<u64> {
        let State::Runs(end) = self.state else {
            return None;
        };
        Some(seconds::left(end.saturating_sub(now)))
    }

    /// When the seconds that are left change, or it begins anew. One that is over waits for something to start.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        match (self.state, self.timeout.idle) {
            (State::Runs(end), _) if end > now => {
                let left = end.saturating_sub(now);
                let part = Duration::from_nanos(u64::from(left.subsec_nanos()));
                let second = Duration::from_secs(1).min(left);
                Some(now.saturating_add(if part.is_zero() { second } else { part }))
            }
            (State::Stopped, idle) => {
                let idle = idle.filter(|_| self.came.is_some());
                let idle = idle.map(|idle| self.seen.saturating_add(idle));
                let doubt = self.doubt_at().filter(|_| !self.has_to_come());
                [idle, doubt].into_iter().flatten().min()
            }
            _ => None,
        }
    }

    /// Is nothing started without somebody?
    fn has_to_come(&self) -> bool {
        self.begun && self.timeout.wait.is_none()
    }

    /// When whoever is here has been here for too long to be believed.
    fn doubt_at(&self) -> Option<Duration> {
        Some(self.came?.saturating_add(self.timeout.stay?))
    }

    /// Is whoever is here taken for noise by now? Then it begins anew, or is early again.
    pub(super) fn doubt(&mut self, now: Duration) {
        let is_due = self.doubt_at().is_some_and(|due| due <= now);
        if self.state == State::Stopped && !self.has_to_come() && is_due {
            self.doubted = true;
            match self.begun {
                true => self.again(DOUBT, now),
                false => self.state = State::Early,
            }
        }
    }

    /// Has whoever is here to show that it is a person?
    pub(super) fn is_doubted(&self) -> bool {
        self.doubted
    }

    /// It is a person.
    pub(super) fn believe(&mut self, now: Duration) {
        self.doubted = false;
        self.came = Some(now);
        self.stop(now);
    }

    /// Is it over?
    pub(super) fn is_over(&self, now: Duration) -> bool {
        matches!(self.state, State::Runs(end) if end <= now)
    }

    /// Somebody is here: it ends, and the menu is shown. Whoever is taken for noise does not stop it.
    pub(super) fn stop(&mut self, now: Duration) {
        if self.doubted {
            return;
        }
        self.state = State::Stopped;
        self.hidden = false;
        self.seen = now;
        // Who comes and goes is not believed either.
        self.came.get_or_insert(now);
    }

    /// It was over, and something is started. What is not shown stays so.
    pub(super) fn fire(&mut self) {
        self.state = State::Fired;
    }

    /// It begins anew with so much time, shown if it was.
    pub(super) fn again(&mut self, wait: Duration, now: Duration) {
        self.state = State::Runs(now.saturating_add(wait));
    }

    /// Has whoever stopped it gone? Then it begins anew, or is early again, or the next one has to come.
    pub(super) fn resume(&mut self, now: Duration) -> bool {
        let is_here = self.state == State::Stopped && self.came.is_some();
        let Some(idle) = self.timeout.idle.filter(|_| is_here) else {
            return false;
        };
        if now < self.seen.saturating_add(idle) {
            return false;
        }
        match (self.begun, self.timeout.wait) {
            (true, None) => self.came = None,
            (true, Some(wait)) => self.again(wait.max(AGAIN), now),
            (false, _) => self.state = State::Early,
        }
        true
    }
}

/// How long somebody has to show that it is a person.
const DOUBT: Duration = Duration::from_secs(60);

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
        let countdown = Countdown::start(Some(timeout(3)), S);
        assert_eq!(countdown.left(S), Some(3));
        assert_eq!(countdown.left(S + S / 2), Some(3));
        assert_eq!(countdown.next(S + S / 2), Some(S * 2));
        assert_eq!(countdown.next(S * 2), Some(S * 3));
        assert!(!countdown.is_over(S * 4 - Duration::from_nanos(1)));
        assert!(countdown.is_over(S * 4));
        assert_eq!(countdown.left(S * 9), Some(0));
        assert_eq!(countdown.next(S * 9), None);
        assert!(countdown.holds(S * 3) && !countdown.holds(S * 4));
    }

    #[test]
    fn what_is_told_later_counts_from_then_on_and_for_nobody_who_is_here() {
        let mut countdown = Countdown::start(None, S);
        assert!(countdown.is_hidden() && !countdown.holds(S) && !countdown.is_over(S * 99));
        let mut stopped = countdown.clone();
        countdown.begin(timeout(3), S * 10);
        assert_eq!(countdown.left(S * 10), Some(3));
        countdown.begin(timeout(3), S * 11);
        assert!(countdown.is_over(S * 13) && !countdown.is_hidden());
        stopped.stop(S * 2);
        stopped.begin(timeout(0), S * 10);
        assert!(stopped.holds(S * 99) && !stopped.is_hidden());
    }

    #[test]
    fn none_means_at_once_and_unseen() {
        let countdown = Countdown::start(Some(timeout(0)), S);
        assert!(countdown.is_hidden() && countdown.is_over(S));
        let waits = Countdown::start(Some(Timeout::default()), S);
        assert!(!waits.is_hidden() && !waits.is_over(S * 1_000_000));
        assert_eq!(waits.next(S), None);
    }

    #[test]
    fn who_stays_for_too_long_stops_nothing_until_it_is_believed() {
        let mut countdown = Countdown::start(Some(timeout(5)), S);
        countdown.timeout.stay = Some(S * 100);
        countdown.stop(S * 2);
        countdown.stop(S * 90);
        assert_eq!(countdown.next(S * 90), Some(S * 102));
        countdown.doubt(S * 101);
        assert!(!countdown.is_doubted());
        countdown.doubt(S * 102);
        assert!(countdown.is_doubted());
        assert_eq!(countdown.left(S * 102), Some(60));
        countdown.stop(S * 110);
        assert!(countdown.is_over(S * 162));
        countdown.believe(S * 120);
        assert!(!countdown.is_doubted() && countdown.is_stopped());
        assert_eq!(countdown.next(S * 120), Some(S * 220));
        // Somebody has to come, whoever that is.
        let mut waits = Countdown::start(Some(Timeout::default()), S);
        waits.timeout.stay = Some(S);
        waits.stop(S);
        waits.doubt(S * 1000);
        assert!(!waits.is_doubted());
        // Before there is anything to start.
        let mut early = Countdown::start(None, S);
        early.set_limits(None, Some(S * 10));
        early.stop(S);
        early.doubt(S * 11);
        assert!(early.is_doubted() && !early.holds(S * 11));
        early.begin(timeout(5), S * 20);
        early.stop(S * 21);
        assert!(early.is_over(S * 25));
    }

    #[test]
    fn who_goes_away_does_not_stop_it_for_ever() {
        let mut countdown = Countdown::start(Some(timeout(5)), S);
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

    #[test]
    fn where_somebody_has_to_come_who_has_gone_is_told_once() {
        let idle = Timeout {
            idle: Some(S * 60),
            stay: Some(S * 10),
            ..Timeout::default()
        };
        let mut countdown = Countdown::start(Some(idle), S);
        // Nobody has been here yet.
        assert_eq!(countdown.next(S), None);
        assert!(!countdown.resume(S * 100));
        for begin in [S * 200, S * 300] {
            countdown.stop(begin);
            assert_eq!(countdown.next(begin), Some(begin + S * 60));
            assert!(!countdown.resume(begin + S * 59));
            assert!(countdown.resume(begin + S * 60));
            assert!(countdown.is_stopped() && countdown.holds(S * 1000));
            assert_eq!(countdown.next(begin + S * 60), None);
            assert!(!countdown.resume(begin + S * 61));
        }
    }
}
