//! How the work on disks and entries grows with their numbers: it has to be linear.

use std::sync::Arc;
use std::time::Duration;

use pilotlight::boot::{find, plan};
use pilotlight::disk::{Disk, Hardware, MemorySource};
use pilotlight::inventory::Inventory;
use pilotlight::policy::Policy;

use crate::medium::{self, Language};
use crate::work::computed;

/// Of each measurement the best of so many counts.
const ROUNDS: usize = 3;

/// One among many may cost so many times what the first one alone does. Were each compared with all others, it would be
/// 64 times as much for a disk, and 1,000 times for an entry.
const TARGET: f64 = 3.0;

pub(crate) fn measure(is_measured: bool) -> bool {
    let most = if is_measured { usize::MAX } else { 10 };
    let mut worst: f64 = 0.0;
    let mut table = |title: &str, counts: &[usize], disks: &dyn Fn(usize) -> Vec<Arc<[u8]>>| {
        println!("{title:>12}  look for disks  list and plan  of one, to that of the first");
        let mut first = None;
        for &count in counts.iter().filter(|count| **count <= most) {
            let disks = disks(count);
            let rounds = (0..ROUNDS).map(|_| boot(&disks));
            let (scan, list) = rounds.min_by_key(|(scan, list)| *scan + *list).unwrap();
            let one = (scan + list).as_secs_f64() / count as f64;
            let ratio = one / *first.get_or_insert(one);
            worst = worst.max(ratio);
            println!("{count:>12}  {scan:>14.2?}  {list:>13.2?}  {ratio:.2}");
        }
    };
    table("disks", &[1, 2, 4, 8, 16, 32, 64], &|count| {
        (0..count).map(|_| image(Language::Bls, 1)).collect()
    });
    for language in [Language::Bls, Language::Grub] {
        let title = format!("{} entries", language.name());
        table(&title, &[1, 10, 100, 1000], &|count| {
            vec![image(language, count)]
        });
    }
    println!("the most is {worst:.2} (target: at most {TARGET})");
    !is_measured || worst <= TARGET
}

/// What is done with these disks up to the first attempt, as it is done at a boot: the disks are listed twice, the
/// second time when all have come.
fn boot(disks: &[Arc<[u8]>]) -> (Duration, Duration) {
    let policy = Policy::default();
    let mut inventory = Inventory::new();
    let start = computed();
    for (number, image) in disks.iter().enumerate() {
        inventory.add(Disk {
            path: format!("/dev/sd{number}").into(),
            source: Arc::new(MemorySource(image.clone())),
            hardware: Hardware::default(),
        });
    }
    let scan = computed() - start;
    let start = computed();
    find(&inventory, &policy.boot);
    let found = find(&inventory, &policy.boot);
    let order = plan(&found, &[], &policy.boot);
    assert!(order.len() >= disks.len(), "each disk has an entry");
    (scan, computed() - start)
}

/// A disk with so many entries for one kernel.
fn image(language: Language, entries: usize) -> Arc<[u8]> {
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
    medium::fat(8 << 20, (&kernel, b"initrd"), language, entries).into()
}
