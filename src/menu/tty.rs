//! [`Tty`]: a terminal of the kernel.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{InputModes, OptionalActions, Termios};

use super::screen::Size;
use super::terminal::Port;

/// A terminal device, opened for the menu alone: what others do with their descriptors of it stays as it is.
pub struct Tty {
    fd: OwnedFd,
    /// Its modes as they were found.
    before: Termios,
}

impl Tty {
    /// Opens a device, such as `/dev/ttyS0` or `/dev/tty`.
    ///
    /// # Errors
    /// It can't be opened, or is no terminal.
    pub fn open(path: &Path) -> io::Result<Tty> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        let before = rustix::termios::tcgetattr(&fd)?;
        Ok(Tty { fd, before })
    }
}

impl Port for Tty {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.fd, buffer)?)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.fd, bytes)?)
    }

    fn is_writable(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::OUT)];
        let now = Timespec::default();
        let _ = rustix::event::poll(&mut fds, Some(&now));
        fds.iter().any(|fd| fd.revents().contains(PollFlags::OUT))
    }

    fn size(&self) -> Option<Size> {
        let size = rustix::termios::tcgetwinsize(&self.fd).ok()?;
        Size::stated(size.ws_row, size.ws_col)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }

    fn set_raw(&mut self, raw: bool) {
        let mut modes = self.before.clone();
        if raw {
            // A real VT100 stops the line while it draws (XOFF): who wants that keeps it.
            let flow = InputModes::IXON | InputModes::IXOFF | InputModes::IXANY;
            let flow = modes.input_modes & flow;
            let output = modes.output_modes;
            modes.make_raw();
            modes.input_modes |= flow;
            // Who else writes lines there, such as a log before anything is shown, writes them as before.
            modes.output_modes = output;
        }
        // Not after what is queued has gone out: that may take for ever.
        let _ = rustix::termios::tcsetattr(&self.fd, OptionalActions::Now, &modes);
    }
}
