//! What an entry of a menu becomes.

use super::{KERNELS, listed, listed_bytes, problems, summary};
use crate::entry::{BootEntry, PayloadKind};

#[test]
fn an_entry_with_all_its_files() {
    let config = "search --set=root --fs-uuid ABC-DEF\n\
                  menuentry 'Debian' --class debian --id deb {\n\
                  \techo 'Loading Linux ...'\n\
                  \tlinux /k1 root=UUID=x ro  quiet \"a b\"\n\
                  \tinitrd /i /k2\n}\n";
    let found = listed(config, &KERNELS);
    assert_eq!(found.problems, [""; 0]);
    let entry = &found.entries[0];
    assert_eq!((entry.id.as_str(), entry.title.as_str()), ("deb", "Debian"));
    assert_eq!(entry.cmdline, "BOOT_IMAGE=/k1 root=UUID=x ro quiet \"a b\"");
    assert_eq!(entry.kernel.as_ref().unwrap().path.as_str(), "/k1");
    let initrds: Vec<&str> = entry.initrd.iter().map(|f| f.file.path.as_str()).collect();
    assert_eq!(initrds, ["/i", "/k2"]);
    assert_eq!(entry.origin.line, Some(2));
    assert!(entry.default && entry.bootable());
}

/// Bytes of older systems: a title is shown and chosen, and what would be another file or option is not started.
#[test]
fn latin_1() {
    let config = b"set default='Caf\xe9'\nmenuentry A { linux /k1 \xfc; }\nmenuentry 'Caf\xe9' { linux /k1; }\n\
                   menuentry C { linux /k1\xe9; }\n";
    let found = listed_bytes(config, &KERNELS);
    assert_eq!(
        summary(&found),
        [
            "A [] BOOT_IMAGE=/k1 \u{fffd}",
            "*Caf\u{fffd} [] BOOT_IMAGE=/k1",
            "C [] BOOT_IMAGE=/k1\u{fffd}",
        ]
    );
    let damaged = "its command line is not UTF-8 text: the configuration is damaged";
    assert_eq!(problems(&found.entries[0]), [damaged]);
    assert!(found.entries[1].bootable());
    assert!(problems(&found.entries[2]).contains(&damaged));
}

#[test]
fn bodies_are_lazy_and_change_nothing() {
    let config = "n=1\nmenuentry A { linux /k1 $n; n=2; export n; }\n\
                  menuentry B { linux /k1 $n; }\nn=3\n\
                  function f { linux /k2 in $1; }\nmenuentry C { f x; }\n";
    let found = listed(config, &KERNELS);
    assert_eq!(
        summary(&found),
        [
            "*A [] BOOT_IMAGE=/k1 3",
            "B [] BOOT_IMAGE=/k1 3",
            "C [] BOOT_IMAGE=/k2 in x",
        ]
    );
}

#[test]
fn what_can_not_be_started_says_why() {
    let config = "menuentry gone { linux /gone; initrd /i; }\n\
                  menuentry device { linux (hd7,gpt1)/k1; }\n\
                  menuentry firmware { fwsetup; }\n\
                  menuentry nothing { true; }\n\
                  submenu empty { true; }\n\
                  menuentry windows { chainloader /i; }\n\
                  menuentry bios { chainloader (hd0)+1; }\n\
                  menuentry xen { multiboot2 /k1 a; module2 /k2 b; }\n\
                  menuentry odd { linux /k1; frobnicate; }\n\
                  menuentry endless { while true; do true; done; }\n";
    let found = listed(config, &KERNELS);
    let all: Vec<(bool, Vec<&str>)> = found
        .entries
        .iter()
        .map(|entry| (entry.bootable(), problems(entry)))
        .collect();
    let name = "(hd0,gpt2)/boot/grub/grub.cfg";
    assert_eq!(
        all,
        [
            (false, vec!["file `/gone' not found"]),
            (false, vec!["(hd7,gpt1)/k1: disk `hd7' not found"]),
            (false, vec!["it starts no system: `fwsetup'"]),
            (false, vec!["it starts nothing"]),
            (false, vec!["this menu has no entries"]),
            (false, vec!["it is no EFI program: no PE headers"]),
            (
                false,
                vec!["(hd0)+1 is the boot sector of another system: only a BIOS starts that"]
            ),
            (
                false,
                vec!["Multiboot kernels can't be started yet: kexec starts Linux kernels only"]
            ),
            (
                true,
                vec![
                    format!("{name}, line 9, column 28: can't find command `frobnicate'").as_str()
                ]
            ),
            (
                false,
                vec!["its evaluation was ended: it takes more than 100000 steps"]
            ),
        ]
    );
    let xen = &found.entries[7];
    assert_eq!(xen.kind, PayloadKind::Multiboot2);
    assert_eq!(xen.modules[0].file.path.as_str(), "/k2");
    assert_eq!(
        (xen.cmdline.as_str(), xen.modules[0].cmdline.as_str()),
        ("a", "b")
    );
}

#[test]
fn what_is_missing_keeps_an_entry_from_being_started() {
    for body in [
        "linux /k1; initrd $nothing",
        "initrd /i; linux /k1",
        "linux /k1; initrd /i /gone",
        "linux /k1; halt",
        "linux /k1; initrd /i; exit",
    ] {
        let found = listed(&format!("menuentry A {{ {body}; }}\n"), &KERNELS);
        assert!(!found.entries[0].bootable(), "{body}");
    }
}

#[test]
fn commands_that_are_not_done_say_so() {
    let config = "menuentry A { if cmostest 1:2; then linux /k2; else linux /k1; fi; }\n\
                  menuentry B { acpi /x; linux /k1; }\n\
                  menuentry C { if verify_detached /k1 /x; then linux /k1; fi; }\n";
    let found = listed(config, &KERNELS);
    let notes: Vec<(&str, bool, usize)> = found
        .entries
        .iter()
        .map(|e| (e.cmdline.as_str(), e.bootable(), e.problems.len()))
        .collect();
    assert_eq!(
        notes,
        [
            ("BOOT_IMAGE=/k1", true, 1),
            ("BOOT_IMAGE=/k1", true, 1),
            ("", false, 2),
        ]
    );
}

#[test]
fn passwords_keep_entries_from_being_started() {
    let config = "set superusers=root\npassword_pbkdf2 root x\n\
                  menuentry A { linux /k1; }\nmenuentry B --unrestricted { linux /k1; }\n\
                  menuentry C --users anna { linux /k1; }\n";
    let found = listed(config, &KERNELS);
    let bootable: Vec<bool> = found.entries.iter().map(BootEntry::bootable).collect();
    assert_eq!(bootable, [false, true, false]);
    assert_eq!(
        problems(&found.entries[2]),
        ["GRUB starts it only for root, anna, with a password"]
    );
    for config in [
        "set superusers=root\nmenuentry A { set superusers=; unset superusers; linux /k1; }\n",
        "set superusers=\nmenuentry A { linux /k1; }\n",
        "set superusers=root\nexport superusers\n\
         submenu S { menuentry A --unrestricted { linux /k1; }; }\n",
    ] {
        let found = listed(config, &KERNELS);
        assert!(!found.entries[0].bootable(), "{config}");
    }
}

#[test]
fn device_trees() {
    let config = "menuentry A { devicetree /i /k2; linux /k1; }\n\
                  menuentry B { linux /k1; devicetree /i; devicetree; }\n\
                  menuentry C { linux /k1; devicetree /gone; }\n\
                  menuentry D { linux ''; }\n";
    let found = listed(config, &KERNELS);
    let trees: Vec<Option<&str>> = found
        .entries
        .iter()
        .map(|entry| entry.devicetree.as_ref().map(|file| file.path.as_str()))
        .collect();
    assert_eq!(trees, [Some("/i"), None, Some("/gone"), None]);
    assert_eq!(problems(&found.entries[2]), ["file `/gone' not found"]);
    assert_eq!(problems(&found.entries[3]), ["invalid file name `'"]);
}
