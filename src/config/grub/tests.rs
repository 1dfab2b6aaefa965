//! Configurations from their first line to the list.

use super::{Evaluated, Platform, evaluate, execute_scripts};
use crate::entry::{BootEntry, FileRef, PayloadKind, SavedVariables};
use crate::fs::{FsPath, MemoryFilesystem};
use crate::inventory::Inventory;
use crate::smbios::Smbios;

/// Evaluates `/boot/grub/grub.cfg` of a disk that has these files.
fn listed(config: &str, files: &[(&str, &str)]) -> Evaluated {
    let filesystem = files
        .iter()
        .fold(MemoryFilesystem::new(), |all, (path, text)| {
            all.file(path, *text)
        });
    let filesystem = filesystem.file("/boot/grub/grub.cfg", config);
    let mut inventory = Inventory::new();
    let volume = inventory.add_filesystem("abc-def", Box::new(filesystem));
    let path = FsPath::new("/boot/grub/grub.cfg").unwrap();
    evaluate(&inventory, &FileRef { volume, path }, Platform::Efi)
}

/// Of each entry: its id, its submenus, whether it is the default, and its command line.
fn summary(found: &Evaluated) -> Vec<String> {
    let entries = found.entries.iter();
    entries
        .map(|entry| {
            let star = if entry.default { "*" } else { "" };
            let menus = entry.submenu.join("/");
            format!("{star}{} [{menus}] {}", entry.id, entry.cmdline)
        })
        .collect()
}

fn problems(entry: &BootEntry) -> Vec<&str> {
    entry.problems.iter().map(|p| p.text.as_str()).collect()
}

const KERNELS: [(&str, &str); 3] = [("/k1", ""), ("/k2", ""), ("/i", "")];

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
    let initrds: Vec<&str> = entry.initrd.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(initrds, ["/i", "/k2"]);
    assert_eq!(entry.origin.line, Some(2));
    assert!(entry.default && entry.bootable());
}

#[test]
fn submenus_and_the_way_to_the_default() {
    let config = "set default='adv>b'\nlocal=1\nexport shared\nshared=2\n\
                  menuentry A --id a { linux /k1 $local $shared $1; }\n\
                  submenu 'Advanced' --id adv {\n\
                  menuentry 'Old>er' { linux /k1 x; }\n\
                  menuentry B --id b { linux /k2 $local $shared $1 $chosen; }\n}\n";
    let found = listed(config, &KERNELS);
    assert_eq!(
        summary(&found),
        [
            "a [] BOOT_IMAGE=/k1 1 2 A",
            "adv>Old>>er [Advanced] BOOT_IMAGE=/k1 x",
            "*adv>b [Advanced] BOOT_IMAGE=/k2 2 B adv>b",
        ]
    );
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
            (
                false,
                vec!["it is an EFI program, and kexec starts Linux kernels only"]
            ),
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
    let config = "menuentry A { if keystatus --shift; then linux /k2; else linux /k1; fi; }\n\
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
fn menus_say_what_went_wrong_in_them() {
    let config = "submenu S { frobnicate; menuentry A { linux /k1; }; }\n\
                  submenu T { menuentry B { linux /k1; }; while true; do true; done; }\n";
    let found = listed(config, &KERNELS);
    assert_eq!(found.entries.len(), 2);
    assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
    assert!(found.problems[0].ends_with("can't find command `frobnicate'"));
    assert!(found.problems[1].starts_with("the evaluation of a menu was ended"));
}

#[test]
fn attacks_on_memory_end() {
    for config in [
        "a=x\nwhile true; do a=$a$a; done\n",
        "function f { while true; do setparams \"$@\" \"$@\"; done; }\nf ''\n",
        "a=xxxxxxxxxxxxxxxx\nfor i in 1 2 3 4 5 6 7 8 9 10; do a=$a$a$a$a; done\n\
         echo $a $a $a $a $a $a $a $a $a $a\n",
        "while true; do source /boot/grub/grub.cfg; done\n",
        "while true; do save_env a b c; load_env; done\n",
    ] {
        let found = listed(config, &KERNELS);
        assert_eq!(found.entries.len(), 0);
        assert!(!found.problems.is_empty(), "{config}");
    }
}

#[test]
fn other_configurations() {
    let files = [
        ("/k1", ""),
        ("/a.cfg", "menuentry fromA { linux /k1 $own $shared; }\n"),
        ("/empty.cfg", "x=1\n"),
    ];
    let stub = "own=1; shared=2; export shared\nconfigfile /empty.cfg\nconfigfile /a.cfg\n\
                menuentry never { true; }\n";
    let found = listed(stub, &files);
    assert_eq!(summary(&found), ["*fromA [] BOOT_IMAGE=/k1 2"]);
    assert_eq!(found.reached.len(), 3);
    let inside = "menuentry M { configfile /a.cfg; }\nsource /a.cfg\n";
    assert_eq!(
        summary(&listed(inside, &files)),
        ["*M>fromA [M] BOOT_IMAGE=/k1", "fromA [] BOOT_IMAGE=/k1"]
    );
    let gone = listed("configfile /gone\nmenuentry A { linux /k1; }\n", &files);
    assert_eq!(gone.entries.len(), 1);
    assert_eq!(
        gone.problems,
        ["(hd0,gpt2)/boot/grub/grub.cfg, line 1, column 1: file `/gone' not found"]
    );
}

#[test]
fn menus_that_lead_back_are_listed_once() {
    let config = "menuentry A { linux /k1; }\nmenuentry Again { configfile /boot/grub/grub.cfg; }\n\
                  menuentry Here { normal; }\nmenuentry Tools { configfile /tools.cfg; }\n";
    let tools = "menuentry T { linux /k1; }\nmenuentry Back { configfile /boot/grub/grub.cfg; }\n";
    let found = listed(config, &[("/k1", ""), ("/tools.cfg", tools)]);
    let ids: Vec<&str> = found.entries.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["A", "Again", "Here", "Tools>T", "Tools>Back"]);
    for entry in [1, 2, 4] {
        assert_eq!(
            problems(&found.entries[entry]),
            ["it leads back to a menu that it is in"]
        );
    }
}

#[test]
fn state_of_the_environment_block() {
    let mut block = "# GRUB Environment Block\nsaved_entry=B\nnext_entry=C\n".to_owned();
    block.push_str(&"#".repeat(1024 - block.len()));
    let config = "load_env\n\
                  if [ \"${next_entry}\" ]; then set default=\"${next_entry}\"; set next_entry=; \
                  save_env next_entry; else set default=\"${saved_entry}\"; fi\n\
                  for x in A B C; do menuentry $x { linux /k1 $1; savedefault; }; done\n";
    let files = [("/k1", ""), ("/boot/grub/grubenv", block.as_str())];
    let found = listed(config, &files);
    let defaults: Vec<&str> = found
        .entries
        .iter()
        .filter(|entry| entry.default)
        .map(|entry| entry.id.as_str())
        .collect();
    assert_eq!(defaults, ["C"]);
}

/// Of each entry: what it saves in which file.
fn saves(found: &Evaluated) -> Vec<Vec<String>> {
    let text = |saved: &SavedVariables| {
        let path = &saved.file.path;
        let variables = saved.variables.iter();
        let variables: Vec<String> = variables
            .map(|(name, value)| match value {
                Some(value) => format!("{name}={value}"),
                None => format!("-{name}"),
            })
            .collect();
        format!("{path}: {}", variables.join(" "))
    };
    let entries = found.entries.iter();
    entries
        .map(|entry| entry.saves.iter().map(text).collect())
        .collect()
}

fn environment(lines: &str) -> String {
    let mut block = format!("# GRUB Environment Block\n{lines}");
    block.push_str(&"#".repeat(1024 - block.len()));
    block
}

#[test]
fn an_entry_carries_what_is_saved_before_it_is_started() {
    let block = environment("saved_entry=B\nnext_entry=C\n");
    let config = "load_env\n\
                  if [ \"${next_entry}\" ]; then set default=\"${next_entry}\"; set next_entry=; \
                  save_env next_entry; fi\n\
                  function savedefault { saved_entry=\"${chosen}\"; save_env saved_entry; }\n\
                  menuentry A { savedefault; linux /k1; }\n\
                  submenu S { recordfail=1; save_env recordfail\n\
                  menuentry C { savedefault; unset recordfail; save_env recordfail other; linux /k1; }\n}\n\
                  menuentry D { linux /k1; }\n\
                  menuentry E { next_entry=x; save_env next_entry; next_entry=y; save_env next_entry; \
                  save_env -f /other next_entry; linux /k1; }\n";
    let other = environment("");
    let files = [
        ("/k1", ""),
        ("/boot/grub/grubenv", block.as_str()),
        ("/other", other.as_str()),
    ];
    let found = listed(config, &files);
    let own = |text: &str| format!("/boot/grub/grubenv: {text}");
    assert_eq!(
        saves(&found),
        [
            vec![own("next_entry= saved_entry=A")],
            vec![own("next_entry= -recordfail saved_entry=S>C -other")],
            vec![own("next_entry=")],
            vec![own("next_entry=y"), "/other: next_entry=y".to_owned()],
        ]
    );
}

#[test]
fn what_was_saved_is_loaded_again_and_has_to_fit() {
    let block = environment("");
    let config = "a=1; b=x; save_env a b; unset b; save_env b; a=2; b=y; load_env\n\
                  long=0123456789012345678901234567890123456789\n\
                  for i in 1 2 3 4 5; do long=$long$long; done\n\
                  save_env long\n\
                  menuentry A { linux /k1 $a $b; }\n";
    let files = [("/k1", ""), ("/boot/grub/grubenv", block.as_str())];
    let found = listed(config, &files);
    assert_eq!(summary(&found), ["*A [] BOOT_IMAGE=/k1 1 y"]);
    assert_eq!(saves(&found), [["/boot/grub/grubenv: a=1 -b"]]);
    assert_eq!(
        found.problems,
        ["(hd0,gpt2)/boot/grub/grub.cfg, line 4, column 1: environment block too small"]
    );
}

#[test]
fn a_configuration_without_a_block_saves_nothing() {
    let found = listed("menuentry A { save_env a; linux /k1; }\n", &KERNELS);
    assert_eq!(saves(&found), [[""; 0]]);
    assert_eq!(problems(&found.entries[0]).len(), 1);
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
        ["GRUB starts it only for root anna, with a password"]
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
fn fedora() {
    let entry = |version: &str| {
        format!(
            "title Fedora {version}\nversion {version}\nlinux /vmlinuz-{version}\n\
             initrd /initramfs-{version}.img $tuned_initrd\n\
             options root=/dev/x ro $kernelopts \\$literal\noptions never\n\
             grub_users $grub_users\ngrub_arg --unrestricted\ngrub_class fedora\n"
        )
    };
    let (old, new) = (entry("6.9.12-200.fc40"), entry("6.11.4-301.fc41"));
    let files = [
        ("/loader/entries/abc-6.9.12-200.fc40.conf", old.as_str()),
        ("/loader/entries/abc-6.11.4-301.fc41.conf", new.as_str()),
        ("/vmlinuz-6.9.12-200.fc40", ""),
        ("/vmlinuz-6.11.4-301.fc41", ""),
        ("/initramfs-6.11.4-301.fc41.img", ""),
    ];
    let config =
        "set kernelopts='a b'\nsearch --fs-uuid --set=boot abc-def\ninsmod blscfg\nblscfg\n";
    let found = listed(config, &files);
    assert_eq!(found.problems, [""; 0]);
    assert_eq!(
        summary(&found),
        [
            "*abc-6.11.4-301.fc41 [] BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.11.4-301.fc41 root=/dev/x ro a b $literal",
            "abc-6.9.12-200.fc40 [] BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.9.12-200.fc40 root=/dev/x ro a b $literal",
        ]
    );
    assert_eq!(
        found.entries[0].origin.file.path.as_str(),
        "/loader/entries/abc-6.11.4-301.fc41.conf"
    );
    assert_eq!(problems(&found.entries[0]), [""; 0]);
    assert_eq!(
        problems(&found.entries[1]),
        ["file `/initramfs-6.9.12-200.fc40.img' not found"]
    );
    assert_eq!(found.reached.len(), 3);
}

#[test]
fn variables_that_are_not_set_are_told() {
    let config = "empty=\nsubmenu S { menuentry A {\n  linux /k1 root=$x ro $kernelopts \"$x\" \\\n $empty\n\
                  initrd /i $more\n}\nmenuentry B { linux /k1 $vt_handoff ${extra_cmdline} $1 $4 $@; }\n\
                  menuentry C { k=$unset; linux /k1 $k; devicetree /i$dt; }; }\n";
    let found = listed(config, &KERNELS);
    let name = "(hd0,gpt2)/boot/grub/grub.cfg";
    let told = |place: &str, variable: &str| {
        format!("{name}, {place}: the variable `{variable}' is not set, and vanishes")
    };
    let all: Vec<Vec<&str>> = found.entries.iter().map(problems).collect();
    assert_eq!(
        all,
        [
            vec![
                told("line 3, column 3", "x"),
                told("line 3, column 3", "kernelopts"),
                told("line 3, column 3", "empty"),
                told("line 5, column 1", "more"),
            ],
            vec![told("line 7, column 15", "4")],
            vec![told("line 8, column 39", "dt")],
        ]
    );
    assert!(found.entries.iter().all(BootEntry::bootable));
}

#[test]
fn variables_that_are_not_set_are_told_of_entries_of_the_specification() {
    let conf = "title F\nlinux /k1\n# x\noptions ro $kernelopts $tuned_params $a $kernelopts\n\
                grub_users $grub_users\n";
    let files = [("/k1", ""), ("/loader/entries/f.conf", conf)];
    let found = listed("a=1\nblscfg\n", &files);
    assert_eq!(summary(&found), ["*f [] BOOT_IMAGE=(hd0,gpt2)/k1 ro 1"]);
    assert_eq!(
        problems(&found.entries[0]),
        ["/loader/entries/f.conf, line 4: the variable `kernelopts' is not set, and vanishes"]
    );
}

#[test]
fn only_entries_that_are_offered_count_as_read() {
    let files = [
        ("/k1", ""),
        ("/loader/entries/a.conf", "linux /k1\n"),
        ("/loader/entries/b.conf", "linux /k1\n"),
        ("/loader/entries/c.conf", "title without a kernel\n"),
    ];
    let read = |config: &str| {
        let found = listed(config, &files);
        let reached = found.reached.iter();
        let names = reached.filter_map(|file| file.path.as_str().strip_prefix("/loader/entries/"));
        let names: Vec<String> = names.map(str::to_owned).collect();
        (found.entries.len(), names.join(" "), found.problems)
    };
    let (entries, names, problems) = read("blscfg\n");
    assert_eq!((entries, names.as_str()), (2, "a.conf b.conf"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    let (entries, names, problems) = read("default=b\nblscfg default\n");
    assert_eq!((entries, names.as_str()), (1, "a.conf b.conf c.conf"));
    assert_eq!(
        problems,
        [
            "/loader/entries/c.conf: `blscfg default' leaves it out",
            "/loader/entries/a.conf: `blscfg default' leaves it out",
        ]
    );
    let (entries, names, problems) = read("default=b\nblscfg default\nblscfg non-default\n");
    assert_eq!((entries, names.as_str()), (2, "a.conf b.conf"));
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn a_script_that_starts_a_kernel_itself() {
    let found = listed(
        "linux /k1 a\ninitrd /i\nboot\nmenuentry never { true; }\n",
        &KERNELS,
    );
    assert_eq!(
        summary(&found),
        ["*/boot/grub/grub.cfg [] BOOT_IMAGE=/k1 a"]
    );
    let entry = &found.entries[0];
    assert!(entry.bootable() && entry.initrd.len() == 1);
    assert_eq!(entry.origin.line, Some(3));
    // Without `boot` GRUB stays at its prompt.
    let found = listed("linux /k1 $a\ninitrd /i\n", &KERNELS);
    assert_eq!(found.problems, [""; 0]);
    assert_eq!(
        problems(&found.entries[0]),
        [
            "(hd0,gpt2)/boot/grub/grub.cfg, line 1, column 1: the variable `a' is not set, and vanishes",
            "GRUB loads it and does not start it: the script ends without `boot'"
        ]
    );
    // A kernel that is not there can't be started, and the script goes on.
    let found = listed("linux /gone\nboot\nlinux /k2\nboot\n", &KERNELS);
    assert_eq!(summary(&found), ["*/boot/grub/grub.cfg [] BOOT_IMAGE=/k2"]);
    assert!(found.entries[0].bootable());
    // With a menu in front of it, GRUB starts it all the same.
    let found = listed("menuentry A { linux /k1; }\nlinux /k2\nboot\n", &KERNELS);
    let bootable: Vec<bool> = found.entries.iter().map(BootEntry::bootable).collect();
    assert_eq!(bootable, [true, false]);
    assert_eq!(
        problems(&found.entries[1]),
        [
            "GRUB never shows it: (hd0,gpt2)/boot/grub/grub.cfg, line 3, column 1: \
          `boot' starts a kernel before"
        ]
    );
}

#[test]
fn a_script_that_ends_grub_says_where() {
    for command in ["exit", "halt", "reboot", "fwsetup"] {
        let config =
            format!("menuentry A {{ linux /k1; }}\n\n{command}\nmenuentry B {{ true; }}\n");
        let found = listed(&config, &KERNELS);
        let text = format!(
            "(hd0,gpt2)/boot/grub/grub.cfg, line 3, column 1: `{command}' ends GRUB before it \
             shows a menu"
        );
        assert_eq!(found.problems, std::slice::from_ref(&text));
        assert_eq!(found.entries.len(), 1);
        assert_eq!(
            problems(&found.entries[0]),
            [format!("GRUB never shows it: {text}")]
        );
    }
    // This one only counts for whoever leaves the menu.
    let found = listed(
        "menuentry A { normal_exit; linux /k1; }\nnormal_exit\n",
        &KERNELS,
    );
    assert_eq!(found.problems, [""; 0]);
    assert!(found.entries[0].bootable());
}

#[test]
fn a_submenu_that_loads_a_kernel_starts_it() {
    for body in ["linux /k1", "linux /k1; boot"] {
        let config = format!("submenu S {{ menuentry A {{ linux /k2; }}; {body}; }}\n");
        let found = listed(&config, &KERNELS);
        assert_eq!(summary(&found), ["*S [] BOOT_IMAGE=/k1"]);
        assert!(found.entries[0].bootable());
    }
    let found = listed(
        "submenu S { menuentry A { linux /k2; }; linux /gone; }\n",
        &KERNELS,
    );
    assert_eq!(summary(&found), ["*S>A [S] BOOT_IMAGE=/k2"]);
}

#[test]
fn messages_that_are_left_out_are_counted() {
    let many = "frobnicate; ".repeat(250);
    let found = listed(
        &format!("{many}true\nmenuentry A {{ linux /k1; {many} }}\n"),
        &KERNELS,
    );
    assert_eq!(found.problems.len(), 201);
    assert_eq!(found.problems[200], "50 more messages are left out");
    let entry = problems(&found.entries[0]);
    assert_eq!(entry.len(), 17);
    assert_eq!(entry[16], "234 more messages are left out");
    let long = listed(&format!("{}\n", "é".repeat(2000)), &KERNELS);
    assert!(long.problems[0].len() < 600 && long.problems[0].ends_with('…'));
}

#[test]
fn limits_say_which_one_it_was() {
    let steps = "while true; do true; done";
    let many =
        format!("for i in 1 2 3 4 5 6 7 8 9 a b c d; do menuentry $i {{ {steps}; }}; done\n");
    let found = listed(&many, &KERNELS);
    assert_eq!(
        problems(&found.entries[0]),
        ["its evaluation was ended: it takes more than 100000 steps"]
    );
    let in_all = "the configuration with all its entries takes more than 1000000 steps";
    assert!(found.entries.len() < 13);
    assert_eq!(
        problems(found.entries.last().unwrap()),
        [format!("its evaluation was ended: {in_all}")]
    );
    assert_eq!(
        found.problems,
        [format!("{in_all}: `b' and what follows is left out")]
    );
    for (config, limit) in [
        (
            "function f { f; }\nf\n",
            "it nests calls and loops more than 64 levels",
        ),
        (
            "a=x\nwhile true; do b=$b$a; a=$a$a; done\n",
            "the arguments of a command take more than 1 MiB",
        ),
        (
            "a=x\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do a=$a$a; done\n\
             for i in $a; do for j in 1 2 3 4 5 6 7 8 9; do for k in 1 2 3 4 5 6 7 8 9; do \
             for l in 1 2 3; do set v$j$k$l=$a; done; done; done; done\n",
            "its variables take more than 4 MiB",
        ),
        (
            "a='a '\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do a=\"$a$a\"; done\n\
             while true; do eval \"if false; then b $a; fi\"; done\n",
            "the scripts of the configuration take more than 64 MiB",
        ),
    ] {
        let found = listed(config, &KERNELS);
        let last = found.problems.last().unwrap();
        assert_eq!(*last, format!("the evaluation was ended: {limit}"));
    }
}

/// Each of these commands takes long, and is one command all the same.
#[test]
fn commands_that_take_long_count_for_more() {
    let grow = "a=x; many=\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do a=$a$a; done\n\
                for i in 1 2 3 4 5 6 7 8 9 a b c d; do many=\"$many$many /d/*\"; done\n";
    let directory: Vec<String> = (0..300).map(|i| format!("/d/{i:0200}")).collect();
    let mut files: Vec<(&str, &str)> = directory.iter().map(|n| (n.as_str(), "")).collect();
    let large = "x".repeat(20 << 20);
    files.extend([("/k1", ""), ("/large", large.as_str())]);
    for command in [
        "regexp '(x|y)*(x*)(x*)z' $a",
        "test -e /d/*0*0*0*0*0*0*0*0*0*1*",
        "sha256sum /large",
        "echo /d/*$many",
    ] {
        let often = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do";
        let config = format!("menuentry A {{ {grow} {often} {command}; done; linux /k1; }}\n");
        let found = listed(&config, &files);
        assert_eq!(
            problems(&found.entries[0])[0],
            "its evaluation was ended: it takes more than 100000 steps",
            "{command}"
        );
    }
}

#[test]
fn too_many_files_end_an_evaluation() {
    let names: Vec<String> = (0..200).map(|i| format!("/d/{i}")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    files.push(("/k1", ""));
    let config = "menuentry A { while true; do test -e /d/*/x; done; }\n\
                  menuentry B { linux /k1; }\n";
    let found = listed(config, &files);
    let limit = "the configuration with all its entries reads more than 100000 files";
    assert_eq!(
        problems(&found.entries[0]),
        [format!("its evaluation was ended: {limit}")]
    );
}

/// Copying the state for every entry would take hours.
#[test]
fn many_variables_and_entries_and_functions() {
    let mut config = String::new();
    for i in 0..20_000 {
        config += &format!("v{i}=x\nfunction f{i} {{ true; }}\n");
    }
    for i in 0..5_000 {
        config += &format!("menuentry {i} {{ v{i}=y; linux /k1 $v{i} $v1; }}\n");
    }
    let found = listed(&config, &KERNELS);
    assert_eq!(found.problems, [""; 0]);
    assert_eq!(found.entries.len(), 5_000);
    assert_eq!(found.entries[7].cmdline, "BOOT_IMAGE=/k1 y x");
}

/// What every entry has a copy of counts for each.
#[test]
fn what_entries_inherit_is_bounded() {
    let grow = "a=x\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do a=$a$a; done\n";
    let entries = "for i in 1 2 3 4 5 6 7 8 9; do for j in 1 2 3 4 5 6 7 8 9; do for k in 1 2 3 4 5 6 7 8 9; do \
                   for l in 1 2 3 4 5 6 7 8 9; do menuentry x { true; }; done; done; done; done\n";
    for config in [
        format!("{grow}linux /k1 $a\n{entries}"),
        format!("{grow}submenu $a {{ {entries} }}\n"),
        format!("{grow}export a\nfor i in 1 2 3 4 5 6 7 8 9; do submenu x {{ {entries} }}; done\n"),
    ] {
        let found = listed(&config, &KERNELS);
        let cmdlines: usize = found.entries.iter().map(|e| e.cmdline.len()).sum();
        let menus = found.entries.iter().flat_map(|entry| &entry.submenu);
        let menus: usize = menus.map(String::len).sum();
        assert!(cmdlines + menus < 300 << 20, "{cmdlines} {menus}");
        let last = found.problems.last().unwrap();
        assert!(last.ends_with("what follows is left out"), "{last}");
    }
}

#[test]
fn a_script_is_read_once() {
    let mut files = vec![("/k1", ""), ("/helper.cfg", "n=$n.\nlinux /k1 $n $1\n")];
    let padding = "# padding\n".repeat(20_000);
    files.push(("/long.cfg", &padding));
    let config = "menuentry A { source /helper.cfg; source /helper.cfg; }\n\
                  for i in 1 2 3 4 5 6 7 8 9; do for j in 1 2 3 4 5 6 7 8 9; do \
                  menuentry $i$j { source /long.cfg; source /helper.cfg; }; source /long.cfg; done; done\n";
    let found = listed(config, &files);
    assert_eq!(found.problems, [""; 0]);
    assert_eq!(found.entries[0].cmdline, "BOOT_IMAGE=/k1 .. A");
    assert_eq!(found.entries[81].cmdline, "BOOT_IMAGE=/k1 . 99");
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

#[test]
fn what_a_bios_tells_of_where_it_started_grub() {
    let filesystem = MemoryFilesystem::new().file("/k1", "").file(
        "/boot/grub/grub.cfg",
        "menuentry A { linux /k1 $cmdpath; }\n",
    );
    let mut inventory = Inventory::new();
    let volume = inventory.add_filesystem("abc", Box::new(filesystem));
    let path = FsPath::new("/boot/grub/grub.cfg").unwrap();
    let file = FileRef { volume, path };
    for (platform, expected) in [
        (Platform::Pc, "BOOT_IMAGE=/k1 (hd0)"),
        (Platform::Efi, "BOOT_IMAGE=/k1 (hd0,gpt2)/boot/grub"),
    ] {
        let found = evaluate(&inventory, &file, platform);
        assert_eq!(found.entries[0].cmdline, expected);
    }
}

#[test]
fn asking_for_the_setup_of_the_firmware_is_not_going_there() {
    let config = "fwsetup --is-supported\nif [ \"$?\" = 0 ]; then menuentry Setup { fwsetup; }; fi\n\
                  menuentry A { linux /k1; }\n";
    let found = listed(config, &KERNELS);
    assert_eq!(found.problems, [""; 0]);
    assert_eq!(found.entries.len(), 2);
    assert_eq!(
        problems(&found.entries[0]),
        ["it starts no system: `fwsetup'"]
    );
    assert!(found.entries[1].bootable());
}

/// A system and two memory modules, as SMBIOS 3 describes them.
fn tables() -> Option<Smbios> {
    let mut table = vec![1, 27, 7, 0, 1, 2, 0, 0];
    table.extend(0..16);
    table.extend([6, 0, 0]);
    table.extend(b"Acme: Inc.\0Model 5\0\0");
    for handle in [8, 9] {
        table.extend([17, 12, handle, 0, 0xfe, 0xff, 1, 2, 3, 4, 5, 6]);
        table.extend(b"DIMM\0\0");
    }
    table.extend([127, 4, 10, 0, 0, 0]);
    let mut point = b"_SM3_".to_vec();
    point.resize(24, 0);
    point[12] = 200;
    Smbios::parse(&point, table)
}

#[test]
fn what_the_firmware_says_of_the_machine() {
    for (line, printed) in [
        ("smbios -t 1 -s 4", "Acme: Inc.\n"),
        ("smbios -t 1 --get-string=4 --linux", "AcmeInc.\n"),
        (
            "smbios --type 1 --get-string 5 --set x; echo $x",
            "Model 5\n",
        ),
        ("smbios -t 1 -u 8", "03020100-0504-0706-0809-0a0b0c0d0e0f\n"),
        ("smbios -t 17 -w 2", "8\n"),
        ("smbios -t 17 -m 2 -b 2", "9\n"),
        ("smbios -h 0x9 -w 4", "65534\n"),
        ("smbios -t 17 -d 4", "33685502\n"),
        ("smbios -t 17 -q 4", "433757350076219390\n"),
        ("smbios -s 4", "Acme: Inc.\n"),
        (
            "smbios -t 17 -m 3 -b 2; echo $?",
            "error: no structure matched the given options.\n29\n",
        ),
        (
            "smbios -t 1 -b 27; echo $?",
            "error: the given offset is outside the structure.\n11\n",
        ),
        (
            "smbios -t 1 -u 12; echo $?",
            "error: the field ends outside the structure.\n11\n",
        ),
        (
            "smbios -t 1 -s 6; echo $?",
            "error: failed to retrieve the structure field.\n29\n",
        ),
        (
            "smbios -t 256 -b 1; echo $?",
            "error: the type must be between 0 and 255.\n18\n",
        ),
        (
            "smbios -h 65536 -b 1; echo $?",
            "error: the handle must be between 0 and 65535.\n18\n",
        ),
        (
            "smbios -m 0 -b 1; echo $?",
            "error: the match must be a positive integer.\n18\n",
        ),
        (
            "smbios -t 1; echo $?",
            "error: one of the --get options is required.\n18\n",
        ),
        (
            "smbios -b 1 -w 1; echo $?",
            "error: only one --get option is usable at a time.\n18\n",
        ),
        (
            "smbios -t x -b 1; echo $?",
            "error: the argument `--type' requires an integer.\n18\n",
        ),
    ] {
        let inventory = Inventory::new().described(tables());
        let output = execute_scripts(&inventory, Platform::Efi, &[line.to_owned()]);
        assert_eq!(output, [printed], "{line}");
    }
    let without = execute_scripts(
        &Inventory::new(),
        Platform::Efi,
        &["smbios -t 1 -s 4; echo $?".to_owned()],
    );
    assert!(without[0].ends_with("error: the SMBIOS entry point structure was not found.\n29\n"));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn what_the_processor_can_do() {
    let line =
        "for x in '' -l -p --pae; do if cpuid $x; then echo yes; fi; done; cpuid -z; echo $?";
    let output = execute_scripts(&Inventory::new(), Platform::Efi, &[line.to_owned()]);
    assert_eq!(
        output,
        ["yes\nyes\nyes\nyes\nerror: unknown argument `-z'.\n18\n"]
    );
}
