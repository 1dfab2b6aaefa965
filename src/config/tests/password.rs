//! Nothing goes around a password.

use super::{Files, discover, ids, look, machine, on_usb, problems};
use crate::config::guess::tests::kernel;
use crate::fs::MemoryFilesystem;
use crate::inventory::Inventory;

const KERNEL: (&str, &str) = ("/k", "kernel");

/// A configuration that has no password of its own.
const MAIN: &str = "menuentry A { linux /k ro; }\nmenuentry B --unrestricted { linux /k quiet; }\n";

/// A stub that asks for one on its way to that of the disk `a`.
const STUB: &str = "set superusers=root\npassword root secret\nexport superusers\n\
                    search --fs-uuid --set=root a\nconfigfile /boot/grub/grub.cfg\n";

const FROM_STUB: &str =
    "GRUB asks for a password when it comes here from disk-b partition 2: /EFI/debian/grub.cfg";

#[test]
fn a_stub_on_a_later_disk() {
    let root: Files<'_> = &[KERNEL, ("/boot/grub/grub.cfg", MAIN)];
    let stub: Files<'_> = &[("/EFI/debian/grub.cfg", STUB)];
    assert_eq!(ids(&look(&[root])), ["*A", "B"]);
    let found = look(&[root, stub]);
    assert_eq!(ids(&found), ["*!A", "B"]);
    assert_eq!(problems(&found, "A"), [FROM_STUB]);
    // The order is that of the disks, whatever leads where.
    let files = found.configurations.iter();
    let files: Vec<&str> = files.map(|c| c.file.path.as_str()).collect();
    assert_eq!(files, ["/boot/grub/grub.cfg", "/EFI/debian/grub.cfg"]);
    // The other way round GRUB's own way is read first.
    let stub_first = STUB.replace("--set=root a", "--set=root b");
    let stub: Files<'_> = &[("/EFI/debian/grub.cfg", &stub_first)];
    assert_eq!(ids(&look(&[stub, root])), ["*!A", "B"]);
}

/// A menu may have led to the stub before, which is not how firmware comes there.
#[test]
fn a_stub_that_an_open_menu_leads_to() {
    let main = "menuentry A { linux /k ro; }\n\
                menuentry Other { search --fs-uuid --set=root b; configfile /EFI/debian/grub.cfg; }\n";
    let root: Files<'_> = &[KERNEL, ("/boot/grub/grub.cfg", main)];
    let found = look(&[root, &[("/EFI/debian/grub.cfg", STUB)]]);
    assert_eq!(ids(&found)[0], "*!A");
    assert_eq!(problems(&found, "A"), [FROM_STUB]);
}

#[test]
fn a_second_stub_on_the_same_disk() {
    let open = STUB.replace("superusers", "other");
    let found = look(&[
        &[KERNEL, ("/boot/grub/grub.cfg", MAIN)],
        &[
            ("/EFI/BOOT/grub.cfg", STUB),
            ("/EFI/debian/grub.cfg", &open),
        ],
    ]);
    assert_eq!(ids(&found), ["*!A", "B"]);
}

/// What a script offers only where there is no password.
#[test]
fn entries_that_are_not_there_with_the_password() {
    let main = "if [ -z \"$superusers\" ]; then menuentry A { linux /k; }; fi\n\
                menuentry B --unrestricted { linux /k; }\n";
    let root: Files<'_> = &[KERNEL, ("/boot/grub/grub.cfg", main)];
    let found = look(&[root, &[("/EFI/debian/grub.cfg", STUB)]]);
    assert_eq!(ids(&found), ["*!A", "B"]);
}

#[test]
fn a_password_that_is_not_exported_is_none_for_another_menu() {
    let stub = STUB.replace("export superusers\n", "");
    let root: Files<'_> = &[KERNEL, ("/boot/grub/grub.cfg", MAIN)];
    let found = look(&[root, &[("/EFI/debian/grub.cfg", &stub)]]);
    assert_eq!(ids(&found), ["*A", "B"]);
}

#[test]
fn a_stick_has_no_say() {
    let root: Files<'_> = &[
        KERNEL,
        ("/boot/grub/grub.cfg", MAIN),
        ("/extlinux.conf", LABEL),
    ];
    let stick = "set superusers=root\nsearch --fs-uuid --set=root a\nmenuentry S { linux /k x; }\n";
    for stub in [STUB, stick] {
        let mut inventory = machine(&[root, &[("/EFI/debian/grub.cfg", stub)]]);
        inventory.set_hardware(1, on_usb());
        let found = discover(&inventory);
        assert_eq!(&ids(&found)[..3], ["*A", "B", "other"], "{stub}");
        // On the same stick it has.
        inventory.set_hardware(0, on_usb());
        let found = discover(&inventory);
        assert!(ids(&found).contains(&"!other".to_owned()), "{stub}");
    }
}

/// The kernel of the configuration above, in another way.
const LABEL: &str = "label other\nlinux /k\nappend single\n";

const GUARDED: &str = "its kernel is in a menu of GRUB that has a password, and which does not offer the same \
                       without it";

#[test]
fn other_sources_with_a_kernel_of_grub() {
    let config = "set superusers=root\nmenuentry A { linux /k ro; }\n\
                  menuentry B --unrestricted { linux /k quiet; }\n";
    let same = "label open\nlinux /k\nappend quiet\nlabel closed\nlinux /k\nappend ro\nlabel other\nlinux /k\n\
                append single\nlabel free\nlinux /k2\n";
    let files: Files<'_> = &[
        KERNEL,
        ("/k2", "kernel"),
        ("/boot/grub/grub.cfg", config),
        ("/extlinux.conf", same),
        (
            "/loader/entries/bls.conf",
            "title BLS\nlinux /k\noptions rescue\n",
        ),
        (
            "/loader/entries/free.conf",
            "title Free\nlinux /k2\noptions single\n",
        ),
    ];
    let found = look(&[files]);
    // `open` and `closed` are B and A.
    assert_eq!(
        ids(&found),
        ["*free.conf", "!bls.conf", "*!A", "B", "!other", "free"]
    );
    assert_eq!(problems(&found, "other"), [GUARDED]);
    assert_eq!(problems(&found, "bls.conf"), [GUARDED]);
    let a = found.entries.iter().find(|entry| entry.id == "A").unwrap();
    let why: Vec<&str> = a.problems.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(
        why,
        ["GRUB starts it only for root, with a password", GUARDED]
    );
}

/// Whoever may not edit entries shall not find them edited elsewhere.
#[test]
fn a_password_for_editing_alone() {
    let config = "set superusers=root\nmenuentry A --unrestricted { linux /k ro; }\n";
    let same = "label same\nlinux /k\nappend ro\nlabel other\nlinux /k\nappend single\n";
    let files = [
        KERNEL,
        ("/boot/grub/grub.cfg", config),
        ("/extlinux.conf", same),
    ];
    assert_eq!(ids(&look(&[&files])), ["*A", "!other"]);
    // Without a password both may be started.
    let open = config.replace("superusers", "other");
    let files = [
        KERNEL,
        ("/boot/grub/grub.cfg", &open),
        ("/extlinux.conf", same),
    ];
    assert_eq!(ids(&look(&[&files])), ["*A", "other"]);
}

/// Entries that are dropped since they were read before say what the password is for all the same.
#[test]
fn a_kernel_that_only_the_stub_asks_a_password_for() {
    let root: Files<'_> = &[
        KERNEL,
        ("/boot/grub/grub.cfg", MAIN),
        ("/extlinux.conf", LABEL),
    ];
    assert_eq!(ids(&look(&[root])), ["*A", "B", "other"]);
    let found = look(&[root, &[("/EFI/debian/grub.cfg", STUB)]]);
    assert_eq!(ids(&found), ["*!A", "B", "!other"]);
}

#[test]
fn a_menu_of_syslinux_with_a_password() {
    let config = "menuentry A { linux /k ro; }\nmenuentry B { linux /k quiet; }\n";
    let labels = "label a\nmenu passwd x\nlinux /k\nappend ro\nlabel b\nlinux /k\nappend quiet\n";
    let files = [
        KERNEL,
        ("/boot/grub/grub.cfg", config),
        ("/extlinux.conf", labels),
    ];
    assert_eq!(ids(&look(&[&files])), ["*!A", "B"]);
}

/// A master password is for changes: what the menu has may be started, and nothing else with its kernels.
#[test]
fn a_master_password_of_syslinux() {
    let labels = "ui menu.c32\nmenu master passwd x\nlabel a\nlinux /k\nappend ro\n";
    let config = "menuentry A { linux /k ro; }\nmenuentry B { linux /k quiet; }\n";
    let look = |labels: &str| {
        look(&[&[
            KERNEL,
            ("/boot/grub/grub.cfg", config),
            ("/extlinux.conf", labels),
        ]])
    };
    let found = look(labels);
    assert_eq!(ids(&found), ["*A", "!B"]);
    assert_eq!(problems(&found, "B"), [GUARDED.replace("GRUB", "SYSLINUX")]);
    assert_eq!(ids(&look(&labels.replace("passwd", "other"))), ["*A", "B"]);
}

#[test]
fn nothing_is_guessed_around_a_password() {
    let config = "set superusers=root\nmenuentry A { linux /boot/vmlinuz-1 root=UUID=a; }\n";
    let files = [
        ("/boot/grub/grub.cfg", config),
        ("/boot/vmlinuz-1", "kernel"),
        ("/etc/os-release", "ID=debian\n"),
    ];
    assert_eq!(ids(&look(&[&files])), ["*!A"]);
}

const LOCKED: &str = "a boot menu on this disk has a password, and does not offer it without";

/// The same for SYSLINUX, whose menu may have lost what the password is for.
#[test]
fn nothing_is_guessed_where_a_menu_of_syslinux_has_a_password() {
    for menu in [
        "ui menu.c32\nmenu master passwd x\n",
        "label a\nlinux /boot/vmlinuz-0\nmenu passwd x\n",
        "label a\nmenu hide\nlinux /boot/vmlinuz-1\nmenu passwd x\n",
        "menu begin\nmenu passwd x\nmenu end\n",
        "label a\nconfig /inner.cfg\n",
    ] {
        let look = |keyword: &str| {
            let inner = "label b\nlinux /boot/vmlinuz-0\nmenu passwd x\n";
            let disk = MemoryFilesystem::new()
                .file("/extlinux.conf", menu.replace("passwd", keyword))
                .file("/inner.cfg", inner.replace("passwd", keyword))
                .file("/boot/vmlinuz-1", kernel("1"))
                .file("/etc/os-release", "ID=debian\n");
            let mut inventory = Inventory::new();
            inventory.add_filesystem("a", Box::new(disk));
            discover(&inventory)
        };
        let locked = look("passwd");
        assert_eq!(problems(&locked, "guess-vmlinuz-1").last(), Some(&LOCKED));
        assert!(!ids(&locked).contains(&"guess-vmlinuz-1".to_owned()));
        let open = look("other");
        assert!(ids(&open).contains(&"guess-vmlinuz-1".to_owned()), "{menu}");
    }
}

/// A menu that offers nothing, or what is not there, still has its password.
#[test]
fn nothing_is_guessed_where_a_menu_with_a_password_is_damaged() {
    for menu in [
        "",
        "menuentry A { linux /boot/vmlinuz-0; }\n",
        "menuentry A { linux /boot/vmlinuz-1\n",
    ] {
        let look = |variable: &str| {
            let config = format!("set {variable}=root\n{menu}");
            let disk = MemoryFilesystem::new()
                .file("/boot/grub/grub.cfg", config)
                .file("/boot/vmlinuz-1", kernel("1"))
                .file("/etc/os-release", "ID=debian\n");
            let mut inventory = Inventory::new();
            inventory.add_filesystem("a", Box::new(disk));
            discover(&inventory)
        };
        let locked = look("superusers");
        assert_eq!(problems(&locked, "guess-vmlinuz-1").last(), Some(&LOCKED));
        assert!(!ids(&locked).contains(&"guess-vmlinuz-1".to_owned()));
        let open = look("other");
        assert!(ids(&open).contains(&"guess-vmlinuz-1".to_owned()), "{menu}");
    }
}
