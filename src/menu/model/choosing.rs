//! Keys in the menu itself: moving, opening, searching.

use super::level::Level;
use super::{Action, Model, Row};
use crate::entry::HotKey;
use crate::menu::command::Command;
use crate::menu::key::Key;
use crate::menu::permissions::Access;
use crate::menu::screen::Size;
use crate::menu::view;

/// What a letter means.
pub(super) enum Letter {
    Command(Command),
    /// Choose this.
    Place(Place),
    Up,
    Down,
}

/// A row of a menu, by the titles of the menus around it.
type Place = (Vec<String>, Row);

impl Model {
    pub(super) fn menu_key(&mut self, key: Key, size: Size) {
        let number = std::mem::take(&mut self.number);
        if self.level().is_typing() {
            return self.search_key(key, size);
        }
        // What is nothing but a key of the menu has other keys that mean the same.
        if !matches!(key, Key::Char(_))
            && let Some(place) = hot_key(key).and_then(|key| self.place_of(key))
        {
            return self.go(place);
        }
        match key {
            Key::Char(c @ '0'..='9') => self.digit(number, c),
            Key::Enter => self.enter(),
            Key::Right => self.open(),
            Key::Left | Key::Escape | Key::Backspace => self.back(),
            Key::Function(1) => self.ask(Action::Command(Command::Help)),
            Key::Char(c) => match self.letter(c) {
                Some(Letter::Command(command)) => self.ask(Action::Command(command)),
                Some(Letter::Place(place)) => self.go(place),
                Some(Letter::Up) => self.step(Key::Up, size),
                Some(Letter::Down) => self.step(Key::Down, size),
                None => {}
            },
            key => self.step(key, size),
        }
    }

    /// Chooses another row, if that is what a key is for.
    fn step(&mut self, key: Key, size: Size) {
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
            _ => return,
        };
        self.choose(to.min(count.saturating_sub(1)));
    }

    /// What a letter or sign means in the menu. Those of the menu itself come first; the key of an entry that has the
    /// same letter is pressed with Shift.
    pub(super) fn letter(&self, c: char) -> Option<Letter> {
        let command = Command::of(c);
        let access = |command: &Command| command.access(&self.permissions);
        if let Some(command) = command.filter(|command| access(command) != Access::No) {
            return Some(Letter::Command(command));
        }
        let place = |c| self.place_of(HotKey::Char(c));
        let place = place(c).or_else(|| place(c.to_ascii_lowercase()));
        match (place, command, c) {
            (Some(place), ..) => Some(Letter::Place(place)),
            // It says that nobody may.
            (None, Some(command), _) => Some(Letter::Command(command)),
            (None, None, 'k') => Some(Letter::Up),
            (None, None, 'j') => Some(Letter::Down),
            _ => None,
        }
    }

    /// What has this key: in the menu that is seen, otherwise in the menus in it.
    fn place_of(&self, key: HotKey) -> Option<Place> {
        let key = Some(key);
        let path = &self.level().path;
        let items = &self.listing.items;
        let mut rows = self.rows().into_iter();
        if let Some(row) = rows.find(|row| self.key_of(row) == key) {
            return Some((path.clone(), row));
        }
        let mut inside = items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.submenu.starts_with(path) && !self.level().is_searching());
        let (i, item) = inside.find(|(_, item)| item.hot_key == key)?;
        Some((item.submenu.clone(), Row::Item(i)))
    }

    /// The key of a row of the menu that is seen.
    pub(in crate::menu) fn key_of(&self, row: &Row) -> Option<HotKey> {
        let items = &self.listing.items;
        match row {
            Row::Item(i) => items.get(*i)?.hot_key,
            Row::Menu(_, first) => {
                let depth = self.level().path.len();
                *items.get(*first)?.submenu_keys.get(depth)?
            }
        }
    }

    /// Chooses what may be in another menu, which is opened.
    fn go(&mut self, (path, row): Place) {
        let depth = self.level().path.len();
        let (Row::Item(inside) | Row::Menu(_, inside)) = row;
        for title in path.iter().skip(depth) {
            let menu = Row::Menu(title.clone(), inside);
            if let Some(level) = self.levels.last_mut() {
                level.choose(&menu, &self.listing);
            }
            self.open();
        }
        if let Some(level) = self.levels.last_mut() {
            level.choose(&row, &self.listing);
        }
    }

    /// Does a key that is no letter choose something here?
    pub(super) fn is_hot(&self, key: Key) -> bool {
        hot_key(key).is_some_and(|key| self.place_of(key).is_some())
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
        if let Some(Row::Menu(title, _)) = rows.get(self.level().chosen) {
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
    fn search_key(&mut self, key: Key, size: Size) {
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        match key {
            Key::Escape => level.leave(),
            Key::Enter | Key::Tab => level.stop_typing(),
            Key::Char(_) | Key::Backspace | Key::Ctrl('u' | 'w') => level.type_in(key),
            key => self.step(key, size),
        }
    }
}

/// The key that a configuration may have given to something.
fn hot_key(key: Key) -> Option<HotKey> {
    Some(match key {
        Key::Char(c) => HotKey::Char(c),
        Key::Function(number) => HotKey::Function(number),
        Key::Backspace => HotKey::Backspace,
        Key::Tab => HotKey::Tab,
        Key::Delete => HotKey::Delete,
        Key::Insert => HotKey::Insert,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::Timeout;
    use crate::menu::tests::Machine;

    #[test]
    fn keys_of_entries_choose_and_start_nothing() {
        let mut machine = Machine::new(&["a", "b", "c", "More/d"], Timeout::default());
        for (item, key) in [(1, 'd'), (2, 'X')] {
            machine.model.listing.items[item].hot_key = Some(HotKey::Char(key));
        }
        let mut after = |key| {
            assert_eq!(machine.press(&[Key::Char(key)]), []);
            machine.model.level().chosen
        };
        assert_eq!([after('X'), after('D'), after('x')], [2, 1, 1]);
        assert_eq!([after('j'), after('j'), after('k')], [2, 3, 2]);
        // Letters of the menu itself stay what they are.
        machine.model.listing.items[0].hot_key = Some(HotKey::Char('k'));
        machine.press(&[Key::Char('k'), Key::Char('d')]);
        assert_eq!(machine.model.level().chosen, 0);
        assert!(machine.model.page.is_some());
    }

    #[test]
    fn keys_lead_into_menus_and_menus_have_keys() {
        let mut machine =
            Machine::new(&["a", "More/b", "More/Old/c", "More/d"], Timeout::default());
        let items = &mut machine.model.listing.items;
        items[2].hot_key = Some(HotKey::Function(5));
        items[3].hot_key = Some(HotKey::Char('y'));
        for item in &mut items[1..] {
            item.submenu_keys = vec![Some(HotKey::Char('m')), None];
        }
        machine.press(&[Key::Char('y')]);
        assert_eq!(machine.model.level().path, ["More"]);
        assert_eq!(machine.model.chosen().map(|(i, _)| i), Some(3));
        machine.press(&[Key::Function(5)]);
        assert_eq!(machine.model.level().path, ["More", "Old"]);
        assert_eq!(machine.model.chosen().map(|(i, _)| i), Some(2));
        // The way back is that of who has opened them one by one.
        machine.press(&[Key::Left, Key::Left]);
        assert_eq!(machine.model.level().chosen, 1);
        machine.press(&[Key::Home, Key::Char('m')]);
        assert_eq!(machine.model.level().chosen, 1);
        assert_eq!(machine.model.level().path, [""; 0]);
        // Nothing has these: the one shows the help.
        machine.press(&[Key::Insert, Key::Function(1)]);
        assert!(machine.model.page.is_some());
    }

    #[test]
    fn what_nobody_may_leaves_its_letter_to_entries() {
        let mut machine = Machine::new(&["a", "b"], Timeout::default());
        machine.model.listing.items[1].hot_key = Some(HotKey::Char('c'));
        machine.model.permissions.shell = Access::No;
        assert_eq!(machine.press(&[Key::Char('c')]), []);
        assert_eq!(machine.model.level().chosen, 1);
        assert_eq!(machine.model.message, None);
    }
}
