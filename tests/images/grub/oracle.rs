//! GRUB as a program, and the disk that its scripts see.

use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use pilotlight::config::grub::{Platform, execute_scripts};
use pilotlight::disk::Disk;
use pilotlight::inventory::Inventory;

use super::booted::kernel;
use crate::kit::{Image, MIB, TempDir, run, run_line, run_with_input, temp_dir, tool};

/// What GRUB prints around a script.
const BEGIN: &str = "@@BEGIN@@";
const END: &str = "@@END@@";

/// No script takes so long that ends at all.
const LIMIT: Duration = Duration::from_secs(20);

/// That of the file `/text`.
const SHA256_OF_TEXT: &str = "e9024f1a07d29d52ad3aa5e1a18e94db1f3a9fd32b89e39d47c472cd99071e13";

/// Lists with other hashes of it.
const SHA384_SUMS: &str = "989403ce84209c45517dd6a6d37e2d5b4ddb0f33efc14e2731a3f63b8414a961\
                           c63118acf554c7c4bfca025b7e617975  /text\n";
const SHA512_SUMS: &str = "8bb21ebab8648a9bda3489580a0844b05fc2b1550d3672463b8eca3f01fc6975\
                           0e4264b9995676ac9ced7f9038e69a55be0ea8143260c1b8227b1e3f5d56218f  /text\n";

/// The disk `hd0`: a FAT and an ext4 with files to look at.
pub fn disk() -> &'static Image {
    static DISK: OnceLock<(TempDir, Image)> = OnceLock::new();
    &DISK.get_or_init(make_disk).1
}

fn make_disk() -> (TempDir, Image) {
    let dir = temp_dir();
    dir.file("fat/EFI/debian/grub.cfg", b"echo stub\n");
    dir.file("fat/README.TXT", b"hello\n");
    for (name, content) in [
        ("boot/vmlinuz-6.1.0-9-amd64", "old"),
        ("boot/vmlinuz-6.1.0-10-amd64", "new"),
        ("boot/initrd.img-6.1.0-10-amd64", "initrd"),
        (
            "boot/grub/custom.cfg",
            "echo custom $1 $x\nset from_custom=1\n",
        ),
        ("boot/grub/broken.cfg", "echo a\nif true; then\necho b\n"),
        ("empty", ""),
        ("a file with spaces", "x"),
        ("text", "line one\nline two\n"),
        (
            "sums",
            &format!("{SHA256_OF_TEXT}  /text\n{}  /empty\n", "0".repeat(64)),
        ),
        ("goodsum", &format!(" {SHA256_OF_TEXT} \ttext\n")),
        (
            "syslinux/syslinux.cfg",
            "DEFAULT live\nPROMPT 1\nTIMEOUT 45\nLABEL install\n KERNEL /boot/vmlinuz-6.1.0-9-amd64\n\
             LABEL live\n KERNEL /boot/vmlinuz-6.1.0-10-amd64\n",
        ),
        ("badsums", "0123  /text\n"),
        ("sha384sums", SHA384_SUMS),
        ("sha512sums", SHA512_SUMS),
        (
            "sha1sums",
            "97059669371ed42a72435dc0266a432db4348ccc  /text\n",
        ),
        (
            "md5sums",
            "987929d61c9b69f0c6406b840aa77fd8  /text\r\n987929D61C9B69F0C6406B840AA77FD8  /empty\n\n",
        ),
        ("dir/one.cfg", "echo one\n"),
        ("dir/two.cfg", "echo two\n"),
        ("dir/sub/three.cfg", "echo three\n"),
    ] {
        dir.file(&format!("ext/{name}"), content.as_bytes());
    }
    dir.file("ext/kernel/bzImage", kernel());
    let mut block =
        b"# GRUB Environment Block\nsaved_entry=some>thing\nodd=a\\\\b\nempty=\n".to_vec();
    block.resize(1024, b'#');
    dir.file("ext/boot/grub/grubenv", &block);
    dir.file("ext/boot/grub/badenv", b"nothing of that kind");
    std::os::unix::fs::symlink("text", dir.path().join("ext/link")).unwrap();
    std::os::unix::fs::symlink("dir", dir.path().join("ext/dirlink")).unwrap();
    std::os::unix::fs::symlink("gone", dir.path().join("ext/dangling")).unwrap();
    make_types(&dir);
    make_images(&dir);
    let fat = dir.image("fat.img", 8 * MIB);
    // The same block once more where no file is: behind the boot sectors.
    run_line("mkfs.vfat -R 8 -i 1234ABCD -n ESP {}", &fat);
    fat.write(6 * 512, &block);
    for name in ["EFI", "README.TXT"] {
        let from = dir.path().join("fat").join(name);
        run(
            "mcopy",
            ["-s", "-i", fat.path(), from.to_str().unwrap(), "::"],
        );
    }
    let ext = dir.image("ext.img", 20 * MIB);
    let tree = dir.path().join("ext");
    let uuid = "01234567-89ab-cdef-0123-456789abcdef";
    run_line(
        &format!(
            "mke2fs -q -t ext4 -L rootfs -U {uuid} -d {} {{}}",
            tree.display()
        ),
        &ext,
    );
    let disk = dir.image("disk.raw", 40 * MIB);
    let table = "label: gpt\nstart=2048, size=16384, type=uefi\nstart=18432, size=40960\n";
    run_with_input("sfdisk", ["--quiet", disk.path()], table);
    disk.insert(MIB, &fat);
    disk.insert(9 * MIB, &ext);
    (dir, disk)
}

/// Files that `file` knows, and some that are like them.
fn make_types(dir: &TempDir) {
    let mut program = vec![0; 512];
    let fields: [(usize, &[u8]); 6] = [
        (0, b"MZ"),
        (0x3c, &[0x80]),
        (0x80, b"PE\0\0\x64\x86"),
        (0x98, &[0x0b, 2]),
        (0xdc, &[10]),
        (510, &[0x55, 0xaa]),
    ];
    for (at, bytes) in fields {
        program[at..at + bytes.len()].copy_from_slice(bytes);
    }
    let multiboot = [0, 0x1bad_b002, 3, 0_u32.wrapping_sub(0x1bad_b002 + 3)];
    let mut multiboot = multiboot.map(u32::to_le_bytes).concat();
    multiboot.resize(100, 0);
    let mut sector = vec![0; 510];
    sector.extend([0x55, 0xaa]);
    for (name, content) in [
        ("kernel", &crate::cli::kernel(1)[..]),
        ("program", &program),
        ("multiboot", &multiboot),
        ("sector", &sector),
        ("hiberfil.sys", b"hibr and more"),
        ("text", b"text"),
        ("empty", b""),
    ] {
        dir.file(&format!("ext/types/{name}"), content);
    }
}

/// Disks in files, for `loopback`: media of three kinds, one in another, and a disk with partitions.
fn make_images(dir: &TempDir) {
    for (name, content) in [
        ("boot/grub/loopback.cfg", "echo live $iso_path\n"),
        ("live/vmlinuz", "kernel of the medium"),
        ("live/Mixed.Case", "mixed"),
    ] {
        dir.file(&format!("live/{name}"), content.as_bytes());
    }
    std::os::unix::fs::symlink("vmlinuz", dir.path().join("live/live/link")).unwrap();
    let live = dir.path().join("live");
    std::fs::create_dir(dir.path().join("ext/images")).unwrap();
    for (name, options) in [
        ("rock.iso", "-R -J -V ROCK"),
        ("wide.iso", "-J -V WIDE"),
        ("plain.iso", "-V PLAIN"),
    ] {
        let image = dir.image(&format!("ext/images/{name}"), 0);
        run_line(
            &format!("genisoimage -quiet {options} -o {{}} {}", live.display()),
            &image,
        );
    }
    let nest = dir.path().join("nest");
    std::fs::create_dir(&nest).unwrap();
    std::fs::copy(
        dir.path().join("ext/images/rock.iso"),
        nest.join("inner.iso"),
    )
    .unwrap();
    let outer = dir.image("ext/images/outer.iso", 0);
    run_line(
        &format!("genisoimage -quiet -R -V OUTER -o {{}} {}", nest.display()),
        &outer,
    );
    let part = dir.image("part.img", MIB);
    run_line(
        &format!("mke2fs -q -t ext2 -L inside -d {} {{}}", live.display()),
        &part,
    );
    for (label, name) in [("dos", "mbr.img"), ("gpt", "gpt.img")] {
        let image = dir.image(&format!("ext/images/{name}"), 3 * MIB);
        let table = format!("label: {label}\nstart=2048, size=2048\n");
        run_with_input("sfdisk", ["--quiet", image.path()], &table);
        image.insert(MIB, &part);
    }
}

/// What GRUB prints while it executes the scripts, one after the other in one context.
pub fn grub(scripts: &[String]) -> Vec<String> {
    let dir = temp_dir();
    let image = disk();
    dir.file("device.map", format!("(hd0) {}\n", image.path()).as_bytes());
    let main = run_all(scripts, |i| {
        let path = dir.file(&format!("{i}.cfg"), scripts[i].as_bytes());
        path.display().to_string()
    });
    dir.file("grub.cfg", format!("{main}exit\n").as_bytes());
    parts(&emulate(dir.path()), scripts)
}

/// A script that executes others from where `path` says that they are.
pub fn run_all(scripts: &[String], path: impl Fn(usize) -> String) -> String {
    let all = 0..scripts.len();
    let all = all.map(|i| format!("echo\necho {BEGIN}\nsource {}\necho\necho {END}\n", path(i)));
    all.collect()
}

/// What each of them printed.
pub fn parts(printed: &str, scripts: &[String]) -> Vec<String> {
    let begin = format!("{BEGIN}\n");
    let parts = printed.split(&begin).skip(1);
    let parts = parts.map(|part| {
        let (part, _) = part.split_once(&format!("\n{END}\n")).unwrap_or((part, ""));
        one_syntax_error(part)
    });
    let parts: Vec<String> = parts.collect();
    assert!(
        parts.len() == scripts.len(),
        "GRUB does not end this script:\n{}",
        scripts[..parts.len()].join("-----\n")
    );
    parts
}

/// What we print as that program.
pub fn ours(scripts: &[String]) -> Vec<String> {
    ours_on(Platform::Emu, scripts)
}

/// What we print.
pub fn ours_on(platform: Platform, scripts: &[String]) -> Vec<String> {
    let mut inventory = Inventory::new();
    inventory.add(Disk::open(&disk().0).unwrap());

    let printed = execute_scripts(&inventory, platform, scripts);
    let comparable = |text: &String| one_syntax_error(&expand_tabs(text));
    printed.iter().map(comparable).collect()
}

/// GRUB says several things of one mistake in a script, and we say another: all are the same line here.
fn one_syntax_error(text: &str) -> String {
    const SAME: &str = "error: (syntax)";
    let is_syntax = |line: &str| {
        line.starts_with("error: syntax error")
            || matches!(
                line,
                "error: $." | "error: out of memory." | "error: Incorrect command."
            )
    };
    let text = without_progress(text);
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        let line = if is_syntax(line) { SAME } else { line };
        if line != SAME || lines.last() != Some(&SAME) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// GRUB shows how much of a file it has read.
pub fn without_progress(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("      [ ") {
        plain.push_str(before);
        rest = after.split_once("B/s ]").map_or(after, |(_, rest)| rest);
    }
    plain + rest
}

/// As GRUB's terminal does it, to columns that 8 divides.
fn expand_tabs(text: &str) -> String {
    let mut expanded = String::new();
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' => {
                let width = 8 - column % 8;
                expanded.push_str(&" ".repeat(width));
                column += width;
            }
            c => {
                expanded.push(c);
                column = if c == '\n' { 0 } else { column + 1 };
            }
        }
    }
    expanded
}

/// Runs the configuration in a directory, with the disks that its `device.map` names.
pub fn emulate(directory: &Path) -> String {
    let output = directory.join("output");
    let mut child = tool("grub-emu")
        .args(["-r", "host", "-d"])
        .arg(directory)
        .arg("-m")
        .arg(directory.join("device.map"))
        .env("TERM", "vt100")
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&output).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .expect("grub-emu starts");
    let end = Instant::now() + LIMIT;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    plain(&std::fs::read(&output).unwrap())
}

/// What was printed, without carriage returns and what a terminal acts on.
pub fn plain(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                if chars.next() == Some('[') {
                    chars.by_ref().find(char::is_ascii_alphabetic);
                }
            }
            '\r' => {}
            c => plain.push(c),
        }
    }
    plain
}
