//! Trees of files, here and in a filesystem of ours.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use pilotlight::fs::{FileKind, Filesystem, FsError, FsPath};

use super::{Image, TempDir, filesystem, noise, path, temp_dir};

/// A tree with everything that matters: small and large files, holes, links, many names.
pub fn tree(dir: &TempDir) -> PathBuf {
    let root = dir.path().join("tree");
    dir.file("tree/empty", b"");
    dir.file("tree/small", b"small\n");
    dir.file("tree/boot/vmlinuz", &noise(3_000_000, 1));
    dir.file("tree/boot/block", &noise(4096, 2));
    dir.file("tree/boot/grub/grub.cfg", &noise(70_001, 3));
    for i in 0..400 {
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
pub fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
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
pub fn read_all(filesystem: &dyn Filesystem) -> BTreeMap<String, Vec<u8>> {
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

/// Fails where they differ, and names the file.
pub fn compare(what: &str, ours: &BTreeMap<String, Vec<u8>>, theirs: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs), "{what}");
    for (name, content) in theirs {
        assert!(ours[name] == *content, "{what}: {name} differs");
    }
}

/// How a filesystem of a tree is made.
type Make<'a> = &'a dyn Fn(&TempDir, &Path) -> Image;

/// Reads of a file may begin and end at any byte.
pub fn reads_begin_anywhere(make: Make<'_>) {
    let dir = temp_dir();
    let content = noise(100_001, 7);
    dir.file("tree/file", &content);
    let image = make(&dir, &dir.path().join("tree"));
    let ours = filesystem(&image);
    let mut file = ours.open(&path("/file")).unwrap();
    for (offset, length) in [
        (0, 1),
        (4095, 2),
        (99_999, 10),
        (100_001, 5),
        (12_345, 50_000),
    ] {
        let mut buf = vec![0; length];
        let n = file.read_at(offset as u64, &mut buf).unwrap();
        let end = content.len().min(offset + length);
        assert!(buf[..n] == content[offset..end], "{offset}+{length}");
    }
    assert_eq!(file.read_at(u64::MAX, &mut [0; 4]).unwrap(), 0);
}

/// What can't be found, opened or listed has its own error.
pub fn paths_that_lead_nowhere(make: Make<'_>) {
    let dir = temp_dir();
    dir.file("tree/file", b"");
    symlink("link", dir.path().join("tree/link")).unwrap();
    let image = make(&dir, &dir.path().join("tree"));
    let ours = filesystem(&image);
    let error = |text: &str| ours.metadata(&path(text)).unwrap_err().to_string();
    assert_eq!(error("/other"), "not found");
    assert_eq!(error("/file/other"), "not a directory");
    assert!(error("/link").contains("40 symbolic links"));
    assert!(matches!(ours.open(&FsPath::root()), Err(FsError::NotAFile)));
    assert!(matches!(
        ours.read_dir(&path("/file")),
        Err(FsError::NotADirectory)
    ));
}
