//! What a TOML file says, each value with its place: [`read`] makes [`Table`]s of the events that `toml_parser` finds.
//!
//! Numbers with a fraction stay the digits that were written: what they count is times, which need no floating
//! point, and its tables are larger than all of this.

mod builder;
mod table;

use std::fmt::Write;

use toml_parser::parser::{RecursionGuard, parse_document};
use toml_parser::{Expected, ParseError, Source, Span};

use builder::Builder;
pub(super) use table::{Data, Key, Table, Value};

/// No policy nests lists and tables deeper.
const MAX_DEPTH: u32 = 16;

/// What a text that is no TOML is told: where, and what is wrong there.
pub(super) type Wrong = (Span, String);

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Table, Wrong> {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut builder = Builder::new(source);
    let mut error: Option<ParseError> = None;
    let mut guard = RecursionGuard::new(&mut builder, MAX_DEPTH);
    parse_document(&tokens, &mut guard, &mut error);
    match error {
        Some(error) => Err(wrong(&error)),
        None => Ok(builder.finish()),
    }
}

fn wrong(error: &ParseError) -> Wrong {
    let mut text = error.description().to_owned();
    let expected = error.expected().unwrap_or_default();
    for (place, expected) in expected.iter().enumerate() {
        text.push_str(if place == 0 { ": expected " } else { " or " });
        // Writing to a string does not fail.
        let _ = match expected {
            Expected::Literal(literal) => write!(text, "`{literal}`"),
            Expected::Description(what) => write!(text, "{what}"),
            _ => Ok(()),
        };
    }
    let span = error.unexpected().or(error.context());
    (span.unwrap_or_default(), text)
}

#[cfg(test)]
mod tests;
