//! Signatures in programs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{failure, sign};
use crate::kit::{noise, tool};
use crate::trust::authenticode::{chain, netboot, read_in, small, stub, verdict};
use crate::trust::keys::Keys;

const BY: &str = "--key {}/signer.key --cert {}/signer.pem";

/// Signs a program, and returns it.
fn signed(keys: &Keys, program: &[u8], more: &str) -> Vec<u8> {
    keys.0.file("program", program);
    sign(
        keys.0.path(),
        &format!("image {more} -o {{}}/signed {{}}/program"),
    );
    keys.read("signed")
}

fn osslsigncode(keys: &Keys, file: &str, anchor: &str) -> String {
    let output = tool("osslsigncode")
        .args(["verify", "-CAfile"])
        .arg(keys.path(&format!("{anchor}.pem")))
        .arg(keys.path(file))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    // It says so when it is not the one in the headers.
    assert!(!said.contains("Calculated PE checksum"), "{said}");
    said
}

#[test]
fn every_tool_accepts_what_was_signed() {
    let keys = Keys::three();
    keys.issue("site", "rsa:3072", "signer", "site", "");
    let tail = [small("profiles"), noise(13, 1)].concat();
    for program in [small("pinned"), small("ia32"), tail, stub()] {
        let signed = signed(&keys, &program, "--key {}/site.key --cert {}/site.pem");
        assert_eq!(signed.len() % 8, 0);
        assert_eq!(chain(&verdict(&signed, &keys.trust(&["site"]))), ["site"]);
        keys.run("sbverify --cert {}/site.pem {}/signed");
        let said = osslsigncode(&keys, "signed", "site");
        assert!(said.contains("Number of verified signatures: 1"), "{said}");
    }
    let said = keys.run("pesign -S -i {}/signed");
    assert!(said.contains("common name is site"), "{said}");
}

#[test]
fn the_checksum_is_looked_at_by_osslsigncode() {
    let keys = Keys::three();
    let mut signed = signed(&keys, &small("pinned"), BY);
    let at = u32::from_le_bytes(signed[0x3c..0x40].try_into().unwrap()) as usize + 24 + 64;
    signed[at] ^= 1;
    keys.0.file("wrong", &signed);
    let output = tool("osslsigncode")
        .arg("verify")
        .arg(keys.path("wrong"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Calculated PE checksum"), "{said}");
}

/// The lines of `openssl asn1parse` for the signature in a program: depth, kind and value of each structure.
fn structure(keys: &Keys, program: &[u8]) -> Vec<String> {
    let optional = u32::from_le_bytes(program[0x3c..0x40].try_into().unwrap()) as usize + 24;
    let directory = optional + 112 + 4 * 8;
    let number = |at: usize| u32::from_le_bytes(program[at..at + 4].try_into().unwrap()) as usize;
    let table = number(directory);
    assert_eq!(table + number(directory + 4), program.len());
    assert_eq!(program[table + 4..table + 8], [0, 2, 2, 0]);
    let length = number(table);
    keys.0.file("cms", &program[table + 8..table + length]);
    let printed = keys.run("openssl asn1parse -inform DER -in {}/cms");
    let line = |line: &str| {
        let (place, rest) = line.split_once(" l=").unwrap();
        let depth = place
            .split_once("d=")
            .unwrap()
            .1
            .split_once(' ')
            .unwrap()
            .0
            .to_owned();
        format!(
            "{depth} {}",
            rest.split_once(' ')
                .unwrap()
                .1
                .trim_start()
                .replace("  ", "")
        )
    };
    let rest = |line: &str| line.split_once("s: ").map(|(_, rest)| rest.to_owned());
    printed
        .lines()
        .map(line)
        .map(|line| rest(&line).unwrap_or(line))
        .collect()
}

/// The same structure as by `sbsign`, which only adds two attributes: the time, and which ciphers its OpenSSL has.
#[test]
fn it_is_as_sbsign_writes_it() {
    let keys = Keys::three();
    let ours = signed(&keys, &small("pinned"), BY);
    keys.run("sbsign --key {}/signer.key --cert {}/signer.pem --output {}/theirs {}/program");
    let theirs = keys.read("theirs");
    let (mut ours, mut theirs) = (structure(&keys, &ours), structure(&keys, &theirs));
    // The values of signatures.
    assert_ne!(ours.pop(), theirs.pop());
    let start = theirs
        .iter()
        .position(|line| line.contains("signingTime"))
        .unwrap()
        - 1;
    let end = theirs
        .iter()
        .position(|line| line.contains("messageDigest"))
        .unwrap()
        - 1;
    let time: Vec<String> = theirs.drain(start..end).collect();
    assert_eq!(time.len(), 4, "{time:?}");
    let start = theirs
        .iter()
        .position(|line| line.contains("S/MIME Capabilities"))
        .unwrap()
        - 1;
    theirs.truncate(theirs.len() - 3);
    ours.truncate(ours.len() - 3);
    theirs.truncate(start);
    assert_eq!(ours, theirs);
    assert!(ours.len() > 70, "{ours:#?}");
}

#[test]
fn signatures_are_added_and_removed() {
    let keys = Keys::three();
    keys.issue("other", "rsa:3072", "signer", "other", "");
    let program = [small("profiles"), noise(70_000, 2)].concat();
    keys.0.file("program", &program);
    keys.run("sbsign --key {}/other.key --cert {}/other.pem --output {}/first {}/program");
    let said = sign(
        keys.0.path(),
        &format!("image {BY} -o {{}}/both {{}}/first"),
    );
    assert!(
        said.contains("both: signed by \"signer\", SHA-256 "),
        "{said}"
    );
    let both = keys.read("both");
    let counted = verdict(&both, &keys.trust(&["signer", "other"]));
    assert_eq!((counted.proofs.len(), counted.refusals.len()), (2, 0));
    keys.run("sbverify --cert {}/other.pem {}/both");
    // And behind ours comes theirs.
    keys.run("sbsign --key {}/other.key --cert {}/other.pem --output {}/three {}/both");
    assert_eq!(
        verdict(&keys.read("three"), &keys.trust(&["signer", "other"]))
            .proofs
            .len(),
        3
    );

    let said = sign(keys.0.path(), "image --remove -o {}/bare {}/three");
    assert!(said.ends_with("bare: 3 signatures removed\n"), "{said}");
    // One after the other.
    for _ in 0..3 {
        keys.run("sbattach --remove {}/three");
    }
    assert!(keys.read("bare") == keys.read("three"));
    let bare = keys.read("bare");
    let digests = |bytes: &[u8]| read_in(bytes, 4096).unwrap().digests()[0].clone();
    assert_eq!(digests(&bare), digests(&both));
    let said = sign(keys.0.path(), "image --remove {}/bare");
    assert!(said.ends_with("bare: 0 signatures removed\n"), "{said}");
}

#[test]
fn the_same_again_changes_nothing() {
    let keys = Keys::three();
    let once = signed(&keys, &small("pinned"), BY);
    assert!(signed(&keys, &small("pinned"), BY) == once);
    let said = sign(keys.0.path(), &format!("image {BY} {{}}/signed"));
    assert!(
        said.ends_with("signed: signed by \"signer\" already\n"),
        "{said}"
    );
    assert!(keys.read("signed") == once);
    // What was changed since is signed anew: the old signature says nothing of it.
    let mut changed = once.clone();
    changed[0x210] ^= 1;
    keys.0.file("signed", &changed);
    sign(keys.0.path(), &format!("image {BY} {{}}/signed"));
    let verdict = verdict(&keys.read("signed"), &keys.trust(&["signer"]));
    assert_eq!((verdict.proofs.len(), verdict.refusals.len()), (1, 1));
}

#[test]
fn issuers_go_along() {
    let keys = Keys::three();
    fs::write(
        keys.path("chain"),
        [keys.read("middle.pem"), keys.read("root.pem")].concat(),
    )
    .unwrap();
    let alone = signed(&keys, &small("pinned"), BY);
    assert!(verdict(&alone, &keys.trust(&["root"])).proofs.is_empty());
    let whole = signed(&keys, &small("pinned"), &format!("{BY} --chain {{}}/chain"));
    assert_eq!(
        chain(&verdict(&whole, &keys.trust(&["root"]))),
        ["signer", "middle", "root"]
    );
    let said = osslsigncode(&keys, "signed", "root");
    assert!(said.contains("Number of verified signatures: 1"), "{said}");
    // In DER, too.
    signed(
        &keys,
        &small("pinned"),
        "--key {}/signer.key --cert {}/signer.der --chain {}/middle.der",
    );
    keys.run("sbverify --cert {}/root.pem {}/signed");
}

#[test]
fn ecdsa_signs_too() {
    let keys = Keys::three();
    keys.issue(
        "curve",
        "ec -pkeyopt ec_paramgen_curve:P-256",
        "signer",
        "root",
        "",
    );
    let signed = signed(
        &keys,
        &small("pinned"),
        "--key {}/curve.key --cert {}/curve.pem",
    );
    assert_eq!(chain(&verdict(&signed, &keys.trust(&["curve"]))), ["curve"]);
    osslsigncode(&keys, "signed", "root");
}

#[test]
fn a_file_is_replaced_as_it_was() {
    let keys = Keys::three();
    let program = keys.0.file("boot/vmlinuz-1", &small("pinned"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o600)).unwrap();
    symlink("boot/vmlinuz-1", keys.path("vmlinuz")).unwrap();
    sign(keys.0.path(), &format!("image {BY} {{}}/vmlinuz"));
    assert!(keys.path("vmlinuz").is_symlink());
    assert!(fs::read(&program).unwrap().len() > small("pinned").len());
    assert_eq!(
        fs::metadata(&program).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let names: Vec<_> = fs::read_dir(keys.path("boot"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["vmlinuz-1"]);
}

#[test]
fn keys_may_have_a_pass_phrase() {
    let keys = Keys::three();
    keys.run("openssl pkey -in {}/signer.key -aes256 -passout pass:secret -out {}/locked.key");
    let signed = signed(
        &keys,
        &small("pinned"),
        "--key {}/locked.key --cert {}/signer.pem --pass env:PASS_PHRASE",
    );
    assert_eq!(
        chain(&verdict(&signed, &keys.trust(&["signer"]))),
        ["signer"]
    );
    keys.0.file("wrong", b"wrong\n");
    let said = failure(
        keys.0.path(),
        "image --key {}/locked.key --cert {}/signer.pem --pass file:{}/wrong -o {}/none {}/program",
    );
    assert!(
        said.starts_with("openssl can't sign with the key {}/locked.key. It says: "),
        "{said}"
    );
    assert!(!keys.path("none").exists());
}

/// What would not count is not written, and the file stays as it was.
#[test]
fn what_would_not_count_is_not_written() {
    let keys = Keys::three();
    keys.issue("server", "rsa:2048", "server", "root", "");
    keys.issue("short", "rsa:1024", "signer", "root", "");
    keys.run(
        "openssl req -x509 -newkey ed25519 -nodes -subj /CN=x -keyout {}/ed.key -out {}/ed.pem",
    );
    keys.run("openssl genpkey -algorithm RSA -out {}/other.key");
    let program = small("pinned");
    let mut gap = program.clone();
    // `SizeOfHeaders`
    let at = u32::from_le_bytes(gap[0x3c..0x40].try_into().unwrap()) as usize + 24 + 60;
    gap[at..at + 4].copy_from_slice(&0x100_u32.to_le_bytes());
    keys.0.file("program", &program);
    keys.0.file("gap", &gap);
    keys.0.file("text", b"no program");
    fs::write(
        keys.path("two.pem"),
        [keys.read("middle.pem"), keys.read("root.pem")].concat(),
    )
    .unwrap();
    for (arguments, reason) in [
        (
            "--key {}/other.key --cert {}/signer.pem {}/program",
            "{}/program: the signature would not count, so nothing was written: signature 1: certificate \"signer\": \
             the signature is wrong",
        ),
        (
            "--key {}/server.key --cert {}/server.pem {}/program",
            "{}/program: the signature would not count, so nothing was written: signature 1: certificate \"server\": \
             its extended key usage is not to sign code",
        ),
        (
            "--key {}/short.key --cert {}/short.pem {}/program",
            "{}/short.pem: its RSA key has 1024 bits",
        ),
        (
            "--key {}/ed.key --cert {}/ed.pem {}/program",
            "{}/ed.pem: its key is neither RSA nor ECDSA: sign with the bare key, without a certificate",
        ),
        (
            "--key {}/signer.key --cert {}/two.pem {}/program",
            "{}/two.pem: there are several certificates in it",
        ),
        (
            "--key {}/signer.key --cert {}/signer.key {}/program",
            "{}/signer.key: there is no certificate in it: name a file with certificates in PEM or one in DER",
        ),
        (
            "--key {}/none.key --cert {}/signer.pem {}/program",
            "openssl can't sign with the key {}/none.key. It says: ",
        ),
        (
            "--key {}/signer.key --cert {}/signer.pem {}/gap",
            "{}/gap: its PE headers are damaged: `SizeOfHeaders` is too small",
        ),
        (
            "--key {}/signer.key --cert {}/signer.pem {}/text",
            "{}/text: it is no EFI program: no PE headers",
        ),
        (
            "--key {}/signer.key --cert {}/signer.pem {}/none",
            "can't read {}/none: No such file or directory",
        ),
        (
            "--key {}/signer.key --cert {}/signer.pem -o {}/none/out {}/program",
            "can't write {}/none/out: No such file or directory",
        ),
    ] {
        let said = failure(keys.0.path(), &format!("image {arguments}"));
        assert!(said.starts_with(reason), "{arguments}: {said}");
    }
    assert!(keys.read("program") == program);
}

/// Debian's own: they keep their signatures, and have one more.
#[test]
fn signatures_of_distributions_stay() {
    let keys = Keys::three();
    for (name, count) in [("linux", 1), ("bootnetx64.efi", 2), ("grubx64.efi", 1)] {
        let program = netboot(name);
        keys.0.file("program", &program);
        sign(
            keys.0.path(),
            &format!("image {BY} -o {{}}/signed {{}}/program"),
        );
        let signed = keys.read("signed");
        let (before, after) = (
            read_in(&program, 4096).unwrap(),
            read_in(&signed, 4096).unwrap(),
        );
        assert_eq!(before.digests(), after.digests(), "{name}");
        let (before, after) = (before.signatures().unwrap(), after.signatures().unwrap());
        let pairs = before.iter().zip(&after);
        assert!(
            pairs
                .into_iter()
                .all(|(before, after)| before.as_ref().unwrap() == after.as_ref().unwrap())
        );
        assert_eq!((before.len(), after.len()), (count, count + 1), "{name}");
        assert_eq!(
            chain(&verdict(&signed, &keys.trust(&["signer"]))),
            ["signer"]
        );
        keys.run("sbverify --cert {}/middle.pem {}/signed");
        let listed = keys.run("sbverify --list {}/signed");
        let listed = listed
            .lines()
            .filter(|line| line.starts_with("signature "))
            .count();
        let ours = sign(keys.0.path(), "list {}/signed");
        assert_eq!(ours.matches(": intact\n").count(), listed, "{ours}");
        assert_eq!(listed, count + 1, "{name}");
    }
}
