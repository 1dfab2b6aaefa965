//! The program that firmware starts from a disk that it knows nothing else of.

use super::volume::entries;
use crate::config::budget::Budget;
use crate::entry::{BootEntry, EntrySource, FileRef, PayloadKind, VolumeId};
use crate::fs::{FileKind, Filesystem, FsPath};

/// Where it lies (UEFI specification 2.10, section 3.5.1.1).
const PATH: &str = if cfg!(target_arch = "aarch64") {
    "/EFI/BOOT/BOOTAA64.EFI"
} else {
    "/EFI/BOOT/BOOTX64.EFI"
};

/// The entry for that program of a volume. `others` are the entries of its disk.
///
/// It is nearly always another boot loader, whose configuration has been read. So it is an entry only where
/// it can be started and is none of the others; and where there are no others, it says why it can't be.
///
/// Where there is no room for all of its profiles, the text says so.
pub(in crate::config) fn fallback(
    filesystem: &dyn Filesystem,
    volume: VolumeId,
    others: &[&BootEntry],
    budget: &Budget,
) -> (Vec<BootEntry>, Option<String>) {
    let nothing = (Vec::new(), None);
    let Ok(path) = FsPath::new(PATH) else {
        return nothing;
    };
    let metadata = filesystem.metadata(&path);
    if !metadata.is_ok_and(|metadata| metadata.kind == FileKind::File) {
        return nothing;
    }
    let is_it = |file: &FileRef| {
        let (path, other) = (path.as_str(), file.path.as_str());
        file.volume == volume && path.eq_ignore_ascii_case(other)
    };
    let mut kernels = others.iter().filter_map(|entry| entry.kernel.as_ref());
    if kernels.any(is_it) {
        return nothing;
    }
    let file = FileRef {
        volume,
        path: path.clone(),
    };
    let mut found = Vec::new();
    let limit = entries(filesystem, &file, path.file_name(), budget, &mut found).err();
    let limit = limit.map(|limit| format!("{path}: {limit}: what follows is left out"));
    let mut found: Vec<BootEntry> = found.into_iter().map(|sorted| sorted.entry).collect();
    found.retain(|entry| entry.bootable() || others.is_empty());
    for entry in &mut found {
        if entry.kind != PayloadKind::Uki {
            // Nothing names it but its place, and that is all that firmware asks for.
            entry.source = EntrySource::Firmware;
        }
    }
    if let Some(first) = found.first_mut() {
        first.default = others.is_empty();
    }
    (found, limit)
}
