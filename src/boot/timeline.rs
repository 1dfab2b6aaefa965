//! Where the time goes, stage by stage.

use std::fmt;
use std::time::{Duration, Instant};

/// A stage of a boot, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding disks and reading their partition tables.
    Disks,
    /// Reading boot configurations.
    Entries,
    /// Reading and hashing the payload.
    Read,
    /// Handing it to the kernel.
    Load,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Stage::Disks => "disks",
            Stage::Entries => "entries",
            Stage::Read => "read and hash",
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

    /// The stages with begin and end, in the order in which they ran.
    pub fn stages(&self) -> &[(Stage, Duration, Duration)] {
        &self.stages
    }
}

/// One line for a log: `disks 0.012 s, entries 0.003 s`.
impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (stage, begin, end)) in self.stages.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let seconds = end.saturating_sub(*begin).as_secs_f64();
            write!(f, "{comma}{stage} {seconds:.3} s")?;
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
}
