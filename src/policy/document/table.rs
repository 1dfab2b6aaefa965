//! [`Table`], [`Value`] and [`Key`]: what a TOML file consists of.

use toml_parser::Span;

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Key {
    pub(in crate::policy) name: String,
    pub(in crate::policy) span: Span,
}

/// A value and where it stands; of a table that is its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Value {
    pub(in crate::policy) data: Data,
    pub(in crate::policy) span: Span,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Data {
    Text(String),
    Boolean(bool),
    Integer(i64),
    /// Its digits as they were written, with sign, point and exponent.
    Float(String),
    /// A day or a time of day, which means nothing in a policy.
    Date,
    List(Vec<Value>),
    Table(Table),
}

/// Values by their names, in the order of the file. No name is there twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Table {
    entries: Vec<(Key, Value)>,
    /// What of the file made it, on which depends what may still be added.
    pub(super) made: Made,
}

/// How a table came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// By the header of a table inside of it. Its own header may follow.
    Implied,
    /// By its header.
    Header,
    /// By a key with dots. More of such keys may follow, and headers of tables inside of it.
    Dots,
    /// Between braces. Nothing may follow.
    Braces,
}

impl Data {
    /// What TOML calls it.
    pub(in crate::policy) fn name(&self) -> &'static str {
        match self {
            Data::Text(_) => "string",
            Data::Boolean(_) => "boolean",
            Data::Integer(_) => "integer",
            Data::Float(_) => "float",
            Data::Date => "datetime",
            Data::List(_) => "array",
            Data::Table(_) => "table",
        }
    }

    pub(in crate::policy) fn text(&self) -> Option<&str> {
        match self {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The table that a header with more names after this one leads through: of a list it is the last.
    pub(super) fn section(&mut self) -> Option<&mut Table> {
        let table = match self {
            Data::Table(table) => Some(table),
            Data::List(list) => match list.last_mut() {
                Some(Value {
                    data: Data::Table(table),
                    ..
                }) => Some(table),
                _ => None,
            },
            _ => None,
        };
        table.filter(|table| table.made != Made::Braces)
    }
}

impl Table {
    pub(super) fn new(made: Made) -> Table {
        Table {
            entries: Vec::new(),
            made,
        }
    }

    pub(in crate::policy) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.entries.iter().find(|(key, _)| key.name == name);
        found.map(|(_, value)| value)
    }

    pub(in crate::policy) fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.entries.iter().position(|(key, _)| key.name == name)?;
        Some(self.entries.remove(place).1)
    }

    /// Takes all values.
    pub(in crate::policy) fn take(&mut self) -> Vec<(Key, Value)> {
        std::mem::take(&mut self.entries)
    }

    pub(in crate::policy) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let found = self.entries.iter_mut().find(|(key, _)| key.name == name);
        found.map(|(_, value)| value)
    }

    /// Adds a value whose name is not there yet.
    pub(super) fn add(&mut self, key: Key, value: Value) {
        self.entries.push((key, value));
    }
}

impl IntoIterator for Table {
    type Item = (Key, Value);
    type IntoIter = std::vec::IntoIter<(Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
