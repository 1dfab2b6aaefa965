//! A live medium with Debian's live-boot, as an optical medium and as a stick.

use super::BOOT;
use super::disk::Image;
use super::machine::Machine;

/// Starts it up to where live-boot has mounted the file with its root, which is on the medium.
fn starts_live(name: &str, place: &str, device: &[&str]) {
    let medium = Image::live(name);
    let mut machine = Machine::set_up(name)
        .drive(&medium)
        .arguments(device)
        .start();
    let booting = format!("booting Live system (amd64) from {place}: /boot/grub/grub.cfg");
    machine.expect(&booting, BOOT);
    machine.expect("jumping", BOOT);
    machine.expect("boot=live components", BOOT);
    let root = "Mounting \"/run/live/medium/live/filesystem.squashfs\"";
    machine.expect(root, BOOT);
    machine.expect("Running /scripts/live-bottom ... done.", BOOT);
    machine.finish();
}

#[test]
fn a_live_medium() {
    let device = ["-device", "ide-cd,drive=disk,bus=ide.1"];
    starts_live("live-cd", "/dev/sr0", &device);
}

/// The same bytes with sectors of 512 bytes, and with a table of partitions that GRUB put there.
#[test]
fn a_live_medium_on_a_stick() {
    let device = ["-device", "qemu-xhci", "-device", "usb-storage,drive=disk"];
    starts_live("live-usb", "/dev/sda", &device);
}
