//! Random damage to whole disks: a scan ends, stays in bounds, reads little and never panics.
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::kit::{MIB, run, run_with_input, temp_dir};
use pilotlight::disk::{Disk, Hardware, Layout, MemorySource, ReadAt};
use proptest::prelude::*;

/// Each disk: big enough for its filesystems, small enough for a copy in each case.
const SIZE: usize = 3 << 20;

/// Bytes in memory that count how often they are read, and a place where they can't be.
struct Medium {
    bytes: MemorySource,
    reads: AtomicU64,
    bad: Option<u64>,
}

impl ReadAt for Medium {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let end = offset.saturating_add(buf.len() as u64);
        match self.bad {
            Some(bad) if (offset..end).contains(&bad) => Err(io::Error::other("bad sector")),
            _ => self.bytes.read_at(offset, buf),
        }
    }
}

/// Scans and checks what holds for every disk.
fn scan(bytes: Vec<u8>, bad: Option<u64>, sector_size: Option<u32>) -> Layout {
    let size = bytes.len() as u64;
    let medium = Arc::new(Medium {
        bytes: MemorySource::new(bytes),
        reads: AtomicU64::new(0),
        bad,
    });
    let disk = Disk {
        path: PathBuf::from("damaged"),
        source: medium.clone(),
        hardware: Hardware {
            sector_size,
            ..Hardware::default()
        },
    };
    let layout = disk.scan();
    assert!(layout.volumes.len() <= 257);
    for volume in &layout.volumes {
        assert!(volume.offset + volume.size <= size);
        assert_eq!(volume.source.size(), volume.size);
        assert!(volume.content.format.is_some() || volume.content.uuid.is_none());
    }
    let reads = medium.reads.load(Ordering::Relaxed);
    assert!(
        reads <= 5_000 + 1_200 * layout.volumes.len() as u64,
        "{reads} reads"
    );
    layout
}

/// Whole disks with a table and a FAT and an ext4 in it.
fn disks() -> &'static [Vec<u8>; 3] {
    static DISKS: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    DISKS.get_or_init(|| {
        let directory = temp_dir();
        let fat = directory.image("fat", MIB);
        run("mkfs.vfat", ["-n", "ESP", fat.path()]);
        let ext = directory.image("ext", MIB);
        run("mke2fs", ["-q", "-t", "ext4", ext.path()]);
        let gpt = "label: gpt\nstart=64, size=2048\nstart=2112, size=2048\n";
        let mbr = "label: dos\n1 : start=64, size=2048\n2 : start=2112, type=5\n5 : start=2176, size=2048\n";
        let [gpt, mbr] = [(gpt, 2112), (mbr, 2176)].map(|(script, second)| {
            let image = directory.image("disk", SIZE as u64);
            run_with_input("sfdisk", ["--quiet", image.path()], script);
            image.insert(64 * 512, &fat);
            image.insert(second * 512, &ext);
            fs::read(&image.0).unwrap()
        });
        let whole = directory.image("whole", SIZE as u64);
        run("mkfs.vfat", ["-F32", "-s1", whole.path()]);
        [gpt, mbr, fs::read(&whole.0).unwrap()]
    })
}

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, u8),
    Zero(usize, usize),
    Noise(usize, Vec<u8>),
    Cut(usize),
}

/// Places where structures are: both ends of the disk, and the beginnings of the partitions.
fn place() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..8192_usize,
        0..1024_usize,
        SIZE - 20_000..SIZE,
        64 * 512..64 * 512 + 4096_usize,
        2112 * 512..2112 * 512 + 40_000_usize,
        0..SIZE,
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (place(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        2 => (place(), 1..40_000_usize).prop_map(|(at, length)| Damage::Zero(at, length)),
        2 => (place(), proptest::collection::vec(any::<u8>(), 1..600)).prop_map(|(at, noise)| Damage::Noise(at, noise)),
        1 => (0..SIZE).prop_map(Damage::Cut),
    ]
}

impl Damage {
    fn apply(&self, disk: &mut Vec<u8>) {
        let size = disk.len();
        match self {
            Damage::Flip(at, bit) => {
                if let Some(byte) = disk.get_mut(*at) {
                    *byte ^= 1 << bit;
                }
            }
            Damage::Zero(at, length) => {
                disk[(*at).min(size)..(at + length).min(size)].fill(0);
            }
            Damage::Noise(at, noise) => {
                let target = disk.iter_mut().skip(*at);
                target.zip(noise).for_each(|(byte, noise)| *byte = *noise);
            }
            Damage::Cut(at) => disk.truncate(*at),
        }
    }
}

proptest! {
    #[test]
    fn damaged_disks(
        which in 0..3_usize,
        damages in proptest::collection::vec(damage(), 1..8),
        bad in proptest::option::of(place()),
        sector_size in prop_oneof![Just(None), Just(Some(512)), Just(Some(4096)), any::<u32>().prop_map(Some)],
    ) {
        let mut disk = disks()[which].clone();
        for damage in &damages {
            damage.apply(&mut disk);
        }
        scan(disk, bad.map(|bad| bad as u64), sector_size);
    }

    #[test]
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..70_000)) {
        scan(bytes, None, None);
    }

    /// As above, with the marks in place that lead further.
    #[test]
    fn noise_with_marks(mut bytes in proptest::collection::vec(any::<u8>(), 40_000..70_000), kind in 0..4_u8) {
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        match kind {
            0 => [0x1be, 0x1ce, 0x1de, 0x1ee].iter().for_each(|at| bytes[*at] = 0),
            1 => bytes[512..520].copy_from_slice(b"EFI PART"),
            2 => bytes[0x52..0x5a].copy_from_slice(b"FAT32   "),
            _ => bytes[0x8001..0x8006].copy_from_slice(b"CD001"),
        }
        scan(bytes, None, None);
    }
}

/// A medium that can't be read says so and is no panic.
#[test]
fn bad_sectors_are_reported() {
    let layout = scan(disks()[0].clone(), Some(64 * 512), None);
    assert_eq!(layout.volumes.len(), 2);
    assert_eq!(layout.volumes[0].content.format, None);
    let problems = &layout.volumes[0].problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("could not be read completely: at byte 0: bad sector"));

    // The first sector of the disk: the table is there, and Linux would not use it.
    let layout = scan(disks()[0].clone(), Some(0), None);
    assert_eq!(layout.volumes.len(), 2);
    problem(&layout, "there is no protective MBR");

    // With the primary header gone, too, there is nothing but the backup.
    let mut disk = disks()[0].clone();
    disk[512..1024].fill(0);
    let layout = scan(disk, Some(0), None);
    assert_eq!(layout.volumes.len(), 2);
    problem(&layout, "the first sector can't be read: bad sector");
}

#[track_caller]
fn problem(layout: &Layout, words: &str) {
    let problems = &layout.problems;
    assert!(
        problems.iter().any(|text| text.contains(words)),
        "{words:?} is not in {problems:?}"
    );
}

/// The table counts in the sectors of the disk that it was copied from.
#[test]
fn a_table_of_other_sectors_is_used_and_reported() {
    let layout = scan(disks()[0].clone(), None, Some(4096));
    assert_eq!(layout.sector_size, 512);
    assert_eq!(layout.volumes.len(), 2);
    problem(
        &layout,
        "counts in sectors of 512 bytes and the disk in 4096",
    );
    assert_eq!(
        scan(disks()[0].clone(), None, Some(512)).problems,
        Vec::<String>::new()
    );
}

/// A GPT from before does not come back under a filesystem of a kind that is not known here.
#[test]
fn an_old_backup_is_left_alone() {
    let mut disk = disks()[0].clone();
    disk[..20_000].fill(0);
    assert_eq!(scan(disk.clone(), None, None).volumes.len(), 2);
    disk[..11].copy_from_slice(b"\xebR\x90NTFS    ");
    let layout = scan(disk, None, None);
    assert_eq!(layout.table, None);
    assert_eq!(layout.volumes.len(), 1);
}
