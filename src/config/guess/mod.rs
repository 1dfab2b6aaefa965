//! Guessing, the last resort: kernels of a system that has no configuration anybody can read.
//!
//! A kernel is found by its name and proven by its header, its initrd by the kernel's name, and the command
//! line comes from files that the system keeps for its own tools. Such entries are marked as guessed; the
//! policy says whether they are ever started without a person.

mod command_line;
mod kernels;
mod mounts;
mod offered;
mod settings;
mod system;

pub use mounts::{Mount, mounts};
pub use settings::Settings;

use kernels::{Class, Kernel};
use system::System;

use crate::entry::{BootEntry, EntrySource, FileRef, Initrd, Origin, PayloadKind, VolumeId};
use crate::inventory::Inventory;

/// What was guessed.
#[derive(Debug, Default)]
pub(super) struct Guessed {
    /// Entries, the newest kernel of a volume first.
    pub(super) entries: Vec<BootEntry>,
    /// What was found and is not offered, by volume.
    pub(super) problems: Vec<(VolumeId, String)>,
}

/// Guesses what can be booted from `volumes` besides `known`, what configurations offer.
pub(super) fn guess(inventory: &Inventory, volumes: &[VolumeId], known: &[BootEntry]) -> Guessed {
    let mut guessed = Guessed::default();
    let mut systems = None;
    let offers = offered::offers(inventory, known);
    for id in volumes {
        if offered::kernels_of(&offers, *id) {
            continue;
        }
        let Ok(filesystem) = inventory.filesystem(*id) else {
            continue;
        };
        if !kernels::are_likely(filesystem) {
            continue;
        }
        let systems: &Vec<System> = systems.get_or_insert_with(|| {
            let found = volumes.iter().filter_map(|id| System::on(inventory, *id));
            found.collect()
        });
        // Every system on the disk has a configuration: kernels without one are nobody's.
        let of_disk = systems
            .iter()
            .filter(|system| system.volume.disk == id.disk);
        let is_offered = |system: &System| offered::system(inventory, &offers, system.volume);
        let systems: Vec<_> = of_disk.map(|system| (system, is_offered(system))).collect();
        if !systems.is_empty() && systems.iter().all(|(_, is_offered)| *is_offered) {
            continue;
        }
        let (found, problems) = kernels::find(filesystem);
        let problems = problems.into_iter().map(|problem| (*id, problem));
        guessed.problems.extend(problems);
        for kernel in found {
            match System::of_kernel(inventory, &systems, *id, &kernel) {
                // It has a configuration, which does without this kernel.
                Ok((_, true)) => {}
                Ok((system, false)) => {
                    let entry = entry(inventory, *id, &kernel, system);
                    guessed.entries.push(entry);
                }
                Err(reason) => {
                    let text = format!("{} is not offered: {reason}", kernel.path);
                    guessed.problems.push((*id, text));
                }
            }
        }
    }
    guessed
}

fn entry(inventory: &Inventory, volume: VolumeId, kernel: &Kernel, system: &System) -> BootEntry {
    let file = |path: &crate::fs::FsPath| FileRef {
        volume,
        path: path.clone(),
    };
    let origin = Origin {
        file: file(&kernel.path),
        line: None,
    };
    let what = match kernel.class {
        Class::Normal => "",
        Class::Fallback => "-fallback",
        Class::Rescue => "-rescue",
    };
    let id = format!("guess-{}{what}", kernel.path.file_name());
    let mut entry = BootEntry::new(id, EntrySource::Guess, PayloadKind::Linux, origin);
    entry.title = format!(
        "{}, Linux {}{} (guessed)",
        system.name,
        kernel.version,
        what.replace('-', ", ")
    );
    entry.version = Some(kernel.version.clone());
    entry.machine_id.clone_from(&system.machine_id);
    entry.system.clone_from(&system.id);
    entry.kernel = Some(file(&kernel.path));
    entry.initrd = kernel.initrds.iter().map(file).map(Initrd::from).collect();
    let line = match kernel.class {
        Class::Rescue => &system.command_line.rescue,
        Class::Normal | Class::Fallback => &system.command_line.normal,
    };
    entry.cmdline.clone_from(line);
    let place = inventory.place(system.volume);
    entry.remark(format!(
        "guessed: no configuration names this kernel, and the command line is made from {} of {place}; \
         it is started by itself only if the policy says `guess = true`",
        system.command_line.sources.join(", "),
    ));
    if kernel.initrds.is_empty() {
        entry.remark("no initrd was found that has the name of the kernel");
    }
    for remark in &system.command_line.remarks {
        entry.remark(remark.clone());
    }
    if let Some(problem) = &system.command_line.problem {
        entry.block(problem.clone());
    }
    entry
}

#[cfg(test)]
pub(super) mod tests;
