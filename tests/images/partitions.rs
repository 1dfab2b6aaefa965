//! Partition tables that `sgdisk`, `sfdisk` and `fdisk` made, whole and damaged, compared with what
//! those tools print.
use std::fs;
use std::sync::OnceLock;

use crate::kit::blkid::blkid;
use crate::kit::gpt::{self, edit_entry, edit_header};
use crate::kit::{Image, MIB, TempDir, run, run_with_input, scan, temp_dir};
use pilotlight::disk::{Disk, Format, Layout, PartitionKind, TableKind, Volume};

const SIZE: u64 = 64 * MIB;
const LAST: u64 = SIZE / 512 - 1;

/// Partition number, offset and size of each volume; number 0 is the whole disk.
fn places(layout: &Layout) -> Vec<(u32, u64, u64)> {
    let number = |volume: &Volume| {
        volume
            .partition
            .as_ref()
            .map_or(0, |partition| partition.number)
    };
    layout
        .volumes
        .iter()
        .map(|v| (number(v), v.offset, v.size))
        .collect()
}

/// The only problem contains these words.
#[track_caller]
fn only_problem(problems: &[String], words: &str) {
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains(words),
        "{words:?} is not in {problems:?}"
    );
}

/// One of the problems contains these words.
#[track_caller]
fn problem(problems: &[String], words: &str) {
    assert!(
        problems.iter().any(|text| text.contains(words)),
        "{words:?} is not in {problems:?}"
    );
}

/// A disk of 64 MiB as installers make it: ESP, XBOOTLDR and root.
fn gpt_disk(directory: &TempDir) -> Image {
    // `sgdisk` waits until all is on the medium, which takes a second: it runs once.
    static ENDS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let image = directory.image("disk", SIZE);
    let [begin, end] = ENDS.get_or_init(|| {
        #[rustfmt::skip]
        run("sgdisk", [
            "--new=1:2048:+4M", "--typecode=1:ef00", "--change-name=1:EFI System Partition",
            "--new=2:0:+8M", "--typecode=2:ea00", "--change-name=2:Größe",
            "--new=5:0:0", "--typecode=5:8304", "--attributes=5:set:60",
            image.path(),
        ]);
        [image.read(0, 1 << 20), image.read(SIZE - MIB, 1 << 20)]
    });
    image.write(0, begin);
    image.write(SIZE - MIB, end);
    image
}

/// What an intact [`gpt_disk`] has.
const PLACES: [(u32, u64, u64); 3] = [
    (1, MIB, 4 * MIB),
    (2, 5 * MIB, 8 * MIB),
    (5, 13 * MIB, 51 * MIB - 33 * 512),
];

#[test]
fn gpt_says_what_sgdisk_says() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Gpt));
    assert_eq!(layout.sector_size, 512);
    assert_eq!(layout.problems, Vec::<String>::new());
    assert_eq!(places(&layout), PLACES);
    for volume in &layout.volumes {
        let partition = volume.partition.as_ref().unwrap();
        let info = run(
            "sgdisk",
            [&format!("--info={}", partition.number), image.path()],
        );
        let says = |text: String| assert!(info.contains(&text), "{text} is not in\n{info}");
        let PartitionKind::Gpt(kind) = &partition.kind else {
            panic!("{:?}", partition.kind);
        };
        says(format!("GUID code: {}", kind.to_uppercase()));
        says(format!(
            "unique GUID: {}",
            partition.uuid.as_ref().unwrap().to_uppercase()
        ));
        says(format!("First sector: {} ", volume.offset / 512));
        says(format!("Partition size: {} sectors", volume.size / 512));
        says(format!("Attribute flags: {:016X}", partition.attributes));
        says(format!(
            "Partition name: '{}'",
            partition.name.as_deref().unwrap_or_default()
        ));
    }
    assert!(layout.volumes[0].partition.as_ref().unwrap().is_esp());
    assert!(layout.volumes[1].partition.as_ref().unwrap().is_xbootldr());
}

#[test]
fn gpt_with_4096_byte_sectors() {
    let directory = temp_dir();
    let image = directory.image("disk", SIZE);
    run_with_input(
        "fdisk",
        ["-b4096", image.path()],
        "g\nn\n1\n\n+8M\nn\n3\n\n\nw\n",
    );
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Gpt));
    assert_eq!(layout.sector_size, 4096);
    assert_eq!(layout.problems, Vec::<String>::new());
    let listed = run("fdisk", ["-b4096", "-l", "-oStart,Sectors", image.path()]);
    let lines: Vec<&str> = listed.lines().rev().take(2).collect();
    for (line, (_, offset, size)) in lines.iter().rev().zip(places(&layout)) {
        let numbers: Vec<u64> = line
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        assert_eq!(numbers, [offset / 4096, size / 4096]);
    }
    assert_eq!(layout.volumes.len(), 2);

    // The backup is found with either sector size.
    image.write(0, &vec![0; 64 * 1024]);
    let saved = scan(&image);
    assert_eq!(saved.sector_size, 4096);
    assert_eq!(places(&saved), places(&layout));
}

/// An MBR counts in the sectors of the disk as well; an image file does not know them.
#[test]
fn mbr_with_4096_byte_sectors() {
    let directory = temp_dir();
    let image = directory.image("disk", SIZE);
    let keys = "o\nn\np\n1\n\n+8M\nn\ne\n2\n\n\nn\n\n+4M\nn\n\n\nw\n";
    run_with_input("fdisk", ["-b4096", image.path()], keys);
    let mut disk = Disk::open(&image.0).unwrap();
    disk.hardware.sector_size = Some(4096);
    let layout = disk.scan();
    assert_eq!(
        (layout.table, layout.sector_size),
        (Some(TableKind::Mbr), 4096)
    );
    assert_eq!(layout.problems, Vec::<String>::new());
    let listed = run(
        "fdisk",
        ["-b4096", "-l", "-oStart,Sectors,Id", image.path()],
    );
    let lines = listed
        .lines()
        .rev()
        .take(4)
        .filter(|line| line.ends_with("83"));
    let mut theirs: Vec<Vec<u64>> = lines
        .map(|line| {
            line.split_whitespace()
                .take(2)
                .map(|n| n.parse().unwrap())
                .collect()
        })
        .collect();
    theirs.reverse();
    let ours: Vec<_> = places(&layout)
        .iter()
        .map(|(_, at, size)| vec![at / 4096, size / 4096])
        .collect();
    assert_eq!(ours.len(), 3);
    assert_eq!(ours, theirs);
}

#[test]
fn volumes_in_partitions_are_identified() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    let esp = directory.image("esp", 4 * MIB);
    run("mkfs.vfat", ["-n", "ESP", esp.path()]);
    let root = directory.image("root", 32 * MIB);
    run("mke2fs", ["-q", "-t", "ext4", "-L", "root", root.path()]);
    image.insert(MIB, &esp);
    image.insert(13 * MIB, &root);
    let layout = scan(&image);
    for (volume, alone) in [(&layout.volumes[0], &esp), (&layout.volumes[2], &root)] {
        assert_eq!(volume.content.uuid, blkid(alone).uuid);
        assert_eq!(volume.content.label, blkid(alone).label);
        assert_eq!(volume.problems, Vec::<String>::new());
    }
    assert_eq!(layout.volumes[0].content.format, Some(Format::Fat));
    assert_eq!(layout.volumes[1].content.format, None);
    assert_eq!(layout.volumes[2].content.format, Some(Format::Ext4));
}

/// Damage that costs one copy of the table: name, sector, byte in it, and words of the problem.
#[test]
fn one_intact_copy_is_enough() {
    let damages: [(&str, u64, &str); 6] = [
        (
            "primary signature",
            512,
            "GPT at sector 1: there is no header",
        ),
        (
            "primary checksum",
            512 + 16,
            "GPT at sector 1: the header's checksum is wrong",
        ),
        (
            "primary entries",
            1024 + 60,
            "GPT at sector 1: the checksum over the entries is wrong",
        ),
        (
            "backup signature",
            LAST * 512,
            "backup GPT at sector 131071: there is no header",
        ),
        (
            "backup checksum",
            LAST * 512 + 16,
            "backup GPT at sector 131071: the header's checksum",
        ),
        (
            "backup entries",
            (LAST - 32) * 512 + 60,
            "backup GPT at sector 131071: the checksum over",
        ),
    ];
    let directory = temp_dir();
    for (name, at, words) in damages {
        let image = gpt_disk(&directory);
        let byte = image.read(at, 1)[0];
        image.write(at, &[byte ^ 0x20]);
        let layout = scan(&image);
        assert_eq!(places(&layout), PLACES, "{name}");
        problem(&layout.problems, words);
        let used = layout
            .problems
            .iter()
            .any(|text| text.contains("the backup GPT at sector 131071 is used"));
        assert_eq!(used, name.starts_with("primary"), "{:?}", layout.problems);
    }
}

#[test]
fn backups_that_disagree_are_reported() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    edit_entry(&image, LAST, 1, gpt::FIRST_LBA, &4096_u64.to_le_bytes());
    let layout = scan(&image);
    assert_eq!(places(&layout), PLACES);
    only_problem(
        &layout.problems,
        "differs from the primary one, which is used",
    );
}

/// The backup of a disk that was grown lies where the disk once ended. Three things still know where.
#[test]
fn a_grown_disk_keeps_its_backup() {
    let directory = temp_dir();
    let grown = || {
        let image = gpt_disk(&directory);
        image.resize(SIZE + 16 * MIB);
        image
    };
    let image = grown();
    let layout = scan(&image);
    assert_eq!(places(&layout), PLACES);
    only_problem(
        &layout.problems,
        "the backup GPT is at sector 131071, and the disk ends at sector",
    );

    // The entries are damaged: the header of the primary knows.
    let image = grown();
    image.write(1024, &[1; 16]);
    assert_eq!(places(&scan(&image)), PLACES);

    // The checksum of the header is wrong, the protective MBR is gone: its text still knows.
    let image = grown();
    image.write(0, &[0; 512]);
    image.write(512 + 16, &[1; 4]);
    assert_eq!(places(&scan(&image)), PLACES);

    // The header is gone: the protective MBR knows.
    let image = grown();
    image.write(512, &[0; 512]);
    let layout = scan(&image);
    assert_eq!(places(&layout), PLACES);
    problem(&layout.problems, "the backup GPT at sector 131071 is used");
}

#[test]
fn a_cut_disk_keeps_what_is_left() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    image.resize(20 * MIB);
    let layout = scan(&image);
    assert_eq!(
        places(&layout),
        [PLACES[0], PLACES[1], (5, 13 * MIB, 7 * MIB)]
    );
    only_problem(
        &layout.problems,
        "the disk ends at sector 40959: it was cut",
    );
    only_problem(
        &layout.volumes[2].problems,
        "over the end of the disk and is cut there",
    );

    image.resize(10 * MIB);
    let layout = scan(&image);
    assert_eq!(places(&layout), [PLACES[0], (2, 5 * MIB, 5 * MIB)]);
    problem(
        &layout.problems,
        "partition 5 begins at sector 26624, beyond the end of the disk",
    );
}

#[test]
fn a_gpt_without_protective_mbr_is_used_and_reported() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    image.write(0, &[0; 512]);
    let layout = scan(&image);
    assert_eq!(places(&layout), PLACES);
    only_problem(&layout.problems, "there is no protective MBR");

    // The whole first mebibyte is gone.
    image.write(0, &vec![0; 1 << 20]);
    let layout = scan(&image);
    assert_eq!(places(&layout), PLACES);
    problem(&layout.problems, "the backup GPT at sector 131071 is used");
}

#[test]
fn no_copy_is_intact() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    image.write(1024, &[1; 16]);
    image.write((LAST - 32) * 512, &[1; 16]);
    let layout = scan(&image);
    assert_eq!(layout.table, None);
    assert_eq!(places(&layout), [(0, 0, SIZE)]);
    problem(&layout.problems, "no copy of the GPT is intact");
}

#[test]
fn a_hostile_header_promises_too_much() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    edit_header(&image, 1, gpt::ENTRY_COUNT, &65_536_u32.to_le_bytes());
    edit_header(&image, 1, gpt::ENTRY_SIZE, &4096_u32.to_le_bytes());
    let layout = scan(&image);
    assert_eq!(places(&layout), PLACES);
    problem(&layout.problems, "promises 65536 entries of 4096 bytes");

    for (field, value) in [
        (gpt::ENTRY_COUNT, &u32::MAX.to_le_bytes()[..]),
        (gpt::ENTRY_SIZE, &0_u32.to_le_bytes()[..]),
        (gpt::ENTRY_SIZE, &256_u32.to_le_bytes()[..]),
        (gpt::ENTRIES_LBA, &u64::MAX.to_le_bytes()[..]),
        (gpt::ENTRIES_LBA, &(LAST - 1).to_le_bytes()[..]),
    ] {
        let image = gpt_disk(&directory);
        edit_header(&image, 1, field, value);
        assert_eq!(places(&scan(&image)), PLACES);
        edit_header(&image, LAST, field, value);
        let layout = scan(&image);
        assert_eq!(layout.table, None);
        problem(&layout.problems, "no copy of the GPT is intact");
    }
}

#[test]
fn entries_that_can_not_be_are_reported() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    let edit =
        |number, field, value: u64| edit_entry(&image, 1, number, field, &value.to_le_bytes());
    edit(1, gpt::LAST_LBA, 12_000);
    edit(2, gpt::LAST_LBA, u64::MAX);
    edit(5, gpt::FIRST_LBA, u64::MAX);
    let layout = scan(&image);
    let expected = [
        (1, MIB, (12_001 - 2048) * 512),
        (2, 5 * MIB, SIZE - 5 * MIB),
    ];
    assert_eq!(places(&layout), expected);
    problem(
        &layout.problems,
        "partition 5 ends before it begins: left out",
    );
    problem(&layout.problems, "partitions 1 and 2 overlap");
    problem(
        &layout.volumes[1].problems,
        "over the end of the disk and is cut there",
    );
}

#[test]
fn a_hybrid_mbr_leaves_the_gpt_in_charge() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    run("sgdisk", ["--hybrid=1:2", image.path()]);
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Gpt));
    assert_eq!(places(&layout), PLACES);
    only_problem(
        &layout.problems,
        "hybrid MBR: the GPT is used, and the 2 other partitions",
    );
}

/// Two primary partitions, and three logical ones in the second of three slots.
const SCRIPT: &str = "label: dos\nlabel-id: 0xdeadbeef\n\
    1 : start=2048, size=8192, type=ef, bootable\n\
    2 : start=10240, size=100000, type=f\n\
    4 : start=112640, type=83\n\
    5 : size=4096, type=83\n\
    6 : size=8192, type=82\n\
    7 : type=8e\n";

fn mbr_disk(directory: &TempDir) -> Image {
    let image = directory.image("disk", SIZE);
    run_with_input("sfdisk", ["--quiet", image.path()], SCRIPT);
    image
}

/// Where the extended partition of [`mbr_disk`] and the second record in it begin.
const EXTENDED: u64 = 10_240;
const SECOND_RECORD: u64 = EXTENDED + 2048 + 4096;

#[test]
fn mbr_says_what_sfdisk_says() {
    let directory = temp_dir();
    let image = mbr_disk(&directory);
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Mbr));
    assert_eq!(layout.problems, Vec::<String>::new());
    let dump: serde_json::Value =
        serde_json::from_str(&run("sfdisk", ["--json", image.path()])).unwrap();
    let theirs = dump["partitiontable"]["partitions"].as_array().unwrap();
    // The extended partition contains nothing but others.
    let theirs: Vec<_> = theirs
        .iter()
        .filter(|partition| partition["type"] != "f")
        .collect();
    assert_eq!(layout.volumes.len(), theirs.len());
    for (volume, theirs) in layout.volumes.iter().zip(theirs) {
        let partition = volume.partition.as_ref().unwrap();
        assert_eq!(
            theirs["node"],
            format!("{}{}", image.path(), partition.number)
        );
        assert_eq!(theirs["start"], volume.offset / 512);
        assert_eq!(theirs["size"], volume.size / 512);
        let PartitionKind::Mbr(kind) = partition.kind else {
            panic!("{:?}", partition.kind);
        };
        assert_eq!(theirs["type"], format!("{kind:x}"));
        let uuid = format!("deadbeef-{:02x}", partition.number);
        assert_eq!(partition.uuid.as_ref(), Some(&uuid));
    }
    assert!(layout.volumes[0].partition.as_ref().unwrap().is_esp());
}

/// Writes the link of the extended boot record in sector `record`, relative to the container.
fn link(image: &Image, record: u64, first: u32, sectors: u32) {
    let mut entry = [0, 0, 0, 0, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    entry[8..12].copy_from_slice(&first.to_le_bytes());
    entry[12..].copy_from_slice(&sectors.to_le_bytes());
    image.write(record * 512 + 0x1ce, &entry);
}

#[test]
fn a_chain_of_logical_partitions_ends() {
    let directory = temp_dir();
    let all = places(&scan(&mbr_disk(&directory)));
    let numbers = |layout: &Layout| -> Vec<u32> { places(layout).iter().map(|p| p.0).collect() };

    let image = mbr_disk(&directory);
    link(&image, SECOND_RECORD, 0, 1);
    let layout = scan(&image);
    assert_eq!(places(&layout), all[..4]);
    only_problem(&layout.problems, "comes back to sector 10240");

    let image = mbr_disk(&directory);
    link(&image, SECOND_RECORD, 100_000, 1);
    let layout = scan(&image);
    assert_eq!(numbers(&layout), [1, 4, 5, 6]);
    only_problem(
        &layout.problems,
        "leads to sector 110240, outside of the extended partition",
    );

    let image = mbr_disk(&directory);
    image.write(SECOND_RECORD * 512 + 510, &[0]);
    let layout = scan(&image);
    assert_eq!(numbers(&layout), [1, 4, 5]);
    only_problem(&layout.problems, "breaks at sector 16384");

    // A record in every sector: the chain is left long before its end.
    let image = mbr_disk(&directory);
    for record in 0..5000 {
        let mut entry = [0; 18];
        entry[4] = 0x83;
        entry[12] = 1;
        image.write((EXTENDED + record) * 512 + 0x1be, &entry);
        image.write((EXTENDED + record) * 512 + 510, &[0x55, 0xaa]);
        link(
            &image,
            EXTENDED + record,
            u32::try_from(record).unwrap() + 1,
            1,
        );
    }
    let layout = scan(&image);
    assert_eq!(layout.volumes.len(), 102);
    problem(&layout.problems, "is longer than 100");
}

#[test]
fn mbr_entries_over_the_end_are_cut_or_left_out() {
    let directory = temp_dir();
    let image = mbr_disk(&directory);
    image.resize(20 * MIB);
    let layout = scan(&image);
    let numbers: Vec<u32> = places(&layout).iter().map(|place| place.0).collect();
    assert_eq!(numbers, [1, 5, 6, 7]);
    problem(
        &layout.problems,
        "partition 4 begins at sector 112640, beyond the end of the disk",
    );
    only_problem(
        &layout.volumes[3].problems,
        "over the end of the disk and is cut there",
    );
}

#[test]
fn an_mbr_over_an_old_gpt_is_used() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    let elsewhere = temp_dir();
    image.write(0, &mbr_disk(&elsewhere).read(0, 512));
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Mbr));
    problem(
        &layout.problems,
        "no protective MBR announces: the MBR is used",
    );
}

#[test]
fn a_boot_sector_is_no_mbr() {
    let directory = temp_dir();
    let image = directory.image("disk", SIZE);
    run("mkfs.vfat", ["-F32", image.path()]);
    // As Windows formats sticks: the messages of the boot code lie where a table would be.
    image.write(
        0x1a0,
        b"Disk error\xff\x0d\x0aPress any key to restart\x0d\x0a Remove disks or other media.",
    );
    let layout = scan(&image);
    assert_eq!(layout.table, None);
    assert_eq!(places(&layout), [(0, 0, SIZE)]);
    assert_eq!(layout.volumes[0].content.format, Some(Format::Fat));

    // An NTFS boot sector: not recognised, and not divided either.
    let image = directory.image("ntfs", SIZE);
    image.write(0, b"\xebR\x90NTFS    \0\x02\x08\0\0\0\0\0\0\0\xf8");
    image.write(
        0x1a0,
        b"A disk read error occurred\0\x0d\x0aBOOTMGR is compressed",
    );
    image.write(510, &[0x55, 0xaa]);
    let layout = scan(&image);
    assert_eq!(layout.table, None);
    assert_eq!(layout.volumes[0].content.format, None);
}

/// A stick that came as one FAT filesystem and was partitioned: its boot sector still describes that.
#[test]
fn partitions_count_on_a_stick_that_was_one_fat() {
    let directory = temp_dir();
    let stick = || {
        let image = directory.image("disk", SIZE);
        run("mkfs.vfat", ["-F32", "-n", "STICK", image.path()]);
        image
    };
    let image = stick();
    let boot = image.read(0, 440);
    run_with_input("sfdisk", ["--quiet", "--wipe=always", image.path()], SCRIPT);
    image.write(0, &boot);
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Mbr));
    assert_eq!(layout.volumes.len(), 5);
    only_problem(
        &layout.problems,
        "also describes a FAT filesystem on the whole disk",
    );

    let image = stick();
    let elsewhere = temp_dir();
    image.write(440, &gpt_disk(&elsewhere).read(440, 20_000));
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Gpt));
    assert_eq!(places(&layout), PLACES);
    problem(
        &layout.problems,
        "also describes a FAT filesystem on the whole disk",
    );
}

/// Live media are an ISO 9660 filesystem, and a disk whose second partition is the ESP.
#[test]
fn hybrid_media_offer_partitions_and_the_whole() {
    let directory = temp_dir();
    let esp = directory.image("esp", 4 * MIB);
    run("mkfs.vfat", ["-n", "LIVE_ESP", esp.path()]);
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), vec![7; 3 << 20]).unwrap();
    for (gpt, table) in [(false, TableKind::Mbr), (true, TableKind::Gpt)] {
        let image = directory.image("live.iso", 0);
        #[rustfmt::skip]
        let mut arguments = vec![
            "-as", "mkisofs", "-quiet", "-R", "-V", "LIVE", "-o", image.path(),
            "-append_partition", "2", "0xef", esp.path(), "-partition_offset", "16",
        ];
        if gpt {
            arguments.push("-appended_part_as_gpt");
        }
        arguments.push(tree.to_str().unwrap());
        run("xorriso", arguments);
        let layout = scan(&image);
        assert_eq!(layout.table, Some(table));
        let whole = layout.volumes.last().unwrap();
        assert_eq!(
            (&whole.partition, whole.offset, whole.size),
            (&None, 0, image.size())
        );
        assert_eq!(whole.content.format, Some(Format::Iso9660));
        assert_eq!(whole.content.label.as_deref(), Some("LIVE"));
        let appended = layout
            .volumes
            .iter()
            .find(|v| v.partition.as_ref().is_some_and(|p| p.number == 2));
        assert_eq!(appended.unwrap().content.label.as_deref(), Some("LIVE_ESP"));
    }
}

#[test]
fn an_empty_image_is_one_volume_of_nothing() {
    let directory = temp_dir();
    let layout = scan(&directory.image("empty", MIB));
    assert_eq!(layout.table, None);
    assert_eq!(places(&layout), [(0, 0, MIB)]);
    assert_eq!(layout.problems, Vec::<String>::new());
    assert_eq!(places(&scan(&directory.image("nothing", 0))), []);
}

#[test]
fn what_is_no_disk_is_not_opened() {
    let directory = temp_dir();
    let refused = Disk::open(directory.path()).err().unwrap();
    let path = directory.path().display();
    assert_eq!(
        refused.to_string(),
        format!("can't open {path}: it is neither a file nor a block device")
    );
    assert!(Disk::open(&directory.path().join("missing")).is_err());
}
