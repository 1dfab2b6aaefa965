//! [`Settings`]: files of assignments that are made for a shell, read without one (`os-release`,
//! `/etc/default/grub`).

/// Longer values are not known: variables can double each other.
const MAX_VALUE: usize = 4096;

/// Further names are passed over.
const MAX_NAMES: usize = 256;

/// The values that assignments leave behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `None` is a value that only a shell could tell.
    values: Vec<(String, Option<String>)>,
    /// Is there anything else than assignments?
    pub has_commands: bool,
}

impl Settings {
    /// Reads another file: what is set already can be used in it. Nothing is executed. Commands are passed
    /// over, and assignments between them are taken as if they were reached.
    pub fn read(&mut self, text: &str) {
        let mut rest = text;
        while let Some(next) = self.statement(rest) {
            rest = next;
        }
    }

    /// The value of `name`: nothing if it is not set.
    ///
    /// # Errors
    /// It is computed by a command, or too long.
    pub fn get(&self, name: &str) -> Result<&str, Unknown> {
        match self.values.iter().find(|(known, _)| known == name) {
            None => Ok(""),
            Some((_, value)) => value.as_deref().ok_or(Unknown),
        }
    }

    /// Reads a statement and says what follows it; `None` at the end.
    fn statement<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';');
        if text.is_empty() {
            return None;
        }
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
        let is_name = name.starts_with(|c: char| !c.is_ascii_digit());
        if matches!(name, "export" | "readonly") && rest.starts_with([' ', '\t']) {
            return Some(rest);
        }
        let (adds, assigned) = match rest.strip_prefix("+=") {
            Some(assigned) => (true, Some(assigned)),
            None => (false, rest.strip_prefix('=')),
        };
        let Some(assigned) = assigned.filter(|_| is_name) else {
            self.has_commands |= !text.starts_with('#');
            return Some(text.split_once('\n').map_or("", |(_, next)| next));
        };
        let (value, rest) = self.value(assigned);
        let before = adds.then(|| self.get(name).map(str::to_owned));
        let value = match (before.transpose(), value) {
            (Ok(before), Some(value)) => Some(before.unwrap_or_default() + &value),
            _ => None,
        };
        let value = value.filter(|value| value.len() <= MAX_VALUE);
        // The last one counts.
        self.values.retain(|(known, _)| known != name);
        if self.values.len() < MAX_NAMES {
            self.values.push((name.to_owned(), value));
        }
        Some(rest)
    }

    /// The word that is assigned, and what follows it.
    fn value<'t>(&self, text: &'t str) -> (Option<String>, &'t str) {
        let mut value = Value(Some(String::new()));
        let mut quote = None;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let after = rest.get(c.len_utf8()..).unwrap_or_default();
            match (c, quote) {
                ('\'' | '"', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                ('\\', None | Some('"')) => {
                    let escaped = after.chars().next();
                    let kept = escaped
                        .filter(|c| quote.is_none() || matches!(c, '$' | '`' | '"' | '\\' | '\n'));
                    match kept {
                        // The line goes on.
                        Some('\n') => {}
                        Some(kept) => value.push(kept.encode_utf8(&mut [0; 4])),
                        None => value.push("\\"),
                    }
                    let length = kept.map_or(0, char::len_utf8);
                    rest = after.get(length..).unwrap_or_default();
                    continue;
                }
                ('`', None | Some('"')) => value.0 = None,
                ('$', None | Some('"')) => {
                    let (name, next) = variable(after);
                    match name.map(|name| self.get(name)) {
                        Some(Ok(known)) => value.push(known),
                        // `$(…)`, `${x:-y}`, `$1`
                        Some(Err(Unknown)) | None => value.0 = None,
                    }
                    rest = next;
                    continue;
                }
                (c, None) if c.is_ascii_whitespace() || matches!(c, ';' | '&' | '|') => break,
                (c, _) => value.push(c.encode_utf8(&mut [0; 4])),
            }
            rest = after;
        }
        (value.0, rest)
    }
}

/// A value that is being put together; `None` once nobody but a shell could tell it.
struct Value(Option<String>);

impl Value {
    /// It is called from many places, and small only if it is there once.
    #[inline(never)]
    fn push(&mut self, text: &str) {
        let fits = |value: &String| value.len().saturating_add(text.len()) <= MAX_VALUE;
        self.0 = self.0.take().filter(fits).map(|value| value + text);
    }
}

/// Only a shell could tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

/// The name behind a `$`, if it is no more than a name, and what follows it.
fn variable(text: &str) -> (Option<&str>, &str) {
    let (inner, braced) = match text.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (name, rest) = inner
        .split_at_checked(end.unwrap_or(inner.len()))
        .unwrap_or_default();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = match braced {
        true => rest.strip_prefix('}'),
        false => Some(rest),
    };
    match rest.filter(|_| is_name) {
        Some(rest) => (Some(name), rest),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Settings {
        let mut settings = Settings::default();
        settings.read(text);
        settings
    }

    #[test]
    fn quotes_as_a_shell_has_them() {
        for (text, value) in [
            ("A=b", Ok("b")),
            ("A=", Ok("")),
            ("A=b # c", Ok("b")),
            ("A=b#c", Ok("b#c")),
            ("A='b c' d", Ok("b c")),
            ("A=\"b 'c' \\\"d\\\" \\e\"", Ok("b 'c' \"d\" \\e")),
            ("A=b\\ c'd\\e'\"f\"", Ok("b cd\\ef")),
            ("A=\"b \\\nc\"", Ok("b c")),
            ("A=\"b\nc\"", Ok("b\nc")),
            ("X=1; A=\"$X ${X}2 $Y\"", Ok("1 12 ")),
            ("A=b\nA+=\" c\"", Ok("b c")),
            ("export A=b", Ok("b")),
            ("A=$(rm -rf /)", Err(Unknown)),
            ("A=\"`reboot`\"", Err(Unknown)),
            ("A=${B:-c}", Err(Unknown)),
            ("A='$(x)'", Ok("$(x)")),
            ("B=$(x)\nA=\"$B\"", Err(Unknown)),
            ("A=\"b", Ok("b")),
            ("#A=b", Ok("")),
            ("if x; then\n\tA=b\nfi", Ok("b")),
        ] {
            assert_eq!(read(text).get("A"), value, "{text}");
        }
        assert!(read("if x\n").has_commands);
        assert!(!read("# x\nA=b # c\n").has_commands);
    }

    #[test]
    fn values_do_not_grow_without_bound() {
        let text = "A=xxxxxxxx\n".to_owned() + &"A=\"$A$A\"\n".repeat(60);
        assert_eq!(read(&text).get("A"), Err(Unknown));
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "[A-C=+\"'\\\\$`{}()# ;\n]{0,60}") {
            let settings = read(&text);
            prop_assert!(settings.get("A").map_or(0, str::len) <= MAX_VALUE);
        }
    }
}
