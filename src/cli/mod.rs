//! The command line, for people and scripts.

mod arguments;
mod boot;
mod confirm;
mod inspect;
mod json;
mod list;
mod log;
mod menu;
mod policy;
mod verify;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::disk::{Disk, OpenError, Sysfs};
use crate::efi::{Efivarfs, Wishes};
use crate::inventory::Inventory;
use crate::policy::{Policy, anchors};
use crate::text::Printable;
use crate::trust::Authority;
use arguments::{Command, UsageError};

/// The command did not do what it was asked to.
const FAILURE: u8 = 1;
/// The command line makes no sense.
const USAGE: u8 = 2;
/// There is nothing that can be booted.
const NOTHING: u8 = 3;

/// Runs the command that the arguments (without the program's name) name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let result = arguments::parse(arguments)
        .map_err(CliError::from)
        .and_then(|command| run(command, &mut io::stdout().lock()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // There is nobody to tell if this fails too.
            let _ = writeln!(io::stderr(), "pilotlight: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command, output: &mut dyn Write) -> Result<(), CliError> {
    match command {
        Command::Help(topic) => output.write_all(arguments::help(topic).as_bytes())?,
        Command::Version => writeln!(output, "pilotlight {}", env!("CARGO_PKG_VERSION"))?,
        Command::List {
            json,
            efivars,
            disks,
        } => {
            log::warnings();
            let mut inventory = inventory(&disks)?;
            inventory.wish(wishes(efivars.as_deref())?);
            list::run(&inventory, json, output)?;
        }
        Command::Inspect { disks } => {
            log::warnings();
            inspect::run(&inventory(&disks)?, output)?;
        }
        Command::Boot(options) => {
            log::everything();
            boot::run(&options, output)?;
        }
        Command::Verify(options) => {
            log::warnings();
            verify::run(&options, output)?;
        }
        Command::Menu(options) => menu::run(&options, output)?,
        Command::Policy(options) => policy::run(&options, output)?,
        Command::Confirm(options) => confirm::run(&options, output)?,
        Command::CheckPolicy { file } => {
            authority(&file, None)?;
        }
    }
    output.flush()?;
    Ok(())
}

/// The disks that were named, or all of this machine.
fn inventory(paths: &[PathBuf]) -> Result<Inventory, CliError> {
    let mut inventory = Inventory::new();
    if !paths.is_empty() {
        let mut named = BTreeSet::new();
        for path in paths {
            // Whatever links lead to it, it is one disk.
            let file = path.canonicalize().unwrap_or_else(|_| path.clone());
            if named.insert(file) {
                inventory.add(Disk::open(path)?);
            }
        }
        return Ok(inventory);
    }
    let found = Sysfs::system().disks();
    if found.is_empty() {
        return Err(CliError::NoDisks);
    }
    for disk in found {
        match Disk::open(&disk.node) {
            Ok(disk) => {
                inventory.add(disk);
            }
            Err(error) if error.is_empty_drive() => {}
            // Nobody named this one: the others count all the same.
            Err(error) => ::log::warn!("{error}"),
        }
    }
    Ok(inventory)
}

/// A policy, and who decides by it with the anchors beside it and the keys in a directory of variables.
fn authority(file: &Path, efivars: Option<&Path>) -> Result<(Policy, Authority), CliError> {
    let wrong = |why: String| CliError::Policy(file.display().to_string(), why);
    let policy = Policy::read(file).map_err(|error| wrong(error.to_string()))?;
    let anchors = anchors(file);
    let authority = Authority::load(policy.trust.clone(), &anchors, efivars);
    Ok((policy, authority.map_err(|error| wrong(error.to_string()))?))
}

/// What the variables in a directory want, if one was named. Nothing is written to them.
fn wishes(efivars: Option<&Path>) -> Result<Wishes, CliError> {
    let Some(directory) = efivars else {
        return Ok(Wishes::default());
    };
    let none = || CliError::NoVariables(directory.display().to_string());
    let (wishes, problems) = Wishes::read(&Efivarfs::open(directory).ok_or_else(none)?);
    for problem in problems {
        ::log::warn!("{}", Printable(&problem));
    }
    Ok(wishes)
}

/// Why a command failed.
#[derive(Debug)]
enum CliError {
    Usage(UsageError),
    Open(OpenError),
    Output(io::Error),
    NoDisks,
    NoVariables(String),
    NoSuchEntry(String),
    Terminal(String, io::Error),
    Nothing(String),
    Boot(String),
    Policy(String, String),
}

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            CliError::Usage(_) => USAGE,
            CliError::Nothing(_) => NOTHING,
            _ => FAILURE,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CliError::Usage(error) => write!(f, "{error} (see `pilotlight --help`)"),
            CliError::Open(error) => write!(f, "{error}"),
            CliError::Output(error) => write!(f, "can't write the output: {error}"),
            CliError::NoDisks => f.write_str("this machine shows no disks: name an image file"),
            CliError::NoVariables(directory) => {
                write!(f, "{directory}: there are no UEFI variables")
            }
            CliError::NoSuchEntry(id) => {
                write!(
                    f,
                    "there is no entry {id}: `pilotlight list` shows what there is"
                )
            }
            CliError::Terminal(path, error) => {
                write!(f, "{path}: no menu can be shown there: {error}")
            }
            CliError::Policy(path, error) => write!(f, "{path}: {error}"),
            CliError::Nothing(why) | CliError::Boot(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for CliError {}

impl From<UsageError> for CliError {
    fn from(error: UsageError) -> CliError {
        CliError::Usage(error)
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> CliError {
        CliError::Open(error)
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> CliError {
        CliError::Output(error)
    }
}
