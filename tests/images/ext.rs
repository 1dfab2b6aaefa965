//! ext2, ext3 and ext4 as mke2fs makes them, compared file by file with what `debugfs` reads.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use pilotlight::fs::{FileKind, Filesystem, FsError, FsPath};

use crate::kit::{Dir, filesystem, noise, path, run, scan};

/// A tree with everything that matters: small and large files, holes, links, many names.
fn tree(dir: &Dir) -> PathBuf {
    let root = dir.path("tree");
    dir.file("tree/empty", b"");
    dir.file("tree/small", b"small\n");
    dir.file("tree/boot/vmlinuz", &noise(3_000_000, 1));
    dir.file("tree/boot/block", &noise(4096, 2));
    dir.file("tree/boot/grub/grub.cfg", &noise(70_001, 3));
    for i in 0..1200 {
        dir.file(
            &format!("tree/many/name-that-is-not-short-{i:05}"),
            format!("{i}").as_bytes(),
        );
    }
    let sparse = std::fs::File::create(root.join("sparse")).unwrap();
    sparse.write_all_at(b"begin", 0).unwrap();
    sparse.write_all_at(b"middle", 5_000_000).unwrap();
    sparse.set_len(9_000_001).unwrap();
    symlink("vmlinuz", root.join("boot/link")).unwrap();
    symlink("/boot/grub/../vmlinuz", root.join("absolute")).unwrap();
    symlink(
        format!("{}vmlinuz", "../boot/".repeat(20)),
        root.join("boot/long"),
    )
    .unwrap();
    symlink("boot", root.join("directory")).unwrap();
    root
}

/// All regular files of a tree on this machine, links not followed.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                let name = entry
                    .path()
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(format!("/{name}"), std::fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

/// The same through a filesystem of ours.
fn read_all(filesystem: &dyn Filesystem) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![FsPath::root()];
    while let Some(directory) = directories.pop() {
        for entry in filesystem.read_dir(&directory).unwrap() {
            let path = directory.join(&entry.name).unwrap();
            match entry.kind {
                FileKind::Directory => directories.push(path),
                FileKind::File => {
                    let content = filesystem.read(&path, 64 << 20).unwrap();
                    assert_eq!(
                        filesystem.metadata(&path).unwrap().size,
                        content.len() as u64
                    );
                    found.insert(path.to_string(), content);
                }
                FileKind::Symlink | FileKind::Other => {}
            }
        }
    }
    found
}

fn compare(what: &str, ours: &BTreeMap<String, Vec<u8>>, theirs: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs), "{what}");
    for (name, content) in theirs {
        assert!(ours[name] == *content, "{what}: {name} differs");
    }
}

/// Makes a filesystem of the tree and reads it in both ways.
fn agrees(options: &str) {
    let dir = Dir::new();
    let root = tree(&dir);
    let image = dir.image("image", 96);
    run(
        &format!("mke2fs -q {options} -d {} {{}}", root.display()),
        &image,
    );
    let ours = filesystem(&image);
    let out = dir.path("dumped");
    std::fs::create_dir(&out).unwrap();
    let script = dir.file("script", format!("rdump / {}\n", out.display()).as_bytes());
    run(&format!("debugfs -f {} {{}}", script.display()), &image);
    let mut found = read_all(ours.as_ref());
    let dumped = files(&out);
    found.retain(|name, _| !name.starts_with("/lost+found"));
    compare(options, &found, &dumped);
    compare(options, &found, &files(&root));
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

#[test]
fn ext4_with_many_features() {
    for options in [
        "-t ext4",
        "-t ext4 -b 1024",
        "-t ext4 -b 2048 -I 128",
        "-t ext4 -O ^64bit",
        "-t ext4 -O ^metadata_csum,uninit_bg",
        "-t ext4 -O ^metadata_csum,^uninit_bg",
        "-t ext4 -O metadata_csum_seed",
        "-t ext4 -O ^has_journal",
        "-t ext4 -O ^dir_index",
        "-t ext4 -O bigalloc -C 16384",
        "-t ext4 -O sparse_super2,^resize_inode",
        "-t ext4 -O ^flex_bg",
        "-t ext4 -E hash_seed=00000000-0000-0000-0000-000000000001",
        "-t ext4 -O orphan_file",
        "-t ext4 -O quota,project",
    ] {
        agrees(options);
    }
}

/// Holes behind the first blocks of such files are what the reader gives up on: the file itself is
/// named, and everything else is read.
#[test]
fn files_without_extents() {
    for options in [
        "-t ext2",
        "-t ext2 -b 1024",
        "-t ext3",
        "-t ext4 -O ^extents,^64bit",
    ] {
        let dir = Dir::new();
        let root = tree(&dir);
        std::fs::remove_file(root.join("sparse")).unwrap();
        let image = dir.image("image", 96);
        run(
            &format!("mke2fs -q {options} -d {} {{}}", root.display()),
            &image,
        );
        let mut found = read_all(filesystem(&image).as_ref());
        found.retain(|name, _| !name.starts_with("/lost+found"));
        compare(options, &found, &files(&root));
    }
}

#[test]
fn a_hole_in_a_file_without_extents_is_right_or_refused() {
    let dir = Dir::new();
    let root = tree(&dir);
    let image = dir.image("image", 96);
    run(
        &format!("mke2fs -q -t ext2 -d {} {{}}", root.display()),
        &image,
    );
    match filesystem(&image).read(&path("/sparse"), 64 << 20) {
        Ok(content) => assert!(content == std::fs::read(root.join("sparse")).unwrap()),
        Err(error) => assert!(matches!(error, FsError::Unsupported(_)), "{error}"),
    }
}

#[test]
fn features_that_are_refused_are_named() {
    for (options, feature) in [
        ("-O inline_data -I 256", "inline_data"),
        ("-O casefold", "casefold"),
        ("-O large_dir", "large_dir"),
        ("-O ea_inode", "ea_inode"),
        ("-O meta_bg,^resize_inode", "meta_bg"),
        ("-O mmp", "mmp"),
    ] {
        let dir = Dir::new();
        let image = dir.image("image", 32);
        run(&format!("mke2fs -q -t ext4 {options} {{}}"), &image);
        let layout = scan(&image);
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

#[test]
fn paths_that_lead_nowhere() {
    let dir = Dir::new();
    let root = tree(&dir);
    symlink("loop", root.join("loop")).unwrap();
    symlink("gone", root.join("dangling")).unwrap();
    symlink("../../../../../../etc/passwd", root.join("escape")).unwrap();
    let image = dir.image("image", 96);
    run(
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
    let dir = Dir::new();
    let root = tree(&dir);
    let image = dir.image("image", 96);
    run(
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

/// A journal with a transaction that never reached its place: debugfs writes the new block of a file
/// there, and nowhere else.
#[test]
fn a_dirty_journal_is_replayed_in_memory() {
    let dir = Dir::new();
    dir.file("tree/config", &[b'o'; 4096]);
    let image = dir.image("image", 64);
    let root = dir.path("tree");
    run(
        &format!("mke2fs -q -t ext4 -b 4096 -d {} {{}}", root.display()),
        &image,
    );
    let script = dir.file("blocks", b"blocks /config\n");
    let printed = run(&format!("debugfs -f {} {{}}", script.display()), &image);
    let block: u64 = printed.split_whitespace().last().unwrap().parse().unwrap();
    let new = dir.file("new", &[b'n'; 4096]);
    let script = dir.file(
        "journal",
        format!("jo\njw -b {block} {}\njc\n", new.display()).as_bytes(),
    );
    run(&format!("debugfs -w -f {} {{}}", script.display()), &image);

    let before = std::fs::read(&image).unwrap();
    let content = filesystem(&image).read(&path("/config"), 8192).unwrap();
    assert_eq!(content, [b'n'; 4096]);
    assert!(
        std::fs::read(&image).unwrap() == before,
        "the disk was written to"
    );
    // The journal is why: the block on the disk still has the old bytes.
    let at = (block * 4096) as usize;
    assert_eq!(before[at..at + 4096], [b'o'; 4096]);
}
