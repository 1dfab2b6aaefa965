//! Keys in the menu itself: moving, opening, searching.

use super::level::Level;
use super::{Action, Model, Row};
use crate::menu::command::Command;
use crate::menu::key::Key;
use crate::menu::screen::Size;
use crate::menu::view;

impl Model {
    pub(super) fn menu_key(&mut self, key: Key, size: Size) {
        let number = std::mem::take(&mut self.number);
        if self.level().is_typing() {
            return self.search_key(key);
        }
        let count = self.rows().len();
        let page = view::body(size).len().max(1);
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
}
