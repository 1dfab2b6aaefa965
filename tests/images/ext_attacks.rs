//! ext filesystems that were made to hurt: each ends quickly, with an error that says why.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pilotlight::disk::{Disk, Hardware};
use pilotlight::fs::{Filesystem, FsError, FsPath};

use crate::kit::{Image, MIB, TempDir, debugfs, inode_place, noise, path, run_line, temp_dir};
use crate::targets::sparse::SparseDisk;

/// What an attack may cost.
const LIMIT: Duration = Duration::from_secs(10);
const READS: u64 = 20_000;

/// Where an inode has its length and its map.
const SIZE: u64 = 0x4;
const MAP: u64 = 0x28;

/// A filesystem with blocks of 1 KiB that an attacker may write to.
struct Victim {
    image: Image,
    _dir: TempDir,
}

impl Victim {
    fn new(options: &str) -> Victim {
        let dir = temp_dir();
        dir.file("tree/file", &noise(9000, 1));
        dir.file("tree/other", &noise(9000, 2));
        dir.file("tree/dir/name", b"x");
        for i in 0..100 {
            dir.file(&format!("tree/many/a-name-that-is-not-short-{i:05}"), b"");
        }
        let tree = dir.path().join("tree");
        std::os::unix::fs::symlink("./".repeat(40) + "file", tree.join("link")).unwrap();
        let image = dir.image("image", 8 * MIB);
        let line = format!("mke2fs -q -b 1024 {options} -d {} {{}}", tree.display());
        run_line(&line, &image);
        Victim { image, _dir: dir }
    }

    /// A block of a file.
    fn block(&self, name: &str, which: usize) -> u64 {
        let blocks = debugfs(&self.image, &format!("blocks {name}"));
        blocks
            .split_whitespace()
            .nth(which)
            .unwrap()
            .parse()
            .unwrap()
    }

    fn write_block(&self, block: u64, content: &[u8]) {
        self.image.write(block * 1024, content);
    }

    fn write_inode(&self, name: &str, at: u64, content: &[u8]) {
        let place = inode_place(&self.image, name, 1024);
        self.image.write(place + at, content);
    }

    /// Opens it and asks something, which has to end soon.
    fn ask<T>(&self, what: impl Fn(&dyn Filesystem) -> Result<T, FsError>) -> Result<T, FsError> {
        let bytes = std::fs::read(&self.image.0).unwrap();
        ask(SparseDisk::decode(&SparseDisk::encode(0, &bytes)), what)
    }
}

fn ask<T>(
    disk: SparseDisk,
    what: impl Fn(&dyn Filesystem) -> Result<T, FsError>,
) -> Result<T, FsError> {
    let disk = Arc::new(disk);
    let layout = Disk {
        path: "attack".into(),
        source: disk.clone(),
        hardware: Hardware::default(),
    }
    .scan();
    let begin = Instant::now();
    let answer = pilotlight::fs::open(&layout.volumes[0], None)
        .and_then(|filesystem| what(filesystem.as_ref()));
    let time = begin.elapsed();
    assert!(time < LIMIT, "{time:?}");
    assert!(disk.reads() < READS, "{} reads", disk.reads());
    answer
}

fn read(name: &str) -> impl Fn(&dyn Filesystem) -> Result<Vec<u8>, FsError> {
    let name = path(name);
    move |filesystem| filesystem.read(&name, 16 << 20)
}

/// A node of a tree of extents, all of whose entries lead to `child`: one for each block.
fn node(depth: u16, capacity: u16, child: u64) -> Vec<u8> {
    let mut node = Vec::new();
    for field in [0xf30a, capacity, capacity, depth, 0, 0] {
        node.extend(field.to_le_bytes());
    }
    for logical in 0..u32::from(capacity) {
        node.extend(logical.to_le_bytes());
        node.extend((child as u32).to_le_bytes());
        node.extend([0; 4]);
    }
    node
}

/// Five levels, each with 84 ways to the one block of the next, and at their end extents without blocks:
/// 84 to the fifth of them.
#[test]
fn extents_whose_nodes_all_lead_to_one_child() {
    let victim = Victim::new("-t ext4 -O ^metadata_csum");
    let blocks: Vec<u64> = (0..5).map(|i| victim.block("/other", i)).collect();
    for (i, block) in blocks.iter().enumerate() {
        let child = blocks.get(i + 1).copied().unwrap_or_default();
        victim.write_block(*block, &node(4 - i as u16, 84, child));
    }
    victim.write_inode("/file", MAP, &node(5, 4, blocks[0]));
    victim.write_inode("/file", SIZE, &0x7fff_0000_u32.to_le_bytes());
    for offset in [0, 1024, 5000, 0x7ffe_0000] {
        let answer = victim.ask(|filesystem| {
            let mut file = filesystem.open(&path("/file"))?;
            file.read_at(offset, &mut [0; 100_000])
        });
        // Where no entry leads there is a hole.
        match answer {
            Err(FsError::Corrupt(_)) => {}
            Ok(_) => assert!(offset > 4096, "{offset}"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A node that is its own child.
#[test]
fn extents_that_lead_back() {
    let victim = Victim::new("-t ext4 -O ^metadata_csum");
    let block = victim.block("/other", 0);
    for depth in 0..6 {
        victim.write_block(block, &node(depth, 84, block));
        victim.write_inode("/file", MAP, &node(5, 4, block));
        let error = victim.ask(read("/file")).unwrap_err();
        assert!(matches!(error, FsError::Corrupt(_)), "{depth}: {error}");
    }
}

/// Tables of three levels that hold the same number everywhere: a directory of 4 GiB in three blocks.
#[test]
fn a_directory_without_an_end() {
    let victim = Victim::new("-t ext2");
    let [one, two, three] = [0, 1, 2].map(|i| victim.block("/other", i) as u32);
    let empty = victim.block("/file", 0) as u32;
    for (table, next) in [(one, empty), (two, one), (three, two)] {
        victim.write_block(table.into(), &next.to_le_bytes().repeat(256));
    }
    // One unused entry.
    let mut entry = vec![0; 1024];
    entry[4..6].copy_from_slice(&1024_u16.to_le_bytes());
    victim.write_block(empty.into(), &entry);
    let map: Vec<u32> = [empty; 12].into_iter().chain([one, two, three]).collect();
    let map: Vec<u8> = map.iter().flat_map(|block| block.to_le_bytes()).collect();
    victim.write_inode("/dir", MAP, &map);
    victim.write_inode("/dir", SIZE, &0xffff_fc00_u32.to_le_bytes());
    for answer in [
        victim.ask(|filesystem| filesystem.read_dir(&path("/dir")).map(drop)),
        victim.ask(read("/dir/name")).map(drop),
    ] {
        assert!(matches!(answer, Err(FsError::TooLarge(_))), "{answer:?}");
    }
}

/// More names than are taken, none of which is UTF-8: they count.
#[test]
fn a_directory_with_names_that_nobody_can_read() {
    let victim = Victim::new("-t ext2");
    let [one, two] = [0, 1].map(|i| victim.block("/other", i) as u32);
    let full = victim.block("/file", 0) as u32;
    for (table, next) in [(one, full), (two, one)] {
        victim.write_block(table.into(), &next.to_le_bytes().repeat(256));
    }
    let mut block = [12, 0, 0, 0, 12, 0, 1, 1, 0xff, 0, 0, 0].repeat(85);
    block[84 * 12 + 4] = 16;
    block.resize(1024, 0);
    victim.write_block(full.into(), &block);
    let map: Vec<u32> = [full; 12].into_iter().chain([one, two, 0]).collect();
    let map: Vec<u8> = map.iter().flat_map(|block| block.to_le_bytes()).collect();
    victim.write_inode("/dir", MAP, &map);
    victim.write_inode("/dir", SIZE, &(1024_u32 * 60_000).to_le_bytes());
    let error = victim
        .ask(|filesystem| filesystem.read_dir(&path("/dir")))
        .unwrap_err();
    assert!(error.to_string().contains("65536 entries"), "{error}");
}

/// As many groups as there are blocks, and so many blocks that 32 bits are full.
#[test]
fn as_many_groups_as_fit_the_superblock() {
    let victim = Victim::new("-t ext4 -O ^metadata_csum");
    let superblock = |at: u64, value: u32| victim.image.write(1024 + at, &value.to_le_bytes());
    superblock(0x4, u32::MAX);
    superblock(0x20, 1);
    let error = victim.ask(read("/file")).unwrap_err();
    assert!(
        error.to_string().contains("more blocks than the volume"),
        "{error}"
    );
    // On a disk that is as large as that.
    superblock(0x4, u32::MAX >> 1);
    let bytes = std::fs::read(&victim.image.0).unwrap();
    let mut encoded = SparseDisk::encode(0, &bytes);
    encoded[1..5].copy_from_slice(&u32::MAX.to_le_bytes());
    let content = ask(SparseDisk::decode(&encoded), read("/file"));
    assert!(content.unwrap() == noise(9000, 1));
}

#[test]
fn a_symbolic_link_of_four_terabytes() {
    let length = |answer: Result<Vec<u8>, FsError>| answer.map(|content| content.len());
    for (feature, expected) in [
        ("large_dir", "link of 4398046515200 bytes"),
        // Without it the upper half of the length does not count.
        ("^large_dir", "link of 4097 bytes"),
    ] {
        let victim = Victim::new(&format!("-t ext4 -O ^metadata_csum,{feature}"));
        assert_eq!(length(victim.ask(read("/link"))).unwrap(), 9000);
        victim.write_inode("/link", 0x6c, &0x400_u32.to_le_bytes());
        let size: u32 = if feature == "large_dir" { 4096 } else { 4097 };
        victim.write_inode("/link", SIZE, &size.to_le_bytes());
        let error = length(victim.ask(read("/link"))).unwrap_err();
        assert!(matches!(error, FsError::Corrupt(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// Every byte of the root of an index in turn, with and without checksums.
#[test]
fn damage_in_the_root_of_an_index() {
    for options in ["-t ext4", "-t ext4 -O ^metadata_csum"] {
        let victim = Victim::new(options);
        let output = crate::kit::tool("e2fsck")
            .args(["-fyD", victim.image.path()])
            .output();
        assert!(output.unwrap().status.code().is_some_and(|code| code <= 1));
        let root = victim.block("/many", 0) * 1024;
        let bytes = std::fs::read(&victim.image.0).unwrap();
        let encoded = SparseDisk::encode(0, &bytes);
        let whole = ask(SparseDisk::decode(&encoded), |filesystem| {
            filesystem.read_dir(&path("/many"))
        });
        assert_eq!(whole.unwrap().len(), 100);
        for at in (0..64).chain(1000..1024) {
            let mut disk = SparseDisk::decode(&encoded);
            disk.sector((root + at) / 512)[((root + at) % 512) as usize] ^= 0xff;
            let _ = ask(disk, |filesystem| {
                filesystem.read_dir(&path("/many"))?;
                filesystem.metadata(&path("/many/a-name-that-is-not-short-00050"))
            });
        }
    }
}

/// Forty links, each with thousands of parts on its way.
#[test]
fn links_that_make_the_way_long() {
    let dir = temp_dir();
    let around = "dir/../".repeat(560);
    let root = dir.path().join("tree");
    std::fs::create_dir_all(root.join("dir")).unwrap();
    for i in 0..40 {
        let target = format!("{around}link-{}", i + 1);
        std::os::unix::fs::symlink(target, root.join(format!("link-{i}"))).unwrap();
    }
    let image = dir.image("image", 8 * MIB);
    run_line(
        &format!("mke2fs -q -t ext4 -b 4096 -d {} {{}}", root.display()),
        &image,
    );
    let bytes = std::fs::read(&image.0).unwrap();
    let disk = SparseDisk::decode(&SparseDisk::encode(0, &bytes));
    let error = ask(disk, |filesystem| {
        assert!(filesystem.metadata(&FsPath::root()).is_ok());
        filesystem.metadata(&path("/link-0"))
    });
    let error = error.unwrap_err();
    assert!(
        matches!(error, FsError::TooLarge(_) | FsError::NotFound),
        "{error}"
    );
}
