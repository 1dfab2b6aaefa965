//! Configurations from their first line to the list.

mod blscfg;
mod commands;
mod entries;
mod environment;
mod limits;
mod machine;
mod menus;
mod scripts;
mod syslinux;

use super::{Evaluated, Platform, evaluate};
use crate::entry::{BootEntry, FileRef};
use crate::fs::{FsPath, MemoryFilesystem};
use crate::inventory::Inventory;

/// Evaluates `/boot/grub/grub.cfg` of a disk that has these files.
fn listed(config: &str, files: &[(&str, &str)]) -> Evaluated {
    listed_bytes(config.as_bytes(), files)
}

/// The same for any bytes.
fn listed_bytes(config: &[u8], files: &[(&str, &str)]) -> Evaluated {
    let filesystem = files
        .iter()
        .fold(MemoryFilesystem::new(), |all, (path, text)| {
            all.file(path, *text)
        });
    let filesystem = filesystem.file("/boot/grub/grub.cfg", config.to_vec());
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
