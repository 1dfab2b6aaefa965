//! A machine with Secure Boot whose owner has a key: the flash kernel on a partition, and in the flash.

use super::disk::{Image, Variables, directory};
use super::faults::{PATIENT, Small, archive};
use super::machine::Machine;
use super::platform::{DATABASE, GLOBAL};
use super::signed::Signed;
use super::{BOOT, boots};

const PROGRAM: &str = "/EFI/BOOT/BOOTX64.EFI";

/// What the next kernel says when firmware has checked what it started.
const ENABLED: &str = "secureboot: Secure boot enabled";

/// Variables of a firmware that starts what the owner has signed.
fn owned(name: &str, signed: &Signed) -> Variables {
    let owner = signed.lists(&["owner"], &[]);
    let variables = [(GLOBAL, "PK"), (GLOBAL, "KEK"), (DATABASE, "db")];
    Variables::with(
        name,
        &variables.map(|(vendor, name)| (vendor, name, &owner[..])),
    )
}

/// The stick comes first, and the system is on another disk. What a stranger has signed is not started.
#[test]
fn from_a_partition_with_the_signature_of_the_owner() {
    let mut signed = Signed::new("uefi", &["owner", "stranger"]);
    let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make qemu-test`");
    signed.file(PROGRAM, &std::fs::read(kernel).unwrap());
    for (key, is_started) in [("stranger", false), ("owner", true)] {
        signed.sign_program(PROGRAM, key);
        let stick = Image::of_files("uefi-stick", &signed.files);
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

/// What is in the flash with it the firmware trusts, as it trusts itself.
#[test]
fn grub_on_nvme_from_the_flash() {
    let signed = Signed::new("uefi-flash", &["owner"]);
    let image = Image::overlay("uefi-flash", "grub");
    let variables = owned("uefi-flash", &signed);
    let mut machine = Machine::with_flash("uefi-flash", &variables)
        .drive(&image)
        .arguments(&["-device", "nvme,drive=disk,serial=pilot"])
        .start();
    let cmdline = boots(&mut machine);
    assert!(cmdline.contains("BOOT_IMAGE=/boot/vmlinuz-"), "{cmdline}");
    assert!(machine.transcript().contains(ENABLED));
    machine.finish();
}

/// The firmware has given an initrd to the flash kernel, and tells every kernel after it where that was. It is large, so
/// that other things are there by then.
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
