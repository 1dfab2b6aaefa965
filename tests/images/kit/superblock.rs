//! Superblocks that their tools write only with root's rights and a block device, built from their
//! published layouts. `blkid` checks that they are right.

use super::Image;

const MD_MAGIC: u32 = 0xa92b_4efc;

/// Numbers in the byte order of the machine that made an MD superblock of version 0.90.
#[derive(Clone, Copy)]
pub enum Order {
    Little,
    Big,
}

/// MD 0.90 (`struct mdp_superblock_s` in `include/uapi/linux/raid/md_p.h` of Linux), in the last whole
/// 64 KiB.
pub fn md_090(image: &Image, order: Order, uuid: [u32; 4]) {
    let mut words = [0_u32; 1024];
    words[0] = MD_MAGIC;
    words[2] = 90;
    words[4] = 992;
    words[5] = uuid[0];
    words[13..16].copy_from_slice(&uuid[1..]);
    let bytes = words.iter().flat_map(|word| match order {
        Order::Little => word.to_le_bytes(),
        Order::Big => word.to_be_bytes(),
    });
    let at = image.size() / 65_536 * 65_536 - 65_536;
    image.write(at, &bytes.collect::<Vec<u8>>());
}

/// MD 1.x (`struct mdp_superblock_1`, same place) at `at`.
pub fn md_1(image: &Image, at: u64, uuid: [u8; 16], name: &str) {
    let mut sb = [0; 512];
    sb[..4].copy_from_slice(&MD_MAGIC.to_le_bytes());
    sb[4] = 1;
    sb[16..32].copy_from_slice(&uuid);
    sb[32..][..name.len()].copy_from_slice(name.as_bytes());
    sb[80..88].copy_from_slice(&(image.size() / 512).to_le_bytes());
    sb[144..152].copy_from_slice(&(at / 512).to_le_bytes());
    // The checksum covers 256 bytes while there are no roles of devices.
    let sum = md_checksum(&sb[..256]);
    sb[216..220].copy_from_slice(&sum.to_le_bytes());
    image.write(at, &sb);
}

fn md_checksum(bytes: &[u8]) -> u32 {
    let words = bytes.as_chunks::<4>().0;
    let sum: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_le_bytes(*word)))
        .sum();
    u32::try_from((sum & 0xffff_ffff) + (sum >> 32)).unwrap()
}

/// Where MD 1.0 has its superblock: 8 KiB before the end, aligned to 4 KiB.
pub fn md_10_place(image: &Image) -> u64 {
    (image.size() - 8192) / 4096 * 4096
}

/// One of two members of a mirror (MD 1.2, RAID 1) whose data begin at sector `offset`. `uuid` is 32 digits.
pub fn md_mirror(image: &Image, uuid: &str, name: &str, role: u16, offset: u64) {
    let digit = |at: usize| u8::from_str_radix(&uuid[2 * at..][..2], 16).unwrap();
    md_1(image, 4096, std::array::from_fn(digit), name);
    let mut sb = image.read(4096, 512);
    let size = image.size() / 512 - offset;
    let mut put = |at: usize, bytes: &[u8]| sb[at..][..bytes.len()].copy_from_slice(bytes);
    put(72, &1_u32.to_le_bytes());
    put(80, &size.to_le_bytes());
    put(92, &2_u32.to_le_bytes());
    put(128, &offset.to_le_bytes());
    put(136, &size.to_le_bytes());
    put(160, &u32::from(role).to_le_bytes());
    put(168, &[u8::try_from(role).unwrap() + 1; 16]);
    // No resynchronisation is left to be done.
    put(208, &u64::MAX.to_le_bytes());
    put(220, &2_u32.to_le_bytes());
    put(256, &[0, 0, 1, 0]);
    put(216, &[0; 4]);
    let sum = md_checksum(&sb[..260]);
    sb[216..220].copy_from_slice(&sum.to_le_bytes());
    image.write(4096, &sb);
}

/// The label of an LVM physical volume (`lib/label/label.h` of LVM2) in sector `sector`.
pub fn lvm(image: &Image, sector: u64, uuid: &[u8; 32]) {
    lvm_label(image, sector, uuid, &[]);
}

/// A physical volume of LVM with these metadata, the text that LVM itself wrote (`lib/format_text/layout.h` of
/// LVM2): one area for them in the first MiB, behind the label in sector 1.
pub fn lvm_volume(image: &Image, uuid: &str, metadata: &str) {
    const AREA: u64 = 4096;
    let data = lvm_number(metadata, "pe_start") * 512;
    let uuid: Vec<u8> = uuid.bytes().filter(|byte| *byte != b'-').collect();
    // Places and lengths: of the data, then of the area, each list with a zero at its end.
    let areas = [data, 0, 0, 0, AREA, data - AREA, 0, 0];
    lvm_label(image, 1, &uuid.try_into().unwrap(), &areas);

    let mut text = metadata.as_bytes().to_vec();
    text.push(0);
    let mut header = [0; 512];
    header[4..20].copy_from_slice(b" LVM2 x[5A%r0N*>");
    header[20..24].copy_from_slice(&1_u32.to_le_bytes());
    let length = u64::try_from(text.len()).unwrap();
    for (at, number) in [(24, AREA), (32, data - AREA), (40, 512), (48, length)] {
        header[at..][..8].copy_from_slice(&number.to_le_bytes());
    }
    header[56..60].copy_from_slice(&lvm_checksum(&text).to_le_bytes());
    let checksum = lvm_checksum(&header[4..]);
    header[..4].copy_from_slice(&checksum.to_le_bytes());
    image.write(AREA, &header);
    image.write(AREA + 512, &text);
}

/// How long the physical volume is, in bytes.
pub fn lvm_size(metadata: &str) -> u64 {
    lvm_number(metadata, "dev_size") * 512
}

/// Where a logical volume, which is in one piece, begins in the physical one, in bytes.
pub fn lvm_start(metadata: &str, name: &str) -> u64 {
    let of_volume = metadata.split(&format!("\n{name} {{")).nth(1);
    let of_volume = of_volume.unwrap_or_else(|| panic!("there is no volume {name}"));
    let stripes = of_volume.split("stripes = [").nth(1).unwrap();
    let number = stripes.split(']').next().unwrap().split(',').nth(1);
    let extent: u64 = number.unwrap().trim().parse().unwrap();
    let extents = extent * lvm_number(metadata, "extent_size");
    (lvm_number(metadata, "pe_start") + extents) * 512
}

/// The first number of this name.
fn lvm_number(metadata: &str, name: &str) -> u64 {
    let value = metadata.split(&format!("{name} = ")).nth(1).unwrap();
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap();
    value[..end].parse().unwrap()
}

fn lvm_label(image: &Image, sector: u64, uuid: &[u8; 32], areas: &[u64]) {
    let mut label = [0; 512];
    label[..8].copy_from_slice(b"LABELONE");
    label[8..16].copy_from_slice(&sector.to_le_bytes());
    label[20..24].copy_from_slice(&32_u32.to_le_bytes());
    label[24..32].copy_from_slice(b"LVM2 001");
    label[32..64].copy_from_slice(uuid);
    label[64..72].copy_from_slice(&image.size().to_le_bytes());
    for (number, at) in areas.iter().zip((72..).step_by(8)) {
        label[at..][..8].copy_from_slice(&number.to_le_bytes());
    }
    let checksum = lvm_checksum(&label[20..]);
    label[16..20].copy_from_slice(&checksum.to_le_bytes());
    image.write(sector * 512, &label);
}

/// The CRC of Ethernet with another start and without the inversion at the end.
fn lvm_checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0xf597_a6cf_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
