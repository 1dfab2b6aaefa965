//! Commands that are not carried out, or by halves, and what is said of them.

use super::{KERNELS, listed, problems};
use crate::config::grub::{Platform, execute_scripts};
use crate::fs::MemoryFilesystem;
use crate::inventory::Inventory;

/// What a script prints on a disk with a file `/k`.
fn printed(script: &str) -> String {
    let mut inventory = Inventory::new();
    let filesystem = MemoryFilesystem::new().file("/k", "kernel");
    inventory.add_filesystem("abc", Box::new(filesystem));
    let script = format!("root=hd0,gpt2\n{script}\n");
    execute_scripts(&inventory, Platform::Efi, &[script]).remove(0)
}

#[test]
fn what_is_known_and_not_done() {
    for (command, expected) in [
        ("lsefi", "0\n"),
        ("version", "0\n"),
        ("efitextmode max", "0\n"),
        ("net_ls_cards", "0\n"),
        ("xnu_kext x", "0\n"),
        ("keystatus --shift", "1\n"),
        ("hwmatch /gfxblacklist.txt 3", "1\n"),
        (
            "getenv x",
            "error: the command `getenv' is not supported.\n24\n",
        ),
        (
            "cryptomount -u abc",
            "error: `cryptomount': encrypted disks can't be opened.\n24\n",
        ),
        (
            "net_dhcp",
            "error: `net_dhcp': networks are not used.\n36\n",
        ),
        ("nonsense", "error: can't find command `nonsense'.\n0\n"),
        ("read --silent x", "0\n"),
        (
            "search --cryptodisk-only --fs-uuid abc",
            "error: no such device: abc.\n5\n",
        ),
        ("search --efidisk-only --set=x --fs-uuid abc", "0\n"),
    ] {
        assert_eq!(
            printed(&format!("{command}; echo $?")),
            expected,
            "{command}"
        );
    }
}

#[test]
fn what_is_lost_is_said() {
    let found = listed("wrmsr 1 2\nbadram 0x1000,0xffff\n", &KERNELS);
    let name = "(hd0,gpt2)/boot/grub/grub.cfg";
    assert_eq!(
        found.problems,
        [
            format!("{name}, line 1, column 1: `wrmsr' is not carried out"),
            format!("{name}, line 2, column 1: `badram' is not carried out"),
        ]
    );
}

#[test]
fn devices_that_are_not_here_say_why() {
    for (device, reason) in [
        (
            "memdisk",
            "is inside of GRUB's own program, which is not started here",
        ),
        (
            "cryptouuid/12ab",
            "is encrypted, and encrypted disks can't be opened",
        ),
        (
            "crypto0",
            "is encrypted, and encrypted disks can't be opened",
        ),
        (
            "http,10.0.0.1",
            "is on a network, and networks are not used",
        ),
        ("tftp", "is on a network, and networks are not used"),
        ("cryptic", "not found"),
        ("hd9", "not found"),
    ] {
        // What stands behind the comma is a partition, or a server.
        let disk = device.split(',').next().unwrap();
        let expected = format!("error: disk `{disk}' {reason}.\n");
        assert_eq!(printed(&format!("cat ({device})/x")), expected);
    }
}

#[test]
fn time_executes_a_command() {
    assert_eq!(printed("time time set x=1; echo $x"), "1\n");
    assert_eq!(printed("time test a = b; echo $?"), "1\n");
    let many = "time ".repeat(10_000);
    assert_eq!(printed(&format!("{many} echo deep")), "deep\n");
    let found = listed("menuentry a { time linux /k1 x; }\n", &KERNELS);
    assert!(found.entries[0].bootable());
    assert_eq!(found.entries[0].cmdline, "BOOT_IMAGE=/k1 x");
}

#[test]
fn signatures_that_are_not_checked() {
    let entries = "menuentry a { linux /k1; }\n";
    let found = listed(&format!("check_signatures=enforce\n{entries}"), &KERNELS);
    let entry = &found.entries[0];
    assert!(entry.bootable());
    assert_eq!(
        problems(entry),
        [
            "(hd0,gpt2)/boot/grub/grub.cfg, line 2, column 15: `check_signatures' is `enforce': the \
             signatures that GRUB would check are not checked"
        ]
    );
    let found = listed(&format!("check_signatures=no\n{entries}"), &KERNELS);
    assert_eq!(found.entries[0].problems, []);
}
