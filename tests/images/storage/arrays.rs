//! Arrays of every kind, whole and with members that are missing or out of step.

use pilotlight::disk::{Disk, TableKind};

use super::kit::{Set, assembled, assert_whole, hello, inventory, names, problems, set};
use crate::kit::Image;

const MIB: u64 = 1024;
const TWO: [u64; 2] = [8 * MIB; 2];
const THREE: [u64; 3] = [8 * MIB; 3];
const FOUR: [u64; 4] = [8 * MIB; 4];

/// Name, sizes of the disks in KiB, and how many may be missing.
const ALL: [(&str, &[u64], usize); 23] = [
    ("md-raid1-0.90", &TWO, 1),
    ("md-raid1-1.0", &TWO, 1),
    ("md-raid1-1.1", &TWO, 1),
    ("md-raid1-1.2", &TWO, 1),
    ("md-linear-unequal", &[1088, 1152, 8 * MIB], 0),
    ("md-linear-0.90-unequal", &[256, 8 * MIB], 0),
    ("md-raid0", &THREE, 0),
    ("md-raid0-original-unequal", &[1152, 1088, 8 * MIB], 0),
    ("md-raid0-alternate-unequal", &[1152, 1088, 8 * MIB], 0),
    ("md-raid10-n2", &THREE, 1),
    ("md-raid10-n3", &FOUR, 2),
    ("md-raid4", &THREE, 1),
    ("md-raid5-left-symmetric", &THREE, 1),
    ("md-raid5-left-asymmetric", &THREE, 1),
    ("md-raid5-right-symmetric", &THREE, 1),
    ("md-raid5-right-asymmetric", &THREE, 1),
    ("md-raid5-parity-first", &THREE, 1),
    ("md-raid5-parity-last", &THREE, 1),
    ("md-raid6-left-symmetric", &FOUR, 1),
    ("md-raid6-left-asymmetric", &FOUR, 1),
    ("md-raid6-right-symmetric", &FOUR, 1),
    ("md-raid6-right-asymmetric", &FOUR, 1),
    ("md-raid6-ddf-zero-restart", &FOUR, 1),
];

fn place(name: &str) -> &'static str {
    // Version 0.90 has no name but the number of the device.
    if name.contains("0.90") {
        "md/md7"
    } else {
        "md/boot"
    }
}

#[test]
fn every_kind_is_read_in_any_order() {
    for (name, sizes, _) in ALL {
        let Set { disks, dir: _dir } = set(name, sizes);
        let forward = inventory(&disks);
        assert_whole(&forward, place(name));
        assert_eq!(problems(&forward), [""; 0], "{name}");
        let backward = inventory(disks.iter().rev());
        // The half that came first may have been read alone, or not at all.
        let (id, _) = assembled(&backward)[0];
        assert_eq!(
            (assembled(&backward).len(), hello(&backward, id)),
            (1, "hello\n".to_owned())
        );
        assert_eq!(problems(&backward), [""; 0], "{name}");
    }
}

#[test]
fn as_much_is_read_as_can_be_without_a_member() {
    for (name, sizes, spare) in ALL {
        let Set { disks, dir: _dir } = set(name, sizes);
        for missing in 0..disks.len() {
            let mut rest = disks.clone();
            rest.remove(missing);
            let found = inventory(&rest);
            let text = problems(&found).join("\n");
            if spare == 0 {
                assert_eq!(names(&found), [""; 0], "{name}");
                assert!(
                    text.contains("it can't be read without all of its members"),
                    "{text}"
                );
                continue;
            }
            assert_whole(&found, place(name));
            let expected = format!(
                "{}: 1 of {} members are missing or out of step: read without them",
                place(name),
                disks.len()
            );
            assert_eq!(text, expected, "{name}");
        }
        if spare == 1 && disks.len() > 2 {
            let found = inventory(&disks[2..]);
            assert_eq!(names(&found), [""; 0], "{name}");
        }
    }
}

#[test]
fn what_is_not_read_says_why() {
    let Set { disks, dir: _dir } = set("md-raid10-f2", &FOUR);
    let found = inventory(&disks);
    assert_eq!(names(&found), [""; 0]);
    let text = problems(&found).join("\n");
    assert!(
        text.contains("is not assembled: its layout is not one that is read"),
        "{text}"
    );
}

#[test]
fn a_half_that_has_missed_something_is_not_read() {
    let Set { disks, dir: _dir } = set("md-raid1-stale", &TWO);
    let found = inventory(&disks);
    assert_eq!(names(&found), ["md/boot ext4"]);
    assert_eq!(hello(&found, assembled(&found)[0].0), "newer\n");
    let text = problems(&found).join("\n");
    assert!(text.contains("disk1: is not used for array "), "{text}");
    assert!(text.contains(": has missed "), "{text}");
    // Alone it is all that there is.
    let mut found = inventory(&disks[1..]);
    let (old, _) = assembled(&found)[0];
    assert_eq!(hello(&found, old), "hello\n");
    // The newer one comes later, and everybody who knows the older one hears that it is gone.
    found.add(Disk::open(&disks[0].0).unwrap());
    assert_eq!(names(&found), ["md/boot -", "md/boot ext4"]);
    assert!(found.filesystem(old).is_err());
    let (new, _) = assembled(&found)[0];
    assert!(new.disk == 1 && hello(&found, new) == "newer\n");
    let text = problems(&found).join("\n");
    assert!(text.contains("md/boot: not used any more"), "{text}");
}

#[test]
fn partitions_of_an_array_are_found_in_it_alone() {
    for name in ["md-raid1-partitions-1.0", "md-raid1-partitions-1.2"] {
        let Set { disks, dir: _dir } = set(name, &TWO);
        let found = inventory(&disks);
        assert_eq!(found.volumes().count(), 3, "{name}");
        assert_whole(&found, "md/boot partition 1");
        let (_, volume) = assembled(&found)[0];
        let names = volume.assembled.as_ref().unwrap();
        assert_eq!(names.table, Some(TableKind::Mbr));
        assert_eq!(volume.offset, 1 << 20);
        assert_eq!(problems(&found), [""; 0]);
    }
}

/// Where the superblock of version 1.2 is.
const SUPERBLOCK: u64 = 4096;

/// Writes into a superblock of version 1.2 and makes its checksum right.
fn edit(disk: &Image, offset: usize, bytes: &[u8]) {
    let mut sb = disk.read(SUPERBLOCK, 4096);
    sb[offset..][..bytes.len()].copy_from_slice(bytes);
    sb[216..220].fill(0);
    let devices = u32::from_le_bytes(sb[220..224].try_into().unwrap()) as usize;
    let words = sb[..256 + devices * 2].chunks(4).map(|word| {
        let mut four = [0; 4];
        four[..word.len()].copy_from_slice(word);
        u64::from(u32::from_le_bytes(four))
    });
    let sum: u64 = words.sum();
    let folded = ((sum & 0xffff_ffff) + (sum >> 32)) as u32;
    sb[216..220].copy_from_slice(&folded.to_le_bytes());
    disk.write(SUPERBLOCK, &sb);
}

/// Offsets in the superblock.
const FEATURES: usize = 8;
const LEVEL: usize = 72;
const LAYOUT: usize = 76;
const MEMBERS: usize = 92;
const DATA_SIZE: usize = 136;
const RECOVERY: usize = 152;
const DEVICE: usize = 160;
const EVENTS: usize = 200;
const RESYNC: usize = 208;
const ROLES: usize = 256;

#[test]
fn an_array_in_a_state_that_is_not_read_says_so() {
    for (offset, bytes, reason) in [
        (FEATURES, 4_u32.to_le_bytes(), "it is being reshaped"),
        (FEATURES, 512_u32.to_le_bytes(), "it has a journal"),
        (FEATURES, 256_u32.to_le_bytes(), "it belongs to a cluster"),
        (
            FEATURES,
            (1_u32 << 20).to_le_bytes(),
            "features that are not known (0x100000)",
        ),
        (
            LAYOUT,
            9_u32.to_le_bytes(),
            "its layout is not one that is read",
        ),
        (
            LEVEL,
            7_u32.to_le_bytes(),
            "its level is not one that is read",
        ),
        (MEMBERS, 0_u32.to_le_bytes(), "it has 0 members"),
        (MEMBERS, u32::MAX.to_le_bytes(), "it has 4294967295 members"),
    ] {
        let Set { disks, dir: _dir } = set("md-raid5-left-symmetric", &THREE);
        for disk in &disks {
            edit(disk, offset, &bytes);
        }
        let found = inventory(&disks);
        assert_eq!(names(&found), [""; 0], "{reason}");
        let text = problems(&found).join("\n");
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn a_member_in_a_state_that_is_not_read_is_left_out() {
    type Change = fn(&Image);
    let changes: [(Change, &str); 8] = [
        (
            |disk| disk.write(SUPERBLOCK + 200, &[7]),
            "its checksum is wrong",
        ),
        (
            |disk| {
                edit(disk, RECOVERY, &64_u64.to_le_bytes());
                edit(disk, FEATURES, &2_u32.to_le_bytes());
            },
            "is being filled",
        ),
        (
            |disk| edit(disk, FEATURES, &8_u32.to_le_bytes()),
            "has bad blocks",
        ),
        (
            |disk| edit(disk, DATA_SIZE, &(1_u64 << 40).to_le_bytes()),
            "is shorter than",
        ),
        (
            |disk| edit(disk, DEVICE, &200_u32.to_le_bytes()),
            "is a spare",
        ),
        (
            |disk| edit(disk, MEMBERS, &4_u32.to_le_bytes()),
            "describes another array",
        ),
        (
            |disk| edit(disk, ROLES, &1_u16.to_le_bytes()),
            "has another role",
        ),
        (
            |disk| edit(disk, EVENTS, &1_u64.to_le_bytes()),
            "has missed",
        ),
    ];
    for (change, reason) in changes {
        let Set { disks, dir: _dir } = set("md-raid1-1.2", &TWO);
        change(&disks[0]);
        // Two of the changes are believed of the first; the second one has the same right.
        let found = inventory(disks.iter().rev());
        assert_whole(&found, "md/boot");
        let text = problems(&found).join("\n");
        assert!(text.contains("disk0: ") && text.contains(reason), "{text}");
    }
}

#[test]
fn parity_counts_only_after_an_orderly_stop() {
    let Set { disks, dir: _dir } = set("md-raid5-left-symmetric", &THREE);
    for disk in &disks {
        edit(disk, RESYNC, &0_u64.to_le_bytes());
    }
    assert_whole(&inventory(&disks), "md/boot");
    let found = inventory(&disks[1..]);
    assert_eq!(names(&found), [""; 0]);
    let text = problems(&found).join("\n");
    assert!(text.contains("it was not stopped in order"), "{text}");
}
