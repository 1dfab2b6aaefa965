//! `os-release`, and the same form in `.profile`.

/// Values of assignments in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Assignments(Vec<(String, String)>);

/// Further lines are not read: no such file has as many.
const MAX_LINES: usize = 256;

impl Assignments {
    /// Reads lines `NAME=value`, where the value may be in quotes as a shell has them. Everything else is
    /// passed over.
    pub(super) fn parse(section: &[u8]) -> Assignments {
        let text = section.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        let lines = text.lines().take(MAX_LINES).map(str::trim);
        let lines = lines.filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.split_once('='));
        Assignments(
            pairs
                .map(|(name, value)| (name.to_owned(), unquoted(value)))
                .collect(),
        )
    }

    /// The value of the first of `names` that has one which is not empty. The last line of a name counts.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let found = self.0.iter().rfind(|(known, _)| known == name);
            found
                .map(|(_, value)| value.as_str())
                .filter(|v| !v.is_empty())
        })
    }
}

/// The id of the system that an `os-release` is about.
pub fn system(os_release: &[u8]) -> Option<String> {
    let assignments = Assignments::parse(os_release);
    assignments.first(&["ID"]).map(str::to_owned)
}

/// A value without its quotes and backslashes.
fn unquoted(value: &str) -> String {
    let inside = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(literal) = inside('\'') {
        return literal.to_owned();
    }
    let mut result = String::new();
    let mut escaped = false;
    for c in inside('"').unwrap_or(value).chars() {
        escaped = c == '\\' && !escaped;
        if !escaped {
            result.push(c);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_name_with_a_value_counts() {
        let text = b"# x\nNAME='Debian $x'\nID=debian\nVERSION_ID=\"\"\nPRETTY_NAME=\"A \\\"b\\\" \\\\c\"\n\
                     nonsense\nBUILD_ID=1\r\nBUILD_ID=2\n\0ID=x";
        let found = Assignments::parse(text);
        assert_eq!(found.first(&["PRETTY_NAME", "ID"]), Some("A \"b\" \\c"));
        assert_eq!(found.first(&["IMAGE_ID", "NAME"]), Some("Debian $x"));
        assert_eq!(found.first(&["VERSION_ID", "BUILD_ID"]), Some("2"));
        assert_eq!(found.first(&["VERSION_ID"]), None);
        assert_eq!(found.first(&["ID"]), Some("debian"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = Assignments::parse(&bytes);
        }
    }
}
