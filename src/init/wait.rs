//! Waits, each with an end that is shown.

use std::time::{Duration, Instant};

use crate::disk::{Action, Uevent, Uevents};

/// How often what is being waited for is looked at again when no event says so.
const LOOK: Duration = Duration::from_millis(250);

/// How often the remaining time, and the progress of a read, is shown.
const SHOW: Duration = Duration::from_secs(5);

/// A wait with an end that is shown.
pub(super) struct Wait {
    start: Instant,
    limit: Duration,
    shown: Option<Instant>,
}

impl Wait {
    /// For at most `limit` from now on.
    pub(super) fn start(limit: Duration) -> Wait {
        Wait {
            start: Instant::now(),
            limit,
            shown: None,
        }
    }

    /// For at most `limit` from its start on.
    pub(super) fn limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }

    /// Is nothing left?
    pub(super) fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    /// How long to wait before the next look.
    pub(super) fn step(&self) -> Duration {
        self.left().min(LOOK)
    }

    /// The seconds that are left, when it is time to show them: at the first call, and then every
    /// [`SHOW`].
    pub(super) fn due(&mut self) -> Option<f64> {
        if self.shown.is_some_and(|shown| shown.elapsed() < SHOW) {
            return None;
        }
        self.shown = Some(Instant::now());
        Some(self.left().as_secs_f64().ceil())
    }

    /// Shows what is waited for.
    pub(super) fn show(&mut self, what: &str, devices: &[String]) {
        let Some(left) = self.due() else {
            return;
        };
        let devices = match devices {
            [] => String::new(),
            devices => format!(": {}", devices.join(", ")),
        };
        log::info!("{what}, {left} s left{devices}");
    }
}

/// Waits for the next event of a block device, or for `time`.
pub(super) fn pause(uevents: Option<&Uevents>, time: Duration) {
    let wait = Wait::start(time);
    let Some(uevents) = uevents else {
        return std::thread::sleep(time);
    };
    loop {
        let disk = |event: &Uevent| {
            let came = matches!(event.action, Action::Add | Action::Change);
            event.subsystem.is_empty() || (event.subsystem == "block" && came)
        };
        match uevents.wait(wait.left()) {
            Ok(events) if events.iter().any(disk) => return,
            Ok(_) if wait.is_over() => return,
            Ok(_) => {}
            // A socket that fails answers at once: without the sleep, this would be no wait.
            Err(_) => return std::thread::sleep(wait.left()),
        }
    }
}

/// Says every few seconds how much was read.
#[derive(Default)]
pub(super) struct Progress {
    shown: Option<Instant>,
}

impl Progress {
    /// So much of so much.
    pub(super) fn show(&mut self, done: u64, all: u64) {
        let shown = *self.shown.get_or_insert_with(Instant::now);
        if shown.elapsed() >= SHOW {
            self.shown = Some(Instant::now());
            log::info!("read {} of {} MiB", done >> 20, all >> 20);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_shown_at_once_and_then_now_and_then() {
        let mut wait = Wait::start(Duration::from_secs(60));
        assert_eq!(wait.due(), Some(60.0));
        assert_eq!(wait.due(), None);
        wait.shown = wait.shown.and_then(|shown| shown.checked_sub(SHOW));
        wait.start -= Duration::from_secs(30);
        assert_eq!(wait.due(), Some(30.0));
        assert!(!wait.is_over() && wait.step() == LOOK);
        wait.start -= Duration::from_secs(30);
        assert!(wait.is_over() && wait.step().is_zero());
    }

    #[test]
    fn a_pause_without_events_takes_its_time() {
        let time = Duration::from_millis(20);
        for uevents in [None, Uevents::open().ok()] {
            let start = Instant::now();
            pause(uevents.as_ref(), time);
            // Events of other tests' loop devices may end it early.
            assert!(uevents.is_some() || start.elapsed() >= time);
        }
    }
}
