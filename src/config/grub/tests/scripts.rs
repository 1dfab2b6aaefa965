//! What a configuration says and does outside of its entries.

use super::{KERNELS, listed, problems, summary};
use crate::entry::BootEntry;

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
