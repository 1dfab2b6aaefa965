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
    let words = sb[..256].as_chunks::<4>().0;
    let sum: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_le_bytes(*word)))
        .sum();
    let folded = u32::try_from((sum & 0xffff_ffff) + (sum >> 32)).unwrap();
    sb[216..220].copy_from_slice(&folded.to_le_bytes());
    image.write(at, &sb);
}

/// Where MD 1.0 has its superblock: 8 KiB before the end, aligned to 4 KiB.
pub fn md_10_place(image: &Image) -> u64 {
    (image.size() - 8192) / 4096 * 4096
}

/// The label of an LVM physical volume (`lib/label/label.h` of LVM2) in sector `sector`.
pub fn lvm(image: &Image, sector: u64, uuid: &[u8; 32]) {
    let mut label = [0; 512];
    label[..8].copy_from_slice(b"LABELONE");
    label[8..16].copy_from_slice(&sector.to_le_bytes());
    label[20..24].copy_from_slice(&32_u32.to_le_bytes());
    label[24..32].copy_from_slice(b"LVM2 001");
    label[32..64].copy_from_slice(uuid);
    label[64..72].copy_from_slice(&image.size().to_le_bytes());
    // The CRC of Ethernet with another start and without the inversion at the end.
    let checksum = label[20..].iter().fold(0xf597_a6cf_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    label[16..20].copy_from_slice(&checksum.to_le_bytes());
    image.write(sector * 512, &label);
}
