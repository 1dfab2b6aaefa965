//! The parent: it starts the loader, listens to it, and acts on how it ends.

use std::cell::Cell;
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::console::Consoles;
use super::ending::Leaving;
use super::journal::Journal;
use super::log::{LOG, Memory, Uptime};
use super::lost::Lost;
use super::place::Place;
use super::pulse::Limits;
use super::running::{Ended, Running, Said};
use super::settings::Settings;
use super::wait::Deadline;
use super::watchdogs::Watchdogs;
use super::{VOLUMES, ending, loader, mounts};
use crate::boot::{Stage, Timeline};
use crate::child::ChildError;
#[cfg(test)]
use crate::policy::Failure;
use crate::policy::{Action, AfterEntry, Ending, Policy};
use crate::report::{Event, Text};

/// The kernel's level of messages for the consoles (`Documentation/admin-guide/sysctl/kernel.rst`).
pub(super) const PRINTK: &str = "/proc/sys/kernel/printk";

/// How long printing what was logged under a menu may take on the slowest console: a kernel may be loaded, and waits.
const CATCH_UP: Duration = Duration::from_secs(5);

/// How often watchdogs that can't be stopped are petted while nothing else happens.
const STILL: Duration = Duration::from_secs(1);

/// A round in which the loader died as often as this has failed.
const MAX_CRASHES: u32 = 10;

/// Everything that outlives a loader.
pub(super) struct Supervisor {
    consoles: Consoles,
    memory: Memory,
    policy: Policy,
    journal: Journal,
    watchdogs: Watchdogs,
    /// A loader shows its menu on the consoles: the kernel's level of messages for them before.
    lent: Option<String>,
}

/// How a round ended.
#[derive(Debug, PartialEq, Eq)]
enum Round {
    /// A kernel is loaded; the entry, where it was told.
    Loaded(Option<Place>),
    /// Nothing could be booted.
    Nothing,
    /// An entry has failed, and the policy wants no other one to be tried.
    Stopped,
    /// The loader died, or hangs.
    Died {
        /// How, in words.
        how: String,
        /// What it was at work on, if anything.
        place: Option<Place>,
    },
}

/// Process 1. It ends only by a jump into another kernel or by turning the machine off.
pub fn main() -> ! {
    let mut timeline = Timeline::start();
    let failures = timeline.run(Stage::Mounts, mounts::mount_all);
    let mut supervisor = Supervisor {
        consoles: timeline.run(Stage::Consoles, Consoles::open),
        memory: Memory::default(),
        policy: Policy::default(),
        journal: Journal::default(),
        watchdogs: Watchdogs::new(Policy::default().watchdog),
        lent: None,
    };
    supervisor.say(&format!("pilotlight {}", env!("CARGO_PKG_VERSION")));
    for failure in failures {
        supervisor.say(&failure);
    }
    timeline.run(Stage::Settings, || supervisor.read_policy());
    supervisor.say(&format!("started: {timeline}"));
    let mut number: u32 = 0;
    loop {
        number = number.saturating_add(1);
        let stopped = supervisor.round() == Round::Stopped;
        supervisor.journal.put(&Event::RoundOver { round: number });
        let failure = supervisor.policy.failure.clone();
        let action = match failure.entry.ending().filter(|_| stopped) {
            Some(ending) => Action::End(ending),
            None => failure.after(number),
        };
        let pause = failure.pause;
        match action {
            Action::Retry => supervisor.pause("trying again", pause),
            Action::End(how) => {
                supervisor.pause(&how.to_string(), pause);
                let name = how.to_string();
                supervisor.journal.put(&Event::Ending { how: &name });
                ending::end(how, &mut supervisor);
            }
        }
    }
}

impl Supervisor {
    /// Logs a line with the time and prints it on every console, now or when a menu has left them.
    pub(super) fn say(&mut self, text: &str) {
        let line = format!("{} {text}", Uptime::now());
        if self.lent.is_none() {
            self.consoles.line(&line);
            self.memory.push(line);
        } else {
            self.memory.push(line);
            self.memory.mark_unseen();
        }
    }

    /// Leaves the consoles to the menu of a loader. Warnings of the kernel would stand in the middle of it; they are
    /// in its own log.
    fn lend(&mut self) {
        if self.lent.is_none() {
            self.lent = Some(std::fs::read_to_string(PRINTK).unwrap_or_default());
            let _ = std::fs::write(PRINTK, "1");
        }
    }

    /// Takes the consoles back, as they were before the loader, and prints what was logged while it showed a menu, if
    /// it did.
    fn take_back(&mut self) {
        let lent = self.lent.take();
        self.consoles.restore(lent.is_some(), &self.policy.menu);
        let Some(level) = lent else {
            return;
        };
        let _ = std::fs::write(PRINTK, level);
        let (lines, left_out) = self.memory.take_unseen(self.consoles.bytes_in(CATCH_UP));
        if left_out != 0 {
            let text = format!("{left_out} older lines of the log are left out here");
            self.consoles.line(&format!("{} {text}", Uptime::now()));
        }
        for line in lines {
            self.consoles.line(&line);
        }
    }

    /// Copies the log for whoever gets a shell.
    pub(super) fn copy_log(&mut self) {
        if let Err(error) = self.memory.copy() {
            self.say(&format!("can't copy the log to {LOG}: {error}"));
        }
    }

    /// After so long without a key, who had a shell has gone.
    pub(super) fn idle(&self) -> Option<Duration> {
        self.policy.menu.timeout.idle
    }

    pub(super) fn consoles(&mut self) -> &mut Consoles {
        &mut self.consoles
    }

    fn read_policy(&mut self) {
        let settings = Settings::early(&mut |text| self.say(text));
        self.policy = settings.policy();
        self.journal = Journal::open(&self.policy.report);
        let version = env!("CARGO_PKG_VERSION");
        self.journal.put(&Event::Started { version });
        self.journal.put_overrides(&settings.set(false));
        self.watchdogs = Watchdogs::new(self.policy.watchdog.clone());
        self.pet();
    }

    /// How long a loader may do what, for now.
    fn limits(&self) -> Limits {
        Limits::of(self.policy.failure.limit).within(self.watchdogs.timeout())
    }

    /// Something gets on: the machine is not reset for now.
    pub(super) fn pet(&mut self) {
        for line in self.watchdogs.pet() {
            self.say(&line);
        }
    }

    pub(super) fn watchdogs(&mut self) -> &mut Watchdogs {
        &mut self.watchdogs
    }

    /// Writes down for machines what has happened.
    pub(super) fn put(&mut self, event: &Event<'_>) {
        self.journal.put(event);
    }

    /// Waits until all that was said and written down has gone out, as long as it moves.
    pub(super) fn drain(&mut self) {
        self.consoles.drain();
        self.journal.drain();
    }

    /// What the policy wants when an entry has failed, other than the next one.
    pub(super) fn failed_entry(&self) -> Option<Ending> {
        self.policy.failure.entry.ending()
    }

    /// Is no other entry tried when one has failed, whatever its configuration wants?
    fn is_last(&self) -> bool {
        matches!(self.policy.failure.entry, AfterEntry::End(_))
    }

    /// Nothing more can be done but to wait: for a device that does not stop, or for a watchdog.
    pub(super) fn stand_still(&mut self) -> ! {
        loop {
            std::thread::sleep(STILL);
            reap(None);
            self.pet();
        }
    }

    /// Waits, says so before, and shows now and then what is left.
    pub(super) fn pause(&mut self, what: &str, time: Duration) {
        let mut wait = Deadline::start(time);
        loop {
            if let Some(left) = wait.due() {
                self.say(&format!("{what} in {left} s"));
            }
            std::thread::sleep(wait.step());
            reap(None);
            self.pet();
            if wait.is_over() {
                return;
            }
        }
    }

    /// Runs loaders until nothing is left to try. It comes back only when the round has failed: a round
    /// that succeeds ends in another kernel.
    fn round(&mut self) -> Round {
        let mut lost = Lost::default();
        for crash in 1..=MAX_CRASHES {
            let place = match self.run_loader(&mut lost) {
                Ok(Round::Loaded(place)) => {
                    self.jump();
                    // Refused, the entry has failed as any other.
                    if self.is_last() {
                        return Round::Stopped;
                    }
                    place
                }
                Ok(Round::Died { place, how }) => {
                    let reason = Text::reason(&how);
                    self.journal.put(&Event::Died { reason });
                    place
                }
                Ok(over) => return over,
                Err(error) => {
                    self.say(&format!("can't start the loader: {error}"));
                    None
                }
            };
            if let Some(place) = place {
                lost.add(place);
            }
            if crash < MAX_CRASHES {
                // It grows with every crash of a round.
                let pause = self.policy.failure.between.saturating_mul(crash);
                self.pause("starting the loader again", pause);
            }
        }
        self.say("the loader died too often in this round");
        Round::Nothing
    }

    /// Releases what loaders have mounted.
    fn release(&mut self) {
        mounts::detach_below(VOLUMES, &mut |text| self.say(text));
    }

    /// Jumps into the loaded kernel; it comes back when the running kernel refuses.
    fn jump(&mut self) {
        self.release();
        for line in self.watchdogs.hand_over() {
            self.say(&line);
        }
        self.say("jumping");
        self.journal.put(&Event::Jumping);
        match ending::leave(Leaving::Jump, self, &ending::Running) {
            Err(ChildError::Timeout) => self.stand_still(),
            Err(error) => {
                let reason = error.to_string();
                let reason = Text::reason(&reason);
                self.journal.put(&Event::JumpFailed { reason });
            }
            Ok(()) => {}
        }
    }

    /// Starts a loader that leaves out what is in `lost`, and listens until it ends. A menu that it may have died of is
    /// added there.
    fn run_loader(&mut self, lost: &mut Lost) -> std::io::Result<Round> {
        self.release();
        // Its menu shows what was before.
        self.copy_log();
        self.pet();
        let running = Running::start(lost)?;
        let pid = running.pid();
        let limits = Cell::new(self.limits());
        let mut hear = |said: Said<'_>| match said {
            Said::Line(line) => self.say(line),
            Said::Menu => self.lend(),
            Said::Log => self.copy_log(),
            Said::Alive => {
                // A watchdog may have come, under which it is ended earlier.
                self.pet();
                limits.set(self.limits());
            }
        };
        let ended = running.listen(&limits, &mut hear, || reap(Some(pid)));
        let round = Round::of(ended);
        self.take_back();
        if let Round::Died { how, place } = &round {
            self.say(how);
            if place.is_none() {
                lost.add_menu();
            }
        }
        Ok(round)
    }
}

impl Round {
    fn of(Ended { status, pulse }: Ended) -> Round {
        let code = status.and_then(WaitStatus::exit_status);
        match code {
            // Neither alone: a status is a number that anything may end with.
            Some(loader::LOADED) if pulse.loaded() => Round::Loaded(pulse.into_place()),
            Some(loader::NOTHING) => Round::Nothing,
            Some(loader::STOPPED) => Round::Stopped,
            _ => {
                let during = pulse.during().unwrap_or_default();
                let how = match status {
                    Some(status) => format!("the loader died{during}: {}", death(status)),
                    None => format!("the loader hangs in the kernel{during}, and is left behind"),
                };
                let place = pulse.into_place();
                let place = match status {
                    Some(_) => place,
                    // Whoever reads anything else of this disk would hang as well.
                    None => place.map(|place| match place.disk() {
                        Some(disk) => Place::Disk(disk.clone()),
                        None => place,
                    }),
                };
                Round::Died { how, place }
            }
        }
    }
}

/// Collects ended children: orphans that came to process 1, and `child`, whose status is returned.
pub(super) fn reap(child: Option<Pid>) -> Option<WaitStatus> {
    let mut status_of_child = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if Some(pid) == child {
            status_of_child = Some(status);
        }
    }
    status_of_child
}

/// How a process died, in words.
fn death(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "for an unknown reason".to_owned(),
    }
}

#[cfg(test)]
impl Supervisor {
    /// One without consoles and without watchdogs.
    pub(super) fn unheard(failure: Failure) -> Supervisor {
        let mut policy = Policy {
            failure,
            ..Policy::default()
        };
        policy.watchdog.timeout = 0;
        Supervisor {
            consoles: Consoles::none(),
            memory: Memory::default(),
            journal: Journal::default(),
            watchdogs: Watchdogs::new(policy.watchdog.clone()),
            policy,
            lent: Some(String::new()),
        }
    }

    /// All that it has said.
    pub(super) fn said(&mut self) -> String {
        self.memory.take_unseen(usize::MAX).0.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    use crate::init::message::Message;
    use crate::init::place::{DiskName, VolumeName};
    use crate::init::pulse::Pulse;

    /// How a round ends with a loader that says this and ends like that script.
    #[allow(clippy::zombie_processes)] // collected by its number
    fn round(script: &str, messages: &[Message]) -> Round {
        let now = Instant::now();
        let mut pulse = Pulse::new(now);
        for message in messages {
            pulse.hear(message.clone(), now);
        }
        let child = std::process::Command::new("/bin/sh")
            .args(["-c", script])
            .spawn()
            .unwrap();
        let child = Some(Pid::from_child(&child));
        let ended = rustix::process::waitpid(child, WaitOptions::empty());
        let status = ended.unwrap().map(|(_, status)| status);
        Round::of(Ended { status, pulse })
    }

    #[test]
    fn loaded_is_said_and_shown() {
        let disk = Place::Disk(DiskName {
            path: "/dev/sda".to_owned(),
            sequence: None,
        });
        let at = Message::At(disk.clone());
        let loaded = [at.clone(), Message::Loaded];
        let exit = format!("exit {}", loader::LOADED);
        assert_eq!(round(&exit, &loaded), Round::Loaded(Some(disk.clone())));
        for (script, messages) in [
            ("exit 0", &loaded[..]),
            ("exit 1", &loaded),
            ("kill -KILL $$", &loaded),
            (&exit, &loaded[..1]),
            (&exit, &[Message::Loaded, at]),
        ] {
            let Round::Died { place, how } = round(script, messages) else {
                panic!("{script} {messages:?}");
            };
            assert_eq!(place, Some(disk.clone()));
            assert!(how.contains("died while at /dev/sda"), "{how}");
        }
        let exit = format!("exit {}", loader::NOTHING);
        assert_eq!(round(&exit, &[]), Round::Nothing);
        let exit = format!("exit {}", loader::STOPPED);
        assert_eq!(round(&exit, &[]), Round::Stopped);
    }

    #[test]
    fn who_hangs_takes_the_whole_disk_with_him() {
        let now = Instant::now();
        let mut pulse = Pulse::new(now);
        let disk = DiskName {
            path: "/dev/sda".to_owned(),
            sequence: Some(7),
        };
        let volume = VolumeName {
            disk: disk.clone(),
            inside: None,
            partition: Some(1),
            offset: 0,
        };
        pulse.hear(Message::At(Place::Volume(volume)), now);
        let status = None;
        let Round::Died { how, place } = Round::of(Ended { status, pulse }) else {
            panic!("it hangs");
        };
        assert_eq!(place, Some(Place::Disk(disk)));
        assert!(how.contains("/dev/sda partition 1, and is left"), "{how}");
    }
}
