//! GRUB's own program walks through the menus of a disk, one entry after the other.

use std::process::Stdio;
use std::time::{Duration, Instant};

use pilotlight::entry::{BootEntry, FileRef, PayloadKind};

use super::machine::Machine;
use super::oracle::plain;
use crate::kit::{Image, TempDir, temp_dir, tool};

/// What GRUB's program has no command for, and what is printed of it. Its own commands can't be replaced.
const COMMANDS: [(&str, &str); 11] = [
    ("linux", "linux"),
    ("linux16", "linux"),
    ("linuxefi", "linux"),
    ("initrd", "initrd"),
    ("initrd16", "initrd"),
    ("initrdefi", "initrd"),
    ("multiboot", "multiboot"),
    ("multiboot2", "multiboot"),
    ("module", "module"),
    ("module2", "module"),
    ("chainloader", "chainloader"),
];

/// Commands that only ask for something: here the answer is no, as it is without their hardware.
const QUESTIONS: &str = "function fwsetup { true; }\n\
                         function hwmatch { false; }\n";

/// What is taken out: GRUB's program has no screen, would write to the disk, and nobody is there for a password.
const REPLACED: [(&str, &str); 6] = [
    ("superusers", "nobody"),
    ("terminal_output gfxterm", "terminal_output console"),
    ("background_image", "true"),
    ("sleep ", "true "),
    ("set pager=1", "set pager="),
    ("save_env", "true"),
];

/// What is added to the configuration: no waiting, and the entry that is asked for.
const LEAD: &str = "\nset timeout=0\nset timeout_style=menu\nunset fallback\n\
                    if [ -n \"$walk\" ]; then set default=\"$walk\"; fi\n";

/// A configuration that an entry leads to gets what is behind the first `>`.
const LEAD_ON: &str = "\nregexp --set=1:walk '^[0-9]*>(.*)$' \"$walk\"\n";

/// What GRUB says when an entry has ended and nothing was started, or when there is none and it waits for a person.
const ENDS: [&str; 2] = ["Failed to boot both", "GNU GRUB"];

/// For where it waits until somebody has seen an error.
const KEYS: [u8; 64] = [b'x'; 64];

/// No configuration takes so long.
const LIMIT: Duration = Duration::from_secs(20);

/// How GRUB is started on the disk of a machine.
pub struct Walk {
    /// Commands for the configuration that GRUB begins with.
    start: String,
}

impl Walk {
    /// Prepares the machine for it: its disk has to be built afterwards.
    pub fn new(machine: &mut Machine) -> Walk {
        let all: String = machine.texts().map(|(_, text)| text).collect();
        machine.edit(|path, text| {
            let mut text = text.to_owned();
            for (from, to) in REPLACED {
                text = text.replace(from, to);
            }
            let has_menu = text.contains("menuentry ");
            let leads_here = |line: &str| line.contains("configfile") && line.contains(path);
            if has_menu && path.ends_with("/grub.cfg") {
                text + LEAD
            } else if has_menu && all.lines().any(leads_here) {
                text + LEAD_ON + LEAD
            } else {
                text
            }
        });
        let platform = if machine.is_efi() { "efi" } else { "pc" };
        let texts = machine.places();
        let places = [
            "/EFI/",
            "/boot/grub/grub.cfg",
            "/boot/grub2/grub.cfg",
            "/grub",
        ];
        let mut found = places.iter().flat_map(|place| {
            let files = texts.iter();
            files.filter(move |(_, path)| path.contains(place) && path.ends_with("/grub.cfg"))
        });
        let (device, path) = found.next().expect("the machine has a configuration");
        let directory = path.trim_end_matches("/grub.cfg");
        let functions = COMMANDS.map(|(name, shown)| {
            format!("function {name} {{ echo \"%%{shown} $chosen | $*%%\"; }}\n")
        });
        Walk {
            start: format!(
                "{QUESTIONS}{}set grub_platform={platform}\nset root='{device}'\nexport root\n\
                 set prefix='({device}){directory}'\nexport prefix\nset cmdpath=$prefix\nexport cmdpath\n\
                 echo @@BEGIN@@\nconfigfile '({device}){path}'\n",
                functions.concat()
            ),
        }
    }

    /// What GRUB starts when it is told to take this entry, or by default: the titles on the way, and the
    /// commands with the id of the entry. All without spaces, for GRUB breaks lines at them.
    pub fn grub(&self, disk: &Image, choice: Option<&str>) -> String {
        let dir = temp_dir();
        dir.file("device.map", format!("(hd0) {}\n", disk.path()).as_bytes());
        let choice = choice.unwrap_or_default();
        let main = format!("set walk='{choice}'\nexport walk\n{}", self.start);
        dir.file("grub.cfg", main.as_bytes());
        summary(&start(&dir))
    }
}

/// What GRUB's program prints until an entry has ended, with the configuration and the `device.map` in a directory.
pub fn start(dir: &TempDir) -> String {
    let output = dir.path().join("output");
    let keys = std::fs::File::open(dir.file("keys", &KEYS)).unwrap();
    let mut child = tool("grub-emu")
        .args(["-r", "host", "-d"])
        .arg(dir.path())
        .arg("-m")
        .arg(dir.path().join("device.map"))
        .env("TERM", "vt100")
        .stdin(keys)
        .stdout(std::fs::File::create(&output).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .expect("grub-emu starts");
    let end = Instant::now() + LIMIT;
    loop {
        let ended = child.try_wait().unwrap().is_some();
        let text = plain(&std::fs::read(&output).unwrap());
        if ended {
            return text;
        }
        if Instant::now() > end || ENDS.iter().any(|end| text.contains(end)) {
            let _ = child.kill();
            let _ = child.wait();
            return text;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// The titles and commands in what GRUB printed.
pub fn summary(text: &str) -> String {
    let (_, text) = text.split_once("@@BEGIN@@").unwrap_or_default();
    let parts: Vec<&str> = text.split("  Booting `").skip(1).collect();
    let titles = parts.iter().map(|part| part.split("'\n\n").next().unwrap());
    let titles = titles.collect::<Vec<_>>().join(">");
    let last = parts.last().copied().unwrap_or_default();
    let commands: Vec<String> = last.split("%%").skip(1).step_by(2).map(command).collect();
    without_spaces(&format!("{titles} {}", commands.concat()))
}

/// Of files the paths count: devices have several names.
fn command(text: &str) -> String {
    let (name, arguments) = text.split_once('|').unwrap_or((text, ""));
    let arguments = match name.starts_with("linux") {
        true => arguments.to_owned(),
        false => {
            let words = arguments
                .split_whitespace()
                .filter(|word| *word != "--nounzip");
            let words = words.map(|word| match word.split_once(')') {
                Some((device, path)) if device.starts_with('(') => path.replace("//", "/"),
                _ => word.replace("//", "/"),
            });
            words.collect::<Vec<_>>().join(" ")
        }
    };
    format!("[{name}|{arguments}]")
}

/// What we start, in the same way.
pub fn started(entry: &BootEntry) -> String {
    let titles = entry.submenu.iter().chain([&entry.title]);
    let titles = titles.map(String::as_str).collect::<Vec<_>>().join(">");
    let id = &entry.id;
    let path = |file: &Option<FileRef>| file.as_ref().map_or(String::new(), |f| f.path.to_string());
    let kernel = path(&entry.kernel);
    let mut commands = Vec::new();
    match entry.kind {
        PayloadKind::Linux if entry.cmdline.is_empty() => {}
        PayloadKind::Linux => {
            let cmdline = entry.cmdline.strip_prefix("BOOT_IMAGE=").unwrap_or("?");
            // The quotes are those of GRUB's command `linux`.
            let cmdline = cmdline.replace(['"', '\\'], "");
            commands.push(format!("[linux {id} | {cmdline}]"));
            let paths = entry.initrd.iter().map(|file| file.file.path.to_string());
            let paths: Vec<String> = paths.collect();
            if !paths.is_empty() {
                commands.push(format!("[initrd {id} | {}]", paths.join(" ")));
            }
        }
        PayloadKind::Multiboot | PayloadKind::Multiboot2 => {
            commands.push(format!("[multiboot {id} | {kernel} {}]", entry.cmdline));
            let modules = entry.modules.iter();
            commands.extend(
                modules.map(|module| {
                    format!("[module {id} | {} {}]", module.file.path, module.cmdline)
                }),
            );
        }
        PayloadKind::Efi | PayloadKind::Uki => {
            commands.push(format!("[chainloader {id} | {kernel} {}]", entry.cmdline));
        }
    }
    without_spaces(&format!("{titles} {}", commands.concat()))
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}
