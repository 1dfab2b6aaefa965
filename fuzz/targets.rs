//! The functions that are fuzzed. Each takes any bytes, and panics when what it calls breaks a promise.

#[path = "sparse.rs"]
pub mod sparse;

use std::path::PathBuf;
use std::sync::Arc;

use pilotlight::config::bls::{self, LoaderConf, Pattern, Type1};
use pilotlight::config::grub::{EnvironmentBlock, Platform, execute_scripts};
use pilotlight::disk::{Disk, Hardware, ReadAt, Section, Uevent, identify};
use pilotlight::fs::{FileKind, Filesystem, FsPath};
use pilotlight::inventory::Inventory;
use pilotlight::kexec::{BzImage, CommandLine};
use pilotlight::policy::Policy;
use sparse::SparseDisk;

/// A target: its name, which is that of its corpus, the function, and how many mutations of each input
/// the replay on stable tries.
pub type Target = (&'static str, fn(&[u8]), usize);

/// Every target.
pub const ALL: [Target; 13] = [
    ("partition_table", partition_table, 300),
    ("identify", identify_volume, 300),
    ("uevent", uevent, 300),
    ("filesystem", filesystem, 300),
    ("md", md, 300),
    ("lvm", lvm, 300),
    ("bls_entry", bls_entry, 300),
    ("loader_conf", loader_conf, 300),
    ("version", version, 300),
    ("kernel_header", kernel_header, 300),
    ("policy", policy, 300),
    ("grub_script", grub_script, 30),
    ("environment_block", environment_block, 300),
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

/// Putting an array together: as many disks of equal size as flags 1 and 2 say, less one. With flag 4 the
/// checksums of superblocks of version 1.2 are made right first.
pub fn md(data: &[u8]) {
    let mut image = SparseDisk::decode(data);
    for start in starts(&image) {
        if image.flags & 4 != 0 {
            seal_md(&mut image, start + 4096);
        }
    }
    read_assembled(image);
}

/// Putting a volume group together, from disks as in [`md`]. With flag 4 the checksums of labels in the second
/// sector, and of metadata in the second page, are made right first.
pub fn lvm(data: &[u8]) {
    let mut image = SparseDisk::decode(data);
    for start in starts(&image) {
        if image.flags & 4 != 0 {
            seal_lvm(&mut image, start);
        }
    }
    read_assembled(image);
}

/// Where the disks begin that an image is divided into.
fn starts(image: &SparseDisk) -> Vec<u64> {
    let count = u64::from(image.flags & 3) + 1;
    let size = image.size() / count / 512 * 512;
    (0..count).map(|number| number * size).collect()
}

fn read_assembled(image: SparseDisk) {
    let starts = starts(&image);
    let size = image.size() / starts.len() as u64 / 512 * 512;
    let image = Arc::new(image);
    let mut inventory = Inventory::new();
    for start in starts {
        inventory.add(Disk {
            path: PathBuf::from(format!("fuzz{start}")),
            source: Arc::new(Section::new(image.clone(), start, size)),
            hardware: Hardware::default(),
        });
    }
    assert!(inventory.volumes().count() <= 8192);
    for (id, volume) in inventory.volumes() {
        let mut buffer = [0; 8192];
        for offset in [0, volume.source.size() / 2, volume.source.size(), u64::MAX] {
            if let Ok(n) = volume.source.read_at(offset, &mut buffer) {
                assert!(n as u64 <= volume.source.size().saturating_sub(offset));
            }
        }
        assert!(inventory.assembly_problems(id).all(|text| !text.is_empty()));
    }
    assert!(image.reads() < 1_000_000, "{} reads", image.reads());
}

/// Makes the checksum of a superblock right (`calc_sb_1_csum` in `drivers/md/md.c` of Linux).
fn seal_md(image: &mut SparseDisk, at: u64) {
    let mut sb = [0; 4096];
    let _ = image.read_at(at, &mut sb);
    let devices = usize::from(u16::from_le_bytes([sb[220], sb[221]]));
    let Some(checked) = sb.get(..256 + devices * 2) else {
        return;
    };
    let words = checked
        .chunks(2)
        .enumerate()
        .filter(|(i, _)| !matches!(i, 108 | 109));
    let sum: u64 = words
        .map(|(i, half)| u64::from(u16::from_le_bytes([half[0], half[1]])) << (16 * (i % 2)))
        .sum();
    let sum = ((sum & 0xffff_ffff) + (sum >> 32)) as u32;
    image.sector(at / 512)[216..220].copy_from_slice(&sum.to_le_bytes());
}

/// Makes the checksums of a physical volume right (`lib/format_text/layout.h` of LVM2).
fn seal_lvm(image: &mut SparseDisk, start: u64) {
    let label = image.sector(start / 512 + 1);
    let sum = crc32_lvm(&label[20..]);
    label[16..20].copy_from_slice(&sum.to_le_bytes());
    let area = start + 4096;
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    let (offset, size) = {
        let header = image.sector(area / 512);
        (number(&header[40..48]), number(&header[48..56]))
    };
    if offset < 1 << 20 && size < 1 << 16 {
        let mut text = vec![0; size as usize];
        let _ = image.read_at(area + offset, &mut text);
        let sum = crc32_lvm(&text);
        image.sector(area / 512)[56..60].copy_from_slice(&sum.to_le_bytes());
    }
    let header = image.sector(area / 512);
    let sum = crc32_lvm(&header[4..]);
    header[..4].copy_from_slice(&sum.to_le_bytes());
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
    crc32_from(0, bytes)
}

/// The checksum of LVM: the same with another beginning, and not turned round at the end.
pub fn crc32_lvm(bytes: &[u8]) -> u32 {
    !crc32_from(!0xf597_a6cf, bytes)
}

/// Goes on from the checksum of what stands before.
fn crc32_from(before: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!before, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
