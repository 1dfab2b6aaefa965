//! From words to arguments: variables, word splitting and wildcards
//! (`grub_script_arglist_to_argv` in `grub-core/script/execute.c`).
//!
//! Until wildcards were looked at, an argument is a pattern: `\` escapes the next character.

use super::limits::MAX_ARGUMENTS;
use super::syntax::{Part, Word};
use super::variables::Variables;

/// What words are replaced with.
pub(super) struct Values<'a> {
    /// The variables.
    pub(super) variables: &'a Variables,
    /// `$1` and further ones; `None` outside of functions and entries.
    pub(super) parameters: Option<&'a [String]>,
}

/// What an argument counts besides its text.
const ARGUMENT: usize = 32;

/// Replaces variables, and gives patterns; `None` when they would be too long.
pub(super) fn expand(words: &[Word], values: &Values<'_>) -> Option<Vec<String>> {
    let mut arguments = Arguments::default();
    for Word(parts) in words {
        arguments.next();
        for part in parts {
            match part {
                Part::Text(text) => arguments.append(text),
                Part::Quoted(text) => arguments.append(&escape(text)),
                Part::Translated(text) => arguments.append(&escape(&values.translate(text))),
                Part::Variable { name, quoted } => values.append(name, *quoted, &mut arguments),
            }
        }
    }
    arguments.finish()
}

/// Variables that may well not be set: those who write the configuration know that, and mean nothing then.
const EMPTY_BY_DESIGN: [&str; 6] = [
    // Ubuntu: set where the screen is handed over.
    "vt_handoff",
    // openSUSE: set by the menu of snapshots.
    "extra_cmdline",
    // Fedora and RHEL: what `tuned` adds.
    "tuned_params",
    "tuned_initrd",
    // Fedora CoreOS: set at the first boot.
    "ignition_firstboot",
    // Live media: set where they are started from a file.
    "iso_path",
];

/// Should somebody know that this variable is not set?
pub(super) fn is_missed(name: &str) -> bool {
    !EMPTY_BY_DESIGN.contains(&name)
}

/// What is said of such a variable.
pub(super) fn is_unset(name: &str) -> String {
    format!("the variable `{name}' is not set, and vanishes")
}

/// The variables in words that are not set and are missed, in the order of the words.
pub(super) fn unset<'w>(words: &'w [Word], values: &Values<'_>) -> Vec<&'w str> {
    let parts = words.iter().flat_map(|Word(parts)| parts);
    let names = parts.filter_map(|part| match part {
        Part::Variable { name, .. } => Some(name.as_str()),
        _ => None,
    });
    names
        .filter(|name| is_missed(name) && values.is_unset(name))
        .collect()
}

/// Arguments that are being put together. One to which nothing was added is none: a variable that is not
/// set vanishes, and an empty string in quotes does not.
#[derive(Default)]
struct Arguments {
    list: Vec<Option<String>>,
    /// Bytes that they take, or would if there were no limit.
    size: usize,
}

impl Arguments {
    fn next(&mut self) {
        if !matches!(self.list.last(), Some(None)) && self.has_room(ARGUMENT) {
            self.list.push(None);
        }
    }

    fn append(&mut self, text: &str) {
        if self.has_room(text.len())
            && let Some(last) = self.list.last_mut()
        {
            last.get_or_insert_default().push_str(text);
        }
    }

    fn has_room(&mut self, more: usize) -> bool {
        self.size = self.size.saturating_add(more);
        self.size <= MAX_ARGUMENTS
    }

    /// Adds the words of a value.
    fn split(&mut self, value: &str) {
        for (i, word) in value.split(is_space).filter(|w| !w.is_empty()).enumerate() {
            if i > 0 {
                self.next();
            }
            self.append(&escape_value(word));
        }
    }

    fn finish(self) -> Option<Vec<String>> {
        let arguments = self.list.into_iter().map_while(|argument| argument);
        (self.size <= MAX_ARGUMENTS).then(|| arguments.collect())
    }
}

impl Values<'_> {
    fn is_unset(&self, name: &str) -> bool {
        if name.starts_with(['#', '*', '@']) {
            return false;
        }
        match name.parse::<usize>() {
            Ok(number) => self.parameter(number).is_none(),
            Err(_) => self.variables.get(name).is_none(),
        }
    }

    fn parameter(&self, number: usize) -> Option<&String> {
        self.parameters?.get(number.checked_sub(1)?)
    }

    fn append(&self, name: &str, quoted: bool, arguments: &mut Arguments) {
        let mut add = |value: &str| match quoted {
            true => arguments.append(&escape(value)),
            false => arguments.split(value),
        };
        let special = name.starts_with(|c: char| c.is_ascii_digit() || "#*@".contains(c));
        if !special {
            if let Some(value) = self.variables.get(name).filter(|value| !value.is_empty()) {
                add(value);
            }
            return;
        }
        let Some(parameters) = self.parameters else {
            return;
        };
        match name {
            "#" => add(&parameters.len().to_string()),
            "*" if quoted => {
                if !parameters.is_empty() {
                    add(&parameters.join(" "));
                }
            }
            "*" | "@" => {
                for (i, parameter) in parameters.iter().enumerate() {
                    if i > 0 {
                        arguments.next();
                    }
                    match quoted {
                        true => arguments.append(&escape(parameter)),
                        false => arguments.split(parameter),
                    }
                }
            }
            number => {
                let number = number.parse().unwrap_or_default();
                if let Some(parameter) = self.parameter(number) {
                    add(parameter);
                }
            }
        }
    }

    /// A string of `$"…"`: there is no translation, and only some variables are replaced.
    fn translate(&self, text: &str) -> String {
        let mut result = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let after = rest.get(first.len_utf8()..).unwrap_or_default();
            rest = match first {
                '\\' if after.starts_with(['\\', '$']) => {
                    result.extend(after.chars().next());
                    after.get(1..).unwrap_or_default()
                }
                '$' => match translated_variable(after) {
                    Some((name, rest)) => {
                        result.push_str(&self.plain(name));
                        rest
                    }
                    None => {
                        result.push('$');
                        after
                    }
                },
                other => {
                    result.push(other);
                    after
                }
            };
        }
        result
    }

    fn plain(&self, name: &str) -> String {
        match (name, self.parameters) {
            ("#", Some(parameters)) => parameters.len().to_string(),
            _ => self.variables.get(name).unwrap_or_default().to_owned(),
        }
    }
}

/// The name behind a `$`, and what follows it.
fn translated_variable(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix('{') {
        return inside.split_once('}');
    }
    let first = text.chars().next()?;
    let length = match first {
        '?' | '#' => 1,
        '0'..='9' => digits(text),
        'a'..='z' | 'A'..='Z' | '_' => {
            let other = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            text.find(other).unwrap_or(text.len())
        }
        _ => return None,
    };
    text.split_at_checked(length)
}

fn digits(text: &str) -> usize {
    let other = |c: char| !c.is_ascii_digit();
    text.find(other).unwrap_or(text.len())
}

/// What `grub_isspace` takes for white space.
fn is_space(c: char) -> bool {
    matches!(c, '\n' | '\r' | ' ' | '\t')
}

/// Makes a text a pattern that means just this text.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Of a value that is not quoted the wildcards count, unless they are escaped in it.
fn escape_value(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' {
            escaped.push('\\');
            if matches!(chars.peek(), Some('?' | '*')) {
                escaped.push('\\');
            }
        }
        escaped.push(c);
    }
    escaped
}

/// What a pattern without wildcards means.
pub(super) fn unescape(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::source::Source;
    use super::super::syntax::{Command, Script};
    use super::*;
    use std::rc::Rc;

    fn arguments(text: &str, parameters: Option<&[&str]>) -> Vec<String> {
        let source = Source::of_string("x", None, text, 1);
        let script = Script::parse(&Rc::new(source), usize::MAX);
        let commands = script.units[0].commands.as_ref().unwrap();
        let Command::Simple(simple) = &commands[0] else {
            panic!("{commands:?}");
        };
        let mut variables = Variables::default();
        for (name, value) in [
            ("a", "1"),
            ("two", " x  y "),
            ("star", "*"),
            ("back", "\\*\\n"),
            ("empty", ""),
        ] {
            variables.set(name, value);
        }
        let parameters: Option<Vec<String>> =
            parameters.map(|p| p.iter().map(|p| (*p).to_owned()).collect());
        let values = Values {
            variables: &variables,
            parameters: parameters.as_deref(),
        };
        let patterns = expand(&simple.words, &values).unwrap();
        patterns.iter().map(|pattern| unescape(pattern)).collect()
    }

    #[test]
    fn unset_variables_vanish_and_empty_strings_stay() {
        for (text, expected) in [
            ("c $a", &["c", "1"][..]),
            ("c $unset", &["c"]),
            ("c $empty x", &["c", "x"]),
            ("c $unset x", &["c", "x"]),
            ("c \"$unset\" x", &["c", "", "x"]),
            ("c '' x", &["c", "", "x"]),
            ("c x$unset", &["c", "x"]),
            ("c $two", &["c", "x", "y"]),
            ("c a${two}b", &["c", "ax", "yb"]),
            ("c \"a${two}b\"", &["c", "a x  y b"]),
            ("c $back \"$back\"", &["c", "\\*\\n", "\\*\\n"]),
            ("$unset c", &["c"]),
            ("$unset $empty", &[]),
            ("c \\a\\\\b \\$a '\\'", &["c", "a\\b", "$a", "\\"]),
            (
                "c \"\\a\" $\"x $a ${a}y \\$a $ \\n\"",
                &["c", "\\a", "x 1 1y $a $ \\n"],
            ),
        ] {
            assert_eq!(arguments(text, None), expected, "{text}");
        }
    }

    #[test]
    fn parameters() {
        let parameters = Some(&["p q", "", "r"][..]);
        for (text, expected) in [
            ("c $1", &["c", "p", "q"][..]),
            ("c \"$1\"", &["c", "p q"]),
            ("c $# $4 $0", &["c", "3"]),
            ("c $@", &["c", "p", "q", "r"]),
            ("c \"$@\"", &["c", "p q", "", "r"]),
            ("c $*", &["c", "p", "q", "r"]),
            ("c \"$*\"", &["c", "p q  r"]),
            ("c x\"$@\"y", &["c", "xp q", "", "ry"]),
        ] {
            assert_eq!(arguments(text, parameters), expected, "{text}");
        }
        assert_eq!(arguments("c $# \"$@\" $1", None), ["c", ""]);
        assert_eq!(arguments("c \"$@\"", Some(&[])), ["c", ""]);
    }

    #[test]
    fn arguments_are_bounded() {
        let mut variables = Variables::default();
        variables.set("a", "x".repeat(MAX_ARGUMENTS / 2));
        let word = |name: &str| {
            let name = name.to_owned();
            Word(vec![Part::Variable { name, quoted: true }])
        };
        let many: Vec<String> = vec![String::new(); 20_000];
        let values = Values {
            variables: &variables,
            parameters: Some(&many),
        };
        assert!(expand(&[word("a")], &values).is_some());
        assert!(expand(&[word("a"), word("a"), word("a")], &values).is_none());
        assert!(expand(&[word("@")], &values).is_some());
        assert!(expand(&[word("@"), word("@")], &values).is_none());
    }
}
