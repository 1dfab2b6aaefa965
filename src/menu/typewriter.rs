//! [`Typewriter`]: a terminal that can only type lines, and what stands on it.

use super::glyph::{Charset, glyphs};
use super::view::Typed;

/// What was typed last.
#[derive(Debug, Default)]
pub(super) struct Typewriter {
    last: Option<Typed>,
    /// Something stands in the line of the cursor.
    is_open: bool,
    bytes: Vec<u8>,
}

impl Typewriter {
    /// Nobody knows what stands there: everything is typed again.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// The bytes that type what is not there yet.
    pub(super) fn show(&mut self, wanted: Typed, width: usize, charset: Charset) -> Vec<u8> {
        let last = self.last.take().unwrap_or_default();
        let mut typed = false;
        let block = wanted
            .block
            .as_ref()
            .filter(|block| last.block.as_ref() != Some(*block));
        for line in block.into_iter().flatten() {
            self.line(line, charset);
            typed = true;
        }
        // What is chosen in a list that is new is told with it.
        for (new, old) in [
            (&wanted.message, &last.message),
            (&wanted.status, &last.status),
        ] {
            if !new.is_empty() && (new != old || block.is_some()) {
                self.line(new, charset);
                typed = true;
            }
        }
        if typed || wanted.prompt != last.prompt {
            self.close();
            self.text(&wanted.prompt, charset);
            self.text(&wanted.input, charset);
        } else if wanted.input != last.input {
            self.change(&last.input, &wanted, width, charset);
        }
        self.last = Some(Typed {
            // What was typed before something is entered still stands there.
            block: wanted.block.or(last.block),
            ..wanted
        });
        std::mem::take(&mut self.bytes)
    }

    /// Types what was added to an answer, or takes back what was removed from its end.
    fn change(&mut self, old: &str, wanted: &Typed, width: usize, charset: Charset) {
        if let Some(added) = wanted.input.strip_prefix(old) {
            return self.text(added, charset);
        }
        let removed = old.strip_prefix(wanted.input.as_str());
        // No way leads back into the row above.
        let prompt = glyphs(&wanted.prompt, charset).len();
        let fits = prompt.saturating_add(glyphs(old, charset).len()) < width;
        if fits && removed.is_some_and(|removed| removed.len() == 1) {
            return self.bytes.extend(b"\x08 \x08");
        }
        self.close();
        self.text(&wanted.prompt, charset);
        self.text(&wanted.input, charset);
    }

    fn line(&mut self, text: &str, charset: Charset) {
        self.close();
        self.text(text, charset);
        self.close();
    }

    /// Begins a line.
    fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.bytes.extend(b"\r\n");
        }
    }

    fn text(&mut self, text: &str, charset: Charset) {
        let mut buffer = [0; 4];
        for glyph in glyphs(text, charset) {
            let bytes = glyph.character.encode_utf8(&mut buffer).as_bytes();
            self.bytes.extend(bytes);
            self.is_open = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(block: &[&str], status: &str, input: &str) -> Typed {
        Typed {
            block: Some(block.iter().map(|line| (*line).to_owned()).collect()),
            status: status.to_owned(),
            prompt: "? ".to_owned(),
            input: input.to_owned(),
            ..Typed::default()
        }
    }

    #[test]
    fn only_what_is_new_is_typed() {
        let mut typewriter = Typewriter::default();
        let mut show = |typed| {
            let bytes = typewriter.show(typed, 20, Charset::Ascii);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(show(typed(&["a", "b"], "> 1", "")), "a\r\nb\r\n> 1\r\n? ");
        assert_eq!(show(typed(&["a", "b"], "> 1", "")), "");
        assert_eq!(show(typed(&["a", "b"], "> 1", "xy")), "xy");
        assert_eq!(show(typed(&["a", "b"], "> 1", "x")), "\x08 \x08");
        assert_eq!(show(typed(&["a", "b"], "> 1", "z")), "\r\n? z");
        // 20 columns are too few for it, and it goes on in the next row.
        let long = "0123456789abcdefgh";
        show(typed(&["a", "b"], "> 1", long));
        let less = format!("\r\n? {}", &long[..17]);
        assert_eq!(show(typed(&["a", "b"], "> 1", &long[..17])), less);
        assert_eq!(show(typed(&["a", "b"], "> 1", &long[..16])), "\x08 \x08");
        show(typed(&["a", "b"], "> 1", "z"));
        assert_eq!(show(typed(&["a", "b"], "> 2", "z")), "\r\n> 2\r\n? z");
        let question = Typed {
            block: None,
            ..typed(&[], "", "z\x1b")
        };
        assert_eq!(show(question), "\\u{1b}");
        assert_eq!(show(typed(&["a", "b"], "", "")), "\r\n? ");
        assert_eq!(show(typed(&["a"], "> 2", "")), "\r\na\r\n> 2\r\n? ");
    }
}
