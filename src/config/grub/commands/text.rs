//! `echo`, and `test` with its other name `[`.

use super::{Call, Table};
use crate::config::grub::failure::{Failure, Outcome};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::number;
use crate::config::grub::options::{self, Spec, Style, Value};
use crate::fs::{FileKind, FsPath};

pub(super) const TABLE: Table = &[("echo", echo), ("test", test), ("[", test)];

const ECHO_OPTIONS: [Spec; 2] = [
    Spec {
        short: 'n',
        long: "",
        value: Value::None,
    },
    Spec {
        short: 'e',
        long: "",
        value: Value::None,
    },
];

fn echo(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&ECHO_OPTIONS, Style::OptionsFirst, call.arguments)?;
    let mut newline = !given.has_short('n');
    let mut text = String::new();
    for (i, argument) in given.arguments.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        match given.has_short('e') {
            true => unescape(argument, &mut text, &mut newline),
            false => text.push_str(argument),
        }
    }
    if newline {
        text.push('\n');
    }
    state.print(&text);
    Ok(())
}

/// The escapes of `echo -e`; others vanish.
fn unescape(argument: &str, text: &mut String, newline: &mut bool) {
    let mut chars = argument.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('\\') => text.push('\\'),
            Some('a') => text.push('\u{7}'),
            Some('c') => *newline = false,
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('v') => text.push('\u{b}'),
            _ => {}
        }
    }
}

fn test(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let arguments = match call.arguments {
        [arguments @ .., last] if last == "]" => arguments,
        arguments => arguments,
    };
    let mut expression = Expression {
        state,
        rest: arguments,
        failure: None,
    };
    let value = expression.value(0);
    let failure = expression.failure.take();
    if !value {
        return Err(Failure::falsehood());
    }
    // What could not be read is reported, and the test holds all the same.
    state.complaint = failure;
    Ok(())
}

/// Parentheses in each other beyond this are false.
const MAX_DEPTH: usize = 32;

/// An expression of `test`, evaluated from left to right as `grub-core/commands/test.c` does it.
struct Expression<'e, 'a> {
    state: &'e Interpreter<'a>,
    rest: &'e [String],
    failure: Option<Failure>,
}

/// What `test` sees of a file.
#[derive(Clone, Copy, Default)]
struct FileInfo {
    exists: bool,
    is_directory: bool,
    modified: Option<i64>,
}

impl Expression<'_, '_> {
    fn value(&mut self, depth: usize) -> bool {
        let (mut or, mut and, mut invert) = (false, true, false);
        while let Some((first, after)) = self.rest.split_first() {
            let value = if let Some((value, rest)) = self.binary().or_else(|| self.unary()) {
                self.rest = rest;
                value
            } else {
                self.rest = after;
                match first.as_str() {
                    ")" => return or || and,
                    "(" if depth < MAX_DEPTH => self.value(depth.saturating_add(1)),
                    "!" => {
                        invert = !invert;
                        continue;
                    }
                    "-a" => continue,
                    "-o" => {
                        or = or || and;
                        and = true;
                        continue;
                    }
                    text => !text.is_empty(),
                }
            };
            and = and && value != invert;
            invert = false;
        }
        or || and
    }

    /// Three arguments with an operator in their middle.
    fn binary<'e>(&mut self) -> Option<(bool, &'e [String])>
    where
        Self: 'e,
    {
        let [a, operator, b, rest @ ..] = self.rest else {
            return None;
        };
        let value = match operator.as_str() {
            "=" | "==" => a == b,
            "!=" => a != b,
            "<" => a < b,
            "<=" => a <= b,
            ">" => a > b,
            ">=" => a >= b,
            "-eq" => self.number(a) == self.number(b),
            "-ne" => self.number(a) != self.number(b),
            "-lt" => self.number(a) < self.number(b),
            "-le" => self.number(a) <= self.number(b),
            "-gt" => self.number(a) > self.number(b),
            "-ge" => self.number(a) >= self.number(b),
            "-pgt" => {
                let (a, b) = without_common_prefix(a, b);
                self.unsigned(a) > self.unsigned(b)
            }
            "-plt" => {
                let (a, b) = without_common_prefix(a, b);
                self.unsigned(a) < self.unsigned(b)
            }
            _ => {
                let (newer, bias) = match operator.strip_prefix("-nt") {
                    Some(bias) => (true, bias),
                    None => (false, operator.strip_prefix("-ot")?),
                };
                let (first, second) = (self.info(a), self.info(b));
                let bias = match bias {
                    "" => 0,
                    bias => self.number(bias),
                };
                let times = first.modified.zip(second.modified);
                let (one, other) = match newer {
                    true => (first, second),
                    false => (second, first),
                };
                (one.exists && !other.exists)
                    || times.is_some_and(|(a, b)| match newer {
                        true => a.saturating_add(bias) > b,
                        false => a.saturating_add(bias) < b,
                    })
            }
        };
        Some((value, rest))
    }

    /// Two arguments, of which the first is an operator.
    fn unary<'e>(&mut self) -> Option<(bool, &'e [String])>
    where
        Self: 'e,
    {
        let [operator, a, rest @ ..] = self.rest else {
            return None;
        };
        let value = match operator.as_str() {
            "-d" => {
                let info = self.info(a);
                info.exists && info.is_directory
            }
            "-e" => self.info(a).exists,
            "-f" => {
                let info = self.info(a);
                info.exists && !info.is_directory
            }
            "-s" => self.is_not_empty(a),
            "-n" => !a.is_empty(),
            "-z" => a.is_empty(),
            _ => return None,
        };
        Some((value, rest))
    }

    fn unsigned(&mut self, text: &str) -> u64 {
        if let Err(failure) = number::parse(text, 0) {
            self.failure = Some(failure);
        }
        number::value(text)
    }

    fn number(&mut self, text: &str) -> i64 {
        if let Err(failure) = number::parse(text.strip_prefix('-').unwrap_or(text), 0) {
            self.failure = Some(failure);
        }
        number::signed(text)
    }

    /// The file as its directory lists it: a link is no directory, wherever it leads.
    fn info(&self, name: &str) -> FileInfo {
        self.find(name).unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<FileInfo> {
        let state = self.state;
        state.budget.file().ok()?;
        // Without a slash at its beginning it is still a path from the root.
        let (device, path) = match name.find(')').and_then(|at| at.checked_add(1)) {
            Some(end) if name.starts_with('(') => name.split_at_checked(end)?,
            _ => ("", name),
        };
        let full = format!("{device}/{}", path.trim_matches('/'));
        let root = state.variables.get("root");
        let file = state.devices.locate(&full, root).ok()?;
        let filesystem = state.devices.filesystem(file.volume).ok()?;
        if file.path == FsPath::root() {
            return Some(FileInfo {
                exists: true,
                is_directory: true,
                modified: None,
            });
        }
        let metadata = filesystem.metadata(&file.path);
        let kind = match &metadata {
            Ok(metadata) if metadata.kind != FileKind::Directory => metadata.kind,
            // A directory, or a link to one, or one that leads nowhere.
            _ => {
                let entries = filesystem.read_dir(&file.path.parent()?).ok()?;
                state.budget.work(entries.len().saturating_mul(16));
                let own = file.path.file_name();
                entries.iter().find(|entry| entry.name == own).map_or_else(
                    || metadata.as_ref().ok().map(|metadata| metadata.kind),
                    |entry| Some(entry.kind),
                )?
            }
        };
        Some(FileInfo {
            exists: true,
            is_directory: kind == FileKind::Directory,
            modified: metadata.ok().and_then(|metadata| metadata.modified),
        })
    }

    fn is_not_empty(&self, name: &str) -> bool {
        let state = self.state;
        let root = state.variables.get("root");
        let file = state.devices.locate(name, root).ok();
        let file = file.filter(|_| state.budget.file().is_ok());
        file.is_some_and(|file| {
            let filesystem = state.devices.filesystem(file.volume).ok();
            let opened = filesystem.and_then(|filesystem| filesystem.open(&file.path).ok());
            opened.is_some_and(|opened| opened.size() != 0)
        })
    }
}

/// Two texts from the first difference on, with the digits before it.
fn without_common_prefix<'t>(a: &'t str, b: &'t str) -> (&'t str, &'t str) {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let mut at = same.saturating_sub(1);
    while at > 0 && a.as_bytes().get(at).is_some_and(u8::is_ascii_digit) {
        at = at.saturating_sub(1);
    }
    let at = match same {
        0 => 0,
        _ => at.saturating_add(1),
    };
    let from = |text: &'t str| text.get(at..).unwrap_or_default();
    (from(a), from(b))
}
