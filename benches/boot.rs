//! From the start of `/init` to the call that starts the next kernel, in the flash kernel: what takes how long, and how
//! it grows.
//!
//! The machine is emulated, and its clock counts instructions, 500 millions in a second, about what an emulated machine
//! does on a workstation: whatever else the workstation does changes little. `make bench` names the kernel in
//! `PILOTLIGHT_KERNEL`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::directory::Directory;
use crate::medium::{self, Language};

/// What is aimed at for all but reading, hashing and loading, with one disk and one entry, in milliseconds.
const TARGET: f64 = 60.0;

/// So many times as much as its share may a machine take that has more of something: were each compared with all
/// others, four times as many would take sixteen times as much.
const GROWTH: f64 = 3.0;

/// Those, as the log calls them.
const OTHERS: [&str; 2] = [READ, "load"];

/// One of them.
pub(crate) const READ: &str = "read and hash";

/// Bytes of a disk.
pub(crate) const SIZE: usize = 32 << 20;

/// What is on the disks of a machine: so many disks have so many entries each, and so many others have none.
const MACHINES: [(usize, Language, usize, usize); 13] = [
    (1, Language::Bls, 1, 0),
    (4, Language::Bls, 1, 0),
    (16, Language::Bls, 1, 0),
    (64, Language::Bls, 1, 0),
    (1, Language::Bls, 1, 3),
    (1, Language::Bls, 1, 15),
    (1, Language::Bls, 1, 63),
    (1, Language::Bls, 10, 0),
    (1, Language::Bls, 100, 0),
    (1, Language::Bls, 1000, 0),
    (1, Language::Grub, 1, 0),
    (1, Language::Grub, 100, 0),
    (1, Language::Grub, 1000, 0),
];

/// Functions of PCI devices that have a disk each: eight of each device, from this device on.
const FIRST_DEVICE: usize = 4;

pub(crate) fn measure(is_measured: bool) -> bool {
    // Among the tests there is no kernel.
    if !is_measured {
        return true;
    }
    let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make bench`");
    let bytes = std::fs::read(&kernel).expect("the kernel can be read");
    let directory = Directory::new("boot");
    let write = |name: &str, content: &[u8]| {
        let path = directory.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let initrd = vec![0; 1 << 20];
    let other = write(
        "other.raw",
        &medium::fat(SIZE, (b"", b""), Language::Bls, 0),
    );
    println!("milliseconds under emulation: of our own, and by stage");
    let mut reached = true;
    let mut before: Option<(usize, Language, f64)> = None;
    for (number, (disks, language, entries, others)) in MACHINES.into_iter().enumerate() {
        let image = medium::fat(SIZE, (&bytes, &initrd), language, entries);
        let image = write("disk.raw", &image);
        let mut images = vec![image; disks];
        images.resize(disks + others, other.clone());
        let boot = Boot::of(Path::new(&kernel), &images, None);
        let own = boot.total - boot.of_others();
        reached &= number > 0 || own <= TARGET;
        // What it has most of, beside the machine in front of it with less of the same.
        let most = disks.max(entries).max(others + 1);
        let growth = before.filter(|(less, of, _)| *less < most && *of == language);
        let growth = growth.map(|(less, _, ms)| own / ms / (most as f64 / less as f64));
        before = Some((most, language, own));
        reached &= growth.is_none_or(|growth| growth <= GROWTH);
        let growth = growth.map_or(String::new(), |growth| format!(", growth {growth:.2}"));
        let stages = boot.stages.iter();
        let stages: Vec<String> = stages.map(|(name, ms)| format!("{name} {ms:.0}")).collect();
        let known: f64 = boot.stages.iter().map(|(_, ms)| ms).sum();
        println!(
            "{disks} disks with {entries} entries in {}, {others} others: {own:.0}{growth}; {}, all else {:.0}",
            language.name(),
            stages.join(", "),
            boot.total - known
        );
    }
    println!(
        "the first is to be at most {TARGET:.0}, and each growth at most {GROWTH}: 1 is linear"
    );
    reached
}

/// What the log of a boot tells, in milliseconds.
pub(crate) struct Boot {
    pub(crate) stages: Vec<(String, f64)>,
    /// From the start of `/init` to the jump.
    total: f64,
}

impl Boot {
    /// Of a machine with these disks, and an archive over the image in the kernel.
    pub(crate) fn of(kernel: &Path, disks: &[PathBuf], archive: Option<&Path>) -> Boot {
        let mut command = Command::new("qemu-system-x86_64");
        command.args(["-accel", "tcg", "-icount", "shift=1"]);
        command.args([
            "-machine", "q35", "-cpu", "max", "-m", "1024", "-nic", "none",
        ]);
        command.args(["-display", "none", "-no-reboot", "-serial", "stdio"]);
        command.arg("-kernel").arg(kernel);
        command.args(
            archive
                .iter()
                .flat_map(|archive| [Path::new("-initrd"), archive]),
        );
        for (number, path) in disks.iter().enumerate() {
            let file = path.display();
            let drive = "format=raw,read-only=on,file.locking=off";
            let drive = format!("if=none,id=disk{number},{drive},file={file}");
            let (device, function) = (FIRST_DEVICE + number / 8, number % 8);
            let place = format!("addr={device:x}.{function},multifunction=on");
            let device = format!("virtio-blk-pci,drive=disk{number},{place}");
            command.args(["-drive", &drive, "-device", &device]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let machine = command.spawn();
        let mut machine = Machine(machine.expect("qemu-system-x86_64 starts"));
        let mut boot = Boot {
            stages: Vec::new(),
            total: 0.0,
        };
        let mut start = 0.0;
        for line in BufReader::new(machine.0.stdout.take().unwrap()).lines() {
            // The firmware says something before.
            let line = String::from_utf8_lossy(line.unwrap().as_bytes()).into_owned();
            let Some((time, text)) = line
                .rsplit_once('[')
                .and_then(|(_, rest)| rest.split_once("] "))
            else {
                continue;
            };
            let Ok(seconds) = time.trim().parse::<f64>() else {
                continue;
            };
            let now = seconds * 1000.0;
            if text.starts_with("pilotlight ") {
                start = now;
            } else if let Some(stages) = text.strip_prefix("started: ") {
                boot.add(stages);
                // Its first line comes when there is where to write it.
                let before = |name: &str| matches!(name, "mounts" | "consoles");
                let before = boot.stages.iter().filter(|(name, _)| before(name));
                start -= before.map(|(_, ms)| ms).sum::<f64>();
            } else if let Some(stages) = text.strip_prefix("loaded: ") {
                boot.add(stages);
            } else if text.starts_with("jumping") {
                boot.total = now - start;
                return boot;
            }
        }
        panic!("the machine has not booted");
    }

    /// Adds what a line tells: `disks 0.012 s, entries 0.003 s`.
    fn add(&mut self, stages: &str) {
        for stage in stages.trim().split(", ") {
            let (name, seconds) = stage.trim_end_matches(" s").rsplit_once(' ').unwrap();
            let ms = seconds.parse::<f64>().unwrap() * 1000.0;
            self.stages.push((name.to_owned(), ms));
        }
    }

    fn of_others(&self) -> f64 {
        let others = self
            .stages
            .iter()
            .filter(|(name, _)| OTHERS.contains(&name.as_str()));
        others.map(|(_, ms)| ms).sum()
    }
}

struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
