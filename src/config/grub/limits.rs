//! Bounds of an evaluation. A script that goes on for ever yields what it had until then.

use std::cell::Cell;
use std::fmt;

/// Commands that are executed in a configuration, or in one of its entries.
const MAX_STEPS: u64 = 100_000;

/// The same, in a configuration with all of its entries.
const MAX_STEPS_IN_ALL: u64 = 1_000_000;

/// Putting together or copying so many bytes takes the time of a command.
const BYTES_OF_A_STEP: usize = 128;

/// Calls, loops and files in each other.
const MAX_DEPTH: usize = 64;

/// Bytes of variables.
const MAX_VARIABLES: usize = 4 << 20;

/// Bytes of the arguments of one command.
pub(super) const MAX_ARGUMENTS: usize = 1 << 20;

/// Bytes of all scripts and their syntax trees.
const MAX_SCRIPTS: usize = 64 << 20;

/// Files and directories that are read.
const MAX_FILES: u64 = 100_000;

/// What is left, shared by all copies of an interpreter.
#[derive(Default)]
pub(super) struct Budget {
    steps: Cell<u64>,
    steps_in_all: Cell<u64>,
    files: Cell<u64>,
    scripts: Cell<usize>,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Steps,
    StepsInAll,
    Depth,
    Variables,
    Arguments,
    Scripts,
    Files,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, number, unit) = match self {
            Limit::Steps => ("it takes", MAX_STEPS, "steps"),
            Limit::StepsInAll => (
                "the configuration with all its entries takes",
                MAX_STEPS_IN_ALL,
                "steps",
            ),
            Limit::Depth => ("it nests calls and loops", MAX_DEPTH as u64, "levels"),
            Limit::Variables => ("its variables take", (MAX_VARIABLES >> 20) as u64, "MiB"),
            Limit::Arguments => (
                "the arguments of a command take",
                (MAX_ARGUMENTS >> 20) as u64,
                "MiB",
            ),
            Limit::Scripts => (
                "the scripts of the configuration take",
                (MAX_SCRIPTS >> 20) as u64,
                "MiB",
            ),
            Limit::Files => (
                "the configuration with all its entries reads",
                MAX_FILES,
                "files",
            ),
        };
        write!(f, "{what} more than {number} {unit}")
    }
}

impl Budget {
    /// Begins with an entry: what another one took away is no loss.
    pub(super) fn begin(&self) {
        self.steps.set(0);
    }

    /// Takes a step at this depth, with variables of this many bytes.
    pub(super) fn step(&self, depth: usize, variables: usize) -> Result<(), Limit> {
        self.take(1);
        if let Some(limit) = self.exceeded() {
            return Err(limit);
        }
        if depth > MAX_DEPTH {
            return Err(Limit::Depth);
        }
        if variables > MAX_VARIABLES {
            return Err(Limit::Variables);
        }
        Ok(())
    }

    /// Long words cost as many steps as they take the time of: counted is what was put together, in bytes.
    pub(super) fn work(&self, bytes: usize) {
        self.take(u64::try_from(bytes / BYTES_OF_A_STEP).unwrap_or(u64::MAX));
    }

    fn take(&self, steps: u64) {
        for counter in [&self.steps, &self.steps_in_all] {
            counter.set(counter.get().saturating_add(steps));
        }
    }

    /// Reads a file or a directory.
    pub(super) fn file(&self) -> Result<(), Limit> {
        let files = self.files.get().saturating_add(1);
        self.files.set(files);
        match files > MAX_FILES {
            true => Err(Limit::Files),
            false => Ok(()),
        }
    }

    /// Keeps a script and its tree of so many bytes.
    pub(super) fn script(&self, bytes: usize) {
        self.scripts.set(self.scripts.get().saturating_add(bytes));
    }

    /// How much memory is left for scripts, in bytes.
    pub(super) fn room_for_scripts(&self) -> usize {
        MAX_SCRIPTS.saturating_sub(self.scripts.get())
    }

    /// The limit that was reached by something that did not say so itself.
    pub(super) fn exceeded(&self) -> Option<Limit> {
        let own = (self.steps.get() > MAX_STEPS).then_some(Limit::Steps);
        own.or_else(|| self.exceeded_in_all())
    }

    /// The same of those limits that are for a configuration with all of its entries.
    pub(super) fn exceeded_in_all(&self) -> Option<Limit> {
        let reached = [
            (
                self.steps_in_all.get() > MAX_STEPS_IN_ALL,
                Limit::StepsInAll,
            ),
            (self.files.get() > MAX_FILES, Limit::Files),
            (self.scripts.get() > MAX_SCRIPTS, Limit::Scripts),
        ];
        let found = reached.into_iter().find(|(reached, _)| *reached);
        found.map(|(_, limit)| limit)
    }
}
