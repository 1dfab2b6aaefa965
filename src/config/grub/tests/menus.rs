//! Submenus, and configurations that lead to others.

use super::{KERNELS, listed, problems, summary};

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
