//! The shell of an image that has one, on a console.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

/// Where a board puts it.
const SHELL: &str = "/bin/sh";

/// Has the image one?
pub(super) fn is_there() -> bool {
    Path::new(SHELL).exists()
}

/// Starts it in a session of its own on a console, such as `/dev/ttyS0`. It ends with its parent.
///
/// # Errors
/// The console can't be opened, or the shell not be started.
#[allow(unsafe_code)] // the new session is made between fork and exec
pub(super) fn start(console: &str) -> io::Result<Child> {
    let tty = File::options().read(true).write(true).open(console)?;
    let mut command = Command::new(SHELL);
    command
        .stdin(Stdio::from(tty.try_clone()?))
        .stdout(Stdio::from(tty.try_clone()?))
        .stderr(Stdio::from(tty))
        .env("PATH", "/bin:/sbin");
    let session = || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        rustix::process::setsid()?;
        rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
        Ok(())
    };
    // SAFETY: all are system calls that a child may make between fork and exec; nothing is allocated.
    unsafe { command.pre_exec(session) };
    let child = command.spawn();
    child.map_err(|error| io::Error::new(error.kind(), format!("{SHELL}: {error}")))
}
