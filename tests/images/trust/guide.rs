//! `docs/trust.md`: every command in it is run, in its order. Building and emulating have stand-ins here, which
//! write down what they are asked for; whole boots are in `tests/qemu`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use super::sign::{SIGN, make_executable};
use crate::cli::text;
use crate::kit::{MIB, TempDir, noise, run, temp_dir, tool};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PILOTLIGHT: &str = env!("CARGO_BIN_EXE_pilotlight");

/// A kernel with the signature of Debian.
const KERNEL: &str = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/linux";

/// What a reader has: the sources, and the image of a disk.
struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        let directory = temp_dir();
        let at = |name: &str| directory.path().join(name);
        for name in ["Makefile", "hooks"] {
            symlink(Path::new(ROOT).join(name), at(name)).unwrap();
        }
        let boards = Path::new(ROOT).join("boards").display().to_string();
        run("cp", ["-r", &boards, at("boards").to_str().unwrap()]);
        for (name, script) in [
            ("bin/sudo", "exec \"$@\"".to_owned()),
            ("bin/cargo", "echo cargo \"$@\" >>log".to_owned()),
            ("qemu/setup", String::new()),
            ("initramfs/build-binary", format!("cp {PILOTLIGHT} \"$2\"")),
            (
                "boards/build-kernel",
                "echo build-kernel \"$@\" >>log\n\"$2\" check-policy \"boards/$1/policy.toml\"\n\
                 mkdir -p \"${3%/*}\"\ntouch \"$3\"\n"
                    .to_owned(),
            ),
            ("qemu/run", "echo run \"$@\" >>log".to_owned()),
        ] {
            let script = format!("#!/bin/sh -e\n{script}\n");
            make_executable(&directory.file(name, script.as_bytes()));
        }
        fs::create_dir_all(at("target")).unwrap();
        symlink(PILOTLIGHT, at("bin/pilotlight")).unwrap();
        symlink(SIGN, at("bin/pilotlight-sign")).unwrap();
        let desk = Desk(directory);
        desk.disk();
        desk
    }

    /// `disk.raw`: an EFI system partition with an entry.
    fn disk(&self) {
        let disk = self.0.image("disk.raw", 66 * MIB);
        let layout = self
            .0
            .file("layout", b"label: gpt\nstart=1MiB, size=64MiB, type=uefi\n");
        let words = format!("sfdisk -q {} <{}", disk.path(), layout.display());
        run("sh", ["-c", &words]);
        let blocks = (64 << 10).to_string();
        run("mkfs.vfat", ["--offset", "2048", disk.path(), &blocks]);
        let kernel = fs::read(KERNEL).unwrap_or_else(|error| {
            panic!("{KERNEL} (Debian's package debian-installer-12-netboot-amd64): {error}")
        });
        let entry = b"title Mine\nlinux /vmlinuz\ninitrd /initrd.img\noptions root=/dev/vda2 ro\n";
        for (name, content) in [
            ("vmlinuz", &kernel[..]),
            ("initrd.img", &noise(50_000, 3)),
            ("loader/entries/mine.conf", entry),
        ] {
            self.0.file(&format!("tree/{name}"), content);
        }
        let words = "mcopy -s -i disk.raw@@1M tree/* ::";
        assert!(self.sh(words).status.success());
    }

    fn sh(&self, script: &str) -> Output {
        let bin = self.0.path().join("bin").display().to_string();
        let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
        let mut shell = tool("sh");
        shell.args(["-e", "-c", script]).current_dir(self.0.path());
        shell.env("PATH", path);
        shell.env("DESTDIR", self.0.path().join("installed"));
        shell.env("MAKEFLAGS", format!("SIGN_TOOL={SIGN}"));
        shell.output().unwrap()
    }
}

/// What stands in the blocks for a shell.
fn blocks(document: &str) -> Vec<&str> {
    let blocks = document.split("```sh\n").skip(1);
    blocks
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect()
}

#[test]
fn a_board_with_keys_of_its_own() {
    for needed in ["make", "mcopy", "openssl", "sfdisk"] {
        tool(needed);
    }
    let desk = Desk::new();
    let document = fs::read_to_string(Path::new(ROOT).join("docs/trust.md")).unwrap();
    let blocks = blocks(&document);
    assert!(blocks.len() > 12, "{blocks:?}");
    let mut verdicts = String::new();
    for block in blocks {
        // Of a line that has to fail, the shell looks at the last one alone.
        let lines: Vec<&str> = block.lines().collect();
        let failing = lines.iter().position(|line| line.starts_with("! "));
        assert!(
            failing.is_none_or(|line| line + 1 == lines.len()),
            "{block}"
        );
        let output = desk.sh(block);
        let said = text(&output.stderr);
        assert!(output.status.success(), "{block}\n{said}");
        if block.contains("pilotlight verify") {
            verdicts.push_str(&format!("{}{said}\n", text(&output.stdout)));
        }
    }
    let initrd =
        "initrd: covered by \"mine\" (CMS) through disk.raw partition 1: /pilotlight/manifest";
    let boots = ["* Mine\n", initrd, "\n    boots\n"];
    let refused = |why| {
        let at_last = "pilotlight: mine.conf is what would be started first, and can't be\n";
        [why, "\n    does not boot\n", at_last]
    };
    let expected = [
        boots,
        refused("initrd: not covered: changed.raw partition 1: /initrd.img: "),
        refused("has the version 1, and those before 2 are too old: install newer ones"),
        boots,
        boots,
        refused("/vmlinuz is revoked: install a newer version"),
        [
            "kernel: covered by \"mine\" (Authenticode)",
            initrd,
            "\n    boots\n",
        ],
    ];
    let mut rest = verdicts.as_str();
    for words in expected.as_flattened() {
        let at = rest.find(words);
        let at = at.unwrap_or_else(|| panic!("{verdicts}\nlacks, in this place, {words}"));
        rest = &rest[at + words.len()..];
    }

    // What would be built and started.
    let log = fs::read_to_string(desk.0.path().join("log")).unwrap();
    let kernel = "build-kernel mine target/pilotlight target/boards/mine/bzImage";
    let run = "run target/boards/mine/bzImage disk.raw";
    let asked: Vec<&str> = log.lines().collect();
    assert_eq!(
        asked,
        [
            "cargo build --release --locked",
            kernel,
            kernel,
            run,
            kernel,
            kernel
        ]
    );
    let hook = "installed/etc/kernel/postinst.d/zzz-pilotlight-sign";
    assert!(desk.0.path().join(hook).exists());

    // What the kernel of the board takes: one signature, by the key that it has.
    let board = fs::read_to_string(desk.0.path().join("boards/mine/board.toml")).unwrap();
    assert!(
        board.contains("[kernel]\ntrusted-keys = \"kernel.pem\"\n"),
        "{board}"
    );
    let words = "mcopy -o -i disk.raw@@1M ::vmlinuz booted && sbverify --list booted";
    let list = text(&desk.sh(words).stdout);
    assert_eq!(list.matches("image signature issuers").count(), 1, "{list}");
    let words = "sbverify --cert boards/mine/kernel.pem booted";
    assert!(desk.sh(words).status.success());
}
