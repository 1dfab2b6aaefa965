//! Power cuts while a boot is counted: what the machine writes meanwhile is recorded, and every disk that a cut could
//! have left is looked at, before and after the checker of its filesystem has mended it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use pilotlight::boot::counted_name;
use pilotlight::config::discover;
use pilotlight::disk::Disk;
use pilotlight::fs::FsPath;
use pilotlight::inventory::Inventory;

use super::BOOT;
use super::disk::{Image, Variables};
use super::interface::entries_of;
use super::machine::{Machine, Setup};
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
const NEXT: &str = "new+1-2.conf";

/// What a cut leaves changed: the content of pieces that are written wholly, by where they begin.
type Changes = BTreeMap<u64, Vec<u8>>;

/// Counts that were cut short have left the new name, and another one.
#[test]
fn every_power_cut_while_a_boot_is_counted_on_fat() {
    every_cut_on_fat("cut-fat", |image| {
        add_old(image);
        let left = [NEW, NEXT].map(|name| (name.to_owned(), ""));
        image.add_to_stick(ENTRIES, &left);
    });
}

/// Where the parts of both names are in four sectors, the last of which is in a cluster that the directory gets for
/// that, and that had another content. A disk that changes the order of writes may have written any of them, and none
/// of the others.
#[test]
fn every_power_cut_where_fat_has_the_names_in_different_sectors() {
    let steps = every_cut_on_fat("cut-sectors", |image| {
        let fill = |slots: Range<usize>| {
            let files = slots.map(|number| (format!("F{number}"), ""));
            image.add_to_stick(ENTRIES, &files.collect::<Vec<_>>());
        };
        // The first three slots are taken: by the names of the directory itself and of the one above, and by a file.
        fill(3..SLOTS - 1);
        add_old(image);
        fill(SLOTS + 1..CLUSTER / SLOT - 1);
        image.add_to_stick("/", &[("NOISE".to_owned(), noise(1 << 16))]);
        image.delete_on_stick("/NOISE");
        assert!(begins_at_an_end(&std::fs::read(&image.path).unwrap(), OLD));
    });
    let mut writes = steps.iter().filter_map(|step| match step {
        Step::Write { bytes, .. } => Some(bytes),
        Step::Flush => None,
    });
    assert!(writes.any(|bytes| begins_at_an_end(bytes, NEW)));
}

const ENTRIES: &str = "/loader/entries";
/// As mkfs.fat makes them on a disk of this size, in bytes.
const CLUSTER: usize = 2048;
/// A slot of a directory, and how many are in a sector.
const SLOT: usize = 32;
const SLOTS: usize = SECTOR / SLOT;

/// Does the slot with the long name stand at the end of a sector? The one with the short name is in another one then.
fn begins_at_an_end(bytes: &[u8], name: &str) -> bool {
    let begin = name[..5].encode_utf16().flat_map(u16::to_le_bytes);
    let slot: Vec<u8> = [0x41].into_iter().chain(begin).collect();
    let mut sectors = bytes.chunks_exact(SECTOR);
    sectors.any(|sector| sector[SECTOR - SLOT..].starts_with(&slot))
}

/// So many bytes that look like nothing (SplitMix64).
fn noise(length: usize) -> Vec<u8> {
    let numbers = (1_u64..).map(|number| {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    });
    numbers.flat_map(u64::to_le_bytes).take(length).collect()
}

fn add_old(image: &Image) {
    let text = "title new\nlinux /kernel\n";
    image.add_to_stick(ENTRIES, &[(OLD.to_owned(), text)]);
}

/// Has a boot counted whose entry `lay_out` puts on a small FAT, and looks at what every power cut leaves. Returns what
/// was written.
fn every_cut_on_fat(name: &str, lay_out: impl Fn(&Image)) -> Vec<Step> {
    let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make qemu-test`");
    let kernel = std::fs::read(kernel).unwrap();
    let files = [("/kernel", kernel), ("/loader/entries/F", Vec::new())];
    let files = files.map(|(name, content)| (name.to_owned(), content));
    let volume = Image::of_files(&format!("{name}-volume"), &files.into());
    lay_out(&volume);
    let machine = Machine::set_up(name).policy("[boot]\ncount = \"always\"\n");
    let (steps, counted) = count(&volume, name, machine, 0..64 * MIB);
    let counted = counted.names(0, ENTRIES);
    let counted = counted.iter().filter(|name| name.starts_with("new"));
    assert_eq!(counted.collect::<Vec<_>>(), [NEW]);
    let seen = every_cut(&volume, &cuts(&steps, SECTOR), ["fsck.vfat", "-a"]);
    // FAT has no journal: for a moment both names are there.
    assert!(seen.contains(&[true, true]), "{seen:?}");
    steps
}

#[test]
fn every_power_cut_while_a_boot_is_counted_on_ext4() {
    let image = Image::copy("cut-ext4", "xbootldr");
    let entries = image.names(2, "/loader/entries");
    let version = entries[0].strip_suffix(".conf").unwrap().split_once('-');
    let (name, text) = entries_of(&[(OLD, "sort-key a")]).remove(0);
    let text = text.replace("@VERSION@", version.unwrap().1);
    image.with_ext4_xbootldr((&name, &text));
    let variables = Variables::new("cut-ext4");
    let machine = Machine::set_up("cut-ext4").firmware(&variables);
    // As long as make-disk says.
    let (steps, _) = count(&image, "cut-ext4", machine, 301 * MIB..601 * MIB);
    let volume = image.partition("cut-ext4-volume", 301 * MIB, 300 * MIB);
    let seen = every_cut(&volume, &cuts(&steps, BLOCK), ["e2fsck", "-p"]);
    assert!(!seen.contains(&[true, true]), "{seen:?}");
}

/// Has a boot counted, and returns all that was written for that, to this partition, and what came of it. The image
/// stays as it is.
fn count(image: &Image, name: &str, machine: Setup, partition: Range<u64>) -> (Vec<Step>, Image) {
    let recording = Recording::new(name);
    let copy = Image::copy_of(&format!("{name}-machine"), image);
    let mut machine = machine
        .recorded_drive(&copy, &recording)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect(&format!("becomes {NEW}"), BOOT);
    machine.expect("jumping", BOOT);
    machine.cut_power();
    (recording.steps(partition), copy)
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

/// Under which of both names the entry is there with all of its text. One of them has it, and it is offered, as often
/// as it is there. The next boot counts on from there: none is counted that did not begin, where that can be known.
fn names_of_the_whole(volume: &Image, text: &[u8], at: &str) -> [bool; 2] {
    let [old, new] = [OLD, NEW].map(|name| read(volume, name));
    let next = match (old.as_deref(), new.as_deref()) {
        (Some(old), Some(new)) if old == text && new == text => NEXT,
        (Some(old), _) if old == text => NEW,
        // Of the old name that is left to take away.
        (Some(old), Some(new)) if old.is_empty() && new == text => NEW,
        (None, Some(new)) if new == text => NEXT,
        (old, new) => panic!("{at}: {old:?} {new:?}"),
    };
    let names = [old, new].map(|found| found.is_some_and(|found| found == text));
    let inventory = open(volume);
    let offered = discover(&inventory).entries;
    let of_file = offered
        .iter()
        .filter(|entry| entry.title.starts_with("new"));
    let of_file: Vec<_> = of_file.collect();
    let is_whole = names.iter().filter(|is_whole| **is_whole).count();
    assert_eq!(of_file.len(), is_whole, "{at}: {of_file:?}");
    for entry in of_file {
        assert!(entry.bootable(), "{at}: {entry:?}");
        let named = counted_name(&inventory, entry).unwrap();
        assert_eq!(named.file_name(), next, "{at}: {entry:?}");
    }
    names
}

fn open(volume: &Image) -> Inventory {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&volume.path).unwrap());
    inventory
}

fn read(volume: &Image, name: &str) -> Option<Vec<u8>> {
    let inventory = open(volume);
    let (volume, _) = inventory.volumes().next()?;
    let path = FsPath::new(&format!("/loader/entries/{name}")).unwrap();
    inventory.filesystem(volume).ok()?.read(&path, 1 << 16).ok()
}
