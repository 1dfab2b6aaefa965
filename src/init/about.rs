//! What the menu says of the machine: versions, and what is measured.

use std::path::Path;

use rustix::system::uname;
use sha2::{Digest, Sha256};

use crate::measure;
use crate::policy::{self, Policy};
use crate::smbios::Smbios;
use crate::text::{Printable, hex};
use crate::tpm;
use crate::trust::Mode;

/// The name of the board that the image was made for.
const BOARD: &str = "/etc/pilotlight/board";

/// The first TPM that the kernel has a driver for (`Documentation/ABI/stable/sysfs-class-tpm`).
const TPM: &str = "/sys/class/tpm/tpm0";

/// Line by line.
pub(super) fn about(policy: &Policy) -> Vec<String> {
    let system = uname();
    let kernel = [system.sysname(), system.release(), system.machine()];
    let kernel = kernel.map(|text| text.to_string_lossy()).join(" ");
    let mut lines = vec![
        format!("pilotlight {}", env!("CARGO_PKG_VERSION")),
        format!("flash kernel: {kernel}"),
    ];
    if let Ok(board) = std::fs::read_to_string(BOARD) {
        lines.push(format!("board: {}", Printable(board.trim())));
    }
    lines.extend(machine().map(|name| format!("machine: {}", Printable(&name))));
    if let Ok(text) = std::fs::read(policy::PATH) {
        let digest: [u8; 32] = Sha256::digest(&text).into();
        lines.push(format!("policy: sha256 {}", hex(&digest)));
    }
    let signatures = match policy.trust.mode {
        Mode::Off => "nothing has to be signed",
        Mode::Warn => "what is not signed is told, and booted",
        Mode::Enforce => "nothing is booted that is not signed",
    };
    lines.push(format!("signatures: {signatures}"));
    let tpm = match (Path::new(TPM).exists(), tpm::is_announced()) {
        (true, _) => "what is in it is from the firmware, but for a shell",
        (false, true) => "ACPI tells of one, and the flash kernel has no driver for it",
        (false, false) => "there is none that ACPI tells of or the flash kernel has a driver for",
    };
    lines.push(format!("TPM: {tpm}"));
    let measured = std::fs::read_to_string(measure::LOG).unwrap_or_default();
    lines.extend(measured.lines().map(str::to_owned));
    lines
}

/// Maker and model of the machine (SMBIOS 3.7, 7.2: strings 4 and 5 of structure 1).
fn machine() -> Option<String> {
    let smbios = Smbios::of_this_machine()?;
    let system = smbios.structures().find(|found| found.kind == 1)?;
    let text = |offset: usize| {
        let number = system.fields.get(offset)?;
        let text = system.string(*number)?;
        Some(String::from_utf8_lossy(text).trim().to_owned())
    };
    let words: Vec<String> = [text(4), text(5)].into_iter().flatten().collect();
    Some(words.join(" "))
}
