//! [`Level`]: one menu of those that lie in each other.

use crate::menu::key::Key;
use crate::menu::line::Line;
use crate::menu::listing::{Item, Listing};

/// Nothing longer is searched for, in bytes: it is looked for in each entry with each key.
const LONGEST: usize = 64;

/// A row of a menu.
#[derive(Clone, Debug)]
pub(in crate::menu) enum Row {
    /// An item, by its index.
    Item(usize),
    /// A submenu, by its title, and the first item in it or in menus in it.
    Menu(String, usize),
}

impl Row {
    /// Do both mean the same? A menu keeps its title where other items are in it by now.
    fn is(&self, other: &Row) -> bool {
        match (self, other) {
            (Row::Item(a), Row::Item(b)) => a == b,
            (Row::Menu(a, _), Row::Menu(b, _)) => a == b,
            _ => false,
        }
    }
}

/// A menu, what is chosen in it, and what is searched for.
#[derive(Clone, Debug, Default)]
pub(in crate::menu) struct Level {
    /// Titles from the outside in.
    pub(in crate::menu) path: Vec<String>,
    /// The row; one that is there, unless there is none.
    pub(in crate::menu) chosen: usize,
    search: Option<Search>,
}

#[derive(Clone, Debug)]
struct Search {
    line: Line,
    typing: bool,
    /// The row that was chosen before.
    before: usize,
}

impl Level {
    pub(super) const fn new(path: Vec<String>) -> Level {
        Level {
            path,
            chosen: 0,
            search: None,
        }
    }

    /// Its rows: items and submenus where the first of their items is, or what was searched for in all menus.
    pub(in crate::menu) fn rows(&self, listing: &Listing) -> Vec<Row> {
        let items = listing.items.iter().enumerate();
        if let Some(search) = &self.search {
            let words = search.line.text().to_lowercase();
            let fits = |item: &Item| words.split_whitespace().all(|word| has(item, word));
            let found = items.filter(|(_, item)| fits(item));
            return found.map(|(i, _)| Row::Item(i)).collect();
        }
        let mut rows: Vec<Row> = Vec::new();
        let mut menus = std::collections::BTreeSet::new();
        for (i, item) in items {
            let Some(rest) = item.submenu.strip_prefix(self.path.as_slice()) else {
                continue;
            };
            match rest.first() {
                None => rows.push(Row::Item(i)),
                Some(title) if menus.insert(title) => rows.push(Row::Menu(title.clone(), i)),
                Some(_) => {}
            }
        }
        rows
    }

    /// Has it anything to show?
    pub(super) fn is_in(&self, listing: &Listing) -> bool {
        let mut items = listing.items.iter();
        items.any(|item| item.submenu.starts_with(&self.path))
    }

    /// Chooses a row.
    pub(super) fn choose(&mut self, row: &Row, listing: &Listing) {
        let rows = self.rows(listing);
        if let Some(place) = rows.iter().position(|other| other.is(row)) {
            self.chosen = place;
        }
    }

    /// Keeps what is chosen where the listing is another one by now.
    pub(super) fn carry(&mut self, old: &Listing, new: &Listing) {
        // What was chosen before the search, which comes back after it.
        if let Some(mut search) = self.search.take() {
            let chosen = std::mem::replace(&mut self.chosen, search.before);
            self.carry_chosen(old, new);
            search.before = std::mem::replace(&mut self.chosen, chosen);
            self.search = Some(search);
        }
        self.carry_chosen(old, new);
    }

    fn carry_chosen(&mut self, old: &Listing, new: &Listing) {
        let before = self.rows(old);
        let row = match before.get(self.chosen) {
            Some(Row::Item(i)) => {
                let item = old.items.get(*i);
                item.and_then(|item| new.find(item)).map(Row::Item)
            }
            row => row.cloned(),
        };
        let count = self.rows(new).len();
        self.chosen = self.chosen.min(count.saturating_sub(1));
        if let Some(row) = row {
            self.choose(&row, new);
        }
    }

    /// What is searched for, if anything is.
    pub(in crate::menu) fn query(&self) -> Option<String> {
        self.search.as_ref().map(|search| search.line.text())
    }

    pub(super) fn is_searching(&self) -> bool {
        self.search.is_some()
    }

    /// Do keys go into the search?
    pub(in crate::menu) fn is_typing(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.typing)
    }

    /// Begins to search, or goes on with it.
    pub(super) fn search(&mut self) {
        match &mut self.search {
            Some(search) => search.typing = true,
            None => {
                self.search = Some(Search {
                    line: Line::default(),
                    typing: true,
                    before: self.chosen,
                });
                self.chosen = 0;
            }
        }
    }

    pub(super) fn stop_typing(&mut self) {
        if let Some(search) = &mut self.search {
            search.typing = false;
        }
    }

    /// Types at the end of what is searched for, or removes what stands there.
    pub(super) fn type_in(&mut self, key: Key) {
        let more = match key {
            Key::Char(c) => c.len_utf8(),
            _ => 0,
        };
        let fits = |search: &&mut Search| {
            more == 0 || search.line.text().len().saturating_add(more) <= LONGEST
        };
        if let Some(search) = self.search.as_mut().filter(fits) {
            search.line.press(key);
            self.chosen = 0;
        }
    }

    /// Searches for nothing any more.
    pub(super) fn leave(&mut self) {
        if let Some(search) = self.search.take() {
            self.chosen = search.before;
        }
    }
}

/// Does an item have a word, in lower case, where a person would look for it?
fn has(item: &Item, word: &str) -> bool {
    let mut texts = [&item.title, &item.id, &item.place]
        .into_iter()
        .chain(&item.submenu);
    texts.any(|text| text.to_lowercase().contains(word))
}
