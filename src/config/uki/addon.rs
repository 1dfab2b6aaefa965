//! [`Addon`]: an EFI program that adds to an image.

use super::command_line::text;
use super::pinned::starts_something;
use super::program::{content, foreign, image};
use super::start::WITHOUT_MEANING;
use crate::config::budget::{Budget, Limit};
use crate::entry::{Companion, CompanionKind};
use crate::fs::{Filesystem, FsPath};

/// What a menu has to know of an add-on.
#[derive(Debug)]
pub(super) struct Addon {
    /// What it adds to the command line.
    pub(super) cmdline: String,
    /// Names of sections that are not passed on.
    pub(super) ignored: Vec<&'static str>,
    /// The version of the kernel that it is for; empty for all.
    uname: String,
}

/// A file that goes with an image; an add-on has been looked at.
#[derive(Debug)]
pub(super) struct Extra {
    pub(super) companion: Companion,
    addon: Option<Result<Addon, String>>,
}

/// Sections of an add-on that change what is started.
const PARTS: [&str; 3] = [".cmdline", ".ucode", ".initrd"];

impl Extra {
    /// Looks at the file if it is an add-on.
    ///
    /// # Errors
    /// [`Limit`]: nobody knows what it is.
    pub(super) fn look(
        filesystem: &dyn Filesystem,
        companion: Companion,
        budget: &Budget,
    ) -> Result<Extra, Limit> {
        let addon = match companion.kind {
            CompanionKind::Addon => match Addon::read(filesystem, &companion.file.path, budget) {
                Err(Refusal::Limit(limit)) => return Err(limit),
                Err(Refusal::LeftOut(reason)) => Some(Err(reason)),
                Ok(addon) => Some(Ok(addon)),
            },
            _ => None,
        };
        Ok(Extra { companion, addon })
    }

    /// What it adds to an image whose kernel has this version, if it is an add-on.
    ///
    /// # Errors
    /// Why the file is left out, in words.
    pub(super) fn addon(&self, uname: &str) -> Result<Option<&Addon>, &str> {
        match &self.addon {
            None => Ok(None),
            Some(Err(reason)) => Err(reason),
            Some(Ok(addon)) => {
                let is_for_all = addon.uname.is_empty() || uname.is_empty();
                match is_for_all || addon.uname == uname {
                    true => Ok(Some(addon)),
                    false => Err("it is for another kernel (.uname)"),
                }
            }
        }
    }
}

/// Why an add-on was not looked at, or is none.
enum Refusal {
    Limit(Limit),
    /// In words.
    LeftOut(String),
}

impl From<Limit> for Refusal {
    fn from(limit: Limit) -> Refusal {
        Refusal::Limit(limit)
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Refusal {
        Refusal::LeftOut(reason)
    }
}

impl Addon {
    fn read(filesystem: &dyn Filesystem, path: &FsPath, budget: &Budget) -> Result<Addon, Refusal> {
        budget.file()?;
        let mut file = filesystem.open(path).map_err(|error| error.to_string())?;
        let image = image(file.as_mut(), budget)?.map_err(|error| error.to_string())?;
        if starts_something(&image) {
            return Err("it is no add-on, but starts a kernel of its own"
                .to_owned()
                .into());
        }
        if !image.machine.is_own() {
            return Err(foreign(image.machine).into());
        }
        let has = |name: &&str| image.section(name).is_some();
        let ignored: Vec<&'static str> = WITHOUT_MEANING.into_iter().filter(has).collect();
        if !ignored.is_empty() && !PARTS.iter().any(has) {
            let what = ignored.join(" and ");
            let reason = format!("it holds only {what}, without meaning on this machine");
            return Err(reason.into());
        }
        let mut read = |name: &str| match image.section(name) {
            Some(section) => {
                let bytes = content(file.as_mut(), section)?;
                budget.read(bytes.len())?;
                let text = text(&bytes);
                Ok(text.map_err(|error| format!("its section {name} is {error}"))?)
            }
            None => Ok::<String, Refusal>(String::new()),
        };
        Ok(Addon {
            cmdline: read(".cmdline")?,
            ignored,
            uname: read(".uname")?,
        })
    }
}
