//! ISO 9660 as xorriso and genisoimage make it, compared with the files that went in.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;

use pilotlight::disk::{Disk, Hardware};
use pilotlight::fs::{FileKind, FsError};

use crate::kit::{Image, TempDir, filesystem, noise, path, run, temp_dir, tree};
use crate::targets::sparse::SparseDisk;

const GENISOIMAGE: &[&str] = &["genisoimage", "-quiet"];
const XORRISO: &[&str] = &["xorriso", "-as", "mkisofs", "-quiet"];

/// An image of the directory `tree` in `dir`.
fn make(dir: &TempDir, program: &[&str], options: &[&str]) -> Image {
    let image = dir.image("image.iso", 0);
    let tree = dir.path().join("tree");
    let mut arguments = [&program[1..], options, &["-o", image.path()]].concat();
    arguments.push(tree.to_str().unwrap());
    run(program[0], arguments);
    image
}

/// Files whose names every kind of tree can have.
fn short_names(dir: &TempDir) -> PathBuf {
    dir.file("tree/empty", b"");
    dir.file("tree/boot/vmlinuz", &noise(3_000_000, 1));
    dir.file("tree/boot/block", &noise(2048, 2));
    dir.file("tree/boot/initrd.img", &noise(2049, 3));
    dir.file("tree/a/b/c/d/e/f/deep.txt", b"seven levels");
    for i in 0..100 {
        dir.file(&format!("tree/many/n{i:05}.txt"), format!("{i}").as_bytes());
    }
    dir.path().join("tree")
}

/// The same, with names that need Joliet or Rock Ridge.
fn long_names(dir: &TempDir) -> PathBuf {
    dir.file("tree/boot/vmlinuz-6.12.57+deb13-amd64", &noise(5000, 4));
    dir.file("tree/boot/grub/x86_64-efi/grub.cfg", b"set x=1\n");
    dir.file("tree/Größe und Länge.conf", b"umlauts");
    dir.file("tree/.hidden", b"dot");
    dir.file("tree/two.dots.here", b"dots");
    short_names(dir)
}

#[test]
fn plain_names_come_in_small_letters() {
    for program in [GENISOIMAGE, XORRISO] {
        let dir = temp_dir();
        let root = short_names(&dir);
        let ours = filesystem(&make(&dir, program, without_rock_ridge(program)));
        tree::compare(
            program[0],
            &tree::read_all(ours.as_ref()),
            &tree::files(&root),
        );
        let kernel = ours.read(&path("/BOOT/VmLinuz"), 64 << 20).unwrap();
        assert!(kernel == noise(3_000_000, 1));
    }
}

#[test]
fn joliet_and_rock_ridge_keep_names() {
    for program in [GENISOIMAGE, XORRISO] {
        let joliet = [&["-J", "-joliet-long"], without_rock_ridge(program)].concat();
        for (options, is_joliet) in [
            (&joliet[..], true),
            (&["-R"], false),
            (&["-J", "-R"], false),
            (&["-r", "-iso-level", "3"], false),
        ] {
            let what = format!("{} {options:?}", program[0]);
            let dir = temp_dir();
            let root = long_names(&dir);
            let ours = filesystem(&make(&dir, program, options));
            tree::compare(&what, &tree::read_all(ours.as_ref()), &tree::files(&root));
            // Only Rock Ridge has names that differ in nothing but capitals.
            let other = ours.read(&path("/BOOT/BLOCK"), 4096);
            assert_eq!(other.is_ok(), is_joliet, "{what}");
        }
    }
}

/// xorriso writes Rock Ridge unless it is told not to.
fn without_rock_ridge(program: &[&str]) -> &'static [&'static str] {
    match program == XORRISO {
        true => &["--norock"],
        false => &[],
    }
}

/// Rock Ridge counts where both are there, and Joliet where it is not.
#[test]
fn the_tree_that_linux_and_grub_take() {
    let dir = temp_dir();
    let long = "n".repeat(200);
    dir.file(&format!("tree/{long}"), b"x");
    let names = |options: &[&str]| {
        let ours = filesystem(&make(&dir, GENISOIMAGE, options));
        ours.read_dir(&path("/")).unwrap().remove(0).name.len()
    };
    assert_eq!(names(&["-R", "-J"]), 200);
    assert_eq!(names(&["-J"]), 64);
    assert_eq!(names(&[]), 8);
}

#[test]
fn links_long_names_and_deep_directories() {
    for program in [GENISOIMAGE, XORRISO] {
        let dir = temp_dir();
        let root = dir.path().join("tree");
        let long = "x".repeat(250);
        dir.file(&format!("tree/{long}"), b"long");
        let deep: String = (0..14).map(|level| format!("level-{level}/")).collect();
        dir.file(&format!("tree/{deep}bottom"), b"deep");
        for i in 0..60 {
            dir.file(
                &format!("tree/many/{}-{i}", "y".repeat(230)),
                format!("{i}").as_bytes(),
            );
        }
        symlink(&long, root.join("short")).unwrap();
        symlink(format!("/{deep}bottom"), root.join("many/absolute")).unwrap();
        symlink(
            format!("{}{deep}../level-13/bottom", "./".repeat(100)),
            root.join("long"),
        )
        .unwrap();
        symlink(
            format!("../{}{long}", "../".repeat(20)),
            root.join("level-0/up"),
        )
        .unwrap();
        symlink("many", root.join("directory")).unwrap();
        symlink("itself", root.join("itself")).unwrap();
        let ours = filesystem(&make(&dir, program, &["-R", "-iso-level", "3"]));
        let mut found = tree::read_all(ours.as_ref());
        // Where genisoimage puts directories that are too deep in the tree.
        found.retain(|name, _| !name.starts_with("/rr_moved/"));
        tree::compare(program[0], &found, &tree::files(&root));
        for (link, content) in [
            ("/short", "long"),
            ("/many/absolute", "deep"),
            ("/long", "deep"),
            ("/level-0/up", "long"),
            (&format!("/directory/{}-7", "y".repeat(230)), "7"),
        ] {
            let read = ours.read(&path(link), 100);
            assert_eq!(read.unwrap(), content.as_bytes(), "{}: {link}", program[0]);
        }
        assert!(matches!(
            ours.read(&path("/itself"), 9),
            Err(FsError::Corrupt(_))
        ));
        let list = ours.read_dir(&path("/")).unwrap();
        let kinds: BTreeMap<&str, FileKind> =
            list.iter().map(|e| (e.name.as_str(), e.kind)).collect();
        assert_eq!(kinds["itself"], FileKind::Symlink);
        assert_eq!(kinds["many"], FileKind::Directory);
    }
}

#[test]
fn what_is_not_there_is_said() {
    let dir = temp_dir();
    dir.file("tree/efi/file", b"content");
    let touch = ["-d", "2024-03-01T00:00:00Z", "tree/efi/file"];
    let touch = touch.map(|word| word.replace("tree", dir.path().join("tree").to_str().unwrap()));
    run("touch", touch);
    for options in [&[][..], &["-R"]] {
        let ours = filesystem(&make(&dir, XORRISO, options));
        let open = |name: &str| ours.open(&path(name)).err();
        assert!(matches!(open("/gone"), Some(FsError::NotFound)));
        assert!(matches!(open("/efi/file/x"), Some(FsError::NotADirectory)));
        assert!(matches!(open("/efi"), Some(FsError::NotAFile)));
        let list = ours.read_dir(&path("/efi/file"));
        assert!(matches!(list, Err(FsError::NotADirectory)));
        let metadata = ours.metadata(&path("/efi/file")).unwrap();
        assert_eq!((metadata.kind, metadata.size), (FileKind::File, 7));
        assert_eq!(metadata.modified, Some(1_709_251_200));
        let place = ours.locate(&path("/efi/file"), 100);
        assert!(matches!(place, Err(FsError::Unsupported(_))));
    }
}

/// The place of the record of a file, which has the number of the volume and a length before its name.
fn record(image: &Image, name: &[u8]) -> u64 {
    let bytes = image.read(0, usize::try_from(image.size()).unwrap());
    let stored = [&[1, 0, 0, 1, u8::try_from(name.len()).unwrap()], name].concat();
    let found = bytes
        .windows(stored.len())
        .position(|window| window == stored);
    found.expect("the name is there") as u64 - 28
}

/// Files of 4 GiB and more have a record for each section; here each has a few bytes.
#[test]
fn files_in_sections() {
    let dir = temp_dir();
    let mut content = Vec::new();
    for (name, size) in [
        ("big1", 2048 * 3),
        ("big2", 2048),
        ("big3", 77),
        ("other", 5),
    ] {
        let part = noise(size, size as u64);
        dir.file(&format!("tree/{name}"), &part);
        content.extend(part);
    }
    content.truncate(content.len() - 5);
    let image = make(&dir, XORRISO, &[]);
    for name in [b"BIG1.;1", b"BIG2.;1"] {
        image.write(record(&image, name) + 25, &[0x80]);
    }
    let ours = filesystem(&image);
    let names: Vec<String> = ours
        .read_dir(&path("/"))
        .unwrap()
        .into_iter()
        .map(|e| e.name)
        .collect();
    assert_eq!(names, ["big1", "other"]);
    assert!(ours.read(&path("/big1"), 1 << 20).unwrap() == content);
    let mut file = ours.open(&path("/big1")).unwrap();
    let mut buf = vec![0; 3000];
    assert_eq!(file.read_at(6000, &mut buf).unwrap(), 2269);
    assert_eq!(buf[..2269], content[6000..]);
    let whole = ours.image(&path("/big1")).unwrap();
    assert_eq!(whole.size(), content.len() as u64);
    whole.read_exact_at(6000, &mut buf[..2269]).unwrap();
    assert_eq!(buf[..2269], content[6000..]);
}

#[test]
fn what_is_not_read_has_a_reason() {
    let dir = temp_dir();
    dir.file("tree/mixed", b"x");
    dir.file("tree/resource", b"y");
    dir.file("tree/cut", &noise(10_000, 1));
    let image = make(&dir, XORRISO, &[]);
    image.write(record(&image, b"MIXED.;1") + 26, &[1]);
    image.write(record(&image, b"RESOURCE.;1") + 25, &[4]);
    image.write(
        record(&image, b"CUT.;1") + 10,
        &0xffff_ff00_u32.to_le_bytes(),
    );
    let ours = filesystem(&image);
    let reason = |name: &str| ours.open(&path(name)).err().unwrap().to_string();
    assert_eq!(
        reason("/mixed"),
        "not supported: its content is interleaved with that of others"
    );
    assert_eq!(reason("/resource"), "not found");
    assert!(reason("/cut").contains("are behind the end of the volume"));
    image.write(16 * 2048 + 128, &[0, 2]);
    let refused = pilotlight::fs::open(&crate::kit::scan(&image).volumes[0], None).err();
    assert!(
        refused
            .unwrap()
            .to_string()
            .contains("logical blocks of 512 bytes")
    );
}

/// A directory that is longer than the medium may say, and one that is its own child.
#[test]
fn attacks_end() {
    let dir = temp_dir();
    dir.file("tree/circle/file", b"x");
    for i in 0..2000 {
        dir.file(&format!("tree/many/{i:08}"), b"");
    }
    let image = make(&dir, GENISOIMAGE, &["-R"]);
    let bytes = image.read(0, usize::try_from(image.size()).unwrap());
    // The place of the root, which stands in its own record and in the descriptor.
    let root: [u8; 16] = bytes[16 * 2048 + 156 + 2..][..16].try_into().unwrap();
    let circle = record(&image, b"CIRCLE") + 2;
    let many = record(&image, b"MANY") + 10;
    let read = |at: u64, change: &[u8], name: &str| {
        let mut changed = bytes.clone();
        changed[usize::try_from(at).unwrap()..][..change.len()].copy_from_slice(change);
        let disk = Arc::new(SparseDisk::decode(&SparseDisk::encode(0, &changed)));
        let volume = Disk {
            path: "attack".into(),
            source: disk.clone(),
            hardware: Hardware::default(),
        };
        let volumes = volume.scan().volumes;
        let ours = pilotlight::fs::open(&volumes[0], None).unwrap();
        let result = ours.metadata(&path(name)).map(|found| found.kind);
        assert!(disk.reads() < 5000, "{} reads", disk.reads());
        result
    };
    let endless = "/circle".repeat(500);
    assert_eq!(read(circle, &root, &endless).unwrap(), FileKind::Directory);
    let long = read(many, &u32::MAX.to_le_bytes(), "/many/gone");
    assert!(matches!(long, Err(FsError::Corrupt(_))), "{long:?}");
    let zero = read(many, &[0; 4], "/many/00000001");
    assert!(matches!(zero, Err(FsError::NotFound)), "{zero:?}");
}

/// Payloads are long: they are read in few large pieces.
#[test]
fn large_files_are_few_reads() {
    let dir = temp_dir();
    let content = noise(9 << 20, 1);
    dir.file("tree/live/filesystem", &content);
    let image = make(&dir, XORRISO, &["-R", "-J"]);
    let bytes = std::fs::read(&image.0).unwrap();
    let disk = Arc::new(SparseDisk::decode(&SparseDisk::encode(0, &bytes)));
    let ours = pilotlight::fs::open(
        &Disk {
            path: "image".into(),
            source: disk.clone(),
            hardware: Hardware::default(),
        }
        .scan()
        .volumes[0],
        None,
    );
    let ours = ours.unwrap();
    let before = disk.reads();
    let mut file = ours.open(&path("/live/filesystem")).unwrap();
    let mut chunk = vec![0; 1 << 20];
    for (number, expected) in content.chunks(1 << 20).enumerate() {
        let n = file.read_at((number << 20) as u64, &mut chunk).unwrap();
        assert!(chunk[..n] == *expected);
    }
    let reads = disk.reads() - before;
    assert!(reads <= 12, "{reads} reads");
}

/// The whole medium, and a partition in it that shows the same once more from its own begin.
#[test]
fn hybrid_media_are_read_as_a_whole_and_by_their_partition() {
    let dir = temp_dir();
    let root = long_names(&dir);
    let options = ["-R", "-J", "-partition_offset", "16", "-V", "LIVE"];
    let image = make(&dir, XORRISO, &options);
    let volumes = crate::kit::scan(&image).volumes;
    assert_eq!(volumes.len(), 2);
    for volume in &volumes {
        assert_eq!(volume.content.label.as_deref(), Some("LIVE"));
        let ours = pilotlight::fs::open(volume, None).unwrap();
        let what = format!("partition {:?}", volume.partition.is_some());
        tree::compare(&what, &tree::read_all(ours.as_ref()), &tree::files(&root));
    }
}
