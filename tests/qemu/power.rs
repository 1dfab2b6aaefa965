//! Power cuts while a boot is counted: what the machine writes meanwhile is recorded, and every disk that a cut could
//! have left is looked at, before and after the checker of its filesystem has mended it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use pilotlight::disk::Disk;
use pilotlight::fs::FsPath;
use pilotlight::inventory::Inventory;

use super::BOOT;
use super::disk::{Image, Variables};
use super::interface::entries_of;
use super::machine::Machine;
use super::recording::{Recording, Step};

const MIB: u64 = 1 << 20;
/// What a disk writes wholly or not at all: a sector.
const SECTOR: usize = 512;
/// On ext4 a block. Whoever mounts it for writing changes its superblock, and the checksum in that is in another
/// sector of 512 bytes than what it is made of: where it is torn, e2fsck takes a copy.
const BLOCK: usize = 1024;
/// So many writes between two flushes are tried in all their combinations.
const MAX_UNORDERED: usize = 10;

const OLD: &str = "new+3.conf";
const NEW: &str = "new+2-1.conf";

/// What a cut leaves changed: the content of pieces that are written wholly, by where they begin.
type Changes = BTreeMap<u64, Vec<u8>>;

#[test]
fn every_power_cut_while_a_boot_is_counted_on_fat() {
    let image = Image::copy("cut-fat", "esp");
    image.add_entries(entries_of(&[(OLD, "sort-key a")]));
    let steps = count(&image, "cut-fat", MIB);
    let volume = image.partition("cut-fat-volume", MIB, 300 * MIB);
    let seen = every_cut(&volume, &cuts(&steps, SECTOR), ["fsck.vfat", "-a"]);
    // FAT has no journal: for a moment both names are there.
    assert!(seen.contains(&[true, true]), "{seen:?}");
}

#[test]
fn every_power_cut_while_a_boot_is_counted_on_ext4() {
    let image = Image::copy("cut-ext4", "xbootldr");
    let entries = image.names(2, "/loader/entries");
    let version = entries[0].strip_suffix(".conf").unwrap().split_once('-');
    let (name, text) = entries_of(&[(OLD, "sort-key a")]).remove(0);
    let text = text.replace("@VERSION@", version.unwrap().1);
    image.with_ext4_xbootldr((&name, &text));
    let steps = count(&image, "cut-ext4", 301 * MIB);
    let volume = image.partition("cut-ext4-volume", 301 * MIB, 300 * MIB);
    let seen = every_cut(&volume, &cuts(&steps, BLOCK), ["e2fsck", "-p"]);
    assert!(!seen.contains(&[true, true]), "{seen:?}");
}

/// Has a boot counted, and returns all that was written for that, to the partition that begins there. The image stays
/// as it is.
fn count(image: &Image, name: &str, start: u64) -> Vec<Step> {
    let (variables, recording) = (Variables::new(name), Recording::new(name));
    let machine = Image::copy_of(&format!("{name}-machine"), image);
    let mut machine = Machine::set_up(name)
        .firmware(&variables)
        .recorded_drive(&machine, &recording)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect(&format!("becomes {NEW}"), BOOT);
    machine.expect("jumping", BOOT);
    machine.cut_power();
    // As long as make-disk says.
    recording.steps(start..start + 300 * MIB)
}

/// Looks at what every power cut leaves of a volume, and returns where the entry is found whole: under its old name,
/// under its new one.
fn every_cut(volume: &Image, cuts: &BTreeSet<Changes>, checker: [&str; 2]) -> BTreeSet<[bool; 2]> {
    let text = read(volume, OLD).unwrap();
    let file = File::options().read(true).write(true).open(&volume.path);
    let file = file.unwrap();
    let name = volume.path.file_stem().unwrap().to_str().unwrap();
    let pieces = cuts.iter().flatten();
    let before: Changes = pieces
        .map(|(place, piece)| {
            let mut old = vec![0; piece.len()];
            file.read_exact_at(&mut old, *place).unwrap();
            (*place, old)
        })
        .collect();
    let mut seen = BTreeSet::new();
    // How many cuts fell into the renaming itself: both names are there, as on FAT, or the new one is on the disk and
    // does not count yet, as where the journal of ext4 has no end.
    let mut within = 0;
    for (number, changes) in cuts.iter().enumerate() {
        for (place, old) in &before {
            let piece = changes.get(place).unwrap_or(old);
            file.write_all_at(piece, *place).unwrap();
        }
        let at = format!("cut {number} of {}", cuts.len());
        let names = names_of_the_whole(volume, &text, &at);
        let is_written = changes.values().any(|piece| {
            let mut windows = piece.windows(NEW.len());
            windows.any(|window| window == NEW.as_bytes())
        });
        within += usize::from(names == [true, true] || is_written && names == [true, false]);
        seen.insert(names);
        // The checker may find nothing that it can't make right.
        let mended = Image::copy_of(&format!("{name}-mended"), volume);
        let status = Command::new(checker[0])
            .args([checker[1].as_ref(), mended.path.as_os_str()])
            .stdout(Stdio::null())
            .status();
        let status = status.unwrap_or_else(|error| panic!("{}: {error}", checker[0]));
        assert!(matches!(status.code(), Some(0 | 1)), "{at}: {status}");
        names_of_the_whole(&mended, &text, &format!("{at}, mended"));
    }
    println!("{name}: {} cuts, {within} within, {seen:?}", cuts.len());
    assert!(seen.contains(&[true, false]) && seen.contains(&[false, true]));
    assert!(within > 0, "no cut fell into the renaming");
    seen
}

/// What is changed after each piece of so many bytes of what was written in its order, and by every choice of what
/// a disk with a cache of its own may have written since it was flushed.
fn cuts(steps: &[Step], whole: usize) -> BTreeSet<Changes> {
    let mut cuts = BTreeSet::new();
    let mut flushed = Changes::new();
    for writes in steps.split(|step| matches!(step, Step::Flush)) {
        let writes: Vec<Changes> = writes.iter().map(|step| pieces(step, whole)).collect();
        assert!(writes.len() <= MAX_UNORDERED, "{} writes", writes.len());
        let mut in_order = flushed.clone();
        cuts.insert(in_order.clone());
        for (place, piece) in writes.iter().flatten() {
            in_order.insert(*place, piece.clone());
            cuts.insert(in_order.clone());
        }
        for choice in 0..1_u32 << writes.len() {
            let chosen = writes.iter().enumerate();
            let chosen = chosen.filter(|(number, _)| choice >> number & 1 == 1);
            let mut changes = flushed.clone();
            changes.extend(chosen.flat_map(|(_, write)| write.clone()));
            cuts.insert(changes);
        }
        flushed = in_order;
    }
    cuts
}

fn pieces(step: &Step, whole: usize) -> Changes {
    let Step::Write { start, bytes } = step else {
        return Changes::new();
    };
    let places = (*start..).step_by(whole);
    let pieces = bytes.chunks(whole).map(<[u8]>::to_vec);
    places.zip(pieces).collect()
}

/// Under which of both names the entry is there with all of its text. One of them has it, and it is offered.
fn names_of_the_whole(volume: &Image, text: &[u8], at: &str) -> [bool; 2] {
    let names = [OLD, NEW].map(|name| read(volume, name).is_some_and(|found| found == text));
    assert!(names.contains(&true), "{at}: neither name has the entry");
    let offered = volume.bootable_entries();
    assert!(
        offered.contains(&"new.conf".to_owned()),
        "{at}: {offered:?}"
    );
    names
}

fn read(volume: &Image, name: &str) -> Option<Vec<u8>> {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&volume.path).unwrap());
    let (volume, _) = inventory.volumes().next()?;
    let path = FsPath::new(&format!("/loader/entries/{name}")).unwrap();
    inventory.filesystem(volume).ok()?.read(&path, 1 << 16).ok()
}
