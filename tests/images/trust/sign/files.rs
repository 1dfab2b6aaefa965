//! Signatures beside files.

use std::fs;

use pilotlight::trust::{Certificate, detached};

use super::{failure, sign};
use crate::kit::noise;
use crate::trust::keys::Keys;

#[test]
fn with_a_certificate_it_is_cms() {
    let keys = Keys::three();
    keys.issue(
        "curve",
        "ec -pkeyopt ec_paramgen_curve:P-256",
        "signer",
        "root",
        "",
    );
    let content = noise(600_000, 7);
    keys.0.file("initrd", &content);
    keys.0.file("empty", b"");
    for (by, names) in [
        ("signer", ["signer", "middle"]),
        ("curve", ["curve", "root"]),
    ] {
        sign(
            keys.0.path(),
            &format!(
                "file --key {{}}/{by}.key --cert {{}}/{by}.pem --chain {{}}/middle.pem {{}}/initrd {{}}/empty"
            ),
        );
        for (file, content) in [("initrd", &content[..]), ("empty", b"")] {
            let signature = keys.read(&format!("{file}.p7s"));
            let trusted = keys.trust(&[names[1]]);
            let mut proofs = detached::verify(&signature, content, &trusted).unwrap();
            let proof = proofs.remove(0).unwrap();
            let chain = proof.chain().unwrap();
            let found: Vec<String> = chain.certificates().iter().map(Certificate::name).collect();
            assert_eq!(found, names);
            keys.run(&format!(
                "openssl cms -verify -binary -inform DER -in {{}}/{file}.p7s -content {{}}/{file} -CAfile {{}}/root.pem \
                 -purpose any -out /dev/null"
            ));
        }
    }
    let said = failure(
        keys.0.path(),
        "file --key {}/curve.key --cert {}/signer.pem {}/initrd",
    );
    assert!(
        said.starts_with("{}/initrd: the signature would not count"),
        "{said}"
    );
}

#[test]
fn with_a_key_alone_it_is_bare() {
    let keys = Keys::three();
    keys.run("openssl genpkey -algorithm ED25519 -out {}/ed25519.key");
    keys.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {}/curve.key");
    keys.0.file("initrd", &noise(100_000, 8));
    for key in ["signer", "curve", "ed25519"] {
        let said = sign(
            keys.0.path(),
            &format!("file --key {{}}/{key}.key {{}}/initrd"),
        );
        assert!(
            said.ends_with("/initrd\n") && said.contains("/initrd.sig: the signature of "),
            "{said}"
        );
        let digest = if key == "ed25519" {
            ""
        } else {
            "-digest sha256"
        };
        keys.run(&format!(
            "openssl pkeyutl -verify -rawin {digest} -inkey {{}}/{key}.key -in {{}}/initrd -sigfile {{}}/initrd.sig"
        ));
    }
    let length = fs::metadata(keys.path("initrd.sig")).unwrap().len();
    assert_eq!(length, 64);
}
