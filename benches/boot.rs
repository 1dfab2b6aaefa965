//! From the start of `/init` to the call that starts the next kernel, in the flash kernel: what takes how long, and how
//! it grows.
//!
//! The machine is emulated, and its clock counts instructions, 500 millions in a second, about what an emulated machine
//! does on a workstation: whatever else the workstation does changes nothing. `make bench` names the kernel in
//! `PILOTLIGHT_KERNEL`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::io::{BufRead, BufReader, Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What is aimed at for all but reading, hashing and loading, in milliseconds.
const TARGET: f64 = 60.0;

/// Those, as the log calls them.
const OTHERS: [&str; 2] = ["read and hash", "load"];

fn main() {
    let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make bench`");
    let bytes = std::fs::read(&kernel).expect("the kernel can be read");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("boot");
    std::fs::create_dir_all(&directory).unwrap();
    println!("milliseconds under emulation");
    for (disks, entries) in [(1, 1), (4, 1), (16, 1), (1, 10), (1, 100)] {
        let image = image(&bytes, entries);
        let images: Vec<PathBuf> = (0..disks)
            .map(|number| directory.join(format!("{number}.raw")))
            .collect();
        for path in &images {
            std::fs::write(path, &image).unwrap();
        }
        let boot = Boot::of(Path::new(&kernel), &images);
        let own = boot.total - boot.of_others();
        let stages = boot.stages.iter();
        let stages: Vec<String> = stages.map(|(name, ms)| format!("{name} {ms:.0}")).collect();
        let known: f64 = boot.stages.iter().map(|(_, ms)| ms).sum();
        println!(
            "{disks} disks, {entries} entries on each: {own:.0} of our own, aimed at {TARGET:.0} for one of both"
        );
        println!(
            "  {}, all else {:.0}",
            stages.join(", "),
            boot.total - known
        );
    }
    std::fs::remove_dir_all(directory).unwrap();
}

/// What the log of a boot tells, in milliseconds.
struct Boot {
    stages: Vec<(String, f64)>,
    /// From the start of `/init` to the jump.
    total: f64,
}

impl Boot {
    fn of(kernel: &Path, disks: &[PathBuf]) -> Boot {
        let mut command = Command::new("qemu-system-x86_64");
        command.args(["-accel", "tcg", "-icount", "shift=1"]);
        command.args([
            "-machine", "q35", "-cpu", "max", "-m", "1024", "-nic", "none",
        ]);
        command.args(["-display", "none", "-no-reboot", "-serial", "stdio"]);
        command.arg("-kernel").arg(kernel);
        for path in disks {
            let drive = format!("if=virtio,format=raw,file={}", path.display());
            command.args(["-drive", &drive]);
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

/// A FAT filesystem with so many entries for one kernel and one initrd.
fn image(kernel: &[u8], entries: usize) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![0; 32 << 20]);
    fatfs::format_volume(&mut bytes, fatfs::FormatVolumeOptions::new()).unwrap();
    fill(&mut bytes, kernel, entries);
    bytes.into_inner()
}

fn fill(bytes: &mut Cursor<Vec<u8>>, kernel: &[u8], entries: usize) {
    let filesystem = fatfs::FileSystem::new(bytes, fatfs::FsOptions::new()).unwrap();
    let root = filesystem.root_dir();
    for (name, content) in [("linux", kernel), ("initrd", &[0; 1 << 20])] {
        let mut file = root.create_file(name).unwrap();
        file.write_all(content).unwrap();
    }
    let directory = root.create_dir("loader").unwrap();
    let directory = directory.create_dir("entries").unwrap();
    for number in 0..entries {
        let mut file = directory
            .create_file(&format!("entry-{number}.conf"))
            .unwrap();
        let text =
            format!("title Number {number}\nversion {number}\nlinux /linux\ninitrd /initrd\n");
        file.write_all(text.as_bytes()).unwrap();
    }
}
