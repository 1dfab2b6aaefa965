//! Volume identification, compared with `blkid -p`.

use std::path::Path;
use std::process::Command;

use crate::kit::{Dir, patch, run, scan};

/// Type, UUID and label as blkid finds them by content alone.
fn blkid(image: &Path) -> [Option<String>; 3] {
    let output = Command::new("blkid")
        .args(["-p", "-o", "export", "-u", "filesystem,raid,crypto,other"])
        .arg(image)
        .env(
            "PATH",
            format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()),
        )
        .output()
        .expect("blkid (Debian's package util-linux)");
    let text = String::from_utf8(output.stdout).unwrap();
    ["TYPE", "UUID", "LABEL"].map(|key| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        // The export format escapes for a shell.
        line.map(|value| value.replace('\\', ""))
    })
}

fn ours(image: &Path) -> [Option<String>; 3] {
    let layout = scan(image);
    let whole = layout
        .volumes
        .iter()
        .find(|volume| volume.partition.is_none());
    let content = whole
        .map(|volume| volume.content.clone())
        .unwrap_or_default();
    let format = content.format.map(|format| format.name().to_owned());
    [format, content.uuid, content.label]
}

/// Makes an image by a command and compares.
fn agree(mebibytes: u64, command: &str, expected: &str) {
    let dir = Dir::new();
    let image = dir.image("image", mebibytes);
    run(command, &image);
    compare(&image, command, expected);
}

fn compare(image: &Path, what: &str, expected: &str) {
    let theirs = blkid(image);
    assert_eq!(
        theirs[0].as_deref(),
        Some(expected),
        "{what}: is the test right?"
    );
    assert_eq!(ours(image), theirs, "{what}");
}

#[test]
fn fat() {
    for command in [
        "mkfs.vfat -F 12 -n BOOT {}",
        "mkfs.vfat -F 12 -i 00000000 {}",
        "mkfs.vfat -F 16 -n lower -i abcdef12 {}",
        "mkfs.vfat -F 16 {}",
        "mkfs.vfat -F 16 -S 2048 -s 1 -n SECTORS {}",
        "mkfs.vfat -F 32 -n WITH-DASH_1 {}",
        "mkfs.vfat -F 32 -s 1 -i 0a0b0c0d {}",
        "mkfs.vfat -F 32 -S 4096 -s 1 -n BIGSECT {}",
        "mkfs.vfat -F 32 --mbr=y -n WITHMBR {}",
    ] {
        agree(
            if command.contains("12") { 4 } else { 300 },
            command,
            "vfat",
        );
    }
}

#[test]
fn fat_label_is_that_of_the_directory() {
    let dir = Dir::new();
    let image = dir.image("image", 64);
    run("mkfs.vfat -n OLD {}", &image);
    run("mlabel -i {} ::newlabel", &image);
    compare(&image, "mlabel", "vfat");
    run("mlabel -i {} -c ::", &image);
    compare(&image, "mlabel -c", "vfat");
    for i in 0..40 {
        let file = dir.file(&format!("f{i}"), b"x");
        run(&format!("mcopy -i {} {{}} ::", image.display()), &file);
    }
    run("mlabel -i {} ::LATE", &image);
    compare(&image, "a label behind files", "vfat");
}

#[test]
fn ext() {
    for (command, expected) in [
        ("mke2fs -q -t ext2 -L second {}", "ext2"),
        ("mke2fs -q -t ext2 -b 1024 -O ^resize_inode {}", "ext2"),
        ("mke2fs -q -t ext3 -L third {}", "ext3"),
        ("mke2fs -q -t ext4 -L fourth {}", "ext4"),
        ("mke2fs -q -t ext4 -O ^has_journal {}", "ext4"),
        (
            "mke2fs -q -t ext4 -O ^metadata_csum,^64bit,^extents -L 0123456789abcdef {}",
            "ext4",
        ),
        (
            "mke2fs -q -t ext4 -O inline_data,casefold,bigalloc {}",
            "ext4",
        ),
        ("mke2fs -q -t ext4 -b 1024 -I 128 {}", "ext4"),
    ] {
        agree(32, command, expected);
    }
}

#[test]
fn other_filesystems() {
    for (mebibytes, command, expected) in [
        (320, "mkfs.xfs -q -L data {}", "xfs"),
        (320, "mkfs.xfs -q -b size=1024 {}", "xfs"),
        (320, "mkfs.xfs -q -s size=4096 -m crc=0 {}", "xfs"),
        (128, "mkfs.btrfs -q -L tree {}", "btrfs"),
        (128, "mkfs.btrfs -q -M --csum sha256 {}", "btrfs"),
        (8, "mkswap -q -L pages {}", "swap"),
        (8, "mkswap -q -p 8192 {}", "swap"),
        (8, "mkswap -q -p 65536 -L large {}", "swap"),
    ] {
        agree(mebibytes, command, expected);
    }
}

#[test]
fn optical_media() {
    let dir = Dir::new();
    dir.file(
        "tree/boot/grub/grub.cfg",
        b"menuentry x { linux /vmlinuz }\n",
    );
    let tree = dir.path("tree");
    for options in [
        "-V PLAIN",
        "-J -V Joliet",
        "-J -r -V Debian_12_amd64_n",
        "-J -joliet-long -V A_LABEL_THAT_IS_LONGER_THAN_16",
        "-r -V lower_case",
    ] {
        let image = dir.path("image.iso");
        let command = format!("genisoimage -quiet {options} -o {} {{}}", image.display());
        run(&command, &tree);
        compare(&image, options, "iso9660");
    }
    let image = dir.path("xorriso.iso");
    let command = format!(
        "xorriso -as mkisofs -quiet -J -V Xorriso --modification-date=2026010203040500 -o {} {{}}",
        image.display()
    );
    run(&command, &tree);
    compare(&image, "xorriso", "iso9660");
}

#[test]
fn luks() {
    let dir = Dir::new();
    let key = dir.file("key", b"secret");
    let format = format!(
        "cryptsetup -q luksFormat --key-file {} --pbkdf pbkdf2",
        key.display()
    );
    for options in [
        "--type luks1 --pbkdf-force-iterations 1000",
        "--type luks2 --pbkdf-force-iterations 1000 --label vault",
        "--type luks2 --pbkdf-force-iterations 1000 --subsystem s",
    ] {
        agree(32, &format!("{format} {options} {{}}"), "crypto_LUKS");
    }
}

/// LVM's tools want devices, which tests may not have: the label is laid out as they do.
#[test]
fn lvm() {
    for sector in 0..4_u64 {
        let dir = Dir::new();
        let image = dir.image("image", 4);
        let mut label = [0_u8; 512];
        label[..8].copy_from_slice(b"LABELONE");
        label[8..16].copy_from_slice(&sector.to_le_bytes());
        label[20..24].copy_from_slice(&32_u32.to_le_bytes());
        label[24..32].copy_from_slice(b"LVM2 001");
        label[32..64].copy_from_slice(b"AbCdEf0123456789ghijklmnopQRSTUV");
        let checksum = lvm_checksum(&label[20..]);
        label[16..20].copy_from_slice(&checksum.to_le_bytes());
        patch(&image, sector * 512, &label);
        compare(&image, &format!("LVM in sector {sector}"), "LVM2_member");
    }
}

/// CRC-32 with LVM's own start value (`lib/misc/crc.c`).
fn lvm_checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0xf597_a6cf, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
        crc
    })
}

/// So do those of MD.
#[test]
fn md_raid() {
    let size: u64 = 8 << 20;
    let uuid: [u8; 16] = std::array::from_fn(|i| 0x10 + i as u8);
    for offset in [(size / 512 - 16) / 8 * 8 * 512, 0, 4096] {
        let dir = Dir::new();
        let image = dir.image("image", 8);
        let mut superblock = [0_u8; 256];
        superblock[..4].copy_from_slice(&0xa92b_4efc_u32.to_le_bytes());
        superblock[4..8].copy_from_slice(&1_u32.to_le_bytes());
        superblock[16..32].copy_from_slice(&uuid);
        superblock[32..40].copy_from_slice(b"host:md0");
        superblock[0x90..0x98].copy_from_slice(&(offset / 512).to_le_bytes());
        let sum: u64 = superblock
            .chunks_exact(4)
            .map(|word| u64::from(u32::from_le_bytes(word.try_into().unwrap())))
            .sum();
        let checksum = (sum & 0xffff_ffff) as u32 + (sum >> 32) as u32;
        superblock[0xd8..0xdc].copy_from_slice(&checksum.to_le_bytes());
        patch(&image, offset, &superblock);
        compare(&image, &format!("MD 1.x at {offset}"), "linux_raid_member");
    }
    let dir = Dir::new();
    let image = dir.image("image", 8);
    let mut superblock = [0_u8; 64];
    superblock[..4].copy_from_slice(&0xa92b_4efc_u32.to_le_bytes());
    superblock[8..12].copy_from_slice(&90_u32.to_le_bytes());
    superblock[20..24].copy_from_slice(&uuid[..4]);
    superblock[52..64].copy_from_slice(&uuid[4..]);
    patch(&image, size - 65536, &superblock);
    compare(&image, "MD 0.90", "linux_raid_member");
}

#[test]
fn a_container_hides_what_shines_through() {
    let dir = Dir::new();
    let image = dir.image("image", 32);
    run("mke2fs -q -t ext4 {}", &image);
    let size: u64 = 32 << 20;
    let mut superblock = [0_u8; 64];
    superblock[..4].copy_from_slice(&0xa92b_4efc_u32.to_le_bytes());
    superblock[8..12].copy_from_slice(&90_u32.to_le_bytes());
    superblock[20..24].copy_from_slice(&[1, 2, 3, 4]);
    patch(&image, size - 65536, &superblock);
    assert_eq!(ours(&image)[0].as_deref(), Some("linux_raid_member"));
}

#[test]
fn nothing_is_nothing() {
    let dir = Dir::new();
    let empty = dir.image("empty", 4);
    assert_eq!(ours(&empty), [None, None, None]);
    let none = dir.image("none", 0);
    assert_eq!(ours(&none), [None, None, None]);
    let text = dir.file("text", b"not a disk\n");
    assert_eq!(ours(&text), [None, None, None]);
}
