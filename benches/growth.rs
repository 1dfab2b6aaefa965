//! How the work on disks and entries grows with their numbers: it has to be linear.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::fmt::Write;
use std::io::{Cursor, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pilotlight::boot::{find, plan};
use pilotlight::disk::{Disk, Hardware, MemorySource};
use pilotlight::inventory::Inventory;
use pilotlight::policy::Policy;

/// Of each measurement the best of so many counts.
const ROUNDS: usize = 3;

fn main() {
    // Cargo asks for measuring; otherwise, among the tests, it only has to run.
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let most = if is_measured { usize::MAX } else { 10 };
    let measure = |title: &str, counts: &[usize], disks: &dyn Fn(usize) -> Vec<Arc<[u8]>>| {
        println!("{title:>8}  look for disks  list and plan  of one, to that of the first");
        let mut first = None;
        for &count in counts.iter().filter(|count| **count <= most) {
            let disks = disks(count);
            let rounds = (0..ROUNDS).map(|_| boot(&disks));
            let (scan, list) = rounds.min_by_key(|(scan, list)| *scan + *list).unwrap();
            let one = (scan + list).as_secs_f64() / count as f64;
            let ratio = one / *first.get_or_insert(one);
            println!("{count:>8}  {scan:>14.2?}  {list:>13.2?}  {ratio:.2}");
        }
    };
    measure("disks", &[1, 2, 4, 8, 16, 32, 64], &|count| {
        (0..count).map(|_| image(1)).collect()
    });
    measure("entries", &[1, 10, 100, 1000], &|count| vec![image(count)]);
}

/// What is done with these disks up to the first attempt, as it is done at a boot: the disks are listed twice, the
/// second time when all have come.
fn boot(disks: &[Arc<[u8]>]) -> (Duration, Duration) {
    let policy = Policy::default();
    let mut inventory = Inventory::new();
    let start = Instant::now();
    for (number, image) in disks.iter().enumerate() {
        inventory.add(Disk {
            path: format!("/dev/sd{number}").into(),
            source: Arc::new(MemorySource(image.clone())),
            hardware: Hardware::default(),
        });
    }
    let scan = start.elapsed();
    let start = Instant::now();
    find(&inventory, &policy.boot);
    let found = find(&inventory, &policy.boot);
    let order = plan(&found, &[], &policy.boot);
    assert!(order.len() >= disks.len(), "each disk has an entry");
    (scan, start.elapsed())
}

/// A FAT filesystem with so many entries for one kernel.
fn image(entries: usize) -> Arc<[u8]> {
    let mut bytes = Cursor::new(vec![0; 8 << 20]);
    fatfs::format_volume(&mut bytes, fatfs::FormatVolumeOptions::new()).unwrap();
    fill(&mut bytes, entries);
    bytes.into_inner().into()
}

fn fill(bytes: &mut Cursor<Vec<u8>>, entries: usize) {
    let filesystem = fatfs::FileSystem::new(bytes, fatfs::FsOptions::new()).unwrap();
    let root = filesystem.root_dir();
    let mut kernel = vec![0; 64 << 10];
    // The magic number and the version of the header (`Documentation/arch/x86/boot.rst`).
    kernel[0x1f1] = 1;
    kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    kernel[0x200..0x202].copy_from_slice(&[0xeb, 0x6a]);
    kernel[0x202..0x206].copy_from_slice(b"HdrS");
    kernel[0x206..0x208].copy_from_slice(&[0x0f, 2]);
    kernel[0x211] = 1;
    kernel[0x236..0x238].copy_from_slice(&[0x7f, 0]);
    kernel[0x238..0x23c].copy_from_slice(&2047_u32.to_le_bytes());
    root.create_file("linux")
        .unwrap()
        .write_all(&kernel)
        .unwrap();
    let directory = root.create_dir("loader").unwrap();
    let directory = directory.create_dir("entries").unwrap();
    for number in 0..entries {
        let mut text = String::new();
        writeln!(
            text,
            "title Number {number}\nversion {number}\nlinux /linux"
        )
        .unwrap();
        writeln!(text, "options root=LABEL=root quiet").unwrap();
        let name = format!("entry-{number}.conf");
        let mut file = directory.create_file(&name).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}
