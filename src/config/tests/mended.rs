//! What a person may change of an entry to be rid of what blocks it.

use super::look;
use crate::entry::{BootEntry, Change};

const KERNEL: (&str, &str) = ("/k", "kernel");

/// What each problem that blocks is of, behind the id of its entry.
fn changes(files: super::Files<'_>) -> Vec<(String, Vec<Option<Change>>)> {
    let found = look(&[files]);
    let of = |entry: &BootEntry| {
        let blocking = entry.problems.iter().filter(|problem| problem.blocks);
        blocking.map(|problem| problem.of).collect()
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
        (
            &format!("linux /k\ninitrd /gone\noptions {long}"),
            &[Some(Change::Initrds), Some(Change::CommandLine)],
        ),
        (
            "linux /k\ninitrd /gone\narchitecture arm",
            &[Some(Change::Initrds), None],
        ),
    ] {
        let found = changes(&[KERNEL, ("/loader/entries/a.conf", text)]);
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
    ] {
        let script = format!("menuentry a {{ {text}; }}\n");
        let found = changes(&[KERNEL, ("/boot/grub/grub.cfg", &script)]);
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
    ] {
        let labels = format!("label a\n{text}\n");
        let found = changes(&[KERNEL, ("/extlinux.conf", &labels)]);
        assert_eq!(found, [("a".to_owned(), expected.to_vec())], "{text}");
    }
}

/// Otherwise it would be started with another initrd, and without the password.
#[test]
fn what_a_password_guards_is_not_mended() {
    let script = |word: &str| format!("set {word}=root\nmenuentry A {{ linux /k ro; }}\n");
    let found = |script: &str| {
        let found = look(&[&[
            KERNEL,
            ("/boot/grub/grub.cfg", script),
            ("/loader/entries/b.conf", "linux /k\ninitrd /gone\n"),
        ]]);
        let entry = found.entries.iter().find(|entry| entry.id == "b.conf");
        entry.unwrap().mendable()
    };
    assert!(!found(&script("superusers")));
    assert!(found(&script("other")));
}
