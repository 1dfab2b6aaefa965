//! Scripts that print something, in one GRUB for each firmware.

use pilotlight::config::grub::Platform;

use super::machine::{Machine, medium};
use crate::grub::corpus::split;
use crate::grub::oracle;
use crate::grub::wanted::compare;
use crate::kit::temp_dir;

/// Each begins without anything loaded, on the disk of [`oracle::disk`].
const LEAD: &str = "set root=hd0,gpt2\nset prefix=(hd0,gpt2)/boot/grub\n";

pub(super) const BIOS: &str = include_str!("bios.txt");
pub(super) const EFI: &str = include_str!("efi.txt");

#[test]
fn a_bios_prints_the_same() {
    let scripts = split(BIOS);
    assert!(scripts.len() >= 40, "{} scripts", scripts.len());
    same("bios", Platform::Pc, &scripts);
}

#[test]
fn an_efi_firmware_prints_the_same() {
    let scripts = split(EFI);
    assert!(scripts.len() >= 10, "{} scripts", scripts.len());
    same("efi", Platform::Efi, &scripts);
}

fn same(kind: &str, platform: Platform, scripts: &[(String, String)]) {
    let texts = scripts.iter().map(|(_, script)| format!("{LEAD}{script}"));
    let texts: Vec<String> = texts.collect();
    let together = scripts.iter().zip(grub(platform, &texts));
    let together = together.zip(oracle::ours_on(platform, &texts));
    let different: Vec<String> = together
        .filter_map(|(((name, script), theirs), ours)| {
            compare(&format!("{kind}/{name}"), script, &theirs, &ours)
        })
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// What GRUB prints while it executes the scripts, one after the other in one context.
fn grub(platform: Platform, scripts: &[String]) -> Vec<String> {
    let dir = temp_dir();
    let main = oracle::run_all(scripts, |i| format!("($medium)/{i}.cfg"));
    let main = main + "echo @@DONE@@\n";
    let disk = dir.image("disk.raw", oracle::disk().size());
    disk.insert(0, oracle::disk());
    let medium = medium(&dir, platform, &main, scripts);
    let mut machine = Machine::start(platform, &medium, &disk);
    machine.wait_for(&["@@DONE@@\n"]);
    oracle::parts(&machine.printed(), scripts)
}
