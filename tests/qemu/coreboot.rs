//! The kernel of `coreboot-x86_64` in an image of coreboot, and what coreboot leaves for it and for the system.
//!
//! coreboot is what `qemu/make-coreboot` builds from Debian's source. Its image is all of the firmware that the machine
//! has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::BOOT;
use super::disk::{Image, directory, run};
use super::machine::Machine;

/// Vital product data as they lie in the flash: strings by their keys, with the lengths of both in front, behind a
/// header at a place of its own (coreboot's `src/drivers/vpd/vpd_tables.h` and `vpd_decode.c`).
fn vital_data(strings: &[(&str, &str)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (key, value) in strings {
        list.push(1);
        for text in [key, value] {
            list.push(u8::try_from(text.len()).unwrap());
            list.extend(text.as_bytes());
        }
    }
    list.push(0);
    let size = u32::try_from(list.len()).unwrap();
    let mut data = vec![0xff; 0x600];
    data.extend(b"\xfe\x09\x01gVpdInfo\x04");
    data.extend(size.to_le_bytes());
    data.extend(list);
    data.resize(0x1000, 0xff);
    data
}

fn cbfstool(rom: &Path, arguments: &[&str]) {
    // Users who are not root don't have it in their path.
    let mut tool = Command::new("/usr/sbin/cbfstool");
    run(tool.arg(rom).args(arguments).stdout(Stdio::null()));
}

/// The image of coreboot with the kernel inside, as `make coreboot` makes it, and with vital product data.
fn rom() -> PathBuf {
    let [coreboot, kernel] = ["PILOTLIGHT_COREBOOT", "PILOTLIGHT_COREBOOT_KERNEL"]
        .map(|name| std::env::var(name).expect("run this by `make qemu-test`"));
    let rom = directory().join("coreboot.rom");
    let mut build =
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("boards/build-coreboot"));
    build
        .args(["coreboot-x86_64", &kernel, &coreboot])
        .arg(&rom);
    let path = std::env::var("PATH").unwrap();
    build.env("PATH", format!("{path}:/usr/sbin"));
    run(build.stdout(Stdio::null()));
    for (region, strings) in [
        ("RO_VPD", [("serial_number", "PILOT-1")]),
        ("RW_VPD", [("pilotlight_menu_timeout", "600")]),
    ] {
        let file = directory().join(format!("coreboot.{region}"));
        std::fs::write(&file, vital_data(&strings)).unwrap();
        let file = file.display().to_string();
        cbfstool(&rom, &["write", "-r", region, "-f", &file]);
    }
    rom
}

/// The memory that coreboot says it keeps or leaves: first and last byte, and whether anybody may use it. What is next
/// to each other is one.
fn memory(log: &str) -> Vec<(u64, u64, bool)> {
    let lines = log.lines();
    let lines = lines.skip_while(|line| !line.starts_with("Writing coreboot table at"));
    let mut memory: Vec<(u64, u64, bool)> = Vec::new();
    for line in lines.skip(1).map_while(|line| line.split_once(". ")) {
        let (range, kind) = line.1.trim().split_once(": ").unwrap();
        let (first, last) = range.split_once('-').unwrap();
        let number = |digits| u64::from_str_radix(digits, 16).unwrap();
        let (first, last, is_free) = (number(first), number(last), kind.trim() == "RAM");
        match memory.last_mut().filter(|before| before.2 == is_free) {
            Some(before) if before.1 + 1 == first => before.1 = last,
            _ => memory.push((first, last, is_free)),
        }
    }
    memory
}

#[test]
fn the_payload_finds_what_coreboot_has_left() {
    let image = Image::overlay("coreboot", "esp");
    let mut machine = Machine::with_bios("coreboot", &rom())
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect("pilotlight 0.1.0", BOOT);
    let kept = memory(&machine.transcript());
    machine.expect("policy: menu.timeout is set by vpd", BOOT);
    machine.expect("Enter start", BOOT);
    machine.until_screen(BOOT, |pixels| pixels > 100);
    machine.press("l");
    machine.expect("firmware: coreboot-", BOOT);
    machine.press("q");
    machine.expect("Enter start", BOOT);
    machine.press("\r");
    machine.expect("jumping", BOOT);
    machine.log_in();

    // The system finds all that, too, at its place and kept from everyone.
    machine.shell("dmesg -D; modprobe -a memconsole-coreboot vpd-sysfs; stty cols 1000");
    let log = machine.shell("cat /sys/firmware/log");
    assert!(log.contains("Jumping to boot code"), "{log}");
    let vpd = machine.shell("cd /sys/firmware/vpd; grep . ro/* rw/*; cd");
    for line in ["serial_number:PILOT-1", "pilotlight_menu_timeout:600"] {
        assert!(vpd.contains(line), "{line} is not in\n{vpd}");
    }
    let map = machine.shell("dmesg | grep BIOS-e820");
    assert!(kept.len() > 4, "{kept:?}");
    for (first, last, is_free) in kept {
        let kind = if is_free { "usable" } else { "reserved" };
        let range = format!("[mem {first:#018x}-{last:#018x}] {kind}");
        assert!(
            first == 0 || map.contains(&range),
            "{range} is not in\n{map}"
        );
    }
    machine.finish();
}
