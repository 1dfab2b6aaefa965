//! Reading and hashing a payload: ours from an image, against `cat` through a kernel mount and
//! `sha256sum`. Both have the file in the page cache; the rounds alternate, and the best of each count.
//!
//! Needs root, for the mounts: `make bench`. It fails when a ratio is above the target;
//! `READ_HASH_TARGET` is another target than [`TARGET`], `inf` lets everything pass.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pilotlight::boot::Payload;
use pilotlight::disk::Disk;
use pilotlight::fs::FsPath;

use crate::directory::Directory;

const PAYLOAD: usize = 100 << 20;
const ROUNDS: usize = 7;

/// What is aimed at.
const TARGET: f64 = 1.25;

pub(crate) fn measure(is_measured: bool) -> bool {
    // Whoever tests is not root.
    if !is_measured {
        return true;
    }
    let target = match std::env::var("READ_HASH_TARGET") {
        Ok(target) => target.parse().expect("READ_HASH_TARGET is a number"),
        Err(_) => TARGET,
    };
    let mut missed = false;
    let directory = Directory::new("read_hash");
    let payload = directory.0.join("payload");
    std::fs::write(&payload, noise(PAYLOAD)).expect("the payload can be written");
    for format in ["ext4", "xfs", "vfat"] {
        let image = directory.0.join(format);
        make(format, &image, &payload);
        // A kernel without this filesystem reads the same file where it is, which is no slower.
        let mount = Mount::new(&image, &directory.0.join("mount"));
        let (place, file) = match &mount {
            Some(mount) => ("a kernel mount", mount.0.join("payload")),
            None => (
                "the host's own filesystem, as its kernel has no driver",
                payload.clone(),
            ),
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // The first round fills the caches.
        for round in 0..=ROUNDS {
            let (time, hash) = read_hash(&image);
            let (their_time, their_hash) = cat_sha256sum(&file);
            assert_eq!(hash, their_hash, "{format}: the hashes differ");
            if round > 0 {
                ours.push(time);
                theirs.push(their_time);
            }
        }
        let (ours, theirs) = (best(&ours), best(&theirs));
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        println!(
            "{format}: read and hash 100 MiB in {ours:.0?}; cat | sha256sum through {place}: \
             {theirs:.0?}; ratio {ratio:.2} (target: at most {target})"
        );
        missed |= ratio > target;
    }
    !missed
}

/// The way of the boot loader: disk, volume, filesystem, sealed memory.
fn read_hash(image: &Path) -> (Duration, String) {
    let start = Instant::now();
    let layout = Disk::open(image).unwrap().scan();
    let filesystem = pilotlight::fs::open(&layout.volumes[0], None).unwrap();
    let file = filesystem.open(&FsPath::new("/payload").unwrap()).unwrap();
    let (_payload, part) = Payload::read(file, &mut |_| {}).unwrap();
    (start.elapsed(), part.hex())
}

fn cat_sha256sum(file: &Path) -> (Duration, String) {
    let start = Instant::now();
    let line = format!("cat '{}' | sha256sum", file.display());
    let output = Command::new("sh").args(["-c", &line]).output().unwrap();
    let time = start.elapsed();
    let printed = String::from_utf8(output.stdout).unwrap();
    (time, printed.split_whitespace().next().unwrap().to_owned())
}

fn best(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap()
}

fn make(format: &str, image: &Path, payload: &Path) {
    let file = std::fs::File::create(image).unwrap();
    // The least for XFS.
    file.set_len(300 << 20).unwrap();
    let prototype = image.with_extension("prototype");
    let image = image.to_str().unwrap();
    let payload = payload.to_str().unwrap();
    match format {
        "xfs" => {
            let tree = format!("/\n0 0\nd--755 0 0\npayload ---644 0 0 {payload}\n$\n");
            std::fs::write(&prototype, tree).unwrap();
            run(
                "mkfs.xfs",
                &["-q", "-p", prototype.to_str().unwrap(), image],
            );
        }
        "ext4" => {
            run("mke2fs", &["-q", "-t", "ext4", image]);
            run(
                "debugfs",
                &["-w", "-R", &format!("write {payload} payload"), image],
            );
        }
        _ => {
            run("mkfs.vfat", &["-F", "32", image]);
            run("mcopy", &["-i", image, payload, "::payload"]);
        }
    }
}

fn run(name: &str, arguments: &[&str]) {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let output = Command::new(name)
        .args(arguments)
        .env("PATH", path)
        .output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(output.status.success(), "{name} {arguments:?}: {output:?}");
}

/// Bytes that don't compress, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33).to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

struct Mount(PathBuf);

impl Mount {
    fn new(image: &Path, at: &Path) -> Option<Mount> {
        std::fs::create_dir_all(at).unwrap();
        let status = Command::new("mount")
            .args(["-o", "ro,loop"])
            .args([image, at])
            .stderr(Stdio::null())
            .status();
        let mounted = status.is_ok_and(|status| status.success());
        mounted.then(|| Mount(at.into()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
