//! The text in which LVM keeps its metadata: `lib/config/config.c` of LVM2, as far as metadata use it.

use std::fmt;

/// Sections in each other; metadata have five.
const MAX_DEPTH: usize = 8;
/// Values in one text. A group of a thousand volumes has some ten thousand.
const MAX_VALUES: usize = 200_000;

/// Fields with their values, in the order of the text: `name = value` or `name { … }`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Section(Vec<(String, Value)>);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    /// A number below zero or with a fraction, which nothing that is read here has.
    Other,
    Text(String),
    List(Vec<Value>),
    Section(Section),
}

impl Section {
    /// Reads a whole text.
    pub(super) fn parse(text: &str) -> Result<Section, TextError> {
        let mut parser = Parser {
            text,
            at: 0,
            values: 0,
        };
        parser.section(0)
    }

    /// The first field of this name.
    fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// The values of a list; nothing where there is none.
    pub(super) fn list(&self, name: &str) -> &[Value] {
        match self.get(name) {
            Some(Value::List(values)) => values,
            _ => &[],
        }
    }

    /// Is this word in a list?
    pub(super) fn has(&self, list: &str, word: &str) -> bool {
        let mut words = self.list(list).iter();
        words.any(|value| value.as_text() == Some(word))
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        match self.get(name)? {
            Value::Section(section) => Some(section),
            _ => None,
        }
    }

    /// Every section in it with its name.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((name.as_str(), section)),
            _ => None,
        })
    }
}

impl Value {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What is no metadata, and the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TextError {
    line: usize,
    reason: &'static str,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    /// The fields until `}` or, outermost, the end.
    fn section(&mut self, depth: usize) -> Result<Section, TextError> {
        let mut fields = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                None if depth == 0 => return Ok(Section(fields)),
                None => return self.fail("a section does not end"),
                Some('}') if depth > 0 => {
                    self.at = self.at.saturating_add(1);
                    return Ok(Section(fields));
                }
                Some(_) => {}
            }
            let name = self.word();
            if name.is_empty() {
                return self.fail("a name is missing");
            }
            self.count()?;
            self.skip();
            let value = if self.eat('{') {
                if depth >= MAX_DEPTH {
                    return self.fail("too many sections in each other");
                }
                Value::Section(self.section(depth.saturating_add(1))?)
            } else if self.eat('=') {
                self.skip();
                match self.eat('[') {
                    true => Value::List(self.list()?),
                    false => self.value()?,
                }
            } else {
                return self.fail("a field has no value");
            };
            fields.push((name.to_owned(), value));
        }
    }

    /// The values of a list behind its `[`.
    fn list(&mut self) -> Result<Vec<Value>, TextError> {
        let mut values = Vec::new();
        loop {
            self.skip();
            if self.eat(']') {
                return Ok(values);
            }
            self.count()?;
            values.push(self.value()?);
            self.skip();
            if !self.eat(',') && self.peek() != Some(']') {
                return self.fail("a list does not end");
            }
        }
    }

    fn value(&mut self) -> Result<Value, TextError> {
        if self.eat('"') {
            return self.quoted().map(Value::Text);
        }
        let word = self.word();
        match word.parse() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) if word.is_empty() => self.fail("a value is missing"),
            Err(_) => Ok(Value::Other),
        }
    }

    /// The text until the closing quote; a backslash takes the meaning from what follows.
    fn quoted(&mut self) -> Result<String, TextError> {
        let mut text = String::new();
        let mut is_escaped = false;
        for c in self.rest().chars() {
            self.at = self.at.saturating_add(c.len_utf8());
            match c {
                '\\' if !is_escaped => is_escaped = true,
                '"' if !is_escaped => return Ok(text),
                c => {
                    text.push(c);
                    is_escaped = false;
                }
            }
        }
        self.fail("a text does not end")
    }

    /// Letters, digits and the other signs of names and numbers.
    fn word(&mut self) -> &'a str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-+./@:".contains(c);
        let rest = self.rest();
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at = self.at.saturating_add(end);
        rest.get(..end).unwrap_or_default()
    }

    /// White space, comments, and the zeros behind the end.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let is_space = |c: char| c.is_ascii_whitespace() || c == '\0';
            let trimmed = rest.trim_start_matches(is_space);
            let comment = match trimmed.starts_with('#') {
                true => trimmed.find('\n').unwrap_or(trimmed.len()),
                false => 0,
            };
            let space = rest.len().saturating_sub(trimmed.len());
            self.at = self.at.saturating_add(space).saturating_add(comment);
            if comment == 0 {
                return;
            }
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, sign: char) -> bool {
        let is_there = self.rest().starts_with(sign);
        if is_there {
            self.at = self.at.saturating_add(sign.len_utf8());
        }
        is_there
    }

    fn count(&mut self) -> Result<(), TextError> {
        self.values = self.values.saturating_add(1);
        match self.values > MAX_VALUES {
            true => self.fail("too many values"),
            false => Ok(()),
        }
    }

    fn fail<T>(&self, reason: &'static str) -> Result<T, TextError> {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        Err(TextError { line, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_lvm_writes() {
        let text = "# Generated\nvg {\n\tid = \"a-b\"\n\tseqno = 12\t# comment\n\tstatus = [\"READ\", \"WRITE\"]\n\
                    \tflags = []\n\tlist = [ \"pv0\", 3,\n \"pv1\", 4 ]\n\ts { n = -1 f = 1.5 }\n}\n\
                    description = \"say \\\"x\\\\\"\n\0\0";
        let whole = Section::parse(text).unwrap();
        assert_eq!(whole.text("description"), Some("say \"x\\"));
        let (name, vg) = whole.sections().next().unwrap();
        assert_eq!(name, "vg");
        assert_eq!(vg.text("id"), Some("a-b"));
        assert_eq!(vg.number("seqno"), Some(12));
        assert!(vg.has("status", "WRITE") && !vg.has("status", "X") && !vg.has("none", "X"));
        assert_eq!(vg.list("flags"), []);
        let expected = [Value::Text("pv0".to_owned()), Value::Number(3)];
        assert_eq!(vg.list("list")[..2], expected);
        assert_eq!(vg.section("s").unwrap().number("n"), None);
        assert_eq!(vg.number("id"), None);
    }

    #[test]
    fn what_is_broken_says_where() {
        for (text, expected) in [
            ("a", "line 1: a field has no value"),
            ("\n\n= 1", "line 3: a name is missing"),
            ("a {\nb = 1\n", "line 3: a section does not end"),
            ("}", "line 1: a name is missing"),
            ("a = [1 2]", "line 1: a list does not end"),
            ("a = [1,", "line 1: a value is missing"),
            ("a = \"x", "line 1: a text does not end"),
            ("a = ;", "line 1: a value is missing"),
        ] {
            let error = Section::parse(text).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text:?}");
        }
        let deep = "a {".repeat(100_000);
        assert_eq!(
            Section::parse(&deep).unwrap_err().reason,
            "too many sections in each other"
        );
        let long = format!("a = [{}]", "1,".repeat(MAX_VALUES));
        assert_eq!(Section::parse(&long).unwrap_err().reason, "too many values");
    }

    proptest! {
        #[test]
        fn any_text_comes_to_an_end(text in "[a\\[\\]{}=,\"\\\\# \n0é]{0,60}") {
            let _ = Section::parse(&text);
        }
    }
}
