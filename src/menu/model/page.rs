//! [`Page`]: what lies over the menu, and its keys.

use super::{Action, Model};
use crate::entry::Initrd;
use crate::menu::event::Wish;
use crate::menu::glyph::Charset;
use crate::menu::key::Key;
use crate::menu::line::Line;
use crate::menu::listing::Item;
use crate::menu::progress::Progress;
use crate::menu::reader::Reader;
use crate::menu::screen::Size;
use crate::menu::view;

/// Something other than the menu.
#[derive(Debug)]
pub(in crate::menu) enum Page {
    /// All that is known of an item; nothing before somebody has said it.
    Details(Details),
    /// A text.
    Text(Reading),
    /// A command line is edited.
    Edit(Editing),
    /// Initrds are chosen.
    Initrds(Initrds),
    /// A password is asked for.
    Password(Prompt),
    /// Something is started.
    Progress(Progress),
}

/// An item, what is known of it, and the place in that.
#[derive(Debug)]
pub(in crate::menu) struct Details {
    pub(super) item: Item,
    pub(in crate::menu) lines: Vec<String>,
    pub(in crate::menu) at: Reader,
    /// How far it is, while its signatures are looked at.
    pub(in crate::menu) proving: Option<Progress>,
}

/// Texts that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::menu) enum Text {
    Log,
    Disks,
    Notes,
    About,
    Help,
}

/// A text, and the place in it.
#[derive(Debug)]
pub(in crate::menu) struct Reading {
    pub(in crate::menu) text: Text,
    pub(in crate::menu) at: Reader,
}

/// A command line, and whose.
#[derive(Debug)]
pub(in crate::menu) struct Editing {
    pub(in crate::menu) item: Item,
    pub(in crate::menu) line: Line,
    /// How far back in the history it is; 0 is the line itself.
    pub(super) back: usize,
    /// The line itself, while one of the history is seen.
    pub(super) own: String,
}

/// Initrds, and which of them are chosen.
#[derive(Debug)]
pub(in crate::menu) struct Initrds {
    pub(super) item: Item,
    pub(in crate::menu) choices: Vec<(Initrd, bool)>,
    pub(in crate::menu) chosen: usize,
}

/// A password that is being typed, and what for.
#[derive(Debug)]
pub(in crate::menu) struct Prompt {
    pub(in crate::menu) line: Line,
    pub(super) action: Action,
    /// What the action is done to, if it is still chosen then.
    pub(super) item: Option<Item>,
    /// It is being checked.
    pub(in crate::menu) checking: bool,
}

impl Page {
    /// The item that it is about.
    pub(super) fn item(&self) -> Option<&Item> {
        match self {
            Page::Details(details) => Some(&details.item),
            Page::Edit(editing) => Some(&editing.item),
            Page::Initrds(initrds) => Some(&initrds.item),
            Page::Password(prompt) => prompt.item.as_ref(),
            Page::Text(_) | Page::Progress(_) => None,
        }
    }
}

impl Model {
    /// Takes a key for a page, which stays unless the key ends it.
    pub(super) fn page_key(&mut self, page: Page, key: Key, size: Size, charset: Charset) {
        let left = match (page, key) {
            (
                page @ (Page::Details(_) | Page::Text(_)),
                Key::Escape | Key::Left | Key::Char('q'),
            ) => {
                if matches!(
                    &page,
                    Page::Details(Details {
                        proving: Some(_),
                        ..
                    })
                ) {
                    self.wishes.push(Wish::Leave);
                }
                None
            }
            (Page::Details(mut details), Key::Char('v')) => {
                if details.proving.is_none() {
                    self.wishes.push(Wish::Prove(details.item.id.clone()));
                    let nothing = String::new;
                    details.proving = Some(Progress::new(nothing(), nothing(), self.now));
                }
                Some(Page::Details(details))
            }
            (Page::Details(mut details), key) => {
                turn(&mut details.at, &details.lines, key, size, charset);
                Some(Page::Details(details))
            }
            (Page::Text(mut reading), key) => {
                turn(
                    &mut reading.at,
                    &self.text(reading.text),
                    key,
                    size,
                    charset,
                );
                Some(Page::Text(reading))
            }
            (Page::Edit(editing), key) => self.edit_key(editing, key),
            (Page::Initrds(initrds), key) => self.initrd_key(initrds, key),
            (Page::Password(prompt), key) => self.password_key(prompt, key),
            (Page::Progress(progress), _) => Some(Page::Progress(progress)),
        };
        // The key may have opened another page.
        if let Some(page) = left {
            self.page = Some(page);
        }
    }
}

/// Goes on in a text.
fn turn(at: &mut Reader, lines: &[String], key: Key, size: Size, charset: Charset) {
    let page = view::page(size, charset);
    match key {
        Key::Up => at.back(1, lines, page),
        Key::Down | Key::Enter => at.forward(1, lines, page),
        Key::PageUp | Key::Char('b') => at.back(page.rows, lines, page),
        Key::PageDown | Key::Char(' ') => at.forward(page.rows, lines, page),
        Key::Home => *at = Reader::default(),
        Key::End => at.end(lines, page),
        _ => {}
    }
}
