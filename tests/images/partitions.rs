//! Partition tables made by sgdisk and sfdisk, whole and damaged.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use pilotlight::disk::{Layout, PartitionKind, TableKind};

use crate::kit::{Dir, patch, run, scan};

/// Number, start and length in bytes, type, UUID and name of every partition.
type Row = (u32, u64, u64, String, Option<String>, Option<String>);

fn rows(layout: &Layout) -> Vec<Row> {
    let partitions = layout.volumes.iter().filter_map(|volume| {
        let partition = volume.partition.as_ref()?;
        let kind = match &partition.kind {
            PartitionKind::Gpt(guid) => guid.to_uppercase(),
            PartitionKind::Mbr(byte) => format!("{byte:x}"),
        };
        let uuid = partition.uuid.as_ref().map(|uuid| uuid.to_uppercase());
        let name = partition.name.clone();
        Some((
            partition.number,
            volume.offset,
            volume.size,
            kind,
            uuid,
            name,
        ))
    });
    partitions.collect()
}

/// The same from sfdisk's own reading.
fn sfdisk_rows(image: &Path) -> Vec<Row> {
    let json: serde_json::Value = serde_json::from_str(&run("sfdisk --json {}", image)).unwrap();
    let table = &json["partitiontable"];
    let gpt = table["label"] == "gpt";
    let partitions = table["partitions"].as_array().unwrap().iter();
    partitions
        .filter(|partition| !["5", "f", "85"].contains(&partition["type"].as_str().unwrap()))
        .map(|partition| {
            let node = partition["node"].as_str().unwrap();
            let digits = node.trim_start_matches(image.to_str().unwrap());
            let number: u32 = digits.parse().unwrap();
            let bytes = |key: &str| partition[key].as_u64().unwrap() * 512;
            let text = |key: &str| partition[key].as_str().map(str::to_owned);
            let signature = table["id"].as_str().unwrap().trim_start_matches("0x");
            let uuid = match gpt {
                true => text("uuid"),
                false => Some(format!("{signature}-{number:02x}").to_uppercase()),
            };
            let kind = partition["type"].as_str().unwrap().to_owned();
            (
                number,
                bytes("start"),
                bytes("size"),
                kind,
                uuid,
                text("name"),
            )
        })
        .collect()
}

fn sfdisk(image: &Path, script: &str) {
    let mut child = Command::new("/usr/sbin/sfdisk")
        .arg("-q")
        .arg(image)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sfdisk (Debian's package fdisk)");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}

fn gpt_image(dir: &Dir) -> std::path::PathBuf {
    let image = dir.image("gpt", 64);
    run(
        "sgdisk -n 1:2048:+8M -t 1:ef00 -c 1:ESP -n 3:0:+16M -t 3:8300 -c 3:Größe -n 7:0:0 -t 7:ea00 {}",
        &image,
    );
    image
}

#[test]
fn gpt_as_sfdisk_reads_it() {
    let dir = Dir::new();
    let image = gpt_image(&dir);
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Gpt));
    assert_eq!(layout.problems, Vec::<String>::new());
    assert_eq!(rows(&layout), sfdisk_rows(&image));
    assert_eq!(rows(&layout).len(), 3);
    let volumes = &layout.volumes;
    assert!(volumes[0].partition.as_ref().unwrap().is_esp());
    assert!(volumes[2].partition.as_ref().unwrap().is_xbootldr());
}

#[test]
fn mbr_with_logical_partitions_as_sfdisk_reads_it() {
    let dir = Dir::new();
    let image = dir.image("mbr", 64);
    sfdisk(
        &image,
        "label: dos\nlabel-id: 0x0badcafe\n\
         start=2048, size=8192, type=ef\nstart=12288, size=65536, type=5\n\
         start=90000, size=4096, type=83, bootable\n\
         start=14336, size=4096, type=83\nstart=20480, size=4096, type=82\nstart=30720, size=8192, type=ea\n",
    );
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Mbr));
    assert_eq!(layout.problems, Vec::<String>::new());
    assert_eq!(rows(&layout), sfdisk_rows(&image));
    assert_eq!(rows(&layout).len(), 5);
}

#[test]
fn a_damaged_primary_is_replaced_by_the_backup() {
    for (what, offset, bytes, problem) in [
        ("signature", 512, &b"XXXX"[..], "there is no header"),
        ("header", 512 + 24, &[9][..], "header: "),
        ("entries", 2 * 512 + 40, &[9][..], "entries: "),
        ("all of it", 512, &[0; 33 * 512][..], "there is no header"),
    ] {
        let dir = Dir::new();
        let image = gpt_image(&dir);
        let whole = rows(&scan(&image));
        patch(&image, offset, bytes);
        let layout = scan(&image);
        assert_eq!(rows(&layout), whole, "{what}");
        let [primary, backup] = layout.problems.as_slice() else {
            panic!("{what}: {:?}", layout.problems);
        };
        assert!(
            primary.starts_with("the primary GPT can't be used: "),
            "{what}: {primary}"
        );
        assert!(primary.contains(problem), "{what}: {primary}");
        assert_eq!(backup, "the backup GPT in sector 131071 is used", "{what}");
    }
}

#[test]
fn a_disk_that_grew_keeps_its_backup_where_it_was() {
    let dir = Dir::new();
    let image = gpt_image(&dir);
    let whole = rows(&scan(&image));
    let file = std::fs::File::options().write(true).open(&image).unwrap();
    file.set_len(96 << 20).unwrap();
    let layout = scan(&image);
    assert_eq!((rows(&layout), layout.problems), (whole.clone(), vec![]));
    // Entries lost: the header names the backup. Header lost: the protective MBR tells the old size.
    for offset in [1024, 512] {
        patch(&image, offset, &[0xff; 16]);
        assert_eq!(rows(&scan(&image)), whole, "damage at {offset}");
    }
}

#[test]
fn a_disk_that_was_cut_still_has_its_primary() {
    let dir = Dir::new();
    let image = gpt_image(&dir);
    let file = std::fs::File::options().write(true).open(&image).unwrap();
    file.set_len(40 << 20).unwrap();
    let layout = scan(&image);
    assert_eq!(rows(&layout).len(), 3);
    assert_eq!(
        layout.volumes[2].size,
        (40 << 20) - layout.volumes[2].offset
    );
    let problems = layout.problems.join("\n");
    assert!(
        problems.contains("the backup GPT can't be used"),
        "{problems}"
    );
    assert!(
        problems.contains("partition 7 reaches over the end of the disk"),
        "{problems}"
    );
}

#[test]
fn both_copies_damaged_is_said() {
    let dir = Dir::new();
    let image = gpt_image(&dir);
    patch(&image, 1024, &[0xff; 16]);
    patch(&image, (64 << 20) - 500, &[0xff; 16]);
    let layout = scan(&image);
    assert!(rows(&layout).is_empty());
    let problems = layout.problems.join("\n");
    assert!(
        problems.contains("the primary GPT can't be used: entries"),
        "{problems}"
    );
    assert!(
        problems.contains("the backup GPT in sector 131071 can't be used"),
        "{problems}"
    );
}

#[test]
fn a_missing_protective_mbr_is_said() {
    let dir = Dir::new();
    let image = gpt_image(&dir);
    let whole = rows(&scan(&image));
    patch(&image, 0, &[0; 512]);
    let layout = scan(&image);
    assert_eq!(rows(&layout), whole);
    assert!(
        layout.problems[0].contains("the protective MBR is missing"),
        "{:?}",
        layout.problems
    );
}

#[test]
fn hybrid_and_stale_tables() {
    let dir = Dir::new();
    let image = gpt_image(&dir);
    let whole = rows(&scan(&image));
    run("sgdisk -h 1:EE {}", &image);
    let layout = scan(&image);
    assert_eq!(rows(&layout), whole);
    assert!(
        layout.problems.join("").contains("hybrid MBR"),
        "{:?}",
        layout.problems
    );

    // An MBR over a GPT that nobody wiped: firmware and kernel go by the MBR.
    let mut mbr = [0; 66];
    mbr[4] = 0x83;
    mbr[8..12].copy_from_slice(&2048_u32.to_le_bytes());
    mbr[12..16].copy_from_slice(&4096_u32.to_le_bytes());
    mbr[64..].copy_from_slice(&[0x55, 0xaa]);
    patch(&image, 446, &mbr);
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Mbr));
    assert_eq!(rows(&layout).len(), 1);
    assert!(
        layout.problems.join("").contains("the MBR is used"),
        "{:?}",
        layout.problems
    );
}

#[test]
fn a_hostile_header_promises_much() {
    let dir = Dir::new();
    for (count, size) in [
        (65_536_u32, 4096_u32),
        (u32::MAX, 128),
        (128, 127),
        (0, 128),
    ] {
        let image = gpt_image(&dir);
        let mut header = std::fs::read(&image).unwrap()[512..604].to_vec();
        header[80..84].copy_from_slice(&count.to_le_bytes());
        header[84..88].copy_from_slice(&size.to_le_bytes());
        header[16..20].fill(0);
        let checksum = crc32(&header);
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
        patch(&image, 512, &header);
        // The backup is whole.
        assert_eq!(
            rows(&scan(&image)).len(),
            3,
            "{count} entries of {size} bytes"
        );
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |mut crc, byte| {
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

#[test]
fn a_chain_of_logical_partitions_ends() {
    let dir = Dir::new();
    let image = dir.image("mbr", 64);
    sfdisk(
        &image,
        "label: dos\nstart=2048, size=100000, type=5\nstart=4096, size=2048, type=83\nstart=8192, size=2048, type=83\n",
    );
    let whole = rows(&scan(&image));
    assert_eq!(whole.len(), 2);
    // The second link points back to the first.
    let second = std::fs::read(&image).unwrap()[2048 * 512 + 0x1ce + 8..][..4].to_vec();
    let second = 2048 + u64::from(u32::from_le_bytes(second.try_into().unwrap()));
    let mut link = [0; 16];
    link[4] = 5;
    link[12] = 1;
    patch(&image, second * 512 + 0x1ce, &link);
    let layout = scan(&image);
    assert_eq!(rows(&layout), whole);
    assert_eq!(
        layout.problems,
        ["the chain of logical partitions runs in a circle: cut"]
    );
    // A link into nothing.
    patch(&image, second * 512 + 0x1ce + 8, &u32::MAX.to_le_bytes());
    let layout = scan(&image);
    assert_eq!(rows(&layout), whole);
    assert!(
        layout.problems[0].contains("breaks in sector"),
        "{:?}",
        layout.problems
    );
}

#[test]
fn a_filesystem_on_the_whole_disk_is_one_volume() {
    let dir = Dir::new();
    for command in [
        "mkfs.vfat {}",
        "mke2fs -q -t ext4 {}",
        "mkfs.vfat --mbr=y {}",
    ] {
        let image = dir.image("whole", 32);
        run(command, &image);
        let layout = scan(&image);
        assert_eq!(layout.table, None, "{command}");
        assert_eq!(layout.volumes.len(), 1, "{command}");
        assert_eq!(layout.volumes[0].size, 32 << 20, "{command}");
        assert!(layout.volumes[0].content.format.is_some(), "{command}");
    }
}

#[test]
fn a_hybrid_image_is_disk_and_medium() {
    let dir = Dir::new();
    dir.file("tree/file", b"x");
    run("mkfs.vfat -C {} 1440", &dir.path("efi.img"));
    let image = dir.path("hybrid.iso");
    let command = format!(
        "xorriso -as mkisofs -quiet -V HYBRID -append_partition 2 0xef {} -appended_part_as_gpt -o {} {{}}",
        dir.path("efi.img").display(),
        image.display()
    );
    run(&command, &dir.path("tree"));
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Gpt));
    let formats: Vec<_> = layout
        .volumes
        .iter()
        .map(|volume| {
            (
                volume.partition.is_some(),
                volume.content.format.map(|f| f.name()),
            )
        })
        .collect();
    assert!(formats.contains(&(true, Some("vfat"))), "{formats:?}");
    assert_eq!(formats.last(), Some(&(false, Some("iso9660"))));
}
