//! Whole configurations: which entry GRUB starts by itself, and what that would load.

use std::process::Stdio;
use std::time::{Duration, Instant};

use pilotlight::boot::plan;
use pilotlight::config::{Found, discover};
use pilotlight::disk::Disk;
use pilotlight::inventory::Inventory;
use pilotlight::policy::Boot;

use super::booted::kernel;
use super::corpus::split;
use super::oracle::plain;
use crate::kit::{Image, MIB, TempDir, run_line, run_with_input, temp_dir, tool};

/// GRUB's own program has no command `linux`: these say what was asked for, and `initrd` ends it.
const FUNCTIONS: &str = "function linux { echo \"LINUX $*\"; }\n\
                         function initrd { echo \"INITRD $*\"; exit; }\n";

pub const MENUS: &str = include_str!("menus.txt");

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn the_entry_that_is_started_is_the_same() {
    let configurations = split(MENUS);
    assert!(configurations.len() >= 25, "{}", configurations.len());
    let mut different = Vec::new();
    for (name, text) in configurations {
        let dir = temp_dir();
        let disk = make_disk(&dir, &text, b"saved_entry=two\nnext_entry=sub>in2\n");
        let (theirs, ours) = (grub(&dir, &disk), ours(&disk));
        if theirs != ours {
            different.push(format!(
                "--- {name}\n{text}>>> GRUB\n{theirs}\n>>> we\n{ours}\n"
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Files of a kernel, some with names that need quotes.
const KERNELS: [&str; 6] = ["k1", "k2", "the kernel", "it's", "a\"b", "c\\d"];

/// A disk with this configuration, and these lines in its environment block.
pub fn make_disk(dir: &TempDir, config: &str, variables: &[u8]) -> Image {
    dir.file("tree/boot/grub/grub.cfg", config.as_bytes());
    let more = "menuentry inMore { linux /k2 more $1 $shared $own; initrd /i; }\n";
    dir.file("tree/more.cfg", more.as_bytes());
    let mut block = [b"# GRUB Environment Block\n", variables].concat();
    block.resize(1024, b'#');
    dir.file("tree/boot/grub/grubenv", &block);
    std::os::unix::fs::symlink("grubenv", dir.path().join("tree/boot/grub/link")).unwrap();
    disk_of_tree(dir)
}

/// A disk with what is in `tree`, and with kernels.
pub fn disk_of_tree(dir: &TempDir) -> Image {
    for (name, content) in [("i", "i"), ("other", "other"), ("empty", "")] {
        dir.file(&format!("tree/{name}"), content.as_bytes());
    }
    for name in KERNELS {
        dir.file(&format!("tree/{name}"), kernel());
    }
    let ext = dir.image("ext.img", 8 * MIB);
    let tree = dir.path().join("tree");
    run_line(
        &format!("mke2fs -q -t ext4 -d {} {{}}", tree.display()),
        &ext,
    );
    let disk = dir.image("disk.raw", 16 * MIB);
    run_with_input(
        "sfdisk",
        ["--quiet", disk.path()],
        "label: gpt\nstart=2048, size=16384\n",
    );
    disk.insert(MIB, &ext);
    disk
}

/// What the entry prints that GRUB starts by itself.
pub fn grub(dir: &TempDir, disk: &Image) -> String {
    dir.file("device.map", format!("(hd0) {}\n", disk.path()).as_bytes());
    let main = format!(
        "{FUNCTIONS}set root=hd0,gpt1\nexport root\nset prefix=(hd0,gpt1)/boot/grub\nexport prefix\n\
         echo BEGIN\nconfigfile /boot/grub/grub.cfg\n"
    );
    dir.file("grub.cfg", main.as_bytes());
    let output = dir.path().join("output");
    let mut child = tool("grub-emu")
        .args(["-r", "host", "-d"])
        .arg(dir.path())
        .arg("-m")
        .arg(dir.path().join("device.map"))
        .env("TERM", "vt100")
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&output).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + LIMIT;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    let text = plain(&std::fs::read(&output).unwrap());
    let wanted = |line: &&str| line.starts_with("LINUX") || line.starts_with("INITRD");
    let lines: Vec<&str> = text.lines().filter(wanted).collect();
    lines.join("\n")
}

/// What we would load.
fn ours(disk: &Image) -> String {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&disk.0).unwrap());
    loaded(&discover(&inventory))
}

/// What the first entry that is tried would load, as GRUB prints it.
pub fn loaded(found: &Found) -> String {
    let defaults = found.entries.iter().filter(|entry| entry.default);
    assert_eq!(defaults.count(), 1);
    let plan = plan(found, &[], &Boot::default());
    let Some(first) = plan.first() else {
        return "nothing".to_owned();
    };
    let cmdline = first.cmdline.strip_prefix("BOOT_IMAGE=").unwrap_or("?");
    // The quotes are those of GRUB's command `linux`, which its own program does not have.
    let cmdline = cmdline.replace('"', "");
    let initrds: Vec<&str> = first
        .initrd
        .iter()
        .map(|file| file.file.path.as_str())
        .collect();
    format!("LINUX {cmdline}\nINITRD {}", initrds.join(" "))
}
