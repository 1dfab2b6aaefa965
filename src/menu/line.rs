//! [`Line`]: a line of text that is being edited, with the keys of readline.

use super::key::Key;

/// More characters are not taken: no kernel takes a longer command line.
const LONGEST: usize = 4096;

/// Steps that can be undone.
const STEPS: usize = 100;

/// A text and a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    text: Vec<char>,
    /// Characters before the cursor.
    cursor: usize,
    /// What was cut out last.
    cut: Vec<char>,
    undo: Vec<(Vec<char>, usize)>,
    redo: Vec<(Vec<char>, usize)>,
    /// The last step typed a letter: the next one belongs to it.
    typing: bool,
}

impl Line {
    /// This text, with the cursor behind it.
    pub(super) fn new(text: &str) -> Line {
        let text: Vec<char> = text.chars().collect();
        Line {
            cursor: text.len(),
            text,
            ..Line::default()
        }
    }

    /// The text.
    pub(super) fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// The text before the cursor.
    pub(super) fn before(&self) -> String {
        self.text.iter().take(self.cursor).collect()
    }

    /// Takes another text in its place, which can be undone.
    pub(super) fn replace(&mut self, text: &str) {
        self.step(false);
        self.text = text.chars().take(LONGEST).collect();
        self.cursor = self.text.len();
    }

    /// Takes a key, and says whether it means something here.
    pub(super) fn press(&mut self, key: Key) -> bool {
        let (start, end) = (0, self.text.len());
        match key {
            Key::Char(c) => {
                if end < LONGEST {
                    self.step(c != ' ');
                    let at = self.cursor.min(end);
                    self.text.insert(at, c);
                    self.cursor = at.saturating_add(1);
                }
                return true;
            }
            Key::Left | Key::Ctrl('b') => self.cursor = self.cursor.saturating_sub(1),
            Key::Right | Key::Ctrl('f') => self.cursor = self.cursor.saturating_add(1).min(end),
            Key::Home | Key::Ctrl('a') => self.cursor = start,
            Key::End | Key::Ctrl('e') => self.cursor = end,
            Key::WordLeft | Key::Alt('b') => self.cursor = self.word_left(),
            Key::WordRight | Key::Alt('f') => self.cursor = self.word_right(),
            Key::Backspace => self.remove(self.cursor.saturating_sub(1), false),
            Key::Delete | Key::Ctrl('d') => self.remove(self.cursor.saturating_add(1), false),
            Key::Ctrl('k') => self.remove(end, true),
            Key::Ctrl('u') => self.remove(start, true),
            Key::Ctrl('w') => self.remove(self.word_left(), true),
            Key::Alt('d') => self.remove(self.word_right(), true),
            Key::Ctrl('y') => self.paste(),
            Key::Ctrl('_' | 'z') => self.travel(false),
            Key::Alt('z') => self.travel(true),
            _ => return false,
        }
        self.typing = false;
        true
    }

    /// Remembers what there is, before it is changed.
    fn step(&mut self, typing: bool) {
        let goes_on = self.typing && typing;
        self.typing = typing;
        if goes_on {
            return;
        }
        self.redo.clear();
        if self.undo.len() >= STEPS {
            self.undo.remove(0);
        }
        self.undo.push((self.text.clone(), self.cursor));
    }

    /// Takes back the last step, or the last taking back.
    fn travel(&mut self, forward: bool) {
        let (from, to) = match forward {
            true => (&mut self.redo, &mut self.undo),
            false => (&mut self.undo, &mut self.redo),
        };
        if let Some((text, cursor)) = from.pop() {
            to.push((std::mem::replace(&mut self.text, text), self.cursor));
            self.cursor = cursor;
        }
    }

    /// Removes what is between the cursor and `to`, and keeps it to be pasted.
    fn remove(&mut self, to: usize, keep: bool) {
        let to = to.min(self.text.len());
        let (start, end) = (self.cursor.min(to), self.cursor.max(to));
        if start == end {
            return;
        }
        self.step(false);
        let removed: Vec<char> = self.text.drain(start..end).collect();
        self.cursor = start;
        if keep {
            self.cut = removed;
        }
    }

    fn paste(&mut self) {
        if self.cut.is_empty() || self.text.len().saturating_add(self.cut.len()) > LONGEST {
            return;
        }
        self.step(false);
        let at = self.cursor.min(self.text.len());
        self.text.splice(at..at, self.cut.iter().copied());
        self.cursor = at.saturating_add(self.cut.len());
    }

    /// Where the word begins that is before the cursor.
    fn word_left(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        let word = before.iter().rposition(|c| *c != ' ');
        let word = before.get(..word.unwrap_or(0)).unwrap_or_default();
        let blank = word.iter().rposition(|c| *c == ' ');
        blank.map_or(0, |blank| blank.saturating_add(1))
    }

    /// Where the word ends that is behind the cursor.
    fn word_right(&self) -> usize {
        let end = self.text.len();
        let next = |from: usize, is: fn(char) -> bool| {
            let rest = self.text.get(from..).unwrap_or_default();
            let found = rest.iter().position(|c| is(*c));
            found.map_or(end, |found| from.saturating_add(found))
        };
        next(next(self.cursor, |c| c != ' '), |c| c == ' ')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::tests::any_key;
    use proptest::prelude::*;

    /// The line after these keys, with `|` for the cursor.
    fn edited(text: &str, keys: &[Key]) -> String {
        let mut line = Line::new(text);
        for key in keys {
            assert!(line.press(*key), "{key:?}");
        }
        let before = line.before();
        let behind = line.text().split_off(before.len());
        format!("{before}|{behind}")
    }

    #[test]
    fn keys_of_readline() {
        use Key::{
            Alt, Backspace, Char, Ctrl, Delete, End, Home, Left, Right, WordLeft, WordRight,
        };
        for (keys, result) in [
            (&[Char('x')][..], "ro  quiet a=bx|"),
            (&[Left, Left, Char('x')], "ro  quiet ax|=b"),
            (&[Home, Right], "r|o  quiet a=b"),
            (&[Ctrl('a'), End], "ro  quiet a=b|"),
            (&[WordLeft], "ro  quiet |a=b"),
            (&[Alt('b'), WordLeft, WordLeft], "|ro  quiet a=b"),
            (&[Home, WordRight], "ro|  quiet a=b"),
            (&[Home, Alt('f'), WordRight], "ro  quiet| a=b"),
            (&[Ctrl('w')], "ro  quiet |"),
            (&[Ctrl('w'), Ctrl('w')], "ro  |"),
            (&[Ctrl('w'), Home, Ctrl('y')], "a=b|ro  quiet "),
            (&[Home, Alt('d'), Alt('d')], "| a=b"),
            (&[Home, WordRight, Ctrl('k')], "ro|"),
            (&[WordLeft, Ctrl('u')], "|a=b"),
            (&[Backspace, Backspace], "ro  quiet a|"),
            (&[Home, Delete, Ctrl('d')], "|  quiet a=b"),
            (&[Char('x'), Char('y'), Ctrl('_')], "ro  quiet a=b|"),
            (&[Ctrl('u'), Ctrl('z'), Alt('z')], "|"),
            (
                &[Char('x'), Ctrl('z'), Char('z'), Alt('z')],
                "ro  quiet a=bz|",
            ),
            (
                &[Char('x'), Char(' '), Char('y'), Ctrl('z')],
                "ro  quiet a=bx |",
            ),
        ] {
            assert_eq!(edited("ro  quiet a=b", keys), result, "{keys:?}");
        }
    }

    #[test]
    fn no_kernel_takes_more() {
        let mut line = Line::new(&"x".repeat(LONGEST));
        line.press(Key::Char('y'));
        line.press(Key::Ctrl('w'));
        line.press(Key::Ctrl('y'));
        line.press(Key::Ctrl('y'));
        assert_eq!(line.text().len(), LONGEST);
    }

    proptest! {
        #[test]
        fn the_cursor_is_in_the_text(text in "[a-c ß]{0,20}", keys in prop::collection::vec(any_key(), 0..60)) {
            let mut line = Line::new(&text);
            for key in keys {
                line.press(key);
                prop_assert!(line.cursor <= line.text.len());
            }
            // Everything can be undone.
            for _ in 0..STEPS {
                line.press(Key::Ctrl('z'));
            }
            prop_assert_eq!(line.text(), text);
        }
    }
}
