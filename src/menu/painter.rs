//! [`Painter`]: the fewest bytes that turn what a terminal shows into what it should show.
//!
//! Only what every VT100 understands is sent: texts, return, line feed, backspace, and the sequences CUP, ED, EL and
//! SGR with 1 and 7 (VT100 User Guide, chapter 3).

use super::screen::{Cell, Screen, Style};

/// The cursor is moved by showing again what stands in its way, if that is no more bytes.
const SHORT: usize = 5;

/// What one terminal shows.
#[derive(Debug, Default)]
pub struct Painter {
    /// `None` when nobody knows, as before the first screen.
    shown: Option<Screen>,
}

impl Painter {
    /// The terminal may show anything by now: the next screen is drawn as a whole.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// The bytes that lead to this screen, which counts as shown from now on.
    pub fn paint(&mut self, wanted: Screen) -> Vec<u8> {
        let size = wanted.size();
        let known = self.shown.take().filter(|shown| shown.size() == size);
        let mut stroke = Stroke {
            bytes: Vec::new(),
            at: (0, 0),
            style: Style::Plain,
        };
        let shown = match known {
            Some(shown) => {
                stroke.at = shown.cursor;
                shown
            }
            None => {
                // Whoever wrote before may have left another set of characters, or a style.
                stroke.bytes.extend(b"\x0f\x1b[m\x1b[H\x1b[J");
                Screen::blank(size, wanted.charset())
            }
        };
        for row in 0..size.rows {
            stroke.row(row, shown.row(row), wanted.row(row));
        }
        let (row, column) = wanted.cursor;
        let row = row.min(size.rows.saturating_sub(1));
        let column = column.min(size.width());
        stroke.style(Style::Plain);
        stroke.go(row, column, wanted.row(row));
        let mut wanted = wanted;
        wanted.cursor = (row, column);
        self.shown = Some(wanted);
        stroke.bytes
    }
}

/// What is being sent.
struct Stroke {
    bytes: Vec<u8>,
    /// Where the cursor stands then.
    at: (usize, usize),
    style: Style,
}

impl Stroke {
    fn row(&mut self, row: usize, old: &[Cell], new: &[Cell]) {
        let end = length(new);
        let erases = length(old) > end.saturating_add(SHORT);
        for (column, (before, cell)) in old.iter().zip(new).enumerate() {
            if before == cell {
                continue;
            }
            if erases && column >= end {
                self.style(Style::Plain);
                self.go(row, column, new);
                self.bytes.extend(b"\x1b[K");
                return;
            }
            // The right half of a wide character is there with its left one.
            let Some(character) = cell.character else {
                continue;
            };
            self.go(row, column, new);
            self.style(cell.style);
            self.put(character);
            let wide = new.get(column.saturating_add(1));
            let wide = wide.is_some_and(|next| next.character.is_none());
            self.at.1 = column.saturating_add(if wide { 2 } else { 1 });
        }
    }

    fn put(&mut self, character: char) {
        let mut buffer = [0; 4];
        self.bytes
            .extend(character.encode_utf8(&mut buffer).as_bytes());
    }

    /// Moves the cursor to a place in a row that shows `cells` up to there.
    fn go(&mut self, row: usize, column: usize, cells: &[Cell]) {
        let (old_row, old_column) = self.at;
        if (row, column) == self.at {
            return;
        }
        self.at = (row, column);
        let between = cells.get(old_column..column).unwrap_or_default();
        let style = self.style;
        let is_short = |cell: &Cell| {
            let ascii = cell.character.is_some_and(|c| c.is_ascii());
            ascii && cell.style == style
        };
        if row == old_row && column == 0 {
            self.bytes.push(b'\r');
        } else if row == old_row.saturating_add(1) && column == 0 {
            self.bytes.extend(b"\r\n");
        } else if row == old_row && column.saturating_add(1) == old_column {
            self.bytes.push(0x08);
        } else if row == old_row
            && old_column < column
            && between.len() <= SHORT
            && between.iter().all(is_short)
        {
            let characters = between.iter().filter_map(|cell| cell.character);
            characters.for_each(|character| self.put(character));
        } else {
            self.address(row.saturating_add(1), column.saturating_add(1));
        }
    }

    /// Cursor position (CUP), from 1. What is 1 may be left out.
    fn address(&mut self, row: usize, column: usize) {
        let text = match (row, column) {
            (1, 1) => "\x1b[H".to_owned(),
            (row, 1) => format!("\x1b[{row}H"),
            (row, column) => format!("\x1b[{row};{column}H"),
        };
        self.bytes.extend(text.as_bytes());
    }

    fn style(&mut self, style: Style) {
        if style == self.style {
            return;
        }
        let bytes: &[u8] = match (self.style, style) {
            (_, Style::Plain) => b"\x1b[m",
            (Style::Plain, Style::Bold) => b"\x1b[1m",
            (Style::Plain, Style::Reverse) => b"\x1b[7m",
            (_, Style::Bold) => b"\x1b[0;1m",
            (_, Style::Reverse) => b"\x1b[0;7m",
        };
        self.bytes.extend(bytes);
        self.style = style;
    }
}

/// Cells up to the last one that is not empty.
fn length(cells: &[Cell]) -> usize {
    let last = cells.iter().rposition(|cell| *cell != Cell::BLANK);
    last.map_or(0, |last| last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::glyph::Charset;
    use crate::menu::screen::Size;
    use crate::menu::tests::vt100::Vt100;
    use proptest::prelude::*;

    fn screen(size: Size, writes: &[(usize, usize, String, u8)], cursor: (usize, usize)) -> Screen {
        let mut screen = Screen::blank(size, Charset::Utf8);
        for (row, column, text, style) in writes {
            let styles = [Style::Plain, Style::Bold, Style::Reverse];
            screen.write(*row, *column, text, styles[usize::from(*style % 3)]);
        }
        screen.cursor = cursor;
        screen
    }

    type Writes = Vec<(usize, usize, String, u8)>;

    proptest! {
        #[test]
        fn a_terminal_shows_what_is_wanted(
            size in (1_usize..12, 1_usize..30),
            frames in prop::collection::vec(
                (prop::collection::vec((0_usize..12, 0_usize..30, "[a-c 木ß]{0,12}", 0_u8..3), 0..6),
                 (0_usize..14, 0_usize..32)), 1..6),
        ) {
            let size = Size { rows: size.0, columns: size.1 };
            let mut terminal = Vt100::new(size);
            let mut painter = Painter::default();
            for (writes, cursor) in frames {
                let writes: Writes = writes;
                let wanted = screen(size, &writes, cursor);
                terminal.take(&painter.paint(wanted.clone()));
                prop_assert_eq!(terminal.cells(), wanted.text());
                let corner = (size.rows - 1, size.width());
                let cursor = (cursor.0.min(corner.0), cursor.1.min(corner.1));
                prop_assert_eq!(terminal.cursor(), cursor);
                prop_assert!(painter.paint(wanted).is_empty());
            }
        }
    }

    #[test]
    fn what_did_not_change_is_not_sent() {
        let row = |text: &str| vec![(3, 0, text.to_owned(), 0)];
        let mut painter = Painter::default();
        painter.paint(screen(Size::VT100, &row("Starting in 10 s"), (0, 0)));
        let bytes = painter.paint(screen(Size::VT100, &row("Starting in 9 s"), (0, 0)));
        assert_eq!(bytes, b"\x1b[4;13H9 s \x1b[H");
        let bytes = painter.paint(screen(Size::VT100, &row(""), (0, 0)));
        assert_eq!(bytes, b"\x1b[4H\x1b[K\x1b[H");
        painter.forget();
        let bytes = painter.paint(screen(Size::VT100, &row(""), (0, 0)));
        assert_eq!(bytes, b"\x0f\x1b[m\x1b[H\x1b[J");
    }
}
