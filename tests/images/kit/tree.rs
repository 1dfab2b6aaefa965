//! Trees of files, here and in a filesystem of ours.

use std::collections::BTreeMap;
use std::path::Path;

use pilotlight::fs::{FileKind, Filesystem, FsPath};

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
