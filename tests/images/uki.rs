//! Unified kernel images made by `objcopy` and signed by `sbsign`: what `bootctl` says of them, what is handed
//! over, and what other EFI programs are.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use pilotlight::boot::{Attempt, Part, Timeline};
use pilotlight::config::discover;
use pilotlight::disk::Disk;
use pilotlight::entry::{BootEntry, EntrySource, FileRef, PayloadKind};
use pilotlight::inventory::Inventory;
use pilotlight::kexec::{Handover, Kexec, LoadError};
use pilotlight::trust::Authority;
use pilotlight::trust::coverage::Cleared;

use crate::kit::bootctl::{self, Listed};
use crate::kit::{Image, MIB, TempDir, copy_in, noise, run, run_with_input, temp_dir};
use crate::memory::problems_within;

/// systemd's stub, which does nothing here but be the beginning of an image.
const STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
const SYSTEMD_BOOT: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";

const OS_RELEASE: &[u8] = b"PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_ID=\"12\"\n";

/// The least that counts as a kernel, of some pages.
pub fn kernel() -> Vec<u8> {
    let mut file = noise(70_000, 1);
    file[..0x400].fill(0);
    for (at, bytes) in [
        (0x1fe, &b"\x55\xaa"[..]),
        (0x202, b"HdrS"),
        (0x206, b"\x0f\x02"),
        (0x211, b"\x01"),
        (0x236, b"\x03\0"),
        (0x238, b"\xff\x07\0\0"),
    ] {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }
    file
}

fn stub(path: &str) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| {
        panic!("{path}: {error}: install the Debian package `systemd-boot-efi`")
    })
}

/// Adds sections to a program, as people do who have no `ukify`. A name that occurs again is added once more.
fn add_sections(directory: &TempDir, base: &[u8], sections: &[(&str, &[u8])]) -> Vec<u8> {
    let image = directory.file("image.efi", base);
    for (number, (name, content)) in sections.iter().enumerate() {
        let file = directory.file("section", content);
        // Far enough from each other for what tests put in.
        let address = 0x100_0000 + number * 0x100_0000;
        run(
            "objcopy",
            [
                "--add-section".to_owned(),
                format!("{name}={}", file.display()),
                "--change-section-address".to_owned(),
                format!("{name}={address:#x}"),
                image.display().to_string(),
            ],
        );
    }
    fs::read(image).unwrap()
}

pub fn uki(directory: &TempDir, sections: &[(&str, &[u8])]) -> Vec<u8> {
    add_sections(directory, &stub(STUB), sections)
}

/// Signs a program with a key that is made for it.
fn sign(directory: &TempDir, program: &[u8]) -> Vec<u8> {
    let paths = ["key", "certificate", "signed"].map(|name| directory.path().join(name));
    let [key, certificate, signed] = paths.map(|path| path.display().to_string());
    let line = "req -newkey rsa:2048 -nodes -x509 -batch -subj /CN=test -days 2 -keyout";
    let words = line.split(' ').chain([key.as_str(), "-out", &certificate]);
    run("openssl", words);
    let unsigned = directory
        .file("unsigned.efi", program)
        .display()
        .to_string();
    let words = [
        "--key",
        &key,
        "--cert",
        &certificate,
        "--output",
        &signed,
        &unsigned,
    ];
    run("sbsign", words);
    fs::read(signed).unwrap()
}

/// A FAT filesystem with these files.
pub fn volume(directory: &TempDir, files: &[(&str, Vec<u8>)]) -> Image {
    let image = directory.image("esp.img", 64 * MIB);
    run("mkfs.vfat", ["-n", "ESP", image.path()]);
    tree(directory, files);
    for entry in fs::read_dir(directory.path().join("tree")).unwrap() {
        copy_in(&image, &entry.unwrap().path(), "/");
    }
    image
}

/// The same files in a directory.
fn tree(directory: &TempDir, files: &[(&str, Vec<u8>)]) -> PathBuf {
    for (path, content) in files {
        directory.file(&format!("tree{path}"), content);
    }
    directory.path().join("tree")
}

pub fn inventory(image: &Image) -> Inventory {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&image.0).unwrap());
    inventory
}

fn entries(image: &Image) -> Vec<BootEntry> {
    let found = discover(&inventory(image));
    assert_eq!(found.problems, []);
    found.entries
}

fn problems(entry: &BootEntry) -> Vec<&str> {
    entry.problems.iter().map(|p| p.text.as_str()).collect()
}

/// What was handed to kexec.
pub struct HandedOver {
    kernel: Vec<u8>,
    pub initrd: Vec<u8>,
    cmdline: String,
    /// The files that were read for it, with their hashes.
    pub files: Vec<(FileRef, Part)>,
}

/// Keeps what it is to load: kernel, initrd and command line.
#[derive(Default)]
struct Recorder(RefCell<(Vec<u8>, Vec<u8>, String)>);

impl Kexec for Recorder {
    fn load(&self, what: &Cleared<Handover<'_>>) -> Result<(), LoadError> {
        let Handover {
            kernel,
            initrd,
            cmdline,
        } = what.payload();
        let read =
            |fd: BorrowedFd<'_>| fs::read(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap();
        let initrd = initrd.map(read).unwrap_or_default();
        let cmdline = cmdline.as_c_str().to_str().unwrap().to_owned();
        *self.0.borrow_mut() = (read(*kernel), initrd, cmdline);
        Ok(())
    }
}

/// Boots an entry as far as kexec.
fn boot(image: &Image, id: &str) -> Result<HandedOver, String> {
    let inventory = inventory(image);
    let found = discover(&inventory);
    let entry = found.entries.iter().find(|entry| entry.id == id).unwrap();
    boot_entry(&inventory, entry)
}

pub fn boot_entry(inventory: &Inventory, entry: &BootEntry) -> Result<HandedOver, String> {
    let recorder = Recorder::default();
    let attempt = Attempt {
        inventory,
        kexec: &recorder,
        memory: 1 << 30,
        authority: &Authority::off(),
        summary: None,
    };
    let loaded = attempt.run(entry, &mut Timeline::start(), &mut |_, _| ());
    let files = loaded.map_err(|error| error.to_string())?.files;
    let (kernel, initrd, cmdline) = recorder.0.into_inner();
    Ok(HandedOver {
        kernel,
        initrd,
        cmdline,
        files,
    })
}

#[test]
fn bootctl_lists_the_same() {
    let directory = temp_dir();
    let kernel = kernel();
    let image = |os_release: &[u8], cmdline: &[u8]| {
        let sections = [
            (".osrel", os_release),
            (".cmdline", cmdline),
            (".linux", &kernel),
        ];
        uki(&directory, &sections)
    };
    let debian = image(OS_RELEASE, b"root=/dev/sda2 ro\n");
    let appliance = image(
        b"NAME='An appliance'\nID=appliance\nIMAGE_ID=appliance\nIMAGE_VERSION=7\nVERSION=x\n",
        b"quiet",
    );
    let entry = b"title Debian from a file\nversion 13\nsort-key debian\nlinux /linux\n".to_vec();
    let files = [
        ("/EFI/Linux/x-9.efi", debian.clone()),
        ("/EFI/Linux/x-10+2-1.efi", debian.clone()),
        ("/EFI/Linux/bad+0-3.efi", debian.clone()),
        ("/EFI/Linux/signed.efi", sign(&directory, &debian)),
        ("/EFI/Linux/app.EFI", appliance),
        ("/loader/entries/z.conf", entry),
        (
            "/loader/entries/y.conf",
            b"title Y\nlinux /linux\n".to_vec(),
        ),
        ("/linux", kernel.clone()),
    ];
    let tree = tree(&directory, &files);
    let theirs = bootctl::list(&tree);
    let ours = entries(&volume(&directory, &files))
        .into_iter()
        .map(|entry| {
            assert_eq!(problems(&entry), [""; 0], "{}", entry.id);
            let tries = (
                entry.tries_left.map(u64::from),
                entry.tries_done.map(u64::from),
            );
            Listed {
                id: entry.id,
                title: entry.title,
                version: entry.version.unwrap_or_default(),
                options: entry.cmdline,
                tries,
            }
        });
    assert_eq!(ours.collect::<Vec<_>>(), theirs);
    assert_eq!(theirs.len(), 7);
}

/// Splits archives that follow each other: of each what `cpio` lists, and its end.
fn archives(mut bytes: &[u8]) -> Vec<String> {
    let mut lists = Vec::new();
    while bytes.starts_with(b"070701") {
        let name = bytes.windows(10).position(|w| w == b"TRAILER!!!").unwrap();
        let end = (name + 11).next_multiple_of(4).min(bytes.len());
        // The names are ASCII, and so is what the tests put into files.
        let archive = std::str::from_utf8(&bytes[..end]).unwrap();
        let list = run_with_input("cpio", ["-itv", "--quiet", "--numeric-uid-gid"], archive);
        let lines = list.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (mode, owner, size) = (words[0], &words[2..4], words[4]);
            assert_eq!(owner, ["0", "0"]);
            format!("{mode} {size} {}", words.last().unwrap())
        });
        lists.push(lines.collect::<Vec<_>>().join("\n"));
        bytes = &bytes[end..];
    }
    assert_eq!(bytes, b"", "behind the archives");
    lists
}

#[test]
fn everything_goes_where_the_stub_would_put_it() {
    let directory = temp_dir();
    let kernel = kernel();
    let (initrd, ucode) = (noise(3_000_001, 2), noise(1001, 3));
    let image = uki(
        &directory,
        &[
            (".osrel", OS_RELEASE),
            (".cmdline", b"root=/dev/sda2 ro"),
            (".linux", &kernel),
            (".initrd", &initrd),
            (".ucode", &ucode),
            (".pcrsig", b"{}"),
            (".pcrpkey", b"KEY"),
            (".uname", b"6.1"),
        ],
    );
    let image = sign(&directory, &image);
    let addon = |text: &[u8]| {
        let sections = [(".cmdline", text), (".ucode", text), (".initrd", text)];
        uki(&directory, &sections)
    };
    let own = "/EFI/Linux/a.efi.extra.d";
    let files = [
        ("/EFI/Linux/a+3.efi", image.clone()),
        ("/EFI/Linux/a.efi.extra.d/1.addon.efi", addon(b"one")),
        ("/EFI/Linux/a.efi.extra.d/2.addon.efi", addon(b"two")),
        ("/EFI/Linux/a.efi.extra.d/b.cred", b"bb".to_vec()),
        ("/EFI/Linux/a.efi.extra.d/a.cred", b"a".to_vec()),
        ("/EFI/Linux/a.efi.extra.d/e.confext.raw", b"conf".to_vec()),
        ("/EFI/Linux/a.efi.extra.d/e.sysext.raw", b"sys".to_vec()),
        ("/loader/credentials/all.cred", b"all".to_vec()),
        ("/loader/extensions/g.confext.raw", b"gconf".to_vec()),
        ("/loader/extensions/g.sysext.raw", b"gsys".to_vec()),
        // Nobody takes these.
        ("/EFI/Linux/a.efi.extra.d/.a.cred", b"x".to_vec()),
        ("/EFI/Linux/a.efi.extra.d/.a.raw", b"x".to_vec()),
        ("/EFI/Linux/a.efi.extra.d/.a.addon.efi", addon(b"dot")),
        ("/EFI/Linux/a.efi.extra.d/c.cred/a.cred", b"x".to_vec()),
        ("/loader/credentials/.a.cred", b"x".to_vec()),
        ("/loader/extensions/.g.sysext.raw", b"x".to_vec()),
        ("/loader/extensions/old.raw", b"x".to_vec()),
    ];
    let volume = volume(&directory, &files);
    let booted = boot(&volume, "a.efi").unwrap();
    assert_eq!(booted.cmdline, "root=/dev/sda2 ro one two");
    assert!(booted.kernel == kernel, "another kernel");
    let mut expected = b"two\0one\0".to_vec();
    for part in [&ucode, &initrd] {
        expected.extend_from_slice(part);
        expected.resize(expected.len().next_multiple_of(4), 0);
    }
    let rest = booted
        .initrd
        .strip_prefix(&expected[..])
        .expect("the initrds are in front");
    let rest = rest.strip_suffix(b"one\0two").expect("add-ons are the end");
    assert_eq!(
        archives(rest),
        [
            "dr-xr-xr-x 0 .extra\ndr-x------ 0 .extra/credentials\n\
             -r-------- 1 .extra/credentials/a.cred\n-r-------- 2 .extra/credentials/b.cred",
            "dr-xr-xr-x 0 .extra\ndr-x------ 0 .extra/global_credentials\n\
             -r-------- 3 .extra/global_credentials/all.cred",
            "dr-xr-xr-x 0 .extra\ndr-xr-xr-x 0 .extra/sysext\n\
             -r--r--r-- 3 .extra/sysext/e.sysext.raw",
            "dr-xr-xr-x 0 .extra\ndr-xr-xr-x 0 .extra/global_sysext\n\
             -r--r--r-- 4 .extra/global_sysext/g.sysext.raw",
            "dr-xr-xr-x 0 .extra\ndr-xr-xr-x 0 .extra/confext\n\
             -r--r--r-- 4 .extra/confext/e.confext.raw",
            "dr-xr-xr-x 0 .extra\ndr-xr-xr-x 0 .extra/global_confext\n\
             -r--r--r-- 5 .extra/global_confext/g.confext.raw",
            "dr-xr-xr-x 0 .extra\n-r--r--r-- 2 .extra/tpm2-pcr-signature.json",
            "dr-xr-xr-x 0 .extra\n-r--r--r-- 3 .extra/tpm2-pcr-public-key.pem",
            "dr-xr-xr-x 0 .extra\n-r--r--r-- 60 .extra/os-release",
        ]
    );
    let read: Vec<&str> = booted
        .files
        .iter()
        .map(|(file, _)| file.path.as_str())
        .collect();
    let read: Vec<&str> = read
        .iter()
        .map(|p| p.strip_prefix(own).unwrap_or(p))
        .collect();
    assert_eq!(
        read,
        [
            "/EFI/Linux/a+3.efi",
            "/1.addon.efi",
            "/2.addon.efi",
            "/a.cred",
            "/b.cred",
            "/loader/credentials/all.cred",
            "/e.sysext.raw",
            "/loader/extensions/g.sysext.raw",
            "/e.confext.raw",
            "/loader/extensions/g.confext.raw",
        ]
    );
    let file = directory.file("signed-image", &image).display().to_string();
    let hash = run("sha256sum", [file]);
    assert!(hash.starts_with(&booted.files[0].1.hex()), "{hash}");
}

#[test]
fn profiles_are_entries() {
    let directory = temp_dir();
    let (kernel, own) = (kernel(), noise(900, 4));
    let base = uki(&directory, &[(".osrel", OS_RELEASE)]);
    let mut image = add_sections(
        &directory,
        &base,
        &[
            (".cmdline", b"ro"),
            (".linux", &kernel),
            (".initrd", b"base"),
        ],
    );
    // `objcopy` gives no name twice: the sections of profiles get theirs afterwards.
    let profiles: [(&str, &str, &[u8]); 4] = [
        (".profA", ".profile", b"ID=main\n"),
        (".profB", ".profile", b"ID=safe\nTITLE=Safe mode\n"),
        (".cmdB", ".cmdline", b"ro single"),
        (".initB", ".initrd", &own),
    ];
    for (number, (name, _, content)) in profiles.iter().enumerate() {
        let file = directory.file("section", content);
        let path = directory.file("image.efi", &image).display().to_string();
        let address = 0x1000_0000 + number * 0x100_0000;
        let added = format!("{name}={}", file.display());
        let moved = format!("{name}={address:#x}");
        run(
            "objcopy",
            [
                "--add-section",
                &added,
                "--change-section-address",
                &moved,
                &path,
            ],
        );
        image = fs::read(path).unwrap();
    }
    for (name, real, _) in profiles {
        let mut old = [0; 8];
        old[..name.len()].copy_from_slice(name.as_bytes());
        let at = image.windows(8).position(|window| window == old).unwrap();
        image[at..at + 8].fill(0);
        image[at..at + real.len()].copy_from_slice(real.as_bytes());
    }
    let volume = volume(&directory, &[("/EFI/Linux/a.efi", image)]);
    let found = entries(&volume);
    let summary: Vec<(&str, &str, &str)> = found
        .iter()
        .map(|e| (e.id.as_str(), e.title.as_str(), e.cmdline.as_str()))
        .collect();
    assert_eq!(
        summary,
        [
            ("a.efi@main", "Debian GNU/Linux 12 (main)", "ro"),
            ("a.efi@safe", "Debian GNU/Linux 12 (Safe mode)", "ro single"),
        ]
    );
    assert!(found[0].default && !found[1].default);
    let first = boot(&volume, "a.efi@main").unwrap();
    assert!(first.initrd.starts_with(b"base") && first.cmdline == "ro");
    let second = boot(&volume, "a.efi@safe").unwrap();
    assert!(second.initrd.starts_with(&own) && second.cmdline == "ro single");
    assert!(second.kernel == kernel);
}

#[test]
fn a_stub_that_names_its_files() {
    let directory = temp_dir();
    let (kernel, initrd) = (kernel(), noise(5001, 5));
    let hash = |content: &[u8]| {
        let path = directory.file("hashed", content).display().to_string();
        let printed = run("sha256sum", [path]);
        let digits = printed.as_bytes()[..64].as_chunks::<2>().0.iter();
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect::<Vec<u8>>()
    };
    let (kernel_hash, initrd_hash) = (hash(&kernel), hash(&initrd));
    let stub = uki(
        &directory,
        &[
            (".osrel", b"PRETTY_NAME=NixOS\nID=lanza\n"),
            (".cmdline", b"init=/nix/store/x/init"),
            (".linux", b"\\EFI\\nixos\\kernel.efi"),
            (".linuxh", &kernel_hash),
            (".initrd", b"\\EFI\\nixos\\initrd.efi"),
            (".initrdh", &initrd_hash),
        ],
    );
    let files = |initrd: &[u8]| {
        [
            ("/EFI/Linux/nixos-generation-7.efi", stub.clone()),
            ("/EFI/nixos/kernel.efi", kernel.clone()),
            ("/EFI/nixos/initrd.efi", initrd.to_vec()),
        ]
    };
    let image = volume(&directory, &files(&initrd));
    let id = "nixos-generation-7.efi";
    let booted = boot(&image, id).unwrap();
    assert_eq!(booted.cmdline, "init=/nix/store/x/init");
    assert!(booted.kernel == kernel && booted.initrd == initrd);
    assert_eq!(booted.files.len(), 3);
    let mut other = initrd.clone();
    other[4000] ^= 1;
    let image = volume(&directory, &files(&other));
    let error = boot(&image, id).err().expect("the hash is wrong");
    assert!(
        error.contains("/EFI/nixos/initrd.efi does not have the SHA-256 that"),
        "{error}"
    );
}

#[test]
fn what_changes_between_list_and_boot_is_not_booted() {
    let directory = temp_dir();
    let kernel = kernel();
    let image = |cmdline: &[u8]| uki(&directory, &[(".cmdline", cmdline), (".linux", &kernel)]);
    let listed = volume(&directory, &[("/EFI/Linux/a.efi", image(b"ro quiet"))]);
    let entry = entries(&listed).remove(0);
    let changed = volume(&directory, &[("/EFI/Linux/a.efi", image(b"init=/sh"))]);
    let error = boot_entry(&inventory(&changed), &entry);
    let error = error.err().expect("it is another one");
    assert!(error.contains("is not the one that was listed"), "{error}");
}

#[test]
fn a_kernel_gets_what_its_entry_names_besides() {
    let directory = temp_dir();
    let files = [
        ("/linux", kernel()),
        // An odd length: what follows begins at a multiple of four.
        ("/initrd", b"\x1f\x8b\x08..".to_vec()),
        ("/a.cred", b"a".to_vec()),
        ("/e.confext.raw", b"conf".to_vec()),
        ("/e.sysext.raw", b"sys".to_vec()),
        (
            "/loader/entries/a.conf",
            b"linux /linux\ninitrd /initrd\nextra /e.confext.raw\nextra /a.cred\nextra /e.sysext.raw\n"
                .to_vec(),
        ),
        (
            "/loader/entries/b.conf",
            b"linux /linux\nextra /a.cred\n".to_vec(),
        ),
    ];
    let volume = volume(&directory, &files);
    let credentials = "dr-xr-xr-x 0 .extra\ndr-x------ 0 .extra/credentials\n\
                       -r-------- 1 .extra/credentials/a.cred";
    let booted = boot(&volume, "a.conf").unwrap();
    assert!(booted.initrd.starts_with(b"\x1f\x8b\x08..\0"));
    assert_eq!(
        archives(&booted.initrd[8..]),
        [
            credentials,
            "dr-xr-xr-x 0 .extra\ndr-xr-xr-x 0 .extra/sysext\n\
             -r--r--r-- 3 .extra/sysext/e.sysext.raw",
            "dr-xr-xr-x 0 .extra\ndr-xr-xr-x 0 .extra/confext\n\
             -r--r--r-- 4 .extra/confext/e.confext.raw",
        ]
    );
    assert_eq!(booted.files.len(), 5);
    let booted = boot(&volume, "b.conf").unwrap();
    assert_eq!(archives(&booted.initrd), [credentials]);
}

#[test]
fn entries_of_files_name_images_and_programs() {
    let directory = temp_dir();
    let kernel = kernel();
    let mut program = kernel.clone();
    program[..2].copy_from_slice(b"MZ");
    let image = uki(
        &directory,
        &[
            (".osrel", OS_RELEASE),
            (".cmdline", b"own"),
            (".linux", &kernel),
        ],
    );
    let files = [
        ("/u.efi", image),
        ("/k.efi", program),
        ("/boot.efi", stub(SYSTEMD_BOOT)),
        ("/x.cred", b"x".to_vec()),
        ("/loader/entries/a.conf", b"uki /u.efi\n".to_vec()),
        (
            "/loader/entries/b.conf",
            b"uki /u.efi\noptions other\nextra /x.cred\n".to_vec(),
        ),
        (
            "/loader/entries/c.conf",
            b"efi /k.efi\noptions ro\n".to_vec(),
        ),
        ("/loader/entries/d.conf", b"efi /boot.efi\n".to_vec()),
        // systemd-boot starts what `linux` names as an EFI program, whatever it is.
        (
            "/loader/entries/f.conf",
            b"linux \\u.efi\noptions third\nextra \\x.cred\n".to_vec(),
        ),
        (
            "/loader/entries/g.conf",
            b"linux /boot.efi\noptions x\n".to_vec(),
        ),
        (
            "/loader/entries/e.conf",
            b"uki /u.efi\nprofile 3\n".to_vec(),
        ),
        // A script that leads to the same, with other options.
        (
            "/boot/grub/grub.cfg",
            b"menuentry U { chainloader /u.efi U; }\nmenuentry K { chainloader /k.efi rw; }\n\
              menuentry B { chainloader /boot.efi; }\n"
                .to_vec(),
        ),
    ];
    let volume = volume(&directory, &files);
    let found: BTreeMap<String, BootEntry> = entries(&volume)
        .into_iter()
        .map(|entry| (entry.id.clone(), entry))
        .collect();
    let start = |id: &str| (found[id].kind, found[id].cmdline.as_str());
    assert_eq!(start("a.conf"), (PayloadKind::Uki, "own"));
    assert_eq!(start("b.conf"), (PayloadKind::Uki, "other"));
    assert_eq!(start("c.conf"), (PayloadKind::Linux, "ro"));
    assert_eq!(start("f.conf"), (PayloadKind::Uki, "third"));
    let [problem] = problems(&found["g.conf"])[..] else {
        panic!("{:?}", found["g.conf"]);
    };
    assert!(problem.starts_with("it is systemd-boot 2"), "{problem}");
    assert!(!found["g.conf"].bootable());
    assert_eq!(start("U"), (PayloadKind::Uki, "U"));
    assert_eq!(start("K"), (PayloadKind::Linux, "rw"));
    // Both ways to the same program are one entry.
    let [problem] = problems(&found["d.conf"])[..] else {
        panic!("{:?}", found["d.conf"]);
    };
    assert!(problem.starts_with("it is systemd-boot 2"), "{problem}");
    assert!(problem.ends_with(", an EFI program, and kexec starts Linux kernels only"));
    let also: Vec<Option<u32>> = found["d.conf"]
        .also_at
        .iter()
        .map(|origin| origin.line)
        .collect();
    assert_eq!(also, [Some(3)]);
    assert_eq!(problems(&found["e.conf"]), ["it has no profile 3"]);
    for id in ["a.conf", "b.conf", "f.conf", "U"] {
        let booted = boot(&volume, id).unwrap();
        assert!(booted.kernel == kernel, "{id}");
        assert_eq!(booted.cmdline, found[id].cmdline);
        let expected = if matches!(id, "b.conf" | "f.conf") {
            2
        } else {
            1
        };
        assert_eq!(archives(&booted.initrd).len(), expected, "{id}");
    }
}

#[test]
fn add_ons_that_an_entry_names_are_booted_as_they_are_listed() {
    let directory = temp_dir();
    let kernel = kernel();
    let image = uki(
        &directory,
        &[
            (".cmdline", b"own"),
            (".uname", b"6.1"),
            (".linux", &kernel),
        ],
    );
    let addon = |text: &[u8]| uki(&directory, &[(".cmdline", text), (".initrd", text)]);
    let mut foreign = addon(b"foreign");
    let header = u32::from_le_bytes(foreign[0x3c..0x40].try_into().unwrap()) as usize;
    foreign[header + 4..header + 6].copy_from_slice(&0xaa64_u16.to_le_bytes());
    let files = [
        ("/u.efi", image),
        ("/u.efi.extra.d/beside.addon.efi", addon(b"beside")),
        ("/loader/addons/all.addon.efi", addon(b"all")),
        ("/x/named.addon.efi", addon(b"named")),
        ("/x/foreign.addon.efi", foreign),
        (
            "/x/other.addon.efi",
            uki(&directory, &[(".cmdline", b"other"), (".uname", b"5")]),
        ),
        ("/x/tree.addon.efi", uki(&directory, &[(".dtb", b"tree")])),
        ("/x/damaged.addon.efi", b"MZ".to_vec()),
        (
            "/loader/entries/a.conf",
            b"uki /u.efi\nextra /x/foreign.addon.efi\nextra /x/named.addon.efi\n\
              extra /x/other.addon.efi\nextra /x/tree.addon.efi\nextra /x/damaged.addon.efi\n"
                .to_vec(),
        ),
        (
            "/loader/entries/b.conf",
            b"linux /u.efi\noptions opt\nextra /x/named.addon.efi\n".to_vec(),
        ),
    ];
    let volume = volume(&directory, &files);
    for (id, cmdline) in [
        ("a.conf", "own all beside named"),
        ("b.conf", "opt all beside named"),
    ] {
        let entries = entries(&volume);
        let entry = entries.iter().find(|entry| entry.id == id).unwrap();
        assert_eq!(entry.cmdline, cmdline, "{id}");
        let booted = boot(&volume, id).unwrap();
        assert_eq!(booted.cmdline, cmdline, "{id}");
        assert!(booted.initrd.ends_with(b"all\0beside\0\0named"), "{id}");
        let left_out = problems(entry);
        let names: Vec<&str> = left_out
            .iter()
            .map(|text| text.split_once(" is left out: ").unwrap().0)
            .collect();
        let expected = ["foreign", "other", "tree", "damaged"].map(|n| format!("/x/{n}.addon.efi"));
        match id {
            "a.conf" => assert_eq!(names, expected),
            _ => assert_eq!(names, [""; 0]),
        }
    }
}

/// An image with as many empty `.profile` sections as its table of sections has room for.
fn with_profiles(mut image: Vec<u8>) -> Vec<u8> {
    let number =
        |image: &[u8], at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let header = number(&image, 0x3c) as usize;
    let count = usize::from(u16::from_le_bytes([image[header + 6], image[header + 7]]));
    let table = header + 24 + 240;
    let starts = (0..count).map(|row| number(&image, table + 40 * row + 20));
    let first = starts.filter(|start| *start > 0).min().unwrap() as usize;
    let all = (first - table) / 40;
    for row in count..all {
        let at = table + 40 * row;
        image[at..at + 40].fill(0);
        image[at..at + 8].copy_from_slice(b".profile");
    }
    image[header + 6..header + 8].copy_from_slice(&(all as u16).to_le_bytes());
    image
}

/// A disk of some megabytes, on which a few files multiply: profiles with add-ons, and entries with long texts.
#[test]
fn a_small_disk_does_not_take_the_memory() {
    let directory = temp_dir();
    let name = format!("NAME={}\n", "n".repeat(60_000));
    let sections = [(".linux", &kernel()[..]), (".osrel", name.as_bytes())];
    let image = with_profiles(uki(&directory, &sections));
    let addon = uki(&directory, &[(".cmdline", &[b'x'; 30])]);
    let entry = format!("title {}\nlinux /EFI/Linux/0.efi\n", "t".repeat(60_000));
    let write = |path: String, content: &[u8]| {
        directory.file(&format!("tree{path}"), content);
    };
    for number in 0..100 {
        write(format!("/EFI/Linux/{number}.efi"), &image);
        for copy in 0..5 {
            write(
                format!("/loader/entries/{number}-{copy}.conf"),
                entry.as_bytes(),
            );
        }
    }
    for number in 0..60 {
        write(format!("/loader/addons/{number}.addon.efi"), &addon);
    }
    let disk = directory.image("esp.img", 128 * MIB);
    run("mkfs.vfat", ["-n", "ESP", disk.path()]);
    for top in ["EFI", "loader"] {
        copy_in(&disk, &directory.path().join("tree").join(top), "/");
    }
    let problems = problems_within(&disk, 64 * MIB, 0);
    let limited = problems.iter().filter(|problem| {
        problem.contains("entries take") || problem.contains("reading entries takes")
    });
    assert_eq!(limited.count(), 2, "{problems:?}");
}

#[test]
fn the_program_that_firmware_starts() {
    let directory = temp_dir();
    let kernel = kernel();
    let image = uki(&directory, &[(".osrel", OS_RELEASE), (".linux", &kernel)]);
    let fallback = |content: &[u8]| ("/EFI/BOOT/BOOTX64.EFI", content.to_vec());
    let other = ("/loader/entries/a.conf", b"linux /k\n".to_vec());
    let it = "BOOTX64.EFI";
    let ids = |files: &[(&str, Vec<u8>)]| {
        let directory = temp_dir();
        let found = entries(&volume(&directory, files)).into_iter();
        found
            .map(|e| (e.id.clone(), e.source, e.bootable(), e.default))
            .collect::<Vec<_>>()
    };
    let alone = ids(&[fallback(&image)]);
    assert_eq!(alone, [(it.to_owned(), EntrySource::Uki, true, true)]);
    let second = ids(&[fallback(&image), other.clone(), ("/k", kernel.clone())]);
    assert_eq!(second[1], (it.to_owned(), EntrySource::Uki, true, false));
    // Another loader, whose configuration is read anyway.
    let files = [
        fallback(&stub(SYSTEMD_BOOT)),
        other.clone(),
        ("/k", kernel.clone()),
    ];
    let loader = ids(&files);
    assert_eq!(loader.len(), 1);
    let nothing = ids(&[fallback(&stub(SYSTEMD_BOOT))]);
    let firmware = EntrySource::Firmware;
    assert_eq!(nothing, [(it.to_owned(), firmware, false, true)]);
    // A kernel is what firmware starts as well, and no guess.
    let plain = ids(&[fallback(&kernel)]);
    assert_eq!(plain, [(it.to_owned(), firmware, true, true)]);
    let second = ids(&[fallback(&kernel), other.clone(), ("/k", kernel.clone())]);
    assert_eq!(second[1], (it.to_owned(), firmware, true, false));
    let named = ids(&[
        fallback(&image),
        (
            "/loader/entries/a.conf",
            b"uki /efi/boot/bootx64.efi\n".to_vec(),
        ),
    ]);
    assert_eq!(named, [("a.conf".to_owned(), EntrySource::Bls, true, true)]);
}

/// A stick without an EFI system partition: firmware looks into any FAT of an MBR.
#[test]
fn the_program_that_firmware_starts_from_a_stick() {
    let directory = temp_dir();
    let path = "/EFI/BOOT/BOOTX64.EFI";
    let content = fs::read(volume(&directory, &[(path, kernel())]).path()).unwrap();
    let found = |types: &[&str]| {
        let disk = directory.image("stick.img", 140 * MIB);
        let places = [MIB, 70 * MIB];
        let lines: Vec<String> = types
            .iter()
            .zip(places)
            .map(|(kind, at)| format!("start={}, size={}, type={kind}\n", at / 512, 64 * MIB / 512))
            .collect();
        let script = format!("label: dos\n{}", lines.concat());
        run_with_input("sfdisk", ["--quiet", disk.path()], &script);
        for at in &places[..types.len()] {
            disk.write(*at, &content);
        }
        let entries = entries(&disk).into_iter();
        entries
            .map(|entry| {
                (
                    entry.origin.file.volume.volume,
                    entry.source,
                    entry.bootable(),
                )
            })
            .collect::<Vec<_>>()
    };
    let firmware = EntrySource::Firmware;
    assert_eq!(found(&["c"]), [(0, firmware, true)]);
    assert_eq!(found(&["ef"]), [(0, firmware, true)]);
    // Where there is an ESP, that is what counts.
    assert_eq!(found(&["c", "ef"]), [(1, firmware, true)]);
}

/// Programs that are in Debian's packages, as far as they are installed where the tests run: none of them has
/// anything that the reader refuses.
#[test]
fn programs_of_distributions_are_not_damaged() {
    let directory = temp_dir();
    let mut seen = 0;
    for place in [
        "/usr/lib/systemd/boot/efi",
        "/usr/lib/grub/x86_64-efi/monolithic",
        "/usr/lib/shim",
    ] {
        for entry in fs::read_dir(place).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !(name.ends_with(".efi") || name.ends_with(".efi.stub")) {
                continue;
            }
            check_whole(&directory, &path);
            seen += 1;
        }
    }
    assert!(seen >= 2, "install the Debian package `systemd-boot-efi`");
}

fn check_whole(directory: &TempDir, path: &Path) {
    let program = fs::read(path).unwrap();
    for bytes in [&program, &sign(directory, &program)] {
        let image = volume(directory, &[("/EFI/BOOT/BOOTX64.EFI", bytes.clone())]);
        let entry = entries(&image).remove(0);
        let [problem] = problems(&entry)[..] else {
            panic!("{}: {entry:?}", path.display());
        };
        let expected = "an EFI program, and kexec starts Linux kernels only";
        assert!(problem.ends_with(expected), "{}: {problem}", path.display());
    }
}
