//! A machine with Secure Boot whose owner has a key: the flash kernel on a partition, and in the flash.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::disk::{Image, Variables, directory, run};
use super::faults::{PATIENT, Small, archive};
use super::machine::{Machine, generic};
use super::pci::{AHCI, ETHERNET, NVME, OTHER, SCSI, SMBUS, VGA, XHCI, masters};
use super::platform::{DATABASE, GLOBAL};
use super::signed::Signed;
use super::tpm::{Tpm, measured};
use super::{BOOT, boots};

/// What the next kernel says when firmware has checked what it started.
const ENABLED: &str = "secureboot: Secure boot enabled";

/// The build of OVMF that keeps its variables in System Management Mode.
const GUARDED: &str = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";

/// Variables of a firmware that starts what the owner has signed.
fn owned(name: &str, signed: &Signed) -> Variables {
    let owner = signed.lists(&["owner"], &[]);
    let variables = [(GLOBAL, "PK"), (GLOBAL, "KEK"), (DATABASE, "db")];
    Variables::with(
        name,
        &variables.map(|(vendor, name)| (vendor, name, &owner[..])),
    )
}

fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// The partition that `make esp` makes for a board like `generic-uefi`, with this in its table `[esp]`.
pub fn partition(name: &str, signing: &str) -> Image {
    let [board, program, path] =
        ["board", "program", "img"].map(|kind| directory().join(format!("{name}.{kind}")));
    std::fs::create_dir_all(&board).unwrap();
    let text = format!("description = \"\"\n[kernel]\nlike = \"generic-uefi\"\n[esp]\n{signing}");
    std::fs::write(board.join("board.toml"), text).unwrap();
    let mut build = script("boards/build-esp");
    build.args([&board, &generic(), &program, &path]);
    run(build.stdout(Stdio::null()));
    std::fs::remove_dir_all(&board).unwrap();
    std::fs::remove_file(&program).unwrap();
    let format = "raw";
    Image { path, format }
}

/// What such a board says to have it signed by this key.
fn signed_by(signed: &Signed, key: &str) -> String {
    let certificate = signed.anchor(key).with_extension("pem");
    let key = certificate.with_extension("key");
    let (key, certificate) = (key.display(), certificate.display());
    format!("key = \"{key}\"\ncertificate = \"{certificate}\"\n")
}

/// The stick comes first, and the system is on another disk. What nobody or a stranger has signed is not started.
#[test]
fn from_a_partition_with_the_signature_of_the_owner() {
    let signed = Signed::new("uefi", &["owner", "stranger"]);
    for (key, is_started) in [
        (None, false),
        (Some("stranger"), false),
        (Some("owner"), true),
    ] {
        let signing = key.map(|key| signed_by(&signed, key));
        let stick = partition("uefi", &signing.unwrap_or_default());
        let disk = Image::overlay("uefi", "esp");
        let (format, path) = (disk.format, disk.path.display());
        let system = format!("if=none,id=system,format={format},file={path}");
        let variables = owned("uefi", &signed);
        let mut machine = Machine::with_firmware("uefi", &variables)
            .drive(&stick)
            .arguments(&["-device", "virtio-blk-pci,drive=disk,bootindex=1"])
            .arguments(&["-drive", &system, "-device", "virtio-blk-pci,drive=system"])
            .start();
        if is_started {
            machine.expect("pilotlight 0.1.0", BOOT);
            boots(&mut machine);
            assert!(machine.transcript().contains(ENABLED));
        } else {
            machine.expect("Access Denied", BOOT);
            assert!(!machine.transcript().contains("pilotlight 0.1.0"));
        }
        machine.finish();
    }
}

/// The flash kernel in the firmware that guards its variables, as `boards/qemu-ovmf` has it in the other one.
fn guarded_flash() -> PathBuf {
    let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make qemu-test`");
    let setting = |key: &str| {
        let output = script("boards/setting")
            .args(["qemu-ovmf", "flash", key])
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let image = directory().join("uefi-flash.fd");
    let mut flash = Command::new(env!("CARGO_BIN_EXE_pilotlight-flash"));
    flash.args(["edit", GUARDED]).arg(&image);
    for name in setting("remove").lines() {
        flash.args(["--remove", name]);
    }
    let payload = format!("{}={kernel}", setting("payload").trim());
    run(flash.args(["--replace", &payload]).stdout(Stdio::null()));
    image
}

/// What is in the flash with it the firmware trusts, as it trusts itself, and measures. Nothing reads or writes memory
/// by itself any more when the next kernel begins, but for the screen: neither disks, nor what else has done it for us,
/// nor what the firmware has had and the flash kernel has no driver for, such as the SMBus, or a network card whose own
/// program has tried to boot: these variables do not say what comes first.
#[test]
fn grub_on_nvme_from_the_flash_with_a_tpm() {
    let signed = Signed::new("uefi-flash", &["owner"]);
    let image = Image::overlay("uefi-flash", "grub");
    let variables = owned("uefi-flash", &signed);
    let tpm = Tpm::new("uefi-flash");
    let machine = Machine::with_image("uefi-flash", &guarded_flash(), &variables);
    let mut machine = tpm
        .attach(machine, "tpm-crb")
        .drive(&image)
        .arguments(&["-device", "nvme,drive=disk,serial=pilot"])
        .arguments(&["-device", "qemu-xhci", "-device", "usb-kbd"])
        .arguments(&["-device", "virtio-scsi-pci", "-device", "virtio-rng-pci"])
        .arguments(&["-netdev", "user,id=net"])
        .arguments(&["-device", "virtio-net-pci,netdev=net"])
        // Variables are written in System Management Mode alone.
        .arguments(&["-global", "driver=cfi.pflash01,property=secure,value=on"])
        .arguments(&["-global", "ICH9-LPC.disable_s3=1"])
        .start();
    machine.expect("iPXE", BOOT);
    machine.expect("booting Debian", BOOT);
    assert_eq!(
        masters(&mut machine),
        [OTHER, SCSI, AHCI, NVME, ETHERNET, VGA, XHCI, SMBUS]
    );
    machine.expect("jumping", BOOT);
    machine.expect("Linux version", BOOT);
    assert_eq!(masters(&mut machine), [VGA]);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains("BOOT_IMAGE=/boot/vmlinuz-"), "{cmdline}");
    assert!(machine.transcript().contains(ENABLED));
    // EV_SEPARATOR in PCR 7, behind which is whether Secure Boot is on, and by which keys.
    assert!(measured(&mut machine).contains(&(7, 4)));
    machine.finish();
}

/// The firmware has given an initrd to the flash kernel, and tells every kernel after it where that was. It is large,
/// so that other things are there by then.
#[test]
fn a_kernel_without_an_initrd_does_not_take_that_of_the_firmware() {
    let small = Small::without_initrd("uefi-initrd", "bare");
    let variables = Variables::new("uefi-initrd");
    let initrd = directory().join("uefi-initrd.initrd");
    std::fs::write(&initrd, archive("uefi-initrd", PATIENT, 40)).unwrap();
    let mut machine = Machine::set_up("uefi-initrd")
        .firmware(&variables)
        .arguments(&["-initrd", initrd.to_str().unwrap()])
        .arguments(&["-drive", &small.drive("")])
        .arguments(&["-device", "virtio-blk-pci,drive=bare"])
        .start();
    machine.expect("booting bare from", BOOT);
    machine.expect("jumping", BOOT);
    machine.expect("pilotlight 0.1.0", BOOT);
    machine.finish();
    std::fs::remove_file(initrd).unwrap();
}
