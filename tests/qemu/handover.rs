//! What the booted system sees of the machine: the same as if firmware had started it itself.

use std::collections::BTreeSet;

use super::disk::{Image, Variables};
use super::log_in;
use super::machine::{Machine, Setup};
use super::tpm::{Measured, Tpm, measured};

/// What is looked at, each with what it prints: one fact a line.
const QUESTIONS: [(&str, &str); 8] = [
    // Tables without their places, which are the firmware's own affair.
    (
        "the tables of EFI",
        "dmesg | sed -n 's/.*efi: \\([A-Za-z]*=0x.*\\)/\\1/p' | sed 's/=0x[0-9a-f]*//g; s/ACPI 2.0/ACPI2/' | tr ' ' '\\n'",
    ),
    (
        "what the kernel says",
        "dmesg | grep -E 'efi: EFI v|efifb: (frame|mode|True)|secureboot:|DMI: |SMBIOS .* present|ACPI: RSDP|kernel lockdown' \
         | sed 's/^[^]]*\\] //; s/0x00*[0-9A-F]*//'",
    ),
    ("SMBIOS", "cd /sys/firmware/dmi/tables; sha256sum DMI; cd"),
    (
        "ACPI",
        "cd /sys/firmware/acpi/tables; find . -type f -exec sha256sum {} +; cd",
    ),
    (
        "memory that firmware keeps",
        "dmesg | sed -n 's/.*BIOS-e820: \\(.*ACPI.*\\)/\\1/p'",
    ),
    (
        "what there is of firmware",
        "find /sys/firmware -maxdepth 3 -not -path '*/memmap/*' -not -path '*/qemu_fw_cfg/*'",
    ),
    (
        "what is plugged in, and where it is reached",
        "cd /sys/bus/pci/devices; grep . */vendor */device */class */resource; cd",
    ),
    (
        "processors",
        "grep -E '^(processor|flags|model name)' /proc/cpuinfo",
    ),
];

/// Words in lines that only one of them has, and why they are there.
const DIFFERENCES: [(&str, &str); 6] = [
    (
        "BGRT",
        "the firmware's logo made way for the kernel, and its table went with it",
    ),
    ("bgrt", "the same"),
    (
        "INITRD",
        "other loaders hand the initrd over in a table of EFI; kexec does it in the setup header",
    ),
    ("/Loader", "every boot loader tells about itself"),
    (
        "/Boot000",
        "firmware with drivers for disks has entries that lead to them",
    ),
    (
        "/Key000",
        "keys for screens of the setup, which the flash image has not",
    ),
];

/// What firmware that leads to a disk lets be measured there: PCR, type of the event, and what it is. The rest of the
/// log is the firmware's own, and that we start something else than systemd-boot shows in the digests alone.
const MEASURED_BY_OTHERS: [(Measured, &str); 3] = [
    ((5, 0x8000_0006), "the partition table, by the firmware"),
    ((9, 6), "the initrd, by Linux's EFI stub"),
    ((12, 13), "the command line, by systemd-boot"),
];

/// Two processors: that the flash kernel runs on one leaves the other to the next kernel.
fn facts(setup: Setup, image: &Image, tpm: &Tpm) -> (Vec<BTreeSet<String>>, Vec<Measured>) {
    let mut machine = tpm
        .attach(setup, "tpm-tis")
        .drive(image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk,bootindex=0"])
        .arguments(&["-smp", "2"])
        .start();
    log_in(&mut machine);
    machine.shell("dmesg -D; stty cols 1000");
    let facts = QUESTIONS.map(|(_, command)| {
        let said = machine.shell(command);
        // The first line stands behind a word of the shell to the terminal.
        let lines = said
            .lines()
            .filter_map(|line| line.rsplit("\u{1b}[?2004l").next());
        let lines = lines.map(|line| line.trim().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    });
    let measured = measured(&mut machine);
    machine.finish();
    (facts.into(), measured)
}

#[test]
fn the_system_sees_the_machine_as_firmware_would_have_shown_it() {
    let image = Image::overlay("handover", "esp");
    let variables = Variables::new("handover");
    let machine = Machine::with_firmware("handover-firmware", &variables);
    let (theirs, they_measured) = facts(machine, &image, &Tpm::new("firmware"));
    drop((image, variables));
    let image = Image::overlay("handover", "esp");
    let variables = Variables::new("handover");
    let machine = Machine::with_flash("handover-flash", &variables);
    let (ours, we_measured) = facts(machine, &image, &Tpm::new("flash"));
    let [they_measured, we_measured] =
        [they_measured, we_measured].map(|events| events.into_iter().collect::<BTreeSet<_>>());
    let only_theirs: Vec<_> = they_measured.difference(&we_measured).copied().collect();
    assert_eq!(only_theirs, MEASURED_BY_OTHERS.map(|(event, _)| event));
    assert!(we_measured.is_subset(&they_measured), "{we_measured:x?}");
    let mut seen = BTreeSet::new();
    for (((what, _), theirs), ours) in QUESTIONS.iter().zip(&theirs).zip(&ours) {
        assert!(!theirs.is_empty() && !ours.is_empty(), "{what}: nothing");
        for line in theirs.symmetric_difference(ours) {
            let known = DIFFERENCES.iter().find(|(word, _)| line.contains(word));
            let (word, _) = known.unwrap_or_else(|| panic!("{what}: only one of them has {line}"));
            seen.insert(*word);
        }
    }
    // A difference that is no more has no reason to stay in the list.
    let gone = DIFFERENCES.iter().find(|(word, _)| !seen.contains(word));
    assert_eq!(gone, None);
}
