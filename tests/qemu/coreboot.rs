//! The kernel of `coreboot-x86_64` in an image of coreboot, and what coreboot leaves for it and for the system.
//!
//! Debian has no image of coreboot. SeaBIOS sets up the machine, and `coreboot/stage.c` does what coreboot does last:
//! it finds the payload in the image, which `cbfstool` has put there, loads its segments and starts it. The tables are
//! as coreboot leaves them (`src/commonlib/include/commonlib/coreboot_tables.h`), at the place that ACPI names.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::disk::{Image, directory, run};
use super::machine::Machine;
use super::{BOOT, log_in};

/// Where coreboot keeps what stays, its `cbmem`: `stage.c` knows, too.
const CBMEM: u32 = 0x5000_0000;
/// What of it is kept from everyone.
const SIZE: u32 = 0x30_0000;
const CONSOLE: u32 = 0x1000;
const VPD: u32 = 0x2000;
/// A screen in plain memory, which nobody shows, but everybody may look at.
const SCREEN: u32 = 0x10_0000;
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

/// `LB_MEM_RAM`, `LB_MEM_RESERVED`, `LB_MEM_TABLE`.
const RAM: u32 = 1;
const RESERVED: u32 = 2;
const TABLE: u32 = 16;

/// The memory of the machine, 1536 MiB: beginning, end, and what it is. SeaBIOS keeps its tables at the end.
const MEMORY: [(u32, u32, u32); 6] = [
    (0, 0x9_f000, RAM),
    (0x9_f000, 0x10_0000, RESERVED),
    (0x10_0000, CBMEM, RAM),
    (CBMEM, CBMEM + SIZE, TABLE),
    (CBMEM + SIZE, 0x5ff0_0000, RAM),
    (0x5ff0_0000, 0x6000_0000, RESERVED),
];

const LOG: &str = "coreboot-4.15 bootblock starting\nBS: the payload is loaded\n";

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// An entry of the table: its tag, its size, and what is in it.
fn entry(tag: u32, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap() + 8;
    [&words(&[tag, size]), content].concat()
}

/// `LB_TAG_MEMORY`, `LB_TAG_FRAMEBUFFER`, `LB_TAG_CBMEM_CONSOLE`, `LB_TAG_VPD`. Nobody here looks at checksums.
fn tables() -> Vec<u8> {
    let memory = MEMORY.map(|(start, end, kind)| words(&[start, 0, end - start, 0, kind]));
    let mut screen = words(&[CBMEM + SCREEN, 0, WIDTH, HEIGHT, WIDTH * 4]);
    // Bits of a pixel, and where in it red, green, blue and nothing are.
    screen.extend([32, 16, 8, 8, 8, 0, 8, 24, 8, 0, 0, 0]);
    let entries = [
        entry(0x01, &memory.concat()),
        entry(0x12, &screen),
        entry(0x17, &words(&[CBMEM + CONSOLE, 0])),
        entry(0x2c, &words(&[CBMEM + VPD, 0])),
    ];
    let (number, entries) = (entries.len(), entries.concat());
    let sizes = [entries.len(), number].map(|size| u32::try_from(size).unwrap());
    let header = [u32::from_le_bytes(*b"LBIO"), 24, 0, sizes[0], 0, sizes[1]];
    [words(&header), entries].concat()
}

/// Vital product data: strings by their keys, with the lengths of both in front (`drivers/firmware/google/vpd_decode.c`).
fn section(strings: &[(&str, &str)]) -> Vec<u8> {
    let mut section = Vec::new();
    for (key, value) in strings {
        section.push(1);
        for text in [key, value] {
            section.push(u8::try_from(text.len()).unwrap());
            section.extend(text.as_bytes());
        }
    }
    section.push(0);
    section
}

fn cbmem() -> Vec<u8> {
    let console = [
        &words(&[0xff8, u32::try_from(LOG.len()).unwrap()]),
        LOG.as_bytes(),
    ]
    .concat();
    let (fixed, written) = (
        section(&[("serial_number", "PILOT-1")]),
        section(&[("pilotlight_menu_timeout", "600")]),
    );
    let sizes = [fixed.len(), written.len()].map(|size| u32::try_from(size).unwrap());
    let vpd = [words(&[0x4352_4f53, 1, sizes[0], sizes[1]]), fixed, written].concat();
    let mut cbmem = tables();
    for (at, part) in [(CONSOLE, console), (VPD, vpd)] {
        cbmem.resize(usize::try_from(at).unwrap(), 0);
        cbmem.extend(part);
    }
    cbmem
}

/// A table of ACPI (ACPI 6.5, chapter 20) with the device that leads to the tables:
/// `Scope (\_SB) { Device (CBTB) { Name (_HID, "BOOT0000") Name (_CRS, …Memory32Fixed (ReadOnly, CBMEM, 4096)…) } }`.
fn ssdt() -> Vec<u8> {
    let package = |opcode: &[u8], content: &[u8]| {
        let length = u8::try_from(content.len() + 1).unwrap();
        assert!(length < 0x40, "longer ones have more bytes of length");
        [opcode, &[length], content].concat()
    };
    let range = [&[0x86, 9, 0, 0][..], &words(&[CBMEM, 0x1000]), &[0x79, 0]].concat();
    let range = package(&[0x11], &[&[0x0a, 14], &range[..]].concat());
    let device = [b"CBTB\x08_HID\x0dBOOT0000\0\x08_CRS", &range[..]].concat();
    let device = package(&[0x5b, 0x82], &device);
    let scope = package(&[0x10], &[b"\\_SB_", &device[..]].concat());
    // QEMU makes the checksum.
    let length = u32::try_from(36 + scope.len()).unwrap();
    let header = [
        b"SSDT",
        &length.to_le_bytes()[..],
        b"\x02\0PILOT PILOT   \x01\0\0\0TEST\x01\0\0\0",
    ];
    [header.concat(), scope].concat()
}

fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// An image of coreboot with nothing in it but the kernel, as `make coreboot` makes it.
fn rom() -> PathBuf {
    let kernel = std::env::var("PILOTLIGHT_COREBOOT_KERNEL").expect("run this by `make qemu-test`");
    let [block, empty, rom] =
        ["block", "empty", "rom"].map(|name| directory().join(format!("coreboot.{name}")));
    std::fs::write(&block, [0; 4096]).unwrap();
    // Users who are not root don't have it in their path.
    let made = Command::new("/usr/sbin/cbfstool")
        .arg(&empty)
        .args(["create", "-m", "x86", "-s", "16M", "-B"])
        .arg(&block)
        .stdout(Stdio::null())
        .status()
        .expect("cbfstool (Debian's package coreboot-utils) starts");
    assert!(made.success());
    let mut build = script("boards/build-coreboot");
    build
        .args(["coreboot-x86_64", &kernel])
        .args([&empty, &rom]);
    let path = std::env::var("PATH").unwrap();
    build.env("PATH", format!("{path}:/usr/sbin"));
    run(build.stdout(Stdio::null()));
    rom
}

/// The program that stands for coreboot.
fn stage() -> PathBuf {
    let stage = directory().join("coreboot.stage");
    run(Command::new("gcc")
        .args(["-m32", "-march=i686", "-Os", "-w", "-ffreestanding"])
        .args(["-fno-pic", "-fno-stack-protector", "-fcf-protection=none"])
        .args(["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"])
        // Where neither the payload nor its table is.
        .args(["-Wl,-Ttext=0x4000000", "-o"])
        .arg(&stage)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/qemu/coreboot/stage.c")));
    stage
}

/// How many of the first lines' pixels on the screen are not black.
fn pixels(machine: &mut Machine) -> usize {
    let dump = machine.monitor(&format!("xp /{}wx {:#x}", WIDTH * 32, CBMEM + SCREEN));
    let lines = dump.lines().filter_map(|line| line.split_once(": "));
    let pixels = lines.flat_map(|(_, pixels)| pixels.split_whitespace());
    pixels
        .filter(|pixel| pixel.starts_with("0x") && pixel.chars().skip(4).any(|digit| digit != '0'))
        .count()
}

#[test]
fn the_payload_finds_what_coreboot_has_left() {
    let files = [("cbmem", cbmem()), ("ssdt", ssdt())].map(|(name, content)| {
        let file = directory().join(format!("coreboot.{name}"));
        std::fs::write(&file, content).unwrap();
        file.display().to_string()
    });
    let [cbmem, ssdt] = files;
    let image = Image::overlay("coreboot", "esp");
    let rom = rom().display().to_string();
    let mut machine = Machine::set_up_with("coreboot", &stage())
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk", "-initrd", &rom])
        .arguments(&["-acpitable", &format!("file={ssdt}")])
        .arguments(&["-device"])
        .arguments(&[&format!("loader,file={cbmem},addr={CBMEM:#x},force-raw=on")])
        .start();
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.expect("policy: menu.timeout is set by vpd", BOOT);
    machine.expect("Enter start", BOOT);
    assert!(pixels(&mut machine) > 100, "the screen is dark");
    machine.press("l");
    machine.expect("BS: the payload is loaded", BOOT);
    machine.press("q");
    machine.expect("Enter start", BOOT);
    machine.press("\r");
    machine.expect("jumping", BOOT);
    log_in(&mut machine);

    // The system finds all that, too, at its place and kept from everyone.
    machine.shell("dmesg -D; modprobe -a memconsole-coreboot vpd-sysfs; stty cols 1000");
    let log = machine.shell("cat /sys/firmware/log");
    assert!(log.contains("BS: the payload is loaded"), "{log}");
    let vpd = machine.shell("cd /sys/firmware/vpd; grep . ro/* rw/*; cd");
    for line in ["serial_number:PILOT-1", "pilotlight_menu_timeout:600"] {
        assert!(vpd.contains(line), "{line} is not in\n{vpd}");
    }
    let kept = machine.shell("dmesg | grep BIOS-e820");
    for (start, end, kind) in MEMORY {
        let kind = if kind == RAM { "usable" } else { "reserved" };
        let range = format!("[mem {start:#018x}-{:#018x}] {kind}", end - 1);
        assert!(
            start == 0 || kept.contains(&range),
            "{range} is not in\n{kept}"
        );
    }
    let screen = machine.shell("cat /proc/fb; dmesg | grep -i fbcon");
    assert!(screen.contains("simple"), "{screen}");
    machine.finish();
}
