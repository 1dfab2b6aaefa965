//! [`Keys`]: the keys of one table of a policy, each read once.

use std::fmt;
use std::time::Duration;

use toml_span::value::{Key, Table, ValueInner};
use toml_span::{Span, Value};

/// The longest time that a policy can name, in seconds.
const MAX_SECONDS: u64 = 24 * 60 * 60;

/// A mistake and where it is.
pub(super) type Wrong = (Span, String);

/// The keys of one table that were not read yet.
pub(super) struct Keys<'de> {
    name: &'static str,
    table: Table<'de>,
    span: Span,
    /// All of the file.
    text: &'de str,
}

impl<'de> Keys<'de> {
    pub(super) fn of(
        name: &'static str,
        value: &mut Value<'de>,
        text: &'de str,
    ) -> Result<Keys<'de>, Wrong> {
        let span = value.span;
        match value.take() {
            ValueInner::Table(table) => Ok(Keys {
                name,
                table,
                span,
                text,
            }),
            other => {
                let text = format!("`{name}` is a table, not {}", other.type_str());
                Err((value.span, text))
            }
        }
    }

    /// Reads a table, if it is there, to its last key.
    pub(super) fn table(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Keys<'de>) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let Some(mut value) = self.table.remove(name) else {
            return Ok(());
        };
        let mut keys = Keys::of(name, &mut value, self.text)?;
        read(&mut keys)?;
        keys.end()
    }

    /// Nothing may be left: a misspelt key would be a policy that does not hold.
    pub(super) fn end(self) -> Result<(), Wrong> {
        match self.table.into_iter().next() {
            None => Ok(()),
            Some((Key { name, span }, _)) => {
                Err((span, format!("`{name}` is no key of {}", self.name)))
            }
        }
    }

    pub(super) fn number(&mut self, name: &str, number: &mut u32) -> Result<(), Wrong> {
        let Some(value) = self.table.remove(name) else {
            return Ok(());
        };
        let read = value.as_integer().and_then(|n| u32::try_from(n).ok());
        *number = read.ok_or_else(|| {
            let text = format!("`{name}` is a whole number from 0 to {}", u32::MAX);
            (value.span, text)
        })?;
        Ok(())
    }

    /// A number within limits.
    pub(super) fn limited<T: Copy + PartialOrd + TryFrom<u32> + fmt::Display>(
        &mut self,
        name: &str,
        least: T,
        most: T,
        default: T,
    ) -> Result<T, Wrong> {
        if !self.has(name) {
            return Ok(default);
        }
        let mut number = 0;
        self.number(name, &mut number)?;
        let number = T::try_from(number).ok();
        let number = number.filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            let table = self.name;
            self.wrong(format!(
                "`{name}` of {table} is a number from {least} to {most}"
            ))
        })
    }

    pub(super) fn yes_or_no(&mut self, name: &str, value: &mut bool) -> Result<(), Wrong> {
        let Some(stated) = self.table.remove(name) else {
            return Ok(());
        };
        let read = stated.as_bool();
        *value = read.ok_or_else(|| (stated.span, format!("`{name}` is true or false")))?;
        Ok(())
    }

    pub(super) fn seconds(&mut self, name: &str, duration: &mut Duration) -> Result<(), Wrong> {
        let Some(value) = self.table.remove(name) else {
            return Ok(());
        };
        let read = match value.as_ref() {
            ValueInner::Integer(whole) => u64::try_from(*whole).ok().map(Duration::from_secs),
            // Neither negative nor endless, and `nan` is no time.
            ValueInner::Float(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
            _ => None,
        };
        let read = read.filter(|duration| *duration <= Duration::from_secs(MAX_SECONDS));
        *duration = read.ok_or_else(|| {
            let text = format!("`{name}` is a number of seconds from 0 to {MAX_SECONDS}");
            (value.span, text)
        })?;
        Ok(())
    }

    /// A time, or one of some words, which is returned then.
    pub(super) fn seconds_or<T: Copy>(
        &mut self,
        name: &str,
        time: &mut Option<Duration>,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Wrong> {
        let value = self.table.get(name);
        if value.is_some_and(|value| value.as_str().is_some()) {
            return self.one_of(name, words);
        }
        if value.is_some() {
            let mut seconds = Duration::ZERO;
            self.seconds(name, &mut seconds)?;
            *time = Some(seconds);
        }
        Ok(None)
    }

    pub(super) fn word<T: Copy>(
        &mut self,
        name: &str,
        word: &mut T,
        words: &[(&str, T)],
    ) -> Result<(), Wrong> {
        let Some(value) = self.table.remove(name) else {
            return Ok(());
        };
        let found = value
            .as_str()
            .and_then(|text| words.iter().find(|(word, _)| *word == text));
        let (_, found) = found.ok_or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            (
                value.span,
                format!("`{name}` is one of {}", words.join(", ")),
            )
        })?;
        *word = *found;
        Ok(())
    }

    /// One of some words, if it is there.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Wrong> {
        let has = self.has(name);
        let Some((_, first)) = words.first().filter(|_| has) else {
            return Ok(None);
        };
        let mut word = *first;
        self.word(name, &mut word, words)?;
        Ok(Some(word))
    }

    /// A list, each of whose values `read` understands; otherwise it says what they are.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        list: &mut Vec<T>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<(), Wrong> {
        let Some(mut value) = self.table.remove(name) else {
            return Ok(());
        };
        let span = value.span;
        let ValueInner::Array(values) = value.take() else {
            return Err((span, format!("`{name}` is a list of texts")));
        };
        let values = values.iter().map(|value| {
            let text = value.as_str();
            let text = text.ok_or_else(|| (value.span, format!("`{name}` is a list of texts")))?;
            read(text).map_err(|why| (value.span, format!("`{name}`: {text:?} {why}")))
        });
        *list = values.collect::<Result<Vec<T>, Wrong>>()?;
        Ok(())
    }

    /// A text that `read` understands.
    pub(super) fn text<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Wrong> {
        let Some(value) = self.table.remove(name) else {
            return Ok(None);
        };
        let text = value.as_str();
        let text = text.ok_or_else(|| (value.span, format!("`{name}` is a text")))?;
        let read = read(text).map_err(|why| (value.span, format!("`{name}`: {text:?} {why}")));
        read.map(Some)
    }

    /// Reads each table of a list of tables to its last key.
    pub(super) fn tables(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&mut Keys<'de>) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let Some(mut value) = self.table.remove(name) else {
            return Ok(());
        };
        let span = value.span;
        let ValueInner::Array(values) = value.take() else {
            return Err((span, format!("`{name}` is a list of tables: [[…{name}]]")));
        };
        for mut value in values {
            let mut keys = Keys::of(name, &mut value, self.text)?;
            read(&mut keys)?;
            keys.end()?;
        }
        Ok(())
    }

    /// Takes all keys that are left, each with a text.
    pub(super) fn texts(&mut self, pairs: &mut Vec<(String, String)>) -> Result<(), Wrong> {
        for (key, value) in std::mem::take(&mut self.table) {
            let text = value.as_str();
            let text = text.ok_or_else(|| (value.span, format!("`{}` is a text", key.name)))?;
            pairs.push((key.name.into_owned(), text.to_owned()));
        }
        Ok(())
    }

    /// Was every key read?
    pub(super) fn is_read(&self) -> bool {
        self.table.is_empty()
    }

    /// Is there a key of this name that was not read yet?
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// The line of the table, from 1.
    pub(super) fn line(&self) -> usize {
        line(self.text, self.span)
    }

    /// Where the table is, for what is wrong with all of it.
    pub(super) fn wrong(&self, text: impl Into<String>) -> Wrong {
        (self.span, text.into())
    }
}

/// The line of a place in `text`, from 1.
pub(super) fn line(text: &str, span: Span) -> usize {
    let before = text.as_bytes().get(..span.start).unwrap_or_default();
    before
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        .saturating_add(1)
}
