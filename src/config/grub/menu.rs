//! [`Menu`]: the entries of a context, and which of them is the default.

use std::rc::Rc;

use super::failure::BAD_NUMBER;
use super::interpreter::Place;
use super::number;
use super::syntax::Block;
use crate::config::configuration::MAX_FALLBACKS;
use crate::entry::{FileRef, HotKey, Written};

/// The entries that were defined in a context.
#[derive(Clone, Debug, Default)]
pub(super) struct Menu {
    pub(super) entries: Vec<Rc<MenuEntry>>,
}

/// An entry before its body is executed.
#[derive(Clone, Debug)]
pub(super) struct MenuEntry {
    pub(super) title: String,
    pub(super) id: String,
    /// Who may start it when there are superusers; `None` is everybody.
    pub(super) users: Option<String>,
    /// The title and what follows it: `$1` and so on in the body.
    pub(super) parameters: Rc<Vec<String>>,
    pub(super) body: Body,
    pub(super) submenu: bool,
    /// Its first class: scripts that are made have the id of the system there.
    pub(super) class: Option<String>,
    /// The key that chooses it.
    pub(super) hot_key: Option<HotKey>,
    /// The file that says it, where that is no script.
    pub(super) file: Option<FileRef>,
    /// What says it, besides the scripts that lead to it.
    pub(super) written: Written,
    pub(super) place: Option<Place>,
    /// What a person should know of it, whatever it does.
    pub(super) notes: Vec<String>,
}

/// What an entry executes.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Block(Block),
    Text(String),
}

impl Menu {
    /// The index of the entry that the variable `default` means (`get_entry_number` in
    /// `grub-core/normal/menu.c`): a number, a title or an id, up to a `>`. What can't be is the first.
    ///
    /// In GRUB 2.06 a value that begins with a digit is a number. Where there is `blscfg`, GRUB looks for
    /// titles and ids before: many of those begin with the digits of a machine ID.
    pub(super) fn choose(&self, value: Option<&str>) -> usize {
        let Some(value) = value else {
            return 0;
        };
        let by_name = || {
            let mut entries = self.entries.iter();
            entries.position(|entry| is_called(&entry.title, value) || is_called(&entry.id, value))
        };
        let names_first = self.entries.iter().any(|entry| entry.file.is_some());
        let index = match number::parse(value, 0) {
            Ok((number, _)) => {
                let named = by_name().filter(|_| names_first);
                named.or_else(|| number::index(number))
            }
            Err(failure) if failure.code == BAD_NUMBER => by_name(),
            Err(_) => None,
        };
        let exists = |index: &usize| *index < self.entries.len();
        index.filter(exists).unwrap_or_default()
    }

    /// What the variable `fallback` means (`get_and_remove_first_entry_number` there): numbers, with spaces
    /// between them. Later versions and Fedora's take titles and ids as well, of which the longest counts.
    /// Nothing counts behind what is neither, or a number without an entry.
    pub(super) fn fallback(&self, value: &str) -> Fallback {
        let mut found = Fallback::default();
        let mut rest = value.trim_ascii_start();
        while !rest.is_empty() && found.entries.len() < MAX_FALLBACKS {
            let next = match number::parse(rest, 0) {
                Ok((number, rest)) => number::index(number).map(|index| (index, rest)),
                Err(failure) if failure.code == BAD_NUMBER => self.named(rest),
                Err(_) => None,
            };
            let Some((index, after)) = next.filter(|(index, _)| *index < self.entries.len()) else {
                found.unknown = Some(rest.to_owned());
                break;
            };
            if !found.entries.contains(&index) {
                found.entries.push(index);
            }
            rest = after.trim_ascii_start();
        }
        found
    }

    /// The entry whose title or id `text` begins with, and what follows it.
    fn named<'a>(&self, text: &'a str) -> Option<(usize, &'a str)> {
        let entries = self.entries.iter().enumerate();
        let names = entries.flat_map(|(i, entry)| [(i, &entry.title), (i, &entry.id)]);
        let matches = names.filter_map(|(i, name)| {
            let rest = text.strip_prefix(name.as_str())?;
            let whole = rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_whitespace());
            (whole && !name.is_empty()).then_some((i, rest))
        });
        matches.min_by_key(|(_, rest)| rest.len())
    }
}

/// The entries that `fallback` means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fallback {
    /// Their indexes, in the order in which they are tried.
    pub(super) entries: Vec<usize>,
    /// The first part of the value that means none.
    pub(super) unknown: Option<String>,
}

/// What of `default` is for the menu inside: behind the first `>` that is not doubled.
pub(super) fn inner_default(value: &str) -> Option<&str> {
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('>') {
        match after.strip_prefix('>') {
            Some(after) => rest = after,
            None => return Some(after).filter(|after| !after.is_empty()),
        }
    }
    None
}

/// A name with its `>` doubled, as a part of a path of names.
pub(super) fn escaped(name: &str) -> String {
    name.replace('>', ">>")
}

/// Is `name` what `value` begins with, up to a `>` that is not doubled?
fn is_called(name: &str, value: &str) -> bool {
    let mut rest = value.chars().peekable();
    let mut name = name.chars();
    loop {
        let next = match rest.next() {
            Some('>') if rest.peek() != Some(&'>') => None,
            Some('>') => rest.next(),
            other => other,
        };
        match (name.next(), next) {
            (None, None) => return true,
            (a, b) if a != b => return false,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu(entries: &[(&str, &str)]) -> Menu {
        let entry = |(title, id): &(&str, &str)| MenuEntry {
            title: (*title).to_owned(),
            id: (*id).to_owned(),
            users: None,
            parameters: Rc::default(),
            body: Body::Text(String::new()),
            submenu: false,
            class: None,
            hot_key: None,
            file: None,
            written: Written::default(),
            place: None,
            notes: Vec::new(),
        };
        let entries = entries.iter().map(entry);
        Menu {
            entries: entries.map(Rc::new).collect(),
        }
    }

    #[test]
    fn default_by_number_title_and_id() {
        let menu = menu(&[
            ("First", "a"),
            ("A>B", "b"),
            ("2nd one", "c"),
            ("First", "d"),
        ]);
        for (value, index) in [
            ("1", 1),
            ("7", 0),
            ("First", 0),
            ("b", 1),
            ("A>>B", 1),
            ("A>B", 0),
            ("c>x", 2),
            ("d", 3),
            ("2nd one", 2),
            ("3>2", 3),
            ("0x1", 1),
            // Of more than 32 bits the lowest count, the last of them as a sign.
            ("4294967297", 1),
            ("0x200000003", 3),
            ("2147483649", 0),
            ("18446744073709551617", 0),
            ("nothing", 0),
            ("", 0),
        ] {
            assert_eq!(menu.choose(Some(value)), index, "{value}");
        }
        assert_eq!(menu.choose(None), 0);
    }

    #[test]
    fn fallback_by_number_title_and_id() {
        let menu = menu(&[("Linux", "a"), ("Linux old", "b"), ("2nd one", "c")]);
        for (value, entries, unknown) in [
            ("", &[][..], None),
            (" ", &[], None),
            ("1", &[1], None),
            (" 2  1\n0 1 ", &[2, 1, 0], None),
            ("0x2 01", &[2, 1], None),
            ("0x100000002 4294967295", &[2], Some("4294967295")),
            ("Linux", &[0], None),
            ("Linux old", &[1], None),
            ("c Linux old Linux b", &[2, 1, 0], None),
            ("1 gone 2", &[1], Some("gone 2")),
            ("7 1", &[], Some("7 1")),
            ("1>0", &[1], Some(">0")),
            ("1,2", &[1], Some(",2")),
            ("Linuxes", &[], Some("Linuxes")),
            ("-1", &[], Some("-1")),
            ("99999999999999999999", &[], Some("99999999999999999999")),
        ] {
            let expected = Fallback {
                entries: entries.to_vec(),
                unknown: unknown.map(str::to_owned),
            };
            assert_eq!(menu.fallback(value), expected, "{value}");
        }
        let many = "0 1 ".repeat(1 << 16);
        assert_eq!(menu.fallback(&many).entries, [0, 1]);
    }

    #[test]
    fn names_come_before_numbers_where_blscfg_is() {
        let mut menu = menu(&[("First", "1a"), ("Second", "0b"), ("1", "c")]);
        let choices = |menu: &Menu| ["1a", "0b>x", "1", "0"].map(|value| menu.choose(Some(value)));
        assert_eq!(choices(&menu), [1, 0, 1, 0]);
        let volume = crate::entry::VolumeId { disk: 0, volume: 0 };
        let path = crate::fs::FsPath::new("/loader/entries/1a.conf").unwrap();
        Rc::make_mut(&mut menu.entries[0]).file = Some(FileRef { volume, path });
        assert_eq!(choices(&menu), [0, 1, 2, 0]);
    }

    #[test]
    fn paths_of_names() {
        assert_eq!(inner_default("a>b>c"), Some("b>c"));
        assert_eq!(inner_default("a>>b>c"), Some("c"));
        assert_eq!(inner_default("a"), None);
        assert_eq!(inner_default("a>"), None);
        assert_eq!(escaped("a>b"), "a>>b");
    }
}
