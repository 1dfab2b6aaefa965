//! [`Keys`]: the bytes that a terminal sends, read as keys.
//!
//! Control sequences are those of ECMA-48 as VT100, VT220, xterm and the console of Linux send them
//! (console_codes(4)). What is none of a key is swallowed as a whole, so that reports nobody asked for press no keys.

use std::time::Duration;

use super::key::{Input, Key};

/// How long the next byte of a sequence may take. At 9,600 baud a byte takes one millisecond; terminals behind
/// a network take longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// Longer sequences are cut off: what follows is read as keys again.
const LONGEST: usize = 64;

/// A reader of keys. Time is counted from any point, the same in each call.
#[derive(Debug, Default)]
pub struct Keys {
    state: State,
    /// When the sequence that has begun counts as ended.
    end: Option<Duration>,
    /// The last byte was a carriage return: a line feed right behind it is no second key.
    returned: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// Behind the escape character.
    Escape,
    /// In a control sequence, with what stands behind its beginning.
    Control(Vec<u8>),
    /// Behind `ESC O`.
    Single,
    /// In a text for the other end of the line (ECMA-48, 5.6), of which so many bytes came.
    Text(usize),
    /// In what follows `ESC [ M`, which a mouse sends: so many bytes are missing.
    Mouse(u8),
    /// In a character of several bytes: so many are missing.
    Utf8(u8, u32),
    /// Behind `ESC [ [`, with which the console of Linux begins F1 to F5.
    Linux,
}

impl Keys {
    /// Takes a byte, and gives what it completes.
    pub fn feed(&mut self, byte: u8, now: Duration) -> Option<Input> {
        let returned = std::mem::replace(&mut self.returned, byte == b'\r');
        let input = match std::mem::take(&mut self.state) {
            State::Ground if byte == b'\n' && returned => None,
            State::Ground => self.ground(byte),
            State::Escape => self.escape(byte),
            State::Control(bytes) => self.control(bytes, byte),
            State::Single => single(byte).map(Input::Key),
            State::Linux => function(byte, b'A'..=b'E', 1),
            State::Text(count) => {
                match byte {
                    0x07 => {}
                    0x1b => self.state = State::Escape,
                    _ if count >= LONGEST => {}
                    _ => self.state = State::Text(count.saturating_add(1)),
                }
                None
            }
            State::Mouse(missing) => {
                if let Some(missing @ 1..) = missing.checked_sub(1) {
                    self.state = State::Mouse(missing);
                }
                None
            }
            State::Utf8(missing, code) => self.utf8(missing, code, byte),
        };
        let is_open = !matches!(self.state, State::Ground);
        self.end = is_open.then(|| now.saturating_add(PATIENCE));
        input
    }

    /// When [`Keys::expire`] has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        self.end
    }

    /// Ends a sequence that takes too long: an escape character alone is the key.
    pub fn expire(&mut self, now: Duration) -> Option<Input> {
        match self.end {
            Some(end) if end <= now => self.flush(),
            _ => None,
        }
    }

    /// Ends the sequence that has begun, as if nothing more could come.
    pub fn flush(&mut self) -> Option<Input> {
        self.end = None;
        match std::mem::take(&mut self.state) {
            State::Escape => Some(Input::Key(Key::Escape)),
            _ => None,
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Input> {
        let key = match byte {
            0x1b => {
                self.state = State::Escape;
                return None;
            }
            b'\r' | b'\n' => Key::Enter,
            b'\t' => Key::Tab,
            // Terminals disagree about which of them the key sends.
            0x08 | 0x7f => Key::Backspace,
            0x1f => Key::Ctrl('_'),
            0x01..=0x1a => Key::Ctrl(char::from(byte.saturating_add(b'a' - 1))),
            0x20..=0x7e => Key::Char(char::from(byte)),
            // RFC 3629: how many bytes follow, and which bits of the first one count.
            0xc2..=0xdf => return self.begin(1, byte & 0x1f),
            0xe0..=0xef => return self.begin(2, byte & 0x0f),
            0xf0..=0xf4 => return self.begin(3, byte & 0x07),
            _ => return None,
        };
        Some(Input::Key(key))
    }

    fn begin(&mut self, missing: u8, bits: u8) -> Option<Input> {
        self.state = State::Utf8(missing, u32::from(bits));
        None
    }

    fn utf8(&mut self, missing: u8, code: u32, byte: u8) -> Option<Input> {
        if byte & 0xc0 != 0x80 {
            // The character was cut off; this byte begins something else.
            return self.ground(byte);
        }
        let code = code << 6 | u32::from(byte & 0x3f);
        match missing.checked_sub(1) {
            Some(missing @ 1..) => {
                self.state = State::Utf8(missing, code);
                None
            }
            _ => char::from_u32(code)
                .filter(|c| !c.is_control())
                .map(|c| Input::Key(Key::Char(c))),
        }
    }

    fn escape(&mut self, byte: u8) -> Option<Input> {
        self.state = match byte {
            b'[' => State::Control(Vec::new()),
            b'O' => State::Single,
            b'P' | b'X' | b']' | b'^' | b'_' => State::Text(0),
            // Escape twice is the key once: the second one may begin a sequence.
            0x1b => {
                self.state = State::Escape;
                return Some(Input::Key(Key::Escape));
            }
            0x08 | 0x7f => return Some(Input::Key(Key::Ctrl('w'))),
            b'a'..=b'z' | b'A'..=b'Z' => {
                let letter = char::from(byte).to_ascii_lowercase();
                return Some(Input::Key(Key::Alt(letter)));
            }
            // With `\` the end of a text; nothing else is used.
            _ => State::Ground,
        };
        None
    }

    fn control(&mut self, mut bytes: Vec<u8>, byte: u8) -> Option<Input> {
        match byte {
            b'[' if bytes.is_empty() => self.state = State::Linux,
            b'M' if bytes.is_empty() => self.state = State::Mouse(3),
            // Another one begins, and this one was cut off.
            0x1b => self.state = State::Escape,
            0x20..=0x3f if bytes.len() < LONGEST => {
                bytes.push(byte);
                self.state = State::Control(bytes);
            }
            0x40..=0x7e => return sequence(&bytes, byte),
            _ => {}
        }
        None
    }
}

/// What `ESC O` and this byte stand for: keys of VT100 in the modes for applications.
fn single(byte: u8) -> Option<Key> {
    if let Some(Input::Key(key)) = function(byte, b'P'..=b'S', 1) {
        return Some(key);
    }
    arrow(byte).or(match byte {
        b'M' => Some(Key::Enter),
        // The digits of the keypad.
        b'p'..=b'y' => Some(Key::Char(char::from(byte.saturating_sub(b'p' - b'0')))),
        _ => None,
    })
}

fn function(byte: u8, range: std::ops::RangeInclusive<u8>, first: u8) -> Option<Input> {
    let number = byte.checked_sub(*range.start())?;
    range
        .contains(&byte)
        .then(|| Input::Key(Key::Function(number.saturating_add(first))))
}

fn arrow(byte: u8) -> Option<Key> {
    Some(match byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        _ => return None,
    })
}

/// What a whole control sequence stands for.
fn sequence(bytes: &[u8], last: u8) -> Option<Input> {
    let text = str::from_utf8(bytes).ok()?;
    let mut numbers = text.split(';').map(|number| number.parse::<u16>().ok());
    let first = numbers.next().flatten();
    let second = numbers.next().flatten();
    if let (b'R', Some(row), Some(column)) = (last, first, second) {
        return Some(Input::Position(row, column));
    }
    let key = match last {
        b'~' => match first? {
            1 | 7 => Key::Home,
            2 => Key::Insert,
            3 => Key::Delete,
            4 | 8 => Key::End,
            5 => Key::PageUp,
            6 => Key::PageDown,
            // The numbers have holes (xterm, VT220).
            n @ 11..=15 => Key::Function(u8::try_from(n.saturating_sub(10)).ok()?),
            n @ 17..=21 => Key::Function(u8::try_from(n.saturating_sub(11)).ok()?),
            n @ 23..=24 => Key::Function(u8::try_from(n.saturating_sub(12)).ok()?),
            _ => return None,
        },
        // xterm: the second number tells which other keys are held, 3 alt and 5 control.
        b'C' if matches!(second, Some(3 | 5)) => Key::WordRight,
        b'D' if matches!(second, Some(3 | 5)) => Key::WordLeft,
        _ => return arrow(last).or_else(|| single_f(last)).map(Input::Key),
    };
    Some(Input::Key(key))
}

/// F1, F2 and F4 with another key held (xterm); F3 would look like a position.
fn single_f(last: u8) -> Option<Key> {
    match function(last, b'P'..=b'S', 1) {
        Some(Input::Key(key)) => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the bytes mean, when nothing follows for long.
    fn read(bytes: &[u8]) -> Vec<Input> {
        let mut keys = Keys::default();
        let mut now = Duration::ZERO;
        let mut inputs = Vec::new();
        for byte in bytes {
            now += Duration::from_millis(1);
            inputs.extend(keys.feed(*byte, now));
        }
        inputs.extend(keys.expire(now + PATIENCE));
        inputs
    }

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let key = |input: Input| match input {
            Input::Key(key) => key,
            Input::Position(..) => panic!("no key: {input:?}"),
        };
        read(bytes).into_iter().map(key).collect()
    }

    #[test]
    fn keys_of_real_terminals() {
        for (bytes, key) in [
            (&b"\x1b[A"[..], Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[1;5C", Key::WordRight),
            (b"\x1b[1;3D", Key::WordLeft),
            (b"\x1b[H", Key::Home),
            (b"\x1b[1~", Key::Home),
            (b"\x1bOF", Key::End),
            (b"\x1b[2~", Key::Insert),
            (b"\x1b[3~", Key::Delete),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6~", Key::PageDown),
            (b"\x1b[[A", Key::Function(1)),
            (b"\x1bOQ", Key::Function(2)),
            (b"\x1bOp", Key::Char('0')),
            (b"\x1bOy", Key::Char('9')),
            (b"\x1b[15~", Key::Function(5)),
            (b"\x1b[21~", Key::Function(10)),
            (b"\x1b[24~", Key::Function(12)),
            (b"\x1bf", Key::Alt('f')),
            (b"\x1b\x7f", Key::Ctrl('w')),
            (b"\x1b", Key::Escape),
            (b"\r", Key::Enter),
            (b"\r\n", Key::Enter),
            (b"\n", Key::Enter),
            (b"\x08", Key::Backspace),
            (b"\x7f", Key::Backspace),
            (b"\x18", Key::Ctrl('x')),
            (b"\x1f", Key::Ctrl('_')),
            ("ß".as_bytes(), Key::Char('ß')),
            ("木".as_bytes(), Key::Char('木')),
        ] {
            assert_eq!(keys(bytes), [key], "{bytes:x?}");
        }
        assert_eq!(keys(b"\r\r"), [Key::Enter, Key::Enter]);
        assert_eq!(keys(b"\x1b\x1b"), [Key::Escape, Key::Escape]);
        assert_eq!(read(b"\x1b[24;80R"), [Input::Position(24, 80)]);
    }

    #[test]
    fn an_escape_waits_for_what_may_follow() {
        let mut keys = Keys::default();
        assert_eq!(keys.feed(0x1b, Duration::ZERO), None);
        assert_eq!(keys.deadline(), Some(PATIENCE));
        assert_eq!(keys.expire(PATIENCE / 2), None);
        assert_eq!(keys.feed(b'[', PATIENCE / 2), None);
        assert_eq!(keys.expire(PATIENCE), None);
        assert_eq!(keys.feed(b'A', PATIENCE), Some(Input::Key(Key::Up)));
        assert_eq!(keys.deadline(), None);
        keys.feed(0x1b, PATIENCE);
        assert_eq!(keys.expire(PATIENCE * 2), Some(Input::Key(Key::Escape)));
        keys.feed(0x1b, PATIENCE);
        assert_eq!(keys.flush(), Some(Input::Key(Key::Escape)));
    }

    #[test]
    fn what_nobody_asked_for_presses_no_key() {
        for bytes in [
            &b"\x1b[M !\"x"[..],
            b"\x1b[<0;10;20Mx",
            b"\x1b[?1;2cx",
            b"\x1b]11;rgb:0000/0000/0000\x07x",
            b"\x1bP1$r0m\x1b\\x",
            b"\x1b[200~x\x1b[201~",
            b"\xff\xfe\x80x",
            b"\xe6x",
        ] {
            assert_eq!(keys(bytes), [Key::Char('x')], "{bytes:x?}");
        }
        // One that never ends takes no more than its share.
        let mut endless = b"\x1b]".to_vec();
        endless.resize(200, b'a');
        assert!(keys(&endless).len() > 100);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_and_the_next_key_is_heard(bytes in any::<Vec<u8>>()) {
            let mut keys = Keys::default();
            for byte in &bytes {
                keys.feed(*byte, Duration::ZERO);
            }
            keys.flush();
            prop_assert_eq!(keys.deadline(), None);
            prop_assert_eq!(keys.feed(b'x', Duration::ZERO), Some(Input::Key(Key::Char('x'))));
        }
    }
}
