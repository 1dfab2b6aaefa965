//! Editing a command line, and choosing initrds.

use super::page::{Editing, Initrds, Page};
use super::{Draft, HISTORY, Model};
use crate::entry::{Change, Initrd};
use crate::menu::key::Key;
use crate::menu::line::Line;
use crate::menu::listing::Item;

impl Model {
    pub(super) fn edit(&mut self, item: Item) {
        let line = Line::new(&item.cmdline);
        self.page = Some(Page::Edit(Editing {
            item,
            line,
            back: 0,
            own: String::new(),
        }));
    }

    pub(super) fn edit_key(&mut self, mut editing: Editing, key: Key) -> Option<Page> {
        match key {
            Key::Escape => {
                self.remember(&editing);
                return None;
            }
            Key::Enter | Key::Ctrl('x') | Key::Function(10) => {
                self.remember(&editing);
                // A listing that came meanwhile may have it elsewhere; one without it has closed the page.
                let index = self.listing.find(&editing.item);
                let text = editing.line.text();
                let item = index.and_then(|index| self.listing.items.get(index));
                // What is on the disk may be another line by now: the one that is seen is started.
                let changed = item.is_none_or(|item| text != item.cmdline);
                if let Some(index) = index {
                    self.start(index, changed.then_some(text), true);
                }
                return None;
            }
            Key::Ctrl('r') => editing.line.replace(&editing.item.cmdline),
            Key::Up | Key::Ctrl('p') => self.travel(&mut editing, true),
            Key::Down | Key::Ctrl('n') => self.travel(&mut editing, false),
            key => {
                editing.line.press(key);
            }
        }
        Some(Page::Edit(editing))
    }

    /// Takes a line of the history in the place of the one that is edited.
    fn travel(&self, editing: &mut Editing, up: bool) {
        let back = match up {
            true => editing.back.saturating_add(1),
            false => editing.back.saturating_sub(1),
        };
        if back == editing.back || back > self.history.len() {
            return;
        }
        if editing.back == 0 {
            editing.own = editing.line.text();
        }
        let index = self.history.len().checked_sub(back);
        let older = index.and_then(|index| self.history.get(index));
        let text = older.unwrap_or(&editing.own).clone();
        editing.line.replace(&text);
        editing.back = back;
    }

    /// Keeps a command line that was changed.
    fn remember(&mut self, editing: &Editing) {
        let text = editing.line.text();
        if text == editing.item.cmdline {
            return;
        }
        self.history.retain(|known| *known != text);
        self.history.push(text);
        if self.history.len() > HISTORY {
            self.history.remove(0);
        }
    }

    pub(super) fn choose_initrds(&mut self, item: Item) {
        let mut choices = self.listing.initrds(&item);
        if let Some(draft) = self.draft.as_ref().filter(|draft| draft.item == item) {
            for (initrd, chosen) in &mut choices {
                *chosen = draft.initrd.contains(initrd);
            }
        }
        // One that lacks its own may be started without any.
        if choices.is_empty() && !item.lacks_initrds() {
            return self.say("no entry has an initrd on the volume of its kernel");
        }
        self.page = Some(Page::Initrds(Initrds {
            item,
            choices,
            chosen: 0,
        }));
    }

    pub(super) fn initrd_key(&mut self, mut initrds: Initrds, key: Key) -> Option<Page> {
        let last = initrds.choices.len().saturating_sub(1);
        let chosen = initrds.chosen;
        match key {
            Key::Escape | Key::Left => return None,
            Key::Up => initrds.chosen = chosen.saturating_sub(1),
            Key::Down => initrds.chosen = chosen.saturating_add(1).min(last),
            Key::Char(' ') => {
                if let Some((_, is)) = initrds.choices.get_mut(chosen) {
                    *is = !*is;
                }
            }
            Key::Char(digit @ '1'..='9') => {
                let number = usize::try_from(digit.to_digit(10).unwrap_or(1)).unwrap_or(1);
                initrds.chosen = number.saturating_sub(1).min(last);
            }
            Key::Enter => {
                let chosen = initrds.choices.into_iter().filter(|(_, is)| *is);
                let initrd: Vec<Initrd> = chosen.map(|(initrd, _)| initrd).collect();
                let item = initrds.item;
                self.draft = None;
                // Those that it lacks may be there by now.
                if initrd != item.initrd || item.lacks_initrds() {
                    self.draft = Some(Draft { item, initrd });
                    self.say(
                        "other initrds are chosen: Enter starts with them, and e edits before",
                    );
                }
                return None;
            }
            _ => {}
        }
        Some(Page::Initrds(initrds))
    }

    /// Why an item can't be started, with the initrds that were chosen for it.
    pub(in crate::menu) fn blocked<'a>(&self, item: &'a Item) -> Option<&'a str> {
        match self.is_drafted(item) {
            true => item.blocked(&[Change::Initrds]),
            false => item.blocked(&[]),
        }
    }

    /// Are other initrds chosen for this item?
    pub(in crate::menu) fn is_drafted(&self, item: &Item) -> bool {
        self.draft.as_ref().is_some_and(|draft| draft.item == *item)
    }
}
