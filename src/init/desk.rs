//! [`Desk`]: where the work of the loader and its menu leave messages for each other.
//!
//! Neither waits for the other: the menu takes keys while a disk hangs, and what is being read goes on while a
//! terminal is slow. Only where the work has nothing to do does it ask whether the menu is still there.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::EventfdFlags;

use crate::boot::Step;
use crate::menu::{Event, Wish};

/// How long the menu may take to look up. It never waits, and checks a password in less.
const PATIENCE: Duration = Duration::from_secs(2);

/// Messages both ways, and how far the reading is.
pub(super) struct Desk {
    state: Mutex<State>,
    turned: Condvar,
    menu: Bell,
    work: Bell,
    /// How far an attempt is: written at each piece, and looked at when the menu paints.
    step: Mutex<Option<Step>>,
}

#[derive(Default)]
struct State {
    /// For the menu.
    events: Vec<Event>,
    /// For the work.
    wishes: Vec<Wish>,
    /// How often the menu was called, and how many of the calls it has seen.
    called: u64,
    seen: u64,
    /// The menu is at work, and has not ended.
    open: bool,
    /// Nothing is decided without a person.
    holds: bool,
}

impl Desk {
    /// An empty one, without a menu.
    ///
    /// # Errors
    /// The kernel has no `eventfd`, or no descriptor left.
    pub(super) fn new() -> std::io::Result<Desk> {
        Ok(Desk {
            state: Mutex::default(),
            turned: Condvar::new(),
            menu: Bell::new()?,
            work: Bell::new()?,
            step: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The side of the work.
impl Desk {
    /// Is there a menu?
    pub(super) fn has_menu(&self) -> bool {
        self.state().open
    }

    /// Tells the menu.
    pub(super) fn tell(&self, event: Event) {
        self.put(event);
        self.menu.ring();
    }

    /// Tells the menu when it looks up the next time.
    pub(super) fn put(&self, event: Event) {
        let mut state = self.state();
        if state.open {
            state.events.push(event);
        }
    }

    /// Waits until the menu has seen all that it was told: what it wishes for because of that is there then.
    /// `false` when it takes too long; where there is no menu nothing is waited for.
    pub(super) fn is_answered(&self) -> bool {
        let mut state = self.state();
        state.called = state.called.saturating_add(1);
        let call = state.called;
        self.menu.ring();
        let waits = |state: &mut State| state.open && state.seen < call;
        let (_state, result) = self
            .turned
            .wait_timeout_while(state, PATIENCE, waits)
            .unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    /// Is nothing to be decided without a person, for now?
    pub(super) fn holds(&self) -> bool {
        let state = self.state();
        state.open && state.holds
    }

    /// What the menu wishes for, and takes it.
    pub(super) fn wishes(&self) -> Vec<Wish> {
        self.work.silence();
        std::mem::take(&mut self.state().wishes)
    }

    /// Does the menu wish for something?
    pub(super) fn has_wishes(&self) -> bool {
        !self.state().wishes.is_empty()
    }

    /// What to poll for: the menu wishes for something.
    pub(super) fn wished(&self) -> BorrowedFd<'_> {
        self.work.0.as_fd()
    }

    /// An attempt is at this step; at `None` it begins.
    pub(super) fn set_step(&self, step: Option<Step>) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }
}

/// The side of the menu.
impl Desk {
    /// There is a menu from now on.
    pub(super) fn open(&self) {
        self.state().open = true;
    }

    /// What the menu was told, and the call that it has seen with that.
    pub(super) fn events(&self) -> (Vec<Event>, u64) {
        self.menu.silence();
        let mut state = self.state();
        (std::mem::take(&mut state.events), state.called)
    }

    /// What to poll for: the menu was told something.
    pub(super) fn told(&self) -> BorrowedFd<'_> {
        self.menu.0.as_fd()
    }

    /// The menu has seen the call, and wishes for this.
    pub(super) fn turn(&self, call: u64, wishes: Vec<Wish>, holds: bool) {
        let mut state = self.state();
        state.seen = call;
        state.holds = holds;
        let rings = !wishes.is_empty();
        state.wishes.extend(wishes);
        drop(state);
        self.turned.notify_all();
        if rings {
            self.work.ring();
        }
    }

    /// The menu is at something for a person that takes its time, and has an end: nothing is decided meanwhile.
    pub(super) fn stay(&self) {
        let call = self.state().called;
        self.turn(call, Vec::new(), true);
    }

    /// The menu ends: nobody can see it any more.
    pub(super) fn close(&self) {
        self.state().open = false;
        self.turned.notify_all();
        self.work.ring();
    }

    /// The step of the attempt; `None` before the first.
    pub(super) fn step(&self) -> Option<Step> {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes somebody who waits with `poll`.
struct Bell(OwnedFd);

impl Bell {
    fn new() -> std::io::Result<Bell> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Bell(rustix::event::eventfd(0, flags)?))
    }

    fn ring(&self) {
        // It fails only where it has rung for 2^64 times that nobody has heard.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    fn silence(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_follows_from_a_message_is_there_when_it_is_answered() {
        let desk = Arc::new(Desk::new().unwrap());
        desk.open();
        let menu = desk.clone();
        let thread = std::thread::spawn(move || {
            loop {
                let (events, call) = menu.events();
                let asked = !events.is_empty();
                let wishes = if asked {
                    vec![Wish::Rescan]
                } else {
                    Vec::new()
                };
                menu.turn(call, wishes, asked);
                if asked {
                    return;
                }
                std::thread::yield_now();
            }
        });
        desk.tell(Event::Say("x".to_owned()));
        assert!(desk.is_answered() && desk.has_wishes() && desk.holds());
        assert_eq!(desk.wishes(), [Wish::Rescan]);
        assert!(!desk.has_wishes());
        thread.join().unwrap();
    }

    #[test]
    fn without_a_menu_nothing_is_waited_for_and_nothing_kept() {
        let desk = Desk::new().unwrap();
        desk.tell(Event::Say("x".to_owned()));
        assert!(desk.is_answered() && !desk.has_menu() && !desk.holds());
        assert!(desk.events().0.is_empty());
        desk.open();
        desk.turn(0, Vec::new(), true);
        assert!(desk.holds());
        desk.close();
        assert!(desk.is_answered() && !desk.holds());
    }

    #[test]
    fn a_menu_that_waits_for_a_device_answers_and_holds_everything() {
        let desk = Arc::new(Desk::new().unwrap());
        desk.open();
        let menu = desk.clone();
        let thread = std::thread::spawn(move || {
            while menu.has_menu() {
                menu.stay();
                std::thread::yield_now();
            }
        });
        assert!(desk.is_answered() && desk.holds());
        // What it was told meanwhile it takes afterwards.
        desk.tell(Event::Say("x".to_owned()));
        assert!(desk.is_answered() && !desk.events().0.is_empty());
        desk.close();
        thread.join().unwrap();
    }

    #[test]
    fn a_menu_that_hangs_gives_no_answer() {
        let desk = Desk::new().unwrap();
        desk.open();
        assert!(!desk.is_answered());
    }
}
