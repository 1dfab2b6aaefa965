//! [`Keys`]: the keys of one table of a policy, each read once.

use std::fmt;
use std::time::Duration;

use toml_parser::Span;

#[cfg(test)]
use super::asked;
use super::document::{Data, Key, Table, Value, Wrong};
use crate::seconds;

/// The longest time that a policy can name, in seconds.
const MAX_SECONDS: u64 = 24 * 60 * 60;

/// The keys of one table that were not read yet.
pub(super) struct Keys<'t> {
    name: &'static str,
    table: Table,
    span: Span,
    /// All of the file.
    text: &'t str,
}

impl<'t> Keys<'t> {
    /// The keys of the whole file.
    pub(super) fn of_file(table: Table, text: &'t str) -> Keys<'t> {
        Keys {
            name: "the file",
            table,
            span: Span::default(),
            text,
        }
    }

    fn of(name: &'static str, value: Value, text: &'t str) -> Result<Keys<'t>, Wrong> {
        match value.data {
            Data::Table(table) => Ok(Keys {
                name,
                table,
                span: value.span,
                text,
            }),
            other => {
                let text = format!("`{name}` is a table, not {}", other.name());
                Err((value.span, text))
            }
        }
    }

    /// Takes the value of a key, if it is there. All keys are asked for here, or by [`get`](Keys::get).
    fn remove(&mut self, name: &str) -> Option<Value> {
        #[cfg(test)]
        asked::note(self.name, name);
        self.table.remove(name)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        #[cfg(test)]
        asked::note(self.name, name);
        self.table.get(name)
    }

    /// Reads a table, if it is there, to its last key.
    pub(super) fn table(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Keys<'t>) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let Some(value) = self.remove(name) else {
            return Ok(());
        };
        let mut keys = Keys::of(name, value, self.text)?;
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
        let Some(value) = self.remove(name) else {
            return Ok(());
        };
        let read = match value.data {
            Data::Integer(number) => u32::try_from(number).ok(),
            _ => None,
        };
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
        let Some(stated) = self.remove(name) else {
            return Ok(());
        };
        let Data::Boolean(read) = stated.data else {
            return Err((stated.span, format!("`{name}` is true or false")));
        };
        *value = read;
        Ok(())
    }

    pub(super) fn seconds(&mut self, name: &str, duration: &mut Duration) -> Result<(), Wrong> {
        let Some(value) = self.remove(name) else {
            return Ok(());
        };
        let read = match &value.data {
            Data::Integer(whole) => u64::try_from(*whole).ok().map(Duration::from_secs),
            Data::Float(digits) => seconds::read(digits),
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
        let value = self.get(name);
        if value.is_some_and(|value| value.data.text().is_some()) {
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
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let place = self.place(name, &names)?;
        if let Some((_, found)) = place.and_then(|place| words.get(place)) {
            *word = *found;
        }
        Ok(())
    }

    /// Which of some words it is.
    fn place(&mut self, name: &str, words: &[&str]) -> Result<Option<usize>, Wrong> {
        let Some(value) = self.remove(name) else {
            return Ok(None);
        };
        let text = value.data.text();
        let place = text.and_then(|text| words.iter().position(|word| *word == text));
        if place.is_none() {
            let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            let text = format!("`{name}` is one of {}", words.join(", "));
            return Err((value.span, text));
        }
        Ok(place)
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
        let Some(texts) = self.written(name)? else {
            return Ok(());
        };
        list.clear();
        for text in texts {
            let value = read(&text.0);
            list.push(value.map_err(|why| not_understood(name, text, &why))?);
        }
        Ok(())
    }

    /// The texts of a list with their places.
    fn written(&mut self, name: &str) -> Result<Option<Vec<Written>>, Wrong> {
        let Some(value) = self.remove(name) else {
            return Ok(None);
        };
        let wrong = |span| (span, format!("`{name}` is a list of texts"));
        let Data::List(values) = value.data else {
            return Err(wrong(value.span));
        };
        let texts = values.into_iter().map(|value| match value.data {
            Data::Text(text) => Ok((text, value.span)),
            _ => Err(wrong(value.span)),
        });
        texts.collect::<Result<_, Wrong>>().map(Some)
    }

    /// A text that `read` understands.
    pub(super) fn text<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Wrong> {
        let Some(Value { data, span }) = self.remove(name) else {
            return Ok(None);
        };
        let Data::Text(text) = data else {
            return Err((span, format!("`{name}` is a text")));
        };
        let value = read(&text);
        let value = value.map_err(|why| not_understood(name, (text, span), &why))?;
        Ok(Some(value))
    }

    /// Reads each table of a list of tables to its last key.
    pub(super) fn tables(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&mut Keys<'t>) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let Some(value) = self.remove(name) else {
            return Ok(());
        };
        let Data::List(values) = value.data else {
            return Err((
                value.span,
                format!("`{name}` is a list of tables: [[…{name}]]"),
            ));
        };
        for value in values {
            let mut keys = Keys::of(name, value, self.text)?;
            read(&mut keys)?;
            keys.end()?;
        }
        Ok(())
    }

    /// Takes all keys that are left, each with a text.
    pub(super) fn texts(&mut self, pairs: &mut Vec<(String, String)>) -> Result<(), Wrong> {
        for (key, value) in self.table.take() {
            let text = value.data.text();
            let text = text.ok_or_else(|| (value.span, format!("`{}` is a text", key.name)))?;
            pairs.push((key.name, text.to_owned()));
        }
        Ok(())
    }

    /// Was every key read?
    pub(super) fn is_read(&self) -> bool {
        self.table.is_empty()
    }

    /// Is there a key of this name that was not read yet?
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
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

/// A text and where it stands.
type Written = (String, Span);

fn not_understood(name: &str, (text, span): Written, why: &str) -> Wrong {
    (span, format!("`{name}`: {text:?} {why}"))
}

/// The line of a place in `text`, from 1.
pub(super) fn line(text: &str, span: Span) -> usize {
    let before = text.as_bytes().get(..span.start()).unwrap_or_default();
    before
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        .saturating_add(1)
}
