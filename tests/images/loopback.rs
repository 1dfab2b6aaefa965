//! Live media, given as disks and as files on one: the shapes of Debian's and Ubuntu's.

use pilotlight::config::discover;
use pilotlight::disk::Disk;
use pilotlight::entry::{FileRef, VolumeId};
use pilotlight::inventory::{ImageError, Inventory};
use sha2::{Digest, Sha256};

use crate::cli::{broken, json, kernel, pilotlight, text};
use crate::kit::{Image, MIB, TempDir, copy_in, noise, path, run, run_line, temp_dir};

const DEBIAN_UUID: &str = "2026-01-10-10-00-00-00";
const UBUNTU_UUID: &str = "2026-02-20-20-00-00-00";

/// The grub.cfg on the EFI system partition finds the medium; on the medium one file sources another.
const DEBIAN: [(&str, &str); 5] = [
    (".disk/info", "Debian GNU/Linux 13 live\n"),
    (
        "boot/grub/grub.cfg",
        "source /boot/grub/config.cfg\n\
         menuentry \"Live system (amd64)\" --hotkey=l {\n\
         \tlinux\t/live/vmlinuz boot=live components quiet splash findiso=${iso_path}\n\
         \tinitrd\t/live/initrd.img\n}\n\
         submenu 'Utilities...' --hotkey=u {\n\
         \tmenuentry \"Fail-safe\" {\n\
         \t\tlinux /live/vmlinuz boot=live noapic findiso=${iso_path}\n\
         \t\tinitrd /live/initrd.img\n\t}\n}\n",
    ),
    (
        "boot/grub/config.cfg",
        "set default=0\nif [ x$feature_default_font_path = xy ] ; then\n font=unicode\nfi\ninsmod all_video\n",
    ),
    ("boot/grub/loopback.cfg", "source /boot/grub/grub.cfg\n"),
    ("live/initrd.img", "initrd of Debian\n"),
];

const UBUNTU: [(&str, &str); 3] = [
    (
        "boot/grub/grub.cfg",
        "set timeout=30\nloadfont unicode\nset menu_color_normal=white/black\n\
         menuentry \"Try or Install Ubuntu\" {\n\
         \tset gfxpayload=keep\n\tlinux\t/casper/vmlinuz  --- quiet splash\n\tinitrd\t/casper/initrd\n}\n\
         grub_platform\nif [ \"$grub_platform\" = \"efi\" ]; then\n\
         menuentry 'Boot from next volume' {\n\texit 1\n}\nfi\n",
    ),
    (
        "boot/grub/loopback.cfg",
        "menuentry \"Try or Install Ubuntu\" {\n\tset gfxpayload=keep\n\
         \tlinux\t/casper/vmlinuz  iso-scan/filename=${iso_path} --- quiet splash\n\
         \tinitrd\t/casper/initrd\n}\n",
    ),
    ("casper/initrd", "initrd of Ubuntu\n"),
];

/// What the EFI program of Debian's media reads first.
const STUB: &str = "search --file --set=root /.disk/info\nset prefix=($root)/boot/grub\n\
                    source $prefix/grub.cfg\n";

/// What people write into `40_custom`.
const CUSTOM: &str = "menuentry 'Debian live' --id live {\n\
    \tset iso_path=/images/debian.iso\n\texport iso_path\n\
    \tsearch --no-floppy --set=root --file $iso_path\n\
    \tloopback loop ($root)$iso_path\n\troot=(loop)\n\
    \tconfigfile /boot/grub/loopback.cfg\n\tloopback --delete loop\n}\n\
    menuentry 'Ubuntu' --id ubuntu {\n\
    \tset isofile=/images/ubuntu.iso\n\tloopback loop $isofile\n\
    \tlinux (loop)/casper/vmlinuz boot=casper iso-scan/filename=$isofile noprompt ---\n\
    \tinitrd (loop)/casper/initrd\n}\n\
    menuentry 'Gone' --id gone {\n\
    \tloopback loop /images/gone.iso\n\tlinux (loop)/vmlinuz\n}\n";

/// A hybrid medium with an EFI system partition in it; its second tree begins with its first partition.
fn medium(
    dir: &TempDir,
    name: &str,
    files: &[(&str, &str)],
    kernel_at: &str,
    date: &str,
    options: &[&str],
) -> Image {
    for (path, content) in files {
        dir.file(&format!("{name}/{path}"), content.as_bytes());
    }
    dir.file(&format!("{name}/{kernel_at}"), &kernel(7));
    // Longer than anything that is kept in memory.
    dir.file(&format!("{name}/filesystem.squashfs"), &noise(2 << 20, 5));
    let esp = dir.image(&format!("{name}.esp"), 2 * MIB);
    run_line("mkfs.vfat -n LIVE_ESP {}", &esp);
    run_line("mmd -i {} ::EFI ::EFI/debian", &esp);
    let stub = dir.file(&format!("{name}.cfg"), STUB.as_bytes());
    copy_in(&esp, &stub, "EFI/debian/grub.cfg");
    std::fs::create_dir_all(dir.path().join("tree/images")).unwrap();
    let image = dir.image(&format!("tree/images/{name}.iso"), 0);
    let date = format!("--modification-date={}", date.replace('-', ""));
    let tree = dir.path().join(name);
    let common = [
        "-as",
        "mkisofs",
        "-quiet",
        "-R",
        "-J",
        "-V",
        name,
        &date,
        "-o",
        image.path(),
    ];
    let esp = ["-append_partition", "2", "0xef", esp.path()];
    let tree = [tree.to_str().unwrap()];
    run("xorriso", [&common[..], &esp, options, &tree].concat());
    image
}

fn debian(dir: &TempDir) -> Image {
    medium(dir, "debian", &DEBIAN, "live/vmlinuz", DEBIAN_UUID, &[])
}

fn ubuntu(dir: &TempDir) -> Image {
    let options = ["-partition_offset", "16", "-appended_part_as_gpt"];
    medium(
        dir,
        "ubuntu",
        &UBUNTU,
        "casper/vmlinuz",
        UBUNTU_UUID,
        &options,
    )
}

/// Of each entry: the titles, whether it can be booted, and its command line.
fn summary(disk: &Image) -> Vec<String> {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&disk.0).unwrap());
    let found = discover(&inventory);
    let entries = found.entries.iter();
    entries
        .map(|entry| {
            let titles = [&entry.submenu[..], std::slice::from_ref(&entry.title)].concat();
            let mark = if entry.bootable() { "" } else { "! " };
            format!("{mark}{}: {}", titles.join(" > "), entry.cmdline)
        })
        .collect()
}

#[test]
fn media_as_disks() {
    let dir = temp_dir();
    assert_eq!(
        summary(&debian(&dir)),
        [
            "Live system (amd64): BOOT_IMAGE=/live/vmlinuz boot=live components quiet splash findiso=",
            "Utilities... > Fail-safe: BOOT_IMAGE=/live/vmlinuz boot=live noapic findiso=",
        ]
    );
    assert_eq!(
        summary(&ubuntu(&dir)),
        [
            "Try or Install Ubuntu: BOOT_IMAGE=/casper/vmlinuz --- quiet splash",
            "! Boot from next volume: ",
        ]
    );
}

/// A medium that has nothing but a configuration for being started from a file.
#[test]
fn a_medium_with_a_configuration_for_files_only() {
    let dir = temp_dir();
    let image = medium(
        &dir,
        "ubuntu",
        &UBUNTU[1..],
        "casper/vmlinuz",
        UBUNTU_UUID,
        &[],
    );
    assert_eq!(
        summary(&image),
        ["Try or Install Ubuntu: BOOT_IMAGE=/casper/vmlinuz iso-scan/filename= --- quiet splash"]
    );
}

/// A filesystem, made by this line, with the media and a configuration that starts them.
fn disk_with_media(dir: &TempDir, make: &str) -> Image {
    debian(dir);
    ubuntu(dir);
    dir.file("tree/boot/grub/grub.cfg", CUSTOM.as_bytes());
    let root = dir.image("root.img", 48 * MIB);
    let tree = dir.path().join("tree");
    run_line(&make.replace("TREE", tree.to_str().unwrap()), &root);
    if make.starts_with("mkfs.vfat") {
        for name in ["boot", "images"] {
            copy_in(&root, &tree.join(name), "");
        }
    }
    let disk = dir.image("disk.raw", 50 * MIB);
    run_line("sgdisk -n 1:2048:+48M {}", &disk);
    disk.insert(MIB, &root);
    disk
}

#[test]
fn media_in_files() {
    for make in [
        "mke2fs -q -t ext4 -d TREE {}",
        "mke2fs -q -t ext2 -b 1024 -d TREE {}",
        "mkfs.vfat -F 32 -s 1 {}",
        "mkfs.vfat -F 16 {}",
    ] {
        let dir = temp_dir();
        let disk = disk_with_media(&dir, make);
        assert_eq!(
            summary(&disk),
            [
                "Debian live > Live system (amd64): BOOT_IMAGE=/live/vmlinuz boot=live components \
                 quiet splash findiso=/images/debian.iso",
                "Debian live > Utilities... > Fail-safe: BOOT_IMAGE=/live/vmlinuz boot=live noapic \
                 findiso=/images/debian.iso",
                "Ubuntu: BOOT_IMAGE=(loop)/casper/vmlinuz boot=casper \
                 iso-scan/filename=/images/ubuntu.iso noprompt ---",
                "! Gone: BOOT_IMAGE=(loop)/vmlinuz",
            ],
            "{make}"
        );
    }
}

#[test]
fn files_of_media_are_named_and_read() {
    let dir = temp_dir();
    let disk = disk_with_media(&dir, "mke2fs -q -t ext4 -d TREE {}");
    let view = json(&[&disk]);
    assert_eq!(view["disks"].as_array().unwrap().len(), 1);
    let live = &view["entries"][0];
    assert_eq!(live["kernel"]["volume"], DEBIAN_UUID);
    assert_eq!(live["kernel"]["path"], "/live/vmlinuz");
    assert_eq!(live["origin"]["disk"], disk.path());
    assert_eq!(live["origin"]["volume"], DEBIAN_UUID);
    assert_eq!(live["origin"]["path"], "/boot/grub/grub.cfg");
    assert_eq!(live["initrd"][0]["volume"], DEBIAN_UUID);
    let ubuntu = &view["entries"][2];
    assert_eq!(ubuntu["kernel"]["volume"], UBUNTU_UUID);
    let problems = view["entries"][3]["problems"].to_string();
    assert!(problems.contains("disk `loop' not found"), "{problems}");
    assert!(
        problems.contains("file `/images/gone.iso' not found"),
        "{problems}"
    );

    let list = text(&pilotlight(&["list"], &[&disk]).stdout);
    let from = "partition 1: /images/debian.iso partition 1: /boot/grub/grub.cfg, line 2";
    assert!(list.contains(from), "{list}");

    let run = pilotlight(&["boot", "--dry-run", "--entry", "ubuntu"], &[&disk]);
    let (printed, log) = (text(&run.stdout), text(&run.stderr));
    assert!(run.status.success(), "{printed}{log}");
    for content in [&kernel(7)[..], b"initrd of Ubuntu\n"] {
        let sum: String = Sha256::digest(content)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert!(printed.contains(&sum), "{sum} is not in\n{printed}");
    }
}

#[test]
fn what_can_not_be_read_in_a_medium_names_it() {
    let dir = temp_dir();
    let disk = disk_with_media(&dir, "mke2fs -q -t ext4 -d TREE {}");
    // Wherever they are, the kernels are no kernels any more.
    let mut bytes = std::fs::read(&disk.0).unwrap();
    let kernel = kernel(7);
    let places: Vec<usize> = (0..bytes.len() - 512)
        .step_by(512)
        .filter(|at| bytes[*at..at + 512] == kernel[..512])
        .collect();
    assert_eq!(places.len(), 2);
    for at in places {
        bytes[at..at + 1024].copy_from_slice(&broken());
    }
    std::fs::write(&disk.0, bytes).unwrap();
    let run = pilotlight(&["boot", "--dry-run", "--entry", "ubuntu"], &[&disk]);
    let log = text(&run.stderr);
    let named = "partition 1: /images/ubuntu.iso: /casper/vmlinuz can't be started";
    assert!(log.contains(named), "{log}");
}

/// The volume of an image that has only one.
fn open(inventory: &Inventory, file: &FileRef) -> Result<VolumeId, ImageError> {
    let image = inventory.open_image(file)?;
    assert_eq!(image.layout.volumes.len(), 1);
    Ok(image.volume(0))
}

#[test]
fn files_in_files_are_the_same_disk_again_and_have_an_end() {
    let dir = temp_dir();
    dir.file("0/end", b"here");
    let make = |from: &str, to: &str| {
        let image = dir.image(to, 0);
        let tree = dir.path().join(from);
        run_line(
            &format!("genisoimage -quiet -R -o {{}} {}", tree.display()),
            &image,
        );
        image
    };
    for level in 1..4 {
        std::fs::create_dir(dir.path().join(level.to_string())).unwrap();
        make(&(level - 1).to_string(), &format!("{level}/inner.iso"));
    }
    for i in 0..70 {
        dir.file(&format!("3/many/{i}"), b"no filesystem");
    }
    let mut inventory = Inventory::new();
    let disk = inventory.add(Disk::open(&make("3", "disk").0).unwrap());
    let at = |volume, name: &str| FileRef {
        volume,
        path: path(name),
    };
    let own = VolumeId { disk, volume: 0 };
    let first = open(&inventory, &at(own, "/inner.iso")).unwrap();
    let second = open(&inventory, &at(first, "/inner.iso")).unwrap();
    // Disks that come later change nothing.
    inventory.add(Disk::open(&make("0", "other").0).unwrap());
    assert_eq!(open(&inventory, &at(own, "/inner.iso")).unwrap(), first);
    assert_eq!(open(&inventory, &at(first, "/inner.iso")).unwrap(), second);
    assert_ne!(first, second);
    let list = inventory
        .filesystem(second)
        .unwrap()
        .read_dir(&path("/"))
        .unwrap();
    assert_eq!(list[0].name, "inner.iso");
    let third = open(&inventory, &at(second, "/inner.iso"));
    assert!(matches!(third, Err(ImageError::TooDeep)));
    let name = inventory.describe(&at(second, "/inner.iso")).to_string();
    assert!(
        name.ends_with("/disk: /inner.iso: /inner.iso: /inner.iso"),
        "{name}"
    );
    assert!(matches!(
        open(&inventory, &at(own, "/gone")),
        Err(ImageError::File(_))
    ));
    let opened = (0..70).filter(|i| open(&inventory, &at(own, &format!("/many/{i}"))).is_ok());
    assert_eq!(opened.count(), 62);
    assert_eq!(open(&inventory, &at(own, "/inner.iso")).unwrap(), first);
}
