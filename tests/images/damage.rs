//! Damaged disks give errors: never a panic, never a loop without end.

use std::path::Path;
use std::sync::OnceLock;

use pilotlight::config::discover;
use pilotlight::fs::{FileKind, Filesystem, FsPath};
use pilotlight::inventory::Inventory;
use proptest::prelude::*;

use crate::kit::{Dir, disk, noise, run};

/// Everything that is done with a disk before a kernel is loaded, on bytes.
fn use_disk(bytes: Vec<u8>) {
    let mut inventory = Inventory::new();
    inventory.add(disk(bytes));
    let _ = discover(&inventory);
    let ids: Vec<_> = inventory.volumes().map(|(id, _)| id).collect();
    for id in ids {
        if let Ok(filesystem) = inventory.filesystem(id) {
            walk(filesystem);
        }
    }
}

/// Reads what can be read, within limits: damage may make a small tree endless.
fn walk(filesystem: &dyn Filesystem) {
    let mut directories = vec![FsPath::root()];
    let mut left = 200;
    while let Some(directory) = directories.pop() {
        let Ok(list) = filesystem.read_dir(&directory) else {
            continue;
        };
        for entry in list {
            left -= 1;
            if left == 0 {
                return;
            }
            let Ok(path) = directory.join(&entry.name) else {
                continue;
            };
            let _ = filesystem.metadata(&path);
            match entry.kind {
                FileKind::Directory => directories.push(path),
                _ => {
                    let _ = filesystem.read(&path, 1 << 20);
                }
            }
        }
    }
}

/// Small images of each kind, made once.
fn images() -> &'static [Vec<u8>] {
    static IMAGES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let dir = Dir::new();
        dir.file(
            "tree/loader/entries/a.conf",
            b"title A\nlinux /linux\noptions ro\n",
        );
        dir.file("tree/linux", &noise(20_000, 1));
        for i in 0..60 {
            dir.file(&format!("tree/many/a rather long name {i}"), b"x");
        }
        let tree = dir.path("tree");
        let mut images = Vec::new();
        for options in [
            "-t ext2 -b 1024",
            "-t ext4 -b 1024",
            "-t ext4 -b 4096 -O ^metadata_csum",
        ] {
            let image = dir.image("ext", 6);
            run(
                &format!("mke2fs -q {options} -d {} {{}}", tree.display()),
                &image,
            );
            images.push(std::fs::read(&image).unwrap());
        }
        for (options, mebibytes) in [("-F 12", 2), ("-F 16 -s 1", 9), ("-F 32 -s 1", 34)] {
            let image = dir.image("fat", mebibytes);
            run(&format!("mkfs.vfat {options} {{}}"), &image);
            for name in ["loader", "linux", "many"] {
                run(
                    &format!("mcopy -s -Q -i {} {{}} ::", image.display()),
                    &tree.join(name),
                );
            }
            images.push(std::fs::read(&image).unwrap());
        }
        let image = dir.image("gpt", 4);
        run("sgdisk -n 1:2048:+1M -t 1:ef00 -n 2:0:0 {}", &image);
        images.push(std::fs::read(&image).unwrap());
        images
    })
}

/// Where the structures of an image are: almost all damage elsewhere is not looked at.
fn interesting(image: &[u8], at: usize) -> usize {
    let used: Vec<usize> = (0..image.len() / 512)
        .filter(|sector| image[sector * 512..][..512].iter().any(|byte| *byte != 0))
        .collect();
    used[at / 512 % used.len()] * 512 + at % 512
}

#[test]
fn whole_images_are_read() {
    for image in images() {
        use_disk(image.clone());
    }
    let mut inventory = Inventory::new();
    inventory.add(disk(images()[1].clone()));
    assert_eq!(discover(&inventory).entries.len(), 1);
}

#[test]
fn images_that_end_early() {
    for image in images() {
        for end in [
            0, 1, 511, 512, 1023, 1024, 1025, 2048, 4096, 10_000, 65_536, 70_000, 300_000,
        ] {
            use_disk(image[..end.min(image.len())].to_vec());
        }
        for part in 1..8 {
            use_disk(image[..image.len() / 8 * part].to_vec());
        }
    }
}

#[test]
fn sectors_of_zeros_and_noise() {
    for image in images() {
        for sector in 0..160 {
            for fill in [0, 0xff, 0x55] {
                let mut bytes = image.clone();
                let at = interesting(image, sector * 512) / 512 * 512;
                bytes[at..at + 512].fill(fill);
                use_disk(bytes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits(which in any::<usize>(), flips in prop::collection::vec((any::<usize>(), any::<u8>()), 1..30)) {
        let images = images();
        let image = &images[which % images.len()];
        let mut bytes = image.clone();
        for (at, flip) in flips {
            bytes[interesting(image, at % image.len())] ^= flip;
        }
        use_disk(bytes);
    }

    #[test]
    fn nothing_but_noise(seed in any::<u64>(), length in 0_usize..100_000) {
        use_disk(noise(length, seed));
    }
}

/// A chain of clusters that leads back into itself, in a directory and in a file.
#[test]
fn circular_cluster_chains() {
    let dir = Dir::new();
    let image = dir.image("fat", 9);
    run("mkfs.vfat -F 16 -s 1 -f 1 {}", &image);
    run(
        &format!("mmd -i {} {{}}", image.display()),
        Path::new("::circle"),
    );
    let file = dir.file("file", &noise(5000, 3));
    run(
        &format!("mcopy -i {} {{}} ::circle/file", image.display()),
        &file,
    );
    let original = std::fs::read(&image).unwrap();
    let reserved = usize::from(u16::from_le_bytes([original[14], original[15]])) * 512;
    for (cluster, next) in [
        (2_u16, 2_u16),
        (3, 3),
        (4, 3),
        (2, 3),
        (3, 1),
        (3, 0xfff0),
        (2, 1),
    ] {
        let mut bytes = original.clone();
        let at = reserved + usize::from(cluster) * 2;
        bytes[at..at + 2].copy_from_slice(&next.to_le_bytes());
        // Entries that go on: no end mark in the first cluster of the directory.
        use_disk(bytes.clone());
        let directory = bytes
            .windows(11)
            .position(|window| window == b"FILE       ")
            .map(|at| at / 512 * 512)
            .unwrap();
        for entry in bytes[directory..directory + 512].chunks_mut(32) {
            if entry[0] == 0 {
                entry[0] = 0xe5;
            }
        }
        use_disk(bytes);
    }
}
