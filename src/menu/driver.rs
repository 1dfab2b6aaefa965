//! [`Menu`]: a model and its terminals, for whoever drives them.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::event::{Event, Wish};
use super::model::Model;
use super::terminal::Terminal;

/// How often the sizes of windows are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The menu on all terminals.
///
/// Whoever drives it waits with `poll` for what [`fds`](Menu::fds) says, together with whatever else may happen, for
/// no longer than [`timeout`](Menu::timeout), and then lets it have its [`turn`](Menu::turn). Whatever happens
/// besides is [told](Menu::tell). Both give wishes.
pub struct Menu {
    model: Model,
    terminals: Vec<Terminal>,
    check: Box<dyn Fn(&str) -> bool>,
    /// Others write to the terminals.
    quiet: bool,
    asker: Option<usize>,
}

impl Menu {
    /// A menu without terminals. `check` knows the password; it may take its time.
    pub fn new(model: Model, check: Box<dyn Fn(&str) -> bool>) -> Menu {
        Menu {
            model,
            terminals: Vec::new(),
            check,
            quiet: false,
            asker: None,
        }
    }

    /// Shows it on one more terminal.
    pub fn add(&mut self, terminal: Terminal) {
        self.terminals.push(terminal);
    }

    /// Is there a terminal left?
    pub fn has_terminals(&self) -> bool {
        self.terminals.iter().any(|terminal| !terminal.is_gone())
    }

    /// Is there nothing to be shown yet?
    pub fn is_hidden(&self) -> bool {
        self.model.is_hidden()
    }

    /// Is somebody here, or may still come? Then nothing is decided without them.
    pub fn holds(&self) -> bool {
        self.model.holds()
    }

    /// The terminal, by the order in which they were added, at which a key brought the last wish.
    pub fn asker(&self) -> Option<usize> {
        self.asker
    }

    /// Writes nothing while others write to the terminals; then everything is shown anew. Keys count all the same.
    pub fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
        self.terminals.iter_mut().for_each(Terminal::forget);
    }

    /// What to wait for: there is something to be read, and where it says so, there is room to write.
    pub fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, bool)> {
        self.terminals.iter().filter_map(Terminal::fd)
    }

    /// How long it can do without a turn, unless one of the terminals is ready.
    pub fn timeout(&self, now: Duration) -> Option<Duration> {
        let terminals = self.terminals.iter().filter_map(Terminal::deadline);
        let next = terminals.chain(self.model.next()).min();
        let next = next.map(|next| next.saturating_sub(now));
        let windows = !self.model.is_hidden() && self.terminals.iter().any(Terminal::has_window);
        [next, windows.then_some(LOOK)].into_iter().flatten().min()
    }

    /// Takes keys, looks at the time, and shows what there is. Does not wait. Keys that were pressed before count
    /// before the time does: a menu that is not to be shown at all is shown for them.
    pub fn turn(&mut self, now: Duration) -> Vec<Wish> {
        self.model.clock(now);
        let mut wishes = Vec::new();
        let at_once = self.model.is_hidden();
        for i in 0..self.terminals.len() {
            let Some(terminal) = self.terminals.get_mut(i) else {
                break;
            };
            let (size, charset) = terminal.face();
            for key in terminal.keys(now, at_once) {
                let wished = self.tell(Event::Key(key, size, charset));
                if !wished.is_empty() {
                    self.asker = Some(i);
                }
                wishes.extend(wished);
            }
        }
        wishes.extend(self.tell(Event::Tick(now)));
        self.show(now);
        wishes
    }

    /// It is so late, before anything is told.
    pub fn clock(&mut self, now: Duration) {
        self.model.clock(now);
    }

    /// Somebody is here, whatever keys say.
    pub fn stay(&mut self, now: Duration) {
        self.model.clock(now);
        self.model.stay();
    }

    /// Tells it what has happened. It is shown in the next turn.
    pub fn tell(&mut self, event: Event) -> Vec<Wish> {
        let mut wishes = self.model.handle(event);
        let is_check = |wish: &Wish| matches!(wish, Wish::Check(_));
        while let Some(place) = wishes.iter().position(is_check) {
            if let Wish::Check(password) = wishes.remove(place) {
                // It takes its time, which is said before.
                self.show(self.model.now);
                let right = (self.check)(&password);
                wishes.extend(self.model.handle(Event::Checked(right)));
            }
        }
        wishes
    }

    /// Shows what there is, as far as the terminals have room: enough while something is read.
    pub fn show(&mut self, now: Duration) {
        self.model.clock(now);
        if self.model.is_hidden() || self.quiet {
            return;
        }
        for terminal in &mut self.terminals {
            terminal.show(&self.model, now);
        }
    }

    /// Leaves the terminals to somebody else, such as a shell, or takes them back.
    pub fn release(&mut self, release: bool) {
        let terminals = self.terminals.iter_mut();
        terminals.for_each(|terminal| terminal.set_raw(!release));
    }
}
