//! [`Watchdogs`]: timers in hardware that reset the machine when process 1 gets on with nothing any more.
//!
//! Nothing here runs beside the work: whoever gets on calls [`Watchdogs::pet`], and who waits does it for a wait with
//! an end. A loader that hangs is ended long before; what is left is a process 1, or a kernel, that hangs itself.
#![allow(unsafe_code)] // ioctls that rustix does not have

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::ioctl::{Getter, Opcode, Setter, Updater, ioctl, opcode};

use crate::policy::Watchdog as Policy;

/// They are petted, and looked for, at most so often.
const BEAT: Duration = Duration::from_secs(1);

/// Where they are.
const DEVICES: [&str; 5] = [
    "/dev/watchdog0",
    "/dev/watchdog1",
    "/dev/watchdog2",
    "/dev/watchdog3",
    OTHER,
];

/// That of drivers that stand beside the kernel's watchdog core, as IPMI's does; where none does, it is another name of
/// the first.
const OTHER: &str = "/dev/watchdog";

// `<linux/watchdog.h>`.
const SET_OPTIONS: Opcode = opcode::read::<c_int>(b'W', 4);
const SET_TIMEOUT: Opcode = opcode::read_write::<c_int>(b'W', 6);
const GET_TIMEOUT: Opcode = opcode::read::<c_int>(b'W', 7);
/// `WDIOS_DISABLECARD`.
const DISABLE: c_int = 1;

/// All watchdogs of the machine, as far as the policy wants them.
pub(super) struct Watchdogs {
    policy: Policy,
    open: Vec<Watchdog>,
    petted: Option<Instant>,
    /// What was said of those that can't be opened.
    complaints: Vec<(&'static str, String)>,
    aim: Aim,
}

/// What they are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// They reset a machine that does not get on.
    Progress,
    /// The machine is to be reset, by them if by nothing else.
    Reset,
    /// The machine is to be off, or to stand still.
    Off,
}

struct Watchdog {
    name: &'static str,
    file: File,
    /// After how many seconds it resets the machine.
    timeout: u32,
    /// The next kernel was to take it over.
    is_left: bool,
}

impl Watchdogs {
    /// Those of a policy; none was opened yet.
    pub(super) fn new(policy: Policy) -> Watchdogs {
        Watchdogs {
            policy,
            open: Vec::new(),
            petted: None,
            complaints: Vec::new(),
            aim: Aim::Progress,
        }
    }

    /// Something gets on: all of them begin anew. Those that came meanwhile are opened, which arms them. What there
    /// is to say is returned.
    pub(super) fn pet(&mut self) -> Vec<String> {
        let early = self.petted.is_some_and(|petted| petted.elapsed() < BEAT);
        if self.aim == Aim::Reset || early || self.policy.timeout == 0 {
            return Vec::new();
        }
        self.petted = Some(Instant::now());
        let news = match self.aim {
            Aim::Off => Vec::new(),
            _ => self.look(Watchdog::open),
        };
        self.renew();
        news
    }

    /// Pets those that are open.
    fn renew(&mut self) {
        for watchdog in &mut self.open {
            // The next kernel did not come.
            if std::mem::take(&mut watchdog.is_left) {
                watchdog.set(self.policy.timeout);
            }
            watchdog.pet();
        }
    }

    /// A jump takes its time, and nothing may reset the machine meanwhile: they are petted, and what the next kernel
    /// gets stays as it is.
    pub(super) fn hold(&mut self) {
        if self.petted.is_some_and(|petted| petted.elapsed() < BEAT) {
            return;
        }
        self.petted = Some(Instant::now());
        for watchdog in &mut self.open {
            watchdog.pet();
        }
    }

    /// Opens those that are not. One that a process holds which was left behind in the kernel is busy until that has
    /// ended.
    fn look(&mut self, open: impl Fn(&'static str, u32) -> io::Result<Watchdog>) -> Vec<String> {
        let mut news = Vec::new();
        let mut is_known = false;
        for name in DEVICES {
            if self.open.iter().any(|watchdog| watchdog.name == name) {
                is_known = true;
                continue;
            }
            match open(name, self.policy.timeout) {
                Ok(watchdog) => {
                    let seconds = watchdog.timeout;
                    news.push(format!(
                        "{name}: resets the machine after {seconds} s without progress"
                    ));
                    self.open.push(watchdog);
                    self.complaints.retain(|(of, _)| *of != name);
                    is_known = true;
                }
                Err(error) if is_none(&error) => {}
                Err(error) if is_busy(&error) && is_known && name == OTHER => {}
                Err(error) => {
                    is_known |= is_busy(&error);
                    let again = if is_busy(&error) { ", tried again" } else { "" };
                    let text = format!("{name}: no watchdog: {error}{again}");
                    let complaint = (name, text.clone());
                    if !self.complaints.contains(&complaint) {
                        self.complaints.push(complaint);
                        news.push(text);
                    }
                }
            }
        }
        news
    }

    /// After how long without progress the machine is reset, if there are any.
    pub(super) fn timeout(&self) -> Option<Duration> {
        let shortest = self.open.iter().map(|watchdog| watchdog.timeout).min();
        shortest.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// Another kernel is about to run: arms them for it as long as policy says, or stops them. Petted again, they are
    /// what they were before. What there is to say is returned.
    pub(super) fn hand_over(&mut self) -> Vec<String> {
        if !self.policy.armed {
            return self.stop();
        }
        self.petted = None;
        let seconds = self.policy.boot;
        let open = self.open.iter_mut();
        // They stay open: the kernel cries when one is closed that runs on.
        open.map(|watchdog| watchdog.leave(seconds)).collect()
    }

    /// Stops them. One that can't be stopped gets as long as a kernel needs to come up, unless it is petted again.
    fn stop(&mut self) -> Vec<String> {
        self.petted = None;
        let mut news = Vec::new();
        let boot = self.policy.boot;
        self.open.retain_mut(|watchdog| {
            let Err(error) = watchdog.stop() else {
                return false;
            };
            let name = watchdog.name;
            let left = watchdog.leave(boot);
            news.push(format!("{name}: can't be stopped ({error}); {left}"));
            true
        });
        news
    }

    /// The machine is about to be switched off, and nothing may reset it: they are stopped, and those that can't be
    /// are petted for as long as somebody does.
    pub(super) fn switch_off(&mut self) -> Vec<String> {
        self.aim = Aim::Off;
        self.stop()
    }

    /// The machine is about to be reset, and does so by them if by nothing else: they are petted no more. That of a
    /// management controller goes on meanwhile, and has to leave time for the firmware.
    pub(super) fn leave(&mut self) {
        self.aim = Aim::Reset;
        for watchdog in &mut self.open {
            watchdog.leave(self.policy.boot);
        }
    }
}

/// Is there none of this name?
fn is_none(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    // `NXIO` and `NODEV`: the driver has gone.
    matches!(errno, Some(Errno::NOENT | Errno::NXIO | Errno::NODEV))
}

/// Has somebody else opened it, or is it another name of one that is open?
fn is_busy(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::BUSY)
}

impl Watchdog {
    /// Opens it, which arms it, for so many seconds or as long as it can. Some begin with the first petting.
    fn open(name: &'static str, seconds: u32) -> io::Result<Watchdog> {
        let file = File::options().write(true).open(name)?;
        let mut watchdog = Watchdog {
            name,
            file,
            timeout: seconds,
            is_left: false,
        };
        watchdog.set(seconds);
        Ok(watchdog)
    }

    /// Sets the time, or what comes next below that the hardware can count.
    fn set(&mut self, seconds: u32) {
        let halves = std::iter::successors(Some(seconds), |seconds| Some(seconds / 2));
        for seconds in halves.take_while(|seconds| *seconds != 0) {
            let Ok(mut value) = c_int::try_from(seconds) else {
                continue;
            };
            // SAFETY: the argument of this ioctl is an int, which the driver reads and rounds.
            let set = unsafe { ioctl(&self.file, Updater::<SET_TIMEOUT, _>::new(&mut value)) };
            if set.is_ok() {
                break;
            }
        }
        // SAFETY: this ioctl writes one int.
        let now = unsafe { ioctl(&self.file, Getter::<GET_TIMEOUT, c_int>::new()) };
        let now = now.ok().and_then(|now| u32::try_from(now).ok());
        self.timeout = now.filter(|now| *now != 0).unwrap_or(seconds);
    }

    fn pet(&mut self) {
        // Any byte but the one that says that it may stop at the end. What fails resets the machine, as it should.
        let _ = self.file.write(b"\0");
    }

    /// Leaves it armed for so many seconds from now on, and says so.
    fn leave(&mut self, seconds: u32) -> String {
        self.set(seconds);
        self.pet();
        self.is_left = true;
        let (name, seconds) = (self.name, self.timeout);
        format!("{name}: the next kernel has {seconds} s to take it over")
    }

    fn stop(&mut self) -> io::Result<()> {
        // SAFETY: the argument of this ioctl is an int, which the driver reads.
        unsafe { ioctl(&self.file, Setter::<SET_OPTIONS, _>::new(DISABLE)) }?;
        // For drivers of their own, which ask for it before they let go.
        let _ = self.file.write(b"V");
        Ok(())
    }
}

#[cfg(test)]
impl Watchdogs {
    /// One that can't be stopped, which writes to this file how often it is petted.
    pub(super) fn add(&mut self, file: File) {
        self.open.push(Watchdog {
            name: "/dev/watchdog0",
            file,
            timeout: 20,
            is_left: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_time_none_is_looked_for() {
        let policy = Policy {
            timeout: 0,
            ..Policy::default()
        };
        let mut watchdogs = Watchdogs::new(policy);
        assert_eq!(watchdogs.pet(), [""; 0]);
        assert!(watchdogs.petted.is_none() && watchdogs.timeout().is_none());
    }

    #[test]
    fn what_is_to_be_reset_is_petted_no_more() {
        let mut watchdogs = Watchdogs::new(Policy::default());
        watchdogs.leave();
        assert_eq!(watchdogs.pet(), [""; 0]);
        assert!(watchdogs.petted.is_none());
    }

    #[test]
    fn what_is_to_be_off_is_not_reset_by_one_that_can_not_be_stopped() {
        let mut watchdogs = Watchdogs::new(Policy::default());
        watchdogs
            .open
            .push(Watchdog::open("/dev/null", 20).unwrap());
        let news = watchdogs.switch_off().concat();
        assert!(news.contains("/dev/null: can't be stopped"), "{news}");
        // It is petted on, and no other one is opened.
        assert_eq!(watchdogs.pet(), [""; 0]);
        assert!(watchdogs.petted.is_some() && watchdogs.open.len() == 1);
    }

    #[test]
    fn what_was_left_to_a_kernel_that_does_not_come_is_petted_again() {
        let mut watchdogs = Watchdogs::new(Policy::default());
        let watchdog = Watchdog::open("/dev/null", 20).unwrap();
        watchdogs.open.push(watchdog);
        // It is none, so that it can't be stopped either.
        let news = watchdogs.hand_over();
        assert!(
            news[0].starts_with("/dev/null: can't be stopped"),
            "{news:?}"
        );
        assert!(news[0].ends_with("has 300 s to take it over"), "{news:?}");
        assert!(watchdogs.open[0].is_left);
        watchdogs.renew();
        let watchdog = &watchdogs.open[0];
        assert_eq!((watchdog.is_left, watchdog.timeout), (false, 120));
    }

    #[test]
    fn a_file_that_is_no_watchdog_keeps_the_time_that_was_wanted() {
        let mut watchdog = Watchdog::open("/dev/null", 20).unwrap();
        assert_eq!(watchdog.timeout, 20);
        watchdog.pet();
        assert!(watchdog.stop().is_err());
        assert!(is_none(&io::Error::from(Errno::NODEV)));
        assert!(!is_none(&io::Error::from(Errno::ACCESS)));
    }

    /// Looks where opening a device comes to this; what is not named is not there.
    fn look(watchdogs: &mut Watchdogs, devices: &[(&str, Result<(), Errno>)]) -> String {
        let news = watchdogs.look(|name, seconds| {
            let known = devices.iter().find(|(known, _)| *known == name);
            known.map_or(Err(Errno::NOENT), |(_, result)| *result)?;
            Ok(Watchdog {
                name,
                ..Watchdog::open("/dev/null", seconds)?
            })
        });
        news.join("\n")
    }

    #[test]
    fn one_that_somebody_else_holds_is_told_once_and_opened_when_that_is_over() {
        const FREE: Result<(), Errno> = Ok(());
        const BUSY: Result<(), Errno> = Err(Errno::BUSY);
        let mut watchdogs = Watchdogs::new(Policy::default());
        // A process that was left behind in the kernel has the second one, and the last is another name of the first.
        let held = [
            ("/dev/watchdog0", FREE),
            ("/dev/watchdog1", BUSY),
            (OTHER, BUSY),
        ];
        let said = look(&mut watchdogs, &held);
        assert!(said.starts_with("/dev/watchdog0: resets the"), "{said}");
        let (_, complaint) = said.split_once('\n').unwrap();
        let is_complaint = |said: &str| {
            said.starts_with("/dev/watchdog1: no watchdog: ") && said.ends_with(", tried again")
        };
        assert!(is_complaint(complaint), "{said}");
        assert_eq!(look(&mut watchdogs, &held), "");
        let said = look(&mut watchdogs, &[("/dev/watchdog1", FREE), (OTHER, BUSY)]);
        assert!(said.starts_with("/dev/watchdog1: resets the"), "{said}");
        assert_eq!(watchdogs.open.len(), 2);
        // It is told again when that happens again.
        watchdogs.open.clear();
        let both = [("/dev/watchdog1", BUSY), (OTHER, BUSY)];
        let said = look(&mut watchdogs, &both);
        assert!(is_complaint(&said) && said.lines().count() == 1, "{said}");
        // That of a driver of its own stands alone.
        let said = look(&mut watchdogs, &[(OTHER, BUSY)]);
        assert!(said.starts_with("/dev/watchdog: no watchdog: "), "{said}");
    }
}
