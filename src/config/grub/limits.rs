//! Bounds of an evaluation. A script that goes on for ever yields what it had until then.

use std::cell::Cell;
use std::fmt;

/// Commands that are executed in a configuration, or in one of its entries.
const MAX_STEPS: u64 = 100_000;

/// Putting together or copying so many bytes takes the time of a command.
const BYTES_OF_A_STEP: usize = 128;

/// Calls, loops and files in each other.
const MAX_DEPTH: usize = 64;

/// Bytes of variables.
const MAX_VARIABLES: usize = 4 << 20;

/// Bytes of the arguments of one command.
pub(super) const MAX_ARGUMENTS: usize = 1 << 20;

/// What configurations may take with all of their entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Commands that are executed.
    pub(super) steps: u64,
    /// Files and directories that are read.
    pub(super) files: u64,
    /// Bytes of scripts and their syntax trees.
    pub(super) scripts: u64,
    /// Entries that are listed.
    pub(super) entries: u64,
    /// Bytes of these entries, and of what is said beside them.
    pub(super) listed: u64,
}

impl Allowance {
    /// One configuration never takes more.
    pub(super) const CONFIGURATION: Allowance = Allowance {
        steps: 1_000_000,
        files: 100_000,
        scripts: 64 << 20,
        entries: 20_000,
        listed: 16 << 20,
    };

    /// Not a step.
    pub(super) const NOTHING: Allowance = Allowance {
        steps: 0,
        files: 0,
        scripts: 0,
        entries: 0,
        listed: 0,
    };

    /// Disks that get a full share: two configurations each. Where there are more of them, they have this
    /// much together.
    const DISKS: u64 = 8;

    /// However many disks there are, each may take this part of what a configuration may.
    const LEAST: u64 = 8;

    /// The share of one disk among so many: what one has used up, no other one misses.
    pub(super) fn of_disk(disks: usize) -> Allowance {
        let disks = u64::try_from(disks).unwrap_or(u64::MAX);
        let disks = disks.clamp(Self::DISKS, Self::DISKS.saturating_mul(2 * Self::LEAST));
        let share = |one: u64| {
            let all = one.saturating_mul(2 * Self::DISKS);
            all.checked_div(disks).unwrap_or(one)
        };
        Self::CONFIGURATION.map(share)
    }

    /// The share of the next one of so many configurations, of what their disk has left.
    pub(super) fn share(self, configurations: usize) -> Allowance {
        let count = u64::try_from(configurations).unwrap_or(u64::MAX).max(1);
        let most = Self::CONFIGURATION;
        let part = self.map(|left| left.checked_div(count).unwrap_or(left));
        part.with(most, u64::min)
    }

    /// What is left of it.
    pub(super) fn without(self, used: Allowance) -> Allowance {
        self.with(used, u64::saturating_sub)
    }

    fn map(self, change: impl Fn(u64) -> u64) -> Allowance {
        Allowance {
            steps: change(self.steps),
            files: change(self.files),
            scripts: change(self.scripts),
            entries: change(self.entries),
            listed: change(self.listed),
        }
    }

    fn with(self, other: Allowance, join: impl Fn(u64, u64) -> u64) -> Allowance {
        Allowance {
            steps: join(self.steps, other.steps),
            files: join(self.files, other.files),
            scripts: join(self.scripts, other.scripts),
            entries: join(self.entries, other.entries),
            listed: join(self.listed, other.listed),
        }
    }
}

/// What is left, shared by all copies of an interpreter.
pub(super) struct Budget {
    allowed: Allowance,
    steps: Cell<u64>,
    steps_in_all: Cell<u64>,
    files: Cell<u64>,
    scripts: Cell<u64>,
    listed: Cell<u64>,
    kept: Cell<u64>,
}

/// A limit that was reached; those of a configuration with all its entries are as its share is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Steps(u64),
    StepsInAll(u64),
    Depth,
    Variables,
    Arguments,
    Scripts(u64),
    Files(u64),
    Entries(u64),
    Listed(u64),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: Allowance = Allowance::CONFIGURATION;
        const MIB: u64 = 1 << 20;
        // What is meant, the limit and its unit, and how much it is where nobody else needs any of it.
        let (what, number, unit, most) = match *self {
            Limit::Steps(steps) => ("it takes", steps, "steps", MAX_STEPS),
            Limit::StepsInAll(steps) => {
                let what = "the configuration with all its entries takes";
                (what, steps, "steps", MOST.steps)
            }
            Limit::Depth => ("it nests calls and loops", MAX_DEPTH as u64, "levels", 0),
            Limit::Variables => ("its variables take", MAX_VARIABLES as u64 / MIB, "MiB", 0),
            Limit::Arguments => {
                let what = "the arguments of a command take";
                (what, MAX_ARGUMENTS as u64 / MIB, "MiB", 0)
            }
            Limit::Scripts(bytes) => {
                let what = "the scripts of the configuration take";
                (what, bytes / MIB, "MiB", MOST.scripts / MIB)
            }
            Limit::Files(files) => {
                let what = "the configuration with all its entries reads";
                (what, files, "files", MOST.files)
            }
            Limit::Entries(entries) => ("the configuration has", entries, "entries", MOST.entries),
            Limit::Listed(bytes) => {
                let what = "the entries of the configuration take";
                (what, bytes / 1024, "KiB", MOST.listed / 1024)
            }
        };
        write!(f, "{what} more than {number} {unit}")?;
        match number < most {
            true => f.write_str(", its share of what the disk may take"),
            false => Ok(()),
        }
    }
}

impl Budget {
    /// For a configuration that may take so much.
    pub(super) fn new(allowed: Allowance) -> Budget {
        Budget {
            allowed,
            steps: Cell::default(),
            steps_in_all: Cell::default(),
            files: Cell::default(),
            scripts: Cell::default(),
            listed: Cell::default(),
            kept: Cell::default(),
        }
    }

    /// What was taken, with so many entries.
    pub(super) fn used(&self, entries: usize) -> Allowance {
        Allowance {
            steps: self.steps_in_all.get(),
            files: self.files.get(),
            scripts: self.scripts.get(),
            entries: u64::try_from(entries).unwrap_or(u64::MAX),
            listed: self.listed.get(),
        }
    }

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
        match files > self.allowed.files {
            true => Err(Limit::Files(self.allowed.files)),
            false => Ok(()),
        }
    }

    /// Keeps a script and its tree of so many bytes.
    pub(super) fn script(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.scripts.set(self.scripts.get().saturating_add(bytes));
    }

    /// Keeps so many bytes of an entry, or of what is said beside them. Says the limit where that is too much.
    pub(super) fn list(&self, bytes: usize) -> Option<Limit> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.listed.set(self.listed.get().saturating_add(bytes));
        let most = self.allowed.listed;
        (self.listed.get() > most).then_some(Limit::Listed(most))
    }

    /// Keeps so many bytes of a file as they are, for as long as its entries. Says whether there is room: half of
    /// what the entries themselves may take.
    pub(super) fn keep(&self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let kept = self.kept.get().saturating_add(bytes);
        let has_room = kept <= self.allowed.listed / 2;
        if has_room {
            self.kept.set(kept);
        }
        has_room
    }

    /// How much memory is left for scripts, in bytes.
    pub(super) fn room_for_scripts(&self) -> usize {
        let left = self.allowed.scripts.saturating_sub(self.scripts.get());
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    /// The limit that was reached by something that did not say so itself.
    pub(super) fn exceeded(&self) -> Option<Limit> {
        // A script that goes on for ever leaves something for its entries.
        let most = MAX_STEPS.min(self.allowed.steps / 2);
        let own = (self.steps.get() > most).then_some(Limit::Steps(most));
        own.or_else(|| self.exceeded_in_all())
    }

    /// The same of those limits that are for a configuration with all of its entries.
    pub(super) fn exceeded_in_all(&self) -> Option<Limit> {
        let Allowance {
            steps,
            files,
            scripts,
            ..
        } = self.allowed;
        let reached = [
            (self.steps_in_all.get() > steps, Limit::StepsInAll(steps)),
            (self.files.get() > files, Limit::Files(files)),
            (self.scripts.get() > scripts, Limit::Scripts(scripts)),
        ];
        let found = reached.into_iter().find(|(reached, _)| *reached);
        found.map(|(_, limit)| limit)
    }

    /// The limit that keeps an entry from being listed behind so many others.
    pub(super) fn full(&self, entries: usize) -> Option<Limit> {
        let most = self.allowed.entries;
        let has_room = u64::try_from(entries).is_ok_and(|entries| entries < most);
        let entries = (!has_room).then_some(Limit::Entries(most));
        let reached = self.exceeded_in_all().or(entries);
        reached.or_else(|| self.list(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_up_to_half_of_what_entries_may_take() {
        let budget = Budget::new(Allowance {
            listed: 100,
            ..Allowance::NOTHING
        });
        assert!(budget.keep(30) && !budget.keep(21) && budget.keep(20) && !budget.keep(1));
        assert_eq!(budget.list(100), None);
    }

    #[test]
    fn shares() {
        let most = Allowance::CONFIGURATION;
        let steps = |disks, configurations| {
            let share = Allowance::of_disk(disks).share(configurations);
            assert!(share.files > 0 && share.scripts > 0 && share.entries > 0);
            share.steps
        };
        for (disks, configurations, share) in [
            (0, 0, 1_000_000),
            (1, 1, 1_000_000),
            (1, 2, 1_000_000),
            (8, 4, 500_000),
            (16, 1, 1_000_000),
            (32, 1, 500_000),
            (128, 1, 125_000),
            (usize::MAX, 64, 1953),
        ] {
            assert_eq!(
                steps(disks, configurations),
                share,
                "{disks} {configurations}"
            );
        }
        let left = Allowance::of_disk(1).without(most).share(1);
        assert_eq!(left, most);
        assert_eq!(left.without(most), Allowance::NOTHING);
        assert_eq!(left.without(most).without(most), Allowance::NOTHING);
    }

    #[test]
    fn a_configuration_is_full() {
        let budget = Budget::new(Allowance::CONFIGURATION);
        assert_eq!(budget.full(19_999), None);
        let full = budget.full(20_000).unwrap();
        assert_eq!(
            full.to_string(),
            "the configuration has more than 20000 entries"
        );
    }
}
