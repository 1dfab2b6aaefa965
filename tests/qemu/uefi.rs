//! A machine with Secure Boot whose owner has a key: the flash kernel on a partition, and in the flash.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::disk::{Image, Variables, directory, run};
use super::faults::{PATIENT, Small, archive};
use super::machine::{Machine, generic};
use super::pci::{AHCI, Function, NVME, XHCI, functions};
use super::platform::{DATABASE, GLOBAL};
use super::signed::Signed;
use super::tpm::{Tpm, measured};
use super::{BOOT, boots, log_in};

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

/// The partition that `make esp` makes for a board like `generic-uefi` that names this key.
fn partition(signed: &Signed, key: Option<&str>) -> Image {
    let board = directory().join("uefi.board");
    std::fs::create_dir_all(&board).unwrap();
    let mut text = "description = \"\"\n[kernel]\nlike = \"generic-uefi\"\n[esp]\n".to_owned();
    if let Some(key) = key {
        let certificate = signed.anchor(key).with_extension("pem");
        let key = certificate.with_extension("key");
        let (key, certificate) = (key.display(), certificate.display());
        text += &format!("key = \"{key}\"\ncertificate = \"{certificate}\"\n");
    }
    std::fs::write(board.join("board.toml"), text).unwrap();
    let [program, path] = ["program", "stick"].map(|name| directory().join(format!("uefi.{name}")));
    let mut build = script("boards/build-esp");
    build.args([&board, &generic(), &program, &path]);
    run(build.stdout(Stdio::null()));
    std::fs::remove_dir_all(&board).unwrap();
    std::fs::remove_file(&program).unwrap();
    let format = "raw";
    Image { path, format }
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
        let stick = partition(&signed, key);
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

/// What is in the flash with it the firmware trusts, as it trusts itself, and measures. No disk reads or writes memory any
/// more when the next kernel begins, and nothing else that has read and written it for us.
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
        // Variables are written in System Management Mode alone.
        .arguments(&["-global", "driver=cfi.pflash01,property=secure,value=on"])
        .arguments(&["-global", "ICH9-LPC.disable_s3=1"])
        .start();
    machine.expect("booting Debian", BOOT);
    let before = functions(&mut machine);
    machine.expect("jumping", BOOT);
    machine.expect("Linux version", BOOT);
    let after = functions(&mut machine);
    for class in [NVME, AHCI, XHCI] {
        let masters = |functions: &[Function]| -> Vec<bool> {
            let those = functions.iter().filter(|function| function.class == class);
            those.map(|function| function.is_master).collect()
        };
        assert_eq!(
            (masters(&before), masters(&after)),
            (vec![true], vec![false]),
            "{class:#08x}"
        );
    }
    log_in(&mut machine);
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains("BOOT_IMAGE=/boot/vmlinuz-"), "{cmdline}");
    assert!(machine.transcript().contains(ENABLED));
    // EV_SEPARATOR in PCR 7, behind which is whether Secure Boot is on, and by which keys.
    assert!(measured(&mut machine).contains(&(7, 4)));
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
