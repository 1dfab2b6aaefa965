//! Bounds of an evaluation. A script that goes on for ever yields what it had until then.

use std::cell::Cell;
use std::fmt;

/// Commands that are executed, in a configuration or in one of its entries.
const MAX_STEPS: u64 = 100_000;

/// The same, in a configuration with all of its entries.
const MAX_STEPS_IN_ALL: u64 = 1_000_000;

/// Putting together so many bytes takes the time of a command.
const BYTES_OF_A_STEP: usize = 128;

/// Calls, loops and files in each other.
const MAX_DEPTH: usize = 64;

/// Bytes of variables.
const MAX_MEMORY: usize = 4 << 20;

/// Files and directories that are read.
const MAX_FILES: u64 = 100_000;

/// What is left, shared by all copies of an interpreter.
#[derive(Default)]
pub(super) struct Budget {
    steps: Cell<u64>,
    steps_in_all: Cell<u64>,
    files: Cell<u64>,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Steps,
    Depth,
    Memory,
    Files,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Steps => write!(f, "it takes more than {MAX_STEPS} steps"),
            Limit::Depth => write!(f, "calls and loops are nested deeper than {MAX_DEPTH}"),
            Limit::Memory => write!(f, "its variables take more than {MAX_MEMORY} bytes"),
            Limit::Files => write!(f, "it reads more than {MAX_FILES} files"),
        }
    }
}

impl Budget {
    /// Begins with an entry: what another one took away is no loss.
    pub(super) fn begin(&self) {
        self.steps.set(0);
    }

    /// Takes a step at this depth, with variables of this many bytes.
    pub(super) fn step(&self, depth: usize, memory: usize) -> Result<(), Limit> {
        let steps = self.steps.get().saturating_add(1);
        self.steps.set(steps);
        let in_all = self.steps_in_all.get().saturating_add(1);
        self.steps_in_all.set(in_all);
        if steps > MAX_STEPS || in_all > MAX_STEPS_IN_ALL {
            return Err(Limit::Steps);
        }
        if depth > MAX_DEPTH {
            return Err(Limit::Depth);
        }
        if memory > MAX_MEMORY {
            return Err(Limit::Memory);
        }
        Ok(())
    }

    /// Long words cost as many steps as they take the time of: counted is what was put together, in bytes.
    pub(super) fn work(&self, bytes: usize) {
        let steps = u64::try_from(bytes / BYTES_OF_A_STEP).unwrap_or(u64::MAX);
        self.steps.set(self.steps.get().saturating_add(steps));
        let in_all = self.steps_in_all.get();
        self.steps_in_all.set(in_all.saturating_add(steps));
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
}
