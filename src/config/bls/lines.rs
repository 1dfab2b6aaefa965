//! Lines of a key and a value: the form of entries and of `loader.conf`.

/// A line that has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Line<'a> {
    /// Counted from 1.
    pub(in crate::config) number: u32,
    /// The first word.
    pub(in crate::config) key: &'a str,
    /// The rest, without white space and one pair of quotes around it; may be empty.
    pub(in crate::config) value: &'a str,
}

/// The lines of a text, without empty ones and comments. As in systemd-boot a line ends at LF, CR or
/// both, and white space is spaces and tabs.
pub(in crate::config) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    // Editors of other systems put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = text.split('\n').zip(1..);
    let parts =
        numbered.flat_map(|(line, number)| line.split('\r').map(move |part| (part, number)));
    parts.filter_map(|(line, number)| {
        let line = trim(line);
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (key, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let value = unquote(trim(value));
        Some(Line { number, key, value })
    })
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// systemd-boot takes one pair of quotes off. Where there are more, they are not around the whole value
/// but part of it (`options a="b c"`).
fn unquote(value: &str) -> &str {
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values() {
        let text =
            "\u{feff}a b\r\n\r\n# c\n\t d\te  f \t\n  #g\nh\ri \"j k\"\nl \"m\" n=\"o\"\nq \"";
        let found: Vec<(u32, &str, &str)> = lines(text)
            .map(|line| (line.number, line.key, line.value))
            .collect();
        assert_eq!(
            found,
            [
                (1, "a", "b"),
                (4, "d", "e  f"),
                (6, "h", ""),
                (6, "i", "j k"),
                (7, "l", "\"m\" n=\"o\""),
                (8, "q", "\""),
            ]
        );
    }
}
