//! The shell of an image that has one, on a console.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::OFlags;
use rustix::process::Signal;

/// Where a board puts it.
const SHELL: &str = "/bin/sh";

/// Has the image one?
pub(super) fn is_there() -> bool {
    Path::new(SHELL).exists()
}

/// Starts it on a console, such as `/dev/ttyS0`. It ends with its parent.
///
/// The console does not become its controlling terminal: with the end of a session the kernel hangs up the terminal for
/// all who have it open (`disassociate_ctty` in `drivers/tty/tty_jobctrl.c`), and the menu and the log would lose it.
/// So there is no job control, and Ctrl-C is a character.
///
/// # Errors
/// The console can't be opened, or the shell not be started.
#[allow(unsafe_code)] // the signal is asked for between fork and exec
pub(super) fn start(console: &str) -> io::Result<Child> {
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
        .env("PATH", "/bin:/sbin");
    let with_parent = || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        Ok(())
    };
    // SAFETY: it is a system call that a child may make between fork and exec; nothing is allocated.
    unsafe { command.pre_exec(with_parent) };
    let child = command.spawn();
    child.map_err(|error| io::Error::new(error.kind(), format!("{SHELL}: {error}")))
}
