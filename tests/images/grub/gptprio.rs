//! `gptprio.next` on partition tables that `sfdisk` writes: priority in bits 48 to 51, tries in 52 to 55,
//! success in bit 56.

use pilotlight::config::grub::{Platform, execute_scripts};
use pilotlight::disk::Disk;
use pilotlight::inventory::Inventory;

use crate::kit::{MIB, run_with_input, temp_dir};

const USR: &str = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6";
const OTHER: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";

/// What it chooses among partitions with these types and attribute bits.
fn chosen(partitions: &[(&str, &str)]) -> String {
    let dir = temp_dir();
    let image = dir.image("disk.raw", 8 * MIB);
    let mut table = "label: gpt\n".to_owned();
    for (i, (kind, bits)) in partitions.iter().enumerate() {
        let uuid = format!("00000000-0000-0000-0000-00000000000{i}");
        let attributes = match *bits {
            "" => String::new(),
            bits => format!(", attrs=\"GUID:{bits}\""),
        };
        table += &format!("size=1M, type={kind}, uuid={uuid}{attributes}\n");
    }
    run_with_input("sfdisk", ["--quiet", image.path()], &table);
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&image.0).unwrap());
    let script = "root=hd0,gpt1\ngptprio.next -d usr -u uuid; echo $? $usr $uuid\n";
    execute_scripts(&inventory, Platform::Efi, &[script.to_owned()]).remove(0)
}

#[test]
fn the_next_system_is_the_one_of_the_highest_priority_that_may_be_tried() {
    let none = "error: no such partition.\n12\n";
    for (partitions, expected) in [
        // Successful, without tries.
        (
            &[(USR, "48,56"), (USR, "49")][..],
            "0 hd0,gpt1 00000000-0000-0000-0000-000000000000\n",
        ),
        // A try is left for the one with the higher priority.
        (
            &[(USR, "48,56"), (USR, "49,52")],
            "0 hd0,gpt2 00000000-0000-0000-0000-000000000001\n",
        ),
        // The first of two that are equal.
        (
            &[(USR, "49,56"), (USR, "49,52")],
            "0 hd0,gpt1 00000000-0000-0000-0000-000000000000\n",
        ),
        // Others do not count, nor does one without priority.
        (
            &[(OTHER, "51,56"), (USR, "56"), (USR, "48,53")],
            "0 hd0,gpt3 00000000-0000-0000-0000-000000000002\n",
        ),
        (&[(OTHER, "48,56"), (USR, "52,56"), (USR, "51")], none),
        (&[(USR, "")], none),
    ] {
        assert_eq!(chosen(partitions), expected, "{partitions:?}");
    }
}

#[test]
fn both_variables_are_wanted() {
    let script =
        "root=hd0\ngptprio.next -d usr; echo $?\nunset root\ngptprio.next -d a -u b; echo $?\n";
    let printed = execute_scripts(&Inventory::new(), Platform::Efi, &[script.to_owned()]);
    assert_eq!(
        printed,
        ["error: -d and -u are required.\n17\nerror: variable `root' isn't set.\n13\n"]
    );
}
