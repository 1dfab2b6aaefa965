//! One system that several configurations offer, on filesystems with links.

use std::os::unix::fs::symlink;

use crate::cli::{json, pilotlight, text};
use crate::kit::{Image, MIB, TempDir, run_line, temp_dir};

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
