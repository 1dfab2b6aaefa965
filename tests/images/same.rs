//! One system that several configurations offer, on filesystems with links, and on media with two trees.

use std::os::unix::fs::symlink;

use crate::cli::{json, pilotlight, text};
use crate::kit::{Image, MIB, TempDir, copy_in, run, run_line, temp_dir};

const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// What Debian has for GRUB and, with `u-boot-menu`, for U-Boot, which here goes by a link in `/`.
fn disk(dir: &TempDir, head: &str) -> Image {
    let script = format!(
        "{head}\nmenuentry Debian --unrestricted {{ linux /boot/vmlinuz-6 ro; initrd /boot/initrd-6; }}\n"
    );
    let labels = "default l0\nlabel l0\nlinux /vmlinuz\ninitrd /boot/initrd-6\nappend ro\n\
                  label l0r\nlinux /vmlinuz\ninitrd /boot/initrd-6\nappend ro single\n";
    for (path, content) in [
        ("boot/initrd-6", "initrd"),
        ("boot/grub/grub.cfg", &script),
        ("boot/extlinux/extlinux.conf", labels),
    ] {
        dir.file(&format!("tree/{path}"), content.as_bytes());
    }
    dir.file("tree/boot/vmlinuz-6", &crate::cli::kernel(1));
    let tree = dir.path().join("tree");
    symlink("boot/vmlinuz-6", tree.join("vmlinuz")).unwrap();
    let image = dir.image("disk.raw", 8 * MIB);
    run_line(
        &format!("mke2fs -q -t ext4 -U {UUID} -d {} {{}}", tree.display()),
        &image,
    );
    image
}

#[test]
fn a_kernel_and_a_link_to_it_are_one() {
    let dir = temp_dir();
    let disk = disk(&dir, "");
    let out = text(&pilotlight(&["list"], &[&disk]).stdout);
    let titles: Vec<&str> = out
        .lines()
        .filter(|line| !line.starts_with("    "))
        .collect();
    assert_eq!(titles, ["* Debian", "  l0r"]);
    let path = disk.path();
    assert!(
        out.contains(&format!(
            "    from     {path}: /boot/grub/grub.cfg, line 2\n    \
             also     {path}: /boot/extlinux/extlinux.conf, line 2\n"
        )),
        "{out}"
    );
    let view = json(&[&disk]);
    let origin =
        |file: &str| serde_json::json!({ "disk": path, "volume": UUID, "path": file, "line": 2 });
    assert_eq!(
        view["entries"][0]["origins"],
        serde_json::json!([
            origin("/boot/grub/grub.cfg"),
            origin("/boot/extlinux/extlinux.conf")
        ])
    );
    let defaults: Vec<_> = view["configurations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["default"])
        .collect();
    assert_eq!(defaults, ["Debian", "Debian"]);
}

#[test]
fn a_link_to_a_kernel_does_not_go_around_its_password() {
    let dir = temp_dir();
    let disk = disk(&dir, "set superusers=root");
    let view = json(&[&disk]);
    let bootable = |i: usize| (&view["entries"][i]["id"], &view["entries"][i]["bootable"]);
    assert_eq!(bootable(0), (&"Debian".into(), &true.into()));
    assert_eq!(bootable(1), (&"l0r".into(), &false.into()));
    assert_eq!(
        view["entries"][1]["problems"][0],
        "its kernel is in a menu of GRUB that has a password, and which does not offer the same without it"
    );
}

/// A medium whose second tree of the same files begins with its first partition, with this script on its EFI system
/// partition.
fn medium(dir: &TempDir, script: &str) -> Image {
    let labels = "default bios\nlabel bios\nlinux /live/vmlinuz\nappend ro\n\
                  label shell\nlinux /live/vmlinuz\nappend init=/bin/sh\n";
    let menu = "menuentry Live { linux /live/vmlinuz quiet; }\n";
    for (path, content) in [
        (".disk/id", "id"),
        ("boot/grub/grub.cfg", menu),
        ("isolinux/isolinux.cfg", labels),
    ] {
        dir.file(&format!("tree/{path}"), content.as_bytes());
    }
    dir.file("tree/live/vmlinuz", &crate::cli::kernel(1));
    let esp = dir.image("esp", 2 * MIB);
    run_line("mkfs.vfat -n ESP {}", &esp);
    run_line("mmd -i {} ::EFI ::EFI/BOOT", &esp);
    copy_in(
        &esp,
        &dir.file("stub", script.as_bytes()),
        "EFI/BOOT/grub.cfg",
    );
    let image = dir.image("live.iso", 0);
    let tree = dir.path().join("tree");
    let line = "-as mkisofs -quiet -R -J -V LIVE -partition_offset 16 -appended_part_as_gpt -append_partition 2 0xef";
    let arguments = [esp.path(), "-o", image.path(), tree.to_str().unwrap()];
    run("xorriso", line.split(' ').chain(arguments));
    image
}

/// Of each entry its id, where it is from, whether it can be booted and whether it is a default.
fn summary(disk: &Image) -> Vec<String> {
    let view = json(&[disk]);
    let entries = view["entries"].as_array().unwrap().iter();
    let line = |entry: &serde_json::Value| {
        let default = if entry["default"] == true { "*" } else { "" };
        let mark = if entry["bootable"] == true { "" } else { "!" };
        let id = entry["id"].as_str().unwrap();
        let path = entry["origin"]["path"].as_str().unwrap();
        format!("{default}{mark}{id} {path}")
    };
    entries.map(line).collect()
}

/// The names of GRUB for a medium as a whole mean what is in its first partition, too.
#[test]
fn both_trees_of_a_hybrid_medium_are_one() {
    for root in [
        "search --no-floppy --file --set=root /.disk/id",
        "set root=(hd0)",
        "set root=(cd0)",
        "set root=(hd0,gpt1)",
    ] {
        let dir = temp_dir();
        let read_once = summary(&medium(
            &dir,
            &format!("{root}\nconfigfile /boot/grub/grub.cfg\n"),
        ));
        let bios = [
            "*bios /isolinux/isolinux.cfg",
            "shell /isolinux/isolinux.cfg",
        ];
        let live = ["*Live /boot/grub/grub.cfg"];
        assert_eq!(read_once, [&live[..], &bios].concat(), "{root}");
        let dir = temp_dir();
        let locked = "set superusers=root\npassword root secret\n";
        let entry = "menuentry Locked { linux /live/vmlinuz quiet; }\n";
        let guarded = summary(&medium(&dir, &format!("{root}\n{locked}{entry}")));
        assert!(
            guarded.contains(&"*!bios /isolinux/isolinux.cfg".to_owned()),
            "{root}: {guarded:?}"
        );
        assert!(
            guarded.contains(&"!shell /isolinux/isolinux.cfg".to_owned()),
            "{root}: {guarded:?}"
        );
    }
}
