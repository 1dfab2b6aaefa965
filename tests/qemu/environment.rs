//! GRUB's environment block on the disk of a machine that is switched off.

use std::fs::File;
use std::os::unix::fs::FileExt;

use pilotlight::config::grub::EnvironmentBlock;
use pilotlight::disk::Disk;
use pilotlight::entry::FileRef;
use pilotlight::fs::FsPath;
use pilotlight::inventory::Inventory;

use super::disk::Image;

/// Where the demo system has its block.
const FILE: &str = "/boot/grub/grubenv";

/// The block, as our reader finds it.
pub fn read(image: &Image) -> EnvironmentBlock {
    read_file(image, FILE)
}

/// Another one, on the first volume that has a file of this name.
pub fn read_file(image: &Image, path: &str) -> EnvironmentBlock {
    let (inventory, file) = find(image, path);
    let filesystem = inventory.filesystem(file.volume).unwrap();
    let bytes = filesystem.read(&file.path, 4096).unwrap();
    EnvironmentBlock::parse(&bytes).unwrap()
}

/// Puts another block in its place.
pub fn write(image: &Image, block: &EnvironmentBlock) {
    let (inventory, file) = find(image, FILE);
    let filesystem = inventory.filesystem(file.volume).unwrap();
    let places = filesystem.locate(&file.path, 4096).unwrap();
    let [place] = places.as_slice() else {
        panic!("the block lies in several places: {places:?}");
    };
    assert_eq!(place.end - place.start, block.as_bytes().len() as u64);
    let at = inventory.volume(file.volume).unwrap().offset + place.start;
    let disk = File::options().write(true).open(&image.path).unwrap();
    disk.write_all_at(block.as_bytes(), at).unwrap();
}

fn find(image: &Image, path: &str) -> (Inventory, FileRef) {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&image.path).unwrap());
    let path = FsPath::new(path).unwrap();
    let has_it = |volume| {
        let filesystem = inventory.filesystem(volume);
        filesystem.is_ok_and(|filesystem| filesystem.metadata(&path).is_ok())
    };
    let volume = inventory.volumes().map(|(id, _)| id).find(|id| has_it(*id));
    let volume = volume.unwrap();
    (inventory, FileRef { volume, path })
}
