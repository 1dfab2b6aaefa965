//! How listing a GRUB configuration grows with the number of its entries: it has to be linear.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pilotlight::config::grub::{Platform, evaluate};
use pilotlight::disk::Disk;
use pilotlight::entry::{FileRef, VolumeId};
use pilotlight::fs::FsPath;
use pilotlight::inventory::Inventory;

use crate::directory::Directory;
use crate::medium;
use crate::work::computed;

const COUNTS: [usize; 4] = [10, 100, 1000, 10_000];

/// An entry among ten thousand may take so many times what one among a hundred does; were each compared with all others,
/// it would take a hundred times as much.
const TARGET: f64 = 3.0;

/// The filesystem that the configuration is on.
const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

pub(crate) fn measure(is_measured: bool) -> bool {
    let directory = Directory::new("grub_listing");
    let directory = &directory.0;
    std::fs::create_dir_all(directory.join("tree/boot/grub")).unwrap();
    std::fs::write(directory.join("tree/linux"), "kernel").unwrap();
    std::fs::write(directory.join("tree/initrd"), "initrd").unwrap();
    let counts = if is_measured {
        &COUNTS[..]
    } else {
        &COUNTS[..2]
    };
    let mut each = Vec::new();
    for &count in counts {
        let config = configuration(count);
        let lines = config.lines().count();
        std::fs::write(directory.join("tree/boot/grub/grub.cfg"), config).unwrap();
        let time = list(directory, count);
        each.push(time.as_secs_f64() / count as f64);
        println!("{count} entries, {lines} lines: {time:.2?}");
    }
    if !is_measured {
        return true;
    }
    let growth = each[3] / each[1];
    println!(
        "an entry among 10,000 takes {growth:.2} times what one among 100 does (target: at most {TARGET})"
    );
    growth <= TARGET
}

/// A configuration as grub-mkconfig writes it.
fn configuration(entries: usize) -> String {
    let entries: String = (0..entries).map(|n| medium::grub(n, UUID)).collect();
    format!("{}submenu 'Advanced' {{\n{entries}}}\n", medium::FUNCTIONS)
}

fn list(directory: &Path, count: usize) -> Duration {
    let image = directory.join("image");
    let file = std::fs::File::create(&image).unwrap();
    file.set_len(32 << 20).unwrap();
    let made = Command::new("mke2fs")
        .args(["-q", "-t", "ext4", "-U", UUID, "-d"])
        .args([&directory.join("tree"), &image])
        .env("PATH", std::env::var("PATH").unwrap() + ":/usr/sbin:/sbin")
        .status();
    assert!(made.expect("mke2fs runs").success());
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let mut inventory = Inventory::new();
        inventory.add(Disk::open(&image).unwrap());
        let file = FileRef {
            volume: VolumeId { disk: 0, volume: 0 },
            path: FsPath::new("/boot/grub/grub.cfg").unwrap(),
        };
        let start = computed();
        let found = evaluate(&inventory, &file, Platform::Efi);
        best = best.min(computed() - start);
        assert_eq!(found.entries.len(), count, "{:?}", found.problems);
        assert!(found.entries.iter().all(|entry| entry.bootable()));
    }
    best
}
