//! What a booted system, and a machine at the second serial line, read of the boot.

use std::process::Command;

use pilotlight::policy::overrides::VENDOR;
use pilotlight::trust::Algorithm;
use serde_json::Value;

use super::disk::{Files, Image, Variables, directory, run};
use super::machine::Machine;
use super::signed::System;
use super::{BOOT, boots};

const POLICY: &str = "[report]\nconsole = \"ttyS1\"\nsummary = true\n[override]\nallow = [\"efi\"]\n\
                      [wait]\nsettle = 1\n";

/// What `update-initramfs` makes of Debian's initrd when `hooks/initramfs-report` is installed: the script, and its
/// line in the order of scripts.
fn with_hook(initrd: &[u8]) -> Vec<u8> {
    let root = directory().join("report.root");
    let _ = std::fs::remove_dir_all(&root);
    let scripts = root.join("scripts/init-top");
    std::fs::create_dir_all(&scripts).unwrap();
    std::fs::write(root.join("initrd"), initrd).unwrap();
    let hook = concat!(env!("CARGO_MANIFEST_DIR"), "/hooks/initramfs-report");
    std::fs::copy(hook, scripts.join("pilotlight")).unwrap();
    let script = "zstd -dc initrd | cpio --quiet -i --to-stdout scripts/init-top/ORDER >order && \
                  grep -q /scripts/init-top/udev order && \
                  echo '/scripts/init-top/pilotlight \"$@\"' | cat order - >scripts/init-top/ORDER && \
                  find scripts | cpio --quiet -o -H newc >archive";
    run(Command::new("sh").args(["-c", script]).current_dir(&root));
    let archive = std::fs::read(root.join("archive")).unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    archive
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["event"] == name)
        .collect()
}

#[test]
fn the_system_reads_what_has_happened() {
    let disk = Image::copy("report", "esp");
    let system = System::of(&disk);
    let entry = format!(
        "title Debian, which reads\nsort-key z\nlinux /report/linux\ninitrd /report/initrd\n\
         initrd /report/hook\noptions {}\n",
        system.cmdline
    );
    let hook = with_hook(&system.initrd);
    let sha256 = |bytes: &[u8]| {
        let digest = Algorithm::Sha256.digest(bytes);
        let digits = digest.bytes().iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<String>()
    };
    let hashes = [&system.kernel, &system.initrd, &hook].map(|bytes| sha256(bytes));
    disk.put_on_esp(&Files::from([
        ("/loader/entries/report.conf".to_owned(), entry.into_bytes()),
        ("/report/linux".to_owned(), system.kernel),
        ("/report/initrd".to_owned(), system.initrd),
        ("/report/hook".to_owned(), hook),
    ]));
    // The entry is the last in the menu: a variable makes it the first.
    let wish: Vec<u8> = "report.conf"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let variables = Variables::with("report", &[(VENDOR, "boot.default", &wish)]);
    let lines = directory().join("report.lines");
    let serial = format!("file:{}", lines.display());
    let mut machine = Machine::set_up("report")
        .firmware(&variables)
        .policy(POLICY)
        .drive(&disk)
        .arguments(&["-device", "virtio-blk-pci,drive=disk", "-serial", &serial])
        .without_services()
        .start();
    machine.expect("policy: boot.default is set by efi", BOOT);
    machine.expect("trying Debian, which reads from", BOOT);
    boots(&mut machine);
    let text = machine.shell("cat /run/pilotlight/boot.json");
    let (start, end) = (text.find('{').unwrap(), text.rfind('}').unwrap());
    let report: Value = serde_json::from_str(&text[start..=end]).unwrap();
    assert_eq!(report["pilotlight"], 1);
    let events = report["events"].as_array().unwrap();
    assert_eq!(events[0]["event"], "started");
    let set = named(events, "override");
    assert_eq!(
        (&set[0]["key"], &set[0]["source"]),
        (&"boot.default".into(), &"efi".into())
    );
    assert_eq!(named(events, "disk-found")[0]["disk"], "/dev/vda");
    assert_eq!(named(events, "trying").len(), 1);
    let files = named(events, "file");
    let read = files.iter().map(|file| file["sha256"].as_str().unwrap());
    assert!(read.eq(hashes.iter().map(String::as_str)), "{files:?}");
    let booting = events.last().unwrap();
    for (key, value) in [
        ("event", "booting"),
        ("entry", "report.conf"),
        ("title", "Debian, which reads"),
        (
            "origin",
            "/dev/vda partition 1: /loader/entries/report.conf",
        ),
        ("kernel", "/dev/vda partition 1: /report/linux"),
        ("verdict", "off"),
    ] {
        assert_eq!(booting[key], value, "{booting}");
    }
    assert!(
        booting["times"]["read_ms"].as_u64().unwrap() > 0,
        "{booting}"
    );
    // The other line has the same, the time that loading took, and the jump.
    let lines = std::fs::read_to_string(lines).unwrap();
    // UEFI firmware writes there, too.
    let lines = lines.lines().filter(|line| line.starts_with('{'));
    let lines = lines.map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    assert_eq!(lines.len(), events.len() + 1, "{lines:?}");
    assert_eq!(lines.last().unwrap()["event"], "jumping");
    let last = &lines[lines.len() - 2];
    assert_eq!(
        (&last["event"], &last["entry"]),
        (&booting["event"], &booting["entry"])
    );
    assert!(last["times"]["load_ms"].as_u64().unwrap() > 0, "{last}");
    machine.finish();
}
