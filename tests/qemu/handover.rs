//! What the booted system sees of the machine: the same as if firmware had started it itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::disk::{Image, Variables};
use super::machine::{Machine, Setup, bright, generic};
use super::tpm::{Measured, Tpm, measured};

/// What is looked at, each with what it prints: one fact a line.
const QUESTIONS: [(&str, &str); 14] = [
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
        "cd /sys/firmware/acpi; find tables bgrt/image -type f -exec sha256sum {} + 2>/dev/null; cd",
    ),
    (
        "memory that firmware keeps for its tables",
        "dmesg | sed -n 's/.*BIOS-e820: \\(.*ACPI.*\\)/\\1/p'",
    ),
    // Two images of firmware have it at places of their own.
    (
        "memory that firmware keeps for itself",
        "dmesg | sed -n 's/.*BIOS-e820: .mem \\(0x[0-9a-f]*\\)-\\(0x[0-9a-f]*\\). reserved/\\1 \\2/p' \
         | while read start end; do echo $((end - start)); done",
    ),
    // EfiRuntimeServicesCode, EfiRuntimeServicesData, EfiMemoryMappedIO. What Linux itself keeps of the rest, such as the
    // memory of the logo, comes in other pieces where two kernels have kept it.
    (
        "memory of the runtime services",
        "for one in /sys/firmware/efi/runtime-map/*; do cd $one; \
         case $(cat type) in 0x[56b]) echo $(cat type attribute num_pages);; esac; done; cd",
    ),
    ("dmidecode", "dmidecode -q"),
    ("efibootmgr", "efibootmgr"),
    (
        "bootctl",
        "LC_ALL=C SYSTEMD_COLORS=0 bootctl --no-pager status",
    ),
    (
        "the screen",
        "cat /proc/fb /sys/class/graphics/fb0/virtual_size",
    ),
    (
        "what there is of firmware",
        "cd /sys/firmware; find . -maxdepth 3 -not -path '*/memmap/*' -not -path '*/qemu_fw_cfg/*' \
         -not -path '*/runtime-map/*'; cd",
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
const DIFFERENCES: [(&str, &str); 16] = [
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
    ("Product: ", "the same"),
    ("File: ", "the same: we are in no file"),
    (
        "Firmware: ",
        "systemd-boot reads it from EFI's system table, which Linux shows nobody",
    ),
    ("Load drop-in drivers", "drivers of EFI, for systemd-boot"),
    (
        "devicetree field",
        "machines that start by ACPI have no use for it",
    ),
    (
        "timeout control",
        "how long a menu is shown is for the policy to say",
    ),
    (
        "passing random seed",
        "a table of EFI, too; kexec gives the next kernel a seed of ours",
    ),
    (
        "Boot000",
        "firmware with drivers for disks has entries that lead to them",
    ),
    ("BootOrder: ", "the same"),
    ("BootCurrent: ", "the same"),
    (
        "Boot into FW: ",
        "there are no screens of the setup to boot into",
    ),
    (
        "/Key000",
        "keys for screens of the setup, which the flash image has not",
    ),
];

/// The words of those that there are where the same firmware starts us, from a partition.
const ON_A_PARTITION: [&str; 9] = [
    "/Loader",
    "File: ",
    "Firmware: ",
    "INITRD",
    "Load drop-in drivers",
    "Product: ",
    "devicetree field",
    "passing random seed",
    "timeout control",
];

/// What firmware that leads to a disk lets be measured there: PCR, type of the event, and what it is. The rest of the
/// log is the firmware's own, and that we start something else than systemd-boot shows in the digests alone.
const MEASURED_BY_OTHERS: [(Measured, &str); 3] = [
    ((5, 0x8000_0006), "the partition table, by the firmware"),
    ((9, 6), "the initrd, by Linux's EFI stub"),
    ((12, 13), "the command line, by systemd-boot"),
];

struct Seen {
    /// The answers to the questions.
    facts: Vec<BTreeSet<String>>,
    memory: Vec<Memory>,
    measured: BTreeSet<Measured>,
    /// The screen when the system has drawn on it.
    picture: Vec<u8>,
}

/// A range of the memory that the system was told of: first and last byte, and what it may be used for.
type Memory = (u64, u64, String);

/// The map of memory as it was handed over. What the firmware's runtime services run in has to be kept there.
fn memory(machine: &mut Machine) -> Vec<Memory> {
    let number = |digits: &str| u64::from_str_radix(digits.trim_start_matches("0x"), 16).unwrap();
    let said = machine.shell("dmesg | grep -o 'BIOS-e820: .*'");
    let ranges = said.lines().filter_map(|line| {
        let (range, kind) = line.split_once("BIOS-e820: [mem ")?.1.split_once("] ")?;
        let (first, last) = range.split_once('-').unwrap();
        Some((number(first), number(last), kind.trim().to_owned()))
    });
    let memory: Vec<Memory> = ranges.collect();
    assert!(memory.len() > 8, "{said}");

    let said = machine.shell(
        "cd /sys/firmware/efi/runtime-map; \
         for one in *; do echo at $(cat $one/type $one/phys_addr $one/num_pages); done; cd",
    );
    let mut services = 0;
    for line in said.lines() {
        let mut words = line.split_whitespace().skip_while(|word| *word != "at");
        let fields: Vec<u64> = words.by_ref().skip(1).map(number).collect();
        // EfiRuntimeServicesCode and EfiRuntimeServicesData.
        if let [5 | 6, first, pages] = fields[..] {
            let last = first + pages * 4096 - 1;
            let around = memory
                .iter()
                .find(|(from, to, _)| (*from..=*to).contains(&first));
            let is_kept = around.is_some_and(|(_, to, kind)| last <= *to && kind != "usable");
            assert!(is_kept, "{first:#x}-{last:#x} is not kept: {memory:x?}");
            services += 1;
        }
    }
    assert!(services > 1, "{said}");
    memory
}

/// How many bytes of memory are of each kind.
fn sizes(memory: &[Memory]) -> BTreeMap<&str, u64> {
    let mut sizes = BTreeMap::new();
    for (first, last, kind) in memory {
        *sizes.entry(kind.as_str()).or_default() += last - first + 1;
    }
    sizes
}

/// Two processors: that the flash kernel runs on one leaves the other to the next kernel.
fn look(setup: Setup, image: &Image, tpm: &Tpm) -> Seen {
    let mut machine = tpm
        .attach(setup, "tpm-tis")
        .drive(image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk,bootindex=0"])
        .arguments(&["-smp", "2"])
        .start();
    machine.log_in();
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
    let memory = memory(&mut machine);
    let measured = measured(&mut machine).into_iter().collect();
    // What is drawn on the screen is seen there.
    machine.shell("printf '\\033c\\033[?25l\\033[1;37;44mThe same picture' >/dev/tty1");
    std::thread::sleep(Duration::from_secs(2));
    let picture = machine.picture();
    machine.finish();
    Seen {
        facts: facts.into(),
        memory,
        measured,
        picture,
    }
}

/// Compares what the system sees that firmware has started with what it sees behind us, and returns which of the
/// differences that have a reason there are.
fn compare(theirs: &Seen, ours: &Seen, measured_by_others: &[Measured]) -> BTreeSet<&'static str> {
    let only_theirs: Vec<_> = theirs
        .measured
        .difference(&ours.measured)
        .copied()
        .collect();
    assert_eq!(only_theirs, measured_by_others);
    let (all, measured) = (&theirs.measured, &ours.measured);
    assert!(measured.is_subset(all), "{measured:x?}");

    // Two images of firmware have what they keep at places of their own, and no byte is lost.
    assert_eq!(sizes(&ours.memory), sizes(&theirs.memory));

    assert!(bright(&ours.picture) > 100, "the screen is dark");
    assert!(
        ours.picture == theirs.picture,
        "the screens are not the same"
    );

    let (mut seen, mut unknown) = (BTreeSet::new(), String::new());
    for (((what, _), theirs), ours) in QUESTIONS.iter().zip(&theirs.facts).zip(&ours.facts) {
        assert!(!theirs.is_empty() && !ours.is_empty(), "{what}: nothing");
        for line in theirs.symmetric_difference(ours) {
            match DIFFERENCES.iter().find(|(word, _)| line.contains(word)) {
                Some((word, _)) => _ = seen.insert(*word),
                None => {
                    let who = if ours.contains(line) {
                        "by us"
                    } else {
                        "by firmware"
                    };
                    unknown += &format!("{what}, started {who}: {line}\n");
                }
            }
        }
    }
    assert!(unknown.is_empty(), "only one of them has\n{unknown}");
    seen
}

#[test]
fn the_system_sees_the_machine_as_firmware_would_have_shown_it() {
    let image = Image::overlay("handover", "esp");
    let variables = Variables::new("handover");
    let machine = Machine::with_firmware("handover-firmware", &variables);
    let theirs = look(machine, &image, &Tpm::new("firmware"));
    drop((image, variables));

    let image = Image::overlay("handover", "esp");
    let variables = Variables::new("handover");
    let machine = Machine::with_flash("handover-flash", &variables);
    let ours = look(machine, &image, &Tpm::new("flash"));
    let mut seen = compare(&theirs, &ours, &MEASURED_BY_OTHERS.map(|(event, _)| event));
    drop((image, variables));

    // The kernel of `generic-uefi` in the place of systemd-boot, which the same firmware starts.
    let image = Image::copy("handover", "esp");
    let program = std::fs::read(generic()).unwrap();
    image.add_to_esp("/EFI/BOOT", &[("BOOTX64.EFI".to_owned(), program)]);
    let variables = Variables::new("handover");
    let machine = Machine::with_firmware("handover-partition", &variables);
    let ours = look(machine, &image, &Tpm::new("partition"));
    let [_, by_loaders @ ..] = MEASURED_BY_OTHERS.map(|(event, _)| event);
    let on_partition = compare(&theirs, &ours, &by_loaders);
    assert_eq!(ours.memory, theirs.memory);
    assert_eq!(
        on_partition.iter().copied().collect::<Vec<_>>(),
        ON_A_PARTITION
    );

    // A difference that is no more has no reason to stay in the list.
    seen.extend(on_partition);
    let gone = DIFFERENCES.iter().find(|(word, _)| !seen.contains(word));
    assert_eq!(gone, None);
}
