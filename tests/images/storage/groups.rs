//! Volume groups: what is read of them, and what is not and why.

use crate::targets::crc32_lvm;

use super::kit::{Set, assembled, assert_whole, hello, inventory, names, problems, set};

const MIB: u64 = 1024;
const TWO: [u64; 2] = [8 * MIB; 2];
const THREE: [u64; 3] = [8 * MIB; 3];
const FOUR: [u64; 4] = [32 * MIB; 4];

#[test]
fn linear_and_striped_volumes_over_several_disks() {
    let Set { disks, dir: _dir } = set("lvm-linear-striped", &THREE);
    let found = inventory(&disks);
    assert_eq!(
        names(&found),
        [
            // In GRUB's order, as far as they were there with two of the disks.
            "lvm/pilot--vg-second -",
            "lvm/pilot--vg-root--lv ext4",
            "lvm/pilot--vg-striped ext4",
        ]
    );
    for (id, _) in assembled(&found) {
        assert_eq!(hello(&found, id), "hello\n");
        // They are volumes of the disk that came first.
        assert_eq!(id.disk, 0);
    }
    assert_eq!(problems(&found), [""; 0]);
    // In another order they lie on another disk, and are the same.
    let found = inventory(disks.iter().rev());
    assert_eq!(assembled(&found).len(), 2);
    for (id, _) in assembled(&found) {
        assert_eq!(hello(&found, id), "hello\n");
    }
}

#[test]
fn a_missing_disk_takes_only_its_volumes_along() {
    let Set { disks, dir: _dir } = set("lvm-linear-striped", &THREE);
    let found = inventory(&disks[..2]);
    assert_eq!(
        names(&found),
        ["lvm/pilot--vg-second -", "lvm/pilot--vg-root--lv ext4"]
    );
    let (id, _) = assembled(&found)[0];
    assert_eq!(hello(&found, id), "hello\n");
    let missing = inventory(&disks[2..]);
    let id = missing
        .volumes()
        .next()
        .unwrap()
        .1
        .content
        .uuid
        .clone()
        .unwrap();
    assert_eq!(
        problems(&found),
        [format!(
            "disk0: lvm/pilot--vg-striped can't be read: physical volume {id} is missing"
        )]
    );
}

#[test]
fn what_is_read_of_every_kind() {
    let Set { disks, dir: _dir } = set("lvm-many-32", &FOUR);
    let found = inventory(&disks);
    let mut all = names(&found);
    all.sort();
    assert_eq!(
        all,
        [
            "lvm/many-mirror ext4",
            "lvm/many-origin ext4",
            "lvm/many-raid1 ext4",
            "lvm/many-zero -"
        ]
    );
    for (id, _) in assembled(&found) {
        assert_eq!(hello(&found, id), "hello\n", "{}", found.place(id));
    }
    let mut all = problems(&found);
    all.sort();
    let refused =
        |name: &str, reason: &str| format!("disk0: lvm/many-{name} can't be read: {reason}");
    let kind = |name: &str, kind: &str| {
        refused(name, &format!("volumes of the kind `{kind}` are not read"))
    };
    assert_eq!(
        all,
        [
            kind("cached", "cache"),
            kind("error", "error"),
            kind("pool", "thin-pool"),
            kind("raid10", "raid10"),
            kind("raid5", "raid5"),
            refused("snap", "holds what a snapshot changed"),
            kind("thin", "thin"),
        ]
    );
}

#[test]
fn one_leg_of_a_mirror_is_enough() {
    let Set { disks, dir: _dir } = set("lvm-many-32", &FOUR);
    for missing in [0, 1] {
        let mut rest = disks.clone();
        rest.remove(missing);
        let found = inventory(&rest);
        let mirror = assembled(&found)
            .into_iter()
            .find(|(id, _)| found.place(*id).to_string() == "lvm/many-raid1");
        assert_eq!(hello(&found, mirror.unwrap().0), "hello\n");
    }
}

#[test]
fn a_group_on_an_array() {
    let Set { disks, dir: _dir } = set("lvm-on-md", &TWO);
    for disks in [&disks[..], &disks[..1], &disks[1..]] {
        let found = inventory(disks);
        assert_eq!(
            names(&found),
            ["md/boot LVM2_member", "lvm/on--md-boot ext4"]
        );
        let id = assembled(&found)[1].0;
        assert_eq!(hello(&found, id), "hello\n");
    }
}

#[test]
fn a_disk_without_a_description_is_known_by_the_others() {
    let Set { disks, dir: _dir } = set("lvm-quiet", &TWO);
    assert_whole(&inventory(&disks), "lvm/quiet-boot");
    assert_whole(&inventory(disks.iter().rev()), "lvm/quiet-boot");
    let found = inventory(&disks[1..]);
    assert_eq!(names(&found), [""; 0]);
    let text = problems(&found).join("\n");
    assert!(
        text.contains("no volume group that is here has it"),
        "{text}"
    );
}

#[test]
fn an_exported_group_is_left_alone() {
    let Set { disks, dir: _dir } = set("lvm-exported", &TWO);
    let found = inventory(&disks);
    assert_eq!(names(&found), [""; 0]);
    assert_eq!(
        problems(&found),
        ["disk0: volume group quiet was exported: `vgimport` takes it into use"]
    );
}

#[test]
fn a_damaged_description_is_not_believed() {
    let Set { disks, dir: _dir } = set("lvm-quiet", &TWO);
    let label = disks[0].read(0, 4096);
    let name = b"LABELONE";
    let at = label.windows(8).position(|window| window == name).unwrap() as u64;
    // The metadata begin behind the first page: a letter of the group's name there.
    let area = disks[0].read(4096, 8192);
    let text = area
        .windows(9)
        .rposition(|window| window == b"quiet {\ni")
        .unwrap() as u64;
    for (place, reason) in [
        (at + 40, "the label of LVM is damaged"),
        (
            4096 + 20,
            "the metadata area of LVM at byte 4096 is damaged",
        ),
        (
            4096 + text,
            "the metadata area of LVM at byte 4096 is damaged",
        ),
    ] {
        let byte = disks[0].read(place, 1);
        disks[0].write(place, &[byte[0] ^ 1]);
        let found = inventory(&disks);
        assert_eq!(names(&found), [""; 0]);
        assert!(
            problems(&found).join("\n").contains(reason),
            "{:?}",
            problems(&found)
        );
        disks[0].write(place, &byte);
    }
    assert_whole(&inventory(&disks), "lvm/quiet-boot");
}

/// Where the metadata area begins, and in its header the size of the area and the place of the text.
const AREA: u64 = 4096;
const SIZE: usize = 32;
const PLACE: usize = 40;

#[test]
fn metadata_go_round_in_their_buffer() {
    let Set { disks, dir: _dir } = set("lvm-on-md", &TWO);
    // The group lies in the array, whose data begin where its superblock says.
    let sectors = disks[0].read(4096 + 128, 8);
    let area = u64::from_le_bytes(sectors.try_into().unwrap()) * 512 + AREA;
    let mut header = disks[0].read(area, 512);
    let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap());
    let (size, offset, length) = (number(SIZE), number(PLACE), number(PLACE + 8));
    let text = disks[0].read(area + offset, length as usize);
    for first in [1, 100, length - 1] {
        let offset = size - first;
        header[PLACE..PLACE + 8].copy_from_slice(&offset.to_le_bytes());
        let checksum = crc32_lvm(&header[4..]);
        header[..4].copy_from_slice(&checksum.to_le_bytes());
        let (begin, rest) = text.split_at(first as usize);
        for (at, bytes) in [(offset, begin), (512, rest), (0, &header)] {
            disks[0].write(area + at, bytes);
        }
        let found = inventory(&disks[..1]);
        assert_eq!(
            names(&found)[1],
            "lvm/on--md-boot ext4",
            "{:?}",
            problems(&found)
        );
        assert_eq!(hello(&found, assembled(&found)[1].0), "hello\n");
    }
}
