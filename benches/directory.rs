//! [`Directory`]: where a part has its files.

use std::path::{Path, PathBuf};

/// A directory that goes with its end.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    /// That of the part with this name, empty.
    pub(crate) fn new(name: &str) -> Directory {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
