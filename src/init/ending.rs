//! The states in which nothing is booted any more, as policy names them.

use std::time::Duration;

use rustix::process::Pid;
use rustix::system::RebootCommand;

use super::log::LOG;
use super::shell;
use super::supervisor::{Supervisor, reap};
use crate::policy::Ending;

/// How often the kernel is asked again that did not take the machine down.
const AGAIN: Duration = Duration::from_secs(10);

/// Reboots or powers off, or gives a shell and comes back when it has ended. Without a shell in the
/// image the machine is reset: policy wanted somebody to look, and there is nothing to look with.
pub(super) fn end(how: Ending, supervisor: &mut Supervisor) {
    match how {
        Ending::Shell if shell::is_there() => give_shell(supervisor),
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

fn give_shell(supervisor: &mut Supervisor) {
    supervisor.copy_log();
    supervisor.say(&format!(
        "a shell as policy says; the log is in {LOG}; `exit` looks again"
    ));
    if let Err(error) = run_shell(supervisor) {
        supervisor.say(&format!("can't start a shell: {error}"));
    }
}

fn run_shell(supervisor: &mut Supervisor) -> std::io::Result<()> {
    let console = supervisor.consoles().preferred();
    let console = console.unwrap_or_else(|| "/dev/console".to_owned());
    let child = Pid::from_child(&shell::start(&console)?);
    while reap(Some(child)).is_none() {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
