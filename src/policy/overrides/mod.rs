//! [`Overrides`]: who may change the policy from outside of the flash, and what comes of it.
//!
//! The policy names the sources that it listens to, and only [some keys](Setting) can be set: nothing that is
//! refused becomes allowed by them, whoever has written them.

mod command_line;
mod firmware;
mod lines;
mod setting;

use std::fmt;

pub use firmware::{Machine, VENDOR};
pub use lines::lines;
pub use setting::Setting;

use super::Policy;
use super::document::Wrong;
use super::keys::Keys;
use crate::fs::FsPath;
use crate::text::Printable;

/// No source tells more. The others are passed over, which the first of them says.
pub const MAX_VALUES: usize = 64;

/// A longer text is not read, whichever source has it.
pub const MAX_SIZE: usize = 64 * 1024;

/// Table `[override]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `allow`: the sources that count. Of two that set the same, the later one in this list does.
    pub allow: Vec<Source>,
    /// `volume` and `path`: the file of [`Source::File`].
    pub file: Option<(String, FsPath)>,
}

/// Who may set values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The command line of the flash kernel: `pilotlight.KEY=VALUE`.
    CommandLine,
    /// What QEMU was given with `-fw_cfg name=opt/org.pilotlight/KEY,string=VALUE`.
    FwCfg,
    /// The vital product data of coreboot: `pilotlight_KEY`, with `_` in the place of dots.
    Vpd,
    /// UEFI variables of our own vendor.
    Efi,
    /// The boot flags of the management controller, by IPMI.
    Ipmi,
    /// A file on a volume, with lines `KEY=VALUE`.
    File,
}

impl Source {
    /// All of them.
    pub const ALL: [Source; 6] = [
        Source::CommandLine,
        Source::FwCfg,
        Source::Vpd,
        Source::Efi,
        Source::Ipmi,
        Source::File,
    ];

    /// The word in the policy.
    pub fn name(self) -> &'static str {
        match self {
            Source::CommandLine => "cmdline",
            Source::FwCfg => "fw_cfg",
            Source::Vpd => "vpd",
            Source::Efi => "efi",
            Source::Ipmi => "ipmi",
            Source::File => "file",
        }
    }

    /// Is it read where disks are, and not by process 1? What hangs there must not hang that.
    pub fn is_late(self) -> bool {
        matches!(self, Source::Efi | Source::Ipmi | Source::File)
    }
}

/// What a source says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who says it.
    pub source: Source,
    /// The key.
    pub key: String,
    /// The value, or why there is none.
    pub value: Result<String, String>,
}

/// As much as counts of what a source says.
fn limited(told: impl Iterator<Item = Told>) -> Vec<Told> {
    let passed_over =
        format!("is passed over with all behind it: {MAX_VALUES} values are the most");
    let told = told.enumerate().map(|(i, told)| match i < MAX_VALUES {
        true => told,
        false => Told {
            value: Err(passed_over.clone()),
            ..told
        },
    });
    told.take(MAX_VALUES.saturating_add(1)).collect()
}

/// A policy with what was set from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overridden {
    /// The result.
    pub policy: Policy,
    /// Which keys were set, by whom: each once.
    pub set: Vec<(&'static str, Source)>,
    /// What was passed over, and why.
    pub problems: Vec<(Source, String)>,
}

impl Overrides {
    /// Reads the table.
    pub(super) fn read(&mut self, keys: &mut Keys<'_>) -> Result<(), Wrong> {
        keys.list("allow", &mut self.allow, |text| {
            let mut all = Source::ALL.into_iter();
            all.find(|source| source.name() == text).ok_or_else(|| {
                let names = Source::ALL.map(Source::name).join(", ");
                format!("is none of {names}")
            })
        })?;
        let volume = keys.text("volume", |text| Ok(text.to_owned()))?;
        let path = keys.text("path", |text| {
            let path = FsPath::new(text).ok();
            path.filter(|_| text.starts_with('/'))
                .ok_or_else(|| "is no path from the root of a volume".to_owned())
        })?;
        let volume = volume.filter(|volume| !volume.is_empty());
        let is_allowed = self.allow.contains(&Source::File);
        let is_whole = [volume.is_some(), path.is_some()] == [is_allowed; 2];
        self.file = volume.zip(path);
        match is_whole {
            true => Ok(()),
            false => Err(keys.wrong("\"file\" in `allow`, `volume` and `path` belong together")),
        }
    }

    /// Where a source is in the list of those that count.
    fn place(&self, source: Source) -> Option<usize> {
        self.allow.iter().position(|allowed| *allowed == source)
    }
}

impl Policy {
    /// The policy with what sources say that it listens to. What can't be set is passed over, and told.
    pub fn overridden(&self, told: &[Told]) -> Overridden {
        let mut result = Overridden {
            policy: self.clone(),
            set: Vec::new(),
            problems: Vec::new(),
        };
        let ranked = told
            .iter()
            .filter_map(|told| Some((self.overrides.place(told.source)?, told)));
        let mut ranked: Vec<(usize, &Told)> = ranked.collect();
        // The sort is stable: of one source the last value counts.
        ranked.sort_by_key(|(place, _)| *place);
        for (_, told) in ranked {
            match result.set(told) {
                Ok(key) => {
                    result.set.retain(|(known, _)| *known != key);
                    result.set.push((key, told.source));
                }
                Err(why) => result.problems.push((told.source, why)),
            }
        }
        result
    }
}

impl Overridden {
    fn set(&mut self, told: &Told) -> Result<&'static str, String> {
        let Told { source, key, value } = told;
        let name = source.name();
        let place = fmt::from_fn(|f| write!(f, "{name}: {}", Printable(key)));
        let value = value.as_ref().map_err(|why| format!("{place}: {why}"))?;
        let setting = Setting::named(key)
            .ok_or_else(|| format!("{place} is nothing that can be set from there"))?;
        if source.is_late() && setting.is_early {
            return Err(format!("{place} is nothing that {name} may set"));
        }
        // What is set in part is not set at all.
        let mut policy = self.policy.clone();
        let set = (setting.set)(&mut policy, value);
        set.map_err(|why| format!("{place}: {:?} {why}", Printable(value).to_string()))?;
        self.policy = policy;
        Ok(setting.key)
    }
}

#[cfg(test)]
mod tests;
