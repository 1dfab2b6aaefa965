//! Where configurations are found on whole disks, and how they lead to each other.

use pilotlight::boot::plan;
use pilotlight::config::{Found, discover};
use pilotlight::disk::Disk;
use pilotlight::inventory::Inventory;
use pilotlight::policy::Boot;

use crate::kit::{Image, MIB, TempDir, run, run_line, run_with_input, temp_dir};
use crate::uki::kernel;

const BOOT: &str = "01234567-89ab-cdef-0123-456789abcdef";
const ROOT: &str = "11234567-89ab-cdef-0123-456789abcdef";

/// Files with their content.
type Files<'a> = &'a [(&'a str, &'a str)];

/// What Debian puts beside GRUB on the ESP; the prefix is that of its GRUB on the volume.
fn stub(uuid: &str, prefix: &str) -> String {
    format!(
        "search.fs_uuid {uuid} root \nset prefix=($root)'{prefix}'\nconfigfile $prefix/grub.cfg\n"
    )
}

fn tree(dir: &TempDir, name: &str, files: Files<'_>) -> String {
    for (path, content) in files {
        let content = match (*path, *content) {
            KERNEL => kernel(),
            _ => content.as_bytes().to_vec(),
        };
        dir.file(&format!("{name}{path}"), &content);
    }
    dir.path().join(name).to_str().unwrap().to_owned()
}

fn fat(dir: &TempDir, name: &str, files: Files<'_>) -> Image {
    let tree = tree(dir, name, files);
    let image = dir.image(&format!("{name}.img"), 8 * MIB);
    run_line("mkfs.vfat -F 12 {}", &image);
    for item in std::fs::read_dir(&tree).unwrap() {
        let path = item.unwrap().path();
        run(
            "mcopy",
            ["-s", "-i", image.path(), path.to_str().unwrap(), "::"],
        );
    }
    image
}

/// An ext4 with these files, and symbolic links to others.
fn ext(dir: &TempDir, name: &str, uuid: &str, files: Files<'_>, links: Files<'_>) -> Image {
    let tree = tree(dir, name, files);
    for (path, target) in links {
        std::os::unix::fs::symlink(target, format!("{tree}{path}")).unwrap();
    }
    let image = dir.image(&format!("{name}.img"), 8 * MIB);
    run_line(
        &format!("mke2fs -q -t ext4 -U {uuid} -d {tree} {{}}"),
        &image,
    );
    image
}

/// A disk with partitions of 8 MiB, each with its type.
fn disk(dir: &TempDir, name: &str, label: &str, partitions: &[(&str, &Image)]) -> Image {
    let count = partitions.len() as u64;
    let disk = dir.image(name, (8 * count + 2) * MIB);
    let mut table = format!("label: {label}\n");
    for (i, (kind, _)) in (0_u64..).zip(partitions) {
        table += &format!("start={}, size=16384, type={kind}\n", 2048 + i * 16384);
    }
    run_with_input("sfdisk", ["--quiet", disk.path()], &table);
    for (i, (_, image)) in (0_u64..).zip(partitions) {
        disk.insert((1 + 8 * i) * MIB, image);
    }
    disk
}

/// What is found on disks.
fn look(disks: &[&Image]) -> (Inventory, Found) {
    let mut inventory = Inventory::new();
    for disk in disks {
        inventory.add(Disk::open(&disk.0).unwrap());
    }
    let found = discover(&inventory);
    (inventory, found)
}

/// Ids of the entries, in order; `*` marks the defaults.
fn ids(found: &Found) -> Vec<String> {
    let name = |entry: &pilotlight::entry::BootEntry| {
        let star = if entry.default { "*" } else { "" };
        format!("{star}{}", entry.id)
    };
    found.entries.iter().map(name).collect()
}

/// Where reading began, as number of the disk, of the volume, and path.
fn origins(found: &Found) -> Vec<String> {
    let origin = |configuration: &pilotlight::config::Configuration| {
        let file = &configuration.file;
        format!("{} {} {}", file.volume.disk, file.volume.volume, file.path)
    };
    found.configurations.iter().map(origin).collect()
}

fn problems(found: &Found) -> Vec<&str> {
    found.problems.iter().map(|p| p.text.as_str()).collect()
}

/// What [`tree`] makes the least that counts as a kernel.
const KERNEL: (&str, &str) = ("/k", "kernel");

#[test]
fn an_esp_with_a_boot_of_its_own() {
    let dir = temp_dir();
    let main = "menuentry Debian --id debian { linux /k $grub_platform; }\n\
                if [ -f $prefix/custom.cfg ]; then source $prefix/custom.cfg; fi\n";
    let esp_stub = stub(BOOT, "/grub");
    let esp = fat(
        &dir,
        "esp",
        &[
            ("/EFI/debian/grub.cfg", &esp_stub),
            ("/EFI/BOOT/grub.cfg", &esp_stub),
        ],
    );
    let custom = "menuentry Mine { linux /k custom; }\n";
    let boot = ext(
        &dir,
        "boot",
        BOOT,
        &[
            KERNEL,
            ("/grub/grub.cfg", main),
            ("/grub/custom.cfg", custom),
        ],
        &[("/boot", "."), ("/grub2", "grub")],
    );
    // It was there before /boot was a filesystem of its own.
    let old = "menuentry Old { linux /boot/k; }\n";
    let root = ext(
        &dir,
        "root",
        ROOT,
        &[("/boot/k", "kernel"), ("/boot/grub/grub.cfg", old)],
        &[],
    );
    let disk = disk(
        &dir,
        "disk",
        "gpt",
        &[("uefi", &esp), ("linux", &root), ("linux", &boot)],
    );
    let (_, found) = look(&[&disk]);
    assert_eq!(ids(&found), ["*debian", "Mine", "*Old"]);
    assert_eq!(found.entries[0].cmdline, "BOOT_IMAGE=/k efi");
    assert_eq!(
        origins(&found),
        [
            "0 0 /EFI/debian/grub.cfg",
            "0 0 /EFI/BOOT/grub.cfg",
            "0 1 /boot/grub/grub.cfg"
        ]
    );
    assert!(found.configurations[1].entries.is_empty());
    assert_eq!(problems(&found), [""; 0]);
}

#[test]
fn one_configuration_by_several_paths() {
    for links in [
        &[("/boot/grub2", "grub")][..],
        &[("/grub", "boot/grub"), ("/grub2", "boot/grub")],
        &[("/boot/boot", "."), ("/grub2", "boot/boot/grub")],
    ] {
        let dir = temp_dir();
        let files = [
            KERNEL,
            ("/boot/grub/grub.cfg", "menuentry A { linux /k; }\n"),
        ];
        let image = ext(&dir, "root", ROOT, &files, links);
        let (_, found) = look(&[&image]);
        assert_eq!(ids(&found), ["*A"], "{links:?}");
        assert_eq!(origins(&found), ["0 0 /boot/grub/grub.cfg"]);
    }
    // Files that say the same are not one file.
    let dir = temp_dir();
    let text = "menuentry A { linux /k $prefix; }\n";
    let files = [
        KERNEL,
        ("/boot/grub/grub.cfg", text),
        ("/grub/grub.cfg", text),
    ];
    let image = ext(&dir, "root", ROOT, &files, &[]);
    assert_eq!(look(&[&image]).1.entries.len(), 2);
}

#[test]
fn a_stub_leads_to_another_disk() {
    let dir = temp_dir();
    let esp = fat(
        &dir,
        "esp",
        &[("/EFI/ubuntu/grub.cfg", &stub(ROOT, "/boot/grub"))],
    );
    let main =
        "set default=B\nmenuentry A { linux /k; }\nmenuentry B { linux /k $grub_platform; }\n";
    let root = ext(
        &dir,
        "root",
        ROOT,
        &[KERNEL, ("/boot/grub/grub.cfg", main)],
        &[],
    );
    let first = disk(&dir, "first", "gpt", &[("uefi", &esp)]);
    let second = disk(&dir, "second", "gpt", &[("linux", &root)]);
    let (inventory, found) = look(&[&first, &second]);
    assert_eq!(ids(&found), ["A", "*B"]);
    assert_eq!(origins(&found), ["0 0 /EFI/ubuntu/grub.cfg"]);
    let kernel = found.entries[0].kernel.as_ref().unwrap();
    assert_eq!(
        inventory.describe(kernel).to_string(),
        format!("{} partition 1: /k", second.path())
    );
    // The other way round it is found before the stub, and is the same for GRUB.
    let (_, found) = look(&[&second, &first]);
    assert_eq!(ids(&found), ["A", "*B"]);
    assert_eq!(found.entries[1].cmdline, "BOOT_IMAGE=/k efi");
    assert_eq!(
        origins(&found),
        ["0 0 /boot/grub/grub.cfg", "1 0 /EFI/ubuntu/grub.cfg"]
    );
}

#[test]
fn the_own_configuration_of_a_disk_comes_first() {
    let dir = temp_dir();
    let make = |name: &str, title: &str| {
        let esp = fat(
            &dir,
            &format!("esp-{name}"),
            &[("/EFI/debian/grub.cfg", &stub(ROOT, "/boot/grub"))],
        );
        let config = format!("menuentry {title} {{ linux /k $root; }}\n");
        let files = [KERNEL, ("/boot/grub/grub.cfg", config.as_str())];
        // A copy of a disk has the same UUIDs.
        let root = ext(&dir, &format!("root-{name}"), ROOT, &files, &[]);
        disk(&dir, name, "gpt", &[("uefi", &esp), ("linux", &root)])
    };
    let (first, second) = (make("first", "One"), make("second", "Two"));
    let (_, found) = look(&[&first, &second]);
    assert_eq!(ids(&found), ["*One", "*Two"]);
    for entry in &found.entries {
        let kernel = entry.kernel.as_ref().unwrap();
        assert_eq!(kernel.volume.disk, entry.origin.file.volume.disk);
        assert_eq!(entry.cmdline, "BOOT_IMAGE=/k hd0,gpt2");
    }
}

#[test]
fn a_stub_whose_volume_is_gone_says_which() {
    let dir = temp_dir();
    let esp = fat(
        &dir,
        "esp",
        &[("/EFI/debian/grub.cfg", &stub(ROOT, "/boot/grub"))],
    );
    let disk = disk(&dir, "disk", "gpt", &[("uefi", &esp)]);
    let (_, found) = look(&[&disk]);
    assert_eq!(ids(&found), [""; 0]);
    let place = "(hd0,gpt1)/EFI/debian/grub.cfg, line";
    assert_eq!(
        problems(&found),
        [
            format!("{place} 1, column 1: no such device: {ROOT}"),
            format!("{place} 3, column 1: file `/boot/grub/grub.cfg' not found"),
        ]
    );
}

#[test]
fn a_stub_of_fedora_stays_on_its_disk() {
    let dir = temp_dir();
    let stub = format!(
        "search --no-floppy --root-dev-only --fs-uuid --set=dev {BOOT}\nset prefix=($dev)/grub2\n\
         export $prefix\nconfigfile $prefix/grub.cfg\n"
    );
    let esp = fat(&dir, "esp", &[("/EFI/fedora/grub.cfg", &stub)]);
    let config = "menuentry A { linux /k $root; }\n";
    let boot = ext(
        &dir,
        "boot",
        BOOT,
        &[KERNEL, ("/grub2/grub.cfg", config)],
        &[],
    );
    let whole = disk(&dir, "whole", "gpt", &[("uefi", &esp), ("linux", &boot)]);
    let (_, found) = look(&[&whole]);
    assert_eq!(origins(&found), ["0 0 /EFI/fedora/grub.cfg"]);
    assert_eq!(ids(&found), ["*A"]);
    let first = disk(&dir, "first", "gpt", &[("uefi", &esp)]);
    let second = disk(&dir, "second", "gpt", &[("linux", &boot)]);
    let (_, found) = look(&[&first, &second]);
    assert_eq!(
        origins(&found),
        ["0 0 /EFI/fedora/grub.cfg", "1 0 /grub2/grub.cfg"]
    );
    assert_eq!(found.configurations[0].entries, 0..0);
    let place = "(hd0,gpt1)/EFI/fedora/grub.cfg, line 1, column 1";
    assert_eq!(
        problems(&found)[0],
        format!("{place}: no such device: {BOOT}")
    );
}

#[test]
fn two_systems_on_one_disk() {
    let dir = temp_dir();
    let fedora = format!(
        "search --no-floppy --root-dev-only --fs-uuid --set=dev {BOOT}\nset prefix=($dev)/grub2\n\
         export $prefix\nconfigfile $prefix/grub.cfg\n"
    );
    let esp = fat(
        &dir,
        "esp",
        &[
            ("/EFI/BOOT/grub.cfg", &fedora),
            ("/EFI/debian/grub.cfg", &stub(ROOT, "/boot/grub")),
            ("/EFI/fedora/grub.cfg", &fedora),
        ],
    );
    let debian = "set fallback=1\nmenuentry Debian { linux /k; }\nmenuentry Older { linux /k; }\n\
                  menuentry Third { linux /k; }\n";
    let root = ext(
        &dir,
        "root",
        ROOT,
        &[KERNEL, ("/boot/grub/grub.cfg", debian)],
        &[],
    );
    let entry = "title Fedora\nlinux /k\noptions ro\n";
    let config = "search --no-floppy --fs-uuid --set=boot $boot_uuid\n\
                  search --no-floppy --fs-uuid --set=root $boot_uuid\nblscfg\n";
    let config = config.replace("$boot_uuid", BOOT);
    let boot = ext(
        &dir,
        "boot",
        BOOT,
        &[
            KERNEL,
            ("/grub2/grub.cfg", &config),
            ("/loader/entries/fedora.conf", entry),
        ],
        &[],
    );
    let disk = disk(
        &dir,
        "disk",
        "gpt",
        &[("uefi", &esp), ("linux", &root), ("linux", &boot)],
    );
    let (_, found) = look(&[&disk]);
    assert_eq!(ids(&found), ["*Debian", "Older", "Third", "*fedora"]);
    assert_eq!(
        origins(&found),
        [
            "0 0 /EFI/debian/grub.cfg",
            "0 0 /EFI/fedora/grub.cfg",
            "0 0 /EFI/BOOT/grub.cfg"
        ]
    );
    assert_eq!(problems(&found), [""; 0]);
    let plan = plan(&found, &[], &Boot::default()).into_iter();
    let order: Vec<&str> = plan.map(|entry| entry.id.as_str()).collect();
    assert_eq!(order, ["Debian", "Older", "fedora", "Third"]);
}

#[test]
fn a_stick_without_an_efi_system_partition() {
    let dir = temp_dir();
    let config = "menuentry Live { linux /k $grub_platform; }\n";
    let stick = fat(&dir, "stick", &[KERNEL, ("/EFI/BOOT/grub.cfg", config)]);
    let partitioned = disk(&dir, "disk", "dos", &[("c", &stick)]);
    for image in [&stick, &partitioned] {
        let (_, found) = look(&[image]);
        assert_eq!(ids(&found), ["*Live"]);
        assert_eq!(found.entries[0].cmdline, "BOOT_IMAGE=/k efi");
    }
}
