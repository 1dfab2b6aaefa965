//! What a policy wants of disks and entries, on machines.

use super::BOOT;
use super::disk::Image;
use super::machine::Machine;

#[test]
fn what_is_refused_is_not_booted() {
    const POLICY: &str = "[wait]\ndisks = 5\nsettle = 1\n\
                          [[boot.refuse]]\nremovable = true\n\
                          [failure]\nthen = \"poweroff\"\npause = 1\n";
    let image = Image::overlay("refused", "esp");
    let mut machine = Machine::set_up("refused")
        .policy(POLICY)
        .drive(&image)
        .arguments(&["-device", "qemu-xhci", "-device", "usb-storage,drive=disk"])
        .start();
    machine.expect("can't be booted, line 4 of the policy refuses it", BOOT);
    machine.expect("nothing could be booted within 5 s", BOOT);
    machine.expect("power off in 1 s", BOOT);
    machine.expect_end(BOOT);
    assert!(!machine.transcript().contains("trying Debian"));
}

#[test]
fn a_disk_that_is_wanted_is_waited_for() {
    const POLICY: &str = "[wait]\nsettle = 2\n[[wait.wanted]]\ntransport = \"virtio\"\n\
                          [[wait.wanted]]\ndisk = \"second\"\n";
    let image = Image::overlay("wanted", "esp");
    let mut machine = Machine::set_up("wanted")
        .policy(POLICY)
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect(
        "waiting for the disks that the policy wants, 2 s left",
        BOOT,
    );
    machine.expect(
        "the disk of line 5 of the policy is not there: starting without it",
        BOOT,
    );
    machine.expect("booting Debian", BOOT);
    machine.finish();
}

#[test]
fn who_starts_a_machine_sets_what_the_policy_lets_be_set() {
    const POLICY: &str = "[override]\nallow = [\"fw_cfg\"]\n[wait]\ndisks = 3600\n\
                          [failure]\nthen = \"retry\"\npause = 1\n";
    let set = |key: &str, value: &str| format!("name=opt/org.pilotlight/{key},string={value}");
    let values = [
        set("wait.disks", "2"),
        set("failure.then", "poweroff"),
        set("failure.finally", "shell"),
    ];
    let [disks, then, finally] = values.each_ref().map(String::as_str);
    let mut machine = Machine::set_up("fw-cfg")
        .policy(POLICY)
        .arguments(&["-fw_cfg", disks, "-fw_cfg", then, "-fw_cfg", finally])
        .start();
    machine.expect("policy: failure.then is set by fw_cfg", BOOT);
    machine.expect(
        "policy: passed over: fw_cfg: failure.finally: \"shell\" is none of reboot, poweroff",
        BOOT,
    );
    machine.expect("nothing could be booted within 2 s", BOOT);
    machine.expect("power off in 1 s", BOOT);
    machine.expect_end(BOOT);
}
