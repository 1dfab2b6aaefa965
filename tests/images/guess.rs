//! Kernels that no configuration names, on disks.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::kit::{Image, MIB, TempDir, copy_in, noise, run_line, run_with_input, temp_dir};
use serde_json::Value;

const BOOT: &str = "11111111-89ab-cdef-0123-456789abcdef";
const ROOT: &str = "22222222-89ab-cdef-0123-456789abcdef";

/// A kernel as far as a dry run looks at it.
fn kernel(version: &str) -> Vec<u8> {
    let mut file = noise(50_000, 7);
    file[0x1f1] = 1;
    file[0x1f4..0x1f8].copy_from_slice(&3061_u32.to_le_bytes());
    file[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    file[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
    file[0x20e..0x210].copy_from_slice(&0x300_u16.to_le_bytes());
    file[0x211] = 1;
    file[0x236..0x238].copy_from_slice(&[3, 0]);
    file[0x238..0x23c].copy_from_slice(&2047_u32.to_le_bytes());
    let text = format!("{version} (root@host) #1\0");
    file[0x500..0x500 + text.len()].copy_from_slice(text.as_bytes());
    file
}

fn ext4(dir: &TempDir, tree: &str, uuid: &str, size: u64) -> Image {
    let image = dir.image(&format!("{tree}.img"), size);
    let tree = dir.path().join(tree);
    run_line(
        &format!("mke2fs -q -t ext4 -U {uuid} -d {} {{}}", tree.display()),
        &image,
    );
    image
}

/// A Fedora whose `/boot` is a partition of its own, with a damaged configuration, beside an ESP.
fn make_disk(dir: &TempDir, entry: &str) -> Image {
    let grub = "set default=0\nmenuentry gone { linux /vmlinuz-gone; }\n";
    dir.file("boot/grub2/grub.cfg", grub.as_bytes());
    for version in ["6.9.4-200.fc40.x86_64", "6.10.1-200.fc40.x86_64"] {
        dir.file(&format!("boot/vmlinuz-{version}"), &kernel(version));
        dir.file(&format!("boot/initramfs-{version}.img"), b"initrd");
    }
    dir.file("boot/vmlinuz-0-rescue-1", &kernel("6.9.4-200.fc40.x86_64"));
    dir.file("boot/initramfs-0-rescue-1.img", b"initrd");
    dir.file("boot/initramfs-6.10.1-200.fc40.x86_64kdump.img", b"initrd");
    let release = b"NAME=\"Fedora Linux\"\nPRETTY_NAME=\"Fedora Linux 40\"\n";
    dir.file("root/usr/lib/os-release", release);
    let fstab = format!("UUID={ROOT} / ext4 defaults 1 1\nUUID={BOOT} /boot ext4 defaults 1 2\n");
    dir.file("root/etc/fstab", fstab.as_bytes());
    let default = b"GRUB_CMDLINE_LINUX=\"rhgb quiet\"\nGRUB_DISABLE_RECOVERY=true\n";
    dir.file("root/etc/default/grub", default);
    let esp = dir.image("esp.img", 4 * MIB);
    run_line("mkfs.vfat -F 12 {}", &esp);
    dir.file("esp/loader/entries/a.conf", entry.as_bytes());
    dir.file("esp/linux", &kernel("6.12"));
    for name in ["loader", "linux"] {
        copy_in(&esp, &dir.path().join("esp").join(name), "");
    }
    let boot = ext4(dir, "boot", BOOT, 8 * MIB);
    let root = ext4(dir, "root", ROOT, 8 * MIB);
    let disk = dir.image("disk.raw", 24 * MIB);
    let table = "label: gpt\nsize=4MiB, type=U\nsize=8MiB\nsize=8MiB\n";
    run_with_input("sfdisk", ["--quiet", disk.path()], table);
    disk.insert(MIB, &esp);
    disk.insert(5 * MIB, &boot);
    disk.insert(13 * MIB, &root);
    disk
}

fn pilotlight(arguments: &[&str], disk: &Image) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pilotlight"))
        .args(arguments)
        .arg(disk.as_ref() as &Path)
        .output()
        .unwrap()
}

/// Source, title and command line of each entry that can be booted.
fn list(disk: &Image) -> Vec<String> {
    let output = pilotlight(&["list", "--json"], disk);
    let view: Value = serde_json::from_slice(&output.stdout).unwrap();
    let entries = view["entries"].as_array().unwrap().iter();
    let bootable = entries.filter(|entry| entry["bootable"] == true);
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    bootable
        .map(|entry| {
            let initrd = entry["initrd"][0]["path"].as_str().unwrap_or_default();
            let (source, title) = (text(entry, "source"), text(entry, "title"));
            format!("{source} {title}: {} {initrd}", text(entry, "cmdline"))
        })
        .collect()
}

#[test]
fn a_system_whose_configuration_is_lost() {
    let dir = temp_dir();
    let disk = make_disk(&dir, "linux /gone\n");
    let line = format!("root=UUID={ROOT} ro rhgb quiet");
    assert_eq!(
        list(&disk),
        [
            format!(
                "guess Fedora Linux 40, Linux 6.10.1-200.fc40.x86_64 (guessed): {line} /initramfs-6.10.1-200.fc40.x86_64.img"
            ),
            format!(
                "guess Fedora Linux 40, Linux 6.9.4-200.fc40.x86_64 (guessed): {line} /initramfs-6.9.4-200.fc40.x86_64.img"
            ),
            format!(
                "guess Fedora Linux 40, Linux 6.9.4-200.fc40.x86_64, rescue (guessed): {line} /initramfs-0-rescue-1.img"
            ),
        ]
    );
    // Nobody starts it by accident; who names it gets it.
    let output = pilotlight(&["boot", "--dry-run"], &disk);
    assert_eq!(output.status.code(), Some(3));
    let id = "guess-vmlinuz-6.10.1-200.fc40.x86_64";
    let output = pilotlight(&["boot", "--dry-run", "--entry", id], &disk);
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("rhgb quiet"), "{printed}");
}

#[test]
fn a_system_that_has_a_configuration_is_not_guessed_at() {
    for options in [
        format!("root=UUID={ROOT} ro"),
        "root=/dev/sda3".to_owned(),
        String::new(),
    ] {
        let dir = temp_dir();
        let disk = make_disk(&dir, &format!("title A\nlinux /linux\noptions {options}\n"));
        assert_eq!(list(&disk), [format!("bls A: {options} ")]);
    }
    let dir = temp_dir();
    let disk = make_disk(&dir, "title A\nlinux /linux\noptions root=UUID=another\n");
    assert_eq!(list(&disk).len(), 4, "another system's entry");
}

/// openSUSE has kernels with their modules, and links to them in `/boot`; so it may be with initrds.
#[test]
fn links_to_kernels_elsewhere_are_kernels() {
    let dir = temp_dir();
    for version in ["6.9.1-1-default", "6.9.3-1-default"] {
        let modules = format!("root/usr/lib/modules/{version}");
        dir.file(&format!("{modules}/vmlinuz"), &kernel(version));
        dir.file(&format!("{modules}/initrd"), b"initrd");
    }
    let release = b"PRETTY_NAME=\"openSUSE Tumbleweed\"\n";
    dir.file("root/usr/lib/os-release", release);
    let fstab = format!("UUID={ROOT} / ext4 defaults 0 1\n");
    dir.file("root/etc/fstab", fstab.as_bytes());
    let boot = dir.path().join("root/boot");
    std::fs::create_dir(&boot).unwrap();
    for (name, target) in [
        (
            "vmlinuz-6.9.1-1-default",
            "../usr/lib/modules/6.9.1-1-default/vmlinuz",
        ),
        (
            "vmlinuz-6.9.3-1-default",
            "../usr/lib/modules/6.9.3-1-default/vmlinuz",
        ),
        (
            "vmlinuz-6.9.2-1-default",
            "../usr/lib/modules/6.9.2-1-default/vmlinuz",
        ),
        ("vmlinuz", "vmlinuz-6.9.3-1-default"),
        // By the names that come first, but they lead to no file.
        ("initrd.img-6.9.3-1-default", "gone"),
        ("initramfs-6.9.1-1-default.img", "../usr"),
        (
            "initrd-6.9.3-1-default",
            "../usr/lib/modules/6.9.3-1-default/initrd",
        ),
        (
            "initrd-6.9.1-1-default",
            "../usr/lib/modules/6.9.1-1-default/initrd",
        ),
    ] {
        symlink(target, boot.join(name)).unwrap();
    }
    let line = format!("root=UUID={ROOT} ro");
    let entry = |version: &str| {
        let title = format!("openSUSE Tumbleweed, Linux {version} (guessed)");
        format!("guess {title}: {line} /boot/initrd-{version}")
    };
    let expected = ["6.9.3-1-default", "6.9.1-1-default"].map(entry);
    assert_eq!(list(&ext4(&dir, "root", ROOT, 8 * MIB)), expected);
}
