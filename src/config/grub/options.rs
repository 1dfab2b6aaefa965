//! Options of commands (`grub-core/lib/arg.c`).

use super::failure::{BAD_ARGUMENT, Outcome, fail};

/// An option that a command knows.
pub(super) struct Spec {
    /// `-f`, or `\0`
    pub(super) short: char,
    /// `--file`, or empty.
    pub(super) long: &'static str,
    pub(super) value: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    None,
    Optional,
    Required,
}

/// How a command wants unknown things to be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Options that are not known are errors.
    Strict,
    /// They are arguments.
    AcceptDash,
    /// They are arguments, and behind the first argument everything is one.
    OptionsFirst,
}

/// What was given.
pub(super) struct Given<'a> {
    options: Vec<(&'static str, char, Option<&'a str>)>,
    pub(super) arguments: Vec<&'a str>,
}

impl<'a> Given<'a> {
    /// Was it given, by its long name?
    pub(super) fn has(&self, long: &str) -> bool {
        self.options.iter().any(|(name, ..)| *name == long)
    }

    /// Was it given, by its letter?
    pub(super) fn has_short(&self, short: char) -> bool {
        self.options.iter().any(|(_, letter, _)| *letter == short)
    }

    /// Its value; of several the last.
    pub(super) fn value(&self, long: &str) -> Option<&'a str> {
        let mut found = self.options.iter().rev().filter(|(name, ..)| *name == long);
        found.next().and_then(|(.., value)| *value)
    }

    /// All values of an option that may be repeated.
    pub(super) fn values(&self, long: &str) -> Vec<&'a str> {
        let found = self.options.iter().filter(|(name, ..)| *name == long);
        found.filter_map(|(.., value)| *value).collect()
    }
}

pub(super) fn parse<'a>(specs: &[Spec], style: Style, words: &'a [String]) -> Outcome<Given<'a>> {
    let mut given = Given {
        options: Vec::new(),
        arguments: Vec::new(),
    };
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let behind = style == Style::OptionsFirst && !given.arguments.is_empty();
        if behind || !word.starts_with('-') || word.len() == 1 {
            given.arguments.push(word);
            continue;
        }
        if word == "--" {
            given.arguments.extend(words);
            break;
        }
        let known_short = |letter: char| specs.iter().find(|spec| spec.short == letter);
        let (spec, value) = if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            match specs
                .iter()
                .find(|spec| !name.is_empty() && spec.long == name)
            {
                None if style != Style::Strict => {
                    given.arguments.push(word);
                    continue;
                }
                None => return fail(BAD_ARGUMENT, format!("unknown argument `{word}'")),
                Some(spec) => {
                    let next = |next: &&str| spec.value != Value::None && !next.starts_with('-');
                    (spec, value.or_else(|| words.next_if(next)))
                }
            }
        } else {
            let letters = word.get(1..).unwrap_or_default();
            if style != Style::Strict && letters.chars().any(|c| known_short(c).is_none()) {
                given.arguments.push(word);
                continue;
            }
            let Some(last) = letters.chars().next_back() else {
                continue;
            };
            for letter in letters.chars() {
                let Some(spec) = known_short(letter) else {
                    return fail(BAD_ARGUMENT, format!("unknown argument `-{letter}'"));
                };
                let is_last = letter == last;
                if !is_last && spec.value == Value::Required {
                    let text = format!("missing mandatory option for `{}'", spec.long);
                    return fail(BAD_ARGUMENT, text);
                }
                if !is_last {
                    given.options.push((spec.long, spec.short, None));
                }
            }
            let Some(spec) = known_short(last) else {
                continue;
            };
            let next = |next: &&str| match spec.value {
                Value::None => false,
                Value::Required => true,
                Value::Optional => next.len() < 2 || !next.starts_with('-'),
            };
            (spec, words.next_if(next))
        };
        if spec.value == Value::Required && value.is_none() {
            let text = format!("missing mandatory option for `{}'", spec.long);
            return fail(BAD_ARGUMENT, text);
        }
        let value = value.filter(|_| spec.value != Value::None);
        given.options.push((spec.long, spec.short, value));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: [Spec; 4] = [
        Spec {
            short: 'f',
            long: "file",
            value: Value::None,
        },
        Spec {
            short: 's',
            long: "set",
            value: Value::Optional,
        },
        Spec {
            short: 'h',
            long: "hint",
            value: Value::Required,
        },
        Spec {
            short: '\0',
            long: "id",
            value: Value::Required,
        },
    ];

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_and_arguments() {
        let line = words("a --set=root -f --hint x --hint=y - --unknown -fs b -- --file");
        let given = parse(&SPECS, Style::AcceptDash, &line).unwrap_or_else(|_| panic!());
        assert_eq!(given.arguments, ["a", "-", "--unknown", "--file"]);
        assert!(given.has("file") && given.has_short('f'));
        assert_eq!(given.values("hint"), ["x", "y"]);
        assert_eq!(given.value("set"), Some("b"));
        let line = words("--set --file x");
        let given = parse(&SPECS, Style::Strict, &line).unwrap_or_else(|_| panic!());
        assert_eq!((given.has("set"), given.value("set")), (true, None));
        assert_eq!(given.arguments, ["x"]);
    }

    #[test]
    fn mistakes() {
        for line in ["--unknown", "-x", "--id", "-hf x", "--hint"] {
            assert!(
                parse(&SPECS, Style::Strict, &words(line)).is_err(),
                "{line}"
            );
        }
        let line = words("x -f");
        let given = parse(&SPECS, Style::OptionsFirst, &line).unwrap_or_else(|_| panic!());
        assert_eq!(given.arguments, ["x", "-f"]);
    }
}
