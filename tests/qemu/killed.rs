//! Loaders that are killed in all that they do: the machine always ends in the state that policy names, and no start is
//! lost or counted twice.

use std::collections::BTreeMap;

use super::BOOT;
use super::disk::{Files, Image, directory};
use super::machine::Machine;
use super::resets::DISK;

/// Stages, in the words of the script, and how many of a hundred kills hit each at least.
const STAGES: [(&str, usize); 6] = [
    // It reads settings, and looks for disks.
    ("start", 10),
    // It reads configurations.
    ("look", 3),
    // Its menu counts down.
    ("menu", 3),
    // It reads and hashes the kernel and the initrd, and judges them.
    ("read", 6),
    // The kernel takes what was read.
    ("load", 5),
    // All is loaded: the start is counted, and process 1 is about to jump.
    ("last", 5),
];

/// Kills loaders a hundred times.
const KILLER: &str = include_str!("kill-loaders");

/// The disk of the machine: a kernel like its own with the same script, by an entry that is counted in its name and one
/// that the memory of the clock counts. The other disk has the number of kills.
fn counted_disks(archive: Vec<u8>) -> [Image; 2] {
    let kernel = std::env::var("PILOTLIGHT_KERNEL").expect("run this by `make qemu-test`");
    let entry = |title: &str| {
        // A kernel on a busy host may take its timer for a broken one.
        let options = "rdinit=/bin/sh console=ttyS0 no_timer_check -- /bin/first";
        format!(
            "title {title}\nsort-key {title}\nlinux /linux\ninitrd /initrd\noptions {options}\n"
        )
        .into_bytes()
    };
    let files = [
        ("/linux", std::fs::read(kernel).unwrap()),
        ("/initrd", archive),
        // A number keeps its digits, as systemd has it.
        ("/loader/entries/counted+90-00.conf", entry("counted")),
        ("/loader/entries/stored.conf", entry("stored")),
    ];
    let files = files.map(|(path, content)| (path.to_owned(), content));
    let mut number = b"0\n".to_vec();
    number.resize(1 << 16, 0);
    [
        Image::of_files("killed", &Files::from(files)),
        Image::of_bytes("killed-number", &number),
    ]
}

/// What a line says behind some words, up to a blank.
fn said<'t>(line: &'t str, words: &str) -> Option<&'t str> {
    let (_, rest) = line.split_once(words)?;
    rest.split_whitespace().next()
}

/// How often each stage was hit.
fn hits(log: &str) -> BTreeMap<&str, usize> {
    let mut hits = BTreeMap::new();
    let (mut stage, mut deaths) = (None, 0);
    for line in log.lines() {
        if let Some(told) = said(line, " hits ") {
            stage = Some(told);
        } else if line.contains("the loader died") && line.contains("signal 9") {
            deaths += 1;
            // While it reads configurations it is at a disk or a volume; its menu is at nothing.
            let stage = match stage.take() {
                Some("look") if !line.contains(" while at ") => Some("menu"),
                stage => stage,
            };
            *hits.entry(stage.unwrap_or("unknown")).or_default() += 1;
        }
    }
    assert!(deaths >= 90, "{deaths} deaths\n{log}");
    hits
}

/// How many boots the name of a counted entry leaves, and how many are done; nothing of a line that was cut short by a
/// kill.
fn counter(name: &str) -> Option<(usize, usize)> {
    let name = name.strip_prefix("counted+")?;
    let (left, done) = name.strip_suffix(".conf")?.split_once('-')?;
    Some((left.parse().ok()?, done.parse().ok()?))
}

/// What the name of a counted entry tells.
#[derive(Default)]
struct Named {
    /// How many starts, when it was tried the last time, and with those that were made since.
    done: usize,
    /// How many more a count tells that began since. It is killed, or the start is made.
    more: Option<usize>,
    /// Does the name tell one more than were made, of a count that was killed?
    is_ahead: bool,
    /// How many were made.
    starts: usize,
}

impl Named {
    /// It is tried under a name that tells this.
    fn tried(&mut self, done: usize, line: &str) {
        let most = self.done + self.more.take().unwrap_or(0);
        assert!(
            (self.done..=most).contains(&done),
            "{line}, {} before",
            self.done
        );
        self.is_ahead |= done > self.done;
        self.done = done;
    }

    /// Its start is counted by a name that tells this.
    fn counted(&mut self, done: usize, line: &str) {
        // Somebody may have been killed before the last step of a count.
        let is_that_already = line.contains(" is that already");
        assert!(self.is_ahead || !is_that_already, "{line}");
        let more = usize::from(!is_that_already);
        assert_eq!(done, self.done + more, "{line}");
        self.more = Some(more);
        self.is_ahead = false;
    }

    /// It is started.
    fn started(&mut self, log: &str) {
        let more = self.more.take();
        self.done += more.unwrap_or_else(|| panic!("a start that was not counted\n{log}"));
        self.starts += 1;
    }
}

/// Every start that was made was counted once before it, and so was at most each that was about to be made.
fn assert_counts(log: &str) {
    let mut named = Named::default();
    // Of the other one: what was said last, and how often it was about to be started since.
    let (mut stored, mut of_stored) = (0, 0);
    let mut booting = "";
    // A terminal gets more than one character at the end of a line.
    for line in log.lines().map(str::trim_end) {
        let path = said(line, "trying counted from /dev/vda: /loader/entries/");
        if let Some((left, done)) = path.and_then(counter) {
            assert_eq!(left + done, 90, "{line}");
            named.tried(done, line);
        }
        let name = said(line, " becomes ").or(said(line, " by a count that was cut short: "));
        if let Some((_, done)) = name.and_then(counter) {
            named.counted(done, line);
        }
        for title in ["counted", "stored"] {
            if line.contains(&format!("booting {title} from")) {
                booting = title;
                of_stored += usize::from(title == "stored");
            }
        }
        if let Some(count) = said(line, "] start ") {
            assert_eq!(booting, "stored", "{line}");
            let count: usize = count.parse().unwrap();
            assert!(
                (stored + 1..=stored + of_stored).contains(&count),
                "{line}, {stored} before"
            );
            (stored, of_stored) = (count, 0);
        }
        if line.ends_with("] jumping") {
            match booting {
                "counted" => named.started(log),
                _ => assert_eq!(of_stored, 0, "a start that was not counted\n{log}"),
            }
        }
        assert!(
            stored == 0 || !line.contains("no start was counted yet"),
            "{log}"
        );
        assert!(!line.contains("is not counted"), "{line}");
    }
    println!(
        "{} starts of {} counts, and {stored} in the clock",
        named.starts, named.done
    );
    assert!(named.starts > 0 && stored > 0, "nothing was counted\n{log}");
}

/// A hundred times, in all that a loader does, at times that nobody has chosen.
#[test]
fn a_loader_that_is_killed_at_any_time_is_started_again() {
    const POLICY: &str = "[wait]\ndisks = 0\n[boot]\ncount = \"always\"\n[menu]\ntimeout = 0.1\n\
                          [failure]\nbetween = 0\npause = 0\nresets = 50\ncmos = 96\n";
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    println!("seed {seed}");
    let script = format!("SEED={seed}\n{KILLER}");
    let setup = Machine::set_up("killed").policy_and_script(POLICY, &script);
    let archive = std::fs::read(directory().join("killed.cpio")).unwrap();
    let [disk, number] = counted_disks(archive);
    let second = format!(
        "if=none,id=number,format=raw,file={}",
        number.path.display()
    );
    let mut machine = setup
        .drive(&disk)
        .arguments(&DISK)
        .arguments(&["-drive", &second, "-device", "virtio-blk-pci,drive=number"])
        .start();
    for kill in 1..=100 {
        machine.expect(&format!("kill {kill} hits "), BOOT);
    }
    machine.expect("jumping", BOOT);
    machine.expect("pilotlight 0.1.0", BOOT);
    // The jump is over: what was counted is on the disk.
    machine.expect("trying counted from", BOOT);
    let log = machine.transcript();
    machine.cut_power();
    let hits = hits(&log);
    println!("{hits:?}");
    for (stage, least) in STAGES {
        let hit = hits.get(stage).copied().unwrap_or(0);
        assert!(hit >= least, "{stage}: {hits:?}");
    }
    assert_counts(&log);
    assert!(!log.contains("Kernel panic"), "{log}");
    // Who was killed between two steps of a renaming may have left a name with nothing behind it: no entry has that.
    let entries = disk.bootable_entries();
    assert_eq!(entries.len(), 2, "{entries:?}");
}
