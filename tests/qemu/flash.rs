//! From the flash part and a disk alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::disk::{Image, Variables, directory, run};
use super::machine::{Machine, STOCK};
use super::{BOOT, boots};

const FLASH_TOOL: &str = env!("CARGO_BIN_EXE_pilotlight-flash");

/// The disk has systemd-boot where firmware looks first, QEMU asks for that disk, a network card brings a program that
/// boots from the network, and the variables are those of the firmware that was in the flash before, which started the
/// disk. The screen shows what the serial line does: first what firmware starts, then our lines.
#[test]
fn firmware_starts_the_kernel_in_the_flash_and_nothing_else() {
    let image = Image::copy("flash", "esp");
    let variables = Variables::new("flash");
    let attach = ["-device", "virtio-blk-pci,drive=disk,bootindex=0"];
    let before = Machine::with_image("flash-before", &repacked(), &variables);
    let mut before = before.drive(&image).arguments(&attach).start();
    before.expect("starting Boot0001 \"UEFI Misc Device\" from PciRoot(", BOOT);
    before.cut_power();
    let mut first = Command::new(FLASH_TOOL);
    first.arg("first").args([&flash(), Path::new("Shell")]);
    first.args([&variables.path, &variables.path]);
    run(first.stdout(Stdio::null()));
    let mut machine = Machine::with_flash("flash", &variables)
        .drive(&image)
        .arguments(&attach)
        .arguments(&["-netdev", "user,id=net", "-device", "e1000e,netdev=net"])
        .start();
    let starting = "BdsDxe: starting Boot";
    machine.expect(starting, BOOT);
    machine.expect(" \"Pilotlight\" from Fv(", BOOT);
    assert_eq!(machine.transcript().matches(starting).count(), 1);
    assert!(!machine.transcript().contains("iPXE"));
    let of_firmware = machine.bright_pixels();
    assert!(of_firmware > 100, "firmware shows nothing");
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.until_screen(BOOT, |pixels| pixels > 100 && pixels != of_firmware);
    let first = first_line(&machine.picture());
    assert!(first > 60, "the kernel was silent: {first} columns");
    boots(&mut machine);
    let firmware = machine.shell("ls /sys/firmware/efi /sys/firmware/efi/efivars");
    for file in [
        "systab",
        "runtime-map",
        "BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c",
    ] {
        assert!(firmware.contains(file), "{file} is not among\n{firmware}");
    }
    machine.finish();
}

/// How many columns the first line on the screen has: that of a kernel which says its version fills one of 80, and ours
/// is short.
fn first_line(picture: &[u8]) -> usize {
    const CHARACTER: (usize, usize) = (8, 16);
    let head = String::from_utf8_lossy(&picture[..16]).into_owned();
    let width: usize = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    let pixels = &picture[picture.len() % (width * 3)..];
    let rows = pixels.chunks(width * 3).take(CHARACTER.1);
    let last = rows.filter_map(|row| row.chunks(3).rposition(|pixel| pixel[0] > 0x40));
    last.max().map_or(0, |column| column / CHARACTER.0 + 1)
}

/// What `make flash` has made.
fn flash() -> PathBuf {
    let flash = std::env::var("PILOTLIGHT_FLASH").expect("run this by `make qemu-test`");
    PathBuf::from(flash)
}

/// QEMU's own firmware, of which `pilotlight-flash` has made every volume anew.
fn repacked() -> PathBuf {
    let image = directory().join("flash-repacked.fd");
    let mut edit = Command::new(FLASH_TOOL);
    edit.args(["edit", STOCK]).arg(&image).arg("--repack");
    run(edit.stdout(Stdio::null()));
    image
}

/// Words in the names of drivers and programs that lead to something else than the kernel: disks and what is on them,
/// the network, USB, the screens of the setup, and the shell's commands.
const LEADING_ELSEWHERE: &str = "VirtioBlk VirtioScsi VirtioFs VirtioNet Scsi Sata Ata Nvm RamDisk DiskIo Partition \
    Fat Udf KernelLoader Snp Vlan Mnp Arp Dhcp Ip4 Ip6 Udp Mtftp Tcp Pxe Tls Dns Http hciDxe Usb UiApp Browser Config \
    Command";

/// Names of the drivers and programs in an image, but for those that run before there is memory.
fn programs(image: &Path) -> Vec<String> {
    fn collect(view: &Value, names: &mut Vec<String>) {
        match view {
            Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
            Value::Object(fields) => {
                let kind = fields.get("kind").and_then(Value::as_str);
                if let (Some("driver" | "application"), Some(name)) =
                    (kind, fields.get("name").and_then(Value::as_str))
                {
                    names.push(name.to_owned());
                }
                fields.values().for_each(|field| collect(field, names));
            }
            _ => {}
        }
    }
    let mut names = Vec::new();
    collect(&listing(image), &mut names);
    names
}

#[test]
fn nothing_in_the_flash_leads_elsewhere() {
    let (before, after) = (programs(Path::new(STOCK)), programs(&flash()));
    assert!(after.len() > 40, "{after:?}");
    for word in LEADING_ELSEWHERE.split_whitespace() {
        let has = |names: &[String]| names.iter().any(|name| name.contains(word));
        assert!(has(&before) && !has(&after), "{word}: {after:?}");
    }
}

/// Sizes of the two volumes that a kernel has to fit into: the one in the flash, and the one that is packed in it.
const MAIN: u64 = 3_440_640;
const UNPACKED: u64 = 12_582_912;

/// The flash kernel as it is, and this behind it.
fn kernel_with(padding: impl Iterator<Item = u8>) -> Vec<u8> {
    let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make qemu-test`");
    let mut bytes = std::fs::read(kernel).unwrap();
    bytes.extend(padding);
    bytes
}

/// Bytes that nobody can pack (xorshift64).
fn noise() -> impl Iterator<Item = u8> {
    let numbers = std::iter::successors(Some(0x9e37_79b9_7f4a_7c15_u64), |state| {
        let state = state ^ (state << 13);
        let state = state ^ (state >> 7);
        Some(state ^ (state << 17))
    });
    numbers.flat_map(u64::to_le_bytes)
}

/// Puts a kernel where `make flash` puts that of `qemu-ovmf`. What does not fit is told: the size of the volume, and
/// how many bytes it has too few.
fn build(kernel: &[u8], image: &Path) -> Result<(), (u64, usize)> {
    let file = image.with_extension("kernel");
    std::fs::write(&file, kernel).unwrap();
    let _ = std::fs::remove_file(image);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("boards/build-flash");
    let mut build = Command::new(script);
    let variables = image.with_extension("variables");
    build.arg("qemu-ovmf").args([&file, image, &variables]);
    let output = build.output();
    let output = output.unwrap();
    std::fs::remove_file(file).unwrap();
    if output.status.success() {
        return Ok(());
    }
    assert!(!image.exists());
    let said = String::from_utf8(output.stderr).unwrap();
    let (_, numbers) = said.split_once(" has ").expect(&said);
    let (size, numbers) = numbers.split_once(" bytes, and ").expect(&said);
    let (missing, _) = numbers.split_once(" more are needed").expect(&said);
    Err((size.parse().unwrap(), missing.parse().unwrap()))
}

/// What `pilotlight-flash` reads in an image.
fn listing(image: &Path) -> Value {
    let mut list = Command::new(FLASH_TOOL);
    let output = list.args(["list", "--json"]).arg(image).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Bytes behind the last file of the volume of this size.
fn free(image: &Path, size: u64) -> usize {
    fn find(view: &Value, size: u64) -> Option<u64> {
        match view {
            Value::Array(items) => items.iter().find_map(|item| find(item, size)),
            Value::Object(fields) => {
                let is_here = fields.get("size") == Some(&size.into());
                let free = fields.get("free").filter(|_| is_here);
                let inside = || fields.values().find_map(|field| find(field, size));
                free.and_then(Value::as_u64).or_else(inside)
            }
            _ => None,
        }
    }
    usize::try_from(find(&listing(image), size).unwrap()).unwrap()
}

/// A kernel is too large for the part when it is packed, and for the volume that firmware unpacks it into.
#[test]
fn a_kernel_that_is_too_large_is_refused_with_the_number() {
    let image = directory().join("flash-full.fd");
    let flash = flash();

    // Zeros take nothing when they are packed. To the last byte, and one more: what comes behind the kernel begins at a
    // multiple of eight then.
    let room = free(&flash, UNPACKED);
    let zeros = |number| kernel_with(std::iter::repeat_n(0, number));
    let (size, missing) = build(&zeros(room + 1), &image).unwrap_err();
    assert_eq!(size, UNPACKED);
    assert!(missing <= 8, "{missing}");
    assert_eq!(build(&zeros(room), &image), Ok(()));
    assert_eq!(free(&image, UNPACKED), 0);

    // Noise takes at least as much as it is long. So much less is enough: what comes behind it is packed a little
    // otherwise then, and the part is full but for that.
    let room = free(&flash, MAIN);
    let noise = |number| kernel_with(noise().take(number));
    let (size, missing) = build(&noise(room), &image).unwrap_err();
    assert_eq!(size, MAIN);
    assert!(missing < room / 30, "{missing}");
    const OTHERWISE: usize = 2000;
    assert_eq!(build(&noise(room - missing - OTHERWISE), &image), Ok(()));
    let left = free(&image, MAIN);
    assert!(left < 2 * OTHERWISE, "{left}");
    let path = image.with_extension("variables");
    let variables = Variables { path };
    let mut machine = Machine::with_image("flash-full", &image, &variables).start();
    machine.expect("starting Boot0000 \"Pilotlight\" from Fv(", BOOT);
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.finish();
    std::fs::remove_file(image).unwrap();
}
