//! [`Addon`]: an EFI program that adds to an image.

use super::command_line::text;
use super::program::{content, foreign};
use crate::entry::{Companion, CompanionKind};
use crate::fs::{Filesystem, FsPath};
use crate::pe::Image;

/// What a menu has to know of an add-on.
#[derive(Debug)]
pub(super) struct Addon {
    /// What it adds to the command line.
    pub(super) cmdline: String,
    /// The version of the kernel that it is for; empty for all.
    uname: String,
}

/// A file that goes with an image; an add-on has been looked at.
#[derive(Debug)]
pub(super) struct Extra {
    pub(super) companion: Companion,
    pub(super) addon: Option<Result<Addon, String>>,
}

impl Extra {
    /// Looks at the file if it is an add-on.
    pub(super) fn look(filesystem: &dyn Filesystem, companion: Companion) -> Extra {
        let is_addon = companion.kind == CompanionKind::Addon;
        Extra {
            addon: is_addon.then(|| Addon::read(filesystem, &companion.file.path)),
            companion,
        }
    }

    /// The text for the command line of an image whose kernel has this version, if there is one.
    ///
    /// # Errors
    /// Why the file is left out, in words.
    pub(super) fn cmdline(&self, uname: &str) -> Result<Option<&str>, &str> {
        match &self.addon {
            None => Ok(None),
            Some(Err(reason)) => Err(reason),
            Some(Ok(addon)) => {
                let is_for_all = addon.uname.is_empty() || uname.is_empty();
                match is_for_all || addon.uname == uname {
                    true => Ok(Some(&addon.cmdline)),
                    false => Err("it is for another kernel (.uname)"),
                }
            }
        }
    }
}

impl Addon {
    fn read(filesystem: &dyn Filesystem, path: &FsPath) -> Result<Addon, String> {
        let mut file = filesystem.open(path).map_err(|error| error.to_string())?;
        let image = Image::read(file.as_mut()).map_err(|error| error.to_string())?;
        if image.section(".linux").is_some() {
            return Err("it is no add-on, but has a kernel of its own".to_owned());
        }
        if !image.machine.is_own() {
            return Err(foreign(image.machine));
        }
        let mut read = |name: &str| match image.section(name) {
            Some(section) => {
                let bytes = content(file.as_mut(), section)?;
                text(&bytes).map_err(|error| format!("its section {name} is {error}"))
            }
            None => Ok(String::new()),
        };
        Ok(Addon {
            cmdline: read(".cmdline")?,
            uname: read(".uname")?,
        })
    }
}
