//! [`Model`]: all that a menu knows. Events change it and bring wishes; nothing else does, and it asks nobody.

mod editing;
mod level;
mod page;
mod password;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::command::{self, Command};
use super::countdown::Countdown;
use super::event::{Choice, Event, Wish};
use super::glyph::Charset;
use super::guard::Guard;
use super::key::Key;
use super::listing::{Field, Item, Listing};
use super::permissions::{Access, Permissions, Timeout};
use super::progress::Progress;
use super::reader::Reader;
use super::screen::Size;
use crate::entry::{Initrd, Password};
pub(super) use level::{Level, Row};
pub(super) use page::{Details, Editing, Page, Reading, Text};

/// Lines of the log that are kept.
const LOG: usize = 1000;

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
    /// A menu with nothing in it yet. `title` and `about` say what it belongs to.
    pub fn new(
        title: String,
        about: Vec<String>,
        permissions: Permissions,
        timeout: Timeout,
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
            number: 0,
            now,
            wishes: Vec::new(),
        }
    }

    /// Takes an event, and gives what is to be done.
    pub fn handle(&mut self, event: Event) -> Vec<Wish> {
        match event {
            Event::Key(key, size, charset) => self.key(key, size, charset),
            Event::Tick(now) => self.tick(now),
            Event::Found(listing) => self.found(listing),
            Event::Log(line) => self.log(line),
            Event::Described(fields) => {
                if let Some(Page::Details(details)) = &mut self.page {
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
            Event::Progress(done, all) => {
                if let Some(Page::Progress(progress)) = &mut self.page {
                    progress.set(done, all, self.now);
                }
            }
            Event::Failed(reason, again) => {
                self.page = None;
                self.message = Some(reason);
                if let Some(wait) = again {
                    self.countdown.again(wait, self.now);
                }
            }
        }
        std::mem::take(&mut self.wishes)
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
        self.countdown.is_hidden() && !matches!(self.page, Some(Page::Progress(_)))
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
            Row::Menu(_) => None,
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
        if self.countdown.resume(self.now) {
            // Whoever was here has gone, and takes along what was begun.
            self.guard.close();
            self.page = None;
            self.draft = None;
            self.levels.truncate(1);
            self.levels.iter_mut().for_each(Level::leave);
            self.message = Some("nobody has pressed a key for long".to_owned());
        }
        if !self.countdown.is_over(self.now) {
            return;
        }
        // While there is nothing to start, it stays over: what comes is started at once.
        if let Some(i) = self.listing.automatic {
            self.start(i, None, false);
        }
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
        let is_gone = |item: &Item| self.listing.find(item).is_none();
        if self
            .draft
            .as_ref()
            .is_some_and(|draft| is_gone(&draft.item))
        {
            self.draft = None;
        }
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
            Some(title) => Row::Menu(title.clone()),
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
        let shows = matches!(key, Key::Char(' ') | Key::Escape);
        let counts = self.countdown.left(self.now).is_some();
        if self.countdown.is_hidden() && !shows {
            return;
        }
        if matches!(self.page, Some(Page::Progress(_))) {
            return;
        }
        if key == Key::Ctrl('c') && self.permissions.quit {
            return self.wishes.push(Wish::Quit);
        }
        self.countdown.stop(self.now);
        self.message = None;
        if counts && shows {
            return;
        }
        match self.page.take() {
            None => self.menu_key(key, size),
            Some(page) => self.page_key(page, key, size, charset),
        }
    }

    fn menu_key(&mut self, key: Key, size: Size) {
        let number = std::mem::take(&mut self.number);
        if self.level().is_typing() {
            return self.search_key(key);
        }
        let count = self.rows().len();
        let page = super::view::body(size).len().max(1);
        let chosen = self.level().chosen;
        let to = match key {
            Key::Up | Key::Ctrl('p') => chosen.saturating_sub(1),
            Key::Down | Key::Ctrl('n') => chosen.saturating_add(1),
            Key::PageUp => chosen.saturating_sub(page),
            Key::PageDown => chosen.saturating_add(page),
            Key::Home => 0,
            Key::End => count,
            Key::Char(c @ '0'..='9') => return self.digit(number, c),
            Key::Enter => return self.enter(),
            Key::Right => return self.open(),
            Key::Left | Key::Escape | Key::Backspace => return self.back(),
            Key::Function(1) => return self.ask(Action::Command(Command::Help)),
            Key::Char(c) => {
                if let Some(command) = Command::of(c) {
                    self.ask(Action::Command(command));
                }
                return;
            }
            _ => return,
        };
        self.choose(to.min(count.saturating_sub(1)));
    }

    fn choose(&mut self, row: usize) {
        if let Some(level) = self.levels.last_mut() {
            level.chosen = row;
        }
    }

    /// Chooses a row by its number. As long as one has more digits, further ones belong to it.
    fn digit(&mut self, before: usize, digit: char) {
        let digit = digit
            .to_digit(10)
            .and_then(|digit| usize::try_from(digit).ok());
        let digit = digit.unwrap_or(0);
        let longer = before.saturating_mul(10).saturating_add(digit);
        let count = self.rows().len();
        let fits = |number: &usize| (1..=count).contains(number);
        if let Some(number) = [longer, digit].into_iter().find(fits) {
            self.number = number;
            self.choose(number.saturating_sub(1));
        }
    }

    fn enter(&mut self) {
        match self.chosen() {
            Some(_) => self.ask(Action::Start),
            None => self.open(),
        }
    }

    /// Opens the chosen submenu.
    fn open(&mut self) {
        let rows = self.rows();
        if let Some(Row::Menu(title)) = rows.get(self.level().chosen) {
            let mut path = self.level().path.clone();
            path.push(title.clone());
            self.levels.push(Level::new(path));
        }
    }

    fn back(&mut self) {
        if let Some(level) = self.levels.last_mut().filter(|level| level.is_searching()) {
            level.leave();
        } else if self.levels.len() > 1 {
            self.levels.pop();
        }
    }

    /// Types into the search. What is chosen then is the first that fits.
    fn search_key(&mut self, key: Key) {
        let count = self.rows().len();
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        match key {
            Key::Escape => level.leave(),
            Key::Enter | Key::Tab => level.stop_typing(),
            Key::Up => level.chosen = level.chosen.saturating_sub(1),
            Key::Down => {
                let next = level.chosen.saturating_add(1);
                level.chosen = next.min(count.saturating_sub(1));
            }
            key => level.type_in(key),
        }
    }

    /// Does what is asked for if it is allowed, perhaps after a password.
    fn ask(&mut self, action: Action) {
        let permissions = &self.permissions;
        let access = match action {
            Action::Command(command) => command.access(permissions),
            Action::Start => {
                let chosen = self.chosen().map(|(i, _)| i);
                match chosen.is_some() && chosen == self.listing.automatic {
                    true => Access::Yes,
                    false => permissions.effective(permissions.choose),
                }
            }
        };
        let changes = matches!(action, Action::Command(Command::Edit | Command::Initrds));
        let mut guarded = access == Access::Password;
        if let (true, Some((_, item))) = (changes && access != Access::No, self.chosen()) {
            if !item.changeable {
                return self
                    .say("it is one file with its command line: nothing of it can be changed");
            }
            // Its own configuration asks for a password, which only the owner of the machine overrules.
            guarded |= item.password != Password::None;
        }
        if access == Access::No || guarded && !self.permissions.password {
            let text = match changes && guarded {
                true => {
                    "its configuration wants a password before it is changed, and the policy has none"
                }
                false => "the policy does not allow this",
            };
            return self.say(text);
        }
        if guarded && !self.guard.is_open() {
            return self.prompt(action);
        }
        self.act(action);
    }

    fn say(&mut self, text: &str) {
        self.message = Some(text.to_owned());
    }

    /// Does what is allowed.
    fn act(&mut self, action: Action) {
        let chosen = self.chosen().map(|(i, item)| (i, item.clone()));
        let command = match (action, chosen) {
            (Action::Start, Some((i, _))) => return self.start(i, None, true),
            (Action::Start, None) => return,
            (Action::Command(command), Some((_, item))) => match command {
                Command::Edit => return self.edit(item),
                Command::Initrds => return self.choose_initrds(item),
                Command::Details => {
                    self.wishes.push(Wish::Describe(item.id.clone()));
                    let (lines, at) = (Vec::new(), Reader::default());
                    self.page = Some(Page::Details(Details { item, lines, at }));
                    return;
                }
                Command::Once => return self.wishes.push(Wish::Once(item.id)),
                Command::Default => return self.wishes.push(Wish::SetDefault(item.id)),
                other => other,
            },
            (Action::Command(command), None) => command,
        };
        let text = match command {
            Command::Search => {
                if let Some(level) = self.levels.last_mut() {
                    level.search();
                }
                return;
            }
            Command::Rescan => return self.wishes.push(Wish::Rescan),
            Command::Shell => return self.wishes.push(Wish::Shell),
            Command::Quit => return self.wishes.push(Wish::Quit),
            Command::Notes => Text::Notes,
            Command::Log => Text::Log,
            Command::Disks => Text::Disks,
            Command::About => Text::About,
            Command::Help => Text::Help,
            _ => return self.say("choose an entry first"),
        };
        let at = Reader::default();
        self.page = Some(Page::Text(Reading { text, at }));
    }

    /// Starts an item, with what was changed of it.
    fn start(&mut self, index: usize, cmdline: Option<String>, by_person: bool) {
        let Some(item) = self.listing.items.get(index) else {
            return;
        };
        if let Some(reason) = &item.blocked {
            self.message = Some(format!("it can't be booted: {reason}"));
            return;
        }
        let draft = self.draft.take().filter(|_| by_person);
        let draft = draft.filter(|draft| self.listing.find(&draft.item) == Some(index));
        let progress = Progress::new(item.title.clone(), item.place.clone(), self.now);
        self.wishes.push(Wish::Start(Choice {
            id: item.id.clone(),
            cmdline,
            initrd: draft.map(|draft| draft.initrd),
            by_person,
        }));
        self.countdown.stop(self.now);
        self.page = Some(Page::Progress(progress));
    }
}
