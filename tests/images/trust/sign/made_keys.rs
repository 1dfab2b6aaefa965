//! Keys that it makes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pilotlight::trust::Anchor;

use super::{failure, sign};
use crate::kit::{run_line, temp_dir};
use crate::trust::authenticode::small;

#[test]
fn a_key_and_its_certificate() {
    let dir = temp_dir();
    let said = sign(dir.path(), "keys --name Site {}/keys");
    assert!(
        said.contains("signing.der: the same in DER: the anchor for a board\n"),
        "{said}"
    );
    let mode = |name: &str| {
        fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("keys"), mode("keys/signing.key")), (0o700, 0o600));
    let text = run_line(
        "openssl x509 -noout -text -in {}/keys/signing.pem",
        dir.path(),
    );
    for line in [
        "Subject: CN = Site",
        "(3072 bit)",
        "Digital Signature",
        "Code Signing",
        "CA:FALSE",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // What is made is enough to sign, and it is an anchor.
    dir.file("program", &small("pinned"));
    dir.file("initrd", b"initrd");
    let by = "--key {}/keys/signing.key --cert {}/keys/signing.pem";
    sign(dir.path(), &format!("image {by} {{}}/program"));
    sign(dir.path(), &format!("file {by} {{}}/initrd"));
    run_line("sbverify --cert {}/keys/signing.pem {}/program", dir.path());
    Anchor::certificate(
        "site",
        &fs::read(dir.path().join("keys/signing.der")).unwrap(),
    )
    .unwrap();

    let before = fs::read(dir.path().join("keys/signing.key")).unwrap();
    let said = failure(dir.path(), "keys {}/keys");
    assert_eq!(
        said,
        "{}/keys/signing.pem is there already and is not overwritten: name another directory, or move it away"
    );
    for name in ["signing.pem", "signing.der"] {
        fs::remove_file(dir.path().join("keys").join(name)).unwrap();
    }
    let said = failure(dir.path(), "keys {}/keys");
    assert!(
        said.starts_with("{}/keys/signing.key is there already"),
        "{said}"
    );
    assert_eq!(
        fs::read(dir.path().join("keys/signing.key")).unwrap(),
        before
    );
}

#[test]
fn ed25519_and_pass_phrases() {
    let dir = temp_dir();
    sign(dir.path(), "keys --ed25519 {}/keys");
    let text = run_line(
        "openssl pkey -pubin -noout -text -in {}/keys/ed25519.pub",
        dir.path(),
    );
    assert!(text.contains("ED25519"), "{text}");
    sign(dir.path(), "keys --encrypt --pass env:PASS_PHRASE {}/keys");
    let key = fs::read_to_string(dir.path().join("keys/signing.key")).unwrap();
    assert!(
        key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"),
        "{key}"
    );
    // A pass phrase that can't be had leaves nothing.
    let said = failure(dir.path(), "keys --encrypt --pass env:NONE {}/none");
    assert!(said.starts_with("openssl can't make a key"), "{said}");
    assert_eq!(fs::read_dir(dir.path().join("none")).unwrap().count(), 0);
}
