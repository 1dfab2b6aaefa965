//! From TOML to [`Policy`]: every key is named here once.

use std::fmt;

use toml_parser::Span;

use super::document::{self, Wrong};
use super::keys::{Keys, line};
use super::overrides::Source;
use super::rules::{disk_rules, entry_rules, pattern};
use super::trust::trust;
use super::{Action, AfterEntry, Boot, Counting, Ending, Failure, Policy, VariableAccess, Wait};
use crate::store::Choice;
use crate::trust::Mode;

/// A file larger than this is no policy.
const MAX_SIZE: usize = 256 * 1024;

/// Who reads an entry more often will not read it.
const MAX_ATTEMPTS: u32 = 100;

/// Who was started more often is long given up.
const MAX_RESETS: u32 = 50;

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there and what would be right.
    pub text: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

impl std::error::Error for PolicyError {}

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    let at = |(span, text_of_error): Wrong| PolicyError {
        line: line(text, span),
        text: text_of_error,
    };
    if text.len() > MAX_SIZE {
        let too_large = format!("the file is larger than {MAX_SIZE} bytes");
        return Err(at((Span::default(), too_large)));
    }
    let root = document::read(text).map_err(at)?;
    let mut root = Keys::of_file(root, text);
    let mut policy = Policy::default();
    let read = |root: &mut Keys<'_>| -> Result<Policy, Wrong> {
        root.table("wait", |keys| wait(keys, &mut policy.wait))?;
        root.table("boot", |keys| boot(keys, &mut policy.boot))?;
        root.table("efi", |keys| {
            keys.word("variables", &mut policy.efi.variables, &ACCESS)?;
            keys.yes_or_no("stand_in", &mut policy.efi.stand_in)
        })?;
        let variables = policy.efi.variables;
        root.table("failure", |keys| {
            failure(keys, &mut policy.failure)?;
            let is_counted = policy.failure.resets > 0 && policy.failure.store == Choice::Variable;
            match is_counted && variables != VariableAccess::Write {
                true => Err(keys.wrong(
                    "`resets` counts in a UEFI variable, which `efi.variables` does not let it: name another `store`",
                )),
                false => Ok(()),
            }
        })?;
        root.table("watchdog", |keys| policy.watchdog.read(keys))?;
        root.table("menu", |keys| policy.menu.read(keys))?;
        root.table("report", |keys| policy.report.read(keys))?;
        root.table("override", |keys| {
            policy.overrides.read(keys)?;
            let is_asked = policy.overrides.allow.contains(&Source::Efi);
            match is_asked && variables == VariableAccess::None {
                true => Err(keys.wrong(
                    "\"efi\" in `allow` and `efi.variables = \"none\"` contradict each other",
                )),
                false => Ok(()),
            }
        })?;
        root.table("trust", |keys| {
            policy.trust = trust(keys)?;
            open_doors(&policy).map_or(Ok(()), |why| Err(keys.wrong(why)))
        })?;
        Ok(policy)
    };
    let policy = read(&mut root).map_err(at)?;
    root.end().map_err(at)?;
    Ok(policy)
}

fn wait(keys: &mut Keys<'_>, wait: &mut Wait) -> Result<(), Wrong> {
    keys.seconds("disks", &mut wait.disks)?;
    keys.seconds("settle", &mut wait.settle)?;
    disk_rules(keys, "wanted", &mut wait.wanted)
}

fn boot(keys: &mut Keys<'_>, boot: &mut Boot) -> Result<(), Wrong> {
    boot.default = keys.text("default", pattern)?;
    keys.yes_or_no("follow", &mut boot.follow)?;
    entry_rules(keys, "prefer", &mut boot.prefer)?;
    entry_rules(keys, "refuse", &mut boot.refuse)?;
    keys.yes_or_no("guess", &mut boot.guess)?;
    keys.word("count", &mut boot.count, &COUNTING)
}

fn failure(keys: &mut Keys<'_>, failure: &mut Failure) -> Result<(), Wrong> {
    failure.attempts = keys.limited("attempts", 1, MAX_ATTEMPTS, failure.attempts)?;
    keys.seconds("limit", &mut failure.limit)?;
    if failure.limit.is_zero() {
        return Err(keys.wrong("`limit` of failure is more than 0 seconds"));
    }
    keys.seconds("between", &mut failure.between)?;
    keys.word("entry", &mut failure.entry, &AFTER_ENTRY)?;
    keys.word("then", &mut failure.then, &ACTIONS)?;
    keys.seconds("pause", &mut failure.pause)?;
    keys.number("rounds", &mut failure.rounds)?;
    keys.word("finally", &mut failure.finally, &ENDINGS)?;
    failure.resets = keys.limited("resets", 0, MAX_RESETS, failure.resets)?;
    failure.store = store(keys)?;
    Ok(())
}

fn store(keys: &mut Keys<'_>) -> Result<Choice, Wrong> {
    let stores = [
        Choice::Variable,
        Choice::Cmos(0),
        Choice::Tpm(0),
        Choice::Pstore,
    ];
    let names = stores.map(|store| (store.name(), store.name()));
    let name = keys.one_of("store", &names)?;
    let mut number = |name: &'static str| -> Result<Option<u32>, Wrong> {
        let mut number = 0;
        let has = keys.has(name);
        keys.number(name, &mut number)?;
        Ok(has.then_some(number))
    };
    let (byte, index) = (number("cmos")?, number("tpm")?);
    Choice::of(name, byte, index).map_err(|why| keys.wrong(format!("{why} (failure)")))
}

/// What else in a policy would lead around `enforce`.
fn open_doors(policy: &Policy) -> Option<String> {
    let shell = Action::End(Ending::Shell);
    let failure = &policy.failure;
    let after_failures = failure.then == shell
        || failure.finally == Ending::Shell
        || failure.entry == AfterEntry::End(Ending::Shell);
    let door = match policy.menu.open_door() {
        _ if policy.trust.mode != Mode::Enforce => None,
        _ if policy.boot.guess => Some("`boot.guess = true`".to_owned()),
        _ if after_failures => Some("a shell after failures".to_owned()),
        Some(name) => Some(format!("`{name}` for somebody at the menu")),
        None => None,
    };
    let wrong = "contradict each other: take one away";
    door.map(|door| format!("`mode = \"enforce\"` and {door} {wrong}"))
}

pub(super) const COUNTING: [(&str, Counting); 3] = [
    ("confirmable", Counting::Confirmable),
    ("always", Counting::Always),
    ("never", Counting::Never),
];

pub(super) const ACCESS: [(&str, VariableAccess); 3] = [
    ("none", VariableAccess::None),
    ("read", VariableAccess::Read),
    ("write", VariableAccess::Write),
];

pub(super) const ACTIONS: [(&str, Action); 4] = [
    ("retry", Action::Retry),
    ("reboot", Action::End(Ending::Reboot)),
    ("poweroff", Action::End(Ending::PowerOff)),
    ("shell", Action::End(Ending::Shell)),
];

pub(super) const AFTER_ENTRY: [(&str, AfterEntry); 5] = [
    ("next", AfterEntry::Next),
    ("reboot", AfterEntry::End(Ending::Reboot)),
    ("poweroff", AfterEntry::End(Ending::PowerOff)),
    ("shell", AfterEntry::End(Ending::Shell)),
    ("configuration", AfterEntry::Configuration),
];

pub(super) const ENDINGS: [(&str, Ending); 3] = [
    ("reboot", Ending::Reboot),
    ("poweroff", Ending::PowerOff),
    ("shell", Ending::Shell),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::bls::Pattern;
    use crate::policy::{Efi, Watchdog};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn reads_every_key() {
        let text = "\
            [wait]\n\
            disks = 60\n\
            settle = 0.25\n\
            [boot]\n\
            default = \"debian*\"\n\
            follow = false\n\
            guess = true\n\
            count = \"always\"\n\
            [efi]\n\
            variables = \"read\"\n\
            stand_in = true\n\
            [failure]\n\
            attempts = 2\n\
            limit = 90\n\
            between = 0.5\n\
            entry = \"shell\"\n\
            then = \"retry\"\n\
            pause = 1\n\
            rounds = 3\n\
            finally = \"poweroff\"\n\
            resets = 3\n\
            cmos = 96\n\
            [watchdog]\n\
            timeout = 60\n\
            kernel = \"armed\"\n\
            boot = 600\n";
        let expected = Policy {
            wait: Wait {
                disks: Duration::from_secs(60),
                settle: Duration::from_millis(250),
                wanted: Vec::new(),
            },
            boot: Boot {
                default: Pattern::new("debian*"),
                follow: false,
                prefer: Vec::new(),
                refuse: Vec::new(),
                guess: true,
                count: Counting::Always,
            },
            efi: Efi {
                variables: VariableAccess::Read,
                stand_in: true,
            },
            failure: Failure {
                attempts: 2,
                limit: Duration::from_secs(90),
                between: Duration::from_millis(500),
                entry: AfterEntry::End(Ending::Shell),
                then: Action::Retry,
                pause: Duration::from_secs(1),
                rounds: 3,
                finally: Ending::PowerOff,
                resets: 3,
                store: Choice::Cmos(96),
            },
            watchdog: Watchdog {
                timeout: 60,
                armed: true,
                boot: 600,
            },
            ..Policy::default()
        };
        assert_eq!(policy(text), Ok(expected));
    }

    #[test]
    fn times_are_whole_or_have_a_fraction() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0.0", 0),
            ("0.5", 500),
            ("1e1", 10_000),
            ("86400.0", 86_400_000),
        ] {
            let policy = policy(&format!("[failure]\npause = {text}\n")).unwrap();
            assert_eq!(policy.failure.pause, Duration::from_millis(milliseconds));
        }
    }

    #[test]
    fn mistakes_have_a_line_and_say_what_is_right() {
        for (text, line, part) in [
            ("[wait]\ndisk = 1\n", 2, "`disk` is no key of wait"),
            ("[boots]\n", 1, "`boots` is no key of the file"),
            ("[boot]\nguess = 1\n", 2, "`guess` is true or false"),
            ("[boot]\ncount = true\n", 2, "\"confirmable\", \"always\""),
            ("[efi]\nvariables = true\n", 2, "\"none\", \"read\""),
            (
                "\n[failure]\nthen = \"resume\"\n",
                3,
                "\"retry\", \"reboot\"",
            ),
            ("[wait]\ndisks = -1\n", 2, "seconds from 0 to 86400"),
            ("[wait]\ndisks = 100000\n", 2, "seconds from 0 to 86400"),
            ("[wait]\ndisks = -0.5\n", 2, "seconds from 0 to 86400"),
            ("[wait]\ndisks = 86400.5\n", 2, "seconds from 0 to 86400"),
            ("[wait]\ndisks = 1e300\n", 2, "seconds from 0 to 86400"),
            ("[wait]\ndisks = inf\n", 2, "seconds from 0 to 86400"),
            ("[wait]\ndisks = nan\n", 2, "seconds from 0 to 86400"),
            ("[failure]\nrounds = 0.5\n", 2, "whole number"),
            ("[wait]\ndisks = \"long\"\n", 2, "seconds"),
            ("[failure]\nrounds = 4294967296\n", 2, "whole number"),
            (
                "[failure]\nattempts = 0\n",
                1,
                "`attempts` of failure is a number from 1 to 100",
            ),
            ("[failure]\nlimit = 0\n", 1, "more than 0 seconds"),
            ("[failure]\nresets = 51\n", 1, "from 0 to 50"),
            (
                "[failure]\nresets = 1\n[efi]\nvariables = \"read\"\n",
                1,
                "name another `store`",
            ),
            (
                "[efi]\nvariables = \"none\"\n[override]\nallow = [\"efi\"]\n",
                3,
                "contradict each other",
            ),
            ("[override]\nvolume = \"ESP\"\n", 1, "belong together"),
            (
                "[override]\nallow = [\"file\"]\npath = \"/a\"\n",
                1,
                "belong together",
            ),
            (
                "[[boot.prefer]]\npartition = \"0x+1\"\n",
                2,
                "is no type of a partition",
            ),
            ("[failure]\nstore = \"disk\"\n", 2, "one of \"efi\""),
            ("[failure]\nstore = \"cmos\"\n", 1, "needs `cmos`"),
            ("[failure]\ntpm = 0x01c00000\n", 1, "to 0x01bfffff"),
            ("[failure]\ncmos = 13\n", 1, "from 14 to 224"),
            ("[watchdog]\ntimeout = 9\n", 1, "at least 10 seconds"),
            ("[watchdog]\ntimeout = 3601\n", 1, "from 0 to 3600"),
            ("[watchdog]\nkernel = true\n", 2, "\"armed\", \"disarmed\""),
            (
                "[watchdog]\ntimeout = 0\nkernel = \"armed\"\n",
                1,
                "needs a `timeout`",
            ),
            ("[failure]\nentry = \"retry\"\n", 2, "\"next\", \"reboot\""),
            ("wait = 3\n", 1, "`wait` is a table, not integer"),
            ("[wait]\n[wait\n", 2, ""),
        ] {
            let error = policy(text).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.text.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_policy_or_an_error(text in "[\\[\\]a-z=\"\n0-9. ]{0,200}") {
            let _ = policy(&text);
        }
    }
}
