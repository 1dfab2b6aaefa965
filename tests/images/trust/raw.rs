//! Raw signatures by `openssl dgst` and `openssl pkeyutl`.

use std::fs;

use pilotlight::trust::{Algorithm, Format, Signer, Strength, Trusted};

use super::keys::Keys;
use super::verdict::{is_proven, no_byte_changes_unseen, proofs, refusal, trust};
use crate::kit::noise;

/// Makes `NAME.key`, and its public half as `NAME.pub` in PEM.
fn key(keys: &Keys, name: &str, how: &str) {
    keys.run(&format!("openssl genpkey {how} -out {{}}/{name}.key"));
    keys.run(&format!(
        "openssl pkey -in {{}}/{name}.key -pubout -out {{}}/{name}.pub"
    ));
}

fn trusted(keys: &Keys, name: &str) -> Trusted {
    trust(&keys.read(&format!("{name}.pub")))
}

#[test]
fn all_ways_of_openssl() {
    let keys = Keys::new();
    key(&keys, "rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    key(&keys, "odd", "-algorithm RSA -pkeyopt rsa_keygen_bits:3079");
    key(
        &keys,
        "curve",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    );
    key(&keys, "ed25519", "-algorithm ED25519");
    let content = noise(10_000, 2);
    keys.0.file("content", &content);
    let other = trusted(&keys, "rsa");
    let mut ways = Vec::new();
    for name in ["rsa", "odd", "curve"] {
        for digest in ["sha256", "sha384", "sha512"] {
            ways.push((name, format!("openssl dgst -{digest} {{}}")));
            if name == "curve" {
                continue;
            }
            for salt in ["digest", "max", "auto"] {
                ways.push((name, format!("openssl dgst -{digest} {{}} -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:{salt}")));
            }
        }
    }
    ways.push(("ed25519", "openssl pkeyutl -rawin".to_owned()));
    for (name, way) in ways {
        let (sign, check) = match way.contains("pkeyutl") {
            true => (
                format!("{way} -sign -inkey {{}}/{name}.key -in {{}}/content -out {{}}/signature"),
                format!(
                    "{way} -verify -pubin -inkey {{}}/{name}.pub -in {{}}/content -sigfile {{}}/signature"
                ),
            ),
            false => (
                way.replace("{}", &format!("-sign {{}}/{name}.key -out {{}}/signature"))
                    + " {}/content",
                way.replace(
                    "{}",
                    &format!("-verify {{}}/{name}.pub -signature {{}}/signature"),
                ) + " {}/content",
            ),
        };
        keys.run(&sign);
        keys.run(&check);
        let signature = keys.read("signature");
        let anchors = trusted(&keys, name);
        let found = proofs(&signature, &content, &anchors).unwrap_or_else(|e| panic!("{way}: {e}"));
        let proof = &found[0];
        assert_eq!(
            (proof.format(), proof.anchor()),
            (Format::Raw, "anchor"),
            "{way}"
        );
        let digest = match way {
            _ if way.contains("sha256") => Algorithm::Sha256,
            _ if way.contains("sha384") => Algorithm::Sha384,
            _ => Algorithm::Sha512,
        };
        assert_eq!(proof.digest(), digest, "{way}");
        assert!(!is_proven(&signature, &content[1..], &anchors), "{way}");
        assert!(
            name == "rsa" || !is_proven(&signature, &content, &other),
            "{way}"
        );
    }
}

/// The fingerprint is the digest that `openssl` says of the key in DER.
#[test]
fn keys_in_pem_and_der() {
    let keys = Keys::new();
    key(&keys, "rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    key(&keys, "ed25519", "-algorithm ED25519");
    keys.0.file("content", b"content");
    keys.run("openssl pkeyutl -rawin -sign -inkey {}/ed25519.key -in {}/content -out {}/signature");
    keys.run("openssl pkey -pubin -in {}/ed25519.pub -outform DER -out {}/ed25519.der");
    let printed = keys.run("openssl dgst -sha256 -r {}/ed25519.der");
    let both = [keys.read("rsa.pub"), keys.read("ed25519.pub")].concat();
    for file in [keys.read("ed25519.der"), both] {
        let found = proofs(&keys.read("signature"), b"content", &trust(&file)).unwrap();
        let Signer::Key(fingerprint) = found[0].signer() else {
            panic!("{found:?}");
        };
        assert!(printed.starts_with(fingerprint), "{printed}");
    }
}

#[test]
fn what_does_not_count() {
    let keys = Keys::three();
    key(&keys, "rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    key(&keys, "ed25519", "-algorithm ED25519");
    let content = b"content";
    keys.0.file("content", content);
    let rsa = trusted(&keys, "rsa");
    for (how, reason) in [
        ("-sha1 -sign {}/rsa.key", "the signature is wrong"),
        (
            "-sha256 -sign {}/rsa.key -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:7",
            "the signature is wrong",
        ),
        ("-sha256 -sign {}/signer.key", "the signature is wrong"),
    ] {
        keys.run(&format!(
            "openssl dgst {how} -out {{}}/signature {{}}/content"
        ));
        let refused = refusal(&keys.read("signature"), content, &rsa);
        assert!(refused.contains(reason), "{how}: {refused}");
    }
    keys.run("openssl dgst -sha256 -sign {}/rsa.key -out {}/signature {}/content");
    let signature = keys.read("signature");
    assert_eq!(
        refusal(&signature, content, &trusted(&keys, "ed25519")),
        "no anchor is a bare RSA key of this length, as it takes to check it: add the key of its signer as an \
         anchor, if you trust it"
    );
    // A certificate is no bare key.
    assert!(
        refusal(&signature, content, &keys.trust(&["signer"]))
            .contains("no anchor is a bare RSA key")
    );
    assert!(refusal(b"", content, &rsa).contains("not signed"));
    assert!(refusal(b"something", content, &rsa).contains("no signature of a format"));
    // The policy wants more.
    let mut strict = rsa.clone();
    strict.strength = Strength {
        rsa_bits: 3072,
        ..Strength::default()
    };
    assert!(refusal(&signature, content, &strict).contains("3072 are the least"));
    strict.strength = Strength {
        digest: Algorithm::Sha512,
        ..Strength::default()
    };
    assert!(
        refusal(&signature, content, &strict).contains("SHA-256, which the policy does not count")
    );
    // The certificate of the key is revoked.
    keys.run("openssl req -x509 -new -key {}/rsa.key -batch -config {}/kinds -subj /CN=x -outform DER -out {}/x.der");
    let mut revoked = rsa;
    let certificate = pilotlight::trust::Certificate::read(&keys.read("x.der")).unwrap();
    revoked.revoked.certificates.push(certificate);
    assert!(refusal(&signature, content, &revoked).contains("its key is revoked"));
}

#[test]
fn no_byte_changes() {
    let keys = Keys::new();
    let content = noise(20, 3);
    keys.0.file("content", &content);
    for (name, how) in [
        ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
        ("curve", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        ("ed25519", "-algorithm ED25519"),
    ] {
        key(&keys, name, how);
        match name {
            "ed25519" => keys.run("openssl pkeyutl -rawin -sign -inkey {}/ed25519.key -in {}/content -out {}/signature"),
            _ => keys.run(&format!("openssl dgst -sha256 -sign {{}}/{name}.key -out {{}}/signature {{}}/content")),
        };
        no_byte_changes_unseen(
            &keys.read("signature"),
            &content,
            &trusted(&keys, name),
            |_| false,
        );
        fs::remove_file(keys.path("signature")).unwrap();
    }
}

/// More keys that a signature could be by than are hashed for at once.
#[test]
fn too_many_keys() {
    let keys = Keys::new();
    let mut all = Vec::new();
    keys.0.file("content", b"content");
    for number in 0..17 {
        let name = format!("k{number}");
        key(&keys, &name, "-algorithm ED25519");
        all.extend(keys.read(&format!("{name}.pub")));
        keys.run(&format!("openssl pkeyutl -rawin -sign -inkey {{}}/{name}.key -in {{}}/content -out {{}}/signature"));
        let signature = keys.read("signature");
        match number {
            0..16 => assert!(is_proven(&signature, b"content", &trust(&all)), "{number}"),
            _ => assert!(refusal(&signature, b"content", &trust(&all)).contains("too many")),
        }
    }
}
