//! [`Model`]: all that a menu knows. Events change it and bring wishes; nothing else does, and it asks nobody.

mod acting;
mod choosing;
mod editing;
mod level;
mod page;
mod password;
mod presence;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::command::{self, Command};
use super::countdown::Countdown;
use super::event::{Event, Wish};
use super::glyph::Charset;
use super::guard::Guard;
use super::key::Key;
use super::listing::{Field, Item, Listing};
use super::permissions::{Permissions, Timeout};
use super::progress::Progress;
use super::screen::Size;
use crate::entry::Initrd;
pub(super) use level::{Level, Row};
pub(super) use page::{Editing, Page, Reading, Text};
use presence::{Pace, Proof};

/// Lines of the log that are kept: all that process 1 keeps, unless they are very short.
const LOG: usize = 4000;

/// Command lines that were edited, and are kept.
const HISTORY: usize = 20;

/// A menu, without the terminals that show it.
#[derive(Debug)]
pub struct Model {
    pub(super) title: String,
    pub(super) permissions: Permissions,
    pub(super) listing: Listing,
    pub(super) log: Vec<String>,
    about: Vec<String>,
    /// The menus that were opened, the first one first. There is always one.
    levels: Vec<Level>,
    /// What lies over the menu.
    pub(super) page: Option<Page>,
    /// What is to be seen once.
    pub(super) message: Option<String>,
    pub(super) countdown: Countdown,
    pub(super) guard: Guard,
    /// What was changed of an entry for the next start.
    draft: Option<Draft>,
    /// Command lines that were edited, the last one last.
    history: Vec<String>,
    pace: Pace,
    proof: Proof,
    /// The digits that were typed so far.
    number: usize,
    pub(super) now: Duration,
    wishes: Vec<Wish>,
}

/// Other initrds of an entry.
#[derive(Debug)]
struct Draft {
    item: Item,
    initrd: Vec<Initrd>,
}

/// What needs permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Start the chosen entry.
    Start,
    /// Another one.
    Command(Command),
}

impl Model {
    /// A menu with nothing in it yet. `title` and `about` say what it belongs to. Without a timeout nothing is
    /// shown before [`Event::Begin`] or a Space or Escape.
    pub fn new(
        title: String,
        about: Vec<String>,
        permissions: Permissions,
        timeout: Option<Timeout>,
        now: Duration,
    ) -> Model {
        Model {
            title,
            permissions,
            listing: Listing::default(),
            log: Vec::new(),
            about,
            levels: vec![Level::default()],
            page: None,
            message: None,
            countdown: Countdown::start(timeout, now),
            guard: Guard::default(),
            draft: None,
            history: Vec::new(),
            pace: Pace::default(),
            proof: Proof::default(),
            number: 0,
            now,
            wishes: Vec::new(),
        }
    }

    /// What of [`Timeout`] holds for who comes before [`Event::Begin`].
    #[must_use]
    pub fn with_limits(mut self, idle: Option<Duration>, stay: Option<Duration>) -> Model {
        self.countdown.set_limits(idle, stay);
        self
    }

    /// Takes an event, and gives what is to be done.
    pub fn handle(&mut self, event: Event) -> Vec<Wish> {
        match event {
            Event::Key(key, size, charset) => self.key(key, size, charset),
            Event::Tick(now) => self.tick(now),
            Event::Found(listing) => self.found(listing),
            Event::Log(line) => self.log(line),
            Event::About(line) => self.about.push(line),
            Event::Described(fields) => {
                if let Some(Page::Details(details)) = &mut self.page {
                    details.proving = None;
                    let width = fields.iter().map(|field| field.word.len()).max();
                    let width = width.unwrap_or(0);
                    let line = |field: &Field| format!("{:width$}  {}", field.word, field.text);
                    details.lines = fields.iter().map(line).collect();
                }
            }
            Event::Checked(right) => self.checked(right),
            Event::Say(text) => self.message = Some(text),
            Event::Attempt(title, place) => {
                self.page = Some(Page::Progress(Progress::new(title, place, self.now)));
            }
            Event::Progress(step) => match &mut self.page {
                Some(Page::Progress(progress)) => progress.set(step, self.now),
                Some(Page::Details(details)) => {
                    if let Some(proving) = &mut details.proving {
                        proving.set(step, self.now);
                    }
                }
                _ => {}
            },
            Event::Allow(permissions) => self.permissions = permissions,
            Event::Begin(timeout) => self.countdown.begin(timeout, self.now),
            Event::Failed(reason, again) => {
                self.page = None;
                self.message = Some(reason);
                match again {
                    // Somebody came meanwhile.
                    Some(_) if self.countdown.is_stopped() => {}
                    Some(wait) => self.countdown.again(wait, self.now),
                    None => self.countdown.stop(self.now),
                }
            }
        }
        std::mem::take(&mut self.wishes)
    }

    /// Somebody is here.
    pub(super) fn stay(&mut self) {
        self.countdown.stop(self.now);
    }

    /// It is so late, before anything else happens.
    pub fn clock(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    /// When a [`Event::Tick`] is needed at the latest.
    pub fn next(&self) -> Option<Duration> {
        let pause = match &self.page {
            Some(Page::Password(_)) if self.guard.until() > self.now => {
                Some(self.now.saturating_add(Duration::from_secs(1)))
            }
            _ => None,
        };
        let next = match &self.page {
            Some(Page::Progress(_)) => None,
            _ => self.countdown.next(self.now),
        };
        [pause, next].into_iter().flatten().min()
    }

    /// Is there nothing to be shown yet?
    pub fn is_hidden(&self) -> bool {
        self.countdown.is_hidden()
    }

    /// Is somebody here, or may still come? Then nothing is decided without them.
    pub fn holds(&self) -> bool {
        self.countdown.holds(self.now)
    }

    /// The level that is seen.
    pub(super) fn level(&self) -> &Level {
        // There is always one.
        static NONE: Level = Level::new(Vec::new());
        self.levels.last().unwrap_or(&NONE)
    }

    /// Rows of the level that is seen.
    pub(super) fn rows(&self) -> Vec<Row> {
        self.level().rows(&self.listing)
    }

    /// The item that is chosen, if it is none that opens a menu.
    pub(super) fn chosen(&self) -> Option<(usize, &Item)> {
        match self.rows().get(self.level().chosen)? {
            Row::Item(i) => Some((*i, self.listing.items.get(*i)?)),
            Row::Menu(..) => None,
        }
    }

    /// What is started without a person.
    pub(super) fn automatic(&self) -> Option<&Item> {
        self.listing.items.get(self.listing.automatic?)
    }

    /// The lines of a text.
    pub(super) fn text(&self, text: Text) -> std::borrow::Cow<'_, [String]> {
        match text {
            Text::Log => self.log.as_slice().into(),
            Text::Disks => self.listing.disks.as_slice().into(),
            Text::Notes => self.listing.notes.as_slice().into(),
            Text::About => self.about.as_slice().into(),
            Text::Help => command::help(&self.permissions).into(),
        }
    }

    fn tick(&mut self, now: Duration) {
        self.clock(now);
        if matches!(self.page, Some(Page::Progress(_))) {
            return;
        }
        self.look_for_who_has_gone();
        self.countdown.doubt(self.now);
        if !self.countdown.is_over(self.now) {
            return;
        }
        if self.countdown.is_doubted() {
            self.leave();
        }
        // While there is nothing to start, it stays over: what comes is started at once.
        if let Some(i) = self.listing.automatic {
            self.start(i, None, false);
        }
    }

    /// Has whoever was here gone? A key that comes after that is somebody else's.
    fn look_for_who_has_gone(&mut self) {
        if self.countdown.resume(self.now) {
            self.leave();
            self.message = Some("nobody has pressed a key for long".to_owned());
        }
    }

    /// Whoever was here has gone, and takes along what was begun.
    fn leave(&mut self) {
        self.guard.close();
        self.page = None;
        self.draft = None;
        self.levels.truncate(1);
        self.levels.iter_mut().for_each(Level::leave);
    }

    fn found(&mut self, listing: Listing) {
        let old = std::mem::replace(&mut self.listing, listing);
        let first = old.items.is_empty();
        for level in &mut self.levels {
            level.carry(&old, &self.listing);
        }
        // A submenu that has gone is left.
        let levels = self.levels.iter().skip(1);
        let there = levels
            .take_while(|level| level.is_in(&self.listing))
            .count();
        self.levels.truncate(there.saturating_add(1));
        self.number = 0;
        if let (true, Some(i)) = (first, self.listing.automatic) {
            self.show(i);
        }
        self.draft = self.draft.take().and_then(|draft| {
            let item = self.listing.items.get(self.listing.find(&draft.item)?)?;
            let (item, initrd) = (item.clone(), draft.initrd);
            Some(Draft { item, initrd })
        });
        let is_gone = |item: &Item| self.listing.find(item).is_none();
        let of_page = self.page.as_ref().and_then(Page::item);
        if of_page.is_some_and(is_gone) {
            self.page = None;
            self.message = Some("the entry has gone with its disk".to_owned());
        }
    }

    /// Goes to an item in the first menu, or to the submenu that has it.
    fn show(&mut self, item: usize) {
        let Some(submenu) = self.listing.items.get(item).map(|item| &item.submenu) else {
            return;
        };
        let row = match submenu.first() {
            None => Row::Item(item),
            Some(title) => Row::Menu(title.clone(), item),
        };
        if let Some(level) = self.levels.first_mut() {
            level.choose(&row, &self.listing);
        }
    }

    fn log(&mut self, line: String) {
        self.log.push(line);
        if self.log.len() > LOG {
            self.log.remove(0);
            if let Some(Page::Text(Reading {
                text: Text::Log,
                at,
            })) = &mut self.page
            {
                at.lose();
            }
        }
    }

    fn key(&mut self, key: Key, size: Size, charset: Charset) {
        if self.countdown.is_doubted() {
            return self.prove(key);
        }
        if !matches!(self.page, Some(Page::Progress(_))) {
            self.look_for_who_has_gone();
        }
        let shows = matches!(key, Key::Char(' ') | Key::Escape);
        let counts = self.countdown.left(self.now).is_some();
        if self.countdown.is_hidden() && !shows {
            return;
        }
        // What no person presses stops no countdown, and keeps none from beginning anew. What is only too fast may be
        // a text that is pasted: it is taken.
        let noise = self.pace.is_noise(self.now);
        match self.countdown.is_stopped() {
            true if !self.means(key) => return,
            false if noise => return,
            _ => {}
        }
        if matches!(self.page, Some(Page::Progress(_))) {
            // It goes on, but somebody is here should it fail.
            return self.countdown.stop(self.now);
        }
        if key == Key::Ctrl('c') && self.permissions.quit {
            return self.wishes.push(Wish::Quit);
        }
        if !noise {
            self.countdown.stop(self.now);
        }
        self.message = None;
        if counts && shows {
            return;
        }
        match self.page.take() {
            None => self.menu_key(key, size),
            Some(page) => self.page_key(page, key, size, charset),
        }
    }
}
