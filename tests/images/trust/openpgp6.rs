//! OpenPGP of version 6, which Debian's tools do not know: keys and signatures by OpenPGP.js 6, which
//! `openpgp6/make.mjs` makes, and the key in RFC 9580, appendix A.3, with signatures that its private half
//! (appendix A.4) makes here.

use ed25519_dalek::{Signer as _, SigningKey};
use pilotlight::trust::{Algorithm, Digest, Format, Hasher, Signer};

use super::verdict::{no_byte_changes_unseen, proofs, refusal, trust};

const CONTENT: &[u8] = b"pilotlight\n";

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("openpgp6/", $name))
    };
}

const FILES: [(&str, &[u8], &[u8]); 4] = [
    ("ed25519", file!("ed25519.key"), file!("ed25519.sig")),
    ("p256", file!("p256.key"), file!("p256.sig")),
    ("rsa", file!("rsa.key"), file!("rsa.sig")),
    ("subkey", file!("subkey.key"), file!("subkey.sig")),
];

const RFC_KEY: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----

xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laPCsQYf
GwoAAABCBYJjh3/jAwsJBwUVCg4IDAIWAAKbAwIeCSIhBssYbE8GCaaX5NUt+mxy
KwwfHifBilZwj2Ul7Ce62azJBScJAgcCAAAAAK0oIBA+LX0ifsDm185Ecds2v8lw
gyU2kCcUmKfvBXbAf6rhRYWzuQOwEn7E/aLwIwRaLsdry0+VcallHhSu4RN6HWaE
QsiPlR4zxP/TP7mhfVEe7XWPxtnMUMtf15OyA51YBM4qBmOHf+MZAAAAIIaTJINn
+eUBXbki+PSAld2nhJh/LVmFsS+60WyvXkQ1wpsGGBsKAAAALAWCY4d/4wKbDCIh
BssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJAAAAAAQBIKbpGG2dWTX8
j+VjFM21J0hqWlEg+bdiojWnKfA5AQpWUWtnNwDEM0g12vYxoWM8Y81W+bHBw805
I8kWVkXU6vFOi+HWvv/ira7ofJu16NnoUkhclkUrk0mXubZvyl4GBg==
-----END PGP PUBLIC KEY BLOCK-----
";

/// The private half of [`RFC_KEY`], and its fingerprint.
const RFC_SECRET: [u8; 32] = [
    0x19, 0x72, 0x81, 0x7b, 0x12, 0xbe, 0x70, 0x7e, 0x8d, 0x5f, 0x58, 0x6c, 0xe6, 0x13, 0x61, 0x20,
    0x1d, 0x34, 0x4e, 0xb2, 0x66, 0xa2, 0xc8, 0x2f, 0xde, 0x68, 0x35, 0x76, 0x2b, 0x65, 0xb0, 0xb7,
];
const RFC_FINGERPRINT: &str = "CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9";

#[test]
fn signatures_of_another_implementation() {
    for (name, key, signature) in FILES {
        let found =
            proofs(signature, CONTENT, &trust(key)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(found[0].format(), Format::OpenPgp);
        assert!(matches!(found[0].signer(), Signer::Key(fingerprint) if fingerprint.len() == 64));
        assert!(
            refusal(signature, b"other", &trust(key)).contains("other bytes"),
            "{name}"
        );
        for (other, key, _) in FILES {
            let counts = proofs(signature, CONTENT, &trust(key)).is_ok();
            assert_eq!(counts, name == other, "{name} {other}");
        }
    }
}

/// The hints about the key are signed, so nothing is open; the unsigned area is empty.
#[test]
fn no_byte_changes() {
    for (_, key, signature) in &FILES[..2] {
        no_byte_changes_unseen(signature, CONTENT, &trust(key), |_| false);
    }
}

/// A signature by the key of the RFC.
fn sign(kind: u8, digest: u8, salt: &[u8], subpackets: &[&[u8]]) -> Vec<u8> {
    let algorithm = match digest {
        8 => Algorithm::Sha256,
        9 => Algorithm::Sha384,
        _ => Algorithm::Sha512,
    };
    let area = subpackets.concat();
    let mut head = vec![6, kind, 27, digest];
    head.extend((area.len() as u32).to_be_bytes());
    head.extend(&area);
    let mut hasher = Hasher::new(algorithm);
    hasher.update(salt);
    hasher.update(CONTENT);
    hasher.update(&head);
    hasher.update(&[6, 0xff]);
    hasher.update(&(head.len() as u32).to_be_bytes());
    let made: Digest = hasher.finish();
    let value = SigningKey::from_bytes(&RFC_SECRET)
        .sign(made.bytes())
        .to_bytes();
    let mut body = [
        &head[..],
        &[0; 4],
        &made.bytes()[..2],
        &[salt.len() as u8],
        salt,
    ]
    .concat();
    body.extend(value);
    [&[0xc2, body.len() as u8][..], &body].concat()
}

/// The time, and the key.
fn usual() -> Vec<Vec<u8>> {
    let fingerprint =
        (0..32).map(|at| u8::from_str_radix(&RFC_FINGERPRINT[2 * at..2 * at + 2], 16).unwrap());
    let mut issuer = vec![34, 33, 6];
    issuer.extend(fingerprint);
    vec![vec![5, 2, 0x69, 0, 0, 0], issuer]
}

#[test]
fn the_key_of_the_rfc() {
    let usual = usual();
    let usual: Vec<&[u8]> = usual.iter().map(Vec::as_slice).collect();
    let trusted = trust(RFC_KEY);
    for (digest, salt) in [(8, 16), (9, 24), (10, 32)] {
        let signature = sign(0, digest, &vec![7; salt], &usual);
        let found = proofs(&signature, CONTENT, &trusted).unwrap();
        assert!(
            matches!(found[0].signer(), Signer::Key(fingerprint) if fingerprint == RFC_FINGERPRINT)
        );
        // A salt of another length than the digest wants.
        assert!(
            refusal(
                &sign(0, digest, &vec![7; salt - 1], &usual),
                CONTENT,
                &trusted
            )
            .contains("damaged")
        );
    }
    let with = |more: &[u8]| sign(0, 8, &[7; 16], &[&usual[..], &[more]].concat());
    for (signature, reason) in [
        (sign(1, 8, &[7; 16], &usual), "signature of a text"),
        (sign(2, 8, &[7; 16], &usual), "of kind 0x02"),
        (sign(0, 8, &[7; 16], &usual[..1]), "does not name its key"),
        (sign(0, 8, &[7; 16], &usual[1..]), "when it was made"),
        (sign(0, 2, &[], &usual), "SHA-1 or older"),
        (
            with(&[2, 0x80 | 100, 0]),
            "its critical subpacket 100 is not understood",
        ),
        (
            with(&[2, 0x80 | 20, 0]),
            "its critical subpacket 20 is not understood",
        ),
        (with(usual[0]), "damaged"),
        // Another key is named besides.
        (with(&[9, 16, 1, 2, 3, 4, 5, 6, 7, 8]), "no anchor"),
    ] {
        let refused = refusal(&signature, CONTENT, &trusted);
        assert!(refused.contains(reason), "{reason}: {refused}");
    }
    for harmless in [&[2, 100, 0][..], &[2, 20, 0], &[2, 0x80 | 28, b'x']] {
        assert!(proofs(&with(harmless), CONTENT, &trusted).is_ok());
    }
    // It ran out a second after it was made: that is told, and changes nothing.
    let found = proofs(&with(&[5, 3, 0, 0, 0, 1]), CONTENT, &trusted).unwrap();
    let old: Vec<&str> = found[0]
        .out_of_date(0x6900_0002)
        .map(|dated| &dated.what[..])
        .collect();
    assert_eq!(old, ["signature"]);
}

/// The signatures of the RFC itself are of texts: they are read, and refused for that.
#[test]
fn signed_messages_do_not_count() {
    for label in ["PGP MESSAGE", "PGP SIGNED MESSAGE"] {
        let text = format!("-----BEGIN {label}-----\n\nAAAA\n-----END {label}-----\n");
        assert!(
            refusal(text.as_bytes(), CONTENT, &trust(RFC_KEY)).contains("no detached signature")
        );
    }
}
