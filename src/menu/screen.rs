//! [`Screen`]: what a terminal shows, cell by cell.

use super::glyph::{Charset, glyphs};

/// Rows and columns of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
}

/// More is not drawn, whatever a terminal says of itself.
const MAX_ROWS: usize = 200;
/// The same for columns.
const MAX_COLUMNS: usize = 400;

impl Size {
    /// That of a VT100, which stands in for a size that nobody knows.
    pub const VT100: Size = Size {
        rows: 24,
        columns: 80,
    };

    /// A size as a terminal states it; `None` where it states none.
    pub fn stated(rows: u16, columns: u16) -> Option<Size> {
        (rows != 0 && columns != 0).then(|| Size {
            rows: usize::from(rows).min(MAX_ROWS),
            columns: usize::from(columns).min(MAX_COLUMNS),
        })
    }

    /// Columns that are drawn. In the last one a terminal may or may not go on to the next row by itself: it
    /// stays empty.
    pub fn width(self) -> usize {
        self.columns.saturating_sub(1)
    }
}

/// How a cell looks. VT100 can do no more without its option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// As usual.
    #[default]
    Plain,
    /// Brighter.
    Bold,
    /// Dark on bright.
    Reverse,
}

/// One place for a character. The right half of a wide one has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What is there.
    pub character: Option<char>,
    /// How it looks.
    pub style: Style,
}

impl Cell {
    /// An empty one.
    pub const BLANK: Cell = Cell {
        character: Some(' '),
        style: Style::Plain,
    };
}

/// All cells of a terminal, and where its cursor stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    size: Size,
    charset: Charset,
    rows: Vec<Vec<Cell>>,
    /// Row and column, from 0.
    pub cursor: (usize, usize),
}

impl Screen {
    /// An empty one.
    pub fn blank(size: Size, charset: Charset) -> Screen {
        Screen {
            size,
            charset,
            rows: vec![vec![Cell::BLANK; size.width()]; size.rows],
            cursor: (0, 0),
        }
    }

    /// Its size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The characters that it can show.
    pub fn charset(&self) -> Charset {
        self.charset
    }

    /// The cells of a row, without the last column.
    pub fn row(&self, row: usize) -> &[Cell] {
        self.rows.get(row).map_or(&[], Vec::as_slice)
    }

    /// Writes a text into a row, as far as it fits, and gives the column behind it. What a terminal would act on
    /// is made harmless here, and nowhere else has to be.
    pub fn write(&mut self, row: usize, column: usize, text: &str, style: Style) -> usize {
        let width = self.size.width();
        let Some(cells) = self.rows.get_mut(row) else {
            return column;
        };
        let mut at = column;
        for glyph in glyphs(text, self.charset) {
            let end = at.saturating_add(glyph.width());
            if end > width {
                break;
            }
            split(cells, at);
            split(cells, end);
            let characters = [Some(glyph.character), None];
            let free = cells.get_mut(at..end).unwrap_or_default();
            for (cell, character) in free.iter_mut().zip(characters) {
                *cell = Cell { character, style };
            }
            at = end;
        }
        at
    }

    /// Fills the rest of a row.
    pub fn fill(&mut self, row: usize, column: usize, character: char, style: Style) {
        let Some(cells) = self.rows.get_mut(row) else {
            return;
        };
        split(cells, column);
        let character = Some(character);
        let cells = cells.get_mut(column..).unwrap_or_default();
        cells.fill(Cell { character, style });
    }
}

/// Leaves no half of a wide character at this border.
fn split(cells: &mut [Cell], at: usize) {
    let left = at.saturating_sub(1);
    let is_right_half = |cell: &Cell| cell.character.is_none();
    if cells.get(at).is_some_and(is_right_half) {
        let halves = cells.get_mut(left..=at).unwrap_or_default();
        halves
            .iter_mut()
            .for_each(|cell| cell.character = Some(' '));
    }
}

#[cfg(test)]
impl Screen {
    /// The rows as texts, without blanks at their ends; reverse cells stand in brackets.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            let mut style = Style::Plain;
            for cell in row {
                if (cell.style == Style::Reverse) != (style == Style::Reverse) {
                    line.push(if cell.style == Style::Reverse {
                        '['
                    } else {
                        ']'
                    });
                }
                style = cell.style;
                line.extend(cell.character);
            }
            if style == Style::Reverse {
                line.push(']');
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
