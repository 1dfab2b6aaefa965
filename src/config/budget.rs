//! [`Budget`]: what the entries of one disk may take.

use std::cell::Cell;
use std::fmt;

use crate::fs::FsPath;

/// What the entries of a disk may take together: memory, in bytes, and time, in steps. A step is looking at one section
/// of a program, or at some bytes of a text. It is for the Boot Loader Specification, images among it, and for
/// SYSLINUX; scripts of GRUB compute, and have an allowance of their own.
///
/// The entry files of one volume have half of what is left, and so have its images, and its configuration of SYSLINUX:
/// nobody takes everything from the others.
#[derive(Debug)]
pub struct Budget {
    bytes: Account,
    steps: Account,
}

/// How much there was, and how much is left of it.
#[derive(Debug)]
struct Account {
    all: u64,
    left: Cell<u64>,
}

/// Bytes that the entries of one disk take: thousands of usual ones.
const BYTES: u64 = 16 << 20;

/// Steps that reading them takes: about a second.
const STEPS: u64 = 16 << 20;

/// Disks that have so much. Where there are more of them, they have this much together, down to a part that each has
/// in any case.
const DISKS: u64 = 8;
const LEAST_PART: u64 = 8;

/// Looking for a file, and opening it, takes the time of so many steps.
const STEPS_OF_A_FILE: u64 = 256;

/// Each part of its path takes so many more, where paths may be long.
const STEPS_OF_A_PART: u64 = 64;

/// Reading so many bytes takes the time of a step.
const BYTES_OF_A_STEP: u64 = 64;

impl Budget {
    /// For one disk among so many.
    pub fn of_disk(disks: usize) -> Budget {
        let disks = u64::try_from(disks).unwrap_or(u64::MAX);
        let disks = disks.clamp(DISKS, DISKS.saturating_mul(LEAST_PART));
        let part = |all: u64| {
            let all = all.saturating_mul(DISKS);
            Account::new(all.checked_div(disks).unwrap_or(all))
        };
        Budget {
            bytes: part(BYTES),
            steps: part(STEPS),
        }
    }

    /// For one program of which somebody else keeps account.
    pub(super) fn of_program() -> Budget {
        Budget {
            bytes: Account::new(BYTES / 16),
            steps: Account::new(STEPS / 16),
        }
    }

    /// Lets one reader of one volume have its share.
    pub(super) fn share<T>(&self, read: impl FnOnce(&Budget) -> T) -> T {
        let half = Budget {
            bytes: Account::new(self.bytes.left.get() / 2),
            steps: Account::new(self.steps.left.get() / 2),
        };
        let result = read(&half);
        self.bytes.use_up(half.bytes.used());
        self.steps.use_up(half.steps.used());
        result
    }

    /// Keeps so many bytes for an entry.
    ///
    /// # Errors
    /// [`Limit`]: there is no room for them, and nothing is taken.
    pub(super) fn keep(&self, bytes: usize) -> Result<(), Limit> {
        let left = self.bytes.left.get().checked_sub(number(bytes));
        let left = left.ok_or(Limit::Bytes(self.bytes.all))?;
        self.bytes.left.set(left);
        Ok(())
    }

    /// Keeps so many bytes that entries can do without, unless that is more than a quarter of what is left. Says
    /// whether it does.
    pub(super) fn spare(&self, bytes: usize) -> bool {
        let quarter = self.bytes.left.get() / 4;
        number(bytes) <= quarter && self.keep(bytes).is_ok()
    }

    /// Takes steps.
    ///
    /// # Errors
    /// [`Limit`]: there are not so many left, and now there are none.
    pub(super) fn work(&self, steps: usize) -> Result<(), Limit> {
        self.steps(number(steps))
    }

    /// Looks for a file.
    ///
    /// # Errors
    /// As [`Budget::work`].
    pub(super) fn file(&self) -> Result<(), Limit> {
        self.steps(STEPS_OF_A_FILE)
    }

    /// Looks for the file of a path that may lead through many directories.
    ///
    /// # Errors
    /// As [`Budget::work`].
    pub(super) fn look(&self, path: &FsPath) -> Result<(), Limit> {
        let parts = number(path.components().count());
        self.steps(STEPS_OF_A_FILE.saturating_add(parts.saturating_mul(STEPS_OF_A_PART)))
    }

    /// Reads bytes, or puts a text together.
    ///
    /// # Errors
    /// As [`Budget::work`].
    pub(super) fn read(&self, bytes: usize) -> Result<(), Limit> {
        self.steps(number(bytes) / BYTES_OF_A_STEP)
    }

    fn steps(&self, steps: u64) -> Result<(), Limit> {
        match self.steps.use_up(steps) {
            true => Ok(()),
            false => Err(Limit::Steps(self.steps.all)),
        }
    }

    /// The limit that was reached by something that did not say so itself.
    pub(super) fn exceeded(&self) -> Option<Limit> {
        let limit = Limit::Steps(self.steps.all);
        (self.steps.left.get() == 0).then_some(limit)
    }

    /// How many bytes a script could have put together in the time that was taken.
    pub(super) fn worth(&self) -> usize {
        let bytes = self.steps.used().saturating_mul(BYTES_OF_A_STEP / 4);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

impl Account {
    fn new(all: u64) -> Account {
        let left = Cell::new(all);
        Account { all, left }
    }

    fn used(&self) -> u64 {
        self.all.saturating_sub(self.left.get())
    }

    /// Takes as much as there is; was it enough?
    fn use_up(&self, number: u64) -> bool {
        let left = self.left.get().checked_sub(number);
        self.left.set(left.unwrap_or_default());
        left.is_some()
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// What a share was not enough for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// More than so many bytes.
    Bytes(u64),
    /// More than so many steps.
    Steps(u64),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Bytes(bytes) => {
                write!(f, "entries take more than {} KiB of memory", bytes / 1024)
            }
            Limit::Steps(steps) => write!(f, "reading entries takes more than {steps} steps"),
        }
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> String {
        limit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_leaves_half_to_the_next() {
        let disk = Budget::of_disk(1);
        let all = disk.share(|volume| {
            volume.keep(5 << 20).unwrap();
            // What does not fit takes nothing.
            assert_eq!(volume.keep(5 << 20), Err(Limit::Bytes(8 << 20)));
            volume.keep(3 << 20).unwrap();
            volume.work(usize::MAX).unwrap_err()
        });
        assert_eq!(all, Limit::Steps(STEPS / 2));
        disk.share(|volume| {
            assert_eq!(volume.exceeded(), None);
            volume.look(&FsPath::new("/a/b").unwrap()).unwrap();
            volume.read(640).unwrap();
            assert_eq!(volume.worth(), 394 * 16);
            let error = volume.keep(5 << 20).unwrap_err();
            assert_eq!(
                error.to_string(),
                "entries take more than 4096 KiB of memory"
            );
        });
        assert_eq!(disk.bytes.used(), 8 << 20);
        assert_eq!(disk.steps.used(), STEPS / 2 + 394);
    }

    #[test]
    fn what_entries_can_do_without_takes_no_more_than_a_quarter() {
        let budget = Budget::of_program();
        assert!(!budget.spare(300 << 10));
        assert_eq!(budget.bytes.used(), 0);
        assert!(budget.spare(200 << 10));
        // Of what is left.
        assert!(!budget.spare(210 << 10) && budget.spare(200 << 10));
        assert_eq!(budget.bytes.used(), 400 << 10);
    }

    #[test]
    fn many_disks_take_what_eight_do() {
        let bytes = |disks| Budget::of_disk(disks).bytes.all;
        assert_eq!([0, 1, 8].map(bytes), [BYTES; 3]);
        assert_eq!(bytes(16), BYTES / 2);
        assert_eq!([64, 1000].map(bytes), [BYTES / 8; 2]);
    }
}
