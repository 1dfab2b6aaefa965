//! Btrfs as mkfs.btrfs and Linux make it.

use std::path::Path;

use pilotlight::fs::{FileKind, FsError, FsPath};

use crate::kit::tree::{self, compare, files, read_all, tree};
use crate::kit::{Image, MIB, TempDir, filesystem, fixture, noise, path, run_line, scan, temp_dir};

/// An image with the tree in it.
fn make(dir: &TempDir, options: &str, root: &Path) -> Image {
    let image = dir.image("btrfs", 256 * MIB);
    let line = format!("mkfs.btrfs -q {options} --rootdir {} {{}}", root.display());
    run_line(&line, &image);
    image
}

#[test]
fn features_and_sizes() {
    let dir = temp_dir();
    let root = tree(&dir);
    for options in [
        "",
        "--nodesize 65536",
        "--mixed --nodesize 4096",
        "--metadata single --data dup",
        "--csum sha256",
        "-O ^no-holes,^skinny-metadata,^extref",
    ] {
        let image = make(&dir, options, &root);
        let ours = filesystem(&image);
        assert_eq!(ours.problem(), None, "{options}");
        let found = read_all(ours.as_ref());
        compare(options, &found, &files(&root));
        let kernel = &found["/boot/vmlinuz"];
        for link in [
            "/boot/link",
            "/absolute",
            "/boot/long",
            "/directory/vmlinuz",
        ] {
            let content = ours.read(&path(link), 64 << 20).unwrap();
            assert!(content == *kernel, "{options}: {link}");
        }
        std::fs::remove_file(&image.0).unwrap();
    }
}

#[test]
fn checksums_that_are_not_verified_are_named() {
    let dir = temp_dir();
    dir.file("tree/file", b"content");
    for kind in ["xxhash", "blake2"] {
        let image = make(&dir, &format!("--csum {kind}"), &dir.path().join("tree"));
        let ours = filesystem(&image);
        assert_eq!(ours.read(&path("/file"), 100).unwrap(), b"content");
        let problem = ours.problem().unwrap();
        assert!(
            problem.contains(kind) && problem.contains("not verified"),
            "{problem}"
        );
        std::fs::remove_file(&image.0).unwrap();
    }
}

#[test]
fn a_directory_with_many_names() {
    let dir = temp_dir();
    let name = |i: usize| format!("name-that-is-not-short-{i:05}");
    for i in 0..5000 {
        dir.file(&format!("tree/many/{}", name(i)), b"");
    }
    let image = make(&dir, "", &dir.path().join("tree"));
    let ours = filesystem(&image);
    let found = ours.read_dir(&path("/many")).unwrap();
    let names: Vec<String> = found.into_iter().map(|entry| entry.name).collect();
    assert!(names == (0..5000).map(name).collect::<Vec<_>>());
    for i in [0, 1, 2500, 4999] {
        let path = path("/many").join(&name(i)).unwrap();
        assert_eq!(ours.metadata(&path).unwrap().kind, FileKind::File);
    }
    let other = path("/many/name-that-is-not-short-5000");
    assert!(matches!(ours.metadata(&other), Err(FsError::NotFound)));
}

#[test]
fn reads_begin_anywhere() {
    tree::reads_begin_anywhere(&|dir, root| make(dir, "", root));
}

#[test]
fn paths_that_lead_nowhere() {
    tree::paths_that_lead_nowhere(&|dir, root| make(dir, "", root));
}

/// The nodes of an image, by where they are.
fn nodes(image: &Image) -> Vec<u64> {
    let bytes = std::fs::read(&image.0).unwrap();
    let uuid = &bytes[65_536 + 32..][..16];
    let places = (0..bytes.len()).step_by(16_384);
    let is_node = |at: &usize| &bytes[at + 32..at + 48] == uuid && *at != 65_536;
    places.filter(is_node).map(|at| at as u64).collect()
}

/// Metadata is there twice: where one copy is damaged, the other is read. Where both are, it is said.
#[test]
fn copies_of_what_is_damaged() {
    let dir = temp_dir();
    dir.file("tree/dir/file", &noise(10_000, 1));
    let read = |image: &Image| {
        pilotlight::fs::open(&scan(image).volumes[0], None)
            .and_then(|filesystem| filesystem.read(&path("/dir/file"), 1 << 20))
    };
    let image = make(&dir, "--metadata dup", &dir.path().join("tree"));
    let nodes = nodes(&image);
    let original = read(&image).unwrap();
    // The copy of every node lies as far away as that of the first.
    let whole: Vec<Vec<u8>> = nodes.iter().map(|at| image.read(*at, 16_384)).collect();
    for (place, bytes) in nodes.iter().zip(&whole) {
        image.write(place + 200, &[bytes[200] ^ 1]);
        assert!(read(&image).unwrap() == original, "{place}");
        image.write(place + 200, &bytes[200..201]);
    }
    let mut errors = 0;
    for bytes in &whole {
        let both = || {
            nodes
                .iter()
                .zip(&whole)
                .filter(|(_, other)| *other == bytes)
        };
        both().for_each(|(place, _)| image.write(place + 200, &[bytes[200] ^ 1]));
        if let Err(error) = read(&image) {
            assert!(
                error.to_string().contains("has a wrong checksum"),
                "{error}"
            );
            errors += 1;
        }
        both().for_each(|(place, _)| image.write(place + 200, &bytes[200..201]));
    }
    assert!(errors > 3, "{errors}");
    // The first superblock, without which nobody knows what this is.
    image.write(65_536 + 300, b"damage");
    assert!(read(&image).unwrap() == original);
}

/// Everything that only the kernel writes: see `tests/images/make-fixtures`.
#[test]
fn what_is_compressed() {
    let ours = fixture("btrfs_compressed");
    let numbers = (1..=6000).flat_map(|i| format!("{i} of many numbered lines\n").into_bytes());
    let numbers: Vec<u8> = numbers.collect();
    for method in ["zlib", "lzo", "zstd"] {
        for (name, expected) in [
            ("numbers", &numbers[..]),
            (
                "short",
                b"short short short short short short short short\n",
            ),
        ] {
            let content = ours
                .read(&path(&format!("/{method}/{name}")), 1 << 20)
                .unwrap();
            assert!(content == expected, "{method} {name}");
        }
        // The middle of it was written later.
        let mut expected = numbers.clone();
        expected[100_000..100_006].copy_from_slice(b"middle");
        let content = ours
            .read(&path(&format!("/{method}/changed")), 1 << 20)
            .unwrap();
        assert!(content == expected, "{method}");
        let mut file = ours.open(&path(&format!("/{method}/numbers"))).unwrap();
        let mut buf = [0; 5000];
        for offset in [140_000, 7, 130_000, 131_072] {
            file.read_at(offset as u64, &mut buf).unwrap();
            assert!(buf == numbers[offset..offset + 5000], "{method} {offset}");
        }
    }
}

/// Holes, with and without items for them, and what was kept free for a file but not written.
#[test]
fn parts_that_are_zeros() {
    for name in ["btrfs_subvolumes", "btrfs_compressed"] {
        let ours = fixture(name);
        let content = ours.read(&path("/sparse"), 8 << 20).unwrap();
        let mut expected = vec![0; 1_000_000];
        expected[..5].copy_from_slice(b"begin");
        expected[500_000..500_006].copy_from_slice(b"middle");
        assert!(content == expected, "{name}");
        let content = ours.read(&path("/unwritten"), 1 << 20).unwrap();
        assert!(
            content.len() == 100_000 && content.iter().all(|byte| *byte == 0),
            "{name}"
        );
    }
}

#[test]
fn subvolumes_snapshots_and_the_default_one() {
    let ours = fixture("btrfs_subvolumes");
    assert_eq!(ours.problem(), None);
    let read = |name: &str| String::from_utf8(ours.read(&path(name), 100).unwrap()).unwrap();
    assert_eq!(read("/@/boot/file"), "after\n");
    assert_eq!(read("/@/inner/file"), "inner\n");
    assert_eq!(read("/snapshots/1/boot/file"), "before\n");
    // What is in no directory of the top is looked for in the default subvolume: the snapshot.
    assert_eq!(read("/boot/file"), "before\n");
    assert_eq!(read("/boot/link"), "before\n");
    assert_eq!(read("/top"), "top\n");
    // A snapshot has the name of a subvolume below it, and nothing behind.
    assert!(
        ours.read_dir(&path("/snapshots/1/inner"))
            .unwrap()
            .is_empty()
    );
    assert!(matches!(
        ours.metadata(&path("/snapshots/1/inner/file")),
        Err(FsError::NotFound)
    ));
    let names = |name: &str| {
        let entries = ours.read_dir(&path(name)).unwrap().into_iter();
        entries
            .map(|entry| (entry.name, entry.kind))
            .collect::<Vec<_>>()
    };
    let expected = [
        ("@", FileKind::Directory),
        ("snapshots", FileKind::Directory),
        ("sparse", FileKind::File),
        ("top", FileKind::File),
        ("unwritten", FileKind::File),
    ];
    assert_eq!(
        names("/"),
        expected.map(|(name, kind)| (name.to_owned(), kind))
    );
}

/// What was changed and is only in the log is not seen, and it is said that it may be so.
#[test]
fn a_log_that_was_left_behind() {
    let ours = fixture("btrfs_log");
    let problem = ours.problem().unwrap();
    assert!(problem.contains("was not unmounted"), "{problem}");
    assert_eq!(ours.read(&path("/file"), 100).unwrap(), b"first\n");
}

/// One of two devices, which has half of the data.
#[test]
fn a_device_that_is_missing() {
    let dir = temp_dir();
    let (one, two) = (dir.image("one", 256 * MIB), dir.image("two", 256 * MIB));
    dir.file("tree/file", b"content");
    for (options, readable) in [
        ("--metadata raid1 --data raid1", true),
        ("--metadata raid0 --data raid0", false),
    ] {
        run_line(
            &format!("mkfs.btrfs -q -f {options} {} {{}}", one.path()),
            &two,
        );
        for image in [&one, &two] {
            let answer = pilotlight::fs::open(&scan(image).volumes[0], None);
            match answer {
                Ok(ours) if readable => {
                    assert!(ours.read_dir(&FsPath::root()).unwrap().is_empty());
                    assert!(ours.problem().unwrap().contains("2 devices"));
                }
                Err(FsError::Unsupported(text)) if !readable => {
                    assert!(text.contains("RAID 0"), "{text}");
                }
                other => panic!("{options}: {:?}", other.map(drop)),
            }
        }
    }
}

#[test]
fn features_that_are_refused_are_named() {
    let dir = temp_dir();
    let image = dir.image("btrfs", 256 * MIB);
    run_line("mkfs.btrfs -q --csum xxhash {}", &image);
    // Whoever does not verify checksums can be told anything.
    let incompat = image.read(65_536 + 188, 8);
    image.write(65_536 + 188, &[incompat[0], incompat[1] | 0x20]);
    let answer = pilotlight::fs::open(&scan(&image).volumes[0], None);
    let text = answer.map(drop).unwrap_err().to_string();
    assert!(text.contains("the Btrfs feature EXTENT_TREE_V2"), "{text}");
}
