//! [`Vt100`]: a terminal for tests, which knows no more than what may be sent.

use crate::menu::screen::Size;

/// A terminal. What it does not know ends the test.
pub(in crate::menu) struct Vt100 {
    size: Size,
    rows: Vec<Vec<(Option<char>, u8)>>,
    row: usize,
    column: usize,
    style: u8,
}

impl Vt100 {
    pub(in crate::menu) fn new(size: Size) -> Vt100 {
        Vt100 {
            size,
            // Whatever was there before.
            rows: vec![vec![(Some('#'), 7); size.columns]; size.rows],
            row: size.rows / 2,
            column: 0,
            style: 7,
        }
    }

    pub(in crate::menu) fn cursor(&self) -> (usize, usize) {
        (self.row, self.column)
    }

    /// As [`Screen::text`](crate::menu::screen::Screen).
    pub(in crate::menu) fn cells(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            let mut reverse = false;
            for (c, style) in row {
                if (*style == 7) != reverse {
                    reverse = !reverse;
                    line.push(if reverse { '[' } else { ']' });
                }
                line.extend(c);
            }
            if reverse {
                line.push(']');
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    pub(in crate::menu) fn take(&mut self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap();
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            match c {
                '\x0f' => {}
                '\r' => self.column = 0,
                '\n' => {
                    self.row += 1;
                    assert!(self.row < self.size.rows, "it would scroll");
                }
                '\x08' => self.column -= 1,
                '\x1b' => {
                    assert_eq!(characters.next(), Some('['));
                    let mut arguments = String::new();
                    let last = loop {
                        match characters.next().unwrap() {
                            c @ ('0'..='9' | ';') => arguments.push(c),
                            c => break c,
                        }
                    };
                    self.control(&arguments, last);
                }
                c => {
                    assert!(!c.is_control(), "{c:?}");
                    self.put(c);
                }
            }
        }
    }

    fn put(&mut self, c: char) {
        let wide = c as u32 >= 0x1100;
        let width = if wide { 2 } else { 1 };
        assert!(
            self.column + width < self.size.columns,
            "the last column may go on to the next row"
        );
        // What is left of a wide character that is hit in its middle vanishes.
        if self.rows[self.row][self.column].0.is_none() && self.column > 0 {
            self.rows[self.row][self.column - 1].0 = Some(' ');
        }
        self.rows[self.row][self.column] = (Some(c), self.style);
        if wide {
            self.rows[self.row][self.column + 1] = (None, self.style);
        }
        self.column += width;
        if self.rows[self.row][self.column].0.is_none() {
            self.rows[self.row][self.column].0 = Some(' ');
        }
    }

    fn control(&mut self, arguments: &str, last: char) {
        let mut numbers = arguments.split(';').map(|n| n.parse::<usize>().ok());
        let blank = (Some(' '), self.style);
        match last {
            'H' => {
                self.row = numbers.next().flatten().unwrap_or(1) - 1;
                self.column = numbers.next().flatten().unwrap_or(1) - 1;
                assert!(self.row < self.size.rows && self.column < self.size.columns);
            }
            'J' => {
                assert_eq!((arguments, self.row, self.column), ("", 0, 0));
                self.rows = vec![vec![blank; self.size.columns]; self.size.rows];
            }
            'K' => {
                assert_eq!(arguments, "");
                self.rows[self.row][self.column..].fill(blank);
            }
            'm' => {
                let style = numbers.next_back().flatten().unwrap_or(0);
                assert!(matches!(style, 0 | 1 | 7));
                self.style = style as u8;
            }
            other => panic!("ESC [ {arguments} {other}"),
        }
    }
}
