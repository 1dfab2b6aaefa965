//! [`Shell`]: the shell of an image that has one, on a console.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal};

use crate::measure::Measured;

/// How long a shell that was ended may take to end.
const DEATH: Duration = Duration::from_secs(5);

/// Where a board puts it.
const SHELL: &str = "/bin/sh";

/// Has the image one?
pub(super) fn is_there() -> bool {
    Path::new(SHELL).exists()
}

/// A shell that was started.
pub(super) struct Shell {
    child: Child,
    device: PathBuf,
    /// When the kernel says that a key was taken from the console last, by its own clock,
    key: Option<SystemTime>,
    /// and when that was seen.
    seen: Instant,
    /// When it was ended for want of a person.
    forgotten: Option<Instant>,
}

impl Shell {
    /// Starts it on a console, such as `/dev/ttyS0`, once it was measured. It ends with its parent.
    ///
    /// The console does not become its controlling terminal: with the end of a session the kernel hangs up the terminal
    /// for all who have it open (`disassociate_ctty` in `drivers/tty/tty_jobctrl.c`), and the menu and the log would
    /// lose it. So there is no job control, and Ctrl-C is a character.
    ///
    /// # Errors
    /// The console can't be opened, or the shell not be started.
    #[allow(unsafe_code)] // the signal is asked for between fork and exec
    pub(super) fn start(console: &str, _: Measured) -> io::Result<Shell> {
        let flags = OFlags::NOCTTY.bits().cast_signed();
        let tty = File::options()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(console)?;
        let mut command = Command::new(SHELL);
        command
            .stdin(Stdio::from(tty.try_clone()?))
            .stdout(Stdio::from(tty.try_clone()?))
            .stderr(Stdio::from(tty))
            .env("PATH", "/bin:/sbin")
            // What it starts ends with it.
            .process_group(0);
        let with_parent = || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            Ok(())
        };
        // SAFETY: it is a system call that a child may make between fork and exec; nothing is allocated.
        unsafe { command.pre_exec(with_parent) };
        let child = command.spawn();
        let child =
            child.map_err(|error| io::Error::new(error.kind(), format!("{SHELL}: {error}")))?;
        let device = PathBuf::from(console);
        Ok(Shell {
            child,
            key: last_key(&device),
            device,
            seen: Instant::now(),
            forgotten: None,
        })
    }

    /// Its process, for who collects all children.
    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Has it ended? It is collected then. One that hangs in the kernel is left behind.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) || self.hangs()
    }

    /// Does it hang where no signal reaches it, such as at a disk that has died?
    pub(super) fn hangs(&self) -> bool {
        self.forgotten.is_some_and(|ended| ended.elapsed() >= DEATH)
    }

    /// Ends it when nobody has pressed a key for so long. What it prints meanwhile is no sign of a person.
    pub(super) fn limit(&mut self, idle: Option<Duration>) {
        let key = last_key(&self.device);
        if key != self.key {
            self.key = key;
            self.seen = Instant::now();
        }
        if self.forgotten.is_none() && has_gone(self.seen.elapsed(), idle) {
            self.forgotten = Some(Instant::now());
            self.end();
        }
    }

    /// Was it ended since nobody was there?
    pub(super) fn is_forgotten(&self) -> bool {
        self.forgotten.is_some()
    }

    /// Ends it and what it has started.
    pub(super) fn end(&self) {
        let _ = rustix::process::kill_process_group(self.pid(), Signal::KILL);
    }
}

/// Keys are seen in steps of this time: within one, the kernel writes down the first alone (`tty_update_time` in
/// `drivers/tty/tty_io.c`).
const STEP: Duration = Duration::from_secs(8);

/// Has whoever was here gone, when a key was seen last so long ago? A later one may be in the same step, unseen.
fn has_gone(since: Duration, idle: Option<Duration>) -> bool {
    idle.is_some_and(|idle| since >= idle.saturating_add(STEP))
}

/// When a byte was read from a terminal last, in the steps of the kernel.
fn last_key(device: &Path) -> Option<SystemTime> {
    std::fs::metadata(device).ok()?.accessed().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With keys in each second, the kernel says nothing new for 8 seconds.
    #[test]
    fn who_presses_keys_is_there_whatever_the_kernel_has_not_written_down() {
        let after = |seconds, idle| has_gone(Duration::from_secs_f64(seconds), idle);
        for idle in [1, 5, 300] {
            let idle = Duration::from_secs(idle);
            let unseen = idle.as_secs_f64() + 7.9;
            assert!(!after(unseen, Some(idle)), "{idle:?}");
            assert!(after(unseen + 0.2, Some(idle)), "{idle:?}");
        }
        assert!(!after(1e9, None));
    }
}
