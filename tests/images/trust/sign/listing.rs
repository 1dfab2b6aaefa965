//! What `list` says of signatures.

use std::fs;

use serde_json::Value;

use super::{failure, sign};
use crate::trust::authenticode::{read_in, small, stub};
use crate::trust::keys::Keys;

#[test]
fn programs() {
    let keys = Keys::three();
    keys.0.file("program", &stub());
    let said = sign(keys.0.path(), "list {}/program");
    assert!(
        said.contains("  not signed\n") && said.contains("\n  SBAT       sbat 1 "),
        "{said}"
    );
    keys.run("sbsign --key {}/signer.key --cert {}/signer.pem --addcert {}/middle.pem --output {}/signed {}/program");
    sign(keys.0.path(), "keys --name Site {}/keys");
    sign(
        keys.0.path(),
        "image --key {}/keys/signing.key --cert {}/keys/signing.pem {}/signed",
    );
    let said = sign(keys.0.path(), "list {}/signed");
    for line in [
        "  program    for x64\n",
        "  signature 1: intact\n    signed by    signer, with SHA-256\n",
        "    certificate  middle\n      issued by    root\n      key          RSA 2048\n",
        "  signature 2: intact\n    signed by    Site, with SHA-256\n",
        "      key          RSA 3072\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let digests = read_in(&keys.read("signed"), 4096).unwrap();
    assert!(
        said.contains(&format!("  SHA-256    {}\n", digests.digests()[0])),
        "{said}"
    );
    let fingerprint = keys.run("openssl x509 -noout -fingerprint -sha256 -in {}/keys/signing.pem");
    let fingerprint = fingerprint
        .trim()
        .split_once('=')
        .unwrap()
        .1
        .replace(':', "")
        .to_lowercase();
    assert!(said.contains(&fingerprint), "{said}");

    let mut changed = keys.read("signed");
    changed[0x410] ^= 1;
    keys.0.file("changed", &changed);
    let said = sign(keys.0.path(), "list {}/changed");
    assert_eq!(
        said.matches(": does not hold: it is for other bytes: ")
            .count(),
        2,
        "{said}"
    );
}

#[test]
fn signatures_beside_files() {
    let keys = Keys::three();
    keys.issue(
        "curve",
        "ec -pkeyopt ec_paramgen_curve:P-256",
        "signer",
        "root",
        "",
    );
    keys.0.file("initrd", b"initrd");
    sign(
        keys.0.path(),
        "file --key {}/curve.key --cert {}/curve.pem {}/initrd",
    );
    let said = sign(keys.0.path(), "list {}/initrd.p7s");
    assert!(
        said.contains("  signature 1: intact\n    signed by    curve, with SHA-256\n"),
        "{said}"
    );
    assert!(said.contains("      key          ECDSA P-256\n"), "{said}");
    keys.0.file("initrd", b"other");
    let said = sign(keys.0.path(), "list {}/initrd.p7s");
    assert!(
        said.contains("does not hold: it is for other bytes"),
        "{said}"
    );
    fs::remove_file(keys.path("initrd")).unwrap();
    let said = sign(keys.0.path(), "list {}/initrd.p7s");
    assert!(
        said.contains("the file that it is the signature of is not beside it"),
        "{said}"
    );
    let said = failure(keys.0.path(), "list {}/curve.pem");
    assert!(
        said.starts_with(
            "{}/curve.pem: no EFI program, no manifest and no signature of a known format: "
        ),
        "{said}"
    );
}

/// What brings its key along is checked; of the others the key is named.
#[test]
fn every_format() {
    let keys = Keys::three();
    keys.0.file("initrd", b"initrd");
    keys.run("openssl genpkey -algorithm ed25519 -out {}/raw.key");
    keys.run("openssl pkeyutl -sign -rawin -inkey {}/raw.key -in {}/initrd -out {}/initrd.raw");
    keys.run("ssh-keygen -q -t ed25519 -f {}/ssh -Nx");
    keys.run("ssh-keygen -q -Y sign -f {}/ssh -P x -n file {}/initrd");
    keys.run("minisign -G -W -p {}/minisign.pub -s {}/minisign.key");
    keys.run("minisign -S -s {}/minisign.key -m {}/initrd");
    keys.run(
        "openssl cms -sign -binary -in {}/initrd -signer {}/signer.pem -inkey {}/signer.key -outform PEM -out {}/initrd.p7s",
    );
    keys.0
        .file("initrd.asc", include_bytes!("../openpgp6/ed25519.sig"));
    let fingerprint = keys.run("ssh-keygen -l -f {}/ssh.pub");
    let fingerprint = fingerprint.split_whitespace().nth(1).unwrap();
    let comment = String::from_utf8(keys.read("minisign.pub")).unwrap();
    // minisign leaves zeros in front out.
    let number = comment.lines().next().unwrap().rsplit(' ').next().unwrap();
    let number = format!("{number:0>16}");
    let nothing = "only the key of its signer could tell, which is not with it";
    for (file, words) in [
        ("initrd.raw", vec![format!("signature 1: not checked: {nothing}\n    format       raw\n")]),
        (
            "initrd.sig",
            vec![format!(
                "  signature 1: intact\n    signed by    {fingerprint}, with SHA-512\n    format       ssh\n"
            )],
        ),
        (
            "initrd.minisig",
            vec![
                format!("not checked: only the key {number} could tell"),
                format!("    signed by    {number}, with BLAKE2b\n    format       minisign\n"),
            ],
        ),
        (
            "initrd.p7s",
            vec!["  signature 1: intact\n    signed by    signer, with SHA-256\n    format       cms\n".to_owned()],
        ),
        ("initrd.asc", vec!["not checked: only the key ".to_owned(), "    format       openpgp\n".to_owned()]),
    ] {
        let said = sign(keys.0.path(), &format!("list {{}}/{file}"));
        for words in words {
            assert!(said.contains(&words), "{file}: {words}: {said}");
        }
    }
    keys.0.file("initrd", b"other");
    let said = sign(keys.0.path(), "list {}/initrd.sig");
    assert!(
        said.contains("signature 1: does not hold: the signature is wrong"),
        "{said}"
    );

    // As behind a module, without the certificate and with it.
    for (more, expected) in [("-nocerts", "not checked: "), ("", "intact\n")] {
        keys.run(&format!(
            "openssl cms -sign -binary -noattr {more} -in {{}}/initrd -signer {{}}/signer.pem -inkey {{}}/signer.key \
             -outform DER -out {{}}/cms"
        ));
        let signature = keys.read("cms");
        let length = (signature.len() as u32).to_be_bytes();
        let head = [0, 0, 2, 0, 0, 0, 0, 0];
        let line = b"~Module signature appended~\n";
        keys.0.file(
            "module.ko",
            &[b"other", &signature[..], &head, &length, line].concat(),
        );
        let said = sign(keys.0.path(), "list {}/module.ko");
        assert!(said.contains(&format!("signature 1: {expected}")), "{said}");
        assert!(said.contains("    format       appended\n"), "{said}");
    }
}

/// Names that move a cursor do not reach the terminal.
#[test]
fn names_are_made_harmless() {
    let keys = Keys::new();
    keys.run("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=a\u{1b}[2Jb -keyout {}/k.key -out {}/k.pem");
    keys.0.file("program", &small("pinned"));
    let said = sign(
        keys.0.path(),
        "image --key {}/k.key --cert {}/k.pem {}/program",
    );
    assert!(said.contains("a\\u{1b}[2Jb"), "{said:?}");
    let said = sign(keys.0.path(), "list {}/program");
    assert!(
        said.contains("a\\u{1b}[2Jb") && !said.contains('\u{1b}'),
        "{said:?}"
    );
}

/// `docs/signing.md` names every key, and no other.
#[test]
fn json_keys_are_documented() {
    let keys = Keys::three();
    keys.0.file("program", &stub());
    sign(
        keys.0.path(),
        "image --key {}/signer.key --cert {}/signer.pem {}/program",
    );
    let manifest = format!(
        "pilotlight-manifest 1\nname x\nversion 2\n\nkernel sha256:{} /k\ncmdline ro\n",
        "7".repeat(64)
    );
    keys.0.file("manifest", manifest.as_bytes());
    let said = sign(keys.0.path(), "list --json {}/program {}/manifest");
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json[1]["manifest"]["groups"][0]["files"][0]["path"], "/k");
    assert_eq!(json[0]["signatures"][0]["intact"], true);
    assert_eq!(
        json[0]["signatures"][0]["certificates"][0]["name"],
        "signer"
    );
    let mut found = Vec::new();
    names(&json, &mut found);
    found.sort_unstable();
    found.dedup();
    let document =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/signing.md")).unwrap();
    let table = document
        .split("## JSON\n")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut documented: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    documented.sort_unstable();
    documented.dedup();
    assert_eq!(found, documented);
}

fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                found.push(name.clone());
                names(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        _ => {}
    }
}
