//! Sets of disks that `make` has made, and what is read of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pilotlight::disk::{Disk, FileSource, Hardware, Source, Volume};
use pilotlight::entry::VolumeId;
use pilotlight::inventory::Inventory;

use crate::kit::{Image, TempDir, path, run_line, temp_dir};

/// Disks that belong together, and the directory that they are in.
pub struct Set {
    pub dir: TempDir,
    pub disks: Vec<Image>,
}

/// Unpacks a set of disks of so many KiB.
pub fn set(name: &str, sizes: &[u64]) -> Set {
    let dir = temp_dir();
    let packed =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/images/storage/{name}.xz"));
    let whole = dir.path().join("whole.xz");
    fs::copy(&packed, &whole).unwrap_or_else(|error| panic!("{}: {error}", packed.display()));
    run_line("xz -d {}", &whole);
    let whole = Image(dir.path().join("whole"));
    assert_eq!(whole.size(), sizes.iter().sum::<u64>() * 1024, "{name}");
    let mut start = 0;
    let mut disks = Vec::new();
    for (number, size) in sizes.iter().enumerate() {
        let disk = dir.image(&format!("disk{number}"), size * 1024);
        disk.write(0, &whole.read(start, (size * 1024) as usize));
        start += size * 1024;
        disks.push(disk);
    }
    Set { dir, disks }
}

/// What is found on these disks.
pub fn inventory<'a>(disks: impl IntoIterator<Item = &'a Image>) -> Inventory {
    let mut inventory = Inventory::new();
    for disk in disks {
        inventory.add(Disk::open(&disk.0).unwrap());
    }
    inventory
}

/// The same disk, as if it was plugged in by USB.
pub fn on_usb(image: &Image) -> Disk {
    with_hardware(
        image,
        Hardware {
            removable: true,
            ..Hardware::default()
        },
    )
}

pub fn with_hardware(image: &Image, hardware: Hardware) -> Disk {
    let source: Source = Arc::new(FileSource::open(&image.0).unwrap());
    Disk {
        path: image.0.clone(),
        source,
        hardware,
    }
}

/// The volumes that were put together and are still there.
pub fn assembled(inventory: &Inventory) -> Vec<(VolumeId, &Volume)> {
    let volumes = inventory.volumes();
    let is_there = |volume: &Volume| volume.assembled.is_some() && volume.content.format.is_some();
    volumes.filter(|(_, volume)| is_there(volume)).collect()
}

/// The places of those volumes, each with a word on what is in it.
pub fn names(inventory: &Inventory) -> Vec<String> {
    let volumes = inventory
        .volumes()
        .filter(|(_, volume)| volume.assembled.is_some());
    let name = |(id, volume): (VolumeId, &Volume)| {
        let format = volume.content.format.map_or("-", |format| format.name());
        format!("{} {format}", inventory.place(id))
    };
    volumes.map(name).collect()
}

/// What is said of all volumes, without the directory of the disks.
pub fn problems(inventory: &Inventory) -> Vec<String> {
    let of = |(id, volume): (VolumeId, &Volume)| {
        let place = inventory.place(id).to_string();
        let name = place
            .rsplit_once("/disk")
            .map_or(place.clone(), |(_, name)| format!("disk{name}"));
        let own = volume.problems.iter().map(String::as_str);
        let all = own.chain(inventory.assembly_problems(id));
        all.map(|text| format!("{name}: {text}"))
            .collect::<Vec<_>>()
    };
    inventory.volumes().flat_map(of).collect()
}

/// Reads the small file of the filesystem that all sets have, and compares every block of the large one.
pub fn hello(inventory: &Inventory, id: VolumeId) -> String {
    let filesystem = inventory.filesystem(id).unwrap();
    let numbers = filesystem.read(&path("/numbers"), 1 << 20).unwrap();
    assert_eq!(numbers.len(), 160 * 1024);
    for (number, block) in numbers.chunks(1024).enumerate() {
        let begin = format!("block {number}\n\0");
        assert!(block.starts_with(begin.as_bytes()), "block {number}");
    }
    let hello = filesystem.read(&path("/hello"), 100).unwrap();
    String::from_utf8(hello).unwrap()
}

/// Asserts that one volume was put together, with the filesystem that all sets have.
pub fn assert_whole(inventory: &Inventory, place: &str) {
    assert_eq!(
        names(inventory),
        [format!("{place} ext4")],
        "{:?}",
        problems(inventory)
    );
    let (id, volume) = assembled(inventory)[0];
    assert_eq!(volume.content.label.as_deref(), Some("assembled"));
    assert!(volume.device.is_none());
    assert_eq!(hello(inventory, id), "hello\n", "{place}");
}
