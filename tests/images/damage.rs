//! Damaged filesystems give errors: never a panic, never a loop without end.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use pilotlight::config::discover;
use pilotlight::disk::{Disk, Hardware, Source};
use pilotlight::inventory::Inventory;
use proptest::prelude::*;

use crate::kit::{MIB, TempDir, debugfs, noise, run_line, temp_dir, tool};
use crate::targets::sparse::SparseDisk;
use crate::targets::walk;
use crate::xfs::prototype;

/// Everything that is done with a disk before a kernel is loaded.
fn use_disk(source: Source) -> usize {
    let mut inventory = Inventory::new();
    inventory.add(Disk {
        path: "damaged".into(),
        source,
        hardware: Hardware::default(),
    });
    let entries = discover(&inventory).entries.len();
    let ids: Vec<_> = inventory.volumes().map(|(id, _)| id).collect();
    for id in ids {
        if let Ok(filesystem) = inventory.filesystem(id) {
            walk(filesystem);
        }
    }
    entries
}

/// A small image, as the sectors that are in use.
struct Image {
    encoded: Vec<u8>,
    used: Vec<u64>,
}

impl Image {
    fn new(bytes: &[u8]) -> Image {
        let sectors = (0..).zip(bytes.chunks(512));
        let used = sectors.filter(|(_, sector)| sector.iter().any(|byte| *byte != 0));
        Image {
            used: used.map(|(number, _)| number).collect(),
            encoded: SparseDisk::encode(0, bytes),
        }
    }

    /// A copy to damage.
    fn copy(&self) -> SparseDisk {
        SparseDisk::decode(&self.encoded)
    }

    /// A copy that ends after so many sectors.
    fn cut(&self, sectors: u32) -> SparseDisk {
        let mut encoded = self.encoded.clone();
        encoded[1..5].copy_from_slice(&sectors.to_le_bytes());
        SparseDisk::decode(&encoded)
    }
}

/// Directories with an index, data in inodes, and journals that were left dirty. Without checksums,
/// which would hide what is behind them.
fn ext_images(dir: &TempDir, tree: &Path) -> Vec<Image> {
    let mut images = Vec::new();
    for (options, commands) in [
        ("-t ext4 -b 1024 -O ^metadata_csum,^has_journal", None),
        (
            "-t ext4 -b 1024 -O inline_data,^metadata_csum,^has_journal",
            None,
        ),
        ("-t ext3 -b 1024 -J size=1", Some("jo")),
        ("-t ext4 -b 1024 -J size=1", Some("jo -c")),
    ] {
        let image = dir.image("ext", 6 * MIB);
        run_line(
            &format!("mke2fs -q {options} -d {} {{}}", tree.display()),
            &image,
        );
        // It makes the index of the directory with many names. Its status 1 says so.
        let status = tool("e2fsck")
            .args(["-fyD", image.path()])
            .output()
            .unwrap()
            .status;
        assert!(
            status.code().is_some_and(|code| code <= 1),
            "{options}: {status}"
        );
        if let Some(open) = commands {
            let blocks = debugfs(&image, "blocks /linux");
            let block = blocks.split_whitespace().next().unwrap();
            let content = dir.file("content", &noise(1024, 9));
            let write = format!("{open}\njw -b {block} {}\njc\n", content.display());
            let script = write.clone() + &format!("{open}\njw -r {block}\njc\n") + &write;
            let script = dir.file("script", script.as_bytes());
            run_line(&format!("debugfs -w -f {} {{}}", script.display()), &image);
        }
        images.push(Image::new(&std::fs::read(&image.0).unwrap()));
    }
    images
}

/// Both versions. The newer has checksums everywhere, so most damage to it is found by them.
fn xfs_images(dir: &TempDir, tree: &Path) -> Vec<Image> {
    let prototype = dir.file("prototype", prototype(tree).as_bytes());
    let mut images = Vec::new();
    for options in ["-m crc=0", "-m crc=1", "-m crc=0 -n ftype=0,size=8192"] {
        let image = dir.image("xfs", 16 * MIB);
        // As small as this, it is nothing that mkfs.xfs would call supported.
        let options = format!("--unsupported -b size=1024 -l size=4m {options}");
        let line = format!("mkfs.xfs -q {options} -p {} {{}}", prototype.display());
        run_line(&line, &image);
        images.push(Image::new(&std::fs::read(&image.0).unwrap()));
        std::fs::remove_file(&image.0).unwrap();
    }
    images
}

/// One with checksums, and one whose kind of checksums nobody here verifies, so that damage gets through.
fn btrfs_images(dir: &TempDir, tree: &Path) -> Vec<Image> {
    let mut images = Vec::new();
    for options in ["", "--csum xxhash"] {
        let image = dir.image("btrfs", 20 * MIB);
        let line = format!(
            "mkfs.btrfs -q --mixed --nodesize 4096 {options} --rootdir {} {{}}",
            tree.display()
        );
        run_line(&line, &image);
        images.push(Image::new(&std::fs::read(&image.0).unwrap()));
        std::fs::remove_file(&image.0).unwrap();
    }
    images
}

/// One of each kind, made once.
fn images() -> &'static [Image] {
    static IMAGES: OnceLock<Vec<Image>> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let dir = temp_dir();
        dir.file(
            "tree/loader/entries/a.conf",
            b"title A\nlinux /linux\noptions ro\n",
        );
        dir.file("tree/linux", &noise(20_000, 1));
        dir.file(
            "tree/extlinux/extlinux.conf",
            b"ui menu.c32\ninclude more.cfg\nmenu begin x\nlabel b\nlinux /linux\nmenu end\n",
        );
        dir.file(
            "tree/extlinux/more.cfg",
            b"label c\nlinux ../linux\ninitrd /linux\n",
        );
        // Guessed when damage takes the entries away.
        dir.file("tree/etc/os-release", b"NAME=\"A\"\n");
        dir.file("tree/etc/fstab", b"UUID=x / ext4\n");
        dir.file("tree/etc/default/grub", b"GRUB_CMDLINE_LINUX=\"a b\"\n");
        let mut kernel = vec![0; 1024];
        kernel[0x1fe..0x208].copy_from_slice(b"\x55\xaa\0\0HdrS\x0f\x02");
        (kernel[0x211], kernel[0x236]) = (1, 3);
        dir.file("tree/vmlinuz", &kernel);
        for i in 0..60 {
            dir.file(&format!("tree/many/a-rather-long-name-{i}"), b"x");
        }
        let tree = dir.path().join("tree");
        let mut images = Vec::new();
        for options in [
            "-t ext2 -b 1024",
            "-t ext4 -b 1024",
            "-t ext4 -b 4096 -O ^metadata_csum",
        ] {
            let image = dir.image("ext", 6 * MIB);
            let line = format!("mke2fs -q {options} -d {} {{}}", tree.display());
            run_line(&line, &image);
            images.push(Image::new(&std::fs::read(&image.0).unwrap()));
        }
        images.extend(ext_images(&dir, &tree));
        for options in ["-iso-level 3", "-J", "-R", "-R -J"] {
            let image = dir.image("iso", 0);
            let line = format!("genisoimage -quiet {options} -o {{}} {}", tree.display());
            run_line(&line, &image);
            images.push(Image::new(&std::fs::read(&image.0).unwrap()));
        }
        images.extend(xfs_images(&dir, &tree));
        images.extend(btrfs_images(&dir, &tree));
        for (options, mebibytes) in [("-F 12", 2), ("-F 16 -s 1", 9), ("-F 32 -s 1", 34)] {
            let image = dir.image("fat", mebibytes * MIB);
            run_line(&format!("mkfs.vfat {options} {{}}"), &image);
            for name in ["loader", "linux", "many", "extlinux", "etc", "vmlinuz"] {
                let line = format!("mcopy -s -Q -i {{}} {} ::", tree.join(name).display());
                run_line(&line, &image);
            }
            images.push(Image::new(&std::fs::read(&image.0).unwrap()));
        }
        images
    })
}

#[test]
fn whole_images_have_their_entries() {
    for image in images() {
        assert_eq!(use_disk(Arc::new(image.copy())), 3);
    }
}

#[test]
fn images_that_end_early() {
    for image in images() {
        let ends = [0, 1, 2, 3, 4, 8, 16, 20, 128, 136, 600];
        let last = u32::try_from(*image.used.last().unwrap()).unwrap();
        let parts = (1..8).map(|part| last / 8 * part);
        for sectors in ends.into_iter().chain(parts) {
            use_disk(Arc::new(image.cut(sectors)));
        }
    }
}

#[test]
fn sectors_of_zeros_and_ones() {
    for image in images() {
        for number in image.used.iter().take(120) {
            for fill in [0, 0xff, 0x55] {
                let mut disk = image.copy();
                disk.sector(*number).fill(fill);
                use_disk(Arc::new(disk));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits(
        which in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..512_usize, 1..=255_u8), 1..30),
    ) {
        let image = which.get(images());
        let mut disk = image.copy();
        for (sector, at, flip) in flips {
            disk.sector(*sector.get(&image.used))[at] ^= flip;
        }
        use_disk(Arc::new(disk));
    }
}

/// A chain of clusters that leads back into itself, in a directory and in a file.
#[test]
fn circular_cluster_chains() {
    let dir = temp_dir();
    let image = dir.image("fat", 9 * MIB);
    run_line("mkfs.vfat -F 16 -s 1 -f 1 {}", &image);
    run_line("mmd -i {} ::circle", &image);
    let file = dir.file("file", &noise(5000, 3));
    let line = format!("mcopy -i {{}} {} ::circle/file", file.display());
    run_line(&line, &image);
    let bytes = std::fs::read(&image.0).unwrap();
    let original = Image::new(&bytes);
    let table = u64::from(u16::from_le_bytes([bytes[14], bytes[15]]));
    let name = b"FILE       ";
    let directory = bytes.windows(11).position(|window| window == name).unwrap() / 512;
    for (cluster, next) in [
        (2_u16, 2_u16),
        (3, 3),
        (4, 3),
        (2, 3),
        (3, 1),
        (3, 0xfff0),
        (2, 1),
    ] {
        for endless in [false, true] {
            let mut disk = original.copy();
            let at = usize::from(cluster) * 2;
            disk.sector(table)[at..at + 2].copy_from_slice(&next.to_le_bytes());
            if endless {
                // Without an end mark in its first cluster the directory goes on.
                for entry in disk.sector(directory as u64).chunks_mut(32) {
                    if entry[0] == 0 {
                        entry[0] = 0xe5;
                    }
                }
            }
            use_disk(Arc::new(disk));
        }
    }
}
