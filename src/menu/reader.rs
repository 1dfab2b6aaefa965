//! [`Reader`]: a place in a long text, for terminals of any width.

use super::glyph::{Charset, wrap};

/// Where the first row of a text on a screen begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reader {
    line: usize,
    /// The byte in that line.
    byte: usize,
}

/// How wide rows are, and how many are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) width: usize,
    pub(super) rows: usize,
    pub(super) charset: Charset,
}

/// The rows of a line from a byte on; where it begins, with the byte where the row ends.
fn rows_of(line: &str, from: usize, page: Page) -> Vec<(usize, &str)> {
    let Some(rest) = line.get(from..) else {
        return Vec::new();
    };
    let starts = wrap(rest, page.width, page.charset);
    let ends = starts.iter().skip(1).copied().chain([rest.len()]);
    let rows = starts.iter().zip(ends);
    rows.map(|(start, end)| {
        (
            from.saturating_add(*start),
            rest.get(*start..end).unwrap_or_default(),
        )
    })
    .collect()
}

impl Reader {
    /// The rows from here on, no more than a page; each with the line and byte where it begins.
    fn read(self, lines: &[String], page: Page) -> Vec<(Reader, &str)> {
        let mut rows = Vec::new();
        let mut byte = self.byte;
        for (line, text) in lines.iter().enumerate().skip(self.line) {
            let own = rows_of(text, byte, page).into_iter();
            rows.extend(own.map(|(byte, row)| (Reader { line, byte }, row)));
            byte = 0;
            if rows.len() > page.rows {
                break;
            }
        }
        rows
    }

    /// What a page shows.
    pub(super) fn rows(self, lines: &[String], page: Page) -> Vec<&str> {
        let rows = self.read(lines, page).into_iter();
        rows.take(page.rows).map(|(_, row)| row).collect()
    }

    /// Is there more below?
    pub(super) fn has_more(self, lines: &[String], page: Page) -> bool {
        self.read(lines, page).len() > page.rows
    }

    /// So many rows on, as long as there is more below.
    pub(super) fn forward(&mut self, count: usize, lines: &[String], page: Page) {
        for _ in 0..count {
            let rows = self.read(lines, page);
            match rows.get(1) {
                Some((next, _)) if rows.len() > page.rows => *self = *next,
                _ => return,
            }
        }
    }

    /// So many rows back.
    pub(super) fn back(&mut self, count: usize, lines: &[String], page: Page) {
        for _ in 0..count {
            let before = match (self.byte, self.line.checked_sub(1)) {
                (0, None) => return,
                (0, Some(line)) => Reader {
                    line,
                    byte: usize::MAX,
                },
                _ => *self,
            };
            let text = lines.get(before.line).map_or("", String::as_str);
            let rows = rows_of(text, 0, page).into_iter();
            let row = rows.rev().find(|(byte, _)| *byte < before.byte);
            *self = Reader {
                line: before.line,
                byte: row.map_or(0, |(byte, _)| byte),
            };
        }
    }

    /// The first line is gone.
    pub(super) fn lose(&mut self) {
        match self.line.checked_sub(1) {
            Some(line) => self.line = line,
            None => self.byte = 0,
        }
    }

    /// To the last page.
    pub(super) fn end(&mut self, lines: &[String], page: Page) {
        *self = Reader {
            line: lines.len(),
            byte: 0,
        };
        self.back(page.rows, lines, page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(width: usize, rows: usize) -> Page {
        Page {
            width,
            rows,
            charset: Charset::Ascii,
        }
    }

    #[test]
    fn long_lines_are_read_row_by_row() {
        let lines = ["one".to_owned(), "a b c d".to_owned(), "end".to_owned()];
        let page = page(4, 2);
        let mut reader = Reader::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(reader.rows(&lines, page).join("|"));
            reader.forward(1, &lines, page);
        }
        assert_eq!(seen, ["one|a b ", "a b |c d", "c d|end", "c d|end"]);
        reader.back(2, &lines, page);
        assert_eq!(reader.rows(&lines, page), ["one", "a b "]);
        reader.end(&lines, page);
        assert_eq!(reader.rows(&lines, page), ["c d", "end"]);
        assert!(!reader.has_more(&lines, page));
    }

    proptest! {
        #[test]
        fn every_row_is_reached_from_both_ends(
            lines in prop::collection::vec("[a-c ]{0,30}", 0..8), width in 1_usize..12, rows in 1_usize..5,
        ) {
            let page = page(width, rows);
            let all = Reader::default().read(&lines, Page { rows: 1000, ..page });
            let last = all.len().saturating_sub(rows);
            let mut reader = Reader::default();
            reader.forward(1000, &lines, page);
            let expected: Vec<&str> = all[last..].iter().map(|(_, row)| *row).collect();
            prop_assert_eq!(reader.rows(&lines, page), expected);
            let mut end = Reader::default();
            end.end(&lines, page);
            prop_assert_eq!(end, reader);
            reader.back(1000, &lines, page);
            prop_assert_eq!(reader, Reader::default());
        }
    }
}
