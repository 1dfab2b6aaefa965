//! Several configurations on several disks.

mod mended;
mod next_disk;
mod password;
mod same;
mod share;
mod specification;
mod startable;

use super::{Found, discover};
use crate::disk::{Hardware, Transport};
use crate::entry::BootEntry;
use crate::fs::MemoryFilesystem;
use crate::inventory::Inventory;
use crate::kexec::least_kernel;

/// Files with their content.
type Files<'a> = &'a [(&'a str, &'a str)];

/// The text of a file; that of a kernel stands for one.
fn content(text: &str) -> Vec<u8> {
    match text {
        "kernel" => least_kernel(),
        text => text.into(),
    }
}

/// A machine with disks that have one volume each: its UUID is `a` on the first, `b` on the second.
fn machine(disks: &[Files<'_>]) -> Inventory {
    let mut inventory = Inventory::new();
    for (files, name) in disks.iter().zip('a'..) {
        let filesystem = files
            .iter()
            .fold(MemoryFilesystem::new(), |all, (path, text)| {
                all.file(path, content(text))
            });
        inventory.add_filesystem(&name.to_string(), Box::new(filesystem));
    }
    inventory
}

fn look(disks: &[Files<'_>]) -> Found {
    discover(&machine(disks))
}

fn on_usb() -> Hardware {
    Hardware {
        transport: Some(Transport::Usb),
        ..Hardware::default()
    }
}

/// Of each entry its id, with `*` for a default and `!` for what can't be booted.
fn ids(found: &Found) -> Vec<String> {
    let name = |entry: &BootEntry| {
        let star = if entry.default { "*" } else { "" };
        let mark = if entry.bootable() { "" } else { "!" };
        format!("{star}{mark}{}", entry.id)
    };
    found.entries.iter().map(name).collect()
}

/// What an entry has as problems.
fn problems<'a>(found: &'a Found, id: &str) -> Vec<&'a str> {
    let entry = found.entries.iter().find(|entry| entry.id == id).unwrap();
    entry.problems.iter().map(|p| p.text.as_str()).collect()
}

/// All places of an entry.
fn origins(entry: &BootEntry) -> Vec<String> {
    let origins = std::iter::once(&entry.origin).chain(&entry.also_at);
    let place = |origin: &crate::entry::Origin| {
        let line = origin.line.map_or(String::new(), |line| format!(":{line}"));
        format!("{} {}{line}", origin.file.volume.disk, origin.file.path)
    };
    origins.map(place).collect()
}
