//! The functions that are fuzzed. Each takes any bytes, and panics when what it calls breaks a promise.

#[path = "sparse.rs"]
mod sparse;

use std::path::PathBuf;
use std::sync::Arc;

use pilotlight::disk::{Disk, Hardware, ReadAt, Uevent, identify};
use sparse::SparseDisk;

/// A target: its name, which is that of its corpus, and the function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: [Target; 3] = [
    ("partition_table", partition_table),
    ("identify", identify_volume),
    ("uevent", uevent),
];

/// Scanning a disk: GPT, MBR and what is in the volumes. With flag 1 the checksums of the GPT are made
/// right first, so that the fuzzer reaches what is behind them.
pub fn partition_table(data: &[u8]) {
    let mut image = SparseDisk::decode(data);
    if image.flags & 1 != 0 {
        seal_gpt(&mut image);
    }
    let sector_size = match image.flags & 6 {
        0 => None,
        2 => Some(512),
        _ => Some(4096),
    };
    let image = Arc::new(image);
    let disk = Disk {
        path: PathBuf::from("fuzz"),
        source: image.clone(),
        hardware: Hardware {
            sector_size,
            ..Hardware::default()
        },
    };
    let layout = disk.scan();
    assert!(
        layout.volumes.len() <= 257,
        "{} volumes",
        layout.volumes.len()
    );
    for volume in &layout.volumes {
        assert!(
            volume.offset + volume.size <= image.size(),
            "a volume leaves the disk"
        );
        assert_eq!(volume.source.size(), volume.size);
    }
    let limit = 10_000 + 2_000 * layout.volumes.len() as u64;
    assert!(image.reads() < limit, "{} reads", image.reads());
}

/// Recognising a volume.
pub fn identify_volume(data: &[u8]) {
    let image = SparseDisk::decode(data);
    let mut problems = Vec::new();
    let content = identify(&image, &mut problems);
    assert!(content.format.is_some() || content.uuid.is_none() && content.label.is_none());
    assert!(image.reads() < 2_000, "{} reads", image.reads());
}

/// Reading a message of the kernel.
pub fn uevent(data: &[u8]) {
    if let Some(event) = Uevent::parse(data) {
        assert!(!event.subsystem.is_empty());
        assert!(event.subsystem.len() < data.len());
    }
}

/// Makes the checksums right of tables with up to 4 entries, which are one sector.
fn seal_gpt(image: &mut SparseDisk) {
    let last = (image.size() / 512).saturating_sub(1);
    for lba in [1, last] {
        let entries = u64::from_le_bytes(image.sector(lba)[72..80].try_into().unwrap_or_default());
        let count = image.sector(lba)[80];
        if count <= 4 && entries < 1 << 32 {
            let checksum = crc32(&image.sector(entries)[..usize::from(count) * 128]);
            image.sector(lba)[88..92].copy_from_slice(&checksum.to_le_bytes());
        }
        let header = image.sector(lba);
        header[16..20].fill(0);
        let checksum = crc32(&header[..92]);
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// The CRC-32 of Ethernet and GPT, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
