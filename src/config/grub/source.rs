//! [`Source`]: the text of a script, and which lines of the file it came from.

use std::fmt;
use std::sync::Arc;

use crate::entry::{ConfigFile, FileRef};

/// Text as the reader of GRUB hands it to the lexer, with the numbers that its lines have in the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// How messages call it: GRUB's name of the file.
    name: String,
    /// The file; `None` for text that a script made itself.
    file: Option<FileRef>,
    text: String,
    /// For each line of `text`, where it begins and its number in the file.
    lines: Vec<(u32, u32)>,
    /// The file as it was read, where there was room for it.
    kept: Option<Arc<ConfigFile>>,
}

/// A place in a file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Source {
    /// The text of a configuration file. As in GRUB, lines that begin with `#` are not there at all (even
    /// inside of quotes), carriage returns vanish, and a line ends at a NUL.
    pub fn of_file(name: &str, file: Option<FileRef>, bytes: &[u8]) -> Source {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.split('\n').zip(1..);
        let kept = lines.filter(|(line, _)| !line.starts_with('#'));
        Source::new(name, file, kept)
    }

    /// Text that a script made itself, in the line of the command that runs it.
    pub fn of_string(name: &str, file: Option<FileRef>, text: &str, line: u32) -> Source {
        Source::new(name, file, text.split('\n').map(|part| (part, line)))
    }

    fn new<'a>(
        name: &str,
        file: Option<FileRef>,
        kept: impl Iterator<Item = (&'a str, u32)>,
    ) -> Source {
        let mut source = Source {
            name: name.to_owned(),
            file,
            text: String::new(),
            lines: Vec::new(),
            kept: None,
        };
        for (line, number) in kept {
            let start = u32::try_from(source.text.len()).unwrap_or(u32::MAX);
            source.lines.push((start, number));
            let line = line.split('\0').next().unwrap_or_default();
            source.text.extend(line.chars().filter(|c| *c != '\r'));
            source.text.push('\n');
        }
        source
    }

    /// The same, with the file as it was read.
    pub fn with(self, kept: Option<Arc<ConfigFile>>) -> Source {
        Source { kept, ..self }
    }

    /// The file as it was read, where there was room for it.
    pub fn kept(&self) -> Option<&Arc<ConfigFile>> {
        self.kept.as_ref()
    }

    /// How many bytes it takes in memory.
    pub fn size(&self) -> usize {
        let lines = self.lines.len().saturating_mul(size_of::<(u32, u32)>());
        self.text.len().saturating_add(lines)
    }

    /// How messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&FileRef> {
        self.file.as_ref()
    }

    /// The text; it ends with a line end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of the byte `at`.
    pub fn position(&self, at: usize) -> Position {
        let is_before = |start: u32| usize::try_from(start).is_ok_and(|start| start <= at);
        let index = self.lines.partition_point(|(start, _)| is_before(*start));
        let line = index.checked_sub(1).and_then(|index| self.lines.get(index));
        let (start, line) = line.copied().unwrap_or((0, 1));
        let start = usize::try_from(start).unwrap_or(at);
        let before = self.text.get(start..at).unwrap_or_default();
        // Nobody counts characters so far: bytes have to do.
        let column = match before.len() {
            length @ 0..1000 => before.chars().count().min(length),
            length => length,
        };
        let column = u32::try_from(column).unwrap_or(u32::MAX);
        Position {
            line,
            column: column.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers() {
        let source = Source::of_file("x", None, b"a\r\n# b\n c\0d\n#\nlast");
        assert_eq!(source.text(), "a\n c\nlast\n");
        let place = |at| {
            let Position { line, column } = source.position(at);
            (line, column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(3), (3, 2));
        assert_eq!(place(5), (5, 1));
        assert_eq!(place(9), (5, 5));
        let made = Source::of_string("x", None, "a\n#b", 7);
        assert_eq!(made.text(), "a\n#b\n");
        assert_eq!(made.position(2).line, 7);
    }
}
