//! [`Setting`]: what can be set from outside of the flash.

use std::time::Duration;

use crate::policy::rules::{TRANSPORTS, pattern};
use crate::policy::{Action, DiskRule, Ending, EntryRule, Policy};

/// The longest time that can be set, in seconds: nobody makes a machine wait for a day from outside.
const MAX_SECONDS: u32 = 60 * 60;

/// A key that can be set. Nothing in `[trust]`, no rule that refuses, no password and no permission is among them.
pub struct Setting {
    /// Its name, with the table.
    pub key: &'static str,
    /// Is it what process 1 goes by?
    pub is_early: bool,
    /// Sets it, or says what it would have to be, in words that go behind the value.
    pub(super) set: fn(&mut Policy, &str) -> Result<(), String>,
}

/// All of them.
pub(super) const SETTINGS: [Setting; 10] = [
    setting("menu.timeout", |policy, value| {
        let menu = &mut policy.menu;
        menu.timeout.wait = Some(seconds(value)?);
        menu.follow_configuration = false;
        Ok(())
    }),
    setting("menu.hidden", |policy, value| {
        policy.menu.timeout.hidden = value.parse().map_err(|_| "is neither true nor false")?;
        Ok(())
    }),
    setting("boot.default", |policy, value| {
        policy.boot.default = Some(pattern(value)?);
        Ok(())
    }),
    setting("boot.prefer", |policy, value| {
        let rules = value.split(',').map(disks);
        let mut rules = rules.collect::<Result<Vec<EntryRule>, String>>()?;
        rules.append(&mut policy.boot.prefer);
        policy.boot.prefer = rules;
        Ok(())
    }),
    setting("wait.disks", |policy, value| {
        policy.wait.disks = seconds(value)?;
        Ok(())
    }),
    setting("wait.settle", |policy, value| {
        policy.wait.settle = seconds(value)?;
        Ok(())
    }),
    early("failure.then", |policy, value| {
        policy.failure.then = match value {
            "retry" => Action::Retry,
            _ => Action::End(ending(value).ok_or("is none of retry, reboot, poweroff")?),
        };
        Ok(())
    }),
    early("failure.pause", |policy, value| {
        policy.failure.pause = seconds(value)?;
        Ok(())
    }),
    early("failure.rounds", |policy, value| {
        policy.failure.rounds = value.parse().map_err(|_| "is no whole number")?;
        Ok(())
    }),
    early("failure.finally", |policy, value| {
        policy.failure.finally = ending(value).ok_or("is none of reboot, poweroff")?;
        Ok(())
    }),
];

const fn setting(key: &'static str, set: fn(&mut Policy, &str) -> Result<(), String>) -> Setting {
    Setting {
        key,
        is_early: false,
        set,
    }
}

const fn early(key: &'static str, set: fn(&mut Policy, &str) -> Result<(), String>) -> Setting {
    Setting {
        is_early: true,
        ..setting(key, set)
    }
}

impl Setting {
    /// The one with this name.
    pub fn named(key: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// All that can be set.
    pub fn all() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter()
    }
}

fn seconds(value: &str) -> Result<Duration, String> {
    let seconds = value.parse::<u32>().ok();
    let seconds = seconds.filter(|seconds| *seconds <= MAX_SECONDS);
    let seconds =
        seconds.ok_or_else(|| format!("is no whole number of seconds from 0 to {MAX_SECONDS}"))?;
    Ok(Duration::from_secs(seconds.into()))
}

/// A shell is nothing that somebody outside gives.
fn ending(value: &str) -> Option<Ending> {
    match value {
        "reboot" => Some(Ending::Reboot),
        "poweroff" => Some(Ending::PowerOff),
        _ => None,
    }
}

fn disks(word: &str) -> Result<EntryRule, String> {
    let found = TRANSPORTS.iter().find(|(name, _)| *name == word);
    let place = match (word, found) {
        ("removable" | "fixed", _) => DiskRule {
            removable: Some(word == "removable"),
            ..DiskRule::default()
        },
        (_, Some((_, transport))) => DiskRule {
            transport: Some(*transport),
            ..DiskRule::default()
        },
        (_, None) => {
            let why = "is no list of nvme, ata, scsi, usb, virtio, mmc, removable, fixed";
            return Err(why.to_owned());
        }
    };
    Ok(EntryRule {
        place,
        ..EntryRule::default()
    })
}
