//! Files on XFS that are changed in place, or used as disks.

use pilotlight::fs::FsError;

use crate::environment::{FILE, change, refused};
use crate::kit::{Image, MIB, TempDir, filesystem, fixture, path, run, run_line, temp_dir};
use crate::xfs::prototype;

/// A disk whose second partition is an XFS with a block of variables.
fn disk(dir: &TempDir, options: &str) -> Image {
    let block = dir.file("tree/boot/grub/grubenv", b"");
    let block = block.to_str().unwrap();
    run("grub-editenv", [block, "create"]);
    run(
        "grub-editenv",
        [block, "set", "saved_entry=a>b", "next_entry=1>0"],
    );
    let prototype = dir.file("prototype", prototype(&dir.path().join("tree")).as_bytes());
    let root = dir.image("root.img", 300 * MIB);
    run_line(
        &format!("mkfs.xfs -q {options} -p {} {{}}", prototype.display()),
        &root,
    );
    let disk = dir.image("disk.raw", 304 * MIB);
    run_line("sgdisk -n 1:2048:+1M -n 2:4096:+300M {}", &disk);
    disk.insert(2 * MIB, &root);
    disk
}

fn partition(dir: &TempDir, disk: &Image) -> Image {
    let root = dir.image("root.img", 0);
    root.write(0, &disk.read(2 * MIB, 300 << 20));
    root
}

#[test]
fn the_environment_block_is_changed_and_nothing_else() {
    for options in ["", "-m crc=0", "-b size=1024"] {
        let dir = temp_dir();
        let disk = disk(&dir, options);
        let before = disk.read(0, 304 << 20);
        let changes = [("next_entry", None), ("saved_entry", Some("c"))];
        assert_eq!(change(&disk, &changes, &|disk| disk), Ok(true), "{options}");
        let after = disk.read(0, 304 << 20);
        let sectors = before.chunks(512).zip(after.chunks(512));
        let changed = sectors.filter(|(before, after)| before != after).count();
        assert_eq!(changed, 1, "{options}");
        let root = partition(&dir, &disk);
        run_line("xfs_repair -n -f {}", &root);
        let block = filesystem(&root).read(&path(FILE), 1024).unwrap();
        let block = dir.file("block", &block);
        let printed = run("grub-editenv", [block.to_str().unwrap(), "list"]);
        assert_eq!(printed, "saved_entry=c\n", "{options}");
        // And once more there is nothing to do.
        assert_eq!(
            change(&disk, &changes, &|_| panic!("it is opened")),
            Ok(false)
        );
    }
}

#[test]
fn what_protects_a_file() {
    let dir = temp_dir();
    let disk = disk(&dir, "");
    for (field, reason) in [
        ("core.immutable", "it is immutable"),
        ("v3.reflink", "it may share its blocks with other files"),
    ] {
        let root = partition(&dir, &disk);
        let inode = run(
            "xfs_db",
            ["-c", &format!("path {FILE}"), "-c", "inode", root.path()],
        );
        let number = inode.split_whitespace().last().unwrap();
        let set = |value: &str| {
            let (inode, write) = (format!("inode {number}"), format!("write {field} {value}"));
            run("xfs_db", ["-x", "-c", &inode, "-c", &write, root.path()]);
            disk.insert(2 * MIB, &root);
        };
        set("1");
        let found = refused(&disk, &[("next_entry", None)]);
        assert_eq!(found, format!("not supported: {reason}"));
        set("0");
        assert_eq!(
            change(&disk, &[("next_entry", Some(field))], &|disk| disk),
            Ok(true)
        );
    }
}

#[test]
fn what_the_kernel_wrote() {
    let locate = |fixture_name: &str, name: &str| {
        let filesystem = fixture(fixture_name);
        filesystem
            .locate(&path(name), 1 << 20)
            .map_err(|error| error.to_string())
    };
    for (name, reason) in [
        ("/short", "it may share its blocks"),
        ("/shared", "it may share its blocks"),
        ("/unwritten", "a hole"),
    ] {
        let error = locate("xfs_fragmented", name).unwrap_err();
        assert!(error.contains(reason), "{name}: {error}");
    }
    let error = locate("xfs_dirty_log", "/file").unwrap_err();
    assert!(error.contains("its log holds changes"), "{error}");
    let filesystem = fixture("xfs_fragmented");
    let directory = filesystem.locate(&path("/"), 1 << 20);
    assert!(matches!(directory, Err(FsError::NotAFile)));
    let large = filesystem.locate(&path("/fragmented"), 1 << 20);
    assert!(matches!(large, Err(FsError::TooLarge(_))));
}

/// Pieces, holes and what was allocated only: the disk is what the file is.
#[test]
fn files_are_disks() {
    let filesystem = fixture("xfs_fragmented");
    for name in ["/fragmented", "/unwritten", "/short"] {
        let content = filesystem.read(&path(name), 8 << 20).unwrap();
        let image = filesystem.image(&path(name)).unwrap();
        assert_eq!(image.size(), content.len() as u64, "{name}");
        let mut read = vec![1; content.len()];
        image.read_at(0, &mut read).unwrap();
        assert!(read == content, "{name}");
    }
}
