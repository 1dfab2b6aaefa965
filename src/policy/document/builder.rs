//! [`Builder`]: from the events of a parser to tables, by the rules of TOML 1.0 on what may be defined where.

use std::mem;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::EventReceiver;
use toml_parser::{ErrorSink, ParseError, Raw, Source, Span};

use super::MAX_DEPTH;
use super::Wrong;
use super::table::{Data, Key, Made, Table, Value};

/// No table of a policy has more keys.
const MAX_KEYS: usize = 1024;

/// Puts values where they belong. The first error counts, and what comes after it does not.
pub(super) struct Builder<'i> {
    source: Source<'i>,
    root: Table,
    /// The names of the last header.
    header: Vec<Key>,
    /// Where that header begins.
    header_span: Span,
    /// The names before the value, or in the header, that is being read.
    names: Vec<Key>,
    /// The lists and inline tables that are being read, the outermost first.
    open: Vec<Open>,
}

/// A list or an inline table that is not closed yet.
struct Open {
    /// The names that it gets.
    names: Vec<Key>,
    value: Value,
}

impl<'i> Builder<'i> {
    pub(super) fn new(source: Source<'i>) -> Builder<'i> {
        Builder {
            source,
            root: Table::new(Made::Header),
            header: Vec::new(),
            header_span: Span::default(),
            names: Vec::new(),
            open: Vec::new(),
        }
    }

    /// All of the file, which was read to its end without an error.
    pub(super) fn finish(self) -> Table {
        self.root
    }

    /// The table of the last header is begun.
    fn begin(&mut self, is_list: bool) -> Result<(), Wrong> {
        let names = mem::take(&mut self.names);
        // After a wrong header its keys have no place; they are not told either.
        self.header = Vec::new();
        let Some((last, above)) = names.split_last() else {
            return Ok(());
        };
        let mut table = &mut self.root;
        for key in above {
            if table.get(&key.name).is_none() {
                add(table, key.clone(), implied(key, Made::Implied))?;
            }
            let inner = table.get_mut(&key.name);
            let inner = inner.and_then(|value| value.data.section());
            table = inner.ok_or_else(|| twice(key))?;
        }
        let value = Value {
            data: Data::Table(Table::new(Made::Header)),
            span: self.header_span,
        };
        match (table.get_mut(&last.name), is_list) {
            (None, false) => add(table, last.clone(), value)?,
            (None, true) => {
                let list = Value {
                    data: Data::List(vec![value]),
                    span: self.header_span,
                };
                add(table, last.clone(), list)?;
            }
            (Some(Value { data, span }), false) => match data.section() {
                Some(table) if table.made == Made::Implied => {
                    table.made = Made::Header;
                    *span = self.header_span;
                }
                _ => return Err(twice(last)),
            },
            (Some(Value { data, .. }), true) => {
                let is_section = data.section().is_some();
                match data {
                    Data::List(list) if is_section => list.push(value),
                    _ => return Err(twice(last)),
                }
            }
        }
        self.header = names;
        Ok(())
    }

    /// The table of the last header.
    fn section(&mut self) -> Option<&mut Table> {
        self.header.iter().try_fold(&mut self.root, |table, key| {
            table.get_mut(&key.name)?.data.section()
        })
    }

    /// A value is read, and gets the names before it.
    fn value(&mut self, value: Value) -> Result<(), Wrong> {
        let names = mem::take(&mut self.names);
        let table = match self.open.last_mut().map(|open| &mut open.value.data) {
            Some(Data::List(list)) => {
                list.push(value);
                return Ok(());
            }
            Some(Data::Table(table)) => Some(table),
            _ => self.section(),
        };
        table.map_or(Ok(()), |table| put(table, names, value))
    }

    fn open(&mut self, data: Data, span: Span) {
        let names = mem::take(&mut self.names);
        let value = Value { data, span };
        self.open.push(Open { names, value });
    }

    fn close(&mut self) -> Result<(), Wrong> {
        let Some(Open { names, value }) = self.open.pop() else {
            return Ok(());
        };
        self.names = names;
        self.value(value)
    }

    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Raw<'i> {
        let text = self.source.input().get(span.start()..span.end());
        Raw::new_unchecked(text.unwrap_or_default(), encoding, span)
    }

    fn key(&mut self, key: Key) -> Result<(), Wrong> {
        if self.names.len() >= MAX_DEPTH as usize {
            return Err((key.span, format!("more than {MAX_DEPTH} names with dots")));
        }
        self.names.push(key);
        Ok(())
    }
}

/// Adds a value under names with dots between them.
fn put(mut table: &mut Table, mut names: Vec<Key>, value: Value) -> Result<(), Wrong> {
    let Some(last) = names.pop() else {
        return Ok(());
    };
    for key in names {
        if table.get(&key.name).is_none() {
            add(table, key.clone(), implied(&key, Made::Dots))?;
        }
        table = match table.get_mut(&key.name).map(|value| &mut value.data) {
            Some(Data::Table(table)) if table.made == Made::Dots => table,
            _ => return Err(twice(&key)),
        };
    }
    add(table, last, value)
}

fn add(table: &mut Table, key: Key, value: Value) -> Result<(), Wrong> {
    if table.get(&key.name).is_some() {
        return Err(twice(&key));
    }
    if table.len() >= MAX_KEYS {
        return Err((key.span, format!("more than {MAX_KEYS} keys in one table")));
    }
    table.add(key, value);
    Ok(())
}

fn implied(key: &Key, made: Made) -> Value {
    Value {
        data: Data::Table(Table::new(made)),
        span: key.span,
    }
}

fn twice(key: &Key) -> Wrong {
    (key.span, format!("`{}` is there twice", key.name))
}

/// The value of what is neither a list nor a table.
fn scalar(kind: ScalarKind, text: String) -> Option<Data> {
    Some(match kind {
        ScalarKind::String => Data::Text(text),
        ScalarKind::Boolean(value) => Data::Boolean(value),
        ScalarKind::DateTime => Data::Date,
        ScalarKind::Float => Data::Float(text),
        ScalarKind::Integer(radix) => {
            Data::Integer(i64::from_str_radix(&text, radix.value()).ok()?)
        }
    })
}

fn report(result: Result<(), Wrong>, error: &mut dyn ErrorSink) {
    if let Err((span, text)) = result {
        error.report_error(ParseError::new(text).with_unexpected(span));
    }
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: Span, _error: &mut dyn ErrorSink) {
        self.header_span = span;
    }

    fn std_table_close(&mut self, _span: Span, error: &mut dyn ErrorSink) {
        report(self.begin(false), error);
    }

    fn array_table_open(&mut self, span: Span, _error: &mut dyn ErrorSink) {
        self.header_span = span;
    }

    fn array_table_close(&mut self, _span: Span, error: &mut dyn ErrorSink) {
        report(self.begin(true), error);
    }

    fn inline_table_open(&mut self, span: Span, _error: &mut dyn ErrorSink) -> bool {
        self.open(Data::Table(Table::new(Made::Braces)), span);
        true
    }

    fn inline_table_close(&mut self, _span: Span, error: &mut dyn ErrorSink) {
        report(self.close(), error);
    }

    fn array_open(&mut self, span: Span, _error: &mut dyn ErrorSink) -> bool {
        self.open(Data::List(Vec::new()), span);
        true
    }

    fn array_close(&mut self, _span: Span, error: &mut dyn ErrorSink) {
        report(self.close(), error);
    }

    fn simple_key(&mut self, span: Span, kind: Option<Encoding>, error: &mut dyn ErrorSink) {
        let mut name = String::new();
        self.raw(span, kind).decode_key(&mut name, error);
        report(self.key(Key { name, span }), error);
    }

    fn scalar(&mut self, span: Span, kind: Option<Encoding>, error: &mut dyn ErrorSink) {
        let mut text = String::new();
        let kind = self.raw(span, kind).decode_scalar(&mut text, error);
        let result = match scalar(kind, text) {
            Some(data) => self.value(Value { data, span }),
            None => Err((span, "the number is too large".to_owned())),
        };
        report(result, error);
    }

    fn comment(&mut self, span: Span, error: &mut dyn ErrorSink) {
        self.raw(span, None).decode_comment(error);
    }

    fn newline(&mut self, span: Span, error: &mut dyn ErrorSink) {
        self.raw(span, None).decode_newline(error);
    }
}
