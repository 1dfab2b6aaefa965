//! Evaluating a configuration from its first line.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::commands::run_script;
use super::devices::Devices;
use super::interpreter::Interpreter;
use super::limits::Allowance;
use super::listing::Listing;
use super::platform::Platform;
use super::source::Source;
use crate::config::configuration::MenuWait;
use crate::entry::{BootEntry, FileRef};
use crate::inventory::Inventory;

/// What a configuration offers.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// How long the menu would be shown.
    pub wait: MenuWait,
    /// The variable `default` of the menu.
    pub wanted: Option<String>,
    /// Its entries in the order of the menu, those of a submenu in the place of the submenu.
    pub entries: Vec<BootEntry>,
    /// What went wrong outside of entries, in words.
    pub problems: Vec<String>,
    /// Files that were read as scripts or entries: nobody else has to look at them.
    pub reached: BTreeSet<FileRef>,
    /// Does its menu have a password, for some of its entries or for what is not among them?
    pub has_password: bool,
}

/// Evaluates the configuration `file` as if GRUB had been started from its disk.
pub fn evaluate(inventory: &Inventory, file: &FileRef, platform: Platform) -> Evaluated {
    let (evaluated, _) = evaluate_within(inventory, file, platform, Allowance::CONFIGURATION);
    evaluated
}

/// The same with a part of what it may take. Says how much it took, too.
pub(super) fn evaluate_within(
    inventory: &Inventory,
    file: &FileRef,
    platform: Platform,
    allowed: Allowance,
) -> (Evaluated, Allowance) {
    let devices = Rc::new(Devices::new(inventory, file.volume.disk));
    let Some(device) = devices.name_of(file.volume) else {
        return (Evaluated::default(), Allowance::NOTHING);
    };
    let directory = file.path.parent().unwrap_or_else(crate::fs::FsPath::root);
    let mut state = Interpreter::new(devices, platform, allowed);
    let prefix = format!("({device}){directory}");
    // A BIOS tells which disk it has read GRUB from, and an EFI firmware which file.
    let cmdpath = match platform {
        Platform::Pc => format!("({})", device.split(',').next().unwrap_or_default()),
        Platform::Efi | Platform::Emu => prefix.clone(),
    };
    for (name, value) in [
        ("root", device.clone()),
        ("prefix", prefix),
        ("cmdpath", cmdpath),
    ] {
        state.variables.set(name, value);
        state.variables.export(name);
    }
    if let Err(failure) = run_script(&mut state, &format!("({device}){}", file.path)) {
        state.message(&failure.text);
    }
    let mut listing = Listing::new(file);
    listing.script(&state);
    let evaluated = listing.finish(&state);
    let used = state.budget.used(evaluated.entries.len());
    (evaluated, used)
}

/// Executes scripts one after the other in one context, and says what each of them printed, errors
/// included: how the evaluation is compared with GRUB.
pub fn execute_scripts(
    inventory: &Inventory,
    platform: Platform,
    scripts: &[String],
) -> Vec<String> {
    let devices = Rc::new(Devices::new(inventory, 0));
    let mut state = Interpreter::new(devices, platform, Allowance::CONFIGURATION);
    let run = |script: &String| {
        let source = Rc::new(Source::of_file("script", None, script.as_bytes()));
        let parsed = state.parse(&source);
        state.run_file(&source, &parsed);
        std::mem::take(&mut state.output)
    };
    scripts.iter().map(run).collect()
}
