//! Disks that claim to be what others are: by mistake, as a copy, or to take their place.

use pilotlight::boot::{open_disk, save};
use pilotlight::config::grub::{Platform, execute_scripts};
use pilotlight::disk::{Disk, Hardware};
use pilotlight::entry::{FileRef, SavePlace, SavedVariables};
use pilotlight::inventory::Inventory;

use super::kit::{
    Set, assembled, assert_whole, hello, inventory, names, on_usb, problems, set, with_hardware,
};
use crate::kit::{Image, debugfs, path, run};

const MIB: u64 = 1024;
const TWO: [u64; 2] = [8 * MIB; 2];
const THREE: [u64; 3] = [8 * MIB; 3];

fn open(image: &Image) -> Disk {
    Disk::open(&image.0).unwrap()
}

fn of(disks: Vec<Disk>) -> Inventory {
    let mut inventory = Inventory::new();
    for disk in disks {
        inventory.add(disk);
    }
    inventory
}

/// A copy of a disk beside it.
fn copy(set: &Set, number: usize) -> Image {
    let image = &set.disks[number];
    let copy = set.dir.image(&format!("disk{number}-copy"), image.size());
    copy.insert(0, image);
    copy
}

#[test]
fn what_can_be_plugged_in_does_not_take_the_place_of_an_array() {
    let set = set("md-raid1-stale", &TWO);
    let [newer, older] = &set.disks[..] else {
        panic!()
    };
    // The stick has the newer half, and is there first or second.
    for disks in [
        vec![on_usb(newer), open(older)],
        vec![open(older), on_usb(newer)],
    ] {
        let found = of(disks);
        let (id, _) = assembled(&found)[0];
        assert_eq!(
            (assembled(&found).len(), hello(&found, id)),
            (1, "hello\n".to_owned())
        );
        let text = problems(&found).join("\n");
        assert!(
            text.contains("which is on fixed disks: what can be plugged in is not"),
            "{text}"
        );
    }
    // Without a fixed one it is an array like others.
    let found = of(vec![on_usb(newer), on_usb(older)]);
    let (id, volume) = assembled(&found)[0];
    assert_eq!(hello(&found, id), "newer\n");
    assert!(volume.assembled.as_ref().unwrap().removable);
}

#[test]
fn what_can_be_plugged_in_does_not_complete_a_group() {
    let set = set("lvm-quiet", &TWO);
    let [first, second] = &set.disks[..] else {
        panic!()
    };
    for disks in [
        vec![open(first), on_usb(second)],
        vec![on_usb(first), open(second)],
        vec![on_usb(second), open(first)],
    ] {
        let found = of(disks);
        assert_eq!(names(&found), [""; 0]);
        assert!(
            problems(&found)
                .join("\n")
                .contains("lvm/quiet-boot can't be read: physical volume")
        );
    }
    // A whole copy on sticks stays outside.
    let found = of(vec![
        on_usb(first),
        on_usb(second),
        open(first),
        open(second),
    ]);
    let (id, volume) = assembled(&found)[0];
    assert_eq!((assembled(&found).len(), id.disk), (1, 2));
    assert!(!volume.assembled.as_ref().unwrap().removable);
    let text = problems(&found).join("\n");
    assert!(
        text.contains("disk0: says that it belongs to volume group"),
        "{text}"
    );
}

#[test]
fn a_copy_is_never_mixed_with_what_it_was_copied_from() {
    let mirror = set("md-raid1-1.2", &TWO);
    let twin = copy(&mirror, 0);
    let found = inventory([&mirror.disks[0], &mirror.disks[1], &twin]);
    assert_whole(&found, "md/boot");
    let text = problems(&found).join("\n");
    assert!(text.contains("disk0-copy: is not used for array"), "{text}");

    let stripes = set("md-raid0", &THREE);
    let twin = copy(&stripes, 1);
    let found = inventory(stripes.disks.iter().chain([&twin]));
    assert_eq!(names(&found), ["md/boot -"]);
    assert!(
        problems(&found)
            .join("\n")
            .contains("its member 1 is there twice")
    );

    let group = set("lvm-quiet", &TWO);
    let twin = copy(&group, 1);
    let found = inventory(group.disks.iter().chain([&twin]));
    assert_eq!(names(&found), ["lvm/quiet-boot -"]);
    let text = problems(&found).join("\n");
    assert!(
        text.contains("is there twice, and volume group quiet has others"),
        "{text}"
    );

    // With one disk there is nothing to be mixed.
    let single = set("demo-boot-64", &[64 * MIB]);
    let twin = copy(&single, 0);
    let found = inventory([&single.disks[0], &twin]);
    assert_eq!(names(&found), ["md/boot LVM2_member", "lvm/demo-boot -"]);
}

#[test]
fn two_paths_to_one_disk_are_one() {
    let group = set("lvm-quiet", &TWO);
    let hardware = |serial: &str| Hardware {
        serial: Some(serial.to_owned()),
        ..Hardware::default()
    };
    let found = of(vec![
        with_hardware(&group.disks[0], hardware("a")),
        with_hardware(&group.disks[1], hardware("b")),
        with_hardware(&group.disks[1], hardware("b")),
    ]);
    assert_whole(&found, "lvm/quiet-boot");
    let text = problems(&found).join("\n");
    assert!(text.contains("by another path"), "{text}");
}

#[test]
fn a_name_that_two_have_means_neither() {
    let first = set("md-raid1-1.2", &TWO);
    let second = set("md-raid1-1.1", &TWO);
    let found = inventory([&first.disks[0], &second.disks[0]]);
    assert_eq!(names(&found), ["md/boot ext4", "md/boot ext4"]);
    let ids: Vec<String> = assembled(&found)
        .iter()
        .map(|(_, volume)| volume.assembled.as_ref().unwrap().id.clone())
        .collect();
    assert_ne!(ids[0], ids[1]);
    let text = problems(&found).join("\n");
    assert!(
        text.contains("md/boot: another one is called md/boot, too: GRUB's name for it is mduuid/")
    );
    let script = |text: String| execute_scripts(&found, Platform::Pc, &[text]).remove(0);
    let printed = script("cat (md/boot)/hello".to_owned());
    assert!(
        printed.contains("error: disk `md/boot' not found"),
        "{printed}"
    );
    for id in ids {
        assert_eq!(script(format!("cat ({id})/hello")), "hello\n\n");
    }
    // One that was plugged in does not make the name of the other one useless, and does not get it.
    let found = of(vec![on_usb(&second.disks[0]), open(&first.disks[0])]);
    let volumes = assembled(&found);
    let fixed = volumes.iter().find(|(id, _)| id.disk == 1).unwrap();
    let id = &fixed.1.assembled.as_ref().unwrap().id;
    assert_eq!(problems(&found).len(), 2, "{:?}", problems(&found));
    // The configuration is on the first disk here, the stick: there the name is its own.
    let text = "probe --set=x --fs-uuid md/boot\nsearch --set=y --file /hello\necho $y".to_owned();
    let printed = execute_scripts(&found, Platform::Pc, &[text]).remove(0);
    assert!(printed.contains("md/boot"), "{printed} {id}");
}

#[test]
fn nothing_is_written_to_what_was_put_together() {
    let mirror = set("md-raid1-1.0", &TWO);
    let env = mirror.dir.file("env", b"");
    let env = env.to_str().unwrap();
    run("grub-editenv", [env, "create"]);
    for disk in &mirror.disks {
        // The data of this version begin where the disk begins.
        debugfs(disk, &format!("write {env} /env"));
    }
    let found = inventory(&mirror.disks);
    let (volume, _) = assembled(&found)[0];
    let mut saved = SavedVariables::new(SavePlace::File(FileRef {
        volume,
        path: path("/env"),
    }));
    assert!(!save(&found, &saved, &open_disk).unwrap());
    saved.set("next_entry", Some("x"));
    let before: Vec<Vec<u8>> = mirror
        .disks
        .iter()
        .map(|disk| disk.read(0, 8 << 20))
        .collect();
    let refused = save(&found, &saved, &open_disk).unwrap_err().to_string();
    assert!(
        refused.ends_with("it is on a logical volume or an array, and nothing is written to those"),
        "{refused}"
    );
    for (disk, before) in mirror.disks.iter().zip(before) {
        assert!(disk.read(0, 8 << 20) == before);
    }
}
