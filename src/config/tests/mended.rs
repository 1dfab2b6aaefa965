//! What a person may change of an entry to be rid of what blocks it.

use super::look;
use crate::entry::{BootEntry, Change};

const KERNEL: (&str, &str) = ("/k", "kernel");
const NONE: (&str, &str) = ("/none", "no kernel");

/// What each problem that blocks is of, behind the id of its entry.
fn changes(files: super::Files<'_>) -> Vec<(String, Vec<Option<Change>>)> {
    let found = look(&[files]);
    let of = |entry: &BootEntry| {
        let blocking = entry.problems.iter().filter(|problem| problem.blocks);
        blocking.map(|problem| problem.mended_by).collect()
    };
    let entries = found.entries.iter();
    entries.map(|entry| (entry.id.clone(), of(entry))).collect()
}

#[test]
fn command_lines_and_initrds_can_be_changed_and_kernels_can_not() {
    const CMDLINE: &[Option<Change>] = &[Some(Change::CommandLine)];
    const INITRDS: &[Option<Change>] = &[Some(Change::Initrds)];
    const REST: &[Option<Change>] = &[None];
    let long = "a".repeat(2100);
    for (text, expected) in [
        ("linux /k", &[][..]),
        ("linux /gone", REST),
        ("linux /k\ninitrd /gone", INITRDS),
        ("linux /k\ninitrd /../gone", INITRDS),
        ("linux /k\noptions initrd=/gone", INITRDS),
        ("linux /k\ninitrd $nothing", INITRDS),
        ("linux /k\noptions $nothing", CMDLINE),
        (&format!("linux /k\noptions {long}"), CMDLINE),
        (&format!("linux /k\noptions {long}{long}"), CMDLINE),
        (&format!("linux /none\noptions {long}{long}"), REST),
        (
            &format!("linux /k\ninitrd /gone\noptions {long}"),
            &[Some(Change::Initrds), Some(Change::CommandLine)],
        ),
        (
            "linux /k\ninitrd /gone\narchitecture arm",
            &[Some(Change::Initrds), None],
        ),
    ] {
        let found = changes(&[KERNEL, NONE, ("/loader/entries/a.conf", text)]);
        assert_eq!(found, [("a.conf".to_owned(), expected.to_vec())], "{text}");
    }
    for (text, expected) in [
        ("linux /gone", REST),
        ("linux /k; initrd /gone", INITRDS),
        ("linux /k; initrd /k (hd9)/k", INITRDS),
        ("linux /k; initrd $nothing", INITRDS),
        // There is no kernel yet that could have one.
        ("initrd /k; linux /k", REST),
        (&format!("linux /k {long}"), CMDLINE),
        (
            &format!("linux /k {long}; initrd /gone"),
            &[Some(Change::Initrds), Some(Change::CommandLine)],
        ),
        ("linux /none; initrd /gone", &[Some(Change::Initrds), None]),
    ] {
        let script = format!("menuentry a {{ {text}; }}\n");
        let found = changes(&[KERNEL, NONE, ("/boot/grub/grub.cfg", &script)]);
        assert_eq!(found, [("a".to_owned(), expected.to_vec())], "{text}");
    }
    for (text, expected) in [
        ("linux /gone\nappend ro", REST),
        ("linux /k\ninitrd /gone", INITRDS),
        ("linux /k\nappend initrd=", INITRDS),
        (&format!("linux /k\nappend {long}"), CMDLINE),
        (
            "linux /k\ninitrd /gone\nmenu disable",
            &[Some(Change::Initrds), None],
        ),
        ("linux /none\ninitrd /gone", &[Some(Change::Initrds), None]),
        (
            &format!("linux /k\ninitrd /gone\nappend {long}"),
            &[Some(Change::Initrds), Some(Change::CommandLine)],
        ),
    ] {
        let labels = format!("label a\n{text}\n");
        let found = changes(&[KERNEL, NONE, ("/extlinux.conf", &labels)]);
        assert_eq!(found, [("a".to_owned(), expected.to_vec())], "{text}");
    }
}

/// Otherwise it would be started with another initrd, and without the password.
#[test]
fn what_a_password_guards_is_not_mended() {
    let found = |script: &str, conf: &str| {
        let found = look(&[&[
            KERNEL,
            ("/i", ""),
            ("/boot/grub/grub.cfg", script),
            ("/loader/entries/b.conf", conf),
        ]]);
        let entry = found.entries.iter().find(|entry| entry.id == "b.conf");
        entry.is_some_and(BootEntry::mendable)
    };
    let script = |word: &str| format!("set {word}=root\nmenuentry A {{ linux /k ro; }}\n");
    let lacking = "linux /k\ninitrd /gone\n";
    assert!(!found(&script("superusers"), lacking));
    assert!(found(&script("other"), lacking));
    // Anybody may start what GRUB offers, but who changes it needs the password.
    let open = |word: &str| {
        format!("set {word}=root\nmenuentry A --unrestricted {{ linux /k ro; initrd /i; }}\n")
    };
    let long = "a".repeat(2100);
    for conf in [
        "linux /k\ninitrd /i\ninitrd /../gone\noptions ro\n",
        &format!("linux /k\ninitrd /i\noptions BOOT_IMAGE={long} ro\n"),
    ] {
        assert!(!found(&open("superusers"), conf), "{conf}");
        assert!(found(&open("other"), conf), "{conf}");
    }
}

/// Only so many problems are kept: not those alone that can be mended.
#[test]
fn what_can_not_be_mended_is_not_hidden_by_what_can() {
    let gone: Vec<String> = (0..64).map(|number| format!("/gone{number}")).collect();
    let initrds = gone.join(",");
    for (last, mendable) in [
        ("menu disable", false),
        ("menu passwd secret", false),
        ("", true),
    ] {
        let labels = format!("label a\nlinux /k\ninitrd {initrds}\n{last}\n");
        let found = look(&[&[KERNEL, ("/extlinux.conf", &labels)]]);
        assert_eq!(found.entries[0].mendable(), mendable, "{last}");
        assert!(!found.entries[0].bootable());
    }
}
