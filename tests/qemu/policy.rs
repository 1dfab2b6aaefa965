//! What a policy wants of disks and entries, on machines.

use super::disk::{Files, Image};
use super::machine::Machine;
use super::{BOOT, damaged_kernel};

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

/// Nothing can be booted, and each attempt is made twice. In the first round nobody is here, in the second one somebody
/// who does not know the password at once, and who then forgets it.
#[test]
fn failures_end_in_a_shell_and_the_menu_gives_one_for_a_password() {
    // `printf 'correct horse' | argon2 pilotlight-salt -id -t 2 -k 256 -p 2 -l 32 -e`
    const POLICY: &str = "[override]\nallow = [\"cmdline\", \"file\"]\nvolume = \"SETTINGS\"\n\
                          path = \"/pilotlight.conf\"\n[wait]\ndisks = 5\nsettle = 0\n\
                          [failure]\nattempts = 2\nbetween = 2\nthen = \"shell\"\npause = 1\n\
                          [menu]\nplain = true\nidle = 15\nshell = \"password\"\nattempts = 3\n\
                          password = \"$argon2id$v=19$m=256,t=2,p=2$cGlsb3RsaWdodC1zYWx0\
                          $nASahXeyghHJgUAQ/LgDN2YjmN2bgEDfYLnTsEktWBI\"\n";
    let entry = |title: &str| format!("title {title}\nlinux /loader/broken.efi\n").into_bytes();
    let settings = b"boot.default = second*\nfailure.rounds = 1\n".to_vec();
    let disk = Image::of_files(
        "password",
        &Files::from([
            ("/loader/broken.efi".to_owned(), damaged_kernel()),
            ("/loader/entries/first.conf".to_owned(), entry("first")),
            ("/loader/entries/second.conf".to_owned(), entry("second")),
            ("/pilotlight.conf".to_owned(), settings),
        ]),
    );
    disk.label("SETTINGS");
    let mut machine = Machine::set_up("password")
        .policy_and_shell(POLICY)
        .drive(&disk)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .arguments(&[
            "-append",
            "pilotlight.menu.timeout=3 pilotlight.menu.edit=yes",
        ])
        .arguments(&["-fw_cfg", "name=opt/org.pilotlight/wait.disks,string=1"])
        .start();
    for text in [
        "policy: menu.timeout is set by cmdline",
        "policy: passed over: cmdline: menu.edit is nothing that can be set from there",
        "policy: boot.default is set by file",
        "policy: passed over: file: failure.rounds is nothing that file may set",
        "trying second from",
        "the kernel in it can't be unpacked",
        "attempt 2 of 2 follows",
        "trying second from",
        "trying first from",
        "attempt 2 of 2 follows",
        "trying first from",
        "nothing could be booted within 5 s",
        "shell in 1 s",
        "shell: not measured: no TPM",
        "a shell as policy says",
        "# ",
    ] {
        machine.expect(text, BOOT);
    }
    let said = machine.shell("cat /run/pilotlight/measured");
    assert_eq!(said.matches("shell: not measured: no TPM").count(), 1);
    // What machines are told is in the log of this kernel.
    let said = machine.shell("dmesg | grep -F 'pilotlight: {\"pilotlight\":1,'");
    for (event, count) in [
        ("started", 1),
        ("override", 2),
        ("failed", 4),
        ("ending", 1),
    ] {
        let found = said.matches(&format!("\"event\":\"{event}\"")).count();
        assert_eq!(found, count, "{event} in\n{said}");
    }
    let measured = "\"event\":\"measured\",\"what\":\"shell: not measured: no TPM (neither";
    assert!(said.contains(measured), "{said}");
    let said = machine.shell("/init policy");
    for line in [
        "wait.disks        line 6    5",
        "menu.timeout      cmdline   3",
        "source cmdline: sets menu.timeout",
        "source file: not asked by this command",
        "source fw_cfg: not listened to",
        "passed over: cmdline: menu.edit is nothing",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    machine.type_line("exit");

    machine.until("Password: ", BOOT, |machine| machine.press("c"));
    machine.press("\x15wrong\r");
    machine.expect("this is not the password", BOOT);
    machine.expect("The next password is taken within 5 s", BOOT);
    machine.expect("Password: ", BOOT);
    machine.press("correct\r");
    machine.expect("The next password is taken within 5 s", BOOT);
    machine.expect("Password: ", BOOT);
    machine.press("correct horse\r");
    machine.expect("# ", BOOT);
    let said = machine.shell("cat /run/pilotlight/measured");
    assert_eq!(said.matches("shell: not measured: no TPM").count(), 2);
    machine.type_line("exit");
    machine.expect("second", BOOT);
    machine.press("a");
    machine.expect(
        "TPM: there is none that ACPI tells of or the flash kernel",
        BOOT,
    );
    for _ in 0..2 {
        machine.expect("shell: not measured: no TPM", BOOT);
    }
    machine.press("\x1b[D");

    machine.expect("nobody has pressed a key for long", BOOT);
    machine.until("Password: ", BOOT, |machine| machine.press("c"));
    machine.press("\x15wrong\r");
    for _ in 0..2 {
        machine.expect("taken within 5 s", BOOT);
        machine.expect("Password: ", BOOT);
        machine.press("wrong\r");
    }
    machine.expect("this is not the password", BOOT);
    machine.press("c");
    machine.expect("no more passwords are taken", BOOT);
    machine.finish();
}
