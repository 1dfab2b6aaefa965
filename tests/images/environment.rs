//! GRUB's environment block, changed in place on ext, FAT and btrfs, and what `grub-editenv` finds then.

use std::io;
use std::os::unix::fs::FileExt;

use pilotlight::boot::{open_disk, save};
use pilotlight::disk::{Disk, DiskWriter, WriteAt};
use pilotlight::entry::{FileRef, SavePlace, SavedVariables, VolumeId};
use pilotlight::fs::FsError;
use pilotlight::inventory::Inventory;

use crate::kit::{
    Image, MIB, TempDir, copy_in, debugfs, filesystem, path, run, run_line, scan, temp_dir,
};

pub const FILE: &str = "/boot/grub/grubenv";

/// A disk with the filesystem that mke2fs makes with these options as its second partition, and a block
/// with these variables.
fn disk(dir: &TempDir, options: &str, variables: &[&str]) -> Image {
    let block = dir.file("tree/boot/grub/grubenv", b"");
    let block = block.to_str().unwrap();
    run("grub-editenv", [block, "create"]);
    run("grub-editenv", [&[block, "set"], variables].concat());
    let root = dir.image("root.img", 16 * MIB);
    let tree = dir.path().join("tree");
    let line = format!("mke2fs -q {options} -d {} {{}}", tree.display());
    run_line(&line, &root);
    let disk = dir.image("disk.raw", 32 * MIB);
    run_line("sgdisk -n 1:2048:+1M -n 2:4096:+16M {}", &disk);
    disk.insert(2 * MIB, &root);
    disk
}

/// Opens a volume of an image for writing, as something else than it is.
pub type Opened = Box<dyn WriteAt>;

fn saved(changes: &[(&str, Option<&str>)]) -> SavedVariables {
    let volume = VolumeId { disk: 0, volume: 1 };
    let mut saved = SavedVariables::new(SavePlace::File(FileRef {
        volume,
        path: path(FILE),
    }));
    for (name, value) in changes {
        saved.set(name, *value);
    }
    saved
}

/// Saves variables, opening the disk with `wrap` around what writes to it.
pub fn change(
    disk: &Image,
    changes: &[(&str, Option<&str>)],
    wrap: &dyn Fn(Opened) -> Opened,
) -> Result<bool, String> {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&disk.0).unwrap());
    let open = |disk: &_, volume: &_| open_disk(disk, volume).map(wrap);
    save(&inventory, &saved(changes), &open).map_err(|error| error.to_string())
}

/// What GRUB's own tool finds in the block.
fn listed(dir: &TempDir, disk: &Image) -> Vec<String> {
    let root = dir.image("after.img", 16 * MIB);
    root.write(0, &disk.read(2 * MIB, 16 << 20));
    run_line("e2fsck -fn {}", &root);
    let block = filesystem(&root).read(&path(FILE), 4096).unwrap();
    assert_eq!(block.len(), 1024);
    let block = dir.file("block", &block);
    let printed = run("grub-editenv", [block.to_str().unwrap(), "list"]);
    printed.lines().map(str::to_owned).collect()
}

/// The bytes in which two disks differ: the first and the last.
fn difference(before: &[u8], after: &[u8]) -> Option<(usize, usize)> {
    assert_eq!(before.len(), after.len());
    let differs = |at: &usize| before[*at] != after[*at];
    let first = (0..before.len()).find(differs)?;
    Some((first, (0..before.len()).rfind(differs)?))
}

fn whole(disk: &Image) -> Vec<u8> {
    std::fs::read(&disk.0).unwrap()
}

#[test]
fn the_block_is_changed_and_nothing_else() {
    for options in [
        "-t ext4",
        "-t ext4 -b 1024",
        "-t ext3",
        "-t ext2 -b 2048",
        "-t ext4 -O bigalloc",
    ] {
        let dir = temp_dir();
        let variables = ["saved_entry=a>b", "next_entry=1>0", "other=x\\y"];
        let disk = disk(&dir, options, &variables);
        let before = whole(&disk);
        let changes = [
            ("next_entry", Some("")),
            ("saved_entry", Some("c")),
            ("other", None),
            ("new", Some("1")),
        ];
        assert_eq!(change(&disk, &changes, &|disk| disk), Ok(true), "{options}");
        let after = whole(&disk);
        let (first, last) = difference(&before, &after).unwrap();
        let block = b"# GRUB Environment Block\n";
        let at = after.windows(block.len()).position(|bytes| bytes == block);
        let at = at.unwrap();
        assert!(
            first >= at && last < at + 512,
            "{options}: {first} to {last}"
        );
        assert_eq!(
            listed(&dir, &disk),
            ["saved_entry=c", "next_entry=", "new=1"]
        );
        let comment = b"tools other than grub-editenv!!!\n";
        assert!(after.windows(comment.len()).any(|bytes| bytes == comment));
        // Once more changes nothing.
        let never = |_: Opened| -> Opened { panic!("the disk is opened") };
        assert_eq!(change(&disk, &changes, &never), Ok(false));
        assert!(whole(&disk) == after);
    }
}

/// A disk with a FAT as its second partition, of the kind that mkfs.vfat makes with these options. The block
/// begins in the cluster behind a file, and if it does not fit into that goes on behind another one.
fn fat_disk(dir: &TempDir, options: &str, variables: &[&str]) -> Image {
    let block = dir.file("grubenv", b"");
    let block_path = block.to_str().unwrap();
    run("grub-editenv", [block_path, "create"]);
    run("grub-editenv", [&[block_path, "set"], variables].concat());
    // As few clusters as make a FAT32.
    let mebibytes = if options.contains("32") { 40 } else { 16 };
    let fat = dir.image("fat.img", mebibytes * MIB);
    run_line(&format!("mkfs.vfat {options} {{}}"), &fat);
    run_line("mmd -i {} ::boot ::boot/grub", &fat);
    // What is written into the hole between them lies in pieces.
    let small = dir.file("small", b"x");
    for name in ["a", "b", "c"] {
        copy_in(&fat, &small, name);
    }
    run_line("mdel -i {} ::b", &fat);
    copy_in(&fat, &block, "boot/grub/grubenv");
    let disk = dir.image("disk.raw", (mebibytes + 4) * MIB);
    run_line(
        &format!("sgdisk -n 1:2048:+1M -n 2:4096:+{mebibytes}M {{}}"),
        &disk,
    );
    disk.insert(2 * MIB, &fat);
    disk
}

/// What GRUB's own tool finds in the block on a FAT, which is whole.
fn listed_on_fat(dir: &TempDir, disk: &Image) -> Vec<String> {
    let size = disk.size() - 4 * MIB;
    let fat = dir.image("after.img", size);
    fat.write(0, &disk.read(2 * MIB, usize::try_from(size).unwrap()));
    run_line("fsck.vfat -n {}", &fat);
    let block = dir.path().join("block");
    let _ = std::fs::remove_file(&block);
    let block = block.to_str().unwrap();
    run("mcopy", ["-i", fat.path(), "::boot/grub/grubenv", block]);
    assert_eq!(std::fs::metadata(block).unwrap().len(), 1024);
    let printed = run("grub-editenv", [block, "list"]);
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn the_block_on_a_fat_is_changed_and_nothing_else() {
    for options in ["-F 12 -s 16", "-F 12 -s 64", "-F 16 -s 1", "-F 32 -s 1"] {
        let dir = temp_dir();
        let disk = fat_disk(&dir, options, &["saved_entry=a>b", "next_entry=1>0"]);
        let before = whole(&disk);
        let changes = [("next_entry", Some("")), ("saved_entry", Some("c"))];
        assert_eq!(change(&disk, &changes, &|disk| disk), Ok(true), "{options}");
        let after = whole(&disk);
        let (first, last) = difference(&before, &after).unwrap();
        assert!(last - first < 512, "{options}: {first} to {last}");
        assert_eq!(listed_on_fat(&dir, &disk), ["saved_entry=c", "next_entry="]);
        let never = |_: Opened| -> Opened { panic!("the disk is opened") };
        assert_eq!(change(&disk, &changes, &never), Ok(false));
        assert!(whole(&disk) == after);
    }
}

#[test]
fn a_block_in_pieces_is_changed_in_one_of_them() {
    let dir = temp_dir();
    let image = fat_disk(&dir, "-F 16 -s 1", &["next_entry=x"]);
    let places = filesystem_of(&image).locate(&path(FILE), 1024).unwrap();
    assert_eq!(places.len(), 2, "{places:?}");
    let changes = [("next_entry", None)];
    assert_eq!(change(&image, &changes, &|disk| disk), Ok(true));
    assert_eq!(listed_on_fat(&dir, &image), [""; 0]);
    // What does not fit into the first piece can't be written in one step.
    let long = "x".repeat(600);
    assert_eq!(
        refused(&image, &[("long", Some(&long)), ("a", Some("b"))]),
        "what changes lies in several places and can't be written in one step"
    );
}

/// The filesystem on the second partition.
fn filesystem_of(disk: &Image) -> Box<dyn pilotlight::fs::Filesystem> {
    pilotlight::fs::open(&scan(disk).volumes[1], None).unwrap()
}

#[test]
fn files_on_a_fat_have_places() {
    let dir = temp_dir();
    let image = fat_disk(&dir, "-F 16 -s 1", &["next_entry=x"]);
    let filesystem = filesystem_of(&image);
    let places = filesystem
        .locate(&path("/BOOT/grub/GRUBENV"), 1024)
        .unwrap();
    let content: Vec<u8> = places
        .iter()
        .flat_map(|place| image.read(2 * MIB + place.start, (place.end - place.start) as usize))
        .collect();
    assert_eq!(content, filesystem.read(&path(FILE), 1024).unwrap());
    let refused = |name: &str, limit| filesystem.locate(&path(name), limit).unwrap_err();
    assert!(matches!(refused(FILE, 1023), FsError::TooLarge(_)));
    assert!(matches!(refused("/boot", 1024), FsError::NotAFile));
    assert!(matches!(refused("/b", 1024), FsError::NotFound));

    let fat = dir.image("fat.img", 16 * MIB);
    fat.write(0, &image.read(2 * MIB, 16 << 20));
    run_line("mattrib -i {} +r ::boot/grub/grubenv", &fat);
    image.insert(2 * MIB, &fat);
    let reason = self::refused(&image, &[("next_entry", None)]);
    assert_eq!(reason, "not supported: it is marked read-only");
}

#[test]
fn a_chain_that_ends_too_early_has_no_place() {
    let dir = temp_dir();
    let image = fat_disk(&dir, "-F 16 -s 1", &["next_entry=x"]);
    // The second entry of the chain is unlike the others: the block goes on behind the file c.
    let places = filesystem_of(&image).locate(&path(FILE), 1024).unwrap();
    let distance = (places[1].start - places[0].start) / 512;
    let table = image.read(2 * MIB + 512, 8192);
    let numbers: Vec<u64> = table
        .chunks(2)
        .map(|bytes| u64::from(u16::from_le_bytes([bytes[0], bytes[1]])))
        .collect();
    let first = (2..numbers.len() as u64).find(|i| numbers[*i as usize] == i + distance);
    image.write(2 * MIB + 512 + first.unwrap() * 2, &[0xff, 0xff]);
    let error = filesystem_of(&image).locate(&path(FILE), 1024).unwrap_err();
    assert_eq!(
        error.to_string(),
        "damaged: the chain of clusters ends at 512 of 1024 bytes"
    );
}

#[test]
fn a_block_in_the_reserved_area_of_a_btrfs() {
    let dir = temp_dir();
    let btrfs = dir.image("btrfs.img", 128 * MIB);
    run_line("mkfs.btrfs -q {}", &btrfs);
    let mut block = b"# GRUB Environment Block\nnext_entry=x\n".to_vec();
    block.resize(512, b'#');
    for at in [256 * 1024, MIB] {
        btrfs.write(at, &block);
    }
    let before = whole(&btrfs);
    let save_at = |start: u64| {
        let volume = VolumeId { disk: 0, volume: 0 };
        let parts = std::iter::once(start..start + 512).collect();
        let mut saved = SavedVariables::new(SavePlace::Parts(volume, parts));
        saved.set("next_entry", Some(""));
        let mut inventory = Inventory::new();
        inventory.add(Disk::open(&btrfs.0).unwrap());
        save(&inventory, &saved, &open_disk).map_err(|error| error.to_string())
    };
    let error = save_at(MIB).unwrap_err();
    assert_eq!(
        error,
        format!(
            "{}: block list from byte 1048576 on: variables are not saved: without a file only the beginning of a \
             btrfs is written to",
            btrfs.path()
        )
    );
    assert!(whole(&btrfs) == before);
    assert_eq!(save_at(256 * 1024), Ok(true));
    let (first, last) = difference(&before, &whole(&btrfs)).unwrap();
    assert!(first >= 256 * 1024 && last < 256 * 1024 + 512);
    let changed = btrfs.read(256 * 1024, 512);
    assert!(changed.starts_with(b"# GRUB Environment Block\nnext_entry=\n##"));
    assert_eq!(save_at(256 * 1024), Ok(false));
    let error = save_at(512 * 1024).unwrap_err();
    assert!(
        error.contains("it is no environment block any more"),
        "{error}"
    );
}

/// A disk with larger sectors, which writes down its writes.
struct Large(Opened);

impl WriteAt for Large {
    fn sector_size(&self) -> u64 {
        4096
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(offset, buf)
    }

    fn write_at_once(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        assert_eq!((offset % 4096, bytes.len()), (0, 4096));
        self.0.write_at_once(offset, bytes)
    }
}

#[test]
fn a_small_block_in_a_large_sector() {
    let dir = temp_dir();
    let disk = disk(&dir, "-t ext4 -b 1024", &["next_entry=x"]);
    let before = whole(&disk);
    let large = |disk| -> Opened { Box::new(Large(disk)) };
    let changes = [("next_entry", None)];
    assert_eq!(change(&disk, &changes, &large), Ok(true));
    let (first, last) = difference(&before, &whole(&disk)).unwrap();
    assert!(last - first < 512);
    assert_eq!(listed(&dir, &disk), [""; 0]);
}

/// Why nothing was written; the disk is as it was.
pub fn refused(disk: &Image, changes: &[(&str, Option<&str>)]) -> String {
    let before = whole(disk);
    let reason = change(disk, changes, &|disk| disk).unwrap_err();
    assert!(whole(disk) == before, "{reason}");
    let place = format!(
        "{} partition 2: {FILE}: variables are not saved: ",
        disk.path()
    );
    reason.strip_prefix(&place).unwrap_or(&reason).to_owned()
}

#[test]
fn what_can_not_be_saved_changes_nothing() {
    let dir = temp_dir();
    let changes = [("next_entry", Some(""))];
    let image = disk(&dir, "-t ext4", &["next_entry=x"]);
    let long = "x".repeat(1000);
    assert_eq!(
        refused(&image, &[("next_entry", None), ("long", Some(&long))]),
        "the environment block is too small for them"
    );
    // The disk was changed by somebody else meanwhile.
    let before = whole(&image);
    let at = before
        .windows(12)
        .position(|bytes| bytes == b"next_entry=x")
        .unwrap();
    let other = |disk: Opened| -> Opened {
        image.write(at as u64 + 11, b"y");
        disk
    };
    let reason = change(&image, &changes, &other).unwrap_err();
    assert!(
        reason.contains("holds something else where the file should be"),
        "{reason}"
    );
    assert_eq!(listed(&dir, &image), ["next_entry=y"]);
    let block = b"# GRUB Environment Block\n";
    let at = before.windows(25).position(|bytes| bytes == block);
    image.write(at.unwrap() as u64, b"?");
    assert_eq!(
        refused(&image, &changes),
        "it is no environment block any more"
    );

    let inline = disk(
        &dir,
        "-t ext4 -b 4096 -O inline_data -I 2048",
        &["next_entry=x"],
    );
    let reason = refused(&inline, &changes);
    assert!(reason.contains("its content is in its inode"), "{reason}");
}

#[test]
fn files_whose_blocks_are_not_theirs_alone_have_no_place() {
    let dir = temp_dir();
    dir.file("tree/file", &[b'x'; 9000]);
    let image = dir.image("image", 16 * MIB);
    let tree = dir.path().join("tree");
    run_line(
        &format!("mke2fs -q -t ext4 -d {} {{}}", tree.display()),
        &image,
    );
    let located = || filesystem(&image).locate(&path("/file"), 9000);
    let places = located().unwrap();
    let length: u64 = places.iter().map(|place| place.end - place.start).sum();
    assert_eq!(length, 9000);
    for place in &places {
        assert_eq!(
            image.read(place.start, (place.end - place.start) as usize)[..9],
            [b'x'; 9]
        );
    }
    let too_large = filesystem(&image).locate(&path("/file"), 8999);
    assert!(matches!(too_large, Err(FsError::TooLarge(_))));
    let directory = filesystem(&image).locate(&path("/"), 9000);
    assert!(matches!(directory, Err(FsError::NotAFile)));
    let refused = |reason: &str| match located() {
        Err(FsError::Unsupported(text)) => assert!(text.contains(reason), "{text}"),
        other => panic!("{reason}: {other:?}"),
    };
    for (flags, reason) in [
        ("0x80010", "immutable"),
        ("0x84000", "journal"),
        ("0x180000", "verity"),
    ] {
        debugfs(&image, &format!("sif /file flags {flags}"));
        refused(reason);
    }
    debugfs(&image, "sif /file flags 0x80000");
    assert!(located().is_ok());
    debugfs(&image, "feature shared_blocks");
    refused("shared_blocks");
    debugfs(&image, "feature -shared_blocks");
    assert!(located().is_ok());
    debugfs(&image, "punch /file 1 1");
    refused("a hole");
}

#[test]
fn a_block_in_a_dirty_journal_has_no_place() {
    let dir = temp_dir();
    dir.file("tree/file", &[b'x'; 1000]);
    dir.file("tree/other", &[b'x'; 1000]);
    let image = dir.image("image", 16 * MIB);
    let tree = dir.path().join("tree");
    let line = format!("mke2fs -q -t ext4 -b 1024 -d {} {{}}", tree.display());
    run_line(&line, &image);
    let block = debugfs(&image, "blocks /file");
    let content = dir.file("content", &[b'n'; 1024]);
    let requests = format!("jo\njw -b {} {}\njc\n", block.trim(), content.display());
    let script = dir.file("script", requests.as_bytes());
    run(
        "debugfs",
        ["-w", "-f", script.to_str().unwrap(), image.path()],
    );
    let filesystem = filesystem(&image);
    assert_eq!(filesystem.read(&path("/file"), 1000).unwrap(), [b'n'; 1000]);
    let refused = filesystem
        .locate(&path("/file"), 1000)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("in the journal"), "{refused}");
    assert!(filesystem.locate(&path("/other"), 1000).is_ok());
}

#[test]
fn a_loop_device_is_written_and_protected_again() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: only root has loop devices");
        return;
    }
    let dir = temp_dir();
    let image = dir.image("image", 4 * MIB);
    image.write(1024, &[7; 1024]);
    let losetup = std::process::Command::new("losetup")
        .args(["--find", "--show", image.path()])
        .output()
        .unwrap();
    if !losetup.status.success() {
        eprintln!("not tested: there are no loop devices");
        return;
    }
    let device = String::from_utf8(losetup.stdout).unwrap();
    let device = device.trim();
    run("blockdev", ["--setro", device]);
    let layout = Disk::open(device.as_ref()).unwrap().scan();
    let writer = DiskWriter::open(device.as_ref(), &layout.volumes[0]).unwrap();
    let mut sector = vec![0; writer.sector_size() as usize];
    writer.read_exact_at(1024, &mut sector).unwrap();
    assert_eq!(sector, vec![7; sector.len()]);
    sector.fill(8);
    let written = writer.write_at_once(1024, &sector);
    drop(writer);
    let protected = run("blockdev", ["--getro", device]);
    run("losetup", ["--detach", device]);
    written.unwrap();
    assert_eq!(protected.trim(), "1");
    let mut found = vec![0; sector.len()];
    std::fs::File::open(&image.0)
        .unwrap()
        .read_exact_at(&mut found, 1024)
        .unwrap();
    assert_eq!(found, sector);
}
