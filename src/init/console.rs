//! The consoles: every `console=` of the flash kernel gets every line, and none can hold up a boot. A loader may
//! show its menu there instead: what it leaves behind is put right here, however it ended.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios};

use crate::policy;

/// The kernel's list of consoles that are in use, the preferred one last
/// (`Documentation/ABI/testing/sysfs-tty`).
const ACTIVE: &str = "/sys/class/tty/console/active";

/// A console is stuck when nothing has left its output queue for this long. A healthy one sends a byte
/// in a millisecond at 9,600 baud.
const PATIENCE: Duration = Duration::from_millis(300);

/// How long one line, and everything that is left before a jump, may take all the same: 4 KiB in the
/// queue and 4 KiB behind it take 8.6 s at 9,600 baud. Whoever lets a byte through now and then holds
/// nothing up for longer.
const LIMIT: Duration = Duration::from_secs(10);

/// How often a queue is looked at. The terminal calls itself writable only when less than 256 bytes are
/// queued (`n_tty_poll`), though there is room and it moves long before.
const LOOK: Duration = Duration::from_millis(5);

/// The set of characters, scrolling, style and cursor as after a reset, and a line below all that is shown (VT100 User
/// Guide, SI, DECSTBM, SGR, CUP; console_codes(4), DECTCEM). What had begun before ends with the first escape.
const BELOW: &[u8] = b"\x0f\x1b[r\x1b[m\x1b[?25h\x1b[999H\r\n";

/// All consoles.
pub(super) struct Consoles(Vec<Console>);

/// One of them, or another terminal.
pub(super) struct Console {
    name: String,
    tty: OwnedFd,
    /// Its modes as the kernel has made them.
    modes: Option<Termios>,
    /// It did not take bytes in time: it is passed over until it does again.
    stuck: bool,
}

impl Consoles {
    /// Opens what the kernel uses, or `/dev/console` where it does not say. None is needed.
    pub(super) fn open() -> Consoles {
        let names = active().into_iter();
        let mut consoles: Vec<Console> = names.filter_map(|name| Console::open(&name)).collect();
        if consoles.is_empty() {
            consoles.extend(Console::open("console"));
        }
        Consoles(consoles)
    }

    /// None at all.
    #[cfg(test)]
    pub(super) fn none() -> Consoles {
        Consoles(Vec::new())
    }

    /// Puts back the modes that a menu needs. Where one was shown, what follows stands below it.
    pub(super) fn restore(&mut self, shown: bool, policy: &policy::Menu) {
        for console in &mut self.0 {
            if let Some(modes) = &console.modes {
                // Not after what is queued has gone out: that may take for ever.
                let _ = rustix::termios::tcsetattr(&console.tty, OptionalActions::Now, modes);
            }
            if shown {
                let bytes = match knows_sequences(&console.name, policy) {
                    true => BELOW,
                    false => b"\r\n",
                };
                console.write(bytes);
            }
        }
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

    /// Waits until everything has gone out, as long as it moves, for at most [`LIMIT`].
    pub(super) fn drain(&mut self) {
        let end = deadline(LIMIT);
        for console in &mut self.0 {
            console.drain(end);
        }
    }

    /// How many bytes the slowest console takes in this time: ten bits are a byte.
    pub(super) fn bytes_in(&self, time: Duration) -> usize {
        let modes = self.0.iter().filter_map(|console| console.modes.as_ref());
        let slowest = modes.map(Termios::output_speed).min().unwrap_or(0).max(300);
        let bytes = u64::from(slowest / 10).saturating_mul(time.as_secs());
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// The device of the preferred console, for a shell.
    pub(super) fn preferred(&self) -> Option<String> {
        self.0
            .last()
            .map(|console| format!("/dev/{}", console.name))
    }
}

impl Console {
    /// Opens the one with this name below `/dev`. What is no terminal is left alone: it may be a disk.
    pub(super) fn open(name: &str) -> Option<Console> {
        let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let tty = rustix::fs::open(format!("/dev/{name}"), flags, Mode::empty()).ok()?;
        let modes = rustix::termios::tcgetattr(&tty).ok()?;
        Some(Console {
            name: name.to_owned(),
            tty,
            modes: Some(modes),
            stuck: false,
        })
    }

    /// Writes, as long as it takes what is written.
    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        let end = deadline(LIMIT);
        let mut movement = Movement::new(Instant::now());
        while !bytes.is_empty() {
            match rustix::io::write(&self.tty, bytes) {
                Ok(n @ 1..) => {
                    bytes = bytes.get(n..).unwrap_or_default();
                    self.stuck = false;
                    movement = Movement::new(Instant::now());
                }
                Err(Errno::INTR) => {}
                // One that was stuck before is not waited for again.
                Ok(0) | Err(Errno::AGAIN) if !self.stuck && self.moves(&mut movement, end) => {}
                _ => {
                    self.stuck = true;
                    return;
                }
            }
        }
    }

    /// As [`Consoles::drain`].
    pub(super) fn drain_alone(&mut self) {
        self.drain(deadline(LIMIT));
    }

    /// Waits until the output queue is empty, unless nothing moves in it.
    fn drain(&mut self, end: Instant) {
        let mut movement = Movement::new(Instant::now());
        while !self.stuck && output_queue(self.tty.as_fd()) > 0 {
            self.stuck = !self.moves(&mut movement, end);
        }
    }

    /// Waits a moment; `false` when nothing has moved for too long.
    fn moves(&self, movement: &mut Movement, end: Instant) -> bool {
        let now = Instant::now();
        let queued = output_queue(self.tty.as_fd());
        if now >= end || !movement.goes_on(queued, now) {
            return false;
        }
        // Not `poll`: a terminal that does not call itself writable may have room, and one that hangs up
        // always answers at once.
        std::thread::sleep(LOOK);
        true
    }
}

/// Whether an output queue gets shorter.
struct Movement {
    shortest: libc::c_int,
    since: Instant,
}

impl Movement {
    fn new(now: Instant) -> Movement {
        Movement {
            shortest: libc::c_int::MAX,
            since: now,
        }
    }

    /// Has it become shorter within [`PATIENCE`]?
    fn goes_on(&mut self, queued: libc::c_int, now: Instant) -> bool {
        if queued < self.shortest {
            self.shortest = queued;
            self.since = now;
        }
        now.saturating_duration_since(self.since) < PATIENCE
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

/// The names of all consoles below `/dev`, the preferred one last.
pub(super) fn active() -> Vec<String> {
    let active = std::fs::read_to_string(ACTIVE).unwrap_or_default();
    names(&active).map(str::to_owned).collect()
}

/// Does a console understand a VT100's sequences? The kernel's own screen does, and a line has a terminal behind it
/// unless the policy says otherwise.
pub(super) fn knows_sequences(name: &str, policy: &policy::Menu) -> bool {
    let number = name.strip_prefix("tty").unwrap_or_default();
    let screen = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    screen || !policy.plain
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
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    #[test]
    fn names_of_consoles() {
        let list: Vec<&str> = names("tty0 ttyS0\n").collect();
        assert_eq!(list, ["tty0", "ttyS0"]);
        assert_eq!(names("../sda ttyAMA0").collect::<Vec<_>>(), ["ttyAMA0"]);
        assert_eq!(names("").count(), 0);
    }

    #[test]
    fn a_policy_may_want_lines_where_no_screen_is() {
        let plain = policy::Menu {
            plain: true,
            ..policy::Menu::default()
        };
        for (name, always) in [
            ("tty0", true),
            ("tty", false),
            ("ttyS0", false),
            ("hvc0", false),
        ] {
            assert!(knows_sequences(name, &policy::Menu::default()));
            assert_eq!(knows_sequences(name, &plain), always, "{name}");
        }
    }

    #[test]
    fn what_is_no_terminal_gets_nothing() {
        assert!(Console::open("null").is_none());
        assert!(Console::open("ptmx").is_some());
    }

    fn console(tty: OwnedFd) -> Console {
        Console {
            name: "ttyS9".to_owned(),
            tty,
            modes: None,
            stuck: false,
        }
    }

    #[test]
    fn what_a_menu_leaves_is_put_right_before_the_next_line() {
        let (mut reader, tty) = UnixStream::pair().unwrap();
        let mut consoles = Consoles(vec![console(tty.into())]);
        let plain = policy::Menu {
            plain: true,
            ..policy::Menu::default()
        };
        consoles.restore(false, &plain);
        consoles.restore(true, &plain);
        consoles.restore(true, &policy::Menu::default());
        drop(consoles);
        let mut sent = Vec::new();
        reader.read_to_end(&mut sent).unwrap();
        assert_eq!(sent, [b"\r\n", BELOW].concat());
    }

    /// A pipe that nobody empties stands for a serial line whose other end holds its flow control.
    #[test]
    fn a_stuck_console_holds_up_one_line_and_no_more() {
        let flags = rustix::pipe::PipeFlags::NONBLOCK;
        let (reader, tty) = rustix::pipe::pipe_with(flags).unwrap();
        let mut console = console(tty);
        console.write(&vec![b'x'; 1 << 20]);
        assert!(console.stuck);
        let start = Instant::now();
        console.write(b"nobody waits for this");
        console.drain(deadline(LIMIT));
        assert!(start.elapsed() < PATIENCE);

        let mut buffer = vec![0; 1 << 20];
        while rustix::io::read(&reader, &mut buffer).is_ok() {}
        console.write(b"again");
        assert!(!console.stuck);
        assert_eq!(rustix::io::read(&reader, &mut buffer), Ok(5));
    }

    /// A socket stands for a slow serial line: it has the same question for its queue, too, and calls
    /// itself writable only when most of it is gone.
    #[test]
    fn a_slow_console_loses_nothing() {
        let (reader, tty) = UnixStream::pair().unwrap();
        tty.set_nonblocking(true).unwrap();
        let pause = Duration::from_millis(40);
        let slow = std::thread::spawn(move || {
            let (mut reader, mut buffer, mut all) = (reader, [0; 4096], Vec::new());
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                all.extend_from_slice(&buffer[..n]);
                std::thread::sleep(pause);
            }
            all
        });
        rustix::net::sockopt::set_socket_send_buffer_size(&tty, 64 << 10).unwrap();
        let mut console = console(tty.into());
        let line = [b'x'; 1024];
        for _ in 0..128 {
            console.write(&line);
            assert!(!console.stuck);
        }
        console.drain(deadline(LIMIT));
        assert!(!console.stuck);
        assert_eq!(output_queue(console.tty.as_fd()), 0);
        drop(console);
        assert_eq!(slow.join().unwrap().len(), 128 * line.len());
    }

    #[test]
    fn what_gets_shorter_goes_on_and_what_stays_does_not() {
        let start = Instant::now();
        let mut movement = Movement::new(start);
        for step in 1..100 {
            assert!(movement.goes_on(4096 - step, start + PATIENCE / 2 * step as u32));
        }
        let last = start + PATIENCE / 2 * 99;
        assert!(movement.goes_on(3997, last + PATIENCE / 2));
        assert!(!movement.goes_on(3997, last + PATIENCE));
    }
}
