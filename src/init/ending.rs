//! The states in which nothing is booted any more, as policy names them.

use std::time::Duration;

use rustix::io::Errno;
use rustix::system::RebootCommand;

use super::log::LOG;
use super::shell::{self, Shell};
use super::supervisor::{Supervisor, reap};
use super::wait::Deadline;
use crate::child::{ChildError, in_child};
use crate::policy::Ending;

/// How often the kernel is asked again that did not take the machine down.
const AGAIN: Duration = Duration::from_secs(10);

/// How long the kernel may take to stop all devices, which it does before it jumps or takes the machine down. A disk
/// that answers at all does so within 30 s; a driver that waits for one that never does holds the others up for ever.
const STOPPING: Duration = Duration::from_secs(40);

/// After which time that wait is shown.
const SHOW: Duration = Duration::from_secs(2);

/// What a panic of the kernel does: with a negative number, a reset at once that asks no device
/// (`Documentation/admin-guide/sysctl/kernel.rst`).
const PANIC: &str = "/proc/sys/kernel/panic";

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
    // A reset that does not come is theirs; what is switched off stays off.
    if command == RebootCommand::PowerOff {
        for line in supervisor.watchdogs().stop() {
            supervisor.say(&line);
        }
    }
    supervisor.watchdogs().leave();
    loop {
        supervisor.consoles().drain();
        if let Err(error) = leave(supervisor, &|| rustix::system::reboot(command)) {
            supervisor.say(&format!("the kernel refuses: {error}"));
        }
        supervisor.pause("asking it again", AGAIN);
    }
}

/// Asks the kernel for what ends it. It comes back only where the kernel refuses: where it does not end in time, the
/// machine is reset without asking any device.
pub(super) fn leave(
    supervisor: &mut Supervisor,
    ask: &dyn Fn() -> Result<(), Errno>,
) -> Result<(), ChildError> {
    let mut wait = Deadline::start(STOPPING);
    let mut waiting = |time: Duration| {
        if time >= SHOW
            && let Some(left) = wait.due()
        {
            supervisor.say(&format!("waiting for the devices to stop, {left} s left"));
        }
    };
    let result = in_child(STOPPING, &mut waiting, ask);
    if result == Err(ChildError::Timeout) {
        supervisor.say("a device does not stop: reset");
        supervisor.consoles().drain();
        // The kernel would wait for the one that hangs whatever else it is asked for, but for the end of process 1.
        let _ = std::fs::write(PANIC, "-1");
        std::process::exit(1);
    }
    result
}

fn give_shell(supervisor: &mut Supervisor) {
    supervisor.copy_log();
    supervisor.say(&format!(
        "a shell as policy says; the log is in {LOG}; `exit` looks again"
    ));
    match run_shell(supervisor) {
        Ok(shell) if shell.is_forgotten() => {
            supervisor.say("nobody has pressed a key in the shell for long: it was ended");
        }
        Ok(_) => {}
        Err(error) => supervisor.say(&format!("can't start a shell: {error}")),
    }
}

/// Waits for its end: that of who has gone is brought about.
fn run_shell(supervisor: &mut Supervisor) -> std::io::Result<Shell> {
    let console = supervisor.consoles().preferred();
    let console = console.unwrap_or_else(|| "/dev/console".to_owned());
    let mut shell = Shell::start(&console)?;
    let idle = supervisor.idle();
    while reap(Some(shell.pid())).is_none() && !shell.hangs() {
        std::thread::sleep(Duration::from_millis(100));
        // A person is there.
        supervisor.pet();
        shell.limit(idle);
    }
    shell.end();
    Ok(shell)
}
