//! ext2, ext3 and ext4 as mke2fs makes them, compared file by file with what `debugfs` reads.

use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use pilotlight::disk::Disk;
use pilotlight::fs::{FileKind, FsError, FsPath};

use crate::kit::tree::{compare, files, read_all, tree};
use crate::kit::{
    Image, MIB, debugfs, filesystem, inode_place, noise, path, run_line, temp_dir, tool,
};

/// Makes a filesystem of the tree and reads it in both ways.
fn agrees(options: &str) {
    let dir = temp_dir();
    let root = tree(&dir);
    let image = dir.image("image", 96 * MIB);
    make(&image, options, &root);
    let ours = filesystem(&image);
    let out = dir.path().join("dumped");
    std::fs::create_dir(&out).unwrap();
    let script = dir.file("script", format!("rdump / {}\n", out.display()).as_bytes());
    run_line(&format!("debugfs -f {} {{}}", script.display()), &image);
    let mut found = read_all(ours.as_ref());
    let mut dumped = files(&out);
    if options.contains("inline_data") {
        // debugfs writes all 60 bytes of `i_block`, however short the file is.
        let short = dumped.values_mut().filter(|content| content.len() == 60);
        short.for_each(|content| content.truncate(content.partition_point(|byte| *byte != 0)));
    }
    found.retain(|name, _| !name.starts_with("/lost+found"));
    compare(options, &found, &dumped);
    let mut put_in = files(&root);
    if options.contains("inline_data") {
        // mke2fs forgets the hole at the end of a file that it first took for a short one.
        put_in.insert("/sparse".to_owned(), dumped["/sparse"].clone());
    }
    compare(options, &found, &put_in);
    let kernel = &found["/boot/vmlinuz"];
    for link in [
        "/boot/link",
        "/absolute",
        "/boot/long",
        "/directory/vmlinuz",
    ] {
        assert!(
            ours.read(&path(link), 64 << 20).unwrap() == *kernel,
            "{options}: {link}"
        );
    }
}

fn make(image: &Image, options: &str, root: &Path) {
    let line = format!("mke2fs -q -F {options} -d {} {{}}", root.display());
    run_line(&line, image);
}

#[test]
fn ext4_with_many_features() {
    for options in [
        "-t ext4",
        "-t ext4 -b 1024",
        "-t ext4 -b 2048 -I 128",
        "-t ext4 -b 2048 -I 128 -O ^metadata_csum",
        "-t ext4 -I 1024",
        "-t ext4 -O large_dir,ea_inode,mmp",
        "-t ext4 -O ^64bit",
        "-t ext4 -O ^64bit,^metadata_csum",
        "-t ext4 -O metadata_csum_seed",
        "-t ext4 -O ^has_journal",
        "-t ext4 -O ^dir_index",
        "-t ext4 -E hash_seed=00000000-0000-0000-0000-000000000001",
        "-t ext4 -O orphan_file",
        "-t ext4 -O quota,project",
        "-t ext4 -O casefold",
        "-t ext4 -O encrypt,verity,stable_inodes",
        "-t ext4 -O fast_commit",
    ] {
        agrees(options);
    }
}

#[test]
fn groups_of_every_kind() {
    for options in [
        "-t ext4 -O ^metadata_csum,uninit_bg",
        "-t ext4 -O ^metadata_csum,uninit_bg,^64bit",
        "-t ext4 -O ^metadata_csum,^uninit_bg",
        "-t ext4 -O bigalloc -C 16384",
        "-t ext4 -O bigalloc -b 1024 -C 16384",
        "-t ext4 -O sparse_super2,^resize_inode",
        "-t ext4 -O ^sparse_super,^resize_inode",
        "-t ext4 -O ^flex_bg",
        "-t ext4 -O meta_bg,^resize_inode",
        // Several blocks of descriptors, which lie with their groups.
        "-t ext4 -b 1024 -g 256 -O meta_bg,^resize_inode,^flex_bg",
        "-t ext4 -b 1024 -g 256 -O meta_bg,^resize_inode,^64bit,^sparse_super",
        "-t ext4 -b 1024 -g 256 -O meta_bg,^resize_inode,sparse_super2",
    ] {
        agrees(options);
    }
}

#[test]
fn blocks_of_every_size() {
    for options in [
        "-t ext4 -b 8192",
        "-t ext4 -b 16384",
        "-t ext4 -b 32768",
        "-t ext4 -b 65536",
        "-t ext4 -b 65536 -O inline_data,^metadata_csum",
        "-t ext2 -b 65536",
    ] {
        agrees(options);
    }
}

#[test]
fn data_in_inodes() {
    for options in [
        "-t ext4 -O inline_data",
        "-t ext4 -O inline_data -I 512",
        "-t ext4 -O inline_data,^metadata_csum -b 1024 -I 1024",
    ] {
        agrees(options);
    }
    // What fits the inode is there, and what does not is not.
    let dir = temp_dir();
    for length in [0, 1, 59, 60, 61, 100, 150, 200, 400] {
        let content = noise(length, length as u64);
        dir.file(&format!("tree/in/file-{length}"), &content);
    }
    let root = dir.path().join("tree");
    symlink(target(100), root.join("in/link")).unwrap();
    dir.file("tree/in/vmlinuz", b"kernel");
    dir.file("tree/dir/a-name", b"x");
    let image = dir.image("image", 32 * MIB);
    make(&image, "-t ext4 -O inline_data -I 512", &root);
    let is_inline =
        |name: &str| debugfs(&image, &format!("stat {name}")).contains("Flags: 0x10000000");
    for (name, expected) in [
        ("/in/file-0", true),
        ("/in/file-61", true),
        ("/in/file-200", true),
        ("/in/file-400", false),
        ("/in/link", true),
        ("/dir", true),
    ] {
        assert_eq!(is_inline(name), expected, "{name}");
    }
    let ours = filesystem(&image);
    let mut found = read_all(ours.as_ref());
    found.retain(|name, _| !name.starts_with("/lost+found"));
    compare("inline", &found, &files(&root));
    assert_eq!(ours.read(&path("/in/link"), 10).unwrap(), b"kernel");
    let mut file = ours.open(&path("/in/file-100")).unwrap();
    let mut buffer = [0; 80];
    assert_eq!(file.read_at(50, &mut buffer).unwrap(), 50);
    assert_eq!(buffer[..50], noise(100, 100)[50..]);
    assert_eq!(file.read_at(101, &mut buffer).unwrap(), 0);
}

/// The kernel continues a directory in the attribute `system.data`, which mke2fs does not do.
#[test]
fn directories_that_go_on_behind_i_block() {
    let dir = temp_dir();
    dir.file("tree/dir/first", b"1");
    dir.file("tree/other", b"2");
    let image = dir.image("image", 16 * MIB);
    let options = "-t ext4 -b 4096 -I 256 -O inline_data,^metadata_csum";
    make(&image, options, &dir.path().join("tree"));
    let other = debugfs(&image, "stat /other");
    let other = other.split_whitespace().nth(1).unwrap();
    let other: u32 = other.parse().unwrap();
    let inode = inode_place(&image, "/dir", 4096);
    // Behind 128 bytes, 32 more fields, and the magic number: the length of the name and where it
    // belongs, the place of the value, its inode, its length.
    let attribute = inode + 128 + 32 + 4;
    assert_eq!(image.read(attribute, 2), [4, 7]);
    image.write(attribute + 2, &[60, 0]);
    image.write(attribute + 8, &[28]);
    let mut entry = other.to_le_bytes().to_vec();
    entry.extend(b"\x1c\0\x06\x01second");
    image.write(attribute + 60, &entry);
    image.write(inode + 4, &[60 + 28]);
    let ours = filesystem(&image);
    let list = ours.read_dir(&path("/dir")).unwrap();
    let names: Vec<&str> = list.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!(ours.read(&path("/dir/second"), 10).unwrap(), b"2");
    let listed = debugfs(&image, "ls -p /dir");
    assert!(listed.contains("/second/"), "{listed}");
}

/// Maps of single blocks, with holes of every size.
#[test]
fn files_without_extents() {
    for options in [
        "-t ext2",
        "-t ext2 -b 1024",
        "-t ext2 -O ^filetype",
        "-t ext2 -r 0",
        "-t ext3",
        "-t ext3 -I 128",
        "-t ext4 -O ^extents,^64bit",
        "-t ext4 -O ^filetype",
    ] {
        agrees(options);
    }
}

#[test]
fn holes_are_zeros_and_not_what_is_on_the_disk() {
    for options in ["-t ext2 -b 1024", "-t ext3 -b 1024", "-t ext4 -b 1024"] {
        let dir = temp_dir();
        let name = dir.file("tree/sparse", b"");
        // Direct, and behind tables of one, two and three levels.
        let sparse = std::fs::File::options().write(true).open(name).unwrap();
        for at in [
            3 << 10,
            20 << 10,
            267 << 10,
            300 << 10,
            5000 << 10,
            65_804 << 10,
            67_000 << 10,
        ] {
            sparse.write_all_at(&noise(1500, at), at).unwrap();
        }
        sparse.set_len(70_000 << 10).unwrap();
        let image = dir.image("image", 8 * MIB);
        image.write(0, &[0xa5; 8 << 20]);
        let root = dir.path().join("tree");
        make(&image, &format!("-E nodiscard {options}"), &root);
        let found = filesystem(&image)
            .read(&path("/sparse"), 100 << 20)
            .unwrap();
        assert!(
            found == std::fs::read(root.join("sparse")).unwrap(),
            "{options}"
        );
    }
}

#[test]
fn extents_that_nothing_was_written_to_are_zeros() {
    let dir = temp_dir();
    dir.file("tree/file", &noise(4096, 1));
    let image = dir.image("image", 8 * MIB);
    image.write(0, &[0xa5; 8 << 20]);
    let root = dir.path().join("tree");
    make(&image, "-t ext4 -b 1024 -E nodiscard", &root);
    debugfs(&image, "fallocate /file 10 20");
    debugfs(&image, "set_inode_field /file size 30720");
    assert!(debugfs(&image, "ex /file").contains("Uninit"));
    let mut expected = noise(4096, 1);
    expected.resize(30_720, 0);
    let found = filesystem(&image).read(&path("/file"), 1 << 20).unwrap();
    assert!(found == expected);
}

#[test]
fn lengths_of_64_bits() {
    let dir = temp_dir();
    dir.file("tree/file", b"begin");
    let image = dir.image("image", 8 * MIB);
    make(&image, "-t ext4", &dir.path().join("tree"));
    debugfs(&image, "set_inode_field /file size 6000000000000");
    let ours = filesystem(&image);
    let file = path("/file");
    assert_eq!(ours.metadata(&file).unwrap().size, 6_000_000_000_000);
    assert!(matches!(
        ours.read(&file, 1 << 20),
        Err(FsError::TooLarge(_))
    ));
    let mut file = ours.open(&file).unwrap();
    let mut buffer = [1; 100];
    assert_eq!(file.read_at(5_999_999_999_990, &mut buffer).unwrap(), 10);
    assert_eq!(buffer[..10], [0; 10]);
    assert_eq!(file.read_at(0, &mut buffer).unwrap(), 100);
    assert!(buffer.starts_with(b"begin\0\0"));
}

/// Thousands of names, with an index of one and of two levels.
#[test]
fn directories_with_an_index() {
    for options in [
        "-t ext4 -b 4096",
        "-t ext4 -b 1024",
        "-t ext4 -b 1024 -O ^metadata_csum",
        "-t ext3 -b 1024 -O dir_index",
    ] {
        let dir = temp_dir();
        let names: Vec<String> = (0..5000)
            .map(|i| format!("a-name-that-is-not-short-{i:05}"))
            .collect();
        for name in &names {
            dir.file(&format!("tree/many/{name}"), b"");
        }
        dir.file("tree/many/vmlinuz", b"kernel");
        let image = dir.image("image", 32 * MIB);
        make(
            &image,
            &format!("{options} -N 6000"),
            &dir.path().join("tree"),
        );
        // Its status 1 says that something was done.
        let status = tool("e2fsck")
            .args(["-fyD", image.path()])
            .output()
            .unwrap()
            .status;
        assert!(
            status.code().is_some_and(|code| code <= 1),
            "{options}: {status}"
        );
        let root = debugfs(&image, "htree_dump /many");
        assert!(root.contains("Indirect levels: "), "{options}: {root}");
        let ours = filesystem(&image);
        let list = ours.read_dir(&path("/many")).unwrap();
        assert_eq!(list.len(), 5001);
        assert!(
            list.iter()
                .zip(&names)
                .all(|(entry, name)| entry.name == *name)
        );
        for name in names.iter().step_by(499) {
            let metadata = ours.metadata(&path(&format!("/many/{name}"))).unwrap();
            assert_eq!((metadata.kind, metadata.size), (FileKind::File, 0));
        }
        assert_eq!(ours.read(&path("/many/vmlinuz"), 10).unwrap(), b"kernel");
        let gone = ours.metadata(&path("/many/a-name"));
        assert!(matches!(gone, Err(FsError::NotFound)));
    }
}

/// A path to `vmlinuz` of so many bytes.
fn target(length: usize) -> String {
    let dots = "./".repeat((length - 7) / 2);
    let slash = if length.is_multiple_of(2) { "/" } else { "" };
    format!("{dots}{slash}vmlinuz")
}

#[test]
fn symbolic_links_of_every_length() {
    for options in [
        "-t ext4 -b 4096",
        "-t ext2 -b 4096",
        "-t ext4 -b 4096 -O inline_data",
    ] {
        let dir = temp_dir();
        dir.file("tree/vmlinuz", b"kernel");
        let root = dir.path().join("tree");
        let lengths = [7, 9, 58, 59, 60, 61, 100, 200, 1000, 4095];
        for length in lengths {
            assert_eq!(target(length).len(), length);
            symlink(target(length), root.join(format!("link-{length}"))).unwrap();
        }
        let image = dir.image("image", 16 * MIB);
        make(&image, options, &root);
        let ours = filesystem(&image);
        for length in lengths {
            let link = path(&format!("/link-{length}"));
            let content = ours.read(&link, 100);
            assert_eq!(content.unwrap(), b"kernel", "{options}: {length}");
        }
    }
}

#[test]
fn at_most_forty_links_are_followed() {
    let dir = temp_dir();
    dir.file("tree/link-0", b"end");
    let root = dir.path().join("tree");
    for i in 1..=41 {
        symlink(format!("link-{}", i - 1), root.join(format!("link-{i}"))).unwrap();
    }
    let image = dir.image("image", 16 * MIB);
    make(&image, "-t ext4", &root);
    let ours = filesystem(&image);
    assert_eq!(ours.read(&path("/link-40"), 10).unwrap(), b"end");
    let many = ours.read(&path("/link-41"), 10);
    assert!(matches!(many, Err(FsError::Corrupt(_))));
}

#[test]
fn names_without_case() {
    let dir = temp_dir();
    dir.file("tree/folded/VMLinuz-Größe", b"folded");
    dir.file("tree/folded/both", b"lower");
    dir.file("tree/folded/BOTH", b"upper");
    dir.file("tree/plain/VMLinuz", b"plain");
    let image = dir.image("image", 16 * MIB);
    make(&image, "-t ext4 -O casefold", &dir.path().join("tree"));
    let flags = debugfs(&image, "stat /folded");
    assert!(flags.contains("Flags: 0x80000"), "{flags}");
    debugfs(&image, "set_inode_field /folded flags 0x40080000");
    let ours = filesystem(&image);
    let read = |name: &str| ours.read(&path(name), 100);
    assert_eq!(read("/folded/vmlinuz-GRÖßE").unwrap(), b"folded");
    assert_eq!(read("/folded/BOTH").unwrap(), b"upper");
    assert_eq!(read("/folded/both").unwrap(), b"lower");
    assert!(matches!(read("/plain/vmlinuz"), Err(FsError::NotFound)));
}

#[test]
fn what_is_encrypted_is_not_supported_and_the_rest_is_read() {
    let dir = temp_dir();
    dir.file("tree/file", b"secret");
    dir.file("tree/dir/file", b"secret");
    dir.file("tree/plain", b"plain");
    let image = dir.image("image", 16 * MIB);
    make(&image, "-t ext4 -O encrypt", &dir.path().join("tree"));
    debugfs(&image, "set_inode_field /file flags 0x80800");
    debugfs(&image, "set_inode_field /dir flags 0x80800");
    let ours = filesystem(&image);
    let unsupported = |error: Option<FsError>| matches!(error, Some(FsError::Unsupported(_)));
    assert!(unsupported(ours.open(&path("/file")).err()));
    assert!(unsupported(ours.read_dir(&path("/dir")).err()));
    assert!(unsupported(ours.open(&path("/dir/file")).err()));
    assert_eq!(ours.read_dir(&FsPath::root()).unwrap().len(), 4);
    assert_eq!(ours.read(&path("/plain"), 10).unwrap(), b"plain");
}

#[test]
fn features_that_are_refused_are_named() {
    for feature in ["compression", "dirdata", "FEATURE_I20"] {
        let dir = temp_dir();
        let image = dir.image("image", 32 * MIB);
        run_line("mke2fs -q -t ext4 {}", &image);
        debugfs(&image, &format!("feature {feature}"));
        let layout = Disk::open(&image.0).unwrap().scan();
        let error = pilotlight::fs::open(&layout.volumes[0], None)
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            format!(
                "not supported: the ext4 feature {feature} (only the boot loader itself can ask its \
                 kernel to read it)"
            )
        );
    }
}

/// One flipped bit in any structure with a checksum, and what is said about it.
#[test]
fn wrong_checksums_are_found() {
    for (place, expected) in [
        ("superblock", "the superblock: its checksum is wrong"),
        (
            "descriptor",
            "the descriptor of group 0 has a wrong checksum",
        ),
        ("inode", "has a wrong checksum"),
        ("extents", "has a block of extents with a wrong checksum"),
        ("directory", "has a wrong checksum in directory block 0"),
        ("index", "has a wrong checksum in directory block 0"),
    ] {
        let dir = temp_dir();
        // Each second block, so that the extents need a block of their own.
        let name = dir.file("tree/holes", b"");
        let holes = std::fs::File::options().write(true).open(name).unwrap();
        for i in 0..10 {
            holes.write_all_at(&noise(1024, i), i * 2048).unwrap();
        }
        dir.file("tree/dir/file", b"x");
        for i in 0..100 {
            dir.file(&format!("tree/many/a-name-that-is-not-short-{i:05}"), b"");
        }
        let image = dir.image("image", 8 * MIB);
        make(&image, "-t ext4 -b 1024", &dir.path().join("tree"));
        tool("e2fsck")
            .args(["-fyD", image.path()])
            .output()
            .unwrap();
        let block = |name: &str, which: usize| -> u64 {
            let blocks = debugfs(&image, &format!("blocks {name}"));
            blocks
                .split_whitespace()
                .nth(which)
                .unwrap()
                .parse()
                .unwrap()
        };
        let at = match place {
            "superblock" => 1024 + 0x78,
            "descriptor" => 2048 + 0x1c,
            "inode" => inode_place(&image, "/holes", 1024) + 0xc,
            "extents" => {
                // The first that is named is the block of the map.
                let tree = debugfs(&image, "ex /holes");
                let line = tree
                    .lines()
                    .find(|line| line.trim_start().starts_with("0/ 1"))
                    .unwrap();
                let block = line.split_whitespace().nth(7).unwrap();
                block.parse::<u64>().unwrap() * 1024 + 100
            }
            "directory" => block("/dir", 0) * 1024 + 50,
            _ => block("/many", 0) * 1024 + 40,
        };
        let byte = image.read(at, 1)[0] ^ 1;
        image.write(at, &[byte]);
        let error = read_some(&image)
            .err()
            .unwrap_or_else(|| panic!("{place} is read"));
        assert!(matches!(error, FsError::Corrupt(_)), "{place}: {error}");
        assert!(error.to_string().contains(expected), "{place}: {error}");
    }
}

/// Where the second half of a superblock was not written: a disk has sectors of 512 bytes.
#[test]
fn a_torn_superblock_has_copies() {
    for (options, mebibytes, group_size) in [
        ("-t ext4 -b 1024", 32, 8192 * 1024 + 1024),
        ("-t ext4 -b 2048 -O ^has_journal", 80, 16384 * 2048),
        (
            "-t ext4 -b 4096 -O ^sparse_super,^resize_inode",
            160,
            32768 * 4096,
        ),
    ] {
        let dir = temp_dir();
        let root = tree(&dir);
        let image = dir.image("image", mebibytes * MIB);
        make(&image, options, &root);
        assert_eq!(filesystem(&image).problem(), None, "{options}");
        let torn = |at: u64| image.write(at + 512 + 100, b"torn");
        torn(1024);
        let ours = filesystem(&image);
        assert_eq!(
            ours.problem().unwrap(),
            "the superblock: its checksum is wrong: its copy in group 1 was read; run e2fsck"
        );
        let mut found = read_all(ours.as_ref());
        found.retain(|name, _| !name.starts_with("/lost+found"));
        compare(options, &found, &files(&root));
        // Copies of another filesystem are none.
        let uuid = image.read(1024 + 0x68, 16);
        image.write(1024 + 0x68, &[7; 16]);
        let open = || pilotlight::fs::open(&Disk::open(&image.0).unwrap().scan().volumes[0], None);
        assert!(
            matches!(open().err(), Some(FsError::Corrupt(_))),
            "{options}"
        );
        image.write(1024 + 0x68, &uuid);
        // Nor is one that is torn, too.
        torn(group_size);
        let next = open();
        match mebibytes {
            32 => assert!(next.unwrap().problem().unwrap().contains("group 3")),
            _ => assert!(matches!(next.err(), Some(FsError::Corrupt(_))), "{options}"),
        }
    }
}

/// A file with a map, and two directories.
fn read_some(image: &Image) -> Result<(), FsError> {
    let layout = Disk::open(&image.0).unwrap().scan();
    let ours = pilotlight::fs::open(&layout.volumes[0], None)?;
    ours.read(&path("/holes"), 1 << 20)?;
    ours.read_dir(&path("/dir"))?;
    ours.read_dir(&path("/many"))?;
    Ok(())
}

#[test]
fn paths_that_lead_nowhere() {
    let dir = temp_dir();
    let root = tree(&dir);
    symlink("loop", root.join("loop")).unwrap();
    symlink("gone", root.join("dangling")).unwrap();
    symlink("../../../../../../etc/passwd", root.join("escape")).unwrap();
    let image = dir.image("image", 96 * MIB);
    run_line(
        &format!("mke2fs -q -t ext4 -d {} {{}}", root.display()),
        &image,
    );
    let filesystem = filesystem(&image);
    let open = |name: &str| filesystem.open(&path(name)).err();
    assert!(matches!(open("/gone"), Some(FsError::NotFound)));
    assert!(matches!(open("/dangling"), Some(FsError::NotFound)));
    assert!(matches!(open("/escape"), Some(FsError::NotFound)));
    assert!(matches!(open("/loop"), Some(FsError::Corrupt(_))));
    assert!(matches!(open("/boot"), Some(FsError::NotAFile)));
    assert!(matches!(open("/small/x"), Some(FsError::NotADirectory)));
    let list = filesystem.read_dir(&path("/small"));
    assert!(matches!(list, Err(FsError::NotADirectory)));
    let limit = filesystem.read(&path("/boot/vmlinuz"), 2_999_999);
    assert!(matches!(limit, Err(FsError::TooLarge(_))));
}

#[test]
fn reads_begin_anywhere() {
    let dir = temp_dir();
    let root = tree(&dir);
    let image = dir.image("image", 96 * MIB);
    run_line(
        &format!("mke2fs -q -t ext4 -d {} {{}}", root.display()),
        &image,
    );
    let filesystem = filesystem(&image);
    let whole = std::fs::read(root.join("boot/vmlinuz")).unwrap();
    let mut file = filesystem.open(&path("/boot/vmlinuz")).unwrap();
    for (offset, length) in [
        (0, 10),
        (2_999_990, 100),
        (4095, 2),
        (1_000_000, 300_000),
        (5, 4096),
    ] {
        let mut buffer = vec![0; length];
        let n = file.read_at(offset as u64, &mut buffer).unwrap();
        let expected = &whole[offset..whole.len().min(offset + length)];
        assert_eq!(&buffer[..n], expected, "{length} at {offset}");
    }
    assert_eq!(file.read_at(3_000_000, &mut [0; 8]).unwrap(), 0);
}
