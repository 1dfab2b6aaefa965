//! Configuration files that are signed, and every change of them.

use pilotlight::boot::{Attempt, AttemptError, Loaded, Timeline};
use pilotlight::config::discover;
use pilotlight::entry::BootEntry;
use pilotlight::inventory::Inventory;
use pilotlight::trust::Authority;
use pilotlight::trust::Role;
use pilotlight::trust::coverage::{State, Verdict};
use pilotlight::trust::manifest::{Group, Listed, Manifest};

use super::boot::{ANCHORS, Fickle, Files, Machine, Taken, sha256};
use crate::kit::noise;
use crate::uki::kernel;

const GRUB: &str = "/boot/grub/grub.cfg";
const CUSTOM: &str = "/boot/grub/custom.cfg";
const BLOCK: &str = "/boot/grub/grubenv";
const ENTRY: &str = "/loader/entries/new.conf";
const SYSLINUX: &str = "/syslinux/syslinux.cfg";
const INCLUDED: &str = "/syslinux/more.cfg";

/// A kernel and an initrd that the owner has signed, and what a configuration says of them.
fn machine(configuration: &[(&str, &str)]) -> Machine {
    let mut machine = Machine::empty();
    machine.file("/linux", &kernel());
    machine.file("/initrd", &noise(5000, 1));
    for name in ["/linux", "/initrd"] {
        machine.sign(name, ".p7s", "owner");
    }
    for (name, text) in configuration {
        machine.file(name, text.as_bytes());
        machine.sign(name, ".p7s", "owner");
    }
    machine
}

/// A script that sources another one, where the entry is.
fn grub() -> Machine {
    machine(&[
        (GRUB, "set place=/dev/vda2\nsource /boot/grub/custom.cfg\n"),
        (
            CUSTOM,
            "menuentry new { linux /linux root=$place ro\n initrd /initrd\n }\n",
        ),
    ])
}

fn bls() -> Machine {
    machine(&[
        (
            ENTRY,
            "title new\nlinux /linux\ninitrd /initrd\noptions root=/dev/vda2 ro\n",
        ),
        ("/loader/loader.conf", "default new.conf\n"),
    ])
}

fn syslinux() -> Machine {
    machine(&[
        (SYSLINUX, "default new\ninclude more.cfg\n"),
        (
            INCLUDED,
            "label new\nlinux /linux\ninitrd /initrd\nappend root=/dev/vda2 ro\n",
        ),
    ])
}

/// The verdict on the only entry, in words.
fn verdict(machine: &Machine) -> (bool, String) {
    let verdicts = machine.verdicts("enforce", ANCHORS);
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    verdicts.into_values().next().unwrap()
}

fn assert_boots(machine: &Machine, what: &str) {
    let (boots, words) = verdict(machine);
    assert!(boots, "{what}: {words}");
}

/// Both what chose and the command line have to be open.
fn assert_refused(machine: &Machine, expected: &str, what: &str) {
    let (boots, words) = verdict(machine);
    assert!(!boots, "{what}");
    assert!(words.contains("\"configuration\": ["), "{what}: {words}");
    assert!(words.contains("\"cmdline\": ["), "{what}: {words}");
    assert!(words.contains(expected), "{what}: {words}");
}

type Change = fn(&mut Machine);

/// What starts the same is one entry, and it is enough that one of the ways to it is signed: that one is taken.
#[test]
fn one_of_several_ways_is_enough() {
    for (what, all, added) in [
        ("GRUB", grub as fn() -> Machine, ""),
        ("SYSLINUX", syslinux, " initrd=/initrd"),
    ] {
        let mut machine = all();
        let entry = "title new\nlinux /linux\ninitrd /initrd\noptions root=/dev/vda2 ro\n";
        machine.file(ENTRY, entry.as_bytes());
        assert_boots(&machine, what);
        let authority = machine.authority("enforce", ANCHORS);
        let inventory = || Fickle::new(&machine.files, &machine.files).inventory();
        let loaded = load(&inventory(), &authority, |entry| {
            assert_eq!(
                (entry.title.as_str(), entry.cmdline.as_str()),
                ("new", "root=/dev/vda2 ro")
            );
        })
        .unwrap();
        // What was signed is what is started.
        let expected = format!("BOOT_IMAGE=/linux root=/dev/vda2 ro{added}");
        assert_eq!(loaded.cmdline, expected);
        // An entry that was changed has none.
        for edit in [
            |entry: &mut BootEntry| entry.cmdline.push_str(" single"),
            |entry: &mut BootEntry| entry.initrd.clear(),
        ] {
            assert!(load(&inventory(), &authority, edit).is_err(), "{what}");
        }
        // With another command line it is no way to the same.
        machine.file(ENTRY, entry.replace("ro", "rw").as_bytes());
        let verdicts = machine.verdicts("enforce", ANCHORS);
        let boots: Vec<bool> = verdicts.values().map(|(boots, _)| *boots).collect();
        assert_eq!(
            boots.iter().filter(|boots| **boots).count(),
            1,
            "{what}: {verdicts:?}"
        );
        assert_eq!(boots.len(), 2);
        // Where nobody signed any, it is refused.
        machine.file(ENTRY, entry.as_bytes());
        machine.files.retain(|name, _| !name.ends_with("cfg.p7s"));
        assert_refused(&machine, "nothing that is signed names", what);
    }
}

#[test]
fn all_files_of_an_entry_have_to_be_covered() {
    const OTHER: &str = "it is for other bytes";
    const UNSIGNED: &str = "nothing that is signed names";
    for (what, all, files) in [
        ("GRUB", grub as fn() -> Machine, [GRUB, CUSTOM]),
        ("the specification", bls, [ENTRY, "/loader/loader.conf"]),
        ("SYSLINUX", syslinux, [SYSLINUX, INCLUDED]),
    ] {
        assert_boots(&all(), what);
        for file in files {
            let mut changed = all();
            let text = format!(
                "{}# changed\n",
                String::from_utf8_lossy(&changed.files[file])
            );
            changed.file(file, text.as_bytes());
            assert_refused(&changed, OTHER, &format!("{what}: {file} changed"));
            let mut unsigned = all();
            unsigned.files.remove(&format!("{file}.p7s"));
            assert_refused(&unsigned, UNSIGNED, &format!("{what}: {file} not signed"));
            let mut strange = all();
            strange.sign(file, ".p7s", "mallory");
            let reason = "it vouches for itself alone, and is no anchor: add it as an anchor, if you trust it";
            assert_refused(&strange, reason, &format!("{what}: {file} by a stranger"));
        }
    }
}

#[test]
fn what_a_script_loads_counts_unless_it_says_so() {
    let mut block = b"# GRUB Environment Block\nplace=/dev/vda3\n".to_vec();
    block.resize(1024, b'#');
    let with = |load: &str| {
        let mut machine = grub();
        let text = format!("{load}\nsource /boot/grub/custom.cfg\n");
        machine.file(GRUB, text.as_bytes());
        machine.sign(GRUB, ".p7s", "owner");
        machine.file(BLOCK, &block);
        machine
    };
    let mut machine = with("load_env");
    assert_refused(
        &machine,
        "/boot/grub/grubenv: nothing that is signed names it",
        "load_env",
    );
    machine.sign(BLOCK, ".p7s", "owner");
    assert_boots(&machine, "a signed block");
    assert_boots(&with("load_env --skip-sig place"), "--skip-sig");
}

#[test]
fn an_entry_of_very_many_files_is_not_covered() {
    let mut machine = grub();
    let mut script = "set place=/dev/vda2\n".to_owned();
    for number in 0..64 {
        let name = format!("/boot/grub/{number}.cfg");
        script += &format!("source {name}\n");
        machine.file(&name, b"# nothing\n");
    }
    machine.file(GRUB, (script + "source /boot/grub/custom.cfg\n").as_bytes());
    let expected = "it is from more than 64 configuration files, too long ones, or one with lines that its language does not have";
    assert_refused(&machine, expected, "65 files");
}

#[test]
fn a_manifest_may_list_the_files() {
    let changes: [(&str, Change); 2] = [
        ("the script", |machine| {
            machine.file(GRUB, b"source /boot/grub/custom.cfg\n")
        }),
        ("the sourced one", |machine| {
            machine.file(CUSTOM, b"menuentry new { linux /linux\n }\n")
        }),
    ];
    let mut machine = grub();
    let listed = |path: &str| Listed {
        sha256: sha256(&machine.files[path]),
        path: path.to_owned(),
    };
    let manifest = Manifest {
        name: "debian".to_owned(),
        version: 1,
        expires: None,
        groups: vec![Group {
            kernel: listed("/linux"),
            initrds: Vec::new(),
            files: Vec::new(),
            devicetree: None,
            configurations: vec![listed(GRUB), listed(CUSTOM)],
            cmdline: None,
        }],
    };
    machine.file("/pilotlight/manifest", manifest.to_string().as_bytes());
    machine.sign("/pilotlight/manifest", ".p7s", "owner");
    for file in [GRUB, CUSTOM] {
        machine.files.remove(&format!("{file}.p7s"));
    }
    assert_boots(&machine, "the manifest");
    for (what, change) in changes {
        let files = machine.files.clone();
        change(&mut machine);
        assert_refused(&machine, "nothing that is signed names", what);
        machine.files = files;
    }
}

#[test]
fn an_anchor_may_cover_what_chooses_and_no_command_line() {
    let mut machine = grub();
    for file in [GRUB, CUSTOM] {
        machine.sign(file, ".p7s", "vendor");
    }
    let anchors = ANCHORS.replace("for = [\"kernel\"]", "for = [\"configuration\"]");
    let verdicts = machine.verdicts("enforce", &anchors);
    let (boots, words) = verdicts.values().next().unwrap();
    assert!(!boots && words.contains("\"cmdline\": ["), "{words}");
    assert!(!words.contains("\"configuration\": ["), "{words}");
}

/// The verdict on the first entry, after it was changed.
fn attempt(
    inventory: &Inventory,
    authority: &Authority,
    edit: impl FnOnce(&mut BootEntry),
) -> Verdict {
    load(inventory, authority, edit).unwrap().verdict
}

/// What becomes of the first entry, after it was changed.
fn load(
    inventory: &Inventory,
    authority: &Authority,
    edit: impl FnOnce(&mut BootEntry),
) -> Result<Loaded, AttemptError> {
    let mut found = discover(inventory);
    let entry = &mut found.entries[0];
    edit(entry);
    let attempt = Attempt {
        inventory,
        kexec: &Taken::default(),
        memory: 1 << 30,
        authority,
        summary: None,
    };
    attempt.run(entry, &mut Timeline::start(), &mut |_, _| ())
}

fn is_covered(verdict: &Verdict, role: Role) -> bool {
    let mut findings = verdict.findings.iter();
    findings.any(|finding| finding.role == role && matches!(finding.state, State::Covered(_)))
}

#[test]
fn what_was_evaluated_is_what_is_judged() {
    for all in [grub, bls, syslinux] {
        let machine = all();
        let authority = machine.authority("warn", ANCHORS);
        // At the second look, everything that says how to boot is another one, and its signature is gone.
        let is_said = |name: &str| {
            name.contains("grub") || name.contains("loader") || name.contains("syslinux")
        };
        let mut evil: Files = machine.files.clone();
        for (name, content) in &mut evil {
            if is_said(name) {
                content.fill(b'#');
            }
        }
        let fickle = Fickle::new(&machine.files, &evil);
        let opened = fickle.opened.clone();
        let honest = attempt(&fickle.inventory(), &authority, |_| ());
        assert!(honest.is_clear(), "{honest}");
        let opened = opened.borrow();
        let mut said: Vec<&String> = opened.iter().filter(|name| is_said(name)).collect();
        let count = said.len();
        said.sort_unstable();
        said.dedup();
        assert_eq!(said.len(), count, "{opened:?}");
        // Signed files beside evaluated bytes that were others cover nothing.
        let inventory = Fickle::new(&evil_beside(&machine.files), &machine.files).inventory();
        let fooled = attempt(&inventory, &authority, |_| ());
        assert!(!is_covered(&fooled, Role::Configuration), "{fooled}");
    }
}

/// The same files, whose command lines are others.
fn evil_beside(files: &Files) -> Files {
    let files = files.iter().map(|(name, content)| {
        let text = String::from_utf8_lossy(content);
        let content = match text.contains("root=") {
            true => text.replace("root=", "init=/bin/sh root=").into_bytes(),
            false => content.clone(),
        };
        (name.clone(), content)
    });
    files.collect()
}

#[test]
fn who_edits_an_entry_chooses_himself() {
    let machine = grub();
    let authority = machine.authority("warn", ANCHORS);
    let inventory = || Fickle::new(&machine.files, &machine.files).inventory();
    let verdict = attempt(&inventory(), &authority, |entry| {
        entry.cmdline.push_str(" init=/bin/sh")
    });
    for role in [Role::Configuration, Role::CommandLine] {
        assert!(!is_covered(&verdict, role), "{verdict}");
    }
    let verdict = attempt(&inventory(), &authority, |entry| entry.initrd.clear());
    assert!(!is_covered(&verdict, Role::Configuration), "{verdict}");
}
