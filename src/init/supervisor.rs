//! The parent: it starts the loader, listens to it, and acts on how it ends.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::console::Consoles;
use super::log::{Lines, Memory, Uptime};
use super::{VOLUMES, ending, loader, mounts};
use crate::kexec;
use crate::policy::{self, Action, Policy};

/// How long after a crash the loader is started again. It grows with every crash of a round.
const CRASH_PAUSE: Duration = Duration::from_secs(1);

/// A round in which the loader died as often as this has failed.
const MAX_CRASHES: u32 = 10;

/// How often orphans are collected while nothing else happens.
const TICK: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Everything that outlives a loader.
pub(super) struct Supervisor {
    consoles: Consoles,
    memory: Memory,
}

/// How a round ended.
enum Round {
    /// A kernel is loaded; the entry's id, where it was told.
    Loaded(Option<String>),
    /// Nothing could be booted.
    Nothing,
    /// The loader died; the id of the entry that it was trying, if any.
    Died(Option<String>),
}

/// Process 1. It ends only by a jump into another kernel or by turning the machine off.
pub fn main() -> ! {
    let failures = mounts::mount_all();
    let mut supervisor = Supervisor {
        consoles: Consoles::open(),
        memory: Memory::default(),
    };
    supervisor.say(&format!("pilotlight {}", env!("CARGO_PKG_VERSION")));
    for failure in failures {
        supervisor.say(&failure);
    }
    let policy = supervisor.policy();
    for number in 1_u32.. {
        supervisor.round();
        match policy.failure.after(number) {
            Action::Retry => supervisor.pause("trying again", policy.failure.pause),
            Action::End(how) => {
                supervisor.pause(&how.to_string(), policy.failure.pause);
                ending::end(how, &mut supervisor);
            }
        }
    }
    // After four thousand million rounds the machine may as well start afresh.
    ending::reset()
}

impl Supervisor {
    /// Logs a line with the time and prints it on every console.
    pub(super) fn say(&mut self, text: &str) {
        let line = format!("{} {text}", Uptime::now());
        self.consoles.line(&line);
        self.memory.push(line);
    }

    pub(super) fn consoles(&mut self) -> &mut Consoles {
        &mut self.consoles
    }

    /// The log so far.
    pub(super) fn log(&self) -> impl Iterator<Item = &str> {
        self.memory.lines()
    }

    fn policy(&mut self) -> Policy {
        let (policy, complaint) = Policy::read_or_default(policy::PATH.as_ref());
        if let Some(complaint) = complaint {
            self.say(&complaint);
        }
        policy
    }

    /// Waits, and says so before.
    fn pause(&mut self, what: &str, time: Duration) {
        self.say(&format!("{what} in {} s", time.as_secs()));
        std::thread::sleep(time);
        reap(None);
    }

    /// Runs loaders until nothing is left to try. It comes back only when the round has failed: a round
    /// that succeeds ends in another kernel.
    fn round(&mut self) {
        let mut lost = Vec::new();
        for crash in 1..=MAX_CRASHES {
            let entry = match self.run_loader(&lost) {
                Ok(Round::Nothing) => return,
                Ok(Round::Loaded(entry)) => {
                    self.jump();
                    entry
                }
                Ok(Round::Died(entry)) => entry,
                Err(error) => {
                    self.say(&format!("can't start the loader: {error}"));
                    None
                }
            };
            lost.extend(entry);
            let pause = CRASH_PAUSE.saturating_mul(crash);
            self.pause("starting the loader again", pause);
        }
        self.say("the loader died too often in this round");
    }

    /// Releases what loaders have mounted.
    fn release(&mut self) {
        for failure in mounts::detach_below(VOLUMES) {
            self.say(&failure);
        }
    }

    /// Jumps into the loaded kernel; it comes back when the running kernel refuses.
    fn jump(&mut self) {
        self.release();
        self.say("jumping");
        self.consoles.drain();
        let Err(errno) = kexec::jump();
        self.say(&format!("the kernel refused to jump: {errno}"));
    }

    /// Starts a loader that leaves out the entries in `lost`, and listens until it ends.
    fn run_loader(&mut self, lost: &[String]) -> std::io::Result<Round> {
        let (log, log_writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let (control, loader_end) = UnixStream::pair()?;
        control.set_nonblocking(true)?;
        let child = Command::new("/proc/self/exe")
            .arg0(loader::LOADER)
            .args(lost)
            .stdin(OwnedFd::from(loader_end))
            .stdout(log_writer.try_clone()?)
            .stderr(log_writer)
            .spawn()?;
        let loader = Pid::from_child(&child);
        let status = self.listen(&log, || reap(Some(loader)));
        let entry = last_line(control);
        Ok(match status.exit_status() {
            Some(loader::LOADED) => Round::Loaded(entry),
            Some(loader::NOTHING) => Round::Nothing,
            _ => {
                let during = entry.as_deref().map(|id| format!(" while trying {id}"));
                let during = during.unwrap_or_default();
                self.say(&format!("the loader died{during}: {}", death(status)));
                Round::Died(entry)
            }
        })
    }

    /// Copies the loader's lines to the log until `end` says how it has ended.
    fn listen(&mut self, log: &OwnedFd, end: impl Fn() -> Option<WaitStatus>) -> WaitStatus {
        let mut lines = Lines::default();
        let mut ended = None;
        loop {
            // What the loader wrote last is still read after its end.
            ended = ended.or_else(&end);
            let timeout = match ended {
                Some(_) => Timespec::default(),
                None => TICK,
            };
            let mut fds = [PollFd::new(log, PollFlags::IN)];
            let _ = rustix::event::poll(&mut fds, Some(&timeout));
            let [log_fd] = &fds;
            let events = log_fd.revents();
            if events.contains(PollFlags::IN) {
                let mut buffer = [0; 4096];
                let n = rustix::io::read(log, &mut buffer).unwrap_or_default();
                let bytes = buffer.get(..n).unwrap_or_default();
                lines.feed(bytes, &mut |line| self.say(line));
            } else if let Some(status) = ended {
                lines.end(&mut |line| self.say(line));
                return status;
            } else if events.contains(PollFlags::HUP) {
                // It closed its log and is about to end.
                std::thread::sleep(Duration::from_millis(1));
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

/// The id of the entry that the loader named last.
fn last_line(mut control: UnixStream) -> Option<String> {
    let mut last = None;
    let mut lines = Lines::default();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = control.read(&mut buffer) {
        let bytes = buffer.get(..n).unwrap_or_default();
        lines.feed(bytes, &mut |line| last = Some(line.to_owned()));
    }
    last
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
mod tests {
    use super::*;
    use std::io::Write;

    fn supervisor() -> Supervisor {
        Supervisor {
            consoles: Consoles::none(),
            memory: Memory::default(),
        }
    }

    #[test]
    fn the_entry_named_last_is_the_one() {
        let (control, mut loader) = UnixStream::pair().unwrap();
        control.set_nonblocking(true).unwrap();
        loader.write_all(b"first\nsecond\nthi").unwrap();
        assert_eq!(last_line(control).as_deref(), Some("second"));
    }

    #[test]
    #[allow(clippy::zombie_processes)] // `listen` collects it
    fn listens_to_the_last_line_and_tells_the_end() {
        for (script, code, signal) in [
            ("echo one; echo two >&2; exit 3", Some(3), None),
            ("echo one; echo two; kill -KILL $$", None, Some(9)),
            // A child of the loader that hangs in a mount keeps the pipe open.
            ("echo one; echo two; sleep 60 & exit 0", Some(0), None),
        ] {
            let (log, log_writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).unwrap();
            let child = Command::new("/bin/sh")
                .args(["-c", script])
                .stdout(log_writer.try_clone().unwrap())
                .stderr(log_writer)
                .spawn()
                .unwrap();
            let mut supervisor = supervisor();
            // Not `reap`: other tests have children too.
            let pid = Pid::from_child(&child);
            let end = || {
                let ended = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
                ended.unwrap().map(|(_, status)| status)
            };
            let status = supervisor.listen(&log, end);
            assert_eq!(status.exit_status(), code, "{script}");
            assert_eq!(status.terminating_signal(), signal, "{script}");
            let lines: Vec<&str> = supervisor.log().collect();
            assert!(lines[0].ends_with("] one"), "{lines:?}");
            assert!(lines[1].ends_with("] two"), "{lines:?}");
        }
    }
}
