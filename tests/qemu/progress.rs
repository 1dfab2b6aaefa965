//! [`Shown`]: how far the reading of an entry is, as consoles show it.

/// What a row shows: `1.0 MiB of 4.5 MiB, 464 KiB/s, 7 s left`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// Bytes that were read, and of how many.
    pub done: f64,
    pub all: f64,
    /// Bytes in a second.
    pub rate: f64,
    /// Seconds.
    pub left: f64,
}

impl Shown {
    /// In the rows of a console, if one shows it with all of its parts.
    pub fn of<'t>(rows: impl IntoIterator<Item = &'t str>) -> Option<Shown> {
        rows.into_iter().find_map(Shown::in_row)
    }

    fn in_row(row: &str) -> Option<Shown> {
        let (done, rest) = row.trim().split_once(" of ")?;
        let mut rest = rest.split(", ");
        Some(Shown {
            done: size(done)?,
            all: size(rest.next()?)?,
            rate: size(rest.next()?.strip_suffix("/s")?)?,
            left: rest.next()?.strip_suffix(" s left")?.parse().ok()?,
        })
    }

    /// Do its parts fit together, as exactly as they are written?
    pub fn is_true(&self) -> bool {
        let left = (self.all - self.done) / self.rate;
        self.done <= self.all && (left - self.left).abs() <= 1.5 + left * 0.1
    }
}

/// A number of bytes with a unit.
fn size(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let unit = ["B", "KiB", "MiB", "GiB"]
        .iter()
        .position(|known| *known == unit)?;
    let factor = 1024_f64.powi(i32::try_from(unit).ok()?);
    Some(number.parse::<f64>().ok()? * factor)
}

/// The rows of a VT100 that this was sent to: as much of one as the menu uses.
pub fn rows(sent: &str) -> Vec<String> {
    const SIZE: (usize, usize) = (24, 80);
    let mut rows = vec![vec![' '; SIZE.1]; SIZE.0];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut characters = sent.chars();
    while let Some(c) = characters.next() {
        match c {
            '\r' => column = 0,
            '\n' if row + 1 < SIZE.0 => row += 1,
            '\n' => {
                rows.remove(0);
                rows.push(vec![' '; SIZE.1]);
            }
            '\x08' => column = column.saturating_sub(1),
            '\x1b' => {
                // Those with one letter, as to keep the place of the cursor, move nothing that is looked at.
                if characters.next() != Some('[') {
                    continue;
                }
                let is_last = |c: &char| c.is_ascii_alphabetic();
                let mut numbers = String::new();
                let last = loop {
                    match characters.next() {
                        Some(c) if !is_last(&c) => numbers.push(c),
                        last => break last,
                    }
                };
                let mut numbers = numbers.split(';').map(|n| n.parse().unwrap_or(1_usize) - 1);
                match last {
                    Some('H') => {
                        row = numbers.next().unwrap_or(0).min(SIZE.0 - 1);
                        column = numbers.next().unwrap_or(0).min(SIZE.1 - 1);
                    }
                    Some('J') => rows.iter_mut().for_each(|row| row.fill(' ')),
                    Some('K') => rows[row][column..].fill(' '),
                    _ => {}
                }
            }
            c if c.is_control() => {}
            c => {
                rows[row][column] = c;
                column = (column + 1).min(SIZE.1 - 1);
            }
        }
    }
    rows.into_iter().map(String::from_iter).collect()
}
