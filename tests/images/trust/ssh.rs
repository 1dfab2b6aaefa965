//! Signatures by `ssh-keygen -Y`.

use std::fs::File;

use pilotlight::trust::{Algorithm, Format, SSH_NAMESPACE, Signer};

use super::keys::Keys;
use super::verdict::{no_byte_changes_unseen, proofs, refusal, trust};
use crate::kit::{noise, tool};

fn keys() -> Keys {
    let keys = Keys::new();
    for (name, how) in [
        ("ed25519", "ed25519"),
        ("rsa", "rsa -b 3072"),
        ("curve", "ecdsa -b 256"),
    ] {
        let path = keys.path(name);
        let mut command = tool("ssh-keygen");
        command
            .args(["-q", "-N", "", "-C", name, "-t"])
            .args(how.split(' '))
            .arg("-f")
            .arg(path);
        assert!(command.status().unwrap().success());
    }
    keys
}

fn sign(keys: &Keys, content: &[u8], by: &str, more: &str) -> Vec<u8> {
    keys.0.file("content", content);
    let _ = std::fs::remove_file(keys.path("content.sig"));
    keys.run(&format!(
        "ssh-keygen -q -Y sign -f {{}}/{by} {more} {{}}/content"
    ));
    keys.read("content.sig")
}

/// What ssh-keygen says of a signature.
fn does_ssh_accept(keys: &Keys, signature: &[u8], content: &[u8], by: &str) -> bool {
    let public = String::from_utf8(keys.read(&format!("{by}.pub"))).unwrap();
    keys.0.file("allowed", format!("me {public}").as_bytes());
    keys.0.file("signature", signature);
    let content = keys.0.file("content", content);
    let mut command = tool("ssh-keygen");
    command
        .args(["-Y", "verify", "-n", SSH_NAMESPACE, "-I", "me", "-f"])
        .arg(keys.path("allowed"));
    command
        .arg("-s")
        .arg(keys.path("signature"))
        .stdin(File::open(content).unwrap());
    command.output().unwrap().status.success()
}

#[test]
fn all_kinds_of_keys() {
    let keys = keys();
    let content = noise(10_000, 2);
    for by in ["ed25519", "rsa", "curve"] {
        for (more, digest) in [
            ("", Algorithm::Sha512),
            ("-O hashalg=sha256", Algorithm::Sha256),
        ] {
            let signature = sign(&keys, &content, by, &format!("-n file {more}"));
            assert!(does_ssh_accept(&keys, &signature, &content, by));
            let public = keys.read(&format!("{by}.pub"));
            let found = proofs(&signature, &content, &trust(&public))
                .unwrap_or_else(|e| panic!("{by}: {e}"));
            let proof = &found[0];
            assert_eq!(
                (proof.format(), proof.digest()),
                (Format::Ssh, digest),
                "{by}"
            );
            let Signer::Key(fingerprint) = proof.signer() else {
                panic!("{proof:?}");
            };
            let printed = keys.run(&format!("ssh-keygen -l -f {{}}/{by}.pub"));
            assert!(printed.contains(&format!(" {fingerprint} ")), "{printed}");
            assert!(!does_ssh_accept(&keys, &signature, b"other", by));
            refusal(&signature, b"other", &trust(&public));
        }
    }
}

#[test]
fn what_does_not_count() {
    let keys = keys();
    let trusted = trust(&keys.read("ed25519.pub"));
    let other = refusal(
        &sign(&keys, b"content", "rsa", "-n file"),
        b"content",
        &trusted,
    );
    assert!(other.contains("it is by the key SHA256:"), "{other}");
    let git = sign(&keys, b"content", "ed25519", "-n git");
    assert_eq!(
        refusal(&git, b"content", &trusted),
        "signature 1: it is an SSH signature for \"git\", not for \"file\" (ssh-keygen -n), which does not count"
    );
    assert!(!does_ssh_accept(&keys, &git, b"content", "ed25519"));
}

#[test]
fn files_of_allowed_signers() {
    let keys = keys();
    let signature = sign(&keys, b"content", "ed25519", "-n file");
    let public = String::from_utf8(keys.read("ed25519.pub")).unwrap();
    let rsa = String::from_utf8(keys.read("rsa.pub")).unwrap();
    for file in [
        public.clone(),
        format!("# a comment\n\n{rsa}{public}"),
        format!("me@example.org {public}"),
        format!("me@example.org,you namespaces=\"file,git\" {public}"),
    ] {
        assert!(
            proofs(&signature, b"content", &trust(file.as_bytes())).is_ok(),
            "{file}"
        );
    }
}

/// Line ends in the base64 may go, and blanks may stand at the ends of lines.
#[test]
fn no_byte_changes() {
    let keys = keys();
    for by in ["ed25519", "curve"] {
        let signature = sign(&keys, b"content", by, "-n file");
        let trusted = trust(&keys.read(&format!("{by}.pub")));
        no_byte_changes_unseen(&signature, b"content", &trusted, |at| {
            at + 1 == signature.len()
        });
    }
}
