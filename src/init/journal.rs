//! [`Journal`]: writes the [report](crate::report) of a boot to where the policy wants it.
//!
//! Process 1 and its loader have one each, and never write at the same time: the one waits while the other works.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::time::{ClockId, clock_gettime};

use super::console::Console;
use super::place::Place;
use super::report::Report;
use super::told::Told;
use crate::ipmi::{Device, IpmiError, SelEntry};
use crate::policy;
use crate::policy::overrides::Source;
use crate::report::{self, Event};
use crate::store::Reminder;

/// The kernel's log, and the part of it that outlives a reset where the machine has memory for that.
const LOGS: [&str; 2] = ["/dev/kmsg", "/dev/pmsg0"];

/// In front of each line in them: the level (6, for information), and who says it.
const PREFIX: &str = "<6>pilotlight: ";

/// Whether programs may write more than ten records in five seconds (`Documentation/admin-guide/sysctl/kernel.rst`).
const LIMIT: &str = "/proc/sys/kernel/printk_devkmsg";

/// Where the lines are kept for the system that is started, and where they are put together.
const KEPT: &str = "/run/pilotlight/report";
const PART: &str = "/run/pilotlight/report.part";

/// Bytes of lines that are kept; of more, the older half goes.
const CAPACITY: usize = 64 * 1024;

/// Where the lines of a boot go; by default nowhere.
#[derive(Default)]
pub(super) struct Journal {
    logs: Vec<OwnedFd>,
    /// Who keeps what is written there from pushing out what is counted there.
    reminder: Reminder,
    console: Option<Console>,
    keeps: bool,
    /// Who is told that the event log of the management controller is being written, where it is.
    controller: Option<Arc<Report>>,
    /// Failures, of which it is told the first ones: it has room for some hundred entries.
    failures: Told,
}

impl Journal {
    /// One for process 1. What can't be opened gets no line.
    pub(super) fn open(policy: &policy::Report) -> Journal {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let log = |path: &&str| rustix::fs::open(*path, flags, Mode::empty()).ok();
        let logs: Vec<OwnedFd> = match policy.kmsg {
            true => LOGS.iter().filter_map(log).collect(),
            false => Vec::new(),
        };
        if policy.kmsg {
            // Without it some lines are missing after a second with many of them.
            let _ = fs::write(LIMIT, "on");
        }
        Journal {
            logs,
            reminder: Reminder::new(),
            console: policy.console.as_deref().and_then(Console::open),
            keeps: policy.summary,
            controller: None,
            failures: Told::default(),
        }
    }

    /// One for the loader, which may wait for a management controller, unless a loader has died of that.
    pub(super) fn of_loader(
        policy: &policy::Report,
        report: &Arc<Report>,
        is_lost: bool,
    ) -> Journal {
        let is_told = policy.sel && !is_lost;
        Journal {
            controller: is_told.then(|| report.clone()),
            ..Journal::open(policy)
        }
    }

    /// Writes down what was set from outside of the flash.
    pub(super) fn put_overrides(&mut self, set: &[(&'static str, Source)]) {
        for (key, source) in set {
            let source = source.name();
            self.put(&Event::Override { key, source });
        }
    }

    /// Writes down that this has happened. What can't be written is left at that.
    pub(super) fn put(&mut self, event: &Event<'_>) {
        let line = Journal::line(event);
        if !self.logs.is_empty() {
            let record = format!("{PREFIX}{line}\n");
            for log in &self.logs {
                // One record is one call.
                let _ = rustix::io::write(log, record.as_bytes());
            }
            self.reminder.wrote(record.len());
        }
        if let Some(console) = &mut self.console {
            console.write(format!("{line}\n").as_bytes());
        }
        if self.keeps {
            let _ = keep(KEPT.as_ref(), PART.as_ref(), &line);
        }
        self.tell_controller(event);
    }

    /// Waits until the terminal has got all of it, as long as it moves.
    pub(super) fn drain(&mut self) {
        if let Some(console) = &mut self.console {
            console.drain_alone();
        }
    }

    /// An event as it is written down now.
    pub(super) fn line(event: &Event<'_>) -> String {
        let uptime = Duration::try_from(clock_gettime(ClockId::Boottime));
        report::line(event, uptime.unwrap_or_default())
    }

    /// What was written down for the system that is started; `None` where it gets nothing.
    pub(super) fn kept(&self) -> Option<Vec<String>> {
        let kept = fs::read_to_string(KEPT).unwrap_or_default();
        self.keeps
            .then(|| kept.lines().map(str::to_owned).collect())
    }

    /// A controller that does not answer is not asked again.
    fn tell_controller(&mut self, event: &Event<'_>) {
        let entry = match event {
            Event::Booting { .. } => SelEntry::Booting,
            Event::Failed { .. } => SelEntry::Failed,
            Event::Refused { .. } => SelEntry::Refused,
            Event::NothingBooted { .. } => SelEntry::Nothing,
            _ => return,
        };
        let is_failure = matches!(entry, SelEntry::Failed | SelEntry::Refused);
        if is_failure && !self.failures.one_more() {
            return;
        }
        if let Some(report) = &self.controller
            && let Err(error) = report.during(Place::Firmware, || add(entry))
        {
            log::warn!("the event log of the BMC gets no entries: {error}");
            self.controller = None;
        }
    }
}

fn add(entry: SelEntry) -> Result<(), IpmiError> {
    match Device::open(Device::PATH.as_ref())? {
        Some(bmc) => entry.record(&bmc),
        None => Err(io::Error::from(io::ErrorKind::NotFound).into()),
    }
}

/// Adds a line to what is kept: all of it, or nothing.
fn keep(path: &Path, part: &Path, line: &str) -> io::Result<()> {
    let mut lines = fs::read_to_string(path).unwrap_or_default();
    lines.push_str(line);
    lines.push('\n');
    if lines.len() > CAPACITY {
        let newer = lines.char_indices().skip(CAPACITY / 2);
        let start = newer.filter(|(_, c)| *c == '\n').map(|(at, _)| at).next();
        let newer = start.and_then(|at| lines.get(at..));
        lines = newer.unwrap_or_default().trim_start().to_owned();
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(part, lines)?;
    fs::rename(part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_are_whole_lines_and_the_last_ones() {
        let directory = std::env::temp_dir().join(format!("pl-report-{}", std::process::id()));
        let (path, part) = (directory.join("report"), directory.join("report.part"));
        for number in 0..1000 {
            let line = format!("{{\"event\":{number},\"more\":\"{}\"}}", "x".repeat(200));
            keep(&path, &part, &line).unwrap();
            let size = fs::metadata(&path).unwrap().len();
            assert!(size <= CAPACITY as u64);
        }
        let kept = fs::read_to_string(&path).unwrap();
        assert!(kept.len() > CAPACITY / 2 - 300 && !part.exists());
        let numbers = kept.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["event"].as_u64().unwrap()
        });
        let numbers: Vec<u64> = numbers.collect();
        let first = numbers[0];
        assert!(numbers.into_iter().eq(first..1000));
        fs::remove_dir_all(&directory).unwrap();
    }
}
