//! Where the time goes, stage by stage.

use std::fmt;
use std::time::{Duration, Instant};

use crate::seconds::Milliseconds;

/// A stage of a boot, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Mounting what process 1 needs.
    Mounts,
    /// Opening the consoles.
    Consoles,
    /// Reading the policy, what is set from outside, anchors and UEFI variables.
    Settings,
    /// Finding disks and reading their partition tables.
    Disks,
    /// Reading boot configurations.
    Entries,
    /// Reading and hashing the payload.
    Read,
    /// Deciding whether it may be booted.
    Verify,
    /// Handing it to the kernel.
    Load,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Stage::Mounts => "mounts",
            Stage::Consoles => "consoles",
            Stage::Settings => "settings",
            Stage::Disks => "disks",
            Stage::Entries => "entries",
            Stage::Read => "read and hash",
            Stage::Verify => "verify",
            Stage::Load => "load",
        })
    }
}

/// When each stage began and ended, measured from one start.
#[derive(Clone, Debug)]
pub struct Timeline {
    start: Instant,
    stages: Vec<(Stage, Duration, Duration)>,
}

impl Timeline {
    /// The start of everything.
    pub fn start() -> Timeline {
        Timeline {
            start: Instant::now(),
            stages: Vec::new(),
        }
    }

    /// Does `work` and notes its begin and end.
    pub fn run<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let begin = self.start.elapsed();
        let result = work();
        self.stages.push((stage, begin, self.start.elapsed()));
        result
    }

    /// All the time that a stage took, however often it ran.
    pub fn spent(&self, stage: Stage) -> Duration {
        let runs = self.stages.iter().filter(|(run, ..)| *run == stage);
        let times = runs.map(|(_, begin, end)| end.saturating_sub(*begin));
        times.fold(Duration::ZERO, Duration::saturating_add)
    }

    /// The stages with begin and end, in the order in which they ran.
    pub fn stages(&self) -> &[(Stage, Duration, Duration)] {
        &self.stages
    }
}

/// One line for a log: `disks 0.012 s, entries 0.003 s`. A stage that ran often, since a disk may hold
/// hundreds of entries that fail, stands there once with all of its time.
impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown: Vec<Stage> = Vec::new();
        for (stage, ..) in &self.stages {
            if shown.contains(stage) {
                continue;
            }
            let comma = if shown.is_empty() { "" } else { ", " };
            write!(f, "{comma}{stage} {} s", Milliseconds(self.spent(*stage)))?;
            shown.push(*stage);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_follow_each_other() {
        let mut timeline = Timeline::start();
        assert_eq!(timeline.run(Stage::Disks, || 7), 7);
        timeline.run(Stage::Load, || ());
        let [(first, _, end), (second, begin, _)] = timeline.stages() else {
            panic!("two stages");
        };
        assert_eq!((*first, *second), (Stage::Disks, Stage::Load));
        assert!(end <= begin);
        let text = timeline.to_string();
        assert!(
            text.starts_with("disks 0.") && text.contains(", load 0."),
            "{text}"
        );
    }

    #[test]
    fn a_stage_that_ran_often_is_summed() {
        let second = Duration::from_secs(1);
        let mut timeline = Timeline::start();
        timeline.stages = vec![
            (Stage::Read, second, second * 2),
            (Stage::Load, second * 2, second * 3),
            (Stage::Read, second * 3, second * 5),
        ];
        assert_eq!(timeline.to_string(), "read and hash 3.000 s, load 1.000 s");
    }
}
