//! ext2, ext3 and ext4 as mke2fs makes them, compared file by file with what `debugfs` reads.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use pilotlight::disk::Disk;
use pilotlight::fs::{FileKind, Filesystem, FsError, FsPath};

use crate::kit::{MIB, TempDir, filesystem, noise, path, run, run_line, temp_dir, tool};

/// A tree with everything that matters: small and large files, holes, links, many names.
fn tree(dir: &TempDir) -> PathBuf {
    let root = dir.path().join("tree");
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
    let dir = temp_dir();
    let root = tree(&dir);
    let image = dir.image("image", 96 * MIB);
    run_line(
        &format!("mke2fs -q {options} -d {} {{}}", root.display()),
        &image,
    );
    let ours = filesystem(&image);
    let out = dir.path().join("dumped");
    std::fs::create_dir(&out).unwrap();
    let script = dir.file("script", format!("rdump / {}\n", out.display()).as_bytes());
    run_line(&format!("debugfs -f {} {{}}", script.display()), &image);
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
        "-t ext4 -b 2048 -I 128 -O ^metadata_csum",
        "-t ext4 -O large_dir,ea_inode,mmp",
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
        let dir = temp_dir();
        let root = tree(&dir);
        std::fs::remove_file(root.join("sparse")).unwrap();
        let image = dir.image("image", 96 * MIB);
        run_line(
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
    let dir = temp_dir();
    let root = tree(&dir);
    let image = dir.image("image", 96 * MIB);
    run_line(
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
        ("-O meta_bg,^resize_inode", "meta_bg"),
    ] {
        let dir = temp_dir();
        let image = dir.image("image", 32 * MIB);
        run_line(&format!("mke2fs -q -t ext4 {options} {{}}"), &image);
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

/// Journals with transactions that never reached their places: debugfs writes new blocks of two files
/// there, and nowhere else. Some are for the crate and some for the code of this project.
#[test]
fn a_dirty_journal_is_replayed_in_memory() {
    for (options, open) in [
        ("-t ext3", "jo"),
        ("-t ext3 -b 1024", "jo"),
        ("-t ext4 -b 4096", "jo"),
        ("-t ext4 -b 4096 -I 128", "jo"),
        ("-t ext4 -b 1024 -O ^64bit,^metadata_csum", "jo"),
        ("-t ext4 -b 4096 -O ^64bit", "jo -c"),
        ("-t ext4 -b 4096", "jo -c"),
    ] {
        replayed(options, open);
    }
}

fn replayed(options: &str, open: &str) {
    let dir = temp_dir();
    for name in ["first", "second", "third"] {
        dir.file(&format!("tree/{name}"), &[b'o'; 4096]);
    }
    let image = dir.image("image", 64 * MIB);
    let tree = dir.path().join("tree");
    run_line(
        &format!("mke2fs -q {options} -d {} {{}}", tree.display()),
        &image,
    );
    let ask = |request: &str| run("debugfs", ["-R", request, image.path()]);
    let length = 4096 / block_count(&ask("blocks /first"));
    let place = |name: &str| -> u64 {
        let printed = ask(&format!("blocks /{name}"));
        printed.split_whitespace().next().unwrap().parse().unwrap()
    };
    let places = ["first", "second", "third"].map(place);

    // The first is written twice and the later content counts. The second begins with the magic number
    // of the journal, which is escaped there. The third is revoked.
    let magic = [[0xc0, 0x3b, 0x39, 0x98].as_slice(), &vec![b'm'; length - 4]].concat();
    let [old, new, magic] = [vec![b'x'; length], vec![b'n'; length], magic];
    let file = |name: &str, content: &[u8]| dir.file(name, content).display().to_string();
    let [first, second, third] = places;
    let script = format!(
        "{open}\njw -b {first} {}\njw -b {third} {}\njw -r {third}\njw -b {first} {}\njw -b {second} {}\njc\n",
        file("old", &old),
        file("old", &old),
        file("new", &new),
        file("magic", &magic),
    );
    let script = dir.file("script", script.as_bytes());
    run(
        "debugfs",
        ["-w", "-f", script.to_str().unwrap(), image.path()],
    );

    let before = std::fs::read(&image.0).unwrap();
    let ours = filesystem(&image);
    let mut contents = Vec::new();
    for (name, expected) in [
        ("first", &new),
        ("second", &magic),
        ("third", &vec![b'o'; length]),
    ] {
        let content = ours.read(&path(&format!("/{name}")), 8192).unwrap();
        assert!(content[..length] == **expected, "{options}: {name}");
        assert!(content[length..].iter().all(|byte| *byte == b'o'));
        contents.push((name, content));
    }
    assert!(
        std::fs::read(&image.0).unwrap() == before,
        "the disk was written to"
    );
    // The journal is why: on its place each block is as it was.
    for place in places {
        let at = place as usize * length;
        assert_eq!(before[at..at + length], vec![b'o'; length], "{options}");
    }
    // What e2fsck makes of the journal is the same. Its status 1 says that something was done.
    let mut e2fsck = tool("e2fsck");
    let status = e2fsck
        .args(["-fy", "-E", "journal_only", image.path()])
        .output()
        .unwrap()
        .status;
    assert!(
        status.code().is_some_and(|code| code <= 1),
        "{options}: {status}"
    );
    for (name, content) in contents {
        let theirs = run("debugfs", ["-R", &format!("cat /{name}"), image.path()]);
        assert_eq!(
            String::from_utf8_lossy(&content),
            theirs,
            "{options}: {name}"
        );
    }
}

fn block_count(printed: &str) -> usize {
    printed.split_whitespace().count()
}
