//! Partition tables that `sgdisk` and `sfdisk` made, whole and damaged, compared with what those
//! tools print.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod kit;

use kit::{Image, TempDir, run, temp_dir};
use pilotlight::disk::{Disk, Layout, PartitionKind, TableKind};

const MIB: u64 = 1 << 20;

fn scan(image: &Image) -> Layout {
    Disk::open(&image.0).expect("the image opens").scan()
}

/// A disk of 64 MiB as installers make it: ESP, XBOOTLDR and root.
fn gpt_disk(directory: &TempDir) -> Image {
    let image = directory.image("disk", 64 * MIB);
    run(
        "sgdisk",
        [
            "--new=1:2048:+4M",
            "--typecode=1:ef00",
            "--change-name=1:EFI System Partition",
            "--new=2:0:+8M",
            "--typecode=2:ea00",
            "--change-name=2:Größe",
            "--new=5:0:0",
            "--typecode=5:8304",
            "--attributes=5:set:60",
            image.path(),
        ],
    );
    image
}

#[test]
fn gpt_says_what_sgdisk_says() {
    let directory = temp_dir();
    let image = gpt_disk(&directory);
    let layout = scan(&image);
    assert_eq!(layout.table, Some(TableKind::Gpt));
    assert_eq!(layout.sector_size, 512);
    assert_eq!(layout.problems, Vec::<String>::new());
    let numbers: Vec<u32> = layout
        .volumes
        .iter()
        .map(|v| v.partition.as_ref().unwrap().number)
        .collect();
    assert_eq!(numbers, [1, 2, 5]);
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
