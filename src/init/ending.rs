//! The states in which nothing is booted any more, as policy names them.

use std::cell::RefCell;
use std::time::Duration;

use rustix::system::RebootCommand;

use super::log::LOG;
use super::shell::{self, Shell};
use super::supervisor::{PRINTK, Supervisor, reap};
use super::wait::Deadline;
use crate::child::{ChildError, in_child};
use crate::kexec;
use crate::measure::{self, Measured};
use crate::policy::Ending;
use crate::report::Event;

/// How often the kernel is asked again that does not switch the machine off.
const AGAIN: Duration = Duration::from_secs(10);

/// How long the kernel may take to stop all devices, which it does before it jumps or takes the machine down. A disk
/// that answers at all does so within 30 s; a driver that waits for one that never does holds the others up for ever.
const STOPPING: Duration = Duration::from_secs(40);

/// After which time that wait is shown.
const SHOW: Duration = Duration::from_secs(2);

/// What a panic of the kernel does: with a negative number, a reset at once that asks no device
/// (`Documentation/admin-guide/sysctl/kernel.rst`).
const PANIC: &str = "/proc/sys/kernel/panic";

/// How this kernel is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    Jump,
    Reboot,
    PowerOff,
}

impl Leaving {
    /// In the words of the report.
    fn name(self) -> &'static str {
        match self {
            Leaving::Jump => "jump",
            Leaving::Reboot => "reboot",
            Leaving::PowerOff => "power off",
        }
    }
}

/// The kernel that is to be left.
pub(super) trait Kernel {
    /// Asks it to stop all devices and then to do it. It comes back where it refuses, and where a device does not stop:
    /// with [`ChildError::Timeout`] after [`STOPPING`], in which `waiting` is told how long it takes already.
    fn ask(&self, how: Leaving, waiting: &mut dyn FnMut(Duration)) -> Result<(), ChildError>;

    /// Resets the machine and asks no device. If it comes back, only a watchdog is left.
    fn reset(&self);
}

/// The one that runs.
pub(super) struct Running;

impl Kernel for Running {
    fn ask(&self, how: Leaving, waiting: &mut dyn FnMut(Duration)) -> Result<(), ChildError> {
        in_child(STOPPING, waiting, || match how {
            Leaving::Jump => kexec::jump().map(|never| match never {}),
            Leaving::Reboot => rustix::system::reboot(RebootCommand::Restart),
            Leaving::PowerOff => rustix::system::reboot(RebootCommand::PowerOff),
        })
    }

    fn reset(&self) {
        // What it says of its end would wait for a serial line that is stuck, a second for each letter.
        let _ = std::fs::write(PRINTK, "0");
        // Whatever else it is asked for waits for the device that hangs, but for the end of process 1.
        let _ = std::fs::write(PANIC, "-1");
        std::process::exit(1);
    }
}

/// Reboots or powers off, or gives a shell and comes back when it has ended. Without a shell in the
/// image the machine is reset: policy wanted somebody to look, and there is nothing to look with.
pub(super) fn end(how: Ending, supervisor: &mut Supervisor) {
    match how {
        Ending::Shell if shell::is_there() => return give_shell(supervisor),
        Ending::Shell => {
            supervisor.say("policy asks for a shell, and this image has none: reboot");
            reboot(supervisor, &Running);
        }
        Ending::Reboot => reboot(supervisor, &Running),
        Ending::PowerOff => power_off(supervisor, &Running, AGAIN),
    }
    // Process 1 must not return, whatever the kernel answers.
    supervisor.stand_still()
}

/// Resets the machine: in the orderly way, then in the hard one. If it comes back, the watchdogs are to do it.
fn reboot(supervisor: &mut Supervisor, kernel: &dyn Kernel) {
    supervisor.watchdogs().leave();
    // Refused, nothing hangs, and the hard way is open all the same.
    if leave(Leaving::Reboot, supervisor, kernel) != Err(ChildError::Timeout) {
        reset(supervisor, kernel);
    }
}

/// Switches the machine off, and asks again where the kernel refuses. If it comes back, only a hand or the device that
/// does not stop can do it.
fn power_off(supervisor: &mut Supervisor, kernel: &dyn Kernel, again: Duration) {
    for line in supervisor.watchdogs().switch_off() {
        supervisor.say(&line);
    }
    while leave(Leaving::PowerOff, supervisor, kernel) != Err(ChildError::Timeout) {
        supervisor.pause("asking it again", again);
    }
}

/// Asks the kernel to be left. It comes back where it refuses. Where a device does not stop in time the machine is
/// reset without asking any, unless the policy wants it to be off by now: that comes back, with
/// [`ChildError::Timeout`], and nothing but [`Supervisor::stand_still`] may follow.
pub(super) fn leave(
    how: Leaving,
    supervisor: &mut Supervisor,
    kernel: &dyn Kernel,
) -> Result<(), ChildError> {
    supervisor.drain();
    let is_off = is_off_where_it_hangs(how, supervisor);
    let mut wait = Deadline::start(STOPPING);
    let result = kernel.ask(how, &mut |time| {
        // What is to be off is not reset by a watchdog that can't be stopped.
        match how {
            Leaving::PowerOff => supervisor.pet(),
            Leaving::Jump if is_off && time >= SHOW => supervisor.watchdogs().hold(),
            _ => {}
        }
        if time >= SHOW
            && let Some(left) = wait.due()
        {
            supervisor.say(&format!("waiting for the devices to stop, {left} s left"));
        }
    });
    match result {
        Err(ChildError::Timeout) => hang(how, supervisor, kernel),
        Err(error) => supervisor.say(&format!("the kernel refuses to {}: {error}", how.name())),
        Ok(()) => {}
    }
    result
}

/// Should a device not stop, does the policy want the machine to be off rather than to be reset?
fn is_off_where_it_hangs(how: Leaving, supervisor: &Supervisor) -> bool {
    match how {
        Leaving::Jump => supervisor.failed_entry() == Some(Ending::PowerOff),
        Leaving::Reboot => false,
        Leaving::PowerOff => true,
    }
}

/// A device does not stop, and the kernel waits for it with everything else that would stop devices.
fn hang(how: Leaving, supervisor: &mut Supervisor, kernel: &dyn Kernel) {
    let off = is_off_where_it_hangs(how, supervisor);
    let (what, then) = (how.name(), if off { "wait" } else { "reset" });
    supervisor.put(&Event::Hung { what, then });
    if !off {
        supervisor.say("a device does not stop: reset");
        return reset(supervisor, kernel);
    }
    // A reset would start what the policy wants to be off.
    supervisor.say("a device does not stop: the machine stands still until it does");
    // Those that were handed over to another kernel are ours again.
    supervisor.pet();
    for line in supervisor.watchdogs().switch_off() {
        supervisor.say(&line);
    }
}

fn reset(supervisor: &mut Supervisor, kernel: &dyn Kernel) {
    // Armed again where they were handed over: should the reset hang as well, it is theirs.
    supervisor.pet();
    supervisor.watchdogs().leave();
    supervisor.drain();
    kernel.reset();
}

fn give_shell(supervisor: &mut Supervisor) {
    // A TPM may let us wait for as long as a watchdog.
    let waiting = RefCell::new(&mut *supervisor);
    let measured = match Measured::shell(&|| waiting.borrow_mut().pet()) {
        Ok(measured) => measured,
        Err(error) => return supervisor.say(&format!("{}: {error}", measure::UNTOLD)),
    };
    let words = measured.words();
    supervisor.put(&Event::Measured { what: words });
    supervisor.say(words);
    supervisor.say(&format!(
        "a shell as policy says; the log is in {LOG}; `exit` looks again"
    ));
    supervisor.copy_log();
    match run_shell(supervisor, measured) {
        Ok(shell) if shell.is_forgotten() => {
            supervisor.say("nobody has pressed a key in the shell for long: it was ended");
        }
        Ok(_) => {}
        Err(error) => supervisor.say(&format!("can't start a shell: {error}")),
    }
}

/// Waits for its end: that of who has gone is brought about.
fn run_shell(supervisor: &mut Supervisor, measured: Measured) -> std::io::Result<Shell> {
    let console = supervisor.consoles().preferred();
    let console = console.unwrap_or_else(|| "/dev/console".to_owned());
    let mut shell = Shell::start(&console, measured)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{AfterEntry, Failure};
    use rustix::io::Errno;

    /// One that answers in these ways, one after the other.
    struct Fake {
        answers: RefCell<Vec<Result<(), ChildError>>>,
        asked: RefCell<Vec<&'static str>>,
    }

    impl Kernel for Fake {
        fn ask(&self, how: Leaving, waiting: &mut dyn FnMut(Duration)) -> Result<(), ChildError> {
            waiting(SHOW);
            self.asked.borrow_mut().push(how.name());
            self.answers.borrow_mut().remove(0)
        }

        fn reset(&self) {
            self.asked.borrow_mut().push("reset");
        }
    }

    const REFUSED: Result<(), ChildError> = Err(ChildError::Errno(Errno::PERM));
    const HANGS: Result<(), ChildError> = Err(ChildError::Timeout);

    /// What a kernel with these answers is asked for, and what is said.
    fn brought_about(
        answers: &[Result<(), ChildError>],
        entry: Option<Ending>,
        work: impl Fn(&mut Supervisor, &dyn Kernel),
    ) -> (Vec<&'static str>, String) {
        let fake = Fake {
            answers: RefCell::new(answers.to_vec()),
            asked: RefCell::default(),
        };
        let failure = Failure {
            entry: entry.map_or(AfterEntry::Next, AfterEntry::End),
            ..Failure::default()
        };
        let mut supervisor = Supervisor::unheard(failure);
        work(&mut supervisor, &fake);
        (fake.asked.into_inner(), supervisor.said())
    }

    #[test]
    fn a_reboot_that_hangs_or_is_refused_is_a_reset() {
        for answer in [HANGS, REFUSED, Err(ChildError::Killed)] {
            let (asked, said) = brought_about(&[answer], None, |s, k| reboot(s, k));
            assert_eq!(asked, ["reboot", "reset"], "{answer:?}");
            let hangs = said.contains("a device does not stop: reset");
            assert_eq!(hangs, answer == HANGS, "{said}");
            assert!(said.contains("waiting for the devices to stop, "), "{said}");
        }
    }

    #[test]
    fn what_is_to_be_off_is_never_reset() {
        let answers = [REFUSED, REFUSED, HANGS];
        let again = Duration::ZERO;
        let (asked, said) = brought_about(&answers, None, |s, k| power_off(s, k, again));
        assert_eq!(asked, ["power off"; 3]);
        assert!(said.contains("refuses to power off: "), "{said}");
        assert!(said.contains("stands still until it does"), "{said}");
    }

    #[test]
    fn a_jump_that_hangs_ends_as_the_policy_says_for_an_entry_that_failed() {
        let jump = |s: &mut Supervisor, k: &dyn Kernel| {
            let _ = leave(Leaving::Jump, s, k);
        };
        for entry in [None, Some(Ending::Reboot), Some(Ending::Shell)] {
            let (asked, _) = brought_about(&[HANGS], entry, jump);
            assert_eq!(asked, ["jump", "reset"], "{entry:?}");
        }
        let (asked, said) = brought_about(&[HANGS], Some(Ending::PowerOff), jump);
        assert_eq!(asked, ["jump"]);
        assert!(said.contains("stands still"), "{said}");
        // Refused, it is for who has asked to go on.
        let (asked, said) = brought_about(&[REFUSED], None, jump);
        assert_eq!(asked, ["jump"]);
        assert!(said.contains("the kernel refuses to jump: "), "{said}");
    }

    #[test]
    fn a_jump_that_takes_long_is_not_reset_where_it_is_to_end_off() {
        let path = std::env::temp_dir().join(format!("pl-jump-{}", std::process::id()));
        for (entry, petted) in [
            (Some(Ending::PowerOff), true),
            (Some(Ending::Reboot), false),
        ] {
            let file = std::fs::File::create(&path).unwrap();
            brought_about(&[REFUSED], entry, |supervisor, kernel| {
                supervisor.watchdogs().add(file.try_clone().unwrap());
                let _ = leave(Leaving::Jump, supervisor, kernel);
            });
            assert_eq!(file.metadata().unwrap().len() > 0, petted, "{entry:?}");
        }
        std::fs::remove_file(path).unwrap();
    }
}
