//! Directories, images, and the tools that fill them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pilotlight::disk::{Disk, Hardware, Layout, MemorySource};
use pilotlight::fs::{Filesystem, FsPath};

/// A directory that is gone when the test ends.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Dir {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("images-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// An empty image of so many MiB, without blocks.
    pub fn image(&self, name: &str, mebibytes: u64) -> PathBuf {
        let path = self.path(name);
        let file = File::create(&path).unwrap();
        file.set_len(mebibytes << 20).unwrap();
        path
    }

    /// A file with this content, in directories that are made for it.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a line of words; `{}` stands for the path. What it prints is returned.
pub fn run(line: &str, path: &Path) -> String {
    let path = path.to_str().unwrap();
    let words: Vec<String> = line
        .split_whitespace()
        .map(|word| word.replace("{}", path))
        .collect();
    let output = Command::new(&words[0])
        .args(&words[1..])
        .env(
            "PATH",
            format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()),
        )
        .env("MTOOLS_SKIP_CHECK", "1")
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}: `make setup-test` installs it", words[0]));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{line}: {}\n{errors}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Bytes that look like nothing and are the same each time.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        // A linear congruential generator (Knuth): good enough to tell blocks apart.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Puts bytes into an image.
pub fn patch(image: &Path, offset: u64, bytes: &[u8]) {
    let file = File::options().write(true).open(image).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

pub fn scan(image: &Path) -> Layout {
    Disk::open(image).unwrap().scan()
}

/// A disk in memory.
pub fn disk(bytes: Vec<u8>) -> Disk {
    Disk {
        path: "memory".into(),
        source: Arc::new(MemorySource::new(bytes)),
        hardware: Hardware::default(),
    }
}

/// The filesystem that fills an image.
pub fn filesystem(image: &Path) -> Box<dyn Filesystem> {
    let layout = scan(image);
    pilotlight::fs::open(&layout.volumes[0], None).unwrap()
}

pub fn path(text: &str) -> FsPath {
    FsPath::new(text).unwrap()
}
