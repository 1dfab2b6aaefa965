//! Whole configurations in memory.

use super::*;
use crate::config::budget::Budget;
use crate::config::configuration::{MenuWait, WaitStyle};
use crate::disk::Content;
use crate::entry::{BootEntry, HotKey, Password, PayloadKind};
use crate::fs::{FsPath, MemoryFilesystem};
use proptest::prelude::*;

const VOLUME: VolumeId = VolumeId { disk: 0, volume: 0 };

/// Lists `/s/syslinux.cfg` beside some files.
fn listed_with(config: &str, files: &[(&str, &str)]) -> Listed {
    listed_where(config.as_bytes(), files, Known::default())
}

/// The same for any bytes, on a volume and in a machine of which something is known.
fn listed_where(config: &[u8], files: &[(&str, &str)], known: Known<'_>) -> Listed {
    let filesystem = ["/k", "/k2", "/s/k", "/s/i", "/i"]
        .iter()
        .fold(MemoryFilesystem::new(), |all, path| all.file(path, ""));
    let filesystem = files
        .iter()
        .fold(filesystem, |all, (path, text)| all.file(path, *text));
    let filesystem = filesystem.file("/s/syslinux.cfg", config.to_vec());
    list_within(&Budget::of_disk(1), &filesystem, known)
}

fn list_within<'a>(
    budget: &'a Budget,
    filesystem: &'a MemoryFilesystem,
    known: Known<'a>,
) -> Listed {
    let path = |text| FsPath::new(text).unwrap();
    let (file, directory) = (path("/s/syslinux.cfg"), path("/s"));
    let medium = Medium::Disk;
    list(filesystem, VOLUME, &file, &directory, medium, known, budget)
}

/// Of each entry: a star for the default, a `!` for what can't be started, its menus, title and command
/// line.
fn summary(found: &Listed) -> Vec<String> {
    let line = |entry: &BootEntry| {
        let star = if entry.default { "*" } else { "" };
        let mark = if entry.bootable() { "" } else { "!" };
        let path: String = entry.submenu.iter().flat_map(|menu| [menu, ">"]).collect();
        format!("{star}{mark}{path}{}: {}", entry.title, entry.cmdline)
    };
    found.entries.iter().map(line).collect()
}

fn listed(config: &str) -> Vec<String> {
    let found = listed_with(config, &[]);
    assert_eq!(found.problems, [""; 0], "{config}");
    summary(&found)
}

fn problems(entry: &BootEntry) -> Vec<&str> {
    entry.problems.iter().map(|p| p.text.as_str()).collect()
}

#[test]
fn a_file_of_another_language_covers_nothing() {
    let long = format!("label a\nlinux /k\n{}\n", "x".repeat(1 << 14));
    for (config, is_complete) in [
        (
            "# x\nserial 0\nF1 help\nmenu color x\nlabel a\nlinux /k\nappend ro\n",
            true,
        ),
        ("label a\nlinux /k\nset x=y\n", false),
        ("label a\nlinux /k\noptions ro\n", false),
        (&long, false),
    ] {
        let found = listed_with(config, &[]);
        assert_eq!(
            found.entries[0].written.is_complete(),
            is_complete,
            "{config}"
        );
    }
}

#[test]
fn a_label_with_its_files() {
    let config = "DEFAULT linux\r\nPROMPT 0\r\nTIMEOUT 50\r\n\r\nLabel linux\r\n\
                  \tMENU LABEL ^Linux 6.1\r\n  KERNEL ../k\r\n  APPEND root=UUID=1 ro  quiet \r\n\
                  \tINITRD i,/i\r\n";
    let found = listed_with(config, &[]);
    assert_eq!(found.problems, [""; 0]);
    let entry = &found.entries[0];
    assert_eq!(
        (entry.id.as_str(), entry.title.as_str()),
        ("linux", "Linux 6.1")
    );
    assert_eq!(
        entry.cmdline,
        "BOOT_IMAGE=../k root=UUID=1 ro  quiet initrd=i,/i"
    );
    assert_eq!(entry.kernel.as_ref().unwrap().path.as_str(), "/k");
    let initrds: Vec<&str> = entry.initrd.iter().map(|f| f.file.path.as_str()).collect();
    assert_eq!(initrds, ["/s/i", "/i"]);
    assert_eq!(entry.origin.line, Some(5));
    assert!(entry.default && entry.bootable());
    assert_eq!(entry.source.name(), "syslinux");
}

#[test]
fn what_is_appended() {
    // Outside of labels for those that have none of their own; `-` is nothing.
    let config = "append all\nlabel a\nlinux k\nlabel b\nlinux k b\nappend own initrd=i\nlabel c\n\
                  linux k\nappend -\nlabel d\nlinux k\n initrd i\nlabel k\n";
    assert_eq!(
        listed(config),
        [
            "a: BOOT_IMAGE=k all",
            "b: BOOT_IMAGE=k b own initrd=i",
            "c: BOOT_IMAGE=k",
            "d: BOOT_IMAGE=k all initrd=i",
            "k: BOOT_IMAGE=k all",
        ]
    );
    let found = listed_with(
        "label a\nlinux k\nappend initrd=i x\ninitrd /k\ninitrd /i\n",
        &[],
    );
    assert_eq!(
        problems(&found.entries[0]),
        [
            "`initrd` in line 5 takes the place of an earlier one",
            "/i is not loaded: of several `initrd=` the first counts in SYSLINUX",
        ]
    );
}

#[test]
fn who_is_the_default() {
    let labels = "label a\nlinux k\nlabel b\nlinux k b\nmenu default\nlabel c\nlinux k c\n";
    let default = |config: &str| {
        let found = listed_with(&format!("{config}{labels}"), &[]);
        let mut defaults = found.entries.iter().filter(|entry| entry.default);
        let default = defaults.next().map(|entry| entry.title.clone());
        assert_eq!(defaults.next(), None);
        default.unwrap_or_default()
    };
    for (config, expected) in [
        ("", "b"),
        ("default c\n", "c"),
        ("default a\ndefault c\n", "c"),
        ("default c\nui vesamenu.c32\n", "c"),
        ("default vesamenu.c32\n", "b"),
        ("default menu\n", "b"),
        ("ui gfxboot bootlogo\n", "b"),
        ("ui gfxboot bootlogo\ndefault a\n", "a"),
        ("default a\nontimeout c\n", "a"),
        ("default a\nontimeout c\nprompt 1\n", "a"),
        ("default a\nontimeout c\nprompt 1\ntimeout 50\n", "c"),
        ("default a\nontimeout c\ntimeout 50\n", "a"),
        ("ui menu.c32\nontimeout c\ntimeout 50\n", "c"),
        ("ui menu.c32\nontimeout c\ntimeout 0\n", "b"),
        // An entry of its own: more arguments, or a file without a label.
        ("default c more\n", "c"),
        ("default /k x\n", "/k x"),
        // Labels are compared with case.
        ("default C\n", "C"),
    ] {
        assert_eq!(default(config), expected, "{config}");
    }
    let first = "ui menu.c32\nlabel -\nmenu label Heading\nmenu disable\nlabel a\nlinux k\nlabel b\nlinux k b";
    assert_eq!(listed(first), ["*a: BOOT_IMAGE=k", "b: BOOT_IMAGE=k b"]);
    assert_eq!(listed("label a\nlinux k\n"), ["a: BOOT_IMAGE=k"]);
}

#[test]
fn passwords_hold_for_everything_behind_them() {
    let files = [
        ("/s/m.cfg", "label m\nlinux k m\nlabel more\nconfig n.cfg\n"),
        ("/s/n.cfg", "label n\nlinux k n\n"),
    ];
    let listed = |config: &str| summary(&listed_with(config, &files));
    // On a label that leads to another configuration, and what that leads to; also as the default.
    let way = "ui menu.c32\nlabel a\nlinux k\nlabel way\nmenu passwd x\n";
    for leads in ["kernel menu.c32\nappend m.cfg\n", "config m.cfg\n"] {
        assert_eq!(
            listed(&format!("{way}{leads}")),
            [
                "*a: BOOT_IMAGE=k",
                "!way>m: BOOT_IMAGE=k m",
                "!way>more>n: BOOT_IMAGE=k n",
            ],
            "{leads}"
        );
        let config = format!("default way\nlabel way\nmenu passwd x\n{leads}");
        let entries = listed_with(&config, &files).entries;
        assert!(!entries.is_empty() && entries.iter().all(|entry| !entry.bootable()));
    }
    // For changes, in the menu and in what it leads to; what has a password of its own is not started.
    let config = "ui menu.c32\nmenu MASTER passwd x\nlabel a\nlinux k\nlabel b\nmenu passwd\nlinux k b\nlabel more\nconfig n.cfg\n";
    let found = listed_with(config, &files);
    let passwords: Vec<_> = found.entries.iter().map(|entry| entry.password).collect();
    assert_eq!(
        passwords,
        [Password::Change, Password::Start, Password::Change]
    );
    assert_eq!(
        summary(&found),
        [
            "*a: BOOT_IMAGE=k",
            "!b: BOOT_IMAGE=k b",
            "more>n: BOOT_IMAGE=k n"
        ]
    );
    assert!(found.has_password && !listed_with("menu master x\n", &[]).has_password);
    // Behind what it is for, with and without a line between, and around other menus.
    for line in [
        "menu separator\n",
        "menu begin deep\nlabel c\nlinux k c\nmenu end\n",
    ] {
        let config = format!(
            "ui menu.c32\nlabel a\nlinux k\nmenu begin inner\nlabel b\nlinux k b\n{line}menu passwd x\nmenu end\n"
        );
        let found = listed(&config);
        assert_eq!(found[0], "*a: BOOT_IMAGE=k");
        assert!(
            found.len() > 1 && found[1..].iter().all(|line| line.starts_with('!')),
            "{found:?}"
        );
    }
}

#[test]
fn how_long_it_waits() {
    use WaitStyle::{Countdown, Hidden, Menu};
    for (config, stated, seconds, style) in [
        ("", false, None, Menu),
        ("timeout 50\n", true, Some(5), Menu),
        // Without a prompt the default is started at once.
        ("default a\ntimeout 50\n", true, Some(0), Hidden),
        ("default a\nprompt 0\n", true, Some(0), Hidden),
        ("default a\nprompt 1\ntimeout 50\n", true, Some(5), Menu),
        ("default a\nprompt 1\n", false, None, Menu),
        // Tenths of a second; a part of one is waited for.
        ("default menu.c32\ntimeout 1\n", true, Some(1), Menu),
        (
            "ui vesamenu.c32\nprompt 0\ntimeout 31\n",
            true,
            Some(4),
            Menu,
        ),
        ("ui vesamenu.c32\ntimeout 0\n", true, None, Menu),
        (
            "ui menu.c32\ntimeout 600\ntotaltimeout 9000\n",
            true,
            Some(60),
            Menu,
        ),
        (
            "ui menu.c32\ntimeout 600\ntotaltimeout 0\n",
            true,
            Some(60),
            Menu,
        ),
        ("ui menu.c32\ntotaltimeout 9000\n", true, Some(900), Menu),
        (
            "ui menu.c32\nmenu hidden\ntimeout 30\n",
            true,
            Some(3),
            Countdown,
        ),
        ("ui menu.c32\nmenu hidden\n", false, None, Menu),
        (
            "ui menu.c32\nmenu shiftkey\ntimeout 30\n",
            true,
            Some(0),
            Hidden,
        ),
    ] {
        let found = listed_with(&format!("{config}label a\nlinux k\n"), &[]);
        let expected = MenuWait {
            stated,
            seconds,
            style,
        };
        assert_eq!(found.wait, expected, "{config}");
    }
    // It is the menu that is shown in the end which says how long.
    let files = [("/s/m.cfg", "timeout 70\nlabel a\nlinux k\n")];
    let found = listed_with("default menu.c32 m.cfg\ntimeout 10\n", &files);
    assert_eq!(found.wait.seconds, Some(7));
    assert_eq!(summary(&found), ["*a: BOOT_IMAGE=k"], "chosen beforehand");
    let found = listed_with("default config.c32 m.cfg\ntimeout 10\n", &files);
    assert_eq!(summary(&found), ["a: BOOT_IMAGE=k"], "read as the first");
    let files = [("/s/m.cfg", "timeout 70\nlabel b\nlinux k\n")];
    let config =
        "ui menu.c32\ntimeout 10\nlabel a\nlinux k\nlabel m\nkernel menu.c32\nappend m.cfg\n";
    assert_eq!(listed_with(config, &files).wait.seconds, Some(1));
}

#[test]
fn commands_without_a_label() {
    let labels = "append all\nlabel a\nlinux k\nappend b\n";
    assert_eq!(
        listed(&format!("default a more \n{labels}")),
        ["*a: BOOT_IMAGE=k b more", "a: BOOT_IMAGE=k b"]
    );
    assert_eq!(
        listed(&format!("default k x\n{labels}")),
        ["*k x: BOOT_IMAGE=k all x", "a: BOOT_IMAGE=k b"]
    );
    let found = listed_with(&format!("implicit 0\ndefault k\n{labels}"), &[]);
    assert_eq!(problems(&found.entries[0]), ["there is no label `k`"]);
    // What a label does, too, is that label.
    assert_eq!(
        listed(
            "ui menu.c32\ntimeout 5\nontimeout k b\nlabel a\nlinux k\nlabel b\nlinux k\nappend b\n"
        ),
        ["a: BOOT_IMAGE=k", "*b: BOOT_IMAGE=k b"]
    );
    // U-Boot takes the whole line for the name.
    let config = "default Linux 6\nlabel Linux 5\nlinux k\nlabel Linux 6\nlinux k six\n";
    assert_eq!(
        listed(config),
        ["Linux 5: BOOT_IMAGE=k", "*Linux 6: BOOT_IMAGE=k six"]
    );
}

#[test]
fn menus_in_menus() {
    let config = "ui menu.c32\nmenu title Top\nlabel a\nlinux k\n\
                  menu begin adv\nmenu label ^Advanced\nmenu title Other\n\
                  label b\nlinux k b\nmenu begin inner\nmenu default\nlabel c\nlinux k c\nmenu end\n\
                  label back\nmenu label ^Back..\nmenu exit\nmenu end\n\
                  menu begin\nmenu title Second\nmenu default\nlabel d\nlinux k d\nmenu separator\n\
                  label e\nlinux k e\nmenu default\nmenu end\nmenu end\n\
                  label hidden\nmenu hide\nlinux k\nlabel to\nmenu goto adv\nlabel last\nlinux k l\n";
    assert_eq!(
        listed(config),
        [
            "a: BOOT_IMAGE=k",
            "Advanced>b: BOOT_IMAGE=k b",
            "Advanced>inner>c: BOOT_IMAGE=k c",
            "Second>d: BOOT_IMAGE=k d",
            "*Second>e: BOOT_IMAGE=k e",
            "last: BOOT_IMAGE=k l",
        ]
    );
    let config = config.replace("label b", "menu start\nlabel b");
    assert_eq!(
        listed(&config)[2],
        "*Advanced>inner>c: BOOT_IMAGE=k c",
        "the menu that is shown first"
    );
    // A label in a menu further down, or a hidden one.
    assert_eq!(
        listed(&config.replace("ui menu.c32", "default b"))[1],
        "*Advanced>b: BOOT_IMAGE=k b"
    );
    assert_eq!(
        listed(&config.replace("ui menu.c32", "default hidden"))[0],
        "*hidden: BOOT_IMAGE=k"
    );
}

#[test]
fn menus_in_menus_have_keys() {
    let config = "ui menu.c32\nmenu begin adv\nmenu label ^Advanced\nmenu title ^Other\n\
                  menu begin\nmenu title Mo^re\nlabel a\nmenu label ^Second\nlinux k\nmenu end\nmenu end\n\
                  label far\nmenu label ^Far\nconfig /far.cfg\nlabel b\nlinux k\n";
    let found = listed_with(config, &[("/far.cfg", "label c\nlinux k\n")]);
    let keys = |entry: &BootEntry| (entry.submenu.join(">"), entry.submenu_keys.clone());
    let key = |key| Some(HotKey::Char(key));
    assert_eq!(
        found.entries.iter().map(keys).collect::<Vec<_>>(),
        [
            ("Advanced>More".to_owned(), vec![key('a'), key('r')]),
            (String::new(), vec![]),
            ("Far".to_owned(), vec![key('f')]),
        ]
    );
    assert_eq!(found.entries[0].hot_key, key('s'));
}

#[test]
fn includes_are_read_in_their_place() {
    let files = [
        ("/s/a.cfg", "label a\nlinux k\n"),
        ("/s/sub/b.cfg", "append more\ninclude a.cfg\n"),
        ("/loop.cfg", "label x\nlinux k x\ninclude /loop.cfg\n"),
    ];
    let config = "label first\nlinux k\ninclude sub/b.cfg\nmenu include a.cfg ^In a menu\n\
                  include gone.cfg\ninclude /loop.cfg\nlabel last\nlinux k";
    let found = listed_with(config, &files);
    assert_eq!(
        summary(&found),
        [
            "first: BOOT_IMAGE=k more",
            "a: BOOT_IMAGE=k",
            "x: BOOT_IMAGE=k x",
            "last: BOOT_IMAGE=k",
        ],
        "what is included twice is listed once"
    );
    assert_eq!(
        found.problems,
        [
            "/loop.cfg, line 3: /loop.cfg is not read: it includes itself",
            "included and not there: /s/gone.cfg",
        ]
    );
}

#[test]
fn an_include_with_a_name_is_a_menu() {
    let files = [("/s/a.cfg", "menu title Other\nlabel a\nlinux k a\n")];
    for keyword in ["include", "menu include"] {
        let config = format!("ui menu.c32\n{keyword} a.cfg ^In a menu\nlabel last\nlinux k\n");
        let found = listed_with(&config, &files);
        let entries = found.entries.iter();
        let menus: Vec<_> = entries.map(|entry| entry.submenu.join(">")).collect();
        assert_eq!(menus, ["Other", ""], "{keyword}");
    }
}

/// As deep as in SYSLINUX itself.
#[test]
fn includes_have_a_depth() {
    let names: Vec<(String, String)> = (1..20)
        .map(|i| {
            let text = format!("label {i}\nlinux k {i}\ninclude {}\n", i + 1);
            (format!("/s/{i}"), text)
        })
        .collect();
    let files: Vec<(&str, &str)> = names
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let found = listed_with("include 1\n", &files);
    assert_eq!(found.entries.len(), 15);
    assert_eq!(
        found.problems,
        ["/s/15, line 3: /s/16 is not read: too many includes"]
    );
}

#[test]
fn configurations_lead_to_others() {
    let files = [
        (
            "/s/m.cfg",
            "label m\nlinux k m\nlabel n\nlinux k n\nmenu default\nlabel back\nconfig /s/syslinux.cfg\n",
        ),
        ("/t/o.cfg", "label o\nlinux k o\n"),
        ("/t/k", ""),
    ];
    // The menu of another file is shown: what is in this one is in no menu.
    let found = listed_with("default vesamenu.c32 m.cfg\nlabel x\nlinux k\n", &files);
    assert_eq!(summary(&found), ["m: BOOT_IMAGE=k m", "*n: BOOT_IMAGE=k n"]);
    let config = "default go\nlabel go\ncom32 whichsys.c32\nappend -pxe- pxe -sys- sys -iso- sys\n\
                  label pxe\nconfig gone.cfg\nlabel sys\nconfig m.cfg\n";
    assert_eq!(summary(&listed_with(config, &files)), summary(&found));
    // Entries that lead on, with a directory of their own.
    let config = "label a\nlinux k\nlabel more\nmenu label ^More..\nkernel vesamenu.c32\nappend m.cfg\n\
                  label other\ncom32 config.c32\nappend ../t/o.cfg /t\nlabel self\nkernel menu.c32\nlabel z\nlinux k z\n";
    let found = listed_with(config, &files);
    assert_eq!(
        summary(&found),
        [
            "a: BOOT_IMAGE=k",
            "z: BOOT_IMAGE=k z",
            "More..>m: BOOT_IMAGE=k m",
            "More..>n: BOOT_IMAGE=k n",
            "other>o: BOOT_IMAGE=k o",
        ]
    );
    assert_eq!(
        found.entries[4].kernel.as_ref().unwrap().path.as_str(),
        "/t/k"
    );
    assert_eq!(found.problems, [""; 0]);
}

#[test]
fn modules_and_other_kinds() {
    for (label, kind, reason) in [
        (
            "com32 ifcpu64.c32\nappend six -- old",
            PayloadKind::Linux,
            "",
        ),
        (
            "com32 linux.c32\nappend /k x initrd=/i",
            PayloadKind::Linux,
            "",
        ),
        (
            "kernel chain.c32\nappend hd0",
            PayloadKind::Efi,
            "by a BIOS",
        ),
        ("com32 reboot.c32", PayloadKind::Efi, "program for SYSLINUX"),
        ("localboot 0x80", PayloadKind::Efi, "next disk"),
        ("kernel x.bin", PayloadKind::Efi, "code for a BIOS"),
        ("boot x", PayloadKind::Efi, "code for a BIOS"),
        ("kernel memdisk\ninitrd /i", PayloadKind::Efi, "disk image"),
        ("kernel /gone", PayloadKind::Linux, "/gone is not there"),
        ("kernel http://a/k", PayloadKind::Linux, "network"),
        ("kernel 10.0.0.1::k", PayloadKind::Linux, "network"),
        ("kernel ::k", PayloadKind::Linux, ""),
        (
            "append x",
            PayloadKind::Linux,
            "it names no kernel, and /s/x is not there",
        ),
        ("linux k\nmenu disable", PayloadKind::Linux, "menu disable"),
        ("linux k\nmenu passwd x", PayloadKind::Linux, "password"),
        (
            "linux k\nappend initrd=",
            PayloadKind::Linux,
            "names no file",
        ),
        ("linux k\nappend \u{fffd}", PayloadKind::Linux, "not UTF-8"),
        (
            "com32 mboot.c32\nappend /k a --- /i --- /gone b",
            PayloadKind::Multiboot,
            "/gone",
        ),
        (
            "com32 mboot.c32\nappend -c boot.cfg",
            PayloadKind::Multiboot,
            "Multiboot",
        ),
    ] {
        let config = format!("label x\n{label}\nlabel six\nlinux k\nmenu hide\n");
        let files = [("/s/boot.cfg", "kernel=/k\nmodules=/i"), ("/s/memdisk", "")];
        let found = listed_with(&config, &files);
        let entry = &found.entries[0];
        assert_eq!(entry.kind, kind, "{label}");
        let said = problems(entry).join("; ");
        assert_eq!(entry.bootable(), reason.is_empty(), "{label}: {said}");
        assert!(said.contains(reason), "{label}: {said}");
        if kind == PayloadKind::Multiboot {
            assert_eq!(entry.kernel.as_ref().unwrap().path.as_str(), "/k");
            assert_eq!(entry.modules[0].file.path.as_str(), "/i");
        }
    }
}

#[test]
fn what_u_boot_writes() {
    let config = "timeout 30\ndefault l0\nmenu title U-Boot menu\nlabel l0\n\tmenu label Debian\n\
                  \tlinux /k\n\tinitrd /i\n\tfdtdir /dtb\n\tfdt /i\n\tfdtoverlays a.dtbo b.dtbo\n\
                  \tappend root=${root}\n";
    let found = listed_with(config, &[]);
    let entry = &found.entries[0];
    assert!(entry.default && entry.bootable());
    assert_eq!(entry.devicetree.as_ref().unwrap().path.as_str(), "/i");
    assert_eq!(
        problems(entry),
        [
            "`fdtdir /dtb`: U-Boot picks a device tree there by the name of its board, and this machine has none: not \
             passed on",
            "`fdtoverlays a.dtbo b.dtbo`: kexec lays no device tree over another: not passed on",
            "`fdt` has no meaning on this machine: not passed on",
            "it holds `${`: no variables are filled in, as U-Boot would",
        ]
    );
}

#[test]
fn texts_and_oddities() {
    let config = "text help\nlabel no\nendtext\n# c\n#c\nlabel a\nlinux k\n  text help\nlabel no\n\
                  ENDTEXT\nfoo bar\nmenu nonsense\nf1 x\nf13 y\nipappend 2\nsay hello\n";
    let found = listed_with(config, &[]);
    assert_eq!(summary(&found), ["a: BOOT_IMAGE=k"]);
    assert_eq!(
        found.problems,
        [
            "/s/syslinux.cfg, line 11: `foo` is not known: passed over",
            "/s/syslinux.cfg, line 14: `f13` is not known: passed over",
        ]
    );
    assert_eq!(
        problems(&found.entries[0]),
        ["`sysappend 0x2`: what only the network or the machine itself knows is left out: BOOTIF"]
    );
}

#[test]
fn what_sysappend_adds() {
    let content = Content {
        format: Some(Format::Fat),
        uuid: Some("12AB-34CD".to_owned()),
        label: None,
    };
    let known = Known {
        smbios: None,
        content: Some(&content),
    };
    // Outside of labels for those behind it that have none of their own; octal, too.
    let config = "sysappend 0x40000\nlabel a\nlinux k\nlabel b\nlinux k\ninitrd i\nappend x\nipappend 01000003\n\
                  label c\nlinux k\nsysappend 0\nsysappend 262148\nlabel d\nlinux k\nsysappend 0\n\
                  label e\ncom32 mboot.c32\nappend k\n";
    let found = listed_where(config.as_bytes(), &[], known);
    assert_eq!(
        summary(&found),
        [
            "a: BOOT_IMAGE=k FSUUID=12AB-34CD",
            "b: BOOT_IMAGE=k x initrd=i FSUUID=12AB-34CD",
            "c: BOOT_IMAGE=k FSUUID=12AB-34CD",
            "d: BOOT_IMAGE=k",
            "!e: ",
        ]
    );
    let said: Vec<_> = found.entries.iter().map(problems).collect();
    let left_out = |mask: &str, names: &str| {
        format!(
            "`sysappend {mask}`: what only the network or the machine itself knows is left out: {names}"
        )
    };
    assert!(said[0].is_empty() && said[3].is_empty());
    assert_eq!(said[1], [left_out("0x40003", "ip, BOOTIF")]);
    assert_eq!(said[2], [left_out("0x40004", "SYSUUID")]);
}

/// Bytes of older systems: a title is shown, and what would be another file or option is not started.
#[test]
fn latin_1() {
    let config = b"menu title \xc4\nlabel caf\xe9\nmenu label Caf\xe9 ^noir\nlinux k\nlabel b\nlinux k\nappend \xfc\n\
                   label c\nlinux k\xe9\nlabel d\nlinux k\ninitrd i,\xe9\ninclude \xe9.cfg\n";
    let found = listed_where(config, &[], Known::default());
    assert_eq!(
        summary(&found),
        [
            "Caf\u{fffd} noir: BOOT_IMAGE=k",
            "!b: BOOT_IMAGE=k \u{fffd}",
            "!c: BOOT_IMAGE=k\u{fffd}",
            "!d: BOOT_IMAGE=k initrd=i,\u{fffd}",
        ]
    );
    let damaged = "its command line is not UTF-8 text: the configuration is damaged";
    for entry in &found.entries[1..] {
        assert_eq!(problems(entry).last(), Some(&damaged));
    }
    assert_eq!(found.problems, ["included and not there: /s/\u{fffd}.cfg"]);
}

#[test]
fn problems_of_an_entry_are_counted() {
    let config = format!("label a\nlinux gone\n{}", "fdtdir /d\n".repeat(5000));
    let found = listed_with(&config, &[]);
    let said = problems(&found.entries[0]);
    assert!(said[0].starts_with("`fdtdir /d`: U-Boot picks"));
    assert_eq!(
        said[16..],
        ["/s/gone is not there", "and 4984 more remarks"]
    );
    assert!(!found.entries[0].bootable());

    let initrds = " initrd=x".repeat(100);
    let found = listed_with(
        &format!("label a\nlinux k\nappend initrd=i{initrds}\n"),
        &[],
    );
    let said = problems(&found.entries[0]);
    assert_eq!((said.len(), said[16]), (17, "and 84 more remarks"));
    assert!(found.entries[0].bootable());
}

/// As SYSLINUX 6 on FAT finds nothing by such a name.
#[test]
fn a_backslash_is_no_separator() {
    let found = listed_with("label a\nlinux \\s\\k\n", &[]);
    assert_eq!(problems(&found.entries[0]), ["/s/\\s\\k is not there"]);
}

/// Everything that multiplies has an end.
#[test]
fn bounds() {
    let many = "label a\nlinux k\n".repeat(2000);
    let found = listed_with(&many, &[]);
    assert_eq!(found.entries.len(), 1024);
    assert_eq!(
        found.problems,
        ["there are over 1024 labels: the rest is left out"]
    );

    let deep = "menu begin x\nlabel a\nlinux k\n".repeat(300);
    let found = listed_with(&deep, &[]);
    let deepest = found.entries.iter().map(|entry| entry.submenu.len()).max();
    assert_eq!((found.entries.len(), deepest), (300, Some(7)));

    // Each file twice the next one: 2 to the power of 30.
    let names: Vec<(String, String)> = (0..30)
        .map(|i| {
            (
                format!("/s/{i}"),
                format!("include {0}\ninclude {0}\n", i + 1),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = names
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let found = listed_with("include 0\n", &files);
    assert!(found.problems[0].contains("too many includes"));

    let config =
        "default a\nlabel a\ncom32 ifcpu64.c32\nappend b\nlabel b\ncom32 ifcpu64.c32\nappend a\n";
    let found = listed_with(config, &[]);
    assert!(problems(&found.entries[0])[0].contains("without an end"));

    // Configurations that lead to each other in new directories.
    let config = "label a\nconfig /s/syslinux.cfg x\n";
    let found = listed_with(config, &[]);
    assert!(
        found.problems[0].contains("too many others"),
        "{:?}",
        found.problems
    );

    let long = format!("label a\nlinux k\nappend {}\n", "x".repeat(5000));
    let found = listed_with(&long, &[]);
    assert!(found.problems[0].contains("4096 bytes"));
}

/// A configuration of so many labels.
fn labels(count: usize) -> String {
    let label = |number| format!("label {number}\nlinux /k\n");
    (0..count).map(label).collect()
}

#[test]
fn entries_take_no_more_than_their_share() {
    let deep = format!("{},", "/a".repeat(28)).repeat(64);
    let menu = format!("menu begin\nmenu title {}\n", "t".repeat(4000));
    let include = format!("menu include {} x\n", "/n".repeat(1000));
    for (lines, listed, limit) in [
        (
            format!("append initrd={deep}\n"),
            50..500,
            "reading entries takes more than 16777216 steps",
        ),
        (
            format!("{}append {}\n", menu.repeat(7), "p".repeat(4000)),
            400..600,
            "entries take more than 16384 KiB of memory",
        ),
        (
            include.repeat(500),
            0..1,
            "includes are left out: reading entries takes more than 16777216 steps",
        ),
    ] {
        let config = lines + &labels(1024);
        let found = listed_with(&config, &[]);
        assert!(
            found.problems.iter().any(|text| text.contains(limit)),
            "{:?}",
            found.problems
        );
        assert!(
            listed.contains(&found.entries.len()),
            "{}",
            found.entries.len()
        );
    }
}

/// Names that are compared with long names of labels take time, too.
#[test]
fn looking_for_labels_takes_steps() {
    let name = "n".repeat(950);
    let label = |number| format!("label {name}{number}\ncom32 ifcpu64.c32\nappend {name}x\n");
    let config: String = (0..500).map(label).collect();
    let filesystem = MemoryFilesystem::new().file("/s/syslinux.cfg", config);
    let budget = Budget::of_program();
    let found = list_within(&budget, &filesystem, Known::default());
    assert!(found.entries.len() < 200, "{}", found.entries.len());
    let last = found.problems.last().unwrap();
    assert!(last.contains("reading entries takes more than"), "{last}");
}

/// As many labels as a configuration may have, of usual size, fit into the share of one volume among many.
#[test]
fn usual_labels_fit() {
    let initrd = "append initrd=/boot/initrd.img-6.1.0-18-amd64";
    let config = format!("{initrd} {}\n{}", "x".repeat(200), labels(1024));
    let filesystem = MemoryFilesystem::new().file("/s/syslinux.cfg", config);
    let disk = Budget::of_disk(16);
    let count = disk.share(|share| {
        let found = list_within(share, &filesystem, Known::default());
        assert_eq!(found.problems, [""; 0]);
        found.entries.len()
    });
    assert_eq!(count, 1024);
}

proptest! {
    #[test]
    fn any_bytes_are_a_configuration(bytes: Vec<u8>) {
        let found = listed_with(&String::from_utf8_lossy(&bytes), &[]);
        prop_assert!(found.entries.len() <= 1);
    }

    #[test]
    fn any_lines_are_a_configuration(lines in prop::collection::vec((
        "label|kernel|linux|com32|config|append|initrd|default|ui|ontimeout|menu|menu begin|menu end|menu label|\
         menu default|menu include|include|timeout|prompt|text|endtext|menu start|menu hide|implicit|localboot",
        "[ab/k] ?[a-c]?|0|1|syslinux.cfg|menu.c32 ?[a-c]?|ifcpu64.c32|-sys- a|a b --- c|initrd=i",
    ), 0..40)) {
        let text: String = lines.iter().map(|(key, value)| format!("{key} {value}\n")).collect();
        let found = listed_with(&text, &[("/s/a", "label in\nlinux k\ninclude b\n"), ("/s/b", "menu end\n")]);
        let defaults = found.entries.iter().filter(|entry| entry.default).count();
        prop_assert!(defaults <= 1);
        prop_assert!(found.entries.iter().all(|entry| !entry.title.is_empty() && entry.submenu.len() <= 24));
    }
}
