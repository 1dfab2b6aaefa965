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
fn counter(path: &str) -> Option<(usize, usize)> {
    let name = path.strip_prefix("/loader/entries/counted+")?;
    let (left, done) = name.strip_suffix(".conf")?.split_once('-')?;
    Some((left.parse().ok()?, done.parse().ok()?))
}

/// Every start that was made was counted once before it, and so was at most each that was about to be made.
fn assert_counts(log: &str) {
    // For the one: what its name had told when it was tried the last time; for the other: what was said last.
    let (mut named, mut stored) = (None, 0);
    // How often each was about to be started since, and whether it was.
    let (mut of_named, mut of_stored) = (0, 0);
    let mut booting = "";
    for line in log.lines() {
        if let Some((left, done)) = said(line, "trying counted from /dev/vda: ").and_then(counter) {
            assert_eq!(left + done, 90, "{line}");
            let before = named.replace(done).unwrap_or(0);
            // A name that a killed renaming has left is passed over, which costs one try more.
            assert!(
                (before..=before + 2 * of_named).contains(&done),
                "{line}, {before} before"
            );
            of_named = 0;
        }
        for title in ["counted", "stored"] {
            if line.contains(&format!("booting {title} from")) {
                booting = title;
                match title {
                    "counted" => of_named += 1,
                    _ => of_stored += 1,
                }
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
                "counted" => named = named.map(|done| done + of_named),
                _ => assert_eq!(of_stored, 0, "a start that was not counted\n{log}"),
            }
            of_named = 0;
        }
        assert!(
            stored == 0 || !line.contains("no start was counted yet"),
            "{log}"
        );
        assert!(!line.contains("is not counted"), "{line}");
    }
    assert!(named > Some(0) && stored > 0, "nothing was counted\n{log}");
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
    // Who was killed between two steps of a renaming has left a name with nothing behind it.
    let entries = disk.bootable_entries();
    assert_eq!(entries.len(), 2, "{entries:?}");
}
