//! Waits, each with an end that is shown.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::boot::Step;
use crate::disk::{Action, Uevent, Uevents};
use crate::seconds;
use crate::size::Size;

/// How often what is being waited for is looked at again when no event says so.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// How often the remaining time, and the progress of a read, is shown.
const SHOW: Duration = Duration::from_secs(5);

/// A wait with an end that is shown.
pub(super) struct Deadline {
    start: Instant,
    limit: Duration,
    shown: Option<Instant>,
}

impl Deadline {
    /// For at most `limit` from now on.
    pub(super) fn start(limit: Duration) -> Deadline {
        Deadline {
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
    pub(super) fn due(&mut self) -> Option<u64> {
        if self.shown.is_some_and(|shown| shown.elapsed() < SHOW) {
            return None;
        }
        self.shown = Some(Instant::now());
        Some(seconds::left(self.left()))
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

/// Waits for the next event of a block device, until there is something to read from `wakes`, or for `time`.
pub(super) fn pause(uevents: Option<&Uevents>, wakes: Option<BorrowedFd<'_>>, time: Duration) {
    let wait = Deadline::start(time);
    let concerns = |event: &Uevent| {
        event.subsystem.is_empty() || (event.subsystem == "block" && event.action != Action::Other)
    };
    loop {
        let both = [wakes, uevents.map(Uevents::as_fd)].into_iter().flatten();
        let mut fds: Vec<PollFd<'_>> = both
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let left = Timespec::try_from(wait.left()).ok();
        let polled = rustix::event::poll(&mut fds, left.as_ref());
        let woken = fds.first().filter(|_| wakes.is_some());
        let woken = woken.is_some_and(|fd| !fd.revents().is_empty());
        match uevents.map(|uevents| uevents.wait(Duration::ZERO)) {
            _ if woken || wait.is_over() => return,
            Some(Ok(events)) if events.iter().any(concerns) => return,
            // What fails answers at once: without the sleep, this would be no wait.
            Some(Err(_)) => return std::thread::sleep(wait.left()),
            _ if matches!(polled, Err(error) if error != Errno::INTR) => {
                return std::thread::sleep(wait.left());
            }
            _ => {}
        }
    }
}

/// Says every few seconds how far an attempt is.
#[derive(Default)]
pub(super) struct Progress {
    /// When reading began, and when something was said.
    times: Option<(Instant, Instant)>,
}

impl Progress {
    /// It is at this step.
    pub(super) fn show(&mut self, step: Step) {
        let now = Instant::now();
        let (start, shown) = *self.times.get_or_insert((now, now));
        if now.saturating_duration_since(shown) < SHOW {
            return;
        }
        self.times = Some((start, now));
        match step {
            Step::Read(done, all) => {
                let seconds = now.saturating_duration_since(start).as_secs();
                let rate = done.checked_div(seconds).unwrap_or(0);
                let left = all.saturating_sub(done).checked_div(rate);
                let left = left.map_or(String::new(), |left| format!(", {left} s left"));
                let [done, all] = [done >> 20, all >> 20];
                log::info!("read {done} of {all} MiB, {}/s{left}", Size(rate));
            }
            Step::Unpack => log::info!("unpacking the kernel"),
            Step::Prove => log::info!("looking at signatures"),
            Step::Load => log::info!("loading"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_shown_at_once_and_then_now_and_then() {
        let mut wait = Deadline::start(Duration::from_secs(60));
        assert_eq!(wait.due(), Some(60));
        assert_eq!(wait.due(), None);
        wait.shown = wait.shown.and_then(|shown| shown.checked_sub(SHOW));
        wait.start -= Duration::from_secs(30);
        assert_eq!(wait.due(), Some(30));
        assert!(!wait.is_over() && wait.step() == LOOK);
        wait.start -= Duration::from_secs(30);
        assert!(wait.is_over() && wait.step().is_zero());
    }

    #[test]
    fn a_pause_without_events_takes_its_time() {
        let time = Duration::from_millis(20);
        let (silent, _writer) = rustix::pipe::pipe().unwrap();
        let (ready, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&writer, b"x").unwrap();
        for uevents in [None, Uevents::open().ok()] {
            let start = Instant::now();
            pause(uevents.as_ref(), Some(silent.as_fd()), time);
            // Events of other tests' loop devices may end it early.
            assert!(uevents.is_some() || start.elapsed() >= time);
            // Something to read ends it at once.
            pause(
                uevents.as_ref(),
                Some(ready.as_fd()),
                Duration::from_secs(3600),
            );
        }
    }
}
