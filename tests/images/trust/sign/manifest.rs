//! Manifests of everything that can be booted, with `pilotlight verify` as the judge.

use std::fs;
use std::process::Output;

use super::{failure, sign};
use crate::cli::{pilotlight, text};
use crate::kit::{Image, copy_in, noise, tool};
use crate::trust::keys::Keys;
use crate::uki::{kernel, uki, volume};

const BY: &str = "--key {}/keys/signing.key --cert {}/keys/signing.pem";

const POLICY: &str =
    "[trust]\nmode = \"enforce\"\n[[trust.anchor]]\nname = \"site\"\nfile = \"site.der\"\n";

/// What GRUB boots: a kernel with two initrds and a single file.
const GRUB: &str = "menuentry one --id grub-one {\n  linux /boot/vmlinuz root=UUID=1 ro \"quoted words\"\n  \
                    initrd /boot/microcode /boot/initrd.img newc:etc/site.conf:/boot/site.conf\n}\n";

/// Keys, a board that trusts them, and a disk with entries of every kind, of which nothing is signed.
fn machine() -> (Keys, Image) {
    let keys = Keys::new();
    sign(keys.0.path(), "keys --name site {}/keys");
    keys.0.file("board/policy.toml", POLICY.as_bytes());
    keys.0
        .file("board/anchors/site.der", &keys.read("keys/signing.der"));
    let kernel = kernel();
    let sections = [
        (".osrel", &b"ID=debian\nPRETTY_NAME=Image\n"[..]),
        (".cmdline", b"root=image ro"),
        (".initrd", b"initrd"),
        (".linux", &kernel),
    ];
    let image = uki(&keys.0, &sections);
    let files = [
        (
            "/loader/entries/bls.conf",
            b"title bls\nlinux /bls/linux\ninitrd /bls/initrd\noptions root=bls ro\n".to_vec(),
        ),
        ("/bls/linux", kernel.clone()),
        ("/bls/initrd", noise(5000, 1)),
        ("/grub/grub.cfg", GRUB.as_bytes().to_vec()),
        ("/boot/vmlinuz", kernel.clone()),
        ("/boot/initrd.img", noise(6000, 2)),
        ("/boot/microcode", noise(700, 3)),
        ("/boot/site.conf", b"site".to_vec()),
        ("/EFI/Linux/image.efi", image),
        (
            "/EFI/Linux/image.efi.extra.d/secret.cred",
            b"credential".to_vec(),
        ),
        (
            "/loader/entries/gone.conf",
            b"title gone\nlinux /gone\n".to_vec(),
        ),
    ];
    let disk = volume(&keys.0, &files);
    (keys, disk)
}

/// Puts the manifest and its signature onto the disk.
fn install(keys: &Keys, disk: &Image) {
    copy_in(disk, &keys.path("pilotlight"), "/");
}

fn verify(keys: &Keys, disk: &Image) -> Output {
    let board = keys.path("board").display().to_string();
    pilotlight(&["verify", "--board", &board], &[disk])
}

fn manifest(keys: &Keys, more: &str) -> String {
    fs::create_dir_all(keys.path("pilotlight")).unwrap();
    let output = super::output(
        keys.0.path(),
        &format!("manifest {BY} {more} -o {{}}/pilotlight/manifest {{}}/esp.img"),
    );
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        said,
        "pilotlight-sign: gone.conf is not listed: /gone is not there\n"
    );
    text(&output.stdout).to_owned()
}

#[test]
fn everything_on_a_disk_is_covered() {
    let (keys, disk) = machine();
    let before = verify(&keys, &disk);
    assert!(
        !text(&before.stdout).contains("    boots\n"),
        "{}",
        text(&before.stdout)
    );
    let said = manifest(&keys, "--name site");
    assert!(
        said.contains("/manifest: number 1, 3 ways to boot\n  kernels on "),
        "{said}"
    );
    install(&keys, &disk);
    let after = verify(&keys, &disk);
    let out = text(&after.stdout);
    assert_eq!(after.status.code(), Some(0), "{out}");
    assert_eq!(out.matches("    boots\n").count(), 3, "{out}");

    let said = sign(keys.0.path(), "list {}/pilotlight/manifest");
    for line in [
        "  manifest   site, number 1\n",
        " /boot/microcode\n",
        "cmdline  BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro \"quoted words\"\n",
        " etc/site.conf\n",
        " .extra/credentials/secret.cred\n",
        "  signature 1: intact\n    signed by    site, with SHA-256\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }

    // What is changed afterwards is not covered.
    for (file, entries) in [
        ("/boot/microcode", 2),
        ("/EFI/Linux/image.efi.extra.d/secret.cred", 1),
    ] {
        keys.0.file("changed", b"changed");
        copy_in(&disk, &keys.path("changed"), file);
        let out = verify(&keys, &disk);
        assert_eq!(
            text(&out.stdout).matches("    boots\n").count(),
            entries,
            "{}",
            text(&out.stdout)
        );
    }
    // And is again, when it was listed anew.
    let said = manifest(&keys, "");
    assert!(
        said.contains("/manifest: number 2, 3 ways to boot\n"),
        "{said}"
    );
    install(&keys, &disk);
    assert_eq!(
        text(&verify(&keys, &disk).stdout)
            .matches("    boots\n")
            .count(),
        3
    );
}

/// The lines alone cover what the files choose, at their places, and nothing that they were changed to.
#[test]
fn configuration_files_are_listed_where_that_is_wanted() {
    let (keys, disk) = machine();
    manifest(&keys, "--name site");
    let lines = |text: &str| {
        let lines = text.lines();
        let lines = lines.filter(|line| line.starts_with("configuration "));
        let words = lines.filter_map(|line| line.rsplit(' ').next());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let list = || String::from_utf8(keys.read("pilotlight/manifest")).unwrap();
    assert_eq!(lines(&list()), [""; 0]);
    let said = manifest(&keys, "--configuration");
    assert!(said.contains("/manifest: number 2, 3 ways"), "{said}");
    assert_eq!(
        lines(&list()),
        ["/loader/entries/bls.conf", "/grub/grub.cfg"]
    );
    // Without the command lines no group says what belongs together.
    let without: Vec<String> = list()
        .lines()
        .filter(|line| !line.starts_with("cmdline "))
        .map(|line| format!("{line}\n"))
        .collect();
    keys.0
        .file("pilotlight/manifest", without.concat().as_bytes());
    sign(
        keys.0.path(),
        &format!("file {BY} {{}}/pilotlight/manifest"),
    );
    install(&keys, &disk);
    let boots = |id: &str, is_covered: bool| {
        let out = verify(&keys, &disk);
        let out = text(&out.stdout).to_owned();
        let entry = out.split("    id ").find(|part| part.starts_with(id));
        let entry = entry.unwrap_or_else(|| panic!("{out}"));
        assert_eq!(entry.contains("    boots\n"), is_covered, "{out}");
    };
    for id in ["bls.conf\n", "grub-one\n", "image.efi\n"] {
        boots(id, true);
    }
    // One byte more, and the same file at another place.
    keys.0.file("grub.cfg", format!("{GRUB}\n").as_bytes());
    copy_in(&disk, &keys.path("grub.cfg"), "/grub/grub.cfg");
    keys.0.file(
        "copy.conf",
        b"title bls\nlinux /bls/linux\ninitrd /bls/initrd\noptions root=bls ro\n",
    );
    tool("mdel")
        .arg("-i")
        .arg(disk.path())
        .arg("::/loader/entries/bls.conf")
        .status()
        .unwrap();
    copy_in(&disk, &keys.path("copy.conf"), "/loader/entries/copy.conf");
    for (id, is_covered) in [
        ("copy.conf\n", false),
        ("grub-one\n", false),
        ("image.efi\n", true),
    ] {
        boots(id, is_covered);
    }
}

#[test]
fn numbers_count_changes() {
    let (keys, _) = machine();
    for (more, expected) in [
        ("--name site", "number 1,"),
        ("", "number 1,"),
        ("--number 7 --expires 9", "number 7,"),
        ("", "number 7,"),
    ] {
        let said = manifest(&keys, more);
        assert!(said.contains(expected), "{more}: {said}");
    }
    let text = String::from_utf8(keys.read("pilotlight/manifest")).unwrap();
    assert!(
        text.starts_with("pilotlight-manifest 1\nname site\nversion 7\n\nkernel sha256:"),
        "{text}"
    );
}

#[test]
fn add_ons_have_their_own_signatures() {
    let (keys, disk) = machine();
    let addon = uki(&keys.0, &[(".cmdline", b"debug")]);
    keys.0
        .file("tree/EFI/Linux/image.efi.extra.d/debug.addon.efi", &addon);
    copy_in(
        &disk,
        &keys.path("tree/EFI/Linux/image.efi.extra.d/debug.addon.efi"),
        "/EFI/Linux/image.efi.extra.d/",
    );
    fs::create_dir_all(keys.path("pilotlight")).unwrap();
    let output = super::output(
        keys.0.path(),
        &format!("manifest {BY} -o {{}}/pilotlight/manifest {{}}/esp.img"),
    );
    let said = text(&output.stderr);
    assert!(
        said.contains("debug.addon.efi is an add-on, which no manifest covers: sign it with `pilotlight-sign image`"),
        "{said}"
    );
    install(&keys, &disk);
    assert_eq!(
        text(&verify(&keys, &disk).stdout)
            .matches("    boots\n")
            .count(),
        2
    );
    let path = "{}/tree/EFI/Linux/image.efi.extra.d/debug.addon.efi";
    sign(keys.0.path(), &format!("image {BY} {path}"));
    copy_in(
        &disk,
        &keys.path("tree/EFI/Linux/image.efi.extra.d/debug.addon.efi"),
        "/EFI/Linux/image.efi.extra.d/",
    );
    let out = verify(&keys, &disk);
    assert_eq!(
        text(&out.stdout).matches("    boots\n").count(),
        3,
        "{}",
        text(&out.stdout)
    );
}

#[test]
fn what_cannot_be_listed_is_said() {
    let (keys, _) = machine();
    keys.0.image("empty.img", 1 << 20);
    keys.0.file("text", b"no manifest\n");
    for (arguments, reason) in [
        (
            "-o {}/out {}/empty.img",
            "nothing here can be booted, so there is nothing to list",
        ),
        (
            "-o {}/out {}/none.img",
            "can't open {}/none.img: No such file or directory",
        ),
        (
            "-o {}/text {}/esp.img",
            "{}/text: it is no manifest: line 1: ",
        ),
        ("-o {}/none/out {}/esp.img", "can't write {}/none/out: "),
    ] {
        let said = failure(keys.0.path(), &format!("manifest {BY} {arguments}"));
        let said = said
            .lines()
            .last()
            .unwrap()
            .trim_start_matches("pilotlight-sign: ");
        assert!(said.starts_with(reason), "{arguments}: {said}");
    }
    assert!(!keys.path("out").exists());
}
