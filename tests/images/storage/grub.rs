//! Names of arrays and logical volumes, and the order in which they are found, compared with GRUB itself.

use pilotlight::config::grub::{Platform, execute_scripts};

use super::kit::{Set, inventory, set};
use crate::grub::oracle::{emulate, without_progress};
use crate::kit::{Image, temp_dir};

const MIB: u64 = 1024;

/// What GRUB prints with these disks.
fn theirs(disks: &[Image], script: &str) -> String {
    let dir = temp_dir();
    let map = disks.iter().enumerate();
    let map: String = map
        .map(|(i, disk)| format!("(hd{i}) {}\n", disk.path()))
        .collect();
    dir.file("device.map", map.as_bytes());
    let main = format!("echo\necho @@\n{script}\necho @@\nexit\n");
    dir.file("grub.cfg", main.as_bytes());
    let printed = emulate(dir.path());
    let part = printed.split("@@\n").nth(1);
    lines(part.unwrap_or_else(|| panic!("{printed}")))
}

/// What was printed, without empty lines: GRUB's terminal adds some.
fn lines(printed: &str) -> String {
    let text = without_progress(printed);
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

fn ours(disks: &[Image], script: &str) -> String {
    let printed = execute_scripts(&inventory(disks), Platform::Emu, &[script.to_owned()]);
    lines(&printed[0])
}

/// Compares the names of devices without the disks themselves, as GRUB lists them, and what a script prints.
fn compare(name: &str, sizes: &[u64], script: &str) {
    let Set { disks, dir: _dir } = set(name, sizes);
    let devices = |list: String| {
        let names = list.split_whitespace().filter(|name| name.contains('/'));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let expected = devices(theirs(&disks, "ls"));
    assert_eq!(devices(ours(&disks, "ls")), expected, "{name}");
    assert!(!expected.is_empty(), "GRUB sees nothing in {name}");
    assert_eq!(ours(&disks, script), theirs(&disks, script), "{name}");
}

#[test]
fn arrays_are_called_as_grub_calls_them() {
    for (name, sizes, device) in [
        ("md-raid1-1.2", &[8 * MIB; 2][..], "md/boot"),
        ("md-raid1-1.0", &[8 * MIB; 2], "md/boot"),
        ("md-raid1-0.90", &[8 * MIB; 2], "md/md7"),
        ("md-raid5-left-symmetric", &[8 * MIB; 3], "md/boot"),
        ("md-raid1-partitions-1.2", &[8 * MIB; 2], "md/boot,msdos1"),
    ] {
        let script = format!(
            "cat ({device})/hello\nsearch --set=x --label assembled\necho $x\nprobe --set=y --fs-uuid ({device})\n\
             echo $y\nprobe --set=z -p ({device})\necho $z\nsearch --set=x --file /numbers --hint={device}\necho $x"
        );
        compare(name, sizes, &script);
    }
}

#[test]
fn logical_volumes_are_called_as_grub_calls_them() {
    let script = "cat (lvm/pilot--vg-root--lv)/hello\nsearch --set=x --label assembled\necho $x\n\
                  search --set=x --file /hello --hint=lvm/pilot--vg-striped\necho $x\ncat ($x)/hello\n\
                  root=lvm/pilot--vg-striped\ncat /hello";
    compare("lvm-linear-striped", &[8 * MIB; 3], script);
    compare("lvm-on-md", &[8 * MIB; 2], "cat (lvm/on--md-boot)/hello");
}

#[test]
fn names_of_uuids_are_those_of_grub() {
    for (name, sizes) in [
        ("md-raid1-1.2", &[8 * MIB; 2][..]),
        ("md-raid1-0.90", &[8 * MIB; 2]),
        ("lvm-linear-striped", &[8 * MIB; 3]),
    ] {
        let Set { disks, dir: _dir } = set(name, sizes);
        let found = inventory(&disks);
        for (_, volume) in super::kit::assembled(&found) {
            let id = &volume.assembled.as_ref().unwrap().id;
            assert_eq!(
                theirs(&disks, &format!("cat ({id})/hello")),
                "hello\n",
                "{id}"
            );
        }
    }
}
