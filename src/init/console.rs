//! The consoles: every `console=` of the flash kernel gets every line, and none can hold up a boot.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// The kernel's list of consoles that are in use, the preferred one last
/// (`Documentation/ABI/testing/sysfs-tty`).
const ACTIVE: &str = "/sys/class/tty/console/active";

/// How long a console may take for one line before it counts as stuck. At 9,600 baud 300 bytes take
/// this long.
const PATIENCE: Duration = Duration::from_millis(300);

/// How long all consoles together may take to send out what is in their buffers.
const DRAIN: Duration = Duration::from_secs(2);

/// All consoles.
pub(super) struct Consoles(Vec<Console>);

struct Console {
    name: String,
    tty: OwnedFd,
    /// It did not take bytes in time: it is passed over until it does again.
    stuck: bool,
}

impl Consoles {
    /// Opens what the kernel uses, or `/dev/console` where it does not say. None is needed.
    pub(super) fn open() -> Consoles {
        let active = std::fs::read_to_string(ACTIVE).unwrap_or_default();
        let mut consoles: Vec<Console> = names(&active).filter_map(Console::open).collect();
        if consoles.is_empty() {
            consoles.extend(Console::open("console"));
        }
        Consoles(consoles)
    }

    /// No console at all.
    #[cfg(test)]
    pub(super) fn none() -> Consoles {
        Consoles(Vec::new())
    }

    /// Writes a line to each console.
    pub(super) fn line(&mut self, text: &str) {
        let mut bytes = String::with_capacity(text.len().saturating_add(2));
        bytes.push_str(text);
        // The terminal may have been left in a mode that does not return the carriage.
        bytes.push_str("\r\n");
        for console in &mut self.0 {
            console.write(bytes.as_bytes());
        }
    }

    /// Waits until everything has gone out, for at most [`DRAIN`].
    pub(super) fn drain(&self) {
        let end = deadline(DRAIN);
        while self.0.iter().any(Console::busy) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The device of the preferred console, for a shell.
    pub(super) fn preferred(&self) -> Option<String> {
        self.0
            .last()
            .map(|console| format!("/dev/{}", console.name))
    }
}

impl Console {
    fn open(name: &str) -> Option<Console> {
        let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let tty = rustix::fs::open(format!("/dev/{name}"), flags, Mode::empty()).ok()?;
        Some(Console {
            name: name.to_owned(),
            tty,
            stuck: false,
        })
    }

    fn write(&mut self, mut bytes: &[u8]) {
        let patience = if self.stuck { Duration::ZERO } else { PATIENCE };
        let end = deadline(patience);
        while !bytes.is_empty() {
            match rustix::io::write(&self.tty, bytes) {
                Ok(n) => {
                    bytes = bytes.get(n..).unwrap_or_default();
                    self.stuck = false;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.writable_before(end) => {}
                Err(_) => {
                    self.stuck = true;
                    return;
                }
            }
        }
    }

    fn writable_before(&self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = rustix::event::Timespec::try_from(left).ok();
        let mut fds = [PollFd::from_borrowed_fd(self.tty.as_fd(), PollFlags::OUT)];
        matches!(rustix::event::poll(&mut fds, timeout.as_ref()), Ok(1..))
    }

    /// Is anything left in the output buffer? A stuck console is not waited for.
    fn busy(&self) -> bool {
        !self.stuck && output_queue(self.tty.as_fd()) > 0
    }
}

/// `TIOCOUTQ` of `<asm-generic/ioctls.h>`.
const OUTPUT_QUEUE: rustix::ioctl::Opcode = 0x5411;

/// Bytes that a terminal has not sent yet (ioctl_tty(2)); 0 where it can't say.
#[allow(unsafe_code)] // rustix has no wrapper for this one
fn output_queue(tty: BorrowedFd<'_>) -> libc::c_int {
    use rustix::ioctl::{Getter, ioctl};
    // SAFETY: this operation stores one int and has no other effect.
    let queued = unsafe { ioctl(tty, Getter::<OUTPUT_QUEUE, libc::c_int>::new()) };
    queued.unwrap_or(0)
}

/// The names in the kernel's list; what could leave `/dev` is no name.
fn names(active: &str) -> impl Iterator<Item = &str> {
    active.split_whitespace().filter(|name| {
        name.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    })
}

fn deadline(after: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(after).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_consoles() {
        let list: Vec<&str> = names("tty0 ttyS0\n").collect();
        assert_eq!(list, ["tty0", "ttyS0"]);
        assert_eq!(names("../sda ttyAMA0").collect::<Vec<_>>(), ["ttyAMA0"]);
        assert_eq!(names("").count(), 0);
    }

    /// A pipe that nobody empties stands for a serial line whose other end holds its flow control.
    #[test]
    fn a_stuck_console_holds_up_one_line_and_no_more() {
        let flags = rustix::pipe::PipeFlags::NONBLOCK;
        let (reader, tty) = rustix::pipe::pipe_with(flags).unwrap();
        let mut console = Console {
            name: "ttyS9".to_owned(),
            tty,
            stuck: false,
        };
        console.write(&vec![b'x'; 1 << 20]);
        assert!(console.stuck);
        assert!(!console.busy());

        let mut buffer = vec![0; 1 << 20];
        while rustix::io::read(&reader, &mut buffer).is_ok() {}
        console.write(b"again");
        assert!(!console.stuck);
        assert_eq!(rustix::io::read(&reader, &mut buffer), Ok(5));
    }
}
