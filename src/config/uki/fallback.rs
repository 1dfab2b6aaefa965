//! The program that firmware starts from a disk that it knows nothing else of.

use super::volume::entries;
use crate::config::budget::Budget;
use crate::entry::{BootEntry, EntrySource, FileRef, PayloadKind, VolumeId};
use crate::fs::{FileKind, Filesystem, FsPath};
use crate::kexec::{BzImage, HEADER_LENGTH};

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
/// Machines whose flash can't be changed start this loader from there. It would start itself for ever.
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
    if let [entry] = &mut found[..]
        && entry.kind == PayloadKind::Linux
        && is_loader(filesystem, &path, budget)
    {
        entry.block("it is this loader");
    }
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

/// Is it a kernel with this loader inside?
fn is_loader(filesystem: &dyn Filesystem, path: &FsPath, budget: &Budget) -> bool {
    let mut head = vec![0; HEADER_LENGTH];
    let Ok(mut file) = filesystem.open(path) else {
        return false;
    };
    // What there is no budget for is not offered.
    if budget.read(HEADER_LENGTH).is_err() {
        return true;
    }
    let length = file.read_at(0, &mut head).unwrap_or_default();
    let head = head.get(..length).unwrap_or_default();
    BzImage::parse(head, file.size()).is_ok_and(|image| image.is_loader())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::guess::tests::kernel;
    use crate::fs::MemoryFilesystem;

    #[test]
    fn this_loader_is_not_started_from_the_place_where_it_was_started_from() {
        let listed = |version: &str, others: &[&BootEntry]| {
            // Where Linux has the text.
            let mut file = kernel("");
            file[0x20e..0x210].copy_from_slice(&0x3840_u16.to_le_bytes());
            file.resize(0x5000, 0);
            file[0x3a40..0x3a40 + version.len()].copy_from_slice(version.as_bytes());
            let filesystem = MemoryFilesystem::new().file(PATH, file);
            let budget = Budget::of_disk(1);
            fallback(
                &filesystem,
                VolumeId { disk: 0, volume: 0 },
                others,
                &budget,
            )
            .0
        };
        let other = listed("6.1.0-9-amd64", &[]);
        assert!(other[0].bootable());
        let own = listed("6.12.1-pilotlight", &[]);
        assert_eq!(own[0].problems[0].text, "it is this loader");
        assert!(!own[0].bootable());
        let mut elsewhere = other[0].clone();
        elsewhere.kernel.as_mut().unwrap().path = FsPath::new("/vmlinuz").unwrap();
        assert_eq!(listed("6.1.0-9-amd64", &[&elsewhere]).len(), 1);
        assert_eq!(listed("6.12.1-pilotlight", &[&elsewhere]), []);
    }
}
