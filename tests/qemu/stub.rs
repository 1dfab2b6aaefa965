//! What a unified kernel image hands to its system: the same, whether firmware starts systemd's stub in it or we start
//! the kernel.

use std::collections::BTreeSet;
use std::process::Command;

use super::BOOT;
use super::disk::{Files, Image, Variables, directory, pack, run};
use super::interface::{bootctl_shows, is_blessed};
use super::machine::{Machine, Setup, busybox};
use super::signed::{System, program};

/// systemd, which is Debian's here as in the demo system, and what tells it to go on to the next root.
const SYSTEMD: [&str; 2] = ["/lib/systemd/systemd", "/bin/systemctl"];

/// What the demo system's root filesystem takes, each behind what it needs.
const MODULES: [&str; 12] = [
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci",
    "drivers/block/virtio_blk",
    "lib/crc16",
    "fs/mbcache",
    "crypto/crc32c_generic",
    "fs/jbd2/jbd2",
    "fs/ext4/ext4",
    "fs/efivarfs/efivarfs",
];

/// The first process: says what it was given, one fact a line, and becomes systemd.
const INIT: &str = "#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
dmesg -n 1
echo 'facts begin'
echo \"command line: $(cat /proc/cmdline)\"
find /.extra | while read -r path; do
	content=
	[ ! -f \"$path\" ] || content=\"$(stat -c %s \"$path\") $(sha256sum <\"$path\")\"
	echo \"$path: $(stat -c '%F %a %u:%g %Y' \"$path\") $content\"
done
echo \"all else: $(find / -xdev ! -path '/.extra*' | sort | sha256sum)\"
echo 'facts end'
for module in /modules/*; do insmod \"$module\"; done
exec /lib/systemd/systemd
";

/// What systemd does in an initrd, as far as the demo system needs it.
const UNITS: [(&str, &str); 2] = [
    (
        "initrd.target",
        "[Unit]\nDefaultDependencies=no\nRequires=go-on.service\n",
    ),
    (
        "go-on.service",
        "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\n\
         ExecStart=/bin/mount -o ro /dev/vda2 /sysroot\n\
         ExecStart=/bin/systemctl --no-block switch-root /sysroot\n",
    ),
];

/// Facts that the stub of version 252 alone makes, by their beginnings.
const ONLY_THEIRS: [(&str, &str); 2] = [
    ("command line: ", "it knows no add-ons, which came with 254"),
    (
        "/.extra/sysext/site.confext.raw: ",
        "to it everything in .raw is a system extension; since 255 there are others",
    ),
];

/// Facts that we alone make.
const ONLY_OURS: [(&str, &str); 8] = [
    ("command line: ", "add-ons"),
    ("/.extra/confext: ", "other extensions"),
    ("/.extra/confext/site.confext.raw: ", "the same"),
    ("/.extra/global_confext: ", "extensions for all systems"),
    ("/.extra/global_confext/all.confext.raw: ", "the same"),
    ("/.extra/global_sysext: ", "the same"),
    ("/.extra/global_sysext/all.sysext.raw: ", "the same"),
    ("/.extra/os-release: ", "it came with 257"),
];

const CMDLINE: &str = "console=ttyS0 quiet no_timer_check words=\"one  two\"";

/// An initrd with systemd in it, for the demo system.
fn initrd(demo: &Image) -> Vec<u8> {
    let tree = directory().join("stub.tree");
    let _ = std::fs::remove_dir_all(&tree);
    for name in ["proc", "sys", "dev", "run", "sysroot", "modules", "etc"] {
        std::fs::create_dir_all(tree.join(name)).unwrap();
    }
    let copy = |from: &str| {
        let to = tree.join(&from[1..]);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap_or_else(|error| panic!("{from}: {error}"));
    };
    let libraries = Command::new("ldd").args(SYSTEMD).output().unwrap();
    let libraries = String::from_utf8(libraries.stdout).unwrap();
    let libraries = libraries.split_whitespace().filter(|word| {
        // The names of the programs end with a colon.
        word.starts_with('/') && !word.ends_with(':')
    });
    SYSTEMD.into_iter().chain(libraries).for_each(copy);
    std::fs::copy(busybox(), tree.join("bin/busybox")).unwrap();
    let release = &demo.names(1, "/usr/lib/modules")[0];
    for (number, module) in MODULES.iter().enumerate() {
        let content = demo.read(1, &format!("/usr/lib/modules/{release}/kernel/{module}.ko"));
        std::fs::write(tree.join(format!("modules/{number:02}")), content).unwrap();
    }
    let units = tree.join("lib/systemd/system");
    std::fs::create_dir_all(&units).unwrap();
    for (name, unit) in UNITS {
        std::fs::write(units.join(name), unit).unwrap();
    }
    // By this systemd knows where it is.
    std::fs::write(tree.join("etc/initrd-release"), "ID=test\n").unwrap();
    let init = tree.join("init");
    std::fs::write(&init, INIT).unwrap();
    run(Command::new("chmod").arg("755").arg(init));
    pack(&tree)
}

/// A credential that is encrypted, though with a key that everybody has, for machines without a TPM. `systemd-creds`
/// of 252 decodes no Base64 where it looks at what the system was given.
fn sealed() -> Vec<u8> {
    let seal = "printf 'a secret' | systemd-creds encrypt --with-key=tpm2-absent --name=sealed - - | base64 -d";
    let sealed = Command::new("sh").args(["-c", seal]).output().unwrap();
    assert!(!sealed.stdout.is_empty(), "{sealed:?}");
    sealed.stdout
}

/// The image, and everything that lies beside it and means something, or seems to.
fn files(demo: &Image) -> Files {
    let work = directory().join("stub.work");
    std::fs::create_dir_all(&work).unwrap();
    let (kernel, initrd) = (System::of(demo).kernel, initrd(demo));
    let line = format!("{CMDLINE}\n");
    let image = program(
        &work,
        &[
            // In front of the other entry.
            (".osrel", b"ID=a\nPRETTY_NAME=\"Debian in one\"\n"),
            (".cmdline", line.as_bytes()),
            (".pcrsig", b"{}"),
            (".pcrpkey", b"-----BEGIN PUBLIC KEY-----\n"),
            (".initrd", &initrd),
            (".linux", &kernel),
        ],
    );
    let addon = |text: &str| program(&work, &[(".cmdline", text.as_bytes())]);
    let (own, all) = (addon("own=1"), addon("all=1"));
    std::fs::remove_dir_all(&work).unwrap();
    let mut files = Files::from([
        ("/loader/addons/a.addon.efi".to_owned(), all),
        ("/loader/credentials/all.cred".to_owned(), b"all".to_vec()),
        ("/loader/credentials/plain.cred".to_owned(), b"2".to_vec()),
        ("/loader/credentials/tools.raw".to_owned(), b"x".to_vec()),
        (
            "/loader/extensions/all.sysext.raw".to_owned(),
            b"sys".to_vec(),
        ),
        (
            "/loader/extensions/all.confext.raw".to_owned(),
            b"conf".to_vec(),
        ),
    ]);
    let long: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
    let beside = [
        ("own.addon.efi", own),
        ("plain.cred", b"plain".to_vec()),
        ("sealed.cred", sealed()),
        ("B.cred", b"B".to_vec()),
        ("UPPER.CRED", b"U".to_vec()),
        ("empty.cred", Vec::new()),
        ("tools.sysext.raw", long),
        ("old.raw", b"old".to_vec()),
        ("SHORT.RAW", b"short".to_vec()),
        ("site.confext.raw", b"site".to_vec()),
        // Nobody takes these.
        (".hidden.cred", b"x".to_vec()),
        (".hidden.raw", b"x".to_vec()),
        ("inner.cred/x.cred", b"x".to_vec()),
        ("plain.cred.old", b"x".to_vec()),
        ("notes.txt", b"x".to_vec()),
    ];
    for (path, directory) in [
        ("/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/BOOTX64.EFI.extra.d"),
        ("/EFI/Linux/demo+3.efi", "/EFI/Linux/demo.efi.extra.d"),
    ] {
        files.insert(path.to_owned(), image.clone());
        for (name, content) in &beside {
            files.insert(format!("{directory}/{name}"), content.clone());
        }
    }
    files
}

/// What the first process says, where the system is handed over by this machine.
fn facts(machine: &mut Machine) -> BTreeSet<String> {
    machine.expect("facts begin", BOOT);
    machine.expect("facts end", BOOT);
    let log = machine.transcript();
    let (_, facts) = log.split_once("facts begin").unwrap();
    let (facts, _) = facts.split_once("facts end").unwrap();
    let lines = facts.lines().map(|line| line.trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

fn attach(setup: Setup, image: &Image) -> Machine {
    let device = "virtio-blk-pci,drive=disk,bootindex=0";
    setup.drive(image).arguments(&["-device", device]).start()
}

/// Checks that these facts are those of the list, by their beginnings.
fn are(facts: &[&String], expected: &[(&str, &str)]) {
    let is_in = |fact: &str| expected.iter().any(|(start, _)| fact.starts_with(start));
    let unknown = facts.iter().find(|fact| !is_in(fact));
    assert_eq!(unknown, None);
    let is_there = |start: &str| facts.iter().any(|fact| fact.starts_with(start));
    let gone = expected.iter().find(|(start, _)| !is_there(start));
    assert_eq!(gone, None);
}

/// Firmware starts the image as `BOOTX64.EFI`, with the stub of systemd 252. We start it as a counted one, and the
/// system goes on from the initrd, with its credentials, to Debian, which finds the boot good.
#[test]
fn a_unified_kernel_image_hands_over_what_its_stub_would() {
    let image = Image::copy("stub", "esp");
    image.put_on_esp(&files(&image));
    // There systemd-gpt-auto-generator mounts the partition that LoaderDevicePartUUID names.
    image.add_directory("efi");

    let variables = Variables::new("stub-firmware");
    let mut machine = attach(Machine::with_firmware("stub-firmware", &variables), &image);
    let theirs = facts(&mut machine);
    machine.cut_power();

    let variables = Variables::new("stub-flash");
    let mut machine = attach(Machine::with_flash("stub-flash", &variables), &image);
    machine.expect("demo+3.efi becomes demo+2-1.efi", BOOT);
    machine.expect("jumping", BOOT);
    let ours = facts(&mut machine);

    assert!(
        theirs.contains(&format!("command line: {CMDLINE}")),
        "{theirs:#?}"
    );
    let with_addons = format!("command line: {CMDLINE} all=1 own=1");
    assert!(ours.contains(&with_addons), "{ours:#?}");
    are(&theirs.difference(&ours).collect::<Vec<_>>(), &ONLY_THEIRS);
    are(&ours.difference(&theirs).collect::<Vec<_>>(), &ONLY_OURS);

    machine.log_in();
    let credentials = machine.shell("systemd-creds --system --no-legend list | cat");
    for name in ["all", "plain", "sealed", "B", "empty"] {
        let path = format!("/run/credentials/@encrypted/{name}");
        assert!(credentials.contains(&path), "{name}: {credentials}");
    }
    let sealed = machine.shell("systemd-creds --system cat sealed");
    assert!(sealed.contains("a secret"), "{sealed}");

    is_blessed(&mut machine);
    // Debian's takes the counter for a part of the name, which is gone by now.
    bootctl_shows(&mut machine, "Debian in one");
    machine.type_line("poweroff");
    machine.expect_end(BOOT);
    let names = image.names(0, "/EFI/Linux");
    assert_eq!(names[..2], ["demo.efi", "demo.efi.extra.d"]);
}
