//! Initrds with single files in them: GRUB loads them in QEMU, and a kernel of ours prints what it got.

use std::time::{Duration, Instant};

use pilotlight::config::discover;

use crate::cli::{json, pilotlight, text};
use crate::kit::{Image, MIB, TempDir, run_line, temp_dir, tool};
use crate::uki::{HandedOver, boot_entry, inventory};

/// GRUB is ready in two seconds, in a machine that nobody disturbs.
const LIMIT: Duration = Duration::from_secs(120);

/// Files of both systems. Archives of cpio would tell nothing: any bytes go through.
const FILES: [(&str, &[u8]); 5] = [
    ("one", b"12345"),
    ("two", b"archive"),
    ("three", b"abcd"),
    ("four", b"12345678901234567890\n"),
    ("empty", b""),
];

/// Prints what is where its parameters say that the initrd is, to the port 0xe9, and ends the machine by
/// the port 0xf4.
const PRINTER: [u8; 25] = [
    0x8b, 0x9e, 0x18, 0x02, 0, 0, // mov ebx, [esi + 0x218]
    0x8b, 0x8e, 0x1c, 0x02, 0, 0, // mov ecx, [esi + 0x21c]
    0x8a, 0x03, // mov al, [ebx]
    0xe6, 0xe9, // out 0xe9, al
    0x43, 0x49, // inc ebx, dec ecx
    0x75, 0xf8, // jnz -8
    0xe6, 0xf4, // out 0xf4, al
    0xf4, 0xeb, 0xfd, // hlt, and again
];

/// A kernel for GRUB and for us: setup header, then [`PRINTER`] where a 32-bit kernel begins.
fn kernel() -> Vec<u8> {
    let mut file = vec![0; 5 * 512];
    let fields: [(usize, &[u8]); 13] = [
        // Sectors of the setup code.
        (0x1f1, &[4]),
        (0x1fe, &[0x55, 0xaa, 0xeb, 0x6a]),
        (0x202, b"HdrS"),
        (0x206, &[15, 2]),
        (0x211, &[1]),
        (0x22c, &0x7fff_ffff_u32.to_le_bytes()),
        (0x230, &0x1000_u32.to_le_bytes()),
        (0x234, &[1, 12, 3, 0]),
        (0x238, &2047_u32.to_le_bytes()),
        (0x258, &0x10_0000_u64.to_le_bytes()),
        (0x260, &0x10000_u32.to_le_bytes()),
        // The program begins at once.
        (0x214, &0x10_0000_u32.to_le_bytes()),
        (0x20c, &[0, 0x10]),
    ];
    for (at, bytes) in fields {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }
    file.extend(PRINTER);
    file.resize(6 * 512, 0);
    file
}

fn tree(dir: &TempDir, config: &str) {
    dir.file("tree/kernel", &kernel());
    for (name, content) in FILES {
        dir.file(&format!("tree/{name}"), content);
    }
    dir.file("tree/boot/grub/grub.cfg", config.as_bytes());
}

/// What GRUB hands over for `initrd` with these arguments.
fn by_grub(arguments: &str) -> Vec<u8> {
    let dir = temp_dir();
    tree(&dir, "");
    let early = format!("root=memdisk\nlinux /kernel\ninitrd {arguments}\nboot\n");
    dir.file("early.cfg", early.as_bytes());
    run_line("tar -C {}/tree -cf {}/memory.tar .", dir.path());
    run_line(
        "grub-mkimage -O i386-pc -p (memdisk) -c {}/early.cfg -m {}/memory.tar -o {}/core.img \
         memdisk tar linux boot",
        dir.path(),
    );
    // The boot sector looks for the rest right behind it.
    let boot = "/usr/lib/grub/i386-pc/boot.img";
    let mut disk = std::fs::read(boot)
        .unwrap_or_else(|_| panic!("{boot} is missing: install the Debian package `grub-pc-bin`"));
    disk.extend(std::fs::read(dir.path().join("core.img")).unwrap());
    disk.resize(disk.len().next_multiple_of(MIB as usize), 0);
    let disk = dir.file("disk.raw", &disk);
    let printed = dir.path().join("printed");
    let mut machine = tool("qemu-system-x86_64")
        .args([
            "-accel", "tcg", "-m", "64", "-display", "none", "-nic", "none",
        ])
        .args(["-no-reboot", "-device", "isa-debug-exit,iobase=0xf4"])
        .arg("-debugcon")
        .arg(format!("file:{}", printed.display()))
        .arg("-drive")
        .arg(format!("format=raw,file={}", disk.display()))
        .spawn()
        .expect("QEMU starts");
    let end = Instant::now() + LIMIT;
    while machine.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            machine.kill().unwrap();
            machine.wait().unwrap();
            panic!("GRUB does not start the kernel: initrd {arguments}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::read(printed).unwrap()
}

/// A disk with an entry whose `initrd` has these arguments.
fn disk(dir: &TempDir, arguments: &str) -> Image {
    let entry = format!("menuentry one {{\nlinux /kernel\ninitrd {arguments}\n}}\n");
    tree(dir, &entry);
    let disk = dir.image("disk.raw", 4 * MIB);
    let tree = dir.path().join("tree");
    let uuid = "01234567-89ab-cdef-0123-456789abcdef";
    run_line(
        &format!("mke2fs -q -t ext4 -U {uuid} -d {} {{}}", tree.display()),
        &disk,
    );
    disk
}

/// What we hand over.
fn by_us(arguments: &str) -> Result<HandedOver, String> {
    let dir = temp_dir();
    let inventory = inventory(&disk(&dir, arguments));
    let found = discover(&inventory);
    let [entry] = &found.entries[..] else {
        panic!("{} entries", found.entries.len());
    };
    match entry.problems.first() {
        Some(problem) => Err(problem.text.clone()),
        None => boot_entry(&inventory, entry),
    }
}

/// Of each file in the archives between what is none: its name, its mode, and its content.
type Files = Vec<(String, u32, Vec<u8>)>;

/// Reads archives as Linux does, but for a name that has no zero at its end: up to version 2.06 GRUB writes
/// none, and newer kernels refuse such archives. What is no archive has no name here.
fn files(bytes: &[u8]) -> Files {
    let mut files = Files::new();
    let mut at = 0;
    while at < bytes.len() {
        assert_eq!(at % 4, 0);
        if !bytes[at..].starts_with(b"070701") {
            files.push((
                String::new(),
                0,
                bytes[at..at + 4.min(bytes.len() - at)].to_vec(),
            ));
            at = (at + 4).min(bytes.len());
            continue;
        }
        let field = |index: usize| {
            let start = at + 6 + index * 8;
            let digits = std::str::from_utf8(&bytes[start..start + 8]).unwrap();
            u32::from_str_radix(digits, 16).unwrap()
        };
        // Everything else: number, owner, date, devices and checksum.
        for other in [0, 2, 3, 5, 7, 8, 9, 10, 12] {
            assert_eq!(field(other), 0, "field {other}");
        }
        assert_eq!(field(4), 1);
        let (mode, size, name_size) = (field(1), field(6) as usize, field(11) as usize);
        let name = &bytes[at + 110..at + 110 + name_size];
        let name = name.strip_suffix(b"\0").unwrap_or(name);
        let start = (at + 110 + name_size).next_multiple_of(4);
        let content = bytes[start..start + size].to_vec();
        files.push((String::from_utf8(name.to_vec()).unwrap(), mode, content));
        at = start + size;
        // The last file of an archive may be followed by nothing.
        let padding = at.next_multiple_of(4).min(bytes.len());
        assert!(bytes[at..padding].iter().all(|byte| *byte == 0));
        at = padding;
    }
    files
}

#[test]
fn single_files_are_handed_over_as_grub_does_it() {
    for arguments in [
        "/two",
        "newc:init:/one",
        "newc:///a/init:/one",
        "/two newc:a:/one /three",
        "newc:etc/one:/one newc:two:/three /two newc:three:/four newc:e:/empty",
        "newc:a//one:/four",
        "/empty newc:x:/empty /one",
    ] {
        let (theirs, ours) = (by_grub(arguments), by_us(arguments).unwrap().initrd);
        assert_eq!(files(&ours), files(&theirs), "{arguments}");
        // Without names both are the same to the last byte.
        assert!(arguments.contains("newc:") || ours == theirs, "{arguments}");
    }
}

/// GRUB 2.06 loses its way where there are several directories, and makes some twice and others not at all.
#[test]
fn every_directory_is_made_once_in_an_archive() {
    let ours = by_us("newc:a/b/one:/one newc:a/c/two:/one newc:b/x:/one /two newc:a/x:/one");
    let names: Vec<String> = files(&ours.unwrap().initrd)
        .into_iter()
        .map(|(name, ..)| name)
        .collect();
    assert_eq!(
        names,
        [
            "a",
            "a/b",
            "a/b/one",
            "a/c",
            "a/c/two",
            "b",
            "b/x",
            "TRAILER!!!",
            "",
            "",
            "a",
            "a/x",
            "TRAILER!!!"
        ]
    );
}

#[test]
fn what_can_not_be_put_into_an_archive_says_why() {
    let deep = format!("newc:{}x:/one", "d/".repeat(65));
    let long = format!("newc:{}:/one", "x".repeat(4096));
    for (arguments, problem) in [
        ("newc:x:/gone", "file `/gone' not found"),
        ("newc:x", "invalid file name `newc:x'"),
        ("newc:x:", "invalid file name `'"),
        (
            &deep,
            "the name of a file in an initrd has at most 4095 bytes and 64 directories",
        ),
        (
            &long,
            "the name of a file in an initrd has at most 4095 bytes and 64 directories",
        ),
    ] {
        let text = by_us(arguments).err().unwrap();
        assert!(text.contains(problem), "{text}");
    }
}

#[test]
fn lists_name_files_and_hashes_are_theirs() {
    let dir = temp_dir();
    let disk = disk(&dir, "/two newc:/etc/one:/one");
    let list = json(&[&disk]);
    let initrds = &list["entries"][0]["initrd"];
    assert_eq!(
        (&initrds[0]["path"], &initrds[0]["name"]),
        (&"/two".into(), &serde_json::Value::Null)
    );
    assert_eq!(
        (&initrds[1]["path"], &initrds[1]["name"]),
        (&"/one".into(), &"etc/one".into())
    );
    let list = pilotlight(&["list"], &[&disk]);
    let list = text(&list.stdout);
    assert!(
        list.contains("initrd   /two\n    initrd   /one as etc/one\n"),
        "{list}"
    );
    let read = by_us("/two newc:/etc/one:/one").unwrap().files;
    let (file, part) = &read[2];
    assert_eq!((file.path.as_str(), part.size), ("/one", 5));
    assert_eq!(
        part.hex(),
        "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
    );
}
