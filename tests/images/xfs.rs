//! XFS as mkfs.xfs and Linux make it.

use std::path::Path;

use pilotlight::fs::FileKind;

use crate::kit::tree::{self, compare, files, read_all, tree};
use crate::kit::{Image, MIB, TempDir, filesystem, fixture, path, run, run_line, scan, temp_dir};

/// The least that mkfs.xfs makes without being asked for something that is "not supported".
const SIZE: u64 = 300 * MIB;

/// What `mkfs.xfs -p` reads: a tree, with all files by their paths here.
pub fn prototype(root: &Path) -> String {
    fn directory(path: &Path, text: &mut String) {
        let mut entries: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let (name, path) = (entry.file_name(), entry.path());
            let (name, path) = (name.to_str().unwrap(), path.to_str().unwrap());
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                *text += &format!("{name} d--755 0 0\n");
                directory(&entry.path(), text);
                *text += "$\n";
            } else if kind.is_symlink() {
                let target = std::fs::read_link(path).unwrap();
                *text += &format!("{name} l--777 0 0 {}\n", target.display());
            } else {
                *text += &format!("{name} ---644 0 0 {path}\n");
            }
        }
    }
    let mut text = "/\n0 0\nd--755 0 0\n".to_owned();
    directory(root, &mut text);
    text + "$\n"
}

/// An image with the tree in it.
fn make(dir: &TempDir, options: &str, root: &Path) -> Image {
    let image = dir.image("xfs", SIZE);
    let prototype = dir.file("prototype", prototype(root).as_bytes());
    let line = format!("mkfs.xfs -q {options} -p {} {{}}", prototype.display());
    run_line(&line, &image);
    image
}

/// Makes a filesystem of the tree and reads it.
fn agrees(options: &str) {
    let dir = temp_dir();
    let root = tree(&dir);
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
}

#[test]
fn what_mkfs_makes_by_default_is_read() {
    agrees("");
}

#[test]
fn features_and_sizes_of_version_5() {
    for options in [
        "-b size=1024",
        "-b size=2048 -i size=1024",
        "-b size=65536",
        "-i size=2048",
        "-s size=4096",
        "-d agcount=3",
        "-m finobt=0,reflink=0,rmapbt=0,bigtime=0,inobtcount=0 -i sparse=0,nrext64=0",
        "-m rmapbt=1,bigtime=1,inobtcount=1 -i nrext64=1",
        "-n size=65536",
        "-b size=1024 -n size=8192",
        "-l su=65536",
    ] {
        agrees(options);
    }
}

#[test]
fn features_and_sizes_of_version_4() {
    for options in [
        "-m crc=0",
        "-m crc=0 -n ftype=0",
        "-m crc=0 -b size=512 -i size=256",
        "-m crc=0 -i attr=1",
        "-m crc=0 -l version=1",
        "-m crc=0 -n size=16384",
    ] {
        agrees(options);
    }
}

/// Names in one block, in several, and with an index of one and of several levels.
#[test]
fn directories_of_every_size() {
    let dir = temp_dir();
    let name = |i: usize| format!("name-that-is-not-short-{i:05}");
    let counts = [5, 30, 90, 10_000];
    for count in counts {
        for i in 0..count {
            dir.file(&format!("tree/d{count}/{}", name(i)), b"");
        }
    }
    for options in ["", "-m crc=0 -n ftype=0", "-b size=1024"] {
        let image = make(&dir, options, &dir.path().join("tree"));
        let ours = filesystem(&image);
        for count in counts {
            let directory = path(&format!("/d{count}"));
            let found = ours.read_dir(&directory).unwrap();
            assert_eq!(found.len(), count, "{options}");
            for (i, entry) in found.iter().enumerate() {
                assert_eq!(entry.name, name(i), "{options}");
                assert_eq!(entry.kind, FileKind::File, "{options}");
            }
            let last = directory.join(&name(count - 1)).unwrap();
            assert_eq!(ours.metadata(&last).unwrap().kind, FileKind::File);
        }
    }
}

/// A new UUID leaves the one that metadata is marked with.
#[test]
fn a_filesystem_with_another_uuid() {
    let dir = temp_dir();
    dir.file("tree/file", b"content");
    let image = make(&dir, "", &dir.path().join("tree"));
    run_line("xfs_admin -U generate {}", &image);
    let content = filesystem(&image).read(&path("/file"), 100).unwrap();
    assert_eq!(content, b"content");
}

#[test]
fn names_without_case() {
    let dir = temp_dir();
    dir.file("tree/EFI/Boot.Cfg", b"content");
    for (options, found) in [("-n version=ci", true), ("", false)] {
        let image = make(&dir, options, &dir.path().join("tree"));
        let ours = filesystem(&image);
        assert!(ours.read(&path("/EFI/Boot.Cfg"), 100).is_ok());
        let content = ours.read(&path("/efi/boot.CFG"), 100);
        assert_eq!(content.is_ok(), found, "{options}: {content:?}");
        std::fs::remove_file(&image.0).unwrap();
    }
}

#[test]
fn reads_begin_anywhere() {
    tree::reads_begin_anywhere(&|dir, root| make(dir, "", root));
}

#[test]
fn paths_that_lead_nowhere() {
    tree::paths_that_lead_nowhere(&|dir, root| make(dir, "", root));
}

/// A wrong byte in everything that has a checksum.
#[test]
fn wrong_checksums_are_found() {
    let dir = temp_dir();
    for i in 0..100 {
        dir.file(&format!("tree/many/a-name-that-is-not-short-{i:05}"), b"");
    }
    let image = make(&dir, "", &dir.path().join("tree"));
    let error = |at: u64, what: &str| {
        let old = image.read(at, 1);
        image.write(at, &[old[0] ^ 1]);
        let volume = &scan(&image).volumes[0];
        let answer = pilotlight::fs::open(volume, None)
            .and_then(|filesystem| filesystem.read_dir(&path("/many")));
        image.write(at, &old);
        let text = answer.unwrap_err().to_string();
        assert!(
            text.starts_with("damaged: ") && text.contains(what),
            "{text}"
        );
    };
    error(300, "superblock: its checksum");
    let ask =
        |what: &str, print: &str| run("xfs_db", ["-r", "-c", what, "-c", print, image.path()]);
    let daddr = |what: &str| {
        let printed = ask(what, "daddr");
        printed
            .trim()
            .rsplit(' ')
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 512
    };
    let inode = ask("path /many", "print core.magic");
    assert!(inode.contains("0x494e"), "{inode}");
    let many = daddr("path /many");
    let block = image.read(many, 512 * 64);
    let inside = block.windows(2).position(|two| two == b"IN").unwrap() as u64;
    error(many + inside + 90, "checksum");
    let printed = run(
        "xfs_db",
        [
            "-r",
            "-c",
            "path /many",
            "-c",
            "dblock 0",
            "-c",
            "daddr",
            image.path(),
        ],
    );
    let block = printed
        .trim()
        .rsplit(' ')
        .next()
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 512;
    error(block + 1000, "checksum");
    assert_eq!(
        filesystem(&image).read_dir(&path("/many")).unwrap().len(),
        100
    );
}

/// A file of 3,000 blocks of 1 KiB, every second of which is a hole, so that its map has two levels of
/// blocks; parts that nothing was written to; and a long symbolic link.
#[test]
fn maps_that_are_trees() {
    let ours = fixture("xfs_fragmented");
    assert_eq!(ours.problem(), None);
    let content = ours.read(&path("/fragmented"), 8 << 20).unwrap();
    assert_eq!(content.len(), 3000 * 1024 - 1000);
    for (number, block) in content.chunks(1024).enumerate() {
        let mut expected = vec![0; block.len()];
        if number % 200 == 0 {
            let text = format!("block {number}\n");
            expected[..text.len()].copy_from_slice(text.as_bytes());
        }
        assert!(*block == expected, "block {number}");
    }
    // Kept for it, but not written: what was there before does not show.
    let content = ours.read(&path("/unwritten"), 1 << 20).unwrap();
    assert!(content.len() == 100_000 && content.iter().all(|byte| *byte == 0));
    let through_link = ours.read(&path("/link"), 100).unwrap();
    assert_eq!(through_link, b"short\n");
    assert_eq!(ours.read(&path("/shared"), 100).unwrap(), b"short\n");
}

/// What was changed and is only in the log is not seen, and it is said that it may be so.
#[test]
fn a_log_that_was_left_dirty() {
    let ours = fixture("xfs_dirty_log");
    let problem = ours.problem().unwrap();
    assert!(problem.contains("was not unmounted"), "{problem}");
    assert_eq!(ours.read(&path("/file"), 100).unwrap(), b"first\n");
}

#[test]
fn features_that_are_refused_are_named() {
    let dir = temp_dir();
    let image = dir.image("xfs", SIZE);
    run_line("mkfs.xfs -q -m crc=0 {}", &image);
    let refusal = |image: &Image| {
        let answer = pilotlight::fs::open(&scan(image).volumes[0], None);
        answer.map(drop).unwrap_err().to_string()
    };
    let version = image.read(100, 2);
    image.write(100, &[version[0] & !0x20, version[1]]);
    assert!(refusal(&image).contains("directories of version 1"));
    image.write(100, &[version[0], version[1] & !0xf | 3]);
    assert!(refusal(&image).contains("version 3 of XFS"));
}
