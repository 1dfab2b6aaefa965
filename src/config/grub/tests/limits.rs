//! Scripts that take too much.

use super::{KERNELS, listed, problems};
use crate::entry::BootEntry;

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
        [format!(
            "/boot/grub/grub.cfg: {in_all}: `b' and what follows is left out"
        )]
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
        assert_eq!(
            *last,
            format!("/boot/grub/grub.cfg: the evaluation was ended: {limit}")
        );
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
        assert!(cmdlines + menus < 16 << 20, "{cmdlines} {menus}");
        let last = found.problems.last().unwrap();
        assert!(last.ends_with("what follows is left out"), "{last}");
    }
}

/// So does what the script has saved before its menu.
#[test]
fn what_entries_would_save_is_bounded() {
    let mut block = "# GRUB Environment Block\n".to_owned();
    block.push_str(&"#".repeat((64 << 10) - block.len()));
    let config = format!(
        "v={}\nfor i in 1 2 3 4; do save_env -f /env$i v; done\n\
         for i in 1 2 3 4 5 6 7 8 9; do for j in 1 2 3 4 5 6 7 8 9; do for k in 1 2 3 4 5 6 7 8 9; do \
         menuentry x {{ linux /k1; }}; done; done; done\n",
        "x".repeat(60_000)
    );
    let blocks = ["/env1", "/env2", "/env3", "/env4"].map(|path| (path, block.as_str()));
    let files = [&KERNELS[..], &blocks].concat();
    let found = listed(&config, &files);
    assert_eq!(found.entries[0].saves.len(), 4);
    let saved = found.entries.iter().flat_map(|entry| &entry.saves);
    let size: usize = saved.map(|saved| saved.size()).sum();
    assert!(size < 16 << 20, "{size}");
    let last = found.problems.last().unwrap();
    assert_eq!(
        *last,
        "/boot/grub/grub.cfg: the entries of the configuration take more than 16384 KiB: `x' and what follows is left \
         out"
    );
}

/// `search` goes through all devices, and so does everything that names one.
#[test]
fn files_are_no_more_than_so_many_devices() {
    let config = "i=0\nwhile [ $i -lt 70 ]; do loopback l$i /x; increment i; done\n\
                  loopback -d l0\nloopback l70 /x\nloopback l71 /x\nmenuentry x { linux /k1; }\n";
    let files = [&KERNELS[..], &[("/x", "no filesystem")]].concat();
    let found = listed(config, &files);
    assert_eq!(found.problems.len(), 7);
    for problem in &found.problems {
        assert!(
            problem.ends_with("64 files are devices already"),
            "{problem}"
        );
    }
}

/// Ten thousand entries as grub-mkconfig writes them stay below the limits of a configuration: none takes more than
/// 100 steps and 10 looks at files, however many there are.
#[test]
fn entries_cost_the_same_however_many_there_are() {
    for count in [10, 10_000] {
        let mut config =
            "function load_video { insmod all_video; }\nsubmenu Advanced {\n".to_owned();
        for i in 0..count {
            config += &format!(
                "menuentry 'Linux {i}' --class debian --id 'linux-{i}' {{\n\
                 \tload_video\n\tinsmod gzio\n\
                 \tif [ x$feature_platform_search_hint = xy ]; then\n\
                 \t  search --no-floppy --fs-uuid --set=root abc-def\n\tfi\n\
                 \techo 'Loading Linux {i} ...'\n\tlinux /k1 root=/dev/sda2 ro n={i}\n\
                 \tinitrd /i\n}}\n"
            );
        }
        let found = listed(&(config + "}\n"), &KERNELS);
        assert_eq!(found.problems, [""; 0]);
        assert_eq!(found.entries.len(), count);
        assert!(found.entries.iter().all(BootEntry::bootable));
    }
}
