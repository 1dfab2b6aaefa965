//! Submenus, and configurations that lead to others.

use super::{KERNELS, listed, problems, summary};
use crate::config::configuration::MenuWait;
use crate::config::grub::Evaluated;
use crate::entry::HotKey;

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
    assert!(
        found.problems[1].starts_with("/boot/grub/grub.cfg: the evaluation of a menu was ended")
    );
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

#[test]
fn entries_and_menus_have_keys() {
    let menu = "menuentry A --hotkey=a { linux /k1; }\nmenuentry B --hotkey delete { linux /k1; }\n\
                submenu S --hotkey=f9 { submenu T { menuentry C { linux /k1; }; }; }\n";
    let entries = listed(menu, &KERNELS).entries;
    let keys: Vec<Option<HotKey>> = entries.iter().map(|entry| entry.hot_key).collect();
    assert_eq!(keys, [Some(HotKey::Char('a')), Some(HotKey::Delete), None]);
    assert_eq!(entries[1].submenu_keys, []);
    assert_eq!(entries[2].submenu_keys, [Some(HotKey::Function(9)), None]);
}

/// They wait for their key: neither a number nor a name of the default means one.
#[test]
fn hidden_entries_do_not_count() {
    let menu = "menuentry A { linux /k1 a; }\nhiddenentry H --id h --hotkey x { linux /k2; }\n\
                menuentry B { linux /k1 b; }\n";
    for (default, expected) in [("0", "A"), ("1", "B"), ("2", "A"), ("h", "A"), ("B", "B")] {
        let found = listed(&format!("default={default}\n{menu}"), &KERNELS);
        let ids: Vec<&str> = found.entries.iter().map(|e| e.id.as_str()).collect();
        assert_eq!(ids, ["A", "B"]);
        let chosen: Vec<&str> = found
            .entries
            .iter()
            .filter(|entry| entry.default)
            .map(|entry| entry.id.as_str())
            .collect();
        assert_eq!(chosen, [expected], "{default}");
    }
}

/// The ids of the entries that are tried instead of the default, in order.
fn fallbacks(found: &Evaluated) -> Vec<&str> {
    let entries = found.entries.iter();
    let numbered = entries.filter_map(|entry| Some((entry.fallback?, entry.id.as_str())));
    let numbered: std::collections::BTreeMap<usize, &str> = numbered.collect();
    numbered.into_values().collect()
}

#[test]
fn what_is_tried_instead_of_the_default() {
    let menu = "menuentry A { linux /k1; }\nmenuentry B { linux /k1; }\n\
                submenu S { fallback=1; menuentry C { linux /k1; }; menuentry D { linux /k1; }; }\n\
                menuentry E { linux /k1; }\n";
    let listed = |settings: &str| listed(&format!("{settings}\n{menu}"), &KERNELS);
    for (settings, expected) in [
        ("", &[][..]),
        ("fallback=", &[]),
        ("fallback=1", &["B"]),
        ("fallback='3 0 1 3'", &["E", "B"]),
        ("fallback=S", &["S>C", "S>D"]),
        ("default=2; fallback='A 3'", &["S>D", "A", "E"]),
        ("default='2>1'; fallback='A 3'", &["A", "E"]),
        ("default='3>1'; fallback=2", &["S>D"]),
    ] {
        assert_eq!(fallbacks(&listed(settings)), expected, "{settings}");
    }
    let found = listed("fallback='1 9 0'");
    assert_eq!(fallbacks(&found), ["B"]);
    assert_eq!(found.problems, ["fallback: `9 0' means no entry"]);
    // Only what is exported is seen in other menus.
    for (export, expected) in [("", &["S"][..]), ("export fallback", &["D", "S"])] {
        let config = format!(
            "fallback=1; {export}\nsubmenu M {{ menuentry C {{ linux /k1; }}; menuentry D {{ linux /k1; }}; }}\n\
             menuentry S {{ linux /k2; }}\n"
        );
        let found = super::listed(&config, &KERNELS);
        let ids = fallbacks(&found);
        let last: Vec<&str> = ids.iter().map(|id| id.trim_start_matches("M>")).collect();
        assert_eq!(last, expected);
    }
}

#[test]
fn the_menu_that_is_shown_says_how_long_it_waits() {
    let other = "set timeout=7\nset default=B\nmenuentry A { linux /k1; }\n";
    let files = [("/k1", ""), ("/other.cfg", other)];
    let found = listed(
        "set timeout=3; set timeout_style=hidden\nconfigfile /other.cfg\n",
        &files,
    );
    assert_eq!(found.wait.seconds, Some(7));
    assert_eq!(found.wanted.as_deref(), Some("B"));
    let found = listed("menuentry A { linux /k1; timeout=5; default=x; }\n", &files);
    assert_eq!((found.wait, found.wanted), (MenuWait::default(), None));
}
