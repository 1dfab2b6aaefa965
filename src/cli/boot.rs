//! `pilotlight boot`: the way of the boot loader, up to the jump.

use std::io::Write;
use std::time::Duration;

use super::arguments::BootOptions;
use super::{CliError, authority, inventory, wishes};
use crate::boot::{Attempt, Loaded, Stage, Timeline, find, payload_memory, plan};
use crate::entry::BootEntry;
use crate::inventory::Inventory;
use crate::kexec::{DryRun, FileLoad, Kexec};
use crate::policy::Policy;
use crate::seconds::Milliseconds;
use crate::size::Size;
use crate::text::Printable;
use crate::trust::Authority;

/// The last line where nothing is loaded.
pub(super) const DRY: &str = "dry run: nothing was loaded";

pub(super) fn run(options: &BootOptions, output: &mut dyn Write) -> Result<(), CliError> {
    let mut timeline = Timeline::start();
    let efivars = options.efivars.as_deref();
    let (policy, authority) = match &options.policy {
        Some(file) => authority(file, efivars)?,
        None => (Policy::default(), Authority::off()),
    };
    let wishes = wishes(efivars)?;
    let mut inventory = timeline.run(Stage::Disks, || inventory(&options.disks))?;
    inventory.wish(wishes);
    let found = timeline.run(Stage::Entries, || find(&inventory, &policy.boot));
    let entries = match &options.entry {
        // What was guessed is only for those who name it.
        None => plan(&found, &[], &policy.boot),
        Some(id) => vec![named(&found.entries, id)?],
    };
    let load = FileLoad {
        allowed: &|| Ok(Duration::MAX),
        waiting: &|| (),
    };
    let kexec: &dyn Kexec = if options.dry_run { &DryRun } else { &load };
    let attempt = Attempt {
        inventory: &inventory,
        kexec,
        memory: payload_memory(),
        authority: &authority,
        summary: None,
    };
    for entry in entries {
        writeln!(output, "{}", Printable(&entry.title))?;
        let result = attempt.run(entry, &mut timeline, &mut |_, _| {});
        match result {
            Ok(loaded) => {
                report(&inventory, &loaded, output)?;
                for finding in &loaded.verdict.findings {
                    writeln!(output, "  {}", Printable(&finding.to_string()))?;
                }
                for fault in &loaded.verdict.faults {
                    writeln!(output, "  {}", Printable(fault))?;
                }
                write_timeline(&timeline, output)?;
                let end = match options.dry_run {
                    true => DRY,
                    false => "loaded: `systemctl kexec` stops this system and starts it",
                };
                writeln!(output, "{end}")?;
                return Ok(());
            }
            Err(error) if options.entry.is_some() => {
                return Err(CliError::Boot(Printable(&error.to_string()).to_string()));
            }
            Err(error) => writeln!(output, "  {}", Printable(&error.to_string()))?,
        }
    }
    output.flush()?;
    Err(CliError::Nothing(
        "nothing could be booted: `pilotlight list` shows what there is".to_owned(),
    ))
}

fn named<'a>(entries: &'a [BootEntry], id: &str) -> Result<&'a BootEntry, CliError> {
    let entry = entries.iter().find(|entry| entry.id == id);
    let entry = entry.ok_or_else(|| CliError::NoSuchEntry(Printable(id).to_string()))?;
    match entry.problems.iter().find(|problem| problem.blocks) {
        None => Ok(entry),
        Some(problem) => {
            let reason = Printable(&problem.text);
            Err(CliError::Boot(format!(
                "{} can't be booted: {reason}",
                Printable(id)
            )))
        }
    }
}

/// What is handed over: each file with its hash, as `sha256sum` would print it.
pub(super) fn report(
    inventory: &Inventory,
    loaded: &Loaded,
    output: &mut dyn Write,
) -> Result<(), CliError> {
    if let Some(version) = &loaded.image.version {
        writeln!(output, "  Linux {version}")?;
    }
    for (file, part) in &loaded.files {
        let name = inventory.describe(file).to_string();
        writeln!(
            output,
            "  {}  {} {}",
            part.hex(),
            Printable(&name),
            Size(part.size)
        )?;
    }
    writeln!(output, "  options {}", Printable(&loaded.cmdline))?;
    Ok(())
}

pub(super) fn write_timeline(timeline: &Timeline, output: &mut dyn Write) -> Result<(), CliError> {
    writeln!(output, "timeline, in seconds from the start:")?;
    for (stage, begin, end) in timeline.stages() {
        let (begin, end) = (Milliseconds(*begin), Milliseconds(*end));
        writeln!(output, "  {stage:14} {begin:8} to {end:8}")?;
    }
    Ok(())
}
