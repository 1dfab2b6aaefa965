//! What the integration tests share: tools, temporary directories and disk images.
//!
//! A test that needs a program which is not installed fails and names the Debian package.

pub mod blkid;
pub mod bootctl;
pub mod gpt;
pub mod superblock;
pub mod tree;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pilotlight::disk::{Disk, Hardware, Layout};
use pilotlight::fs::{Filesystem, FsPath};

use crate::targets::sparse::SparseDisk;

/// Bytes in a MiB.
pub const MIB: u64 = 1 << 20;

/// Programs that tests call, and the Debian packages that they come from.
const PACKAGES: &[(&str, &str)] = &[
    ("as", "binutils"),
    ("blkid", "util-linux"),
    ("blockdev", "util-linux"),
    ("bootctl", "systemd-boot"),
    ("cbfstool", "coreboot-utils"),
    ("certutil", "libnss3-tools"),
    ("cpio", "cpio"),
    ("cryptsetup", "cryptsetup-bin"),
    ("debugfs", "e2fsprogs"),
    ("e2fsck", "e2fsprogs"),
    ("fdisk", "fdisk"),
    ("fsck.vfat", "dosfstools"),
    ("gdisk", "gdisk"),
    ("genisoimage", "genisoimage"),
    ("gpg", "gnupg"),
    ("gpgconf", "gnupg"),
    ("gpgv", "gpgv"),
    ("gzip", "gzip"),
    ("grub-editenv", "grub-common"),
    ("grub-emu", "grub-emu"),
    ("grub-mkimage", "grub-common"),
    ("kernel-install", "systemd"),
    ("ld", "binutils"),
    ("losetup", "mount"),
    ("make", "make"),
    ("mattrib", "mtools"),
    ("mcopy", "mtools"),
    ("mdel", "mtools"),
    ("mke2fs", "e2fsprogs"),
    ("minisign", "minisign"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("mkfs.vfat", "dosfstools"),
    ("mkfs.xfs", "xfsprogs"),
    ("mkswap", "util-linux"),
    ("mlabel", "mtools"),
    ("modinfo", "kmod"),
    ("mmd", "mtools"),
    ("objcopy", "binutils"),
    ("openssl", "openssl"),
    ("osslsigncode", "osslsigncode"),
    ("pesign", "pesign"),
    ("pk12util", "libnss3-tools"),
    ("prlimit", "util-linux"),
    ("pkcs11-tool", "opensc"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("run-parts", "debianutils"),
    ("sbattach", "sbsigntool"),
    ("sbsiglist", "sbsigntool"),
    ("sbsign", "sbsigntool"),
    ("sbverify", "sbsigntool"),
    ("setsid", "util-linux"),
    ("sfdisk", "fdisk"),
    ("sgdisk", "gdisk"),
    ("softhsm2-util", "softhsm2"),
    ("ssh-keygen", "openssh-client"),
    ("tar", "tar"),
    ("tmux", "tmux"),
    ("touch", "coreutils"),
    ("unshare", "util-linux"),
    ("xfs_admin", "xfsprogs"),
    ("xfs_db", "xfsprogs"),
    ("xfs_repair", "xfsprogs"),
    ("xorriso", "xorriso"),
    ("xz", "xz-utils"),
];

/// A program that is ready to be run, with messages in English and its input closed. Those in `sbin`
/// are found, too, whoever runs the tests.
pub fn tool(name: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/local/sbin:/usr/sbin:/sbin";
    let found = std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    if !found {
        let package = PACKAGES.iter().find(|(tool, _)| *tool == name);
        let package = package.map_or("it", |(_, package)| package);
        panic!("this test needs the program `{name}`: install the Debian package `{package}`");
    }
    let mut command = Command::new(name);
    command
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .env("MTOOLS_SKIP_CHECK", "1")
        .stdin(Stdio::null());
    command
}

/// Runs a program to its end and returns what it printed. The test fails when the program does.
pub fn run<S: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = S>) -> String {
    run_with_input(name, arguments, "")
}

/// As [`run`], with a text for the program to read.
pub fn run_with_input<S: AsRef<OsStr>>(
    name: &str,
    arguments: impl IntoIterator<Item = S>,
    input: &str,
) -> String {
    let mut command = tool(name);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // One that does not read to the end closes the pipe: what it says about that is enough.
    let _ = child
        .stdin
        .take()
        .expect("the input is a pipe")
        .write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{name} failed with {}:\n{out}{err}",
        output.status
    );
    out.into_owned()
}

/// Runs a line of words, in which `{}` stands for `path`; paths of tests have no spaces.
pub fn run_line(line: &str, path: impl AsRef<Path>) -> String {
    let path = path.as_ref().to_str().expect("the path is text");
    let mut words = line.split_whitespace().map(|word| word.replace("{}", path));
    let name = words.next().expect("a line has a program");
    run(&name, words)
}

/// What debugfs answers to a request. It ends well whatever happened.
pub fn debugfs(image: &Image, request: &str) -> String {
    run("debugfs", ["-w", "-R", request, image.path()])
}

/// Where an inode of an ext filesystem is, in bytes.
pub fn inode_place(image: &Image, name: &str, block_size: u64) -> u64 {
    let printed = debugfs(image, &format!("imap {name}"));
    let numbers = printed.split("located at block ").nth(1);
    let (block, offset) = numbers
        .and_then(|numbers| numbers.split_once(", offset 0x"))
        .unwrap_or_else(|| panic!("{name} has no place: {printed}"));
    let block: u64 = block.parse().expect("the block is a number");
    let offset = u64::from_str_radix(offset.trim(), 16).expect("the offset is a number");
    block * block_size + offset
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

/// Copies a file, or a directory with all that is in it, to `to` on a FAT image: a new name, or a directory
/// that is there.
pub fn copy_in(image: &Image, from: &Path, to: &str) {
    let from = from.to_str().expect("the path is text");
    let to = format!("::{to}");
    run("mcopy", ["-s", "-Q", "-o", "-i", image.path(), from, &to]);
}

/// What is on an image.
pub fn scan(image: &Image) -> Layout {
    Disk::open(&image.0).expect("the image opens").scan()
}

/// The filesystem that fills an image.
pub fn filesystem(image: &Image) -> Box<dyn Filesystem> {
    pilotlight::fs::open(&scan(image).volumes[0], None).expect("the filesystem can be read")
}

/// What the kernel has written, kept as the sectors that are in use: `tests/images/make-fixtures`.
pub fn fixture(name: &str) -> Box<dyn Filesystem> {
    let disk = Disk {
        path: name.into(),
        source: Arc::new(sparse(name)),
        hardware: Hardware::default(),
    };
    pilotlight::fs::open(&disk.scan().volumes[0], None).expect("the filesystem can be read")
}

/// The same as a disk.
pub fn sparse(name: &str) -> SparseDisk {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/filesystem");
    SparseDisk::decode(&fs::read(corpus.join(name)).expect("the fixture is there"))
}

/// A path inside a filesystem.
pub fn path(text: &str) -> FsPath {
    FsPath::new(text).expect("the test names a path")
}

/// A directory of its own for one test, removed at its end.
pub struct TempDir(PathBuf);

/// Makes an empty directory where cargo keeps temporary files of tests.
pub fn temp_dir() -> TempDir {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("test-{}-{count}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&path).expect("the temporary directory can be made");
    TempDir(path)
}

impl TempDir {
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file with this content, in directories that are made for it.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("it is in the directory"))
            .and_then(|()| fs::write(&path, content))
            .expect("the file can be written");
        path
    }

    /// An empty image of `size` bytes, which takes no space until something is written.
    pub fn image(&self, name: &str, size: u64) -> Image {
        let path = self.0.join(name);
        File::create(&path)
            .and_then(|file| file.set_len(size))
            .expect("the image can be made");
        Image(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A disk image in a file.
#[derive(Clone)]
pub struct Image(pub PathBuf);

impl AsRef<Path> for Image {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Image {
    pub fn path(&self) -> &str {
        self.0.to_str().expect("the path of an image is text")
    }

    pub fn size(&self) -> u64 {
        fs::metadata(&self.0).expect("the image is there").len()
    }

    /// Makes it longer or shorter.
    pub fn resize(&self, size: u64) {
        self.open().set_len(size).expect("the image can be resized");
    }

    pub fn write(&self, offset: u64, bytes: &[u8]) {
        self.open()
            .write_all_at(bytes, offset)
            .expect("the image can be written");
    }

    pub fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.open()
            .read_exact_at(&mut bytes, offset)
            .expect("the image can be read");
        bytes
    }

    /// Copies a whole image into this one: a filesystem into its partition. What is empty takes no space.
    pub fn insert(&self, offset: u64, other: &Image) {
        let (from, to) = (other.open(), self.open());
        let mut at = 0;
        let mut buffer = vec![0; 1 << 18];
        loop {
            let length = from
                .read_at(&mut buffer, at)
                .expect("the other image can be read");
            let part = &buffer[..length];
            if part.is_empty() {
                return;
            }
            if part.iter().any(|byte| *byte != 0) {
                to.write_all_at(part, offset + at)
                    .expect("the image can be written");
            }
            at += length as u64;
        }
    }

    fn open(&self) -> File {
        File::options()
            .read(true)
            .write(true)
            .open(&self.0)
            .expect("the image can be opened")
    }
}
