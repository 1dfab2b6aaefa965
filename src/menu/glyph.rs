//! [`Glyph`]: a character whose width on any terminal is certain.

use std::ops::RangeInclusive;

use crate::text::is_harmless;

/// The characters that a terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Those of ASCII: of a terminal of which nobody knows more.
    #[default]
    Ascii,
    /// All that have a certain width, in UTF-8.
    Utf8,
}

impl Charset {
    /// A line from left to right.
    pub(super) fn rule(self) -> char {
        match self {
            Charset::Ascii => '-',
            Charset::Utf8 => '─',
        }
    }
}

/// A character on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glyph {
    /// What is shown.
    pub(super) character: char,
    wide: bool,
}

impl Glyph {
    /// How many cells it takes.
    pub(super) fn width(self) -> usize {
        if self.wide { 2 } else { 1 }
    }

    /// What is shown for a character in one place: what can't be shown is a question mark.
    pub(super) fn of(c: char, charset: Charset) -> Glyph {
        let wide = charset == Charset::Utf8 && contains(&WIDE, c);
        let narrow = match charset {
            Charset::Ascii => matches!(c, ' '..='~'),
            Charset::Utf8 => contains(&NARROW, c),
        };
        Glyph {
            character: if wide || narrow { c } else { '?' },
            wide,
        }
    }
}

/// What is shown for a text. Characters that a terminal would act on are escaped as [`Printable`] does.
///
/// [`Printable`]: crate::text::Printable
pub(super) fn glyphs(text: &str, charset: Charset) -> Vec<Glyph> {
    let mut glyphs = Vec::with_capacity(text.len());
    for c in text.chars() {
        if is_harmless(c) {
            glyphs.push(Glyph::of(c, charset));
        } else {
            glyphs.extend(c.escape_unicode().map(|c| Glyph::of(c, charset)));
        }
    }
    glyphs
}

/// How many cells a character of a text takes.
fn width(c: char, charset: Charset) -> usize {
    match is_harmless(c) {
        true => Glyph::of(c, charset).width(),
        false => c.escape_unicode().len(),
    }
}

/// Every terminal gives one cell to these (Unicode's East Asian width: neutral, narrow or ambiguous, in blocks
/// without marks that combine, and written from left to right). Of the others, two terminals may think two things,
/// and their own order may be from right to left.
const NARROW: [RangeInclusive<char>; 13] = [
    ' '..='~',
    '\u{a1}'..='\u{ac}',
    '\u{ae}'..='\u{2ff}',
    '\u{370}'..='\u{377}',
    '\u{37a}'..='\u{482}',
    '\u{48a}'..='\u{556}',
    '\u{10a0}'..='\u{10ff}',
    '\u{1e00}'..='\u{1fbc}',
    '\u{2010}'..='\u{2027}',
    '\u{2030}'..='\u{205e}',
    '\u{20a0}'..='\u{20bf}',
    '\u{2100}'..='\u{22ff}',
    '\u{2500}'..='\u{259f}',
];

/// Every terminal gives two cells to these (East Asian width: wide or full). Emoji are left out: only new
/// terminals know them.
const WIDE: [RangeInclusive<char>; 9] = [
    '\u{1100}'..='\u{115f}',
    '\u{2e80}'..='\u{2fd5}',
    '\u{3001}'..='\u{3029}',
    '\u{3041}'..='\u{3096}',
    '\u{309b}'..='\u{30ff}',
    '\u{3105}'..='\u{4dbf}',
    '\u{4e00}'..='\u{a4c6}',
    '\u{ac00}'..='\u{d7a3}',
    '\u{ff01}'..='\u{ff60}',
];

fn contains(ranges: &[RangeInclusive<char>], c: char) -> bool {
    ranges.iter().any(|range| range.contains(&c))
}

/// Cuts a text into rows of at most `width` cells, at blanks where there are some, and gives the bytes at which
/// each begins. There is at least one.
pub(super) fn wrap(text: &str, width: usize, charset: Charset) -> Vec<usize> {
    let mut starts = vec![0];
    let mut used: usize = 0;
    // Behind the last blank of this row: the byte there, and how much of the row is before it.
    let mut blank: Option<(usize, usize)> = None;
    for (at, c) in text.char_indices() {
        let cells = self::width(c, charset);
        if used.saturating_add(cells) > width.max(1) && used > 0 {
            let (start, before) = blank.take().unwrap_or((at, used));
            starts.push(start);
            used = used.saturating_sub(before);
        }
        used = used.saturating_add(cells);
        if c == ' ' {
            blank = Some((at.saturating_add(1), used));
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, charset: Charset) -> (String, usize) {
        let text: String = glyphs(text, charset)
            .into_iter()
            .map(|glyph| glyph.character)
            .collect();
        let width = glyphs(&text, charset).into_iter().map(Glyph::width).sum();
        (text, width)
    }

    #[test]
    fn what_has_no_certain_width_is_replaced() {
        for (text, utf8, width, ascii) in [
            ("größer", "größer", 6, "gr??er"),
            ("Дебиан", "Дебиан", 6, "??????"),
            ("木\u{fe0f}", "木?", 3, "??"),
            ("e\u{301}", "e?", 2, "e?"),
            ("שלום", "????", 4, "????"),
            ("🐧", "?", 1, "?"),
            ("\u{202e}", "\\u{202e}", 8, "\\u{202e}"),
            ("\x1b[2J", "\\u{1b}[2J", 9, "\\u{1b}[2J"),
        ] {
            assert_eq!(shown(text, Charset::Utf8), (utf8.to_owned(), width));
            assert_eq!(shown(text, Charset::Ascii).0, ascii);
        }
    }

    fn rows(text: &str, width: usize) -> Vec<&str> {
        let starts = wrap(text, width, Charset::Utf8);
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        starts.iter().zip(ends).map(|(a, b)| &text[*a..b]).collect()
    }

    #[test]
    fn rows_end_at_blanks() {
        assert_eq!(rows("", 5), [""]);
        assert_eq!(rows("a bc def", 5), ["a bc ", "def"]);
        assert_eq!(rows("abcdefgh i", 5), ["abcde", "fgh i"]);
        assert_eq!(rows("木木木", 5), ["木木", "木"]);
        assert_eq!(rows("木木", 1), ["木", "木"]);
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_nothing_is_lost(text in any::<String>(), width in 12_usize..40) {
            let rows = rows(&text, width);
            prop_assert_eq!(rows.concat(), text.as_str());
            for row in rows {
                let cells: usize = glyphs(row, Charset::Utf8).into_iter().map(Glyph::width).sum();
                prop_assert!(cells <= width, "{}", row);
            }
        }
    }
}
