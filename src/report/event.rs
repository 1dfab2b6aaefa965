//! [`Event`]: what may happen on the way to a system.

use serde::Serialize;

use super::Text;
use crate::boot::{Stage, Timeline};

/// What has happened. Names and keys are those of `docs/report.md`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// The boot loader has begun.
    Started {
        /// Its version.
        version: &'a str,
    },
    /// A value of the policy was set from outside of the flash.
    Override {
        /// The value.
        key: &'a str,
        /// Who has set it.
        source: &'a str,
    },
    /// A disk has come.
    DiskFound {
        /// Its path.
        disk: Text<'a>,
        /// How large it is, in bytes.
        size: u64,
        /// What it calls itself.
        model: Option<Text<'a>>,
    },
    /// A disk has gone.
    DiskGone {
        /// Its path.
        disk: Text<'a>,
    },
    /// An entry is about to be read.
    Trying {
        /// Its id.
        entry: Text<'a>,
        /// Its title.
        title: Text<'a>,
        /// Where it was written down.
        origin: Text<'a>,
    },
    /// An entry may not be started.
    Refused {
        /// Its id.
        entry: Text<'a>,
        /// Why.
        reason: Text<'a>,
    },
    /// An entry could not be started, and may be tried again.
    Failed {
        /// Its id.
        entry: Text<'a>,
        /// Why.
        reason: Text<'a>,
    },
    /// A file of the entry that is booted was read.
    File {
        /// Where it is.
        file: Text<'a>,
        /// Length in bytes.
        size: u64,
        /// SHA-256 of what was read, in hexadecimal.
        sha256: &'a str,
    },
    /// An entry is started.
    Booting {
        /// Its id.
        entry: Text<'a>,
        /// Its title.
        title: Text<'a>,
        /// Where it was written down.
        origin: Text<'a>,
        /// Where its kernel is.
        kernel: Text<'a>,
        /// What was proven: `off`, `covered` or `open`.
        verdict: &'static str,
        /// Where the time went.
        times: Times,
    },
    /// The part of the boot loader that reads disks has died.
    Died {
        /// How, and at what.
        reason: Text<'a>,
    },
    /// The running kernel is asked to jump into the one that was loaded.
    Jumping,
    /// A device does not stop, so that the kernel neither jumps nor takes the machine down.
    Hung {
        /// What was asked for: `jump`, `reboot` or `power off`.
        what: &'a str,
        /// What follows: `reset`, or `wait` where the policy wants the machine to be off.
        then: &'a str,
    },
    /// The running kernel did not take the jump into the one that was loaded.
    JumpFailed {
        /// Why.
        reason: Text<'a>,
    },
    /// The entries that there are were tried, and there is no time left for other disks.
    NothingBooted {
        /// How many were tried.
        entries: usize,
    },
    /// Nothing could be booted in a round.
    RoundOver {
        /// Its number, from 1.
        round: u32,
    },
    /// Something is about to happen that no secret may be opened in or after.
    Measured {
        /// What, and into which registers of the TPM, or that there is none.
        what: &'a str,
    },
    /// The machine is given up as the policy says.
    Ending {
        /// How: `reboot`, `power off` or `shell`.
        how: &'a str,
    },
}

/// Milliseconds that each stage took, with all of its repetitions.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Times {
    /// Finding disks and their partitions.
    disks_ms: u64,
    /// Reading configurations.
    entries_ms: u64,
    /// Reading and hashing.
    read_ms: u64,
    /// Handing it to the kernel; 0 in what is written before that.
    load_ms: u64,
}

impl From<&Timeline> for Times {
    fn from(timeline: &Timeline) -> Times {
        let spent = |stage| u64::try_from(timeline.spent(stage).as_millis()).unwrap_or(u64::MAX);
        Times {
            disks_ms: spent(Stage::Disks),
            entries_ms: spent(Stage::Entries),
            read_ms: spent(Stage::Read),
            load_ms: spent(Stage::Load),
        }
    }
}
