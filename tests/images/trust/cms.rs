//! Signatures by `openssl cms` that stand beside a file.

use std::ops::Range;

use pilotlight::trust::{Certificate, Trusted, detached};

use super::keys::Keys;
use crate::kit::{noise, tool};

fn sign(keys: &Keys, content: &[u8], by: &str, more: &str) -> Vec<u8> {
    keys.0.file("content", content);
    keys.run(&format!(
        "openssl cms -sign -binary -in {{}}/content -signer {{}}/{by}.pem -inkey {{}}/{by}.key -outform DER \
         -out {{}}/signature {more}"
    ));
    keys.read("signature")
}

/// The first signer's chain, or why not.
fn verify(signature: &[u8], content: &[u8], trusted: &Trusted) -> Result<Vec<String>, String> {
    let mut signers =
        detached::verify(signature, content, trusted).map_err(|error| error.to_string())?;
    let proof = signers.remove(0).map_err(|error| error.to_string())?;
    let chain = proof.chain().expect("a chain").certificates();
    Ok(chain.iter().map(Certificate::name).collect())
}

#[test]
fn all_ways_to_sign() {
    let keys = Keys::three();
    keys.issue(
        "curve",
        "ec -pkeyopt ec_paramgen_curve:P-256",
        "signer",
        "middle",
        "",
    );
    let content = noise(10_000, 2);
    for (by, more) in [
        ("signer", ""),
        ("signer", "-noattr"),
        ("signer", "-noattr -nocerts -md sha512"),
        ("signer", "-keyid -certfile {}/middle.pem"),
        ("signer", "-md sha384 -nocerts"),
        ("signer", "-md sha256 -keyopt rsa_padding_mode:pss"),
        (
            "signer",
            "-md sha512 -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:20",
        ),
        ("curve", "-md sha256 -noattr"),
        ("curve", "-md sha512 -keyid"),
    ] {
        let signature = sign(&keys, &content, by, more);
        assert_eq!(
            verify(&signature, &content, &keys.trust(&[by])),
            Ok(vec![by.to_owned()]),
            "{more}"
        );
        let chained = verify(&signature, &content, &keys.trust(&["middle"]));
        let expected = Ok(vec![by.to_owned(), "middle".to_owned()]);
        match more.contains("-nocerts") {
            true => assert!(
                chained
                    .unwrap_err()
                    .contains("the certificate of the signer"),
                "{more}"
            ),
            false => assert_eq!(chained, expected, "{more}"),
        }
        let other = noise(10_000, 3);
        assert!(
            verify(&signature, &other, &keys.trust(&[by])).is_err(),
            "{more}"
        );
    }
}

#[test]
fn what_does_not_count() {
    let keys = Keys::three();
    let trusted = keys.trust(&["signer"]);
    let content = noise(1000, 4);
    for (more, reason) in [
        ("-nodetach", "a signature that is not detached"),
        ("-md sha1", "SHA-1"),
        (
            "-md sha256 -keyopt rsa_padding_mode:pss -keyopt rsa_mgf1_md:sha1",
            "SHA-1",
        ),
        ("-econtent_type 1.2.3.4", "not detached"),
        ("-stream", "no CMS in DER"),
    ] {
        let signature = sign(&keys, &content, "signer", more);
        let refused = verify(&signature, &content, &trusted).unwrap_err();
        assert!(refused.contains(reason), "{more}: {refused}");
    }
    keys.run("openssl genrsa -out {}/other.key 2048");
    let signature = sign(&keys, &content, "signer", "");
    let refused = verify(&signature, b"other", &trusted).unwrap_err();
    assert!(refused.contains("it is for other bytes"), "{refused}");
    assert!(verify(&[], &content, &trusted).is_err());
}

#[test]
fn every_signer_has_an_answer() {
    let keys = Keys::three();
    keys.issue("other", "rsa:2048", "signer", "other", "");
    let content = noise(1000, 5);
    let more = "-signer {}/other.pem -inkey {}/other.key";
    let signature = sign(&keys, &content, "signer", more);
    let signers = detached::verify(&signature, &content, &keys.trust(&["other"])).unwrap();
    let counted: Vec<bool> = signers.iter().map(Result::is_ok).collect();
    assert_eq!(counted.len(), 2);
    assert_eq!(counted.iter().filter(|counts| **counts).count(), 1);
}

/// The version, and the set of digest algorithms in front, which each signer says again.
fn unsigned_bytes(signature: &[u8]) -> Range<usize> {
    let version = 4 + 11 + 4 + 4;
    assert_eq!(signature[version..version + 2], [2, 1]);
    version + 2..version + 5 + usize::from(signature[version + 4])
}

#[test]
fn no_byte_changes_unseen() {
    let keys = Keys::three();
    let content = noise(1000, 6);
    let signature = sign(&keys, &content, "signer", "-nocerts");
    let trusted = keys.trust(&["signer"]);
    assert!(verify(&signature, &content, &trusted).is_ok());
    let unsigned = unsigned_bytes(&signature);
    for at in 0..signature.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = signature.clone();
            changed[at] ^= change;
            let accepted = verify(&changed, &content, &trusted).is_ok();
            assert!(
                !accepted || unsigned.contains(&at),
                "byte {at} ^ {change:#x} of {}",
                signature.len()
            );
        }
    }
}

/// Nothing is taken that `openssl` refuses, but for the set of digests: it wants to know of each before it reads.
#[test]
fn changes_are_judged_as_by_openssl() {
    let keys = Keys::three();
    let content = noise(100, 4);
    let signature = sign(&keys, &content, "signer", "-certfile {}/middle.pem");
    let trusted = keys.trust(&["root"]);
    let unsigned = unsigned_bytes(&signature);
    for at in (0..signature.len()).step_by(13) {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        keys.0.file("changed", &changed);
        let directory = keys.0.path().display();
        let arguments = format!(
            "cms -verify -binary -inform DER -purpose any -out /dev/null -in {directory}/changed \
             -content {directory}/content -CAfile {directory}/root.pem"
        );
        let output = tool("openssl").args(arguments.split(' ')).output();
        let theirs = output.unwrap().status.success();
        let ours = verify(&changed, &content, &trusted).is_ok();
        let is_named = unsigned.contains(&at);
        assert!(
            theirs || !ours || is_named,
            "byte {at} of {}",
            signature.len()
        );
    }
}

/// What comes of each signer, in words. In armor, something that is no detached signature at all is one of several.
fn said(signature: &[u8], content: &[u8], trusted: &Trusted) -> Vec<String> {
    match detached::verify(signature, content, trusted) {
        Err(refusal) => vec![refusal.problem.to_string()],
        Ok(signers) => signers
            .into_iter()
            .map(|signer| match signer {
                Ok(proof) => format!("{}, {}", proof.anchor(), proof.digest()),
                Err(refusal) => refusal.problem.to_string(),
            })
            .collect(),
    }
}

/// What `openssl cms -outform PEM` writes is the same signature, and has the same verdict.
#[test]
fn armor_changes_nothing() {
    let keys = Keys::three();
    keys.issue("other", "rsa:2048", "signer", "other", "");
    let content = noise(1000, 7);
    let trusted = [
        keys.trust(&["signer"]),
        keys.trust(&["middle"]),
        Trusted::default(),
    ];
    for more in [
        "",
        "-noattr",
        "-nocerts",
        "-md sha1",
        "-nodetach",
        "-econtent_type 1.2.3.4",
        "-signer {}/other.pem -inkey {}/other.key",
    ] {
        let der = sign(&keys, &content, "signer", more);
        keys.run("openssl cms -cmsout -inform DER -in {}/signature -outform PEM -out {}/armored");
        let pem = keys.read("armored");
        assert!(pem.starts_with(b"-----BEGIN CMS-----\n"));
        let renamed = String::from_utf8(pem.clone())
            .unwrap()
            .replace(" CMS-", " PKCS7-");
        for trusted in &trusted {
            for content in [&content[..], b"other"] {
                let expected = said(&der, content, trusted);
                assert_eq!(said(&pem, content, trusted), expected, "{more}");
                assert_eq!(
                    said(renamed.as_bytes(), content, trusted),
                    expected,
                    "{more}"
                );
            }
        }
    }
}
