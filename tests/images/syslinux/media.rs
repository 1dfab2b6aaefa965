//! Live media that have ISOLINUX alone, as they are burned, as they are copied to a stick, and with a partition.

use super::disk::list_image;
use crate::kit::{Image, MIB, TempDir, copy_in, run, run_line, temp_dir};

const FILES: [(&str, &str); 4] = [
    (
        "isolinux/isolinux.cfg",
        "default menu.c32\ntimeout 300\nmenu title Live\ninclude live.cfg\nmenu begin tools\nmenu label ^Tools\n\
         label check\ncom32 whichsys.c32\nappend -iso- iso -sys- sys\nlabel hd\nmenu label ^Hard disk\nlocalboot 0x80\n\
         menu end\nlabel iso\nmenu hide\nlinux /boot/vmlinuz\nappend check\nlabel sys\nconfig gone.cfg\nmenu hide\n",
    ),
    (
        "isolinux/live.cfg",
        "label live\nmenu label ^Live\nmenu default\nlinux ../boot/vmlinuz\ninitrd /boot/initrd.gz\nappend quiet\n",
    ),
    ("boot/initrd.gz", "initrd"),
    (".disk/info", "Live"),
];

const MENU: &str =
    "* Live [] BOOT_IMAGE=../boot/vmlinuz quiet initrd=/boot/initrd.gz | /boot/initrd.gz\n";
const HARD_DISK: &str = "  Hard disk [Tools] \n  ! `localboot` goes on to the next disk of a BIOS: choose an entry of that disk\n";

/// The medium as mkisofs makes it with these options.
fn burned(dir: &TempDir, options: &[&str]) -> Image {
    let image = dir.image("image.iso", 0);
    let tree = dir.path().join("tree");
    let common = ["-as", "mkisofs", "-quiet", "-o", image.path()];
    let tree = [tree.to_str().unwrap()];
    run("xorriso", [&common[..], options, &tree].concat());
    image
}

fn tree() -> TempDir {
    let dir = temp_dir();
    for (path, content) in FILES {
        dir.file(&format!("tree/{path}"), content.as_bytes());
    }
    dir.file("tree/boot/vmlinuz", &crate::cli::kernel(1));
    dir
}

/// With the names of Rock Ridge, of Joliet, and those in capital letters that every medium has; and as a hybrid, whose
/// partition shows the same.
#[test]
fn on_an_optical_medium() {
    let check = "  check [Tools] BOOT_IMAGE=/boot/vmlinuz check\n";
    for options in [
        &["-R"][..],
        &["-J"],
        &[],
        &["-R", "-J", "-partition_offset", "16"],
    ] {
        let dir = tree();
        let found = list_image(&burned(&dir, options));
        assert_eq!(found, format!("{MENU}{check}{HARD_DISK}"), "{options:?}");
    }
}

/// There SYSLINUX is what starts.
#[test]
fn copied_to_a_stick() {
    let dir = tree();
    let image = dir.image("stick", 64 * MIB);
    run_line("mkfs.vfat -F 32 {}", &image);
    for part in ["isolinux", "boot"] {
        copy_in(&image, &dir.path().join("tree").join(part), "/");
    }
    let found = list_image(&image);
    assert!(found.starts_with(&format!("{MENU}{HARD_DISK}")), "{found}");
    assert!(
        !found.contains("check") && found.contains("gone.cfg"),
        "{found}"
    );
}
