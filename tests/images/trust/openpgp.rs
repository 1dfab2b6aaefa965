//! Signatures by `gpg`, compared with what `gpgv` says of them.

use std::fs;

use pilotlight::trust::{
    Anchor, AnchorRule, Authority, Format, Proof, Role, Rules, Signer, Strength, Trusted,
};

use super::keys::Keys;
use super::verdict::{is_proven, no_byte_changes_unseen, proofs, refusal, trust};
use crate::kit::{noise, run, run_with_input, tool};

/// A directory with a home of GnuPG, whose agent ends with it.
struct Gpg(Keys);

impl Drop for Gpg {
    fn drop(&mut self) {
        let home = self.0.path("home");
        let _ = tool("gpgconf")
            .arg("--homedir")
            .arg(home)
            .args(["--kill", "all"])
            .status();
    }
}

/// When keys of the past were made, and when they signed.
const MADE: &str = "20200101T000000";
const SIGNED: &str = "20200102T000000";

impl Gpg {
    fn new() -> Gpg {
        let keys = Keys::new();
        fs::create_dir(keys.path("home")).unwrap();
        run("chmod", ["700", keys.path("home").to_str().unwrap()]);
        Gpg(keys)
    }

    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<String> {
        let home = self.0.path("home");
        let mut all = vec!["--homedir".to_owned(), home.to_str().unwrap().to_owned()];
        all.extend(
            [
                "--batch",
                "--yes",
                "--quiet",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
            ]
            .map(str::to_owned),
        );
        all.extend(words.iter().map(|word| (*word).to_owned()));
        all
    }

    fn run(&self, words: &[&str]) -> String {
        run("gpg", self.words(words))
    }

    /// Makes a key, and returns its fingerprint.
    fn key(&self, name: &str, kind: &str, usage: &str, more: &[&str]) -> String {
        self.run(&[more, &["--quick-gen-key", name, kind, usage, "1y"]].concat());
        self.fingerprints(name).remove(0)
    }

    /// The fingerprints of a key and its subkeys.
    fn fingerprints(&self, name: &str) -> Vec<String> {
        let printed = self.run(&["--with-colons", "--list-keys", name]);
        let lines = printed.lines().filter(|line| line.starts_with("fpr:"));
        lines
            .map(|line| line.split(':').nth(9).unwrap().to_owned())
            .collect()
    }

    fn export(&self, name: &str) -> Vec<u8> {
        let path = self.0.path("exported");
        self.run(&["-o", path.to_str().unwrap(), "--export", name]);
        fs::read(path).unwrap()
    }

    /// Revokes the first subkey of a key, as a person does.
    fn revoke_subkey(&self, key: &str, more: &[&str]) {
        let words = [more, &["--no-tty", "--command-fd", "0", "--edit-key", key]].concat();
        let mut words = self.words(&words);
        words.retain(|word| word != "--batch" && word != "--yes");
        run_with_input("gpg", words, "key 1\nrevkey\ny\n0\n\ny\nsave\n");
    }

    /// A detached signature.
    fn sign(&self, content: &[u8], by: &str, more: &[&str]) -> Vec<u8> {
        let content = self.0.0.file("content", content);
        let path = self.0.path("signature");
        let words = [
            "-u",
            by,
            "-o",
            path.to_str().unwrap(),
            "--detach-sign",
            content.to_str().unwrap(),
        ];
        self.run(&[more, &words].concat());
        fs::read(path).unwrap()
    }

    /// What gpgv says of the signatures, one word for each: `GOODSIG`, `EXPSIG`, `EXPKEYSIG`, `REVKEYSIG`,
    /// `BADSIG` or `ERRSIG`.
    fn gpgv(&self, keyring: &[u8], signature: &[u8], content: &[u8]) -> Vec<String> {
        let keyring = self.0.0.file("keyring.gpg", keyring);
        let signature = self.0.0.file("signature", signature);
        let content = self.0.0.file("content", content);
        let mut command = tool("gpgv");
        command
            .arg("--homedir")
            .arg(self.0.path("home"))
            .args(["--status-fd", "1", "--keyring"]);
        let output = command
            .arg(keyring)
            .arg(signature)
            .arg(content)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let verdicts = printed
            .lines()
            .filter_map(|line| line.strip_prefix("[GNUPG:] ")?.split(' ').next());
        verdicts
            .filter(|word| word.ends_with("SIG") && !["NEWSIG", "VALIDSIG"].contains(word))
            .map(str::to_owned)
            .collect()
    }
}

fn by(proof: &Proof) -> &str {
    match proof.signer() {
        Signer::Key(fingerprint) => fingerprint,
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_kinds_of_keys() {
    let gpg = Gpg::new();
    let content = noise(10_000, 1);
    for kind in ["ed25519", "rsa2048", "nistp256"] {
        let fingerprint = gpg.key(kind, kind, "sign", &[]);
        let key = gpg.export(&fingerprint);
        for digest in ["SHA256", "SHA384", "SHA512"] {
            for armor in ["--armor", "--no-armor"] {
                let signature = gpg.sign(&content, &fingerprint, &["--digest-algo", digest, armor]);
                let found = proofs(&signature, &content, &trust(&key))
                    .unwrap_or_else(|e| panic!("{kind}: {e}"));
                assert_eq!(
                    (found[0].format(), by(&found[0])),
                    (Format::OpenPgp, &fingerprint[..])
                );
                assert_eq!(found[0].digest().to_string().replace('-', ""), digest);
                assert_eq!(found[0].out_of_date(0).count(), 2);
                assert_eq!(gpg.gpgv(&key, &signature, &content), ["GOODSIG"]);
                assert!(!is_proven(&signature, b"other", &trust(&key)));
            }
        }
    }
    // Numbers whose first bits are zeros are shorter.
    let key = gpg.export("ed25519");
    for number in 0..40 {
        let content = noise(10, number);
        let signature = gpg.sign(&content, "ed25519", &[]);
        assert!(is_proven(&signature, &content, &trust(&key)), "{number}");
    }
}

#[test]
fn subkeys_that_sign() {
    let gpg = Gpg::new();
    let primary = gpg.key("one", "ed25519", "cert", &[]);
    gpg.run(&["--quick-add-key", &primary, "rsa2048", "sign"]);
    gpg.run(&["--quick-add-key", &primary, "cv25519", "encr"]);
    gpg.run(&["--quick-add-key", &primary, "nistp256/ecdsa", "auth"]);
    gpg.run(&["--quick-add-key", &primary, "nistp256/ecdsa", "sign"]);
    let fingerprints = gpg.fingerprints("one");
    let key = gpg.export("one");
    for subkey in [&fingerprints[1], &fingerprints[4]] {
        let signature = gpg.sign(b"content", &format!("{subkey}!"), &[]);
        let found = proofs(&signature, b"content", &trust(&key)).unwrap();
        assert_eq!(by(&found[0]), subkey);
        assert_eq!(gpg.gpgv(&key, &signature, b"content"), ["GOODSIG"]);

        // The subkey's own signature, by which it wants to belong to the key, taken away.
        let claim = key
            .windows(3)
            .enumerate()
            .filter(|(_, bytes)| *bytes == [32, 4, 0x19]);
        let places: Vec<usize> = claim.map(|(at, _)| at).collect();
        assert_eq!(places.len(), 2);
        let mut alone = key.clone();
        places.iter().for_each(|at| alone[*at] = 100);
        assert!(Anchor::read("x", &alone).is_err());
        assert_eq!(gpg.gpgv(&alone, &signature, b"content"), ["ERRSIG"]);
    }
    // A key of somebody else, with this subkey put behind it.
    let signature = gpg.sign(b"content", &format!("{}!", fingerprints[4]), &[]);
    let other = gpg.key("two", "ed25519", "sign", &[]);
    // The first subkey, of RSA: the kind of the packet, and its length.
    let first = key.windows(3).position(|bytes| bytes == [0xb9, 1, 0x0d]);
    let subkeys = first.unwrap();
    let adopted = [gpg.export(&other), key[subkeys..].to_vec()].concat();
    let refused = refusal(&signature, b"content", &trust(&adopted));
    assert!(
        refused.contains("no signature of the key says that the subkey is its own"),
        "{refused}"
    );
    assert_eq!(gpg.gpgv(&adopted, &signature, b"content"), ["ERRSIG"]);
}

#[test]
fn dates_are_reported_and_change_nothing() {
    let gpg = Gpg::new();
    let [made, fake] = [MADE, SIGNED].map(|time| ["--faked-system-time", time]);
    let old = gpg.key("old", "ed25519", "sign", &made);
    let signature = gpg.sign(b"content", &old, &fake);
    let key = gpg.export(&old);
    let found = proofs(&signature, b"content", &trust(&key)).unwrap();
    let late: Vec<&str> = found[0]
        .out_of_date(1_700_000_000)
        .map(|dated| &dated.what[..])
        .collect();
    assert_eq!(late, ["key"]);
    // 2020-07-01
    assert_eq!(found[0].out_of_date(1_593_561_600).count(), 0);
    assert_eq!(gpg.gpgv(&key, &signature, b"content"), ["EXPKEYSIG"]);

    gpg.run(&["--quick-set-expire", &old, "0"]);
    let key = gpg.export(&old);
    let more = [&fake[..], &["--default-sig-expire", "10d"]].concat();
    let signature = gpg.sign(b"content", &old, &more);
    let found = proofs(&signature, b"content", &trust(&key)).unwrap();
    let late: Vec<&str> = found[0]
        .out_of_date(1_700_000_000)
        .map(|dated| &dated.what[..])
        .collect();
    assert_eq!(late, ["signature"]);
    assert_eq!(gpg.gpgv(&key, &signature, b"content"), ["EXPSIG"]);
}

/// gpgv calls the signatures of a revoked key good and warns; here they do not count.
#[test]
fn revoked_keys() {
    let gpg = Gpg::new();
    let primary = gpg.key("one", "ed25519", "sign", &[]);
    gpg.run(&["--quick-add-key", &primary, "nistp256/ecdsa", "sign"]);
    let fingerprints = gpg.fingerprints("one");
    let [of_key, of_subkey] =
        [0, 1].map(|at| gpg.sign(b"content", &format!("{}!", fingerprints[at]), &[]));
    for signature in [&of_key, &of_subkey] {
        assert!(is_proven(signature, b"content", &trust(&gpg.export("one"))));
    }

    gpg.revoke_subkey(&primary, &[]);
    let key = gpg.export("one");
    assert!(is_proven(&of_key, b"content", &trust(&key)));
    let refused = refusal(&of_subkey, b"content", &trust(&key));
    assert_eq!(
        refused,
        format!(
            "signature 1: key {}: its key is revoked: install a newer version",
            fingerprints[1]
        )
    );
    assert_eq!(gpg.gpgv(&key, &of_subkey, b"content"), ["REVKEYSIG"]);

    // The revocation that gpg made with the key, with a colon in front so that nobody uses it in error.
    let path = format!("home/openpgp-revocs.d/{primary}.rev");
    let text = String::from_utf8(gpg.0.read(&path))
        .unwrap()
        .replace(":-----", "-----");
    let path = gpg.0.0.file("revocation", text.as_bytes());
    gpg.run(&["--import", path.to_str().unwrap()]);
    let key = gpg.export("one");
    let refused = Anchor::read("x", &key).unwrap_err().to_string();
    assert!(refused.contains("its key is revoked"), "{refused}");
    assert_eq!(gpg.gpgv(&key, &of_key, b"content"), ["REVKEYSIG"]);
    // Beside a key that counts, the file is refused all the same: the owner has to know.
    let two = gpg.key("two", "ed25519", "sign", &[]);
    assert!(Anchor::read("x", &[gpg.export(&two), key].concat()).is_err());
}

/// By SHA-1 nobody proves anything, so a key whose own signatures are by it can't sign. A revocation by it counts.
#[test]
fn keys_by_sha1() {
    let gpg = Gpg::new();
    let weak = ["--cert-digest-algo", "SHA1"];
    let old = gpg.key("old", "ed25519", "sign", &weak);
    let (key, signature) = (gpg.export(&old), gpg.sign(b"content", &old, &[]));
    let refused = Anchor::read("x", &key).unwrap_err().to_string();
    assert!(
        refused.contains("no signature of the key itself"),
        "{refused}"
    );
    assert_eq!(gpg.gpgv(&key, &signature, b"content"), ["GOODSIG"]);

    let new = gpg.key("new", "ed25519", "sign", &[]);
    gpg.run(&["--quick-add-key", &new, "ed25519", "sign"]);
    let subkey = gpg.fingerprints("new").remove(1);
    let signature = gpg.sign(b"content", &format!("{subkey}!"), &[]);
    assert!(is_proven(
        &signature,
        b"content",
        &trust(&gpg.export("new"))
    ));
    gpg.revoke_subkey(&new, &weak);
    let refused = refusal(&signature, b"content", &trust(&gpg.export("new")));
    assert!(refused.contains("its key is revoked"), "{refused}");
}

/// An anchor that no signature could count by is a mistake of the policy.
#[test]
fn weak_anchors_are_errors() {
    let gpg = Gpg::new();
    let weak = gpg.key("weak", "rsa2048", "sign", &[]);
    let rules = Rules {
        rsa_bits: 3072,
        anchors: vec![AnchorRule {
            name: "site".to_owned(),
            file: "site.gpg".to_owned(),
            roles: Role::ALL.to_vec(),
            volume: None,
            entry: None,
        }],
        ..Rules::default()
    };
    let load = |rsa_bits| {
        gpg.0.0.file("anchors/site.gpg", &gpg.export("weak"));
        let rules = Rules {
            rsa_bits,
            ..rules.clone()
        };
        let authority = Authority::load(rules, &gpg.0.path("anchors"), None);
        authority.map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(load(2048), Ok(()));
    assert_eq!(
        load(3072).unwrap_err(),
        "the anchor site.gpg can't be used: its RSA key has 2048 bits, and 3072 are the least that count: make a new key"
    );
    // A subkey that is strong enough signs.
    gpg.run(&["--quick-add-key", &weak, "rsa3072", "sign"]);
    assert_eq!(load(3072), Ok(()));
}

#[test]
fn several_signatures() {
    let gpg = Gpg::new();
    let one = gpg.key("one", "ed25519", "sign", &[]);
    let two = gpg.key("two", "nistp256", "sign", &[]);
    let key = gpg.export("two");
    for armor in ["--armor", "--no-armor"] {
        let both = gpg.sign(b"content", &one, &["-u", &two, armor]);
        let found = proofs(&both, b"content", &trust(&key)).unwrap();
        assert_eq!((found.len(), by(&found[0])), (1, &two[..]));
        let both_keys = trust(&[gpg.export("one"), key.clone()].concat());
        assert_eq!(proofs(&both, b"content", &both_keys).unwrap().len(), 2);
        let joined = [
            gpg.sign(b"content", &one, &[armor]),
            gpg.sign(b"content", &two, &[armor]),
        ]
        .concat();
        assert_eq!(proofs(&joined, b"content", &both_keys).unwrap().len(), 2);
        let verdicts = gpg.gpgv(
            &[gpg.export("one"), key.clone()].concat(),
            &both,
            b"content",
        );
        assert_eq!(verdicts, ["GOODSIG", "GOODSIG"]);
    }
    let many = gpg.sign(b"content", &two, &[]).repeat(17);
    assert!(refusal(&many, b"content", &trust(&key)).contains("too many"));
}

/// Where the verdict is another than gpgv's, the reason stands beside it.
#[test]
fn what_does_not_count() {
    let gpg = Gpg::new();
    let one = gpg.key("one", "ed25519", "sign", &[]);
    let key = gpg.export(&one);
    let trusted = trust(&key);
    for (more, reason, gpgv) in [
        // Line ends of what is booted do matter.
        (&["--textmode"][..], "signature of a text", "GOODSIG"),
        (&["--digest-algo", "SHA1"], "SHA-1", "GOODSIG"),
        // Nobody else signs by it.
        (&["--digest-algo", "SHA224"], "SHA-1 or older", "GOODSIG"),
        (
            &["--sig-notation", "!a@example.org=b"],
            "its critical subpacket 20",
            "BADSIG",
        ),
    ] {
        let signature = gpg.sign(b"content", &one, more);
        let refused = refusal(&signature, b"content", &trusted);
        assert!(refused.contains(reason), "{more:?}: {refused}");
        assert_eq!(gpg.gpgv(&key, &signature, b"content"), [gpgv], "{more:?}");
    }
    let notation = gpg.sign(b"content", &one, &["--sig-notation", "a@example.org=b"]);
    assert!(is_proven(&notation, b"content", &trusted));
    assert_eq!(gpg.gpgv(&key, &notation, b"content"), ["GOODSIG"]);

    let two = gpg.key("two", "ed25519", "sign", &[]);
    let other = gpg.sign(b"content", &two, &[]);
    assert_eq!(
        refusal(&other, b"content", &trusted),
        format!(
            "signature 1: it is by the key {two}, which is no anchor: add the key as an anchor, if you trust it"
        )
    );
    assert_eq!(gpg.gpgv(&key, &other, b"content"), ["ERRSIG"]);
    let bad = gpg.sign(b"content", &one, &[]);
    assert!(refusal(&bad, b"other", &trusted).contains("other bytes"));
    assert_eq!(gpg.gpgv(&key, &bad, b"other"), ["BADSIG"]);

    let content = gpg.0.path("content");
    let path = gpg.0.path("whole");
    for how in ["--clearsign", "--sign"] {
        gpg.run(&["-o", path.to_str().unwrap(), how, content.to_str().unwrap()]);
        refusal(&fs::read(&path).unwrap(), b"content", &trusted);
    }
    let mut strict = trust(&gpg.export(&gpg.key("rsa", "rsa2048", "sign", &[])));
    let signature = gpg.sign(b"content", "rsa", &[]);
    assert!(is_proven(&signature, b"content", &strict));
    strict.strength = Strength {
        rsa_bits: 3072,
        ..Strength::default()
    };
    assert!(refusal(&signature, b"content", &strict).contains("3072 are the least"));
}

/// What of the key says that it may sign has to be by the key.
#[test]
fn keys_that_were_changed() {
    let gpg = Gpg::new();
    let one = gpg.key("one@example.org", "ed25519", "sign", &[]);
    let key = gpg.export(&one);
    let signature = gpg.sign(b"content", &one, &[]);
    // The area that nobody signs holds the number of the key once more: there gpgv looks for it, and nothing here.
    let number = key.windows(2).position(|bytes| bytes == [9, 16]).unwrap();
    let unsigned = number + 1..number + 10;
    for at in 0..key.len() {
        let mut changed = key.clone();
        changed[at] ^= 1;
        let anchors = Anchor::read("x", &changed).unwrap_or_default();
        let trusted = Trusted {
            anchors,
            ..Trusted::default()
        };
        let counts = is_proven(&signature, b"content", &trusted);
        assert_eq!(counts, unsigned.contains(&at), "{at}");
    }
}

/// Every byte, and what gpgv says of those that one may change.
#[test]
fn no_byte_changes() {
    let gpg = Gpg::new();
    for kind in ["ed25519", "nistp256"] {
        let fingerprint = gpg.key(kind, kind, "sign", &[]);
        let key = gpg.export(&fingerprint);
        let trusted = trust(&key);
        let signature = gpg.sign(b"content", &fingerprint, &[]);
        // Packet, version, kind, two algorithms, and the area that is signed; then the other one, which names the
        // key once more.
        let area = 2 + 6 + usize::from(signature[7]);
        let length = usize::from(signature[area + 1]);
        assert_eq!(signature[area + 3], 16);
        let open = area + 3..area + 2 + length;
        no_byte_changes_unseen(&signature, b"content", &trusted, |at| open.contains(&at));
        for at in (0..signature.len()).step_by(5) {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            let ours = is_proven(&changed, b"content", &trusted);
            let theirs = gpg.gpgv(&key, &changed, b"content") == ["GOODSIG"];
            assert!(theirs || !ours || open.contains(&at), "{at}");
        }
    }
    // In armor, its headers and its checksum are nobody's; nor is a line end at the end.
    let signature = gpg.sign(
        b"content",
        "ed25519",
        &["--armor", "--comment", "a comment"],
    );
    let text = String::from_utf8(signature.clone()).unwrap();
    let comment = text.find("Comment").unwrap();
    let body = text.find("\n\n").unwrap();
    let checksum = text.rfind("\n=").unwrap();
    let end = text.find("\n-----END").unwrap();
    let bytes = text[body + 2..checksum].replace('\n', "");
    assert!(bytes.len() > 100);
    let unsigned = gpg.sign(b"content", "ed25519", &[]);
    let area = 2 + 6 + usize::from(unsigned[7]);
    // The unsigned area in base64, whose lines have 64 digits and an end.
    let place = |byte: usize| body + 2 + byte * 4 / 3 + byte * 4 / 3 / 64;
    let open = place(area)..place(area + 12) + 2;
    no_byte_changes_unseen(
        &signature,
        b"content",
        &trust(&gpg.export("ed25519")),
        |at| {
            (comment..body).contains(&at)
                || (checksum..end).contains(&at)
                || open.contains(&at)
                || at + 1 == text.len()
        },
    );
}
