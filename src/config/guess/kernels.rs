//! [`Kernel`]: kernels and the initrds that belong to them, by their names.

use std::cmp::Ordering;

use crate::config::bls::compare;
use crate::config::home::is_in_home;
use crate::fs::{FileKind, Filesystem, FsPath};
use crate::kexec::{BzImage, HEADER_LENGTH};

/// Where kernels lie: on a root filesystem, on a `/boot` of its own, and in a subvolume.
const PLACES: [&str; 5] = ["/boot", "/", "/@/boot", "/@rootfs/boot", "/root/boot"];

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
    directories(filesystem).any(|directory| directory.kernels().next().is_some())
}

/// The kernels of a volume in the order of the menu, and what was passed over, in words.
pub(super) fn find(filesystem: &dyn Filesystem) -> (Vec<Kernel>, Vec<String>) {
    let mut kernels = Vec::new();
    let mut problems = Vec::new();
    let mut looked = 0_usize;
    let mut seen: Vec<(BzImage, u64)> = Vec::new();
    for directory in directories(filesystem) {
        for (name, suffix, is_link) in directory.kernels() {
            let Ok(path) = directory.path.join(name) else {
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
                // The header says who built it, and when: the same one.
                Ok(found) if is_link && seen.contains(&found) => {}
                Ok(found) => {
                    let stated = found.0.version.as_deref();
                    let stated = stated.and_then(|text| text.split_ascii_whitespace().next());
                    let version = stated.unwrap_or(suffix).to_owned();
                    seen.push(found);
                    add(&mut kernels, &directory, path, suffix, version);
                }
                // It leads nowhere, as it does when the file behind it was removed.
                Err(_) if is_link => {}
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
    directory: &Directory<'_>,
    path: FsPath,
    suffix: &str,
    version: String,
) {
    let files = |initrd: Option<&str>| -> Vec<FsPath> {
        let mut files = Vec::new();
        if let Some(initrd) = initrd {
            for name in MICROCODE.into_iter().chain([initrd]) {
                if directory.has(name) {
                    files.extend(directory.path.join(name));
                }
            }
        }
        files
    };
    let class = match suffix.contains("rescue") {
        true => Class::Rescue,
        false => Class::Normal,
    };
    // Kernels of one release take the same modules. One to repair the system has an initrd of its own, or none.
    let of_release = || match class {
        Class::Rescue => None,
        _ => initrd(directory, &version, ""),
    };
    let initrd = initrd_of(directory, suffix).or_else(of_release);
    let fallback = format!("initramfs-{suffix}-fallback.img");
    let kernel = Kernel {
        path,
        version,
        class,
        initrds: files(initrd.as_deref()),
    };
    if directory.has(&fallback) {
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

/// The initrd that goes with what follows in the name of a kernel. Who installs a kernel over another one keeps that as
/// `.old` (`arch/x86/boot/install.sh` of Linux), and perhaps its initrd so.
fn initrd_of(directory: &Directory<'_>, suffix: &str) -> Option<String> {
    let old = || {
        let kept = match suffix {
            "old" => "",
            suffix => suffix.strip_suffix(".old")?,
        };
        initrd(directory, kept, ".old")
    };
    initrd(directory, suffix, "").or_else(old)
}

/// The initrd with this in its name, and with this behind that.
fn initrd(directory: &Directory<'_>, suffix: &str, end: &str) -> Option<String> {
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
    let mut candidates = candidates.into_iter().map(|name| name + end);
    candidates.find(|name| directory.has(name))
}

/// A directory where kernels may be.
struct Directory<'a> {
    filesystem: &'a dyn Filesystem,
    path: FsPath,
    /// The names of its files, sorted.
    files: Vec<String>,
    /// The names of its symbolic links, sorted.
    links: Vec<String>,
}

impl Directory<'_> {
    /// What is named like a kernel, with what follows in the name, and whether it is a symbolic link. Links come
    /// last, and of those the ones without a version: most lead to another of those files, but those of openSUSE to
    /// `/usr/lib/modules`.
    fn kernels(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        let files = self.files.iter().map(|name| (name.as_str(), false));
        let links = || self.links.iter().map(|name| (name.as_str(), true));
        let has_version = |name: &str| suffix(name).is_some_and(|suffix| !suffix.is_empty());
        let with = links().filter(move |(name, _)| has_version(name));
        let without = links().filter(move |(name, _)| !has_version(name));
        let all = files.chain(with).chain(without);
        all.filter_map(|(name, is_link)| Some((name, suffix(name)?, is_link)))
    }

    /// Is there a file of this name, or a symbolic link to one?
    fn has(&self, name: &str) -> bool {
        let is_among = |names: &[String]| {
            let order = |other: &String| other.as_str().cmp(name);
            names.binary_search_by(order).is_ok()
        };
        is_among(&self.files) || is_among(&self.links) && self.leads_to_file(name)
    }

    fn leads_to_file(&self, name: &str) -> bool {
        let path = self.path.join(name).ok();
        let metadata = path.and_then(|path| self.filesystem.metadata(&path).ok());
        metadata.is_some_and(|metadata| metadata.kind == FileKind::File)
    }
}

/// The directories that are there.
fn directories(filesystem: &dyn Filesystem) -> impl Iterator<Item = Directory<'_>> {
    PLACES.into_iter().filter_map(|place| {
        let directory = FsPath::new(place).ok()?;
        if is_link(filesystem, &directory) || is_in_home(filesystem, place) {
            return None;
        }
        let list = filesystem.read_dir(&directory).ok()?;
        let named = |kind| {
            let entries = list.iter().filter(move |entry| entry.kind == kind);
            entries.map(|entry| entry.name.clone())
        };
        Some(Directory {
            filesystem,
            files: named(FileKind::File).collect(),
            links: named(FileKind::Symlink).collect(),
            path: directory,
        })
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

/// What is in its header, and how many bytes it has.
fn header(filesystem: &dyn Filesystem, path: &FsPath) -> Result<(BzImage, u64), String> {
    let mut file = filesystem.open(path).map_err(|error| error.to_string())?;
    let mut head = vec![0; HEADER_LENGTH];
    let length = file
        .read_at(0, &mut head)
        .map_err(|error| error.to_string())?;
    head.truncate(length);
    let size = file.size();
    let header = BzImage::parse(&head, size).map_err(|error| error.to_string())?;
    Ok((header, size))
}
