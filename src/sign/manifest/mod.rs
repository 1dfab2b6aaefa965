//! `manifest`: lists what can be booted, and signs the list.

mod disks;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pilotlight::boot::{Attempt, payload_memory};
use pilotlight::config::discover;
use pilotlight::entry::{BootEntry, VolumeId};
use pilotlight::inventory::Inventory;
use pilotlight::kexec::DryRun;
use pilotlight::text::Printable;
use pilotlight::trust::Authority;
use pilotlight::trust::manifest::{Group, Manifest};

use crate::error::SignError;
use crate::file::{self, By};
use crate::replace;

/// What to list, and where it goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Disks; none means all of the machine.
    pub(crate) disks: Vec<PathBuf>,
    /// By whom it is signed.
    pub(crate) by: By,
    /// Of which system; otherwise as in the manifest before, or the machine's name.
    pub(crate) name: Option<String>,
    /// Its number; otherwise one more than that of the manifest before.
    pub(crate) number: Option<u64>,
    /// The last floor under which it counts.
    pub(crate) expires: Option<u64>,
    /// Are configuration files listed, too?
    pub(crate) configuration: bool,
    /// Where it goes.
    pub(crate) output: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`SignError`]; the manifest is as it was then.
pub(crate) fn run(options: &Options, output: &mut dyn Write) -> Result<(), SignError> {
    let inventory = disks::inventory(&options.disks)?;
    let (groups, volumes) = groups(&inventory, options.configuration)?;
    let count = groups.len();
    let before = before(&options.output)?;
    let manifest = Manifest {
        name: name(options, before.as_ref())?,
        version: number(options, before.as_ref(), &groups)?,
        expires: options.expires,
        groups,
    };
    let text = manifest.to_string();
    Manifest::parse(text.as_bytes())
        .map_err(|error| SignError::Manifest(options.output.clone(), error))?;
    replace::write(&options.output, text.as_bytes())?;
    let (path, number) = (options.output.display(), manifest.version);
    let ways = if count == 1 { "way" } else { "ways" };
    writeln!(output, "{path}: number {number}, {count} {ways} to boot")?;
    for volume in volumes {
        writeln!(output, "  kernels on {}", inventory.place(volume))?;
    }
    let signed = file::Options {
        files: vec![options.output.clone()],
        by: options.by.clone(),
    };
    file::run(&signed, output)
}

/// What is booted together, for all that can be booted, and the volumes that the kernels are on.
fn groups(
    inventory: &Inventory,
    configuration: bool,
) -> Result<(Vec<Group>, Vec<VolumeId>), SignError> {
    // Nobody's signature counts, and nothing is loaded: only what would have to be signed is wanted.
    let authority = Authority::closed();
    let attempt = Attempt {
        inventory,
        kexec: &DryRun,
        memory: payload_memory(),
        authority: &authority,
        summary: None,
    };
    let (mut groups, mut volumes) = (Vec::new(), Vec::new());
    for entry in discover(inventory).entries {
        if let Some(problem) = entry.problems.iter().find(|problem| problem.blocks) {
            warn(&format!("{} is not listed: {}", entry.id, problem.text));
            continue;
        }
        let failed = |why: String| SignError::Entry(entry.id.clone(), why);
        let facts = attempt.look(&entry, &mut |_| true);
        let facts = facts.map_err(|error| failed(error.to_string()))?;
        for addon in facts.addons() {
            warn(&format!(
                "{}: {} is an add-on, which no manifest covers: sign it with `pilotlight-sign image`",
                entry.id, addon.file
            ));
        }
        let group = facts.group();
        let mut group = group.ok_or_else(|| failed("it has no kernel".to_owned()))?;
        match facts.configurations() {
            _ if !configuration => {}
            Ok(files) => group.configurations = files,
            Err(piece) => warn(&format!(
                "{}: its configuration files are not listed: {} is no file, or stands for more than can be covered",
                entry.id, piece.file
            )),
        }
        if !groups.contains(&group) {
            groups.push(group);
        }
        volumes.extend(volume(&entry).filter(|volume| !volumes.contains(volume)));
    }
    match groups.is_empty() {
        true => Err(SignError::NoEntries),
        false => Ok((groups, volumes)),
    }
}

fn volume(entry: &BootEntry) -> Option<VolumeId> {
    entry.kernel.as_ref().map(|kernel| kernel.volume)
}

/// The manifest that will be replaced.
fn before(path: &Path) -> Result<Option<Manifest>, SignError> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(|error| SignError::Read(path.to_owned(), error))?,
    };
    let manifest = Manifest::parse(&text);
    manifest
        .map(Some)
        .map_err(|error| SignError::Manifest(path.to_owned(), error))
}

fn name(options: &Options, before: Option<&Manifest>) -> Result<String, SignError> {
    let named = options
        .name
        .clone()
        .or(before.map(|manifest| manifest.name.clone()));
    match named {
        Some(name) => Ok(name),
        None => {
            let system = rustix::system::uname();
            let name = system.nodename().to_string_lossy().into_owned();
            Some(name)
                .filter(|name| !name.is_empty())
                .ok_or(SignError::NoName)
        }
    }
}

/// A manifest that lists the same again keeps its number: nothing is newer in it.
fn number(
    options: &Options,
    before: Option<&Manifest>,
    groups: &[Group],
) -> Result<u64, SignError> {
    let next = || match before {
        None => Some(1),
        Some(manifest) if manifest.groups == groups => Some(manifest.version),
        Some(manifest) => manifest.version.checked_add(1),
    };
    options.number.or_else(next).ok_or(SignError::NoNumber)
}

/// Tells of what is left out.
fn warn(text: &str) {
    // There is nobody to tell if this fails.
    let _ = writeln!(io::stderr(), "pilotlight-sign: {}", Printable(text));
}
