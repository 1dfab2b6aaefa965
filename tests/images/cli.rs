//! The command line as its users see it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::kit::superblock::{lvm, md_1};
use crate::kit::{Image, MIB, TempDir, copy_in, noise, run_line, temp_dir};

/// A kernel as far as a dry run looks at it.
pub fn kernel(seed: u64) -> Vec<u8> {
    let mut file = noise(50_000, seed);
    file[0x1f1] = 1;
    file[0x1f4..0x1f8].copy_from_slice(&3061_u32.to_le_bytes());
    file[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    file[0x202..0x206].copy_from_slice(b"HdrS");
    file[0x206..0x208].copy_from_slice(&[15, 2]);
    file[0x20e..0x210].copy_from_slice(&0_u16.to_le_bytes());
    file[0x211] = 1;
    file[0x236] = 3;
    file[0x237] = 0;
    file[0x238..0x23c].copy_from_slice(&2047_u32.to_le_bytes());
    file
}

/// A kernel that would unpack itself, and is damaged: that is seen when it is unpacked.
pub fn broken() -> Vec<u8> {
    let mut file = vec![b'x'; 1024];
    file[..0x80].fill(0);
    for (at, bytes) in [
        (0, &b"MZ\0\0zimg\x80\0\0\0\0\x03"[..]),
        (24, b"gzip"),
        (0x3c, b"\x40\0\0\0PE\0\0\x64\x86"),
    ] {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }
    file
}

/// A disk with an ESP and a root filesystem, with entries on both.
pub fn make_disk(dir: &TempDir) -> Image {
    dir.file(
        "esp/loader/entries/debian-6.1.conf",
        b"title Debian\nversion 6.1\nsort-key debian\nmachine-id 0123456789abcdef\n\
          linux /debian/6.1/linux\ninitrd /debian/6.1/initrd\noptions root=LABEL=root ro\n",
    );
    dir.file(
        "esp/loader/entries/debian-6.12+2-1.conf",
        b"title Debian\nversion 6.12\nsort-key debian\nlinux /debian/6.12/linux\nnonsense x\n",
    );
    dir.file("esp/loader/entries/gone.conf", b"title Gone\nlinux /gone\n");
    dir.file("esp/debian/6.1/linux", &kernel(9));
    dir.file("esp/debian/6.1/initrd", &noise(5001, 4));
    dir.file("esp/debian/6.12/linux", &kernel(10));
    dir.file(
        "root/boot/loader/entries/rescue.conf",
        b"title Evil \x1b[2J\xe2\x80\xae\nlinux /vmlinuz\n",
    );
    dir.file("root/vmlinuz", &broken());
    let esp = dir.image("esp.img", 48 * MIB);
    run_line("mkfs.vfat -F 32 -s 1 -i 12345678 -n ESP {}", &esp);
    for name in ["loader", "debian"] {
        copy_in(&esp, &dir.path().join("esp").join(name), "");
    }
    let root = dir.image("root.img", 16 * MIB);
    let tree = dir.path().join("root");
    let uuid = "01234567-89ab-cdef-0123-456789abcdef";
    run_line(
        &format!(
            "mke2fs -q -t ext4 -L root -U {uuid} -d {} {{}}",
            tree.display()
        ),
        &root,
    );
    let disk = dir.image("disk.raw", 80 * MIB);
    run_line(
        "sgdisk -n 1:2048:+48M -t 1:ef00 -n 2:0:+16M -t 2:8300 {}",
        &disk,
    );
    disk.insert(MIB, &esp);
    disk.insert(49 * MIB, &root);
    disk
}

pub fn pilotlight(arguments: &[&str], disks: &[&dyn AsRef<Path>]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pilotlight"))
        .args(arguments)
        .args(disks.iter().map(|disk| disk.as_ref()))
        .output()
        .unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn json(disks: &[&dyn AsRef<Path>]) -> Value {
    let output = pilotlight(&["list", "--json"], disks);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn list_shows_the_menu_and_why_something_is_not_in_it() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let output = pilotlight(&["list"], &[&disk]);
    assert_eq!(output.status.code(), Some(0));
    let out = text(&output.stdout);
    let lines: Vec<&str> = out.lines().collect();
    let title = |line: &&&str| !line.starts_with("    ");
    let titles: Vec<&str> = lines.iter().filter(title).copied().collect();
    // Without a machine ID sorts before one with it; without a sort key comes last.
    assert_eq!(
        titles,
        [
            "* Debian (6.12)",
            "  Debian (6.1)",
            "! Gone",
            "* Evil \\u{1b}[2J\\u{202e}",
        ]
    );
    assert!(out.contains("    tries    2 left, 1 done"), "{out}");
    assert!(
        out.contains("    note: `nonsense` in line 5 is no key of an entry"),
        "{out}"
    );
    assert!(
        out.contains("    can't be booted: /gone is not there"),
        "{out}"
    );
    let place = format!("{} partition 1: /loader/entries/gone.conf", disk.path());
    assert!(out.contains(&place), "{out}");
}

/// A disk that was cut: behind an ESP and what holds no files, its last partition loses its end.
fn make_disk_without_end(dir: &TempDir) -> Image {
    dir.file(
        "esp/loader/entries/a.conf",
        b"title Debian\nlinux /linux\noptions ro\n",
    );
    dir.file("esp/loader/loader.conf", b"timeout 3\ndefault @saved\n");
    let kernel = dir.file("esp/linux", &kernel(9));
    let esp = dir.image("esp.img", 4 * MIB);
    run_line("mkfs.vfat -F 12 -n ESP {}", &esp);
    for path in [dir.path().join("esp/loader"), kernel] {
        copy_in(&esp, &path, "");
    }
    let luks = dir.image("luks.img", 8 * MIB);
    let key = dir.file("key", b"secret");
    run_line(
        &format!(
            "cryptsetup -q luksFormat --type luks1 --pbkdf-force-iterations 1000 --key-file {} {{}}",
            key.display()
        ),
        &luks,
    );
    let pv = dir.image("pv.img", 4 * MIB);
    lvm(&pv, 1, b"0123456789abcdef0123456789abcdef");
    let raid = dir.image("raid.img", 4 * MIB);
    md_1(&raid, 4096, *b"0123456789abcdef", "host:0");
    let swap = dir.image("swap.img", 4 * MIB);
    run_line("mkswap {}", &swap);
    let root = dir.image("root.img", 8 * MIB);
    run_line("mke2fs -q -t ext4 {}", &root);

    let disk = dir.image("disk.raw", 48 * MIB);
    run_line(
        "sgdisk -n 1:2048:+4M -t 1:ef00 -n 2:0:+8M -n 3:0:+4M -n 4:0:+4M -n 5:0:+4M -n 6:0:+4M \
         -n 7:0:+8M {}",
        &disk,
    );
    let mut at = MIB;
    for image in [&esp, &luks, &pv, &raid, &swap] {
        disk.insert(at, image);
        at += image.size();
    }
    disk.write(at, &noise(4 << 20, 1));
    disk.insert(at + 4 * MIB, &root);
    disk.resize(at + 11 * MIB);
    disk
}

/// Why what looks like a part of a volume group, and of an array, is not used.
const PHYSICAL_VOLUME: &str = "physical volume 012345-6789-abcd-ef01-2345-6789-abcdef: no volume group \
                               that is here has it";
const MEMBER: &str =
    "array 30313233-3435-3637-3839-616263646566 is not assembled: it has 0 members";

#[test]
fn list_says_at_its_end_what_was_passed_over() {
    let dir = temp_dir();
    let disk = make_disk_without_end(&dir);
    let output = pilotlight(&["list"], &[&disk]);
    assert_eq!(output.status.code(), Some(0));
    let path = disk.path();
    let expected = format!(
        "* Debian\n\
         \x20   id       a.conf\n\
         \x20   from     {path} partition 1: /loader/entries/a.conf\n\
         \x20   kernel   /linux\n\
         \x20   options  ro\n\
         {path} partition 1: /loader/loader.conf: waits 3 s (menu)\n\
         {path}: the backup GPT should be at sector 98303, but the disk ends at sector 73727: \
         it was cut\n\
         {path} partition 1: /loader/loader.conf, line 2: `default @saved` is passed over: \
         which entry was started last is not known\n\
         {path} partition 2: encrypted (LUKS): not opened\n\
         {path} partition 3: {PHYSICAL_VOLUME}\n\
         {path} partition 4: {MEMBER}\n\
         {path} partition 7: reaches 1048576 bytes over the end of the disk and is cut there\n\
         {path} partition 7: its filesystem can't be read: damaged: the superblock: it has more \
         blocks than the volume\n"
    );
    assert_eq!(text(&output.stdout), expected);
}

/// Swap and what nobody knows are no place for entries: nothing is missing there.
#[test]
fn what_was_passed_over_stands_at_its_volume() {
    let dir = temp_dir();
    let disk = make_disk_without_end(&dir);
    let inspect = text(&pilotlight(&["inspect"], &[&disk]).stdout);
    let view = json(&[&disk]);
    for (volume, words) in [
        (1, Some("encrypted (LUKS): not opened")),
        (2, Some(PHYSICAL_VOLUME)),
        (3, Some(MEMBER)),
        (4, None),
        (5, None),
    ] {
        let expected: Vec<&str> = words.into_iter().collect();
        let problems = &view["disks"][0]["volumes"][volume]["problems"];
        assert_eq!(problems, &serde_json::json!(expected));
        let part = inspect.split("\n  partition ").nth(volume + 1).unwrap();
        let marks: Vec<&str> = part
            .lines()
            .filter_map(|l| l.trim().strip_prefix("! "))
            .collect();
        assert_eq!(marks, expected, "{inspect}");
    }
    assert!(
        inspect.contains("\n    nothing that is known\n  partition 7"),
        "{inspect}"
    );
}

#[test]
fn json_is_what_is_promised() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let view = json(&[&disk]);
    let path = disk.path();
    assert_eq!(view["disks"][0]["path"], path);
    assert_eq!(view["disks"][0]["partition_table"], "gpt");
    let esp = &view["disks"][0]["volumes"][0];
    assert_eq!(esp["partition"], 1);
    assert_eq!(
        (&esp["offset"], &esp["size"]),
        (&(1 << 20).into(), &(48 << 20).into())
    );
    assert_eq!(
        (&esp["filesystem"], &esp["uuid"], &esp["label"]),
        (&"vfat".into(), &"1234-5678".into(), &"ESP".into())
    );
    let entries = view["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 4);
    let expected = serde_json::json!({
        "id": "debian-6.1.conf",
        "title": "Debian (6.1)",
        "source": "bls",
        "origin": {
            "disk": path,
            "volume": "1234-5678",
            "path": "/loader/entries/debian-6.1.conf",
            "line": null,
        },
        "origins": [{
            "disk": path,
            "volume": "1234-5678",
            "path": "/loader/entries/debian-6.1.conf",
            "line": null,
        }],
        "kind": "linux",
        "kernel": { "volume": "1234-5678", "path": "/debian/6.1/linux" },
        "initrd": [{ "volume": "1234-5678", "path": "/debian/6.1/initrd", "name": null }],
        "devicetree": null,
        "modules": [],
        "cmdline": "root=LABEL=root ro",
        "submenu": [],
        "default": false,
        "version": "6.1",
        "machine_id": "0123456789abcdef",
        "architecture": null,
        "tries_left": null,
        "tries_done": null,
        "other_keys": [],
        "bootable": true,
        "problems": [],
    });
    assert_eq!(entries[1], expected);
    assert_eq!(entries[0]["default"], true);
    assert_eq!(
        entries[0]["other_keys"],
        serde_json::json!([{ "key": "nonsense", "value": "x" }])
    );
    assert_eq!(
        (&entries[0]["tries_left"], &entries[0]["tries_done"]),
        (&2.into(), &1.into())
    );
    assert_eq!(entries[2]["bootable"], false);
    assert_eq!(
        entries[2]["problems"],
        serde_json::json!(["/gone is not there"])
    );
    assert_eq!(
        entries[3]["origin"]["volume"],
        "01234567-89ab-cdef-0123-456789abcdef"
    );
}

/// `docs/list-json.md` names every key, and no other.
#[test]
fn every_key_is_documented() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/list-json.md"));
    let document = document.unwrap();
    let mut printed = BTreeSet::new();
    keys(&json(&[&disk]), &mut printed);
    // Of modules there are none on this disk.
    let documented: BTreeSet<String> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(key, _)| key.to_owned())
        .collect();
    assert_eq!(printed, documented);
    let example = document
        .split("```json")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let mut in_example = BTreeSet::new();
    keys(&serde_json::from_str(example).unwrap(), &mut in_example);
    assert_eq!(in_example, printed);
}

fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn several_disks_make_one_list_with_unique_ids() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let copy = dir.path().join("copy.raw");
    std::fs::copy(&disk.0, &copy).unwrap();
    // What is named twice is there once.
    let link = dir.path().join("link.raw");
    std::os::unix::fs::symlink("disk.raw", &link).unwrap();
    let view = json(&[&disk, &copy, &link, &disk]);
    assert_eq!(view["disks"].as_array().unwrap().len(), 2);
    let entries = view["entries"].as_array().unwrap();
    let texts = |key: &str| -> Vec<&str> {
        let entries = entries.iter();
        entries.map(|entry| entry[key].as_str().unwrap()).collect()
    };
    assert_eq!(
        texts("id"),
        [
            "debian-6.12.conf",
            "debian-6.1.conf",
            "gone.conf",
            "rescue.conf",
            "debian-6.12.conf@1234-5678",
            "debian-6.1.conf@1234-5678",
            "gone.conf@1234-5678",
            "rescue.conf@01234567-89ab-cdef-0123-456789abcdef",
        ]
    );
    assert_eq!(entries[5]["origin"]["disk"], copy.to_str().unwrap());
    let titles = texts("title");
    let different: BTreeSet<&str> = titles.iter().copied().collect();
    assert_eq!(different.len(), titles.len(), "{titles:?}");
}

#[test]
fn inspect_shows_the_tree() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let out = text(&pilotlight(&["inspect"], &[&disk]).stdout);
    let expected = format!(
        "{}  80.0 MiB, gpt, sectors of 512\n\
         \x20 partition 1, EFI system partition, 48.0 MiB from byte 1048576\n\
         \x20   vfat, UUID 1234-5678, label ESP\n",
        disk.path()
    );
    assert!(out.starts_with(&expected), "{out}");
    assert!(
        out.contains("    /loader/entries/gone.conf: Gone\n      ! /gone is not there\n"),
        "{out}"
    );
}

#[test]
fn a_dry_run_reads_and_hashes() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let output = pilotlight(
        &["boot", "--dry-run", "--entry", "debian-6.1.conf"],
        &[&disk],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let out = text(&output.stdout);
    for file in ["esp/debian/6.1/linux", "esp/debian/6.1/initrd"] {
        let sum = run_line("sha256sum {}", dir.path().join(file));
        let sum = sum.split_whitespace().next().unwrap();
        assert!(out.contains(sum), "{file}: {sum} is not in\n{out}");
    }
    for stage in [
        "disks",
        "entries",
        "read and hash",
        "load",
        "dry run: nothing was loaded",
    ] {
        assert!(out.contains(stage), "{out}");
    }
}

#[test]
fn a_dry_run_keeps_to_the_rules_of_a_policy() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let run = |policy: &str, more: &[&str]| {
        let policy = dir
            .file("policy.toml", policy.as_bytes())
            .display()
            .to_string();
        let arguments = [&["boot", "--dry-run", "--policy", &policy], more].concat();
        pilotlight(&arguments, &[&disk])
    };
    let first = |policy: &str| {
        text(&run(policy, &[]).stdout)
            .lines()
            .next()
            .map(str::to_owned)
    };
    let usual = first("").unwrap();
    let preferred = first("[[boot.prefer]]\nid = \"debian-6.1.conf\"\n").unwrap();
    assert_ne!(usual, preferred);

    let refused = "[[boot.refuse]]\nid = \"*\"\n";
    assert_eq!(first(refused), None);
    assert_eq!(run(refused, &[]).status.code(), Some(3));
    let named = run(refused, &["--entry", "debian-6.1.conf"]);
    assert_eq!(named.status.code(), Some(1), "{named:?}");
    assert_eq!(text(&named.stdout), "");
    assert!(
        text(&named.stderr).contains("line 1 of the policy refuses it"),
        "{named:?}"
    );
}

#[test]
fn what_fails_says_what_and_where() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let place = disk.path();
    for (arguments, code, message) in [
        (
            &["boot", "--dry-run", "--entry", "x"][..],
            1,
            "there is no entry x",
        ),
        (
            &["boot", "--dry-run", "--entry", "gone.conf"],
            1,
            "gone.conf can't be booted: /gone is not there",
        ),
        (
            &["boot", "--dry-run", "--entry", "rescue.conf"],
            1,
            &format!(
                "{place} partition 2: /vmlinuz can't be started: the kernel in it can't be unpacked"
            ),
        ),
        (
            &["lsit"],
            2,
            "there is no command \"lsit\" (see `pilotlight --help`)",
        ),
        (&["list", "--jsno"], 2, "invalid option '--jsno'"),
    ] {
        let output = pilotlight(arguments, &[&disk]);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let errors = text(&output.stderr);
        assert!(errors.contains(message), "{arguments:?}: {errors}");
    }
    let output = pilotlight(&["list"], &[&dir.path().join("no-such-file")]);
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(
        errors.contains("no-such-file: No such file or directory"),
        "{errors}"
    );
}

#[test]
fn nothing_to_boot_has_its_own_status() {
    let dir = temp_dir();
    let empty = dir.image("empty.raw", 4 * MIB);
    let nothing_here =
        "pilotlight: nothing here can be booted: `pilotlight inspect` shows what was looked at\n";
    for (arguments, message) in [
        (&["list"][..], nothing_here),
        (&["list", "--json"], nothing_here),
        (
            &["boot", "--dry-run"],
            "pilotlight: nothing could be booted: `pilotlight list` shows what there is\n",
        ),
    ] {
        let output = pilotlight(arguments, &[&empty]);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert_eq!(text(&output.stderr), message, "{arguments:?}");
    }
    let view = json(&[&empty]);
    assert_eq!(view["entries"], serde_json::json!([]));
    assert_eq!(view["disks"][0]["partition_table"], Value::Null);
}

#[test]
fn an_entry_that_fails_gives_way_to_the_next() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    // The kernel of the default is damaged, which is seen when it is started.
    let bytes = std::fs::read(&disk.0).unwrap();
    let kernel = kernel(10);
    let at = (0..bytes.len() - 512)
        .step_by(512)
        .find(|at| bytes[*at..at + 512] == kernel[..512])
        .unwrap();
    disk.write(at as u64, &broken());
    let output = pilotlight(&["boot", "--dry-run"], &[&disk]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(out.contains("Debian (6.12)\n  "), "{out}");
    assert!(
        out.contains("longer than 49152 bytes\nDebian (6.1)\n"),
        "{out}"
    );
}

#[test]
fn a_policy_is_checked() {
    let dir = temp_dir();
    let right = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/boards/qemu-x86_64/policy.toml"
    );
    let wrong = dir.file("policy.toml", b"[failure]\nthen = \"retry\"\nround = 2\n");
    let place = wrong.display();
    let missing = dir.path().join("missing");
    for (file, code, message) in [
        (Path::new(right), 0, String::new()),
        (
            &wrong,
            1,
            format!("pilotlight: {place}: line 3: `round` is no key of failure\n"),
        ),
        (
            &missing,
            1,
            format!(
                "pilotlight: {}: No such file or directory (os error 2)\n",
                missing.display()
            ),
        ),
    ] {
        let output = pilotlight(&["check-policy"], &[&file]);
        assert_eq!(output.status.code(), Some(code), "{}", file.display());
        assert_eq!(text(&output.stderr), message);
        assert_eq!(text(&output.stdout), "");
    }
    let output = pilotlight(&["check-policy"], &[]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn values_of_a_policy_are_shown_with_who_has_set_them() {
    let dir = temp_dir();
    let policy = "[override]\nallow = [\"cmdline\", \"vpd\", \"efi\", \"ipmi\"]\n[wait]\ndisks = 7\n\
                  [[boot.refuse]]\nremovable = true\n";
    let policy = dir.file("policy.toml", policy.as_bytes());
    let cmdline = b"quiet pilotlight.menu.timeout=5 pilotlight.trust.mode=off\n";
    dir.file("root/proc/cmdline", cmdline);
    let vpd = "root/sys/firmware/vpd/ro/pilotlight_wait_settle";
    dir.file(vpd, b"soon");
    let root = dir.path().join("root");
    let options = ["policy", "--root", root.to_str().unwrap()];
    let output = pilotlight(&options, &[&policy]);
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    for line in [
        "wait.disks        line 4    7\n",
        "wait.settle       default   10\n",
        "boot.refuse       line 5    [{ removable = true }]\n",
        "menu.timeout      cmdline   5\n",
        "trust.mode        default   \"off\"\n",
        "source cmdline: sets menu.timeout\n\
         source vpd: passed over\n\
         source efi: says nothing\n\
         source ipmi: not asked by this command\n\
         source fw_cfg: not listened to\n\
         source file: not listened to\n\
         passed over: cmdline: trust.mode is",
        "passed over: vpd: wait.settle: \"soon\" is no whole number",
        "passed over: cmdline: trust.mode is nothing that can be set from there\n",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
    let output = pilotlight(&[&options[..], &["--json"]].concat(), &[&policy]);
    let view: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let values = view["values"].as_array().unwrap();
    let timeout = values.iter().find(|value| value["key"] == "menu.timeout");
    let expected = serde_json::json!({ "key": "menu.timeout", "value": "5", "from": "cmdline" });
    assert_eq!(timeout, Some(&expected));
    assert_eq!(view["problems"].as_array().unwrap().len(), 2);
    assert_eq!(view["sources"][1], "vpd: passed over");
    // One whose values others have set.
    dir.file(vpd, b"5");
    let policy = policy.with_file_name("later.toml");
    let text = "[override]\nallow = [\"vpd\", \"cmdline\"]\n";
    std::fs::write(&policy, text).unwrap();
    dir.file("root/proc/cmdline", b"pilotlight.wait.settle=6\n");
    let output = pilotlight(&options, &[&policy]);
    let shown = String::from_utf8(output.stdout).unwrap();
    for line in [
        "wait.settle       cmdline   6\n",
        "source vpd: others count\n",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
    let output = pilotlight(&["policy"], &[&dir.file("wrong.toml", b"[wait")]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn variables_choose_before_configurations() {
    let dir = temp_dir();
    let disk = make_disk(&dir);
    let variable = |name: &str, text: &str| {
        let units = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
        let bytes: Vec<u8> = [7, 0, 0, 0].into_iter().chain(units).collect();
        let name = format!("efivars/{name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
        dir.file(&name, &bytes)
    };
    let once = variable("LoaderEntryOneShot", "RESCUE.conf");
    variable("LoaderEntryDefault", "nothing*");
    variable("LoaderConfigTimeout", "menu-force");
    let efivars = dir.path().join("efivars");
    let efivars = ["--efivars", efivars.to_str().unwrap()];
    let list = pilotlight(&[&["list"], &efivars[..]].concat(), &[&disk]);
    let list = text(&list.stdout);
    let choice = "\nUEFI variables choose rescue.conf before all others\n\
                  the UEFI variable LoaderEntryDefault, \"nothing*\", means no entry that is there\n";
    assert!(list.contains(choice), "{list}");
    assert!(list.contains(": waits for somebody\n"), "{list}");
    let view = pilotlight(&[&["list", "--json"], &efivars[..]].concat(), &[&disk]);
    let view: Value = serde_json::from_slice(&view.stdout).unwrap();
    assert_eq!(view["wished"], serde_json::json!(["rescue.conf"]));
    let dry = pilotlight(&[&["boot", "--dry-run"], &efivars[..]].concat(), &[&disk]);
    let dry = text(&dry.stdout);
    let gives_way = dry.starts_with("Evil") && dry.contains("\nDebian (6.12)\n");
    assert!(gives_way, "{dry}");
    assert!(once.exists(), "a command takes nothing away");
    let wrong = pilotlight(&["list", "--efivars", "/nowhere"], &[&disk]);
    assert_eq!(
        text(&wrong.stderr),
        "pilotlight: /nowhere: there are no UEFI variables\n"
    );
}

#[test]
fn help_and_version() {
    let help = text(&pilotlight(&["--help"], &[]).stdout);
    let usage = "pilotlight list [--json] [--efivars DIR] [DISK…]";
    assert!(help.contains(usage), "{help}");
    let help = text(&pilotlight(&["boot", "--help"], &[]).stdout);
    assert!(help.contains("--dry-run"), "{help}");
    let version = text(&pilotlight(&["--version"], &[]).stdout);
    assert_eq!(
        version,
        concat!("pilotlight ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

/// A disk with nothing but GRUB on it: the list has its menus, lines and default.
#[test]
fn grub_is_listed_with_menus_and_lines() {
    let dir = temp_dir();
    let config = "set default=\"sub>two\"\nmenuentry One { linux /vmlinuz a; }\n\
                  submenu More --id sub {\n menuentry Two --id two { linux /vmlinuz b; }\n}\nfrob\n";
    dir.file("tree/boot/grub/grub.cfg", config.as_bytes());
    dir.file("tree/vmlinuz", &kernel(11));
    let tree = dir.path().join("tree");
    let image = dir.image("disk.raw", 16 * MIB);
    run_line(
        &format!("mke2fs -q -t ext4 -d {} {{}}", tree.display()),
        &image,
    );
    let out = text(&pilotlight(&["list"], &[&image]).stdout);
    let place = image.path();
    let expected = format!(
        "  One\n    id       One\n    from     {place}: /boot/grub/grub.cfg, line 2\n\
         \x20   kernel   /vmlinuz\n    options  BOOT_IMAGE=/vmlinuz a\n\
         * Two\n    id       sub>two\n    menu     More\n\
         \x20   from     {place}: /boot/grub/grub.cfg, line 4\n\
         \x20   kernel   /vmlinuz\n    options  BOOT_IMAGE=/vmlinuz b\n\
         {place}: (hd0)/boot/grub/grub.cfg, line 6, column 1: can't find command `frob'\n"
    );
    assert_eq!(out, expected);
    let view = json(&[&image]);
    let two = &view["entries"][1];
    assert_eq!(
        (&two["source"], &two["default"]),
        (&"grub".into(), &true.into())
    );
    assert_eq!(two["submenu"], serde_json::json!(["More"]));
    assert_eq!(two["origin"]["line"], 4);
    let dry = pilotlight(&["boot", "--dry-run"], &[&image]);
    assert!(text(&dry.stdout).starts_with("Two\n"), "{dry:?}");
}
