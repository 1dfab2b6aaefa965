//! The tree that Debian's installer gives to machines that start from the network, on a disk.

use std::path::Path;

use super::disk::list_image;
use crate::kit::{MIB, copy_in, run_line, temp_dir};

const PACKAGE: &str = "debian-installer-12-netboot-amd64";
const TREE: &str = "/usr/lib/debian-installer/images/12/amd64";

/// A disk with all of it: with its symbolic links on ext4, and as FAT makes it, which has none.
fn list(variant: &str, is_fat: bool) -> String {
    let tree = Path::new(TREE).join(variant);
    assert!(
        tree.is_dir(),
        "this test needs {}: install the Debian package `{PACKAGE}`",
        tree.display()
    );
    let dir = temp_dir();
    let image = dir.image("disk", 256 * MIB);
    if is_fat {
        run_line("mkfs.vfat -F 32 {}", &image);
        for part in ["debian-installer", "pxelinux.cfg"] {
            let part = tree.join(part).canonicalize().unwrap();
            copy_in(&image, &part, "/");
        }
    } else {
        run_line(
            &format!("mke2fs -q -t ext4 -d {} {{}}", tree.display()),
            &image,
        );
    }
    list_image(&image)
}

#[test]
fn the_whole_menu_of_the_installer() {
    let expected = include_str!("netboot.txt");
    assert_eq!(list("text", false), expected);
    assert_eq!(list("text", true), expected);
}

/// Who presses no key may not see the screen: then `ontimeout` starts the installer with speech, by a command
/// that one of the labels has.
#[test]
fn the_graphical_one_speaks_to_who_is_silent() {
    let found = list("gtk", false);
    let lines: Vec<&str> = found
        .lines()
        .filter(|line| !line.starts_with('!'))
        .collect();
    assert_eq!(lines.len(), 12, "{found}");
    let defaults: Vec<&&str> = lines.iter().filter(|line| line.starts_with('*')).collect();
    let [default] = defaults[..] else {
        panic!("{found}");
    };
    assert!(
        default.starts_with("* Install with speech synthesis []"),
        "{found}"
    );
    assert!(default.contains("speakup.synth=soft"), "{found}");
}
