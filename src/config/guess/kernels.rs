//! [`Kernel`]: kernels and the initrds that belong to them, by their names.

use std::cmp::Ordering;

use crate::config::bls::compare;
use crate::fs::{FileKind, Filesystem, FsPath};
use crate::kexec::{BzImage, HEADER_LENGTH};

/// Where kernels lie: on a root filesystem, on a `/boot` of its own, and in a subvolume.
const PLACES: [&str; 4] = ["/boot", "/", "/@/boot", "/@rootfs/boot"];

/// How the names of kernels begin.
const NAMES: [&str; 5] = ["vmlinuz", "vmlinux", "bzImage", "kernel", "Image"];

/// More files of a volume are not looked into.
const MAX_KERNELS: usize = 64;

/// Code for processors, which has to come first.
const MICROCODE: [&str; 2] = ["intel-ucode.img", "amd-ucode.img"];

/// What a kernel is for; later ones come later in the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Every day.
    Normal,
    /// With an initrd that has all drivers.
    Fallback,
    /// To repair the system.
    Rescue,
}

/// A kernel that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kernel {
    pub(super) path: FsPath,
    /// `uname -r`, or else what follows in its name.
    pub(super) version: String,
    pub(super) class: Class,
    pub(super) initrds: Vec<FsPath>,
}

/// Is there a file with the name of a kernel?
pub(super) fn are_likely(filesystem: &dyn Filesystem) -> bool {
    directories(filesystem).any(|(_, names)| names.iter().any(|name| suffix(name).is_some()))
}

/// The kernels of a volume in the order of the menu, and what was passed over, in words.
pub(super) fn find(filesystem: &dyn Filesystem) -> (Vec<Kernel>, Vec<String>) {
    let mut kernels = Vec::new();
    let mut problems = Vec::new();
    let mut looked = 0_usize;
    for (directory, names) in directories(filesystem) {
        for (name, suffix) in names.iter().filter_map(|name| Some((name, suffix(name)?))) {
            let Ok(path) = directory.join(name) else {
                continue;
            };
            if name.contains("kdump") {
                problems.push(format!("{path} is left out: it is for dumps after a crash"));
                continue;
            }
            looked = looked.saturating_add(1);
            if looked > MAX_KERNELS {
                problems.push(format!("over {MAX_KERNELS} kernels: the rest is left out"));
                break;
            }
            match header(filesystem, &path) {
                Ok(header) => {
                    let stated = header.version.as_deref();
                    let stated = stated.and_then(|text| text.split_ascii_whitespace().next());
                    let version = stated.unwrap_or(suffix).to_owned();
                    add(&mut kernels, &directory, &names, path, suffix, version);
                }
                Err(problem) => problems.push(format!("{path} is left out: {problem}")),
            }
        }
    }
    (kernels, problems)
}

fn order(a: &Kernel, b: &Kernel) -> Ordering {
    let class = a.class.cmp(&b.class);
    let class = class.then_with(|| compare(&b.version, &a.version));
    class.then_with(|| b.path.cmp(&a.path))
}

/// Adds a kernel with each of its initrds.
fn add(
    kernels: &mut Vec<Kernel>,
    directory: &FsPath,
    names: &[String],
    path: FsPath,
    suffix: &str,
    version: String,
) {
    let files = |initrd: Option<&str>| -> Vec<FsPath> {
        let mut files = Vec::new();
        if let Some(initrd) = initrd {
            for name in MICROCODE.into_iter().chain([initrd]) {
                if has(names, name) {
                    files.extend(directory.join(name));
                }
            }
        }
        files
    };
    let initrd = initrd(names, suffix);
    let class = match suffix.contains("rescue") {
        true => Class::Rescue,
        false => Class::Normal,
    };
    let fallback = format!("initramfs-{suffix}-fallback.img");
    let kernel = Kernel {
        path,
        version,
        class,
        initrds: files(initrd.as_deref()),
    };
    if has(names, &fallback) {
        let fallback = Kernel {
            class: Class::Fallback,
            initrds: files(Some(&fallback)),
            ..kernel.clone()
        };
        insert(kernels, fallback);
    }
    insert(kernels, kernel);
}

/// Puts a kernel where it belongs in the menu.
fn insert(kernels: &mut Vec<Kernel>, kernel: Kernel) {
    let later = |other: &Kernel| order(&kernel, other) == Ordering::Less;
    let at = kernels.iter().position(later).unwrap_or(kernels.len());
    kernels.insert(at, kernel);
}

/// The initrd that goes with what follows in the name of a kernel.
fn initrd(names: &[String], suffix: &str) -> Option<String> {
    let candidates = match suffix {
        "" => [
            "initrd.img",
            "initramfs.img",
            "initrd",
            "initrd.gz",
            "initramfs",
        ]
        .map(str::to_owned),
        suffix => [
            format!("initrd.img-{suffix}"),
            format!("initramfs-{suffix}.img"),
            format!("initrd-{suffix}"),
            format!("initramfs-{suffix}"),
            format!("initrd-{suffix}.img"),
        ],
    };
    candidates.into_iter().find(|name| has(names, name))
}

/// Is it among the names, which are sorted?
fn has(names: &[String], name: &str) -> bool {
    let order = |other: &String| other.as_str().cmp(name);
    names.binary_search_by(order).is_ok()
}

/// The directories that are there with the names of their files, sorted. Symbolic links are left out, since they
/// lead to another of those files.
fn directories(filesystem: &dyn Filesystem) -> impl Iterator<Item = (FsPath, Vec<String>)> {
    PLACES.into_iter().filter_map(|place| {
        let directory = FsPath::new(place).ok()?;
        if is_link(filesystem, &directory) {
            return None;
        }
        let list = filesystem.read_dir(&directory).ok()?.into_iter();
        let files = list.filter(|entry| entry.kind == FileKind::File);
        Some((directory, files.map(|entry| entry.name).collect()))
    })
}

/// On a `/boot` of its own, `boot` often is a link to the directory that it is in.
fn is_link(filesystem: &dyn Filesystem, path: &FsPath) -> bool {
    let list = path
        .parent()
        .and_then(|above| filesystem.read_dir(&above).ok());
    let mut list = list.into_iter().flatten();
    list.any(|entry| entry.name == path.file_name() && entry.kind == FileKind::Symlink)
}

/// What follows in the name of a kernel, without what is between.
fn suffix(name: &str) -> Option<&str> {
    let rest = NAMES.iter().find_map(|begin| name.strip_prefix(begin))?;
    match rest.strip_prefix(['-', '_', '.']) {
        Some(suffix) => Some(suffix),
        None => Some(rest).filter(|rest| rest.is_empty()),
    }
}

fn header(filesystem: &dyn Filesystem, path: &FsPath) -> Result<BzImage, String> {
    let mut file = filesystem.open(path).map_err(|error| error.to_string())?;
    let mut head = vec![0; HEADER_LENGTH];
    let length = file
        .read_at(0, &mut head)
        .map_err(|error| error.to_string())?;
    head.truncate(length);
    BzImage::parse(&head, file.size()).map_err(|error| error.to_string())
}
