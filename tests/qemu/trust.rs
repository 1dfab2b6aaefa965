//! What a policy does not let boot, on machines: it is said in words why, and the next allowed entry starts; with
//! `warn` it is said as well, and it boots.
//!
//! What the firmware's lists revoke is in `platform`, and what the kernel refuses by itself in `locked`. Device trees
//! are no part of a boot on these machines: the rules on them are tested beside them, in `src/trust/coverage`.

use pilotlight::config::discover;
use pilotlight::disk::Disk;
use pilotlight::inventory::Inventory;

use super::disk::Image;
use super::machine::Machine;
use super::signed::{Signed, directory_of};
use super::{BOOT, boots};

/// Two anchors, of which `vendor` may cover kernels alone.
const ANCHORS: &str = "\
[[trust.anchor]]\nname = \"owner\"\nfile = \"owner.der\"\n\
[[trust.anchor]]\nname = \"vendor\"\nfile = \"vendor.der\"\nfor = [\"kernel\"]\n";

/// The number of manifests that count.
const NOW: u64 = 7;

/// An entry of the disk.
struct Case {
    title: &'static str,
    /// What is done to it, given its place in the menu.
    spoil: fn(&mut Signed, usize),
    /// What is said against it; `@` is its directory on the disk.
    words: &'static [&'static str],
}

/// Lists an entry as it is.
fn list(signed: &mut Signed, place: usize, version: u64, key: &str) {
    let group = signed.group(place);
    signed.manifest(place, "case", version, &[group], key);
}

const CASES: [Case; 14] = [
    Case {
        title: "a kernel that was changed",
        spoil: |signed, place| {
            list(signed, place, NOW, "owner");
            signed.change(&format!("{}/linux", directory_of(place)));
        },
        words: &["kernel: not covered: @/linux: no manifest that counts names it so"],
    },
    Case {
        title: "an initrd that was changed",
        spoil: |signed, place| {
            list(signed, place, NOW, "owner");
            signed.change(&format!("{}/initrd", directory_of(place)));
        },
        words: &["initrd: not covered: @/initrd: no manifest that counts names it so"],
    },
    Case {
        title: "another command line",
        spoil: |signed, place| {
            list(signed, place, NOW, "owner");
            let path = format!("/loader/entries/{place}.conf");
            let entry = String::from_utf8(signed.files[&path].clone()).unwrap();
            let entry = entry.replace("options ", "options init=/bin/sh ");
            signed.file(&path, entry.as_bytes());
        },
        words: &["command line: not covered: no manifest that counts names it so"],
    },
    // This entry and the next one are listed together, and have the initrd of each other.
    Case {
        title: "the first of two that are mixed",
        spoil: |signed, place| {
            signed.entry("the second of two that are mixed", place + 1);
            let groups = [signed.group(place), signed.group(place + 1)];
            for place in [place, place + 1] {
                signed.manifest(place, "case", NOW, &groups, "owner");
            }
            let path = |place| format!("{}/initrd", directory_of(place));
            let [first, second] =
                [place, place + 1].map(|place| signed.files[&path(place)].clone());
            signed.file(&path(place), &second);
            signed.file(&path(place + 1), &first);
        },
        words: &[
            "configuration: not covered: nothing that is signed names kernel, initrds and command line together",
        ],
    },
    Case {
        title: "the second of two that are mixed",
        spoil: |_, _| (),
        words: &[
            "configuration: not covered: nothing that is signed names kernel, initrds and command line together",
        ],
    },
    Case {
        title: "a manifest that was changed",
        spoil: |signed, place| {
            list(signed, place, NOW, "owner");
            let path = format!("{}/linux.manifest", directory_of(place));
            let text = String::from_utf8(signed.files[&path].clone()).unwrap();
            signed.file(&path, text.replace("name case", "name CASE").as_bytes());
        },
        words: &[
            "initrd: not covered: @/initrd: ",
            "@/linux.manifest: ",
            "it is for other bytes",
        ],
    },
    Case {
        title: "a manifest from before",
        spoil: |signed, place| list(signed, place, NOW - 1, "owner"),
        words: &[
            "initrd: not covered: @/initrd: ",
            "@/linux.manifest has the version 6, and those before 7 are too old: install newer ones",
        ],
    },
    Case {
        title: "a kernel from before",
        spoil: |signed, place| {
            let group = signed.group(place);
            signed.manifest(place, "stale", NOW, &[group], "owner");
        },
        words: &["is too old: those of stale before 99 do not count, install a newer one"],
    },
    Case {
        title: "something revoked",
        spoil: |signed, place| list(signed, place, NOW, "owner"),
        words: &["@/initrd is revoked: install a newer version"],
    },
    Case {
        title: "the signature of one who may sign kernels alone",
        spoil: |signed, place| list(signed, place, NOW, "vendor"),
        words: &[
            "initrd: not covered: @/initrd: ",
            "it may not cover the initrd",
        ],
    },
    Case {
        title: "the signature of a stranger",
        spoil: |signed, place| list(signed, place, NOW, "stranger"),
        words: &[
            "initrd: not covered: @/initrd: ",
            "it vouches for itself alone, and is no anchor",
        ],
    },
    Case {
        title: "no signature",
        spoil: |_, _| (),
        words: &["initrd: not covered: @/initrd: no manifest that counts names it so"],
    },
    Case {
        title: "an image that was changed",
        spoil: |signed, place| {
            signed.files.retain(|path, _| {
                !path.starts_with(&directory_of(place))
                    && *path != format!("/loader/entries/{place}.conf")
            });
            signed.image("an image that was changed", place, "owner");
            signed.change(&format!("/EFI/Linux/{place}.efi"));
        },
        words: &["kernel: not covered: "],
    },
    Case {
        title: "a parameter that is refused",
        spoil: |signed, place| list(signed, place, NOW, "owner"),
        words: &["the parameter place=13 is refused"],
    },
];

/// All of them, on their way to a disk; what is revoked is returned.
fn spoil_all(signed: &mut Signed) -> String {
    let mut revoked = String::new();
    for (place, case) in CASES.iter().enumerate() {
        if !signed
            .files
            .contains_key(&format!("/loader/entries/{place}.conf"))
        {
            signed.entry(case.title, place);
        }
        if case.title == "something revoked" {
            let initrd = signed.group(place).initrds[0].sha256;
            revoked = initrd.iter().map(|byte| format!("{byte:02x}")).collect();
        }
        (case.spoil)(signed, place);
    }
    revoked
}

/// A policy by which each of them is refused.
fn policy(mode: &str, revoked: &str) -> String {
    format!(
        "[wait]\ndisks = 300\n[trust]\nmode = \"{mode}\"\nrevoked = [\"{revoked}\"]\n{ANCHORS}\
         [trust.cmdline]\nrefuse = [\"place=13\"]\n\
         [trust.floor]\nmanifest = {NOW}\nversion = {{ stale = \"99\" }}\n"
    )
}

/// Each of them is tried, and its words stand behind this.
fn expect_all(machine: &mut Machine, disk: &str, words_behind: &str, then: Option<&str>) {
    for (place, case) in CASES.iter().enumerate() {
        machine.expect(&format!("trying {} from {disk}", case.title), BOOT);
        machine.expect(words_behind, BOOT);
        let at = format!("{disk}: {}", directory_of(place));
        for words in case.words {
            machine.expect(&words.replace('@', &at), BOOT);
        }
        if let Some(then) = then {
            machine.expect(then, BOOT);
        }
    }
}

/// A script for another disk that leads to what the first entry of this one starts.
fn twin_of(disk: &Image) -> String {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&disk.path).unwrap());
    let entry = &discover(&inventory).entries[0];
    let kernel = entry.kernel.as_ref().unwrap();
    let content = &inventory.volume(kernel.volume).unwrap().content;
    let (kernel, initrd) = (&kernel.path, &entry.initrd[0].file.path);
    format!(
        "search --fs-uuid --set=root {}\nmenuentry 'a twin' {{ linux {kernel} {}; initrd {initrd}; }}\n",
        content.uuid.as_ref().unwrap(),
        entry.cmdline
    )
}

#[test]
fn what_is_not_covered_is_refused_in_words_and_the_next_entry_boots() {
    let mut signed = Signed::new("trust", &["owner", "vendor", "stranger"]);
    let disk = Image::copy("trust", "esp");
    let twin = twin_of(&disk);
    signed.manifest_of(&disk, NOW, "owner");
    let revoked = spoil_all(&mut signed);
    disk.put_on_esp(&signed.files);
    // A stick that somebody has put in front, with what nobody signed, and with what leads to the system of the disk.
    signed.files.clear();
    signed.entry("a stick", 0);
    signed.file("/boot/grub/grub.cfg", twin.as_bytes());
    let stick = Image::of_files("trust-stick", &signed.files);
    let policy = policy("enforce", &revoked);
    let [owner, vendor] = ["owner", "vendor"].map(|key| signed.anchor(key));
    let drive = format!("if=none,id=stick,format=raw,file={}", stick.path.display());
    // What is proven does not hang on the clock, which anybody may set.
    let mut machine = Machine::set_up("trust")
        .arguments(&["-rtc", "base=2099-01-01T00:00:00"])
        .policy_with(&policy, &[("owner.der", &owner), ("vendor.der", &vendor)])
        .arguments(&["-device", "qemu-xhci,id=usb", "-drive", &drive])
        .arguments(&["-device", "usb-storage,drive=stick,bus=usb.0,removable=on"])
        .drive(&disk)
        .without_services()
        .start();
    machine.expect("trying a stick from /dev/sda", BOOT);
    machine.expect(
        "refused: kernel: not covered: /dev/sda: /trust/0/linux: ",
        BOOT,
    );
    machine.expect("waiting for a disk with something that boots", BOOT);
    machine.monitor("device_add usb-storage,drive=disk,bus=usb.0");
    machine.expect("trying a twin from /dev/sda", BOOT);
    machine.expect("refused: command line: not covered: ", BOOT);
    expect_all(&mut machine, "/dev/sdb partition 1", "refused: ", None);
    boots(&mut machine);
    // Of each, nothing is told but why it was refused, and nothing else was loaded.
    let log = machine.transcript();
    let attempts = log.split("] trying ").skip(3).take(CASES.len());
    for attempt in attempts {
        let (_, reasons) = attempt.trim_end().split_once('\n').unwrap();
        let mut lines = reasons.lines().filter(|line| line.contains("] "));
        assert!(lines.all(|line| line.contains("] refused: ")), "{attempt}");
    }
    let count = |words: &str| log.matches(words).count();
    let once = ["] booting ", "] loaded: ", "] jumping"];
    assert_eq!(once.map(count), [1; 3]);
    let by = "covered by \"owner\" (CMS) through /dev/sdb partition 1: /pilotlight/manifest";
    assert_eq!(count(by), 4);
    machine.finish();
}

/// The same entries, each of which passes with its warning, up to the flash kernel, which has no place for theirs: so
/// one machine sees all of them. The last one, which nobody has signed either, really boots.
#[test]
fn a_warning_lets_each_of_them_boot() {
    let mut signed = Signed::new("trust-warn", &["owner", "vendor", "stranger"]);
    signed.want_memory(0xf000_0000);
    let disk = Image::copy("trust-warn", "esp");
    let revoked = spoil_all(&mut signed);
    // One for the whole volume that lists nothing of the system on it.
    for suffix in ["", ".p7s"] {
        let manifest = signed.files[&format!("/trust/0/linux.manifest{suffix}")].clone();
        signed.file(&format!("/pilotlight/manifest{suffix}"), &manifest);
    }
    disk.put_on_esp(&signed.files);
    let policy = policy("warn", &revoked);
    let [owner, vendor] = ["owner", "vendor"].map(|key| signed.anchor(key));
    let mut machine = Machine::set_up("trust-warn")
        .policy_with(&policy, &[("owner.der", &owner), ("vendor.der", &vendor)])
        .drive(&disk)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .without_services()
        .start();
    let warning = "let pass all the same: ";
    let then = "there is no free place in memory where it may be put";
    expect_all(&mut machine, "/dev/vda partition 1", warning, Some(then));
    machine.expect("trying Debian", BOOT);
    for part in ["kernel", "initrd", "command line", "configuration"] {
        machine.expect(&format!("booted all the same: {part}: not covered: "), BOOT);
    }
    machine.expect("jumping", BOOT);
    machine.log_in();
    assert!(!machine.transcript().contains("] refused: "));
    machine.finish();
}

/// Starts a machine on which nothing is booted, up to where it has said so and given up for a time.
fn boots_nothing(name: &str, policy: &str, words: &str, then: &str) {
    let image = Image::overlay(name, "esp");
    let mut machine = Machine::set_up(name)
        .policy(policy)
        .drive(&image)
        .arguments(&["-device", "virtio-blk-pci,drive=disk"])
        .start();
    machine.expect(words, BOOT);
    machine.expect("nothing will be booted", BOOT);
    machine.expect("nothing may be booted: no disk is looked at", BOOT);
    machine.expect(then, BOOT);
    let log = machine.transcript();
    for words in ["] trying Debian", "] booting ", "/dev/vda", "jumping"] {
        assert!(!log.contains(words), "{words}: {log}");
    }
    machine.cut_power();
}

#[test]
fn a_policy_that_can_not_be_read_lets_nothing_boot() {
    boots_nothing(
        "trust-unreadable",
        "[failure]\nthen = \"shell\"\n[trust]\nmode = \"of\"\n",
        "the policy /etc/pilotlight/policy.toml can't be used, line 4: `mode`: \"of\" is none of",
        "trying again in 10 s",
    );
}

#[test]
fn an_anchor_that_is_missing_lets_nothing_boot() {
    boots_nothing(
        "trust-anchor",
        &format!(
            "[wait]\ndisks = 10\n[failure]\nthen = \"poweroff\"\n[trust]\nmode = \"warn\"\n{ANCHORS}"
        ),
        "the anchor owner.der can't be read",
        "power off in 10 s",
    );
}
