//! Policy: what the owner of the machine wants, from `policy.toml` in the flash.
//!
//! The file is read once at start. A file that can't be read or understood never loosens anything: nothing
//! is booted then, the defaults try again for ever and give nobody a shell, and the error is logged.

mod after_entry;
#[cfg(test)]
pub(crate) mod asked;
mod document;
#[cfg(test)]
pub(crate) mod examples;
mod keys;
mod menu;
pub mod overrides;
pub mod password;
mod reader;
mod report;
mod rules;
mod trust;
mod values;
mod waiting;
mod watchdog;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::bls::Pattern;
use crate::store::Choice;
use crate::trust::Rules;
pub use after_entry::AfterEntry;
pub use menu::Menu;
use overrides::Overrides;
pub use reader::PolicyError;
pub use report::Report;
pub use rules::{DiskRule, EntryRule, Purpose};
pub use watchdog::Watchdog;

/// Where the policy lies in the image that the flash kernel unpacks.
pub const PATH: &str = "/etc/pilotlight/policy.toml";

/// Where the anchors of the policy in `path` are: beside it, among the sources of a board as in the image.
pub fn anchors(path: &Path) -> PathBuf {
    path.with_file_name("anchors")
}

/// Everything that can be decided beforehand. `docs/policy.md` documents it key by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How long to wait for disks.
    pub wait: Wait,
    /// What may be booted, and in what order.
    pub boot: Boot,
    /// What may be done with UEFI variables.
    pub efi: Efi,
    /// What to do when nothing could be booted.
    pub failure: Failure,
    /// When the machine is reset because nothing gets on.
    pub watchdog: Watchdog,
    /// What a person at the machine may do.
    pub menu: Menu,
    /// Where it is written down what happens.
    pub report: Report,
    /// Who may change some of it from outside of the flash.
    pub overrides: Overrides,
    /// What has to be proven before something is booted.
    pub trust: Rules,
}

/// Table `[wait]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// `disks`: how long a round looks for a disk with something that boots before it has failed.
    pub disks: Duration,
    /// `settle`: once there is something that boots, how long to wait for disks that the kernel is
    /// still bringing up, which may hold something better.
    pub settle: Duration,
    /// `[[wait.wanted]]`: disks for which `settle` is waited. As soon as there is one for each of these
    /// rules, nothing is waited for any more.
    pub wanted: Vec<DiskRule>,
}

impl Default for Wait {
    fn default() -> Wait {
        Wait {
            disks: Duration::from_secs(30),
            settle: Duration::from_secs(10),
            wanted: Vec::new(),
        }
    }
}

/// Table `[boot]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// `default`: a pattern for ids and titles of what comes first.
    pub default: Option<Pattern>,
    /// `follow`: does what configurations choose by themselves come first among what they offer?
    pub follow: bool,
    /// `[[boot.prefer]]`: what the first of these rules holds for comes first, and so on.
    pub prefer: Vec<EntryRule>,
    /// `[[boot.refuse]]`: what any of these rules holds for is started by nobody.
    pub refuse: Vec<EntryRule>,
    /// `guess`: may kernels be booted that no configuration names, when nothing else can be?
    pub guess: bool,
    /// `count`: when are boots of entries with counters counted?
    pub count: Counting,
}

impl Default for Boot {
    fn default() -> Boot {
        Boot {
            default: None,
            follow: true,
            prefer: Vec::new(),
            refuse: Vec::new(),
            guess: false,
            count: Counting::default(),
        }
    }
}

/// When boots of entries with counters are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// Where the system that is booted can confirm that it is good. Elsewhere every entry would be bad after
    /// some boots.
    #[default]
    Confirmable,
    /// At every boot.
    Always,
    /// Not at all.
    Never,
}

/// Table `[efi]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Efi {
    /// `variables`: may they be read, and written?
    pub variables: VariableAccess,
    /// `stand_in`: may a file on an EFI system partition stand in where the machine has none?
    pub stand_in: bool,
}

/// What may be done with UEFI variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum VariableAccess {
    /// They are not looked at.
    None,
    /// They choose entries, and are not changed.
    Read,
    /// What a booted system expects of a boot loader is written, too.
    #[default]
    Write,
}

/// Table `[failure]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `attempts`: how often an entry is tried before it has failed. What is refused is not tried again.
    pub attempts: u32,
    /// `limit`: how long an attempt may read and load before it has failed. Never 0.
    pub limit: Duration,
    /// `between`: how long to wait between two attempts at one entry, and after a crash of the loader.
    pub between: Duration,
    /// `entry`: what follows an entry that has failed.
    pub entry: AfterEntry,
    /// `then`: what follows a round in which nothing could be booted.
    pub then: Action,
    /// `pause`: how long to wait before it.
    pub pause: Duration,
    /// `rounds`: with `then = "retry"`, after how many failed rounds `finally` follows. 0: never.
    pub rounds: u32,
    /// `finally`: what follows the last round.
    pub finally: Ending,
    /// `resets`: how often an entry is started without being confirmed before others come first. 0: always again.
    pub resets: u32,
    /// `store`, with `cmos` or `tpm`: where that is counted.
    pub store: Choice,
}

impl Default for Failure {
    fn default() -> Failure {
        Failure {
            attempts: 1,
            limit: Duration::from_secs(20 * 60),
            between: Duration::from_secs(1),
            entry: AfterEntry::Next,
            then: Action::Retry,
            pause: Duration::from_secs(10),
            rounds: 0,
            finally: Ending::Reboot,
            resets: 0,
            store: Choice::default(),
        }
    }
}

/// What may follow a failed round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Look at all disks again.
    Retry,
    /// Give up.
    End(Ending),
}

/// How to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Reset the machine.
    Reboot,
    /// Switch it off.
    PowerOff,
    /// Give a shell on the console, if the image has one.
    Shell,
}

impl Failure {
    /// Is another attempt made at an entry, of which so many have failed? Only where one may still succeed.
    pub fn tries_again(&self, attempts: u32, may_succeed: bool) -> bool {
        may_succeed && attempts < self.attempts
    }

    /// What follows the failed round with number `round`, counted from 1.
    pub fn after(&self, round: u32) -> Action {
        match self.then {
            Action::Retry if self.rounds != 0 && round >= self.rounds => Action::End(self.finally),
            then => then,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Reboot => "reboot",
            Ending::PowerOff => "power off",
            Ending::Shell => "shell",
        })
    }
}

impl Policy {
    /// Reads the text of a `policy.toml`. Keys that are left out keep their defaults; keys that nobody
    /// knows are errors.
    ///
    /// # Errors
    /// [`PolicyError`] with the line.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        reader::policy(text)
    }
}

impl Policy {
    /// The policy in `path`.
    ///
    /// # Errors
    /// The file can't be read, or is no policy.
    pub fn read(path: &Path) -> Result<Policy, ReadError> {
        let text = std::fs::read_to_string(path).map_err(ReadError::Io)?;
        Policy::parse(&text).map_err(ReadError::Policy)
    }

    /// The policy in `path`, or one under which nothing is booted, and why. The image in the flash always has
    /// one, so that a file that is missing is as bad as one that can't be understood.
    pub fn read_or_closed(path: &Path) -> (Policy, Option<String>) {
        match Policy::read(path) {
            Ok(policy) => (policy, None),
            Err(error) => {
                let complaint = format!(
                    "the policy {} can't be used, {error}: nothing will be booted",
                    path.display()
                );
                let trust = Rules::closed();
                let policy = Policy {
                    trust,
                    ..Policy::default()
                };
                (policy, Some(complaint))
            }
        }
    }
}

/// Why there is no policy in a file.
#[derive(Debug)]
pub enum ReadError {
    /// It can't be read.
    Io(io::Error),
    /// It is no policy.
    Policy(PolicyError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => error.fmt(f),
            ReadError::Policy(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_end_where_policy_says() {
        let for_ever = Failure::default();
        assert_eq!(for_ever.after(1), Action::Retry);
        assert_eq!(for_ever.after(u32::MAX), Action::Retry);
        let three = Failure {
            rounds: 3,
            finally: Ending::PowerOff,
            ..Failure::default()
        };
        assert_eq!(three.after(2), Action::Retry);
        assert_eq!(three.after(3), Action::End(Ending::PowerOff));
        let at_once = Failure {
            then: Action::End(Ending::Shell),
            ..Failure::default()
        };
        assert_eq!(at_once.after(1), Action::End(Ending::Shell));
    }

    #[test]
    fn what_cannot_be_read_lets_nothing_boot() {
        for path in ["/nowhere/policy.toml", "/proc/self/exe", "/"] {
            let (policy, complaint) = Policy::read_or_closed(path.as_ref());
            assert_eq!(policy.trust, Rules::closed());
            assert!(policy.trust.unusable().is_some());
            let complaint = complaint.unwrap();
            assert!(complaint.ends_with("nothing will be booted"), "{complaint}");
        }
    }

    #[test]
    fn the_default_gives_no_shell_and_guesses_nothing() {
        let policy = Policy::parse("").unwrap();
        assert_eq!(policy, Policy::default());
        assert_ne!(policy.failure.then, Action::End(Ending::Shell));
        assert_ne!(policy.failure.finally, Ending::Shell);
        assert!(!policy.boot.guess);
    }
}
