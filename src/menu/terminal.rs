//! [`Terminal`]: one place where the menu is shown and keys are pressed.
//!
//! What is not out yet is no more than one picture: the next one is only made when a terminal takes bytes again,
//! from what it shows then. A line that takes none costs nothing but that.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::glyph::Charset;
use super::key::{Input, Key};
use super::keys::Keys;
use super::model::Model;
use super::painter::Painter;
use super::screen::Size;
use super::typewriter::Typewriter;
use super::view;

/// Where bytes come from and go to. No call waits.
pub trait Port {
    /// Reads what has come.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing has; every other one, and no bytes at all, mean that the
    /// terminal is gone.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is no room; every other one means that the terminal is gone.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Has most of what was written gone out?
    fn is_writable(&self) -> bool;

    /// The size that it is known to have.
    fn size(&self) -> Option<Size>;

    /// What to wait for with `poll`.
    fn fd(&self) -> Option<BorrowedFd<'_>>;

    /// Prepares for single keys without echo, or goes back to what was before.
    fn set_raw(&mut self, raw: bool);
}

/// What a terminal understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The sequences of a VT100.
    Vt100,
    /// Lines of text.
    Lines,
}

/// How long a terminal may take to answer where its cursor is. None is waited for longer with the first picture.
const ANSWER: Duration = Duration::from_millis(500);

/// Where the cursor is when it was sent to a place that no terminal has tells the size (VT100 User Guide, DECSC,
/// CUP, DSR, DECRC).
const WHERE: &[u8] = b"\x1b7\x1b[999;999H\x1b[6n\x1b8";

/// Bytes that are read in one turn: whoever sends without end does not keep the others from their turn.
const AT_ONCE: usize = 1024;

/// A terminal.
pub struct Terminal {
    port: Box<dyn Port>,
    charset: Charset,
    output: Output,
    keys: Keys,
    size: Size,
    question: Question,
    /// Bytes that are not out yet.
    queue: Vec<u8>,
    /// There may be something new to show, and no room for it.
    is_behind: bool,
    is_gone: bool,
}

enum Output {
    Screen(Painter),
    Lines(Typewriter),
}

/// What is known of a size that no driver tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    New,
    /// It may be answered until then.
    Asked(Duration),
    Done,
}

impl Terminal {
    /// A terminal on which nothing is shown yet.
    pub fn new(mut port: Box<dyn Port>, kind: Kind, charset: Charset) -> Terminal {
        port.set_raw(true);
        Terminal {
            port,
            charset,
            output: match kind {
                Kind::Vt100 => Output::Screen(Painter::default()),
                Kind::Lines => Output::Lines(Typewriter::default()),
            },
            keys: Keys::default(),
            size: Size::VT100,
            question: match kind {
                Kind::Vt100 => Question::New,
                Kind::Lines => Question::Done,
            },
            queue: Vec::new(),
            is_behind: false,
            is_gone: false,
        }
    }

    /// What `poll` is to wait for: whether there is something to be read, and perhaps whether there is room.
    pub(super) fn fd(&self) -> Option<(BorrowedFd<'_>, bool)> {
        let waits = self.is_behind || !self.queue.is_empty();
        Some((self.port.fd().filter(|_| !self.is_gone)?, waits))
    }

    /// Can it be used no more?
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// When it needs a turn at the latest.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let answer = match self.question {
            Question::Asked(until) if !self.is_gone => Some(until),
            _ => None,
        };
        [answer, self.keys.deadline()].into_iter().flatten().min()
    }

    /// Does a driver tell its size? Then it has to be looked at: nobody tells when it changes.
    pub(super) fn has_window(&self) -> bool {
        !self.is_gone && self.port.size().is_some()
    }

    /// Its size and characters.
    pub(super) fn face(&self) -> (Size, Charset) {
        (self.size, self.charset)
    }

    /// Reads keys that were pressed. With `at_once` nothing that may belong to a key is waited for.
    pub(super) fn keys(&mut self, now: Duration, at_once: bool) -> Vec<Key> {
        let mut inputs = Vec::new();
        let mut buffer = [0; AT_ONCE];
        if !self.is_gone {
            match self.port.read(&mut buffer) {
                Ok(0) => self.is_gone = true,
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    for byte in bytes {
                        inputs.extend(self.keys.feed(*byte, now));
                    }
                }
                Err(error) if is_temporary(&error) => {}
                Err(_) => self.is_gone = true,
            }
        }
        inputs.extend(self.keys.expire(now));
        if at_once {
            inputs.extend(self.keys.flush());
        }
        inputs
            .into_iter()
            .filter_map(|input| self.take(input))
            .collect()
    }

    /// Keeps what is for the terminal itself.
    fn take(&mut self, input: Input) -> Option<Key> {
        match input {
            Input::Key(Key::Ctrl('l')) => {
                self.forget();
                if self.question == Question::Done && matches!(self.output, Output::Screen(_)) {
                    self.question = Question::New;
                }
                None
            }
            Input::Key(key) => Some(key),
            Input::Position(rows, columns) => {
                if let (Question::Asked(_), Some(size)) =
                    (self.question, Size::stated(rows, columns))
                {
                    self.size = size;
                    self.question = Question::Done;
                }
                None
            }
        }
    }

    /// Somebody else has written here: what follows is shown as a whole.
    pub(super) fn forget(&mut self) {
        match &mut self.output {
            Output::Screen(painter) => painter.forget(),
            Output::Lines(typewriter) => typewriter.forget(),
        }
    }

    /// Lets somebody else use it, and takes it back.
    pub(super) fn set_raw(&mut self, raw: bool) {
        self.port.set_raw(raw);
        self.forget();
    }

    /// Shows the model, as far as there is room for that now.
    pub(super) fn show(&mut self, model: &Model, now: Duration) {
        self.send();
        self.is_behind = false;
        if self.is_gone || !self.queue.is_empty() {
            return;
        }
        self.is_behind = !self.port.is_writable();
        if self.is_behind || !self.knows_size(now) {
            return;
        }
        let (size, charset) = self.face();
        self.queue = match &mut self.output {
            Output::Screen(painter) => painter.paint(view::screen(model, size, charset)),
            Output::Lines(typewriter) => {
                typewriter.show(view::typed(model, size, charset), size.columns, charset)
            }
        };
        self.send();
    }

    /// Asks for the size where nobody knows it. One that does not answer is a VT100.
    fn knows_size(&mut self, now: Duration) -> bool {
        if let Some(size) = self.port.size() {
            self.size = size;
            return true;
        }
        match self.question {
            Question::Done => true,
            Question::Asked(until) if now < until => false,
            Question::Asked(_) => {
                self.question = Question::Done;
                true
            }
            Question::New => {
                self.question = Question::Asked(now.saturating_add(ANSWER));
                self.queue = WHERE.to_vec();
                self.send();
                false
            }
        }
    }

    fn send(&mut self) {
        while !self.queue.is_empty() && !self.is_gone {
            match self.port.write(&self.queue) {
                Ok(count @ 1..) => {
                    self.queue.drain(..count.min(self.queue.len()));
                }
                Ok(0) => return,
                Err(error) if is_temporary(&error) => return,
                Err(_) => {
                    self.is_gone = true;
                    self.queue.clear();
                }
            }
        }
    }
}

impl Drop for Terminal {
    /// Leaves the cursor below what was shown.
    fn drop(&mut self) {
        if matches!(self.output, Output::Screen(_)) && self.queue.is_empty() {
            let end = format!("\x1b[m\x1b[{}H\r\n", self.size.rows);
            self.queue = end.into_bytes();
            self.send();
        }
        self.port.set_raw(false);
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
