//! Identification of volumes, compared with `blkid -p` over images that the real tools made.
use std::fs;

use crate::kit::blkid::blkid;
use crate::kit::superblock::{self, Order};
use crate::kit::{Image, MIB, TempDir, copy_in, run, scan, temp_dir};
use pilotlight::disk::{Content, Format};

/// What the library sees on the whole image.
fn identified(image: &Image) -> (Content, Vec<String>) {
    let mut layout = scan(image);
    assert_eq!(layout.table, None, "{:?}", layout.problems);
    assert_eq!(layout.volumes.len(), 1);
    let volume = layout.volumes.remove(0);
    (volume.content, volume.problems)
}

/// Compares with `blkid`; its answer must be `format`, or the tool did not make what was meant.
fn compare(image: &Image, format: Format) -> Content {
    let theirs = blkid(image);
    let (ours, problems) = identified(image);
    assert_eq!(theirs.format.as_deref(), Some(format.name()));
    assert_eq!(ours.format, Some(format));
    assert_eq!(ours.uuid, theirs.uuid);
    assert_eq!(ours.label, theirs.label.or(theirs.boot_label));
    assert_eq!(problems, Vec::<String>::new());
    ours
}

/// Makes an image of `size` bytes by running `tool` with `arguments` and the image's path.
fn made(directory: &TempDir, size: u64, tool: &str, arguments: &[&str]) -> Image {
    let image = directory.image("image", size);
    run(tool, arguments.iter().copied().chain([image.path()]));
    image
}

/// One test for each image: `name: format, size, "tool arguments", expected label`.
macro_rules! images {
    ($($name:ident: $format:ident, $size:expr, $tool:literal $arguments:expr, $label:expr;)*) => {$(
        #[test]
        fn $name() {
            let directory = temp_dir();
            let image = made(&directory, $size, $tool, &$arguments);
            let label: Option<&str> = $label;
            assert_eq!(compare(&image, Format::$format).label.as_deref(), label);
        }
    )*};
}

images! {
    fat12: Fat, 2 * MIB, "mkfs.vfat" ["-F12", "-n", "FLOPPY"], Some("FLOPPY");
    fat12_floppy: Fat, 1440 * 1024, "mkfs.vfat" ["-i", "00c0ffee"], None;
    fat16: Fat, 32 * MIB, "mkfs.vfat" ["-F16", "-n", "EFI SYSTEM"], Some("EFI SYSTEM");
    fat16_without_label: Fat, 32 * MIB, "mkfs.vfat" ["-F16"], None;
    fat16_4096: Fat, 64 * MIB, "mkfs.vfat" ["-F16", "-S4096", "-n", "BIG"], Some("BIG");
    fat32: Fat, 64 * MIB, "mkfs.vfat" ["-F32", "-n", "ESP", "-i", "abcd12ef"], Some("ESP");
    fat32_lower_case: Fat, 64 * MIB, "mkfs.vfat" ["-F32", "-n", "lower"], Some("lower");
    fat32_without_label: Fat, 64 * MIB, "mkfs.vfat" ["-F32"], None;
    fat32_4096: Fat, 600 * MIB, "mkfs.vfat" ["-F32", "-S4096", "-s1", "-n", "BIG"], Some("BIG");
    fat32_with_fake_mbr: Fat, 64 * MIB, "mkfs.vfat" ["-F32", "--mbr=y", "-n", "STICK"], Some("STICK");

    ext2: Ext2, 8 * MIB, "mke2fs" ["-q", "-t", "ext2", "-L", "old one"], Some("old one");
    ext2_small_blocks: Ext2, 8 * MIB, "mke2fs" ["-q", "-t", "ext2", "-b", "1024", "-r", "0"], None;
    ext3: Ext3, 16 * MIB, "mke2fs" ["-q", "-t", "ext3", "-L", "0123456789abcdef"], Some("0123456789abcdef");
    ext4: Ext4, 16 * MIB, "mke2fs" ["-q", "-t", "ext4", "-L", "root"], Some("root");
    ext4_without_journal: Ext4, 16 * MIB, "mke2fs" ["-q", "-t", "ext4", "-O", "^has_journal"], None;
    ext4_big_blocks: Ext4, 64 * MIB, "mke2fs" ["-q", "-t", "ext4", "-b", "65536", "-F"], None;
    ext4_many_features: Ext4, 64 * MIB, "mke2fs" ["-q", "-t", "ext4", "-O", "64bit,metadata_csum,inline_data,casefold,encrypt,quota", "-L", "späte Nacht"], Some("späte Nacht");
    ext4_label_for_a_shell: Ext4, 16 * MIB, "mke2fs" ["-q", "-t", "ext4", "-L", "a $(b) \"c\""], Some("a $(b) \"c\"");

    xfs: Xfs, 300 * MIB, "mkfs.xfs" ["-q", "-L", "data"], Some("data");
    xfs_4096: Xfs, 300 * MIB, "mkfs.xfs" ["-q", "-s", "size=4096", "-b", "size=4096"], None;
    xfs_version_4: Xfs, 300 * MIB, "mkfs.xfs" ["-q", "-m", "crc=0", "-L", "twelve chars"], Some("twelve chars");
    btrfs: Btrfs, 128 * MIB, "mkfs.btrfs" ["-q", "-L", "fedora"], Some("fedora");
    btrfs_mixed: Btrfs, 16 * MIB, "mkfs.btrfs" ["-q", "--mixed", "--csum", "xxhash"], None;

    swap: Swap, MIB, "mkswap" ["-L", "swap space"], Some("swap space");
    swap_64k_pages: Swap, MIB, "mkswap" ["-p", "65536"], None;
    swap_16k_pages: Swap, MIB, "mkswap" ["-p", "16384", "-L", "arm"], Some("arm");

    luks1: Luks, 8 * MIB, "cryptsetup" ["-q", "luksFormat", "--type", "luks1", "--pbkdf-force-iterations", "1000", "--key-file", "Cargo.toml"], None;
    luks2: Luks, 24 * MIB, "cryptsetup" ["-q", "luksFormat", "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", "Cargo.toml"], None;
    luks2_with_label: Luks, 24 * MIB, "cryptsetup" ["-q", "luksFormat", "--type", "luks2", "--label", "crypt root", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", "Cargo.toml"], Some("crypt root");
}

/// An image of a directory with one file.
fn iso(directory: &TempDir, tool: &str, arguments: &[&str]) -> Image {
    let image = directory.image("image.iso", 0);
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), "content").unwrap();
    let all = arguments
        .iter()
        .copied()
        .chain(["-o", image.path(), tree.to_str().unwrap()]);
    run(tool, all);
    image
}

/// One test for each image: `name: "tool arguments", expected label`.
macro_rules! isos {
    ($($name:ident: $tool:literal $arguments:expr, $label:expr;)*) => {$(
        #[test]
        fn $name() {
            let directory = temp_dir();
            let image = iso(&directory, $tool, &$arguments);
            let label: Option<&str> = $label;
            assert_eq!(compare(&image, Format::Iso9660).label.as_deref(), label);
        }
    )*};
}

isos! {
    iso9660_plain: "genisoimage" ["-quiet", "-V", "PLAIN"], Some("PLAIN");
    iso9660_rock_ridge: "genisoimage" ["-quiet", "-R", "-V", "Rock Ridge"], Some("Rock Ridge");
    iso9660_joliet: "genisoimage" ["-quiet", "-J", "-V", "Joliet Volume"], Some("Joliet Volume");
    iso9660_joliet_long: "genisoimage" ["-quiet", "-J", "-R", "-V", "Debian 12.0.0 amd64 netinst here"], Some("Debian 12.0.0 amd64 netinst here");
    iso9660_without_label: "genisoimage" ["-quiet", "-V", ""], None;
    iso9660_xorriso: "xorriso" ["-as", "mkisofs", "-quiet", "-R", "-J", "-V", "XORRISO"], Some("XORRISO");
    iso9660_with_date: "xorriso" ["-as", "mkisofs", "-quiet", "-V", "DATED", "--modification-date=2026112106132700"], Some("DATED");
}

/// The label in the root directory counts, also when there are files before it.
#[test]
fn fat_label_behind_many_files() {
    let directory = temp_dir();
    for bits in ["-F16", "-F32"] {
        let image = made(&directory, 64 * MIB, "mkfs.vfat", &[bits]);
        let file = directory.path().join("file");
        fs::write(&file, "content").unwrap();
        for number in 0..100 {
            copy_in(&image, &file, &format!("a long name of file {number}.text"));
        }
        run("mlabel", ["-i", image.path(), "::LATE"]);
        assert_eq!(compare(&image, Format::Fat).label.as_deref(), Some("LATE"));
        run("mlabel", ["-c", "-i", image.path(), "::"]);
        compare(&image, Format::Fat);
    }
}

const UUID: [u8; 16] = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10";

#[test]
fn md_raid_members() {
    let directory = temp_dir();
    // Sizes that are no multiple of 64 KiB show how the place is rounded.
    for (size, order) in [(3 * MIB + 512, Order::Little), (4 * MIB, Order::Big)] {
        let image = directory.image("md090", size);
        superblock::md_090(
            &image,
            order,
            [0x0123_4567, 0x89ab_cdef, 0xfedc_ba98, 0x7654_3210],
        );
        let found = compare(&image, Format::MdRaid);
        assert_eq!(
            found.uuid.as_deref(),
            Some("01234567-89ab-cdef-fedc-ba9876543210")
        );
    }
    for size in [2 * MIB, 2 * MIB + 512, 2 * MIB + 6 * 512] {
        let image = directory.image("md10", size);
        superblock::md_1(&image, superblock::md_10_place(&image), UUID, "host:boot");
        assert_eq!(
            compare(&image, Format::MdRaid).label.as_deref(),
            Some("host:boot")
        );
    }
    for at in [0, 4096] {
        let image = directory.image("md1", 2 * MIB);
        superblock::md_1(&image, at, UUID, "any:0");
        compare(&image, Format::MdRaid);
    }
}

#[test]
fn lvm_physical_volumes() {
    let directory = temp_dir();
    for sector in 0..4 {
        let image = directory.image("pv", 2 * MIB);
        superblock::lvm(&image, sector, b"abcdefGHIJklmn0123456789opqrstUV");
        let found = compare(&image, Format::Lvm);
        assert_eq!(
            found.uuid.as_deref(),
            Some("abcdef-GHIJ-klmn-0123-4567-89op-qrstUV")
        );
    }
}

/// Half a mirror with its superblock at the end looks like the filesystem on the mirror.
#[test]
fn a_raid_member_is_no_filesystem() {
    let directory = temp_dir();
    let image = made(&directory, 16 * MIB, "mke2fs", &["-q", "-t", "ext4"]);
    superblock::md_1(&image, superblock::md_10_place(&image), UUID, "host:root");
    compare(&image, Format::MdRaid);
}

/// `blkid` refuses to choose between two filesystems. We choose as it orders them, and say so.
#[test]
fn the_rest_of_an_older_filesystem_is_reported() {
    let directory = temp_dir();
    let image = made(&directory, 128 * MIB, "mkfs.btrfs", &["-q"]);
    let superblock = image.read(65_536, 4096);
    run("mke2fs", ["-q", "-F", "-t", "ext4", image.path()]);
    image.write(65_536, &superblock);
    let (ours, problems) = identified(&image);
    assert_eq!(ours.format, Some(Format::Ext4));
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].contains("signatures of ext4 and btrfs: taken for ext4"),
        "{problems:?}"
    );
}

#[test]
fn nothing_is_recognised_in_other_content() {
    let directory = temp_dir();
    for bytes in [
        &[0_u8; 4096][..],
        &[0xff; 4096],
        b"# a text\n",
        b"\x1f\x8b\x08\0",
        &[],
    ] {
        let image = directory.image("other", MIB);
        image.write(0, bytes);
        assert_eq!(blkid(&image).format, None);
        let (ours, problems) = identified(&image);
        assert_eq!(ours, Content::default());
        assert_eq!(problems, Vec::<String>::new());
    }
}
