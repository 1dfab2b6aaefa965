//! [`Text`]: a text of a disk in a report, which is no longer than there is room for.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

/// Bytes that a name, a title or a place takes at most, as it is written in JSON.
const NAME: usize = 150;

/// The same of a reason.
const REASON: usize = 450;

/// What stands where a text was cut.
const CUT: char = '…';

/// A text that is cut where it gets too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    text: &'a str,
    limit: usize,
}

impl<'a> Text<'a> {
    /// A name, a title or a place.
    pub fn name(text: &'a str) -> Text<'a> {
        Text { text, limit: NAME }
    }

    /// A reason, which is a sentence.
    pub fn reason(text: &'a str) -> Text<'a> {
        Text {
            text,
            limit: REASON,
        }
    }

    fn cut(self) -> Cow<'a, str> {
        let mut room = self.limit;
        for (at, c) in self.text.char_indices() {
            match room.checked_sub(written(c)) {
                Some(left) => room = left,
                None => {
                    let mut text = self.text.get(..at).unwrap_or_default().to_owned();
                    text.push(CUT);
                    return text.into();
                }
            }
        }
        self.text.into()
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.cut())
    }
}

/// Bytes that a character takes in JSON that is ASCII alone.
fn written(c: char) -> usize {
    match c {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        // `\uXXXX`, and two of them beyond the first plane.
        c => c.len_utf16().saturating_mul(6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_stays_and_what_is_long_is_cut() {
        let shown = |text: &str| Text::name(text).cut().into_owned();
        assert_eq!(shown("Debian – größer"), "Debian – größer");
        assert_eq!(shown(&"x".repeat(NAME)), "x".repeat(NAME));
        let long = shown(&"x".repeat(NAME + 1));
        assert_eq!(long, "x".repeat(NAME) + "…");
        assert_eq!(shown(&"\u{1b}".repeat(99)).chars().count(), NAME / 6 + 1);
        assert_eq!(shown(&"😀".repeat(99)).chars().count(), NAME / 12 + 1);
        let reason = "y".repeat(REASON);
        assert_eq!(Text::reason(&reason).cut(), reason);
    }
}
