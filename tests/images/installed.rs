//! Whole disks as installed systems leave them that do not start from a script of GRUB alone: with systemd-boot,
//! or entries of the specification in GRUB. In `installed/` stands the whole list beside each description (see
//! [`Machine`](crate::grub::machine::Machine)).

use std::path::{Path, PathBuf};

use pilotlight::config::discover;
use pilotlight::entry::EntrySource;

use crate::grub::machine::Machine;
use crate::grub::systems::difference;
use crate::kernel_install::listed;
use crate::kit::bootctl::{self, Listed};
use crate::kit::{TempDir, temp_dir};
use crate::uki::inventory;

fn descriptions() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/installed");
    let files = std::fs::read_dir(directory).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let is_description = |path: &PathBuf| path.extension().is_some_and(|e| e == "machine");
    files.filter(is_description).collect()
}

#[test]
fn each_list_is_the_known_one() {
    let descriptions = descriptions();
    assert!(descriptions.len() >= 6, "{} systems", descriptions.len());
    let wrong: Vec<String> = descriptions
        .iter()
        .filter_map(|path| difference(path))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Partitions of the specification that are no EFI system partition.
const XBOOTLDR: &str = "bc13c2ff-59e6-4262-a352-b275fd6f7172";

/// Where systemd-boot is the loader.
#[test]
fn bootctl_lists_the_same_in_the_same_order() {
    let mut compared = Vec::new();
    for description in descriptions() {
        let machine = Machine::read(&description);
        let boot = "/EFI/systemd/systemd-bootx64.efi";
        if machine.files_on("uefi").all(|(path, _)| path != boot) {
            continue;
        }
        let directory = temp_dir();
        let [esp, xbootldr] = ["uefi", XBOOTLDR].map(|kind| tree(&directory, &machine, kind));
        let xbootldr = xbootldr.as_deref();
        let esp = esp.unwrap();
        let mut theirs = bootctl::list_both(&esp, xbootldr);
        for Listed { tries, .. } in &mut theirs {
            // A counter without it says the same.
            tries.1 = tries.1.or(tries.0.map(|_| 0));
        }
        let (_directory, disk) = machine.build();
        let mut ours = discover(&inventory(&disk)).entries;
        ours.retain(|entry| entry.source == EntrySource::Bls);
        let list: Vec<Listed> = ours.iter().map(listed).collect();
        assert_eq!(list, theirs, "{}", description.display());
        let chosen = ours.iter().find(|entry| entry.default);
        let chosen = chosen.map(|entry| entry.id.clone());
        let default = bootctl::default(&esp, xbootldr);
        assert_eq!(chosen, default, "{}", description.display());
        compared.push((description, theirs.len()));
    }
    assert!(compared.len() >= 4, "{compared:?}");
    assert!(compared.iter().all(|(_, entries)| *entries >= 2));
}

/// The files of a partition in a directory, if the machine has one.
fn tree(directory: &TempDir, machine: &Machine, kind: &str) -> Option<PathBuf> {
    let mut files = machine.files_on(kind).peekable();
    files.peek()?;
    for (path, text) in files {
        directory.file(&format!("{kind}{path}"), text.as_bytes());
    }
    Some(directory.path().join(kind))
}
