//! Whole boots in QEMU: flash kernel, Pilotlight, an installed Debian, and its login prompt.
//!
//! `make qemu-test` builds what is needed and names it in `PILOTLIGHT_KERNEL`, `PILOTLIGHT_FLASH`,
//! `PILOTLIGHT_LOCKED`, `PILOTLIGHT_UEFI_KERNEL`, `PILOTLIGHT_COREBOOT_KERNEL`, `PILOTLIGHT_DISKS`,
//! `PILOTLIGHT_LIVE` and `PILOTLIGHT_NEWER_KERNEL`.

// Here a panic is a failed test.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    unreachable_pub
)]

mod bmc;
mod coreboot;
mod disk;
mod environment;
mod faults;
mod flash;
mod handover;
mod interface;
mod killed;
mod leaving;
mod live;
mod locked;
mod machine;
mod menu;
mod new_board;
mod pci;
mod platform;
mod policy;
mod power;
mod progress;
mod recording;
mod report;
mod resets;
mod signed;
mod silence;
mod stand_in;
mod stores;
mod stub;
mod terminal;
mod tpm;
mod trust;
mod uefi;
mod watchdogs;

use std::time::Duration;

use disk::{Files, Image, Variables};
use interface::bootctl_shows;
use machine::Machine;

/// How long a boot may take before it counts as stuck: emulated machines are slow, and two of them
/// share this one.
const BOOT: Duration = Duration::from_secs(400);

/// The root filesystem of the demo system, as its command line names it.
const ROOT: &str = "root=UUID=7069f1e0-0000-4000-8000-000000000001 ro";

/// From the choice of an entry to a shell in the booted system, whose command line is returned.
fn boots(machine: &mut Machine) -> String {
    machine.expect("booting Debian", BOOT);
    machine.expect("jumping", BOOT);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains(ROOT), "{cmdline}");
    cmdline
}

/// Boots the demo system from `image`, attached as these arguments of QEMU say.
fn boots_from(name: &str, image: &Image, device: &[&str]) -> String {
    let setup = Machine::set_up(name).drive(image).arguments(device);
    let mut machine = setup.without_services().start();
    let cmdline = boots(&mut machine);
    machine.finish();
    cmdline
}

#[test]
fn virtio_disk() {
    let image = Image::overlay("virtio", "esp");
    let mut machine = Machine::set_up("virtio")
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    boots(&mut machine);
    // The hashes that the log names are those of the files that the booted system sees.
    let log = machine.transcript();
    let hashes: Vec<&str> = log
        .split("sha256 ")
        .skip(1)
        .filter_map(|rest| rest.get(..64))
        .collect();
    assert_eq!(hashes.len(), 2, "kernel and initrd");
    let files = machine.shell("sha256sum /boot/vmlinuz-* /boot/initrd.img-*");
    for hash in hashes {
        assert!(files.contains(hash), "{hash} is not among\n{files}");
    }
    machine.finish();
}

#[test]
fn nvme_disk() {
    let image = Image::overlay("nvme", "esp");
    boots_from("nvme", &image, &["-device", "nvme,drive=disk,serial=pilot"]);
}

#[test]
fn ahci_disk() {
    let image = Image::overlay("ahci", "esp");
    boots_from("ahci", &image, &["-device", "ide-hd,drive=disk,bus=ide.0"]);
}

#[test]
fn usb_disk() {
    let image = Image::overlay("usb", "esp");
    let device = ["-device", "qemu-xhci", "-device", "usb-storage,drive=disk"];
    boots_from("usb", &image, &device);
}

#[test]
fn entries_on_xbootldr() {
    let image = Image::overlay("xbootldr", "xbootldr");
    boots_from(
        "xbootldr",
        &image,
        &["-device", "virtio-blk-pci,drive=disk"],
    );
}

#[test]
fn unified_kernel_image_behind_one_with_a_wrong_hash() {
    let image = Image::overlay("uki", "uki");
    let mut machine = Machine::set_up("uki")
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .without_services()
        .start();
    machine.expect(
        "/EFI/Linux/debian-3.efi: can't be booted, its section .initrd ends",
        BOOT,
    );
    machine.expect("/EFI/kernel.efi does not have the SHA-256 that", BOOT);
    machine.expect("from /dev/vda partition 1: /EFI/Linux/debian-1.efi", BOOT);
    machine.expect("jumping", BOOT);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains(ROOT), "{cmdline}");
    machine.finish();
}

#[test]
fn grub_on_efi() {
    let image = Image::overlay("grub", "grub");
    let cmdline = boots_from("grub", &image, &["-device", "virtio-blk-pci,drive=disk"]);
    assert!(cmdline.contains("BOOT_IMAGE=/boot/vmlinuz-"), "{cmdline}");
}

#[test]
fn grub_with_a_boot_of_its_own() {
    let image = Image::overlay("grub-boot", "grub-boot");
    let cmdline = boots_from(
        "grub-boot",
        &image,
        &["-device", "virtio-blk-pci,drive=disk"],
    );
    assert!(cmdline.contains("BOOT_IMAGE=/vmlinuz-"), "{cmdline}");
}

#[test]
fn grub_for_a_bios() {
    let image = Image::overlay("grub-mbr", "grub-mbr");
    let cmdline = boots_from(
        "grub-mbr",
        &image,
        &["-device", "ide-hd,drive=disk,bus=ide.0"],
    );
    assert!(cmdline.contains("BOOT_IMAGE=/boot/vmlinuz-"), "{cmdline}");
}

#[test]
fn grub_with_boot_in_a_volume_group_on_half_a_mirror() {
    let image = Image::overlay("grub-lvm", "grub-lvm");
    let mut machine = Machine::set_up("grub-lvm")
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .without_services()
        .start();
    machine.expect("md/boot: LVM2_member", BOOT);
    machine.expect("lvm/demo-boot: ext4", BOOT);
    machine.expect("md/boot: 1 of 2 members are missing", BOOT);
    machine.expect("from lvm/demo-boot: /grub/grub.cfg", BOOT);
    machine.expect("variables are not saved: it is on a logical volume", BOOT);
    machine.expect("jumping", BOOT);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    let expected = "BOOT_IMAGE=(lvm/demo-boot)/vmlinuz-";
    assert!(
        cmdline.contains(expected) && cmdline.contains(ROOT),
        "{cmdline}"
    );
    machine.finish();
}

/// With UEFI variables, by which the system knows where it came from.
#[test]
fn extlinux() {
    let image = Image::overlay("extlinux", "extlinux");
    let variables = Variables::new("extlinux");
    let mut machine = Machine::set_up("extlinux")
        .firmware(&variables)
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .without_services()
        .start();
    let cmdline = boots(&mut machine);
    assert!(cmdline.contains("BOOT_IMAGE=../vmlinuz-"), "{cmdline}");
    assert!(cmdline.contains(" initrd=../initrd.img-"), "{cmdline}");
    machine.shell("mount /dev/vda1 /boot/efi");
    let list = bootctl_shows(&mut machine, "debian");
    assert!(list.contains("(selected) (reported/absent)"), "{list}");
    machine.finish();
}

/// The menu of `pxelinux.cfg/default`, whose first entry asks for the language.
#[test]
fn installer_for_the_network() {
    let image = Image::with_installer("installer");
    let device = ["-device", "virtio-blk-pci,drive=disk"];
    let mut machine = Machine::set_up("installer")
        .drive(&image)
        .arguments(&device)
        .start();
    machine.expect("booting Install", BOOT);
    machine.expect("jumping", BOOT);
    machine.expect("Select a language", BOOT);
    machine.expect("English", BOOT);
    machine.finish();
}

#[test]
fn grub_reboot_counts_once() {
    let image = Image::copy("grub-reboot", "grub");
    let start = |name| {
        let machine = Machine::set_up(name).drive(&image);
        let device = ["-device", "virtio-blk-pci,drive=disk"];
        machine.arguments(&device).without_services().start()
    };
    let mut machine = start("grub-reboot-1");
    boots(&mut machine);
    assert!(!machine.transcript().contains("writing "));
    machine.shell("mount -o remount,rw / && grub-reboot '1>0' && sync");
    machine.type_line("poweroff");
    machine.expect_end(BOOT);

    let mut machine = start("grub-reboot-2");
    machine.expect("booting Debian GNU/Linux, with Linux", BOOT);
    machine.expect(
        "writing next_entry to /dev/vda partition 2: /boot/grub/grubenv",
        BOOT,
    );
    machine.expect("jumping", BOOT);
    machine.log_in();
    let variables = machine.shell("grub-editenv list");
    // The shell begins its output with a word to the terminal.
    let is_empty = |line: &str| line.trim().ends_with("next_entry=");
    assert!(variables.lines().any(is_empty), "{variables}");
    machine.finish();

    let mut machine = start("grub-reboot-3");
    machine.expect("booting Debian GNU/Linux from", BOOT);
    machine.expect("jumping", BOOT);
    assert!(!machine.transcript().contains("writing "));
    machine.finish();
}

#[test]
fn environment_block_on_the_efi_system_partition() {
    let image = Image::copy("grub-fat", "grub");
    // As a GRUB that has its prefix on the ESP.
    let stub = "load_env\nif [ \"${next_entry}\" ]; then\nset chosen=${next_entry}\nset next_entry=\n\
                save_env next_entry\nfi\n\
                search.fs_uuid 7069f1e0-0000-4000-8000-000000000001 root\n\
                set prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n";
    let block = "# GRUB Environment Block\nnext_entry=1>0\nkept=1\n";
    let block = format!("{block}{}", "#".repeat(1024 - block.len()));
    let files = [("grub.cfg", stub.to_owned()), ("grubenv", block)];
    let files = files.map(|(name, content)| (name.to_owned(), content));
    image.add_to_esp("/EFI/debian", &files);
    let mut machine = Machine::set_up("grub-fat")
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect(
        "writing next_entry to /dev/vda partition 1: /EFI/debian/grubenv",
        BOOT,
    );
    machine.expect("jumping", BOOT);
    machine.cut_power();
    let found = environment::read_file(&image, "/EFI/debian/grubenv");
    let left: Vec<(String, String)> = found.iter().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(left, [pair("next_entry", ""), pair("kept", "1")]);
}

#[test]
fn power_cut_while_the_environment_block_is_written() {
    let image = Image::copy("grub-cut", "grub");
    // What is written reaches into the second sector of 512 bytes.
    let long: String = (0..150).map(|number| format!("{number},")).collect();
    let mut old = environment::read(&image);
    old.set("next_entry", Some("1>0")).unwrap();
    old.set("long", Some(&long)).unwrap();
    let mut new = old.clone();
    new.set("next_entry", Some("")).unwrap();
    assert_ne!(old.as_bytes()[512..], new.as_bytes()[512..]);
    for round in 0..4_u64 {
        environment::write(&image, &old);
        let mut machine = Machine::set_up(&format!("grub-cut-{round}"))
            .drive(&image)
            .arguments(&["-device", "virtio-blk-pci,drive=disk"])
            .start();
        machine.expect("writing next_entry to /dev/vda partition 2", BOOT);
        std::thread::sleep(Duration::from_millis(round * round));
        machine.cut_power();
        let found = environment::read(&image);
        let state = if found == old { "old" } else { "new" };
        println!("round {round}: the block is {state}");
        assert!(found == old || found == new, "{found:?}");
    }
}

#[test]
fn sectors_of_4096_bytes() {
    let image = Image::overlay("sector4096", "sector4096");
    let device = "virtio-blk-pci,drive=disk,logical_block_size=4096,physical_block_size=4096";
    boots_from("sector4096", &image, &["-device", device]);
}

#[test]
fn destroyed_primary_gpt() {
    let image = Image::overlay("backup-gpt", "backup-gpt");
    let mut machine = Machine::set_up("backup-gpt")
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .without_services()
        .start();
    machine.expect("the backup GPT at sector 4378623 is used", BOOT);
    let cmdline = boots(&mut machine);
    assert!(cmdline.trim_end().ends_with(" gpt"), "{cmdline}");
    machine.finish();
}

#[test]
fn inline_data_is_read() {
    let image = Image::overlay("inline", "inline");
    let mut machine = Machine::set_up("inline")
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .without_services()
        .start();
    boots(&mut machine);
    machine.finish();
}

/// The root filesystem of the demo system for what is booted from elsewhere.
fn root_drive(root: &Image) -> String {
    let path = root.path.display();
    format!("if=none,id=root,format={},file={path}", root.format)
}

#[test]
fn optical_medium() {
    let medium = Image::overlay("cd", "cd");
    let root = Image::overlay("cd-root", "esp");
    let drive = root_drive(&root);
    let mut machine = Machine::set_up("cd")
        .arguments(&["-drive", &drive, "-device", "virtio-blk-pci,drive=root"])
        .drive(&medium)
        .arguments(&["-device", "ide-cd,drive=disk,bus=ide.1"])
        .without_services()
        .start();
    machine.expect("from /dev/sr0: /loader/entries/", BOOT);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains(ROOT), "{cmdline}");
    let log = machine.transcript();
    assert!(!log.contains("asking the kernel"), "a reader gave up");
    machine.finish();
}

#[test]
fn medium_in_a_file() {
    let medium = Image::with_medium("loopback", "cd");
    let root = Image::overlay("loopback-root", "esp");
    let drive = root_drive(&root);
    let mut machine = Machine::set_up("loopback")
        .drive(&medium)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .arguments(&["-drive", &drive, "-device", "virtio-blk-pci,drive=root"])
        .without_services()
        .start();
    let booting = "booting From a file from /dev/vda: /boot/grub/grub.cfg";
    machine.expect(booting, BOOT);
    machine.expect("jumping", BOOT);
    machine.log_in();
    let cmdline = machine.shell("cat /proc/cmdline");
    assert!(cmdline.contains("BOOT_IMAGE=(loop)/"), "{cmdline}");
    assert!(cmdline.contains(ROOT), "{cmdline}");
    machine.finish();
}

#[test]
fn power_cut_while_ext4_is_written() {
    let image = Image::copy("power-cut", "root");
    let attach = ["-device", "virtio-blk-pci,drive=disk"];
    let mut machine = Machine::set_up("power-cut")
        .drive(&image)
        .arguments(&attach)
        .without_services()
        .start();
    boots(&mut machine);
    machine.shell("mount -o remount,rw /");
    // A newer entry, whose directory block and inode are in the journal and nowhere else yet.
    machine.shell(
        "cd /boot/loader/entries && sed -e 's/^version .*/version 99/' -e 's/^options .*/& newest=1/' \
         debian-*.conf > newest.conf && sync; cd",
    );
    machine.type_line("while :; do date > /boot/a$RANDOM; mv /boot/a* /boot/b; done 2>/dev/null &");
    std::thread::sleep(Duration::from_secs(3));
    machine.cut_power();

    let mut machine = Machine::set_up("power-cut-2")
        .drive(&image)
        .arguments(&attach)
        .without_services()
        .start();
    machine.expect("its journal was left dirty, replayed in memory", BOOT);
    let cmdline = boots(&mut machine);
    assert!(cmdline.contains("newest=1"), "{cmdline}");
    machine.finish();
}

#[test]
fn disk_plugged_in_after_five_seconds() {
    let image = Image::overlay("hot-plug", "esp");
    let mut machine = Machine::set_up("hot-plug")
        .drive(&image)
        .arguments(&["-device", "qemu-xhci,id=usb"])
        .without_services()
        .start();
    machine.expect("waiting for a disk with something that boots", BOOT);
    std::thread::sleep(Duration::from_secs(5));
    machine.monitor("device_add usb-storage,drive=disk,bus=usb.0");
    boots(&mut machine);
    machine.finish();
}

#[test]
fn hundreds_of_bad_entries_before_a_good_one() {
    let image = Image::copy("bad-entries", "esp");
    // One half is known to be bad when it is found, and the other half when it is tried.
    let bad: Vec<(String, String)> = (0..400)
        .map(|number| {
            let kernel = ["entries.srel", "broken.efi"][number % 2];
            let entry = format!("title bogus\nsort-key aaa\nlinux /loader/{kernel}\n");
            (format!("bogus-{number}.conf"), entry)
        })
        .collect();
    image.add_to_esp("/loader/entries", &bad);
    image.add_to_esp("/loader", &[("broken.efi".to_owned(), damaged_kernel())]);
    let mut machine = Machine::set_up("bad-entries")
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .without_services()
        .start();
    // The first ones are told, and how many others there are.
    machine.expect("and 168 more problems, which the menu tells", BOOT);
    machine.expect("booting Debian", BOOT);
    machine.expect(
        "201 entries were tried: of 169 attempts nothing is told",
        BOOT,
    );
    let log = machine.transcript();
    for reason in [
        "can't be booted, it is no x86 Linux kernel: no setup header",
        "the kernel in it can't be unpacked",
    ] {
        assert_eq!(log.matches(reason).count(), 32, "{reason}");
    }
    machine.expect("jumping", BOOT);
    machine.log_in();
    machine.finish();
}

/// Each entry is tried once in a round, and the round is over.
#[test]
fn nothing_but_bad_entries_and_the_rounds_end() {
    let mut files = Files::from([("/loader/broken.efi".to_owned(), damaged_kernel())]);
    for number in 0..200 {
        let entry = "title bogus\nlinux /loader/broken.efi\n";
        let name = format!("/loader/entries/bogus-{number}.conf");
        files.insert(name, entry.into());
    }
    let image = Image::of_files("bad-rounds", &files);
    let policy = "[wait]\ndisks = 5\n[failure]\npause = 1\nrounds = 2\nfinally = \"poweroff\"\n";
    let mut machine = Machine::set_up("bad-rounds")
        .policy(policy)
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    for ending in ["trying again in 1 s", "power off in 1 s"] {
        machine.expect(
            "200 entries were tried: of 168 attempts nothing is told",
            BOOT,
        );
        machine.expect(ending, BOOT);
    }
    machine.expect_end(BOOT);
    let log = machine.transcript();
    let told = log.matches("the kernel in it can't be unpacked").count();
    assert_eq!(told, 2 * 32);
    assert_eq!(log.matches("entries were tried").count(), 2);
}

/// One that unpacks itself, with headers that are right and a content that is not packed at all.
fn damaged_kernel() -> Vec<u8> {
    let mut file = vec![b'x'; 1024];
    file[..0x80].fill(0);
    for (at, bytes) in [
        (0, &b"MZ\0\0zimg\x80\0\0\0\0\x03"[..]),
        (24, b"gzip"),
        (0x3c, b"\x40\0\0\0PE\0\0\x64\x86"),
    ] {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }
    file
}

#[test]
fn a_disk_that_stops_to_answer_beside_a_good_one() {
    let image = Image::overlay("stalls", "esp");
    let bad = Image::overlay("stalls-bad", "esp");
    // What the kernel and the first looks need passes at once, then a byte in a second.
    let drive = format!(
        "if=none,id=bad,format={},file={},throttling.bps-total=1,throttling.bps-total-max=1000000",
        bad.format,
        bad.path.display()
    );
    let mut machine = Machine::set_up("stalls")
        .arguments(&["-drive", &drive, "-device", "virtio-blk-pci,drive=bad"])
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect("no sign of life from the loader while at /dev/vda", BOOT);
    machine.expect("the loader hangs in the kernel while at /dev/vda", BOOT);
    machine.expect("left out: a loader before this one died of it", BOOT);
    machine.expect("booting Debian GNU/Linux 12 (bookworm) from /dev/vdb", BOOT);
    machine.expect("jumping", BOOT);
    // It does not come far with such a disk.
    machine.expect("Linux version", BOOT);
    machine.finish();
}

#[test]
fn no_disk_ends_as_policy_says() {
    let mut machine = Machine::set_up("no-disk").start();
    machine.expect("nothing could be booted within 20 s", BOOT);
    machine.expect("trying again in 3 s", BOOT);
    machine.expect("nothing could be booted within 20 s", BOOT);
    machine.expect("power off in 3 s", BOOT);
    machine.expect_end(BOOT);
}
