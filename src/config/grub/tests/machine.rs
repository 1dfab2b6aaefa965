//! What scripts are told of the machine.

use super::{KERNELS, listed, problems};
use crate::config::grub::{Platform, evaluate, execute_scripts};
use crate::entry::FileRef;
use crate::fs::{FsPath, MemoryFilesystem};
use crate::inventory::Inventory;
use crate::smbios::Smbios;

#[test]
fn what_a_bios_tells_of_where_it_started_grub() {
    let filesystem = MemoryFilesystem::new().file("/k1", "").file(
        "/boot/grub/grub.cfg",
        "menuentry A { linux /k1 $cmdpath; }\n",
    );
    let mut inventory = Inventory::new();
    let volume = inventory.add_filesystem("abc", Box::new(filesystem));
    let path = FsPath::new("/boot/grub/grub.cfg").unwrap();
    let file = FileRef { volume, path };
    for (platform, expected) in [
        (Platform::Pc, "BOOT_IMAGE=/k1 (hd0)"),
        (Platform::Efi, "BOOT_IMAGE=/k1 (hd0,gpt2)/boot/grub"),
    ] {
        let found = evaluate(&inventory, &file, platform);
        assert_eq!(found.entries[0].cmdline, expected);
    }
}

#[test]
fn asking_for_the_setup_of_the_firmware_is_not_going_there() {
    let config = "fwsetup --is-supported\nif [ \"$?\" = 0 ]; then menuentry Setup { fwsetup; }; fi\n\
                  menuentry A { linux /k1; }\n";
    let found = listed(config, &KERNELS);
    assert_eq!(found.problems, [""; 0]);
    assert_eq!(found.entries.len(), 2);
    assert_eq!(
        problems(&found.entries[0]),
        ["it starts no system: `fwsetup'"]
    );
    assert!(found.entries[1].bootable());
}

/// A system and two memory modules, as SMBIOS 3 describes them.
fn tables() -> Option<Smbios> {
    let mut table = vec![1, 27, 7, 0, 1, 2, 0, 0];
    table.extend(0..16);
    table.extend([6, 0, 0]);
    table.extend(b"Acme: Inc.\0Model 5\0\0");
    for handle in [8, 9] {
        table.extend([17, 12, handle, 0, 0xfe, 0xff, 1, 2, 3, 4, 5, 6]);
        table.extend(b"DIMM\0\0");
    }
    table.extend([127, 4, 10, 0, 0, 0]);
    let mut point = b"_SM3_".to_vec();
    point.resize(24, 0);
    point[12] = 200;
    Smbios::parse(&point, table)
}

#[test]
fn what_the_firmware_says_of_the_machine() {
    for (line, printed) in [
        ("smbios -t 1 -s 4", "Acme: Inc.\n"),
        ("smbios -t 1 --get-string=4 --linux", "AcmeInc.\n"),
        (
            "smbios --type 1 --get-string 5 --set x; echo $x",
            "Model 5\n",
        ),
        ("smbios -t 1 -u 8", "03020100-0504-0706-0809-0a0b0c0d0e0f\n"),
        ("smbios -t 17 -w 2", "8\n"),
        ("smbios -t 17 -m 2 -b 2", "9\n"),
        ("smbios -h 0x9 -w 4", "65534\n"),
        ("smbios -t 17 -d 4", "33685502\n"),
        ("smbios -t 17 -q 4", "433757350076219390\n"),
        ("smbios -s 4", "Acme: Inc.\n"),
        (
            "smbios -t 17 -m 3 -b 2; echo $?",
            "error: no structure matched the given options.\n29\n",
        ),
        (
            "smbios -t 1 -b 27; echo $?",
            "error: the given offset is outside the structure.\n11\n",
        ),
        (
            "smbios -t 1 -u 12; echo $?",
            "error: the field ends outside the structure.\n11\n",
        ),
        (
            "smbios -t 1 -s 6; echo $?",
            "error: failed to retrieve the structure field.\n29\n",
        ),
        (
            "smbios -t 256 -b 1; echo $?",
            "error: the type must be between 0 and 255.\n18\n",
        ),
        (
            "smbios -h 65536 -b 1; echo $?",
            "error: the handle must be between 0 and 65535.\n18\n",
        ),
        (
            "smbios -m 0 -b 1; echo $?",
            "error: the match must be a positive integer.\n18\n",
        ),
        (
            "smbios -t 1; echo $?",
            "error: one of the --get options is required.\n18\n",
        ),
        (
            "smbios -b 1 -w 1; echo $?",
            "error: only one --get option is usable at a time.\n18\n",
        ),
        (
            "smbios -t x -b 1; echo $?",
            "error: the argument `--type' requires an integer.\n18\n",
        ),
    ] {
        let inventory = Inventory::new().described(tables());
        let output = execute_scripts(&inventory, Platform::Efi, &[line.to_owned()]);
        assert_eq!(output, [printed], "{line}");
    }
    let without = execute_scripts(
        &Inventory::new(),
        Platform::Efi,
        &["smbios -t 1 -s 4; echo $?".to_owned()],
    );
    assert!(without[0].ends_with("error: the SMBIOS entry point structure was not found.\n29\n"));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn what_the_processor_can_do() {
    let line =
        "for x in '' -l -p --pae; do if cpuid $x; then echo yes; fi; done; cpuid -z; echo $?";
    let output = execute_scripts(&Inventory::new(), Platform::Efi, &[line.to_owned()]);
    assert_eq!(
        output,
        ["yes\nyes\nyes\nyes\nerror: unknown argument `-z'.\n18\n"]
    );
}
