//! The states in which nothing is booted any more, as policy names them.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Pid;
use rustix::system::RebootCommand;

use super::supervisor::{Supervisor, reap};
use crate::policy::Ending;

/// The emergency shell, where a board puts one into its image.
const SHELL: &str = "/bin/sh";

/// Where the log is copied for the shell.
const LOG: &str = "/run/pilotlight/log";

/// How often the kernel is asked again that did not take the machine down.
const AGAIN: Duration = Duration::from_secs(10);

/// Reboots or powers off, or gives a shell and comes back when it has ended. Without a shell in the
/// image the machine is reset: policy wanted somebody to look, and there is nothing to look with.
pub(super) fn end(how: Ending, supervisor: &mut Supervisor) {
    match how {
        Ending::Shell if Path::new(SHELL).exists() => shell(supervisor),
        Ending::Shell => {
            supervisor.say("policy asks for a shell, and this image has none: reboot");
            stop(RebootCommand::Restart, supervisor)
        }
        Ending::Reboot => stop(RebootCommand::Restart, supervisor),
        Ending::PowerOff => stop(RebootCommand::PowerOff, supervisor),
    }
}

/// Process 1 must not return, whatever the kernel answers.
fn stop(command: RebootCommand, supervisor: &mut Supervisor) -> ! {
    loop {
        supervisor.consoles().drain();
        if let Err(errno) = rustix::system::reboot(command) {
            supervisor.say(&format!("the kernel refuses: {errno}"));
        }
        supervisor.pause("asking it again", AGAIN);
    }
}

fn shell(supervisor: &mut Supervisor) {
    if let Err(error) = copy_log(supervisor) {
        supervisor.say(&format!("can't copy the log to {LOG}: {error}"));
    }
    supervisor.say(&format!(
        "a shell as policy says; the log is in {LOG}; `exit` looks again"
    ));
    if let Err(error) = run_shell(supervisor) {
        supervisor.say(&format!("can't start {SHELL}: {error}"));
    }
}

fn copy_log(supervisor: &Supervisor) -> std::io::Result<()> {
    if let Some(directory) = Path::new(LOG).parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = File::create(LOG)?;
    for line in supervisor.log() {
        writeln!(file, "{line}")?;
    }
    Ok(())
}

#[allow(unsafe_code)] // the new session is made between fork and exec
fn run_shell(supervisor: &mut Supervisor) -> std::io::Result<()> {
    let console = supervisor.consoles().preferred();
    let console = console.unwrap_or_else(|| "/dev/console".to_owned());
    let tty = File::options().read(true).write(true).open(console)?;
    let mut command = Command::new(SHELL);
    command
        .stdin(Stdio::from(tty.try_clone()?))
        .stdout(Stdio::from(tty.try_clone()?))
        .stderr(Stdio::from(tty))
        .env("PATH", "/bin:/sbin");
    let session = || {
        rustix::process::setsid()?;
        rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
        Ok(())
    };
    // SAFETY: both are system calls that a child may make between fork and exec; nothing is allocated.
    unsafe { command.pre_exec(session) };
    let child = command.spawn()?;
    let child = Pid::from_child(&child);
    while reap(Some(child)).is_none() {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
