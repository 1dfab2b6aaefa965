//! A sysfs made of files, for tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that looks like `/sys`, removed at the end of the test.
pub(super) struct Tree(PathBuf);

impl Tree {
    pub(super) fn new() -> Tree {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pilotlight-sysfs-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("block")).unwrap();
        Tree(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes an attribute; its directories come to be.
    pub(super) fn file(&self, path: &str, value: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // One byte for each character, so that a test can say bytes that are no text.
        let bytes: Vec<u8> = value.chars().map(|c| u8::try_from(c).unwrap()).collect();
        fs::write(path, bytes).unwrap();
    }

    /// Makes `path` lead to `target`, both relative to the tree.
    pub(super) fn link(&self, path: &str, target: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(self.0.join(target), path).unwrap();
    }

    /// A disk of `sectors` sectors with its entry in `block` and the link back to its device.
    pub(super) fn disk(&self, path: &str, sectors: u64, attributes: &[(&str, &str)]) {
        let (device, name) = path.rsplit_once('/').unwrap();
        self.file(&format!("{path}/size"), &format!("{sectors}\n"));
        for (attribute, value) in attributes {
            self.file(&format!("{path}/{attribute}"), value);
        }
        self.link(
            &format!("{path}/device"),
            device.strip_suffix("/block").unwrap_or(device),
        );
        self.link(&format!("block/{name}"), path);
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
