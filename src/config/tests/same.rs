//! What several configurations offer alike is listed once.

use super::{Files, content, discover, ids, look, machine, on_usb, origins, problems};
use crate::boot::{find, plan};
use crate::disk::Hardware;
use crate::entry::SavePlace;
use crate::policy::{Boot, Policy};

const KERNEL: (&str, &str) = ("/k", "kernel");
const INITRD: (&str, &str) = ("/i", "initrd");

fn order(found: &super::Found) -> Vec<&str> {
    let plan = plan(found, &[], &Boot::default()).into_iter();
    plan.map(|entry| entry.id.as_str()).collect()
}

fn titles(found: &super::Found) -> Vec<&str> {
    let plan = plan(found, &[], &Boot::default()).into_iter();
    // Where another entry has the title, more stands behind it.
    plan.map(|entry| entry.title.split(' ').next().unwrap())
        .collect()
}

#[test]
fn three_languages_and_one_entry() {
    let script = "set default=G\nmenuentry First { linux /k 1; }\n\
                  menuentry GRUB --id G { linux /k ro  quiet; initrd /i; }\nset fallback=0\n";
    let labels =
        "default s\nlabel s\nlinux /k\nappend ro quiet initrd=/i\nlabel t\nlinux /k\nappend 1\n";
    let entry = "title BLS\nlinux /k\ninitrd /i\noptions ro quiet\n";
    let files: Files<'_> = &[
        KERNEL,
        INITRD,
        ("/loader/entries/b.conf", entry),
        ("/loader/entries/z.conf", "linux /k\noptions z\n"),
        ("/loader/loader.conf", "default z\n"),
        ("/boot/grub/grub.cfg", script),
        ("/extlinux.conf", labels),
    ];
    let found = look(&[files]);
    // The default of the specification is z, those of GRUB and SYSLINUX are b.
    assert_eq!(ids(&found), ["*z.conf", "*b.conf", "First"]);
    let b = &found.entries[1];
    assert_eq!(b.title, "BLS");
    assert_eq!(
        origins(b),
        [
            "0 /loader/entries/b.conf",
            "0 /boot/grub/grub.cfg:3",
            "0 /extlinux.conf:2"
        ]
    );
    assert_eq!(b.also_called, ["G", "s"]);
    assert_eq!(
        origins(&found.entries[2]),
        ["0 /boot/grub/grub.cfg:2", "0 /extlinux.conf:5"]
    );
    let chosen: Vec<_> = found.configurations.iter().map(|c| c.default).collect();
    assert_eq!(chosen, [Some(0), Some(1), Some(1)]);
    let ranges: Vec<_> = found
        .configurations
        .iter()
        .map(|c| c.entries.clone())
        .collect();
    assert_eq!(ranges, [0..2, 2..3, 3..3]);
    assert_eq!(found.configurations[1].fallback, [2]);
    assert_eq!(order(&found), ["z.conf", "b.conf", "First"]);
}

#[test]
fn entries_of_one_menu_stay() {
    let script = "menuentry Debian { linux /k ro; }\n\
                  submenu Advanced { menuentry 'Debian, 6.1' { linux /k ro; }; }\n";
    let files: Files<'_> = &[KERNEL, ("/boot/grub/grub.cfg", script)];
    assert_eq!(ids(&look(&[files])), ["*Debian", "Advanced>Debian, 6.1"]);
    // Another configuration adds to the first of them.
    let both: Files<'_> = &[
        KERNEL,
        ("/boot/grub/grub.cfg", script),
        ("/extlinux.conf", "label s\nlinux /k\nappend ro\n"),
    ];
    let found = look(&[both]);
    assert_eq!(ids(&found), ["*Debian", "Advanced>Debian, 6.1"]);
    assert_eq!(found.entries[0].also_at.len(), 1);
    assert_eq!(found.entries[1].also_at, []);
}

#[test]
fn what_differs_is_not_the_same() {
    for (script, label) in [
        ("linux /k ro", "linux /k\nappend rw"),
        ("linux /k ro; initrd /i", "linux /k\nappend ro"),
        (
            "linux /k ro; initrd /i /k",
            "linux /k\nappend ro initrd=/k,/i",
        ),
        ("linux /k ro; devicetree /i", "linux /k\nappend ro"),
        ("linux /i ro", "linux /k\nappend ro"),
        // One of them can't be booted, and says why.
        (
            "linux /k ro; frobnicate; initrd /gone",
            "linux /k\nappend ro",
        ),
    ] {
        let script = format!("menuentry A {{ {script}; }}\n");
        let label = format!("label s\n{label}\n");
        let files: Files<'_> = &[
            KERNEL,
            INITRD,
            ("/boot/grub/grub.cfg", &script),
            ("/extlinux.conf", &label),
        ];
        assert_eq!(look(&[files]).entries.len(), 2, "{script} {label}");
    }
}

/// Tries are counted whoever is asked first.
#[test]
fn the_entry_that_counts_its_tries_stays() {
    let script = "search --fs-uuid --set=root b\nset default=G\nmenuentry F { linux /k 1; }\n\
                  menuentry G { linux /k ro; }\n";
    let second: Files<'_> = &[
        KERNEL,
        (
            "/loader/entries/c+3.conf",
            "title Counted\nlinux /k\noptions ro\n",
        ),
    ];
    let found = look(&[&[("/boot/grub/grub.cfg", script)], second]);
    assert_eq!(ids(&found), ["F", "*c.conf"]);
    assert_eq!(found.entries[1].tries_left, Some(3));
    assert_eq!(
        origins(&found.entries[1]),
        ["1 /loader/entries/c+3.conf", "0 /boot/grub/grub.cfg:4"]
    );
    assert_eq!(order(&found), ["c.conf", "F"]);
}

#[test]
fn what_is_saved_is_saved_by_the_one_that_stays() {
    let block = format!("{:#<1024}", "# GRUB Environment Block\n");
    let entry = ("/loader/entries/c.conf", "linux /k\noptions ro\n");
    let script = "menuentry G { linux /k ro; save_env -f (hd0,gpt2)/e x; }\n";
    let found = look(&[&[
        KERNEL,
        entry,
        ("/e", &block),
        ("/boot/grub/grub.cfg", script),
    ]]);
    assert_eq!(ids(&found), ["*c.conf"]);
    assert_eq!(found.entries[0].saves.len(), 1);
    // A stick does not make another disk be written to.
    let script = script.replace("hd0", "hd1");
    let script = format!("search --fs-uuid --set=root a\n{script}");
    let stick: Files<'_> = &[("/boot/grub/grub.cfg", &script)];
    let found = look(&[&[KERNEL, entry, ("/e", &block)], stick]);
    assert_eq!(ids(&found), ["*c.conf", "*G"]);
    assert_eq!(found.entries[0].saves, []);
    assert_eq!(found.entries[1].saves.len(), 1);
}

/// However often a disk offers the same.
#[test]
fn the_same_many_times() {
    let labels = "label l\nlinux /k\n".repeat(300);
    let script = "menuentry G { linux /k; }\n".repeat(300);
    let found = look(&[&[
        KERNEL,
        ("/boot/grub/grub.cfg", &script),
        ("/extlinux.conf", &labels),
    ]]);
    assert_eq!(found.entries.len(), 300);
    assert_eq!(found.entries[0].also_at.len(), 64);
}

#[test]
fn blscfg_and_the_specification() {
    let script = "blscfg\n";
    let files: Files<'_> = &[
        KERNEL,
        ("/boot/grub2/grub.cfg", script),
        (
            "/loader/entries/f-1-1.conf",
            "title F\nlinux /k\noptions ro\nx-note a  b\n",
        ),
    ];
    let found = look(&[files]);
    assert_eq!(ids(&found), ["*f-1-1"]);
    assert_eq!(
        origins(&found.entries[0]),
        ["0 /loader/entries/f-1-1.conf", "0 /boot/grub2/grub.cfg:1"]
    );
    // What GRUB does not look at is not lost.
    let other_keys = &found.entries[0].other_keys;
    assert_eq!(other_keys, &[("x-note".to_owned(), "a  b".to_owned())]);
    assert!(!found.entries[0].fixed);
    let long = "#".repeat(65537);
    let forbidden: Files<'_> = &[files[0], files[1], files[2], ("/loader/loader.conf", &long)];
    assert!(look(&[forbidden]).entries[0].fixed);
}

/// A script on a later disk that takes in an entry of an earlier one does not take it away.
#[test]
fn blscfg_of_another_disk() {
    let entries: Files<'_> = &[
        KERNEL,
        ("/loader/entries/f.conf", "title F\nlinux /k\noptions ro\n"),
        ("/loader/entries/g.conf", "title G\nlinux /k\noptions rw\n"),
    ];
    let script = "search --fs-uuid --set=root a\ndefault=f\nblscfg\n";
    let found = look(&[entries, &[("/boot/grub2/grub.cfg", script)]]);
    assert_eq!(ids(&found), ["*g.conf", "*f.conf"]);
    assert_eq!(found.configurations.len(), 2);
    assert_eq!(found.configurations[1].default, Some(1));
    assert_eq!(order(&found), ["g.conf", "f.conf"]);
}

/// A stick does not stand for what another disk offers, wherever it leads: where it is refused, the disk is not.
#[test]
fn a_stick_takes_nothing_away() {
    let own: Files<'_> = &[
        KERNEL,
        ("/loader/entries/f.conf", "title F\nlinux /k\noptions ro\n"),
        ("/boot/grub2/grub.cfg", "menuentry G { linux /k rw; }\n"),
    ];
    let policy = Policy::parse("boot.refuse = [{ removable = true }]").unwrap();
    for leads in [
        "menuentry S { linux /k ro; }\nmenuentry T { linux /k rw; }",
        "blscfg",
        "configfile /boot/grub2/grub.cfg",
        "blscfg\nsource /boot/grub2/grub.cfg",
    ] {
        let script = format!("search --fs-uuid --set=root b\n{leads}\n");
        let stick: Files<'_> = &[("/boot/grub/grub.cfg", &script)];
        let mut inventory = machine(&[stick, own]);
        inventory.set_hardware(0, on_usb());
        let found = find(&inventory, &policy.boot);
        assert_eq!(titles(&found), ["F", "G"], "{leads}");
        for entry in plan(&found, &[], &policy.boot) {
            assert_eq!(
                (&entry.also_at, &entry.twins),
                (&vec![], &vec![]),
                "{leads}"
            );
        }
        // Behind the disk it offers the same as before it, or nothing new.
        let mut inventory =
            machine(&[own, &[("/boot/grub/grub.cfg", &script.replace(" b", " a"))]]);
        inventory.set_hardware(1, on_usb());
        let found = find(&inventory, &policy.boot);
        assert_eq!(titles(&found), ["F", "G"], "{leads}");
    }
}

/// What made an entry stays with it: somebody may have signed one of the files and not the others.
#[test]
fn twins_are_kept_as_they_are() {
    let files: Files<'_> = &[
        KERNEL,
        ("/loader/entries/f.conf", "title F\nlinux /k\noptions ro\n"),
        ("/boot/grub2/grub.cfg", "menuentry G { linux /k ro; }\n"),
        ("/extlinux.conf", "label s\nlinux /k\nappend ro\n"),
    ];
    let found = look(&[files]);
    let [entry] = found.entries.as_slice() else {
        panic!("{:?}", ids(&found))
    };
    let made = std::iter::once(entry).chain(&entry.twins).map(|entry| {
        let [file] = entry.written.files() else {
            panic!("{:?}", entry.written)
        };
        assert!(entry.is_as_written());
        let SavePlace::File(file) = &file.place else {
            panic!("{file:?}")
        };
        format!("{} {}", file.path, entry.cmdline)
    });
    assert_eq!(
        made.collect::<Vec<_>>(),
        [
            "/loader/entries/f.conf ro",
            "/boot/grub2/grub.cfg BOOT_IMAGE=/k ro",
            "/extlinux.conf BOOT_IMAGE=/k ro",
        ]
    );
}

/// A disk with two cables is one disk; a copy of a disk is another one, which may be what is left of a mirror.
#[test]
fn a_disk_by_two_paths() {
    let block = format!("# GRUB Environment Block\n{}", "#".repeat(999));
    let files: Files<'_> = &[
        KERNEL,
        ("/extlinux.conf", "label s\nlinux /k\nappend ro\n"),
        ("/boot/grub/grubenv", &block),
        (
            "/boot/grub/grub.cfg",
            "menuentry g { linux /k 1; save_env a; }\n",
        ),
    ];
    let twice = |hardware: [Hardware; 2]| {
        let mut inventory = crate::inventory::Inventory::new();
        for hardware in hardware {
            let filesystem = files.iter();
            let filesystem = filesystem
                .fold(crate::fs::MemoryFilesystem::new(), |all, (path, text)| {
                    all.file(path, content(text))
                });
            let volume = inventory.add_filesystem("same", Box::new(filesystem));
            inventory.set_hardware(volume.disk, hardware);
        }
        ids(&discover(&inventory))
    };
    let disk = |serial: &str| Hardware {
        serial: Some(serial.to_owned()),
        ..Hardware::default()
    };
    assert_eq!(twice([disk("1"), disk("1")]), ["*g", "s"]);
    assert_eq!(
        twice([disk("1"), disk("2")]),
        ["*g", "s", "*g@same", "s@same"]
    );
    assert_eq!(
        twice([Hardware::default(), Hardware::default()]),
        ["*g", "s", "*g@same", "s@same"]
    );
    let stick = Hardware {
        serial: Some("1".to_owned()),
        ..on_usb()
    };
    assert_eq!(twice([disk("1"), stick]), ["*g", "s", "*g@same", "s@same"]);
}

#[test]
fn remarks_of_all_are_kept() {
    let files: Files<'_> = &[
        KERNEL,
        ("/loader/entries/b.conf", "linux /k\nfoo bar\n"),
        ("/extlinux.conf", "label s\nlinux /k\nsysappend 2\n"),
    ];
    let found = look(&[files]);
    assert_eq!(ids(&found), ["*b.conf"]);
    assert_eq!(
        problems(&found, "b.conf"),
        [
            "`foo` in line 2 is no key of an entry: passed over",
            "`sysappend 0x2`: what only the network or the machine itself knows is left out: BOOTIF"
        ]
    );
}

/// The kernel does not divide where a quote is open: what looks like a word of the boot loader hides others.
#[test]
fn a_quote_hides_no_parameter() {
    let label = "label s\nlinux /k\nappend root=/dev/sda1\n";
    let listed = |options: &str| {
        let entry = format!("linux /k\noptions {options}\n");
        let files: Files<'_> = &[
            KERNEL,
            ("/loader/entries/b.conf", &entry),
            ("/extlinux.conf", label),
        ];
        ids(&look(&[files])).len()
    };
    for same in [
        "root=/dev/sda1",
        "BOOT_IMAGE=/k root=/dev/sda1",
        "root=/dev/sda1 BOOT_IMAGE=(hd0,1)/k",
    ] {
        assert_eq!(listed(same), 1, "{same}");
    }
    for other in [
        "BOOT_IMAGE=\" root=/dev/sda1",
        "BOOT_IMAGE=\" root=/dev/sda1\"",
        "root=/dev/sda1 BOOT_IMAGE=\"",
        "\"BOOT_IMAGE=/k\" root=/dev/sda1",
        "root=/dev/sda1 a\"b c\"",
    ] {
        assert_eq!(listed(other), 2, "{other}");
    }
}
