//! Signatures by `minisign`.

use pilotlight::trust::{Algorithm, Format, Signer};

use super::keys::Keys;
use super::verdict::{no_byte_changes_unseen, proofs, refusal, trust};
use crate::kit::{noise, tool};

fn keys() -> Keys {
    let keys = Keys::new();
    keys.run("minisign -G -W -p {}/one.pub -s {}/one.key");
    keys
}

fn sign(keys: &Keys, content: &[u8], more: &str) -> Vec<u8> {
    keys.0.file("content", content);
    keys.run(&format!(
        "minisign -S -s {{}}/one.key -m {{}}/content -x {{}}/signature -t by-a-test {more}"
    ));
    keys.run("minisign -V -q -p {}/one.pub -m {}/content -x {}/signature");
    keys.read("signature")
}

/// What minisign says of a signature.
fn does_minisign_accept(keys: &Keys, signature: &[u8], content: &[u8]) -> bool {
    keys.0.file("content", content);
    keys.0.file("signature", signature);
    let path = |name: &str| keys.path(name);
    let mut command = tool("minisign");
    command.arg("-V").arg("-q").arg("-p").arg(path("one.pub"));
    command
        .arg("-m")
        .arg(path("content"))
        .arg("-x")
        .arg(path("signature"));
    command.output().unwrap().status.success()
}

#[test]
fn both_ways_to_sign() {
    let keys = keys();
    let content = noise(100_000, 1);
    let trusted = trust(&keys.read("one.pub"));
    for (more, digest) in [("", Algorithm::Blake2b), ("-l", Algorithm::Sha512)] {
        let signature = sign(&keys, &content, more);
        let found = proofs(&signature, &content, &trusted).unwrap();
        let proof = &found[0];
        assert_eq!((proof.format(), proof.digest()), (Format::Minisign, digest));
        assert_eq!(proof.comment(), Some("by-a-test"));
        // The number in the comment of the key.
        let Signer::Key(number) = proof.signer() else {
            panic!("{proof:?}");
        };
        assert!(
            String::from_utf8(keys.read("one.pub"))
                .unwrap()
                .contains(number.as_str())
        );
    }
    // The line with the key alone, as it stands on web pages.
    let line = keys.read("one.pub");
    let line = line.split(|byte| *byte == b'\n').nth(1).unwrap();
    assert!(proofs(&sign(&keys, &content, ""), &content, &trust(line)).is_ok());
}

#[test]
fn what_does_not_count() {
    let keys = keys();
    let signature = sign(&keys, b"content", "");
    keys.run("minisign -G -W -p {}/two.pub -s {}/two.key");
    let other = refusal(&signature, b"content", &trust(&keys.read("two.pub")));
    assert!(other.contains("which is no anchor"), "{other}");
    let trusted = trust(&keys.read("one.pub"));
    assert!(refusal(&signature, b"other", &trusted).contains("the signature is wrong"));
    let text = String::from_utf8(signature).unwrap();
    // Somebody else's comment.
    let changed = text.replace("by-a-test", "by-nobody");
    assert!(refusal(changed.as_bytes(), b"content", &trusted).contains("trusted comment"));
    assert!(!does_minisign_accept(&keys, changed.as_bytes(), b"content"));
    // The untrusted comment is nobody's.
    let changed = text.replace("signature from", "signature for");
    assert!(proofs(changed.as_bytes(), b"content", &trusted).is_ok());
    assert!(does_minisign_accept(&keys, changed.as_bytes(), b"content"));
    let lines: Vec<&str> = text.lines().collect();
    for end in 0..4 {
        assert!(proofs(lines[..end].join("\n").as_bytes(), b"content", &trusted).is_err());
    }
    // Minisign reads four lines and looks no further; here nothing may stand behind them.
    let longer = text.clone() + "more\n";
    assert!(proofs(longer.as_bytes(), b"content", &trusted).is_err());
    assert!(does_minisign_accept(&keys, longer.as_bytes(), b"content"));
}

/// The untrusted comment, and the kinds of line ends, are nobody's.
#[test]
fn no_byte_changes() {
    let keys = keys();
    let trusted = trust(&keys.read("one.pub"));
    for more in ["", "-l"] {
        let signature = sign(&keys, b"the content", more);
        let comment = signature.iter().position(|byte| *byte == b'\n').unwrap();
        let prefix = "untrusted comment: ".len();
        no_byte_changes_unseen(&signature, b"the content", &trusted, |at| {
            (prefix..comment).contains(&at)
        });
    }
}
