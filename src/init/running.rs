//! [`Running`]: a loader that runs, as process 1 sees it.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, Signal, WaitStatus};

use super::loader;
use super::log::Lines;
use super::lost::Lost;
use super::message::{LONGEST, Message, YOURS};
use super::pulse::{Limits, Pulse, Verdict};

/// How often the time is looked at, and orphans are collected, while the loader says nothing.
const TICK: Duration = Duration::from_secs(1);

/// The same when it has closed its log, which it does by ending.
const ENDING: Duration = Duration::from_millis(1);

/// Messages that are taken in one go, and chunks of the log that are taken after the end: a process that
/// the loader left behind may hold the other ends.
const AT_ONCE: usize = 256;

/// A loader, its log and what it says.
pub(super) struct Running {
    loader: Pid,
    log: OwnedFd,
    control: OwnedFd,
}

/// What a loader says that others than its [`Pulse`] have to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// A line of its log, or about it.
    Line(&'a str),
    /// It is about to write to the consoles itself.
    Menu,
    /// It gets on.
    Alive,
    /// The log is wanted in a file.
    Log,
}

/// What is known of a loader that has ended.
pub(super) struct Ended {
    /// How it ended; `None` when it hangs in the kernel, where no signal reaches it.
    pub(super) status: Option<WaitStatus>,
    /// What it has said.
    pub(super) pulse: Pulse,
}

impl Running {
    /// Starts a loader that leaves out what is in `lost`.
    pub(super) fn start(lost: &Lost) -> io::Result<Running> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(loader::LOADER).args(lost.print());
        Running::spawn(command)
    }

    #[allow(clippy::zombie_processes)] // `reap` collects it, or another look at all children later
    fn spawn(mut command: Command) -> io::Result<Running> {
        let (log, log_writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        // Packets begin and end by themselves, whatever is in them.
        let (control, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        command
            .stdin(theirs)
            .stdout(log_writer.try_clone()?)
            .stderr(log_writer);
        let loader = Pid::from_child(&command.spawn()?);
        // With the command, our copies of the loader's ends are closed.
        drop(command);
        Ok(Running {
            loader,
            log,
            control,
        })
    }

    /// Its process.
    pub(super) fn pid(&self) -> Pid {
        self.loader
    }

    /// Gives what it says to `hear` until `reap` tells how it has ended. One that does not get on is ended,
    /// and one that does not take that is left behind. What it says may bring other limits.
    pub(super) fn listen(
        self,
        limits: &Cell<Limits>,
        hear: &mut dyn FnMut(Said<'_>),
        mut reap: impl FnMut() -> Option<WaitStatus>,
    ) -> Ended {
        let mut pulse = Pulse::new(Instant::now());
        let mut lines = Lines::default();
        let mut channels = [Channel::new(self.control), Channel::new(self.log)];
        let mut killed: Option<Instant> = None;
        let mut status = None;
        let mut rest = AT_ONCE;
        loop {
            // What it said and wrote last is still read after its end.
            status = status.or_else(&mut reap);
            let [_, log] = &channels;
            let timeout = match (status, log.open) {
                (Some(_), _) => Duration::ZERO,
                (None, false) => ENDING,
                (None, true) => TICK,
            };
            poll(&mut channels, timeout);
            let [control, log] = &mut channels;
            let more = control.ready || log.ready;
            control.hear(&mut pulse, hear);
            let say = &mut |line: &str| hear(Said::Line(line));
            log.copy(&mut lines, say);
            let left_behind = killed.is_some_and(|killed| killed.elapsed() >= limits.get().death);
            if status.is_some() || left_behind {
                rest = rest.saturating_sub(1);
                if rest != 0 && more && !left_behind {
                    continue;
                }
                lines.end(say);
                return Ended { status, pulse };
            }
            if killed.is_some() {
                continue;
            }
            match pulse.verdict(limits.get(), Instant::now()) {
                Verdict::Wait => {}
                Verdict::Say(text) => say(&text),
                Verdict::End(text) => {
                    say(&text);
                    // It was not collected: the number is still its own.
                    let _ = rustix::process::kill_process(self.loader, Signal::KILL);
                    killed = Some(Instant::now());
                }
            }
        }
    }
}

/// One way from the loader to process 1.
struct Channel {
    fd: OwnedFd,
    /// Has its other end not been closed yet?
    open: bool,
    /// Is there something to read?
    ready: bool,
}

/// Waits until there is something to read in one of them.
fn poll(channels: &mut [Channel], timeout: Duration) {
    let open = channels.iter().filter(|channel| channel.open);
    let mut fds: Vec<PollFd<'_>> = open.map(|c| PollFd::new(&c.fd, PollFlags::IN)).collect();
    let _ = rustix::event::poll(&mut fds, Timespec::try_from(timeout).ok().as_ref());
    let events: Vec<PollFlags> = fds.iter().map(PollFd::revents).collect();
    let open = channels.iter_mut().filter(|channel| channel.open);
    for (channel, events) in open.zip(events) {
        channel.ready = events.contains(PollFlags::IN);
        channel.open = channel.ready || events.is_empty();
    }
}

impl Channel {
    fn new(fd: OwnedFd) -> Channel {
        Channel {
            fd,
            open: true,
            ready: false,
        }
    }

    fn close(&mut self) {
        self.open = false;
        self.ready = false;
    }

    /// Takes what the loader has said. What nobody understands is no sign of life.
    fn hear(&mut self, pulse: &mut Pulse, hear: &mut dyn FnMut(Said<'_>)) {
        if !self.ready {
            return;
        }
        let mut buffer = vec![0; LONGEST];
        for _ in 0..AT_ONCE {
            match rustix::net::recv(&self.fd, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return self.close(),
                Ok((_, n)) => {
                    let text = buffer.get(..n).and_then(|text| str::from_utf8(text).ok());
                    let Some(message) = text.and_then(Message::parse) else {
                        continue;
                    };
                    match message {
                        Message::Menu => {
                            hear(Said::Menu);
                            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                            let _ = rustix::net::send(&self.fd, YOURS, flags);
                        }
                        Message::Log => hear(Said::Log),
                        _ => hear(Said::Alive),
                    }
                    pulse.hear(message, Instant::now());
                }
                Err(_) => return,
            }
        }
    }

    /// Takes what it has written.
    fn copy(&mut self, lines: &mut Lines, say: &mut dyn FnMut(&str)) {
        if !self.ready {
            return;
        }
        let mut buffer = [0; 4096];
        match rustix::io::read(&self.fd, &mut buffer) {
            Ok(n @ 1..) => lines.feed(buffer.get(..n).unwrap_or_default(), say),
            _ => self.close(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::WaitOptions;

    /// What a script says and how it ends.
    struct Heard {
        lines: Vec<String>,
        ended: Ended,
        time: Duration,
    }

    /// Long enough for whoever has to share its machine.
    const SHORT: Limits = Limits {
        silence: Duration::from_secs(2),
        death: Duration::from_secs(20),
        ..Limits::NORMAL
    };

    /// `python3` and not a shell: a shell can't send packets.
    fn run(script: &str, limits: Limits) -> Heard {
        run_reaped(script, limits, reap)
    }

    /// That of this module would take the children of other tests, too.
    fn reap(pid: Pid) -> Option<WaitStatus> {
        let ended = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
        ended.ok()?.map(|(_, status)| status)
    }

    fn run_reaped(script: &str, limits: Limits, reap: impl Fn(Pid) -> Option<WaitStatus>) -> Heard {
        let limits = Cell::new(limits);
        run_limited(script, &limits, &|| (), reap)
    }

    /// Calls `alive` at each sign of life, which may set other limits.
    fn run_limited(
        script: &str,
        limits: &Cell<Limits>,
        alive: &dyn Fn(),
        reap: impl Fn(Pid) -> Option<WaitStatus>,
    ) -> Heard {
        let mut command = Command::new("python3");
        let prelude = "import os, signal, socket, sys, time\n\
                       control = socket.socket(fileno=0)\n\
                       tell = lambda text: control.send(text.encode())\n";
        command.args(["-u", "-c", &format!("{prelude}{script}")]);
        let running = Running::spawn(command).unwrap();
        let pid = running.pid();
        let mut lines = Vec::new();
        let start = Instant::now();
        let mut hear = |said: Said<'_>| match said {
            Said::Line(line) => lines.push(line.to_owned()),
            Said::Alive => alive(),
            other => lines.push(format!("{other:?}")),
        };
        let ended = running.listen(limits, &mut hear, || reap(pid));
        let time = start.elapsed();
        Heard { lines, ended, time }
    }

    #[test]
    fn a_thousand_messages_are_heard_and_the_last_one_counts() {
        let script = "for i in range(1000): tell(f'at disk /dev/sd{i} -')\n\
                      for i in range(1000): print('line', i)\n\
                      tell('alive 7'); print('end'); sys.exit(9)";
        let heard = run(script, Limits::NORMAL);
        assert_eq!(heard.ended.status.unwrap().exit_status(), Some(9));
        assert_eq!(heard.lines.len(), 1001);
        assert_eq!(heard.lines.last().unwrap(), "end");
        let during = heard.ended.pulse.during().unwrap();
        assert_eq!(during, " while at /dev/sd999 (7 bytes read)");
    }

    #[test]
    fn listens_to_the_last_line_and_tells_the_end() {
        for (script, code, signal) in [
            ("sys.exit(3)", Some(3), None),
            ("os.kill(os.getpid(), 9)", None, Some(9)),
            // A child of the loader that hangs in a mount keeps both channels open.
            (
                "if os.fork() == 0: time.sleep(20)\nos._exit(0)",
                Some(0),
                None,
            ),
        ] {
            let script = format!("print('one'); os.write(2, b'two'); tell('loaded')\n{script}");
            let heard = run(&script, Limits::NORMAL);
            let status = heard.ended.status.unwrap();
            assert_eq!(status.exit_status(), code, "{script}");
            assert_eq!(status.terminating_signal(), signal, "{script}");
            assert_eq!(heard.lines, ["one", "two"], "{script}");
            assert!(heard.ended.pulse.loaded(), "{script}");
            assert!(heard.time < Duration::from_secs(15), "{script}");
        }
    }

    #[test]
    fn one_that_says_nothing_more_is_ended() {
        let heard = run("tell('at disk /dev/sda -')\nwhile True: pass", SHORT);
        assert_eq!(heard.ended.status.unwrap().terminating_signal(), Some(9));
        assert_eq!(heard.lines.len(), 1);
        assert!(heard.lines[0].contains("no sign of life"));
        assert_eq!(heard.ended.pulse.during().unwrap(), " while at /dev/sda");
    }

    /// A watchdog that comes while a loader runs leaves it less time.
    #[test]
    fn other_limits_hold_from_the_sign_of_life_that_brings_them() {
        let limits = Cell::new(Limits::NORMAL);
        let shorter = || limits.set(SHORT);
        let heard = run_limited("tell('alive 1')\nwhile True: pass", &limits, &shorter, reap);
        assert_eq!(heard.ended.status.unwrap().terminating_signal(), Some(9));
        // The longer ones would have been told of before.
        assert_eq!(heard.lines.len(), 1, "{:?}", heard.lines);
    }

    #[test]
    fn one_that_gets_on_is_let_alone() {
        let script = "for i in range(30): tell(f'alive {i}'); time.sleep(0.1)";
        let heard = run(script, SHORT);
        assert_eq!(heard.ended.status.unwrap().exit_status(), Some(0));
        assert_eq!(heard.lines, Vec::<String>::new());
    }

    #[test]
    fn who_wants_the_consoles_is_answered() {
        let script = "tell('menu'); print(control.recv(9)); tell('log')";
        let heard = run(script, Limits::NORMAL);
        let (own, said): (Vec<_>, Vec<_>) = heard.lines.iter().partition(|line| *line == "b'y'");
        assert_eq!(
            (own.len(), said),
            (1, vec![&"Menu".to_owned(), &"Log".to_owned()])
        );
    }

    #[test]
    fn noise_is_no_sign_of_life() {
        let script = "while True: tell('%s\\0'); print('x'); time.sleep(0.1)";
        let heard = run(script, SHORT);
        assert_eq!(heard.ended.status.unwrap().terminating_signal(), Some(9));
    }

    /// Who hangs in the kernel does not end by a signal: it looks like one that is never collected.
    #[test]
    fn one_that_can_not_be_ended_is_left_behind() {
        let collected = std::cell::Cell::new(None);
        let limits = Limits {
            death: Duration::from_millis(300),
            ..SHORT
        };
        let heard = run_reaped("time.sleep(60)", limits, |pid| {
            collected.set(Some(pid));
            None
        });
        assert!(heard.ended.status.is_none());
        assert!(heard.time < Duration::from_secs(15));
        let pid = collected.get();
        rustix::process::waitpid(pid, WaitOptions::empty()).unwrap();
    }
}
