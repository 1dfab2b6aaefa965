//! The functions that are fuzzed. Each takes any bytes, and panics when what it calls breaks a promise.

#[path = "sparse.rs"]
pub mod sparse;

use std::path::PathBuf;
use std::sync::Arc;

use pilotlight::config::bls::{self, LoaderConf, Pattern, Type1};
use pilotlight::config::grub::{EnvironmentBlock, Platform, execute_scripts};
use pilotlight::disk::{Disk, Hardware, ReadAt, Uevent, identify};
use pilotlight::entry::VolumeId;
use pilotlight::fs::{FileKind, Filesystem, FsPath, MemoryFilesystem};
use pilotlight::inventory::Inventory;
use pilotlight::kexec::{BzImage, CommandLine};
use pilotlight::pe::Image;
use pilotlight::policy::Policy;
use sparse::SparseDisk;

/// A target: its name, which is that of its corpus, the function, and how many mutations of each input
/// the replay on stable tries.
pub type Target = (&'static str, fn(&[u8]), usize);

/// Every target.
pub const ALL: [Target; 12] = [
    ("partition_table", partition_table, 300),
    ("identify", identify_volume, 300),
    ("uevent", uevent, 300),
    ("filesystem", filesystem, 300),
    ("bls_entry", bls_entry, 300),
    ("loader_conf", loader_conf, 300),
    ("version", version, 300),
    ("kernel_header", kernel_header, 300),
    ("policy", policy, 300),
    ("grub_script", grub_script, 30),
    ("environment_block", environment_block, 300),
    ("pe", pe, 300),
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

/// Reading everything in a FAT or ext filesystem.
pub fn filesystem(data: &[u8]) {
    let image = Arc::new(SparseDisk::decode(data));
    let disk = Disk {
        path: PathBuf::from("fuzz"),
        source: image.clone(),
        hardware: Hardware::default(),
    };
    for volume in &disk.scan().volumes {
        if let Ok(filesystem) = pilotlight::fs::open(volume, None) {
            walk(filesystem.as_ref());
        }
    }
    assert!(image.reads() < 1_000_000, "{} reads", image.reads());
}

/// Reads what can be read, within limits: damage may make a small tree endless.
pub fn walk(filesystem: &dyn Filesystem) {
    let mut directories = vec![FsPath::root()];
    let mut left = 200;
    while let Some(directory) = directories.pop() {
        let Ok(list) = filesystem.read_dir(&directory) else {
            continue;
        };
        for entry in list {
            left -= 1;
            if left == 0 {
                return;
            }
            let Ok(path) = directory.join(&entry.name) else {
                continue;
            };
            let _ = filesystem.metadata(&path);
            match entry.kind {
                FileKind::Directory => directories.push(path),
                _ => {
                    let _ = filesystem.read(&path, 1 << 20);
                }
            }
        }
    }
}

/// Reading an entry file.
pub fn bls_entry(data: &[u8]) {
    let entry = Type1::parse(data);
    assert!(entry.options.len() <= data.len() * 3);
    assert!(entry.initrd.len() <= 64 && entry.problems.len() <= 17);
}

/// Reading a `loader.conf`, and matching its pattern.
pub fn loader_conf(data: &[u8]) {
    let conf = LoaderConf::parse(data);
    assert!(conf.problems.len() <= 16);
    for choice in conf.default.iter().chain(&conf.preferred) {
        choice.means("debian-6.12.conf");
    }
    let (pattern, text) = halves(data);
    if let Some(pattern) = Pattern::new(&pattern) {
        pattern.matches(&text);
    }
}

/// Comparing two versions: the other way round it is the reverse.
pub fn version(data: &[u8]) {
    let (a, b) = halves(data);
    assert_eq!(bls::compare(&a, &b), bls::compare(&b, &a).reverse());
    assert!(bls::compare(&a, &a).is_eq());
}

/// Reading the head of a kernel file.
pub fn kernel_header(data: &[u8]) {
    if let Ok(header) = BzImage::parse(data) {
        assert!(header.version.is_none_or(|text| !text.is_empty()));
        let _ = CommandLine::new(&String::from_utf8_lossy(data), header.cmdline_size);
    }
}

/// Reading a policy.
pub fn policy(data: &[u8]) {
    if let Err(error) = Policy::parse(&String::from_utf8_lossy(data)) {
        assert!(error.line > 0 && !error.text.is_empty());
    }
}

/// Reading and executing a GRUB script.
pub fn grub_script(data: &[u8]) {
    let script = String::from_utf8_lossy(data).into_owned();
    let printed = execute_scripts(&Inventory::new(), Platform::Efi, &[script]);
    assert!(printed.iter().all(|text| text.len() <= 64 * 1024));
}

/// Reading an environment block and setting a variable in it.
pub fn environment_block(data: &[u8]) {
    let Some(mut block) = EnvironmentBlock::parse(data) else {
        return;
    };
    let before: Vec<_> = block.iter().filter(|(name, _)| name != "own").collect();
    if block.set("own", Some("a\nb")).is_ok() {
        assert_eq!(block.as_bytes().len(), data.len());
        let own = ("own".to_owned(), "a\nb".to_owned());
        assert!(block.iter().any(|pair| pair == own));
        let others: Vec<_> = block.iter().filter(|(name, _)| name != "own").collect();
        assert_eq!(others, before);
    }
}

/// Reading the headers of an EFI program, and what it is as an image in `EFI/Linux`.
pub fn pe(data: &[u8]) {
    let size = data.len() as u64;
    if let Ok(image) = Image::parse(data, size) {
        for section in &image.sections {
            assert!(section.content.end <= size || section.size() == 0);
        }
        assert!(image.certificates.is_none_or(|table| table.end == size));
    }
    let path = "/EFI/Linux/a.efi";
    let filesystem = MemoryFilesystem::new().file(path, data);
    let mut group = bls::Group::default();
    let volume = VolumeId { disk: 0, volume: 0 };
    group.read(&filesystem, volume, bls::Place::Esp);
    let (entries, problems) = group.finish();
    assert!(!entries.is_empty() && entries.len() <= 256 && problems.is_empty());
}

/// Two texts, parted by a line end.
fn halves(data: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(data);
    let (a, b) = text.split_once('\n').unwrap_or((&text, ""));
    (a.to_owned(), b.to_owned())
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
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
