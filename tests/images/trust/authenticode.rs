//! Signed EFI programs.

use std::fs;
use std::path::Path;

use pilotlight::trust::authenticode::{Program, Reader, Verdict};
use pilotlight::trust::{Algorithm, Anchor, Certificate, Proof, Strength, Trusted};

use super::keys::Keys;
use crate::kit::{noise, tool};

/// systemd's stub, which pesign takes; those of a few sections are too small for it.
const STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

pub fn stub() -> Vec<u8> {
    fs::read(STUB).unwrap_or_else(|error| {
        panic!("{STUB}: {error}: install the Debian package `systemd-boot-efi`")
    })
}

/// Where Debian's installer has programs that are signed.
pub const NETBOOT: &str = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64";

/// One of them.
pub fn netboot(name: &str) -> Vec<u8> {
    let path = format!("{NETBOOT}/{name}");
    fs::read(&path).unwrap_or_else(|error| {
        panic!("{path}: {error}: install the Debian package `debian-installer-12-netboot-amd64`")
    })
}

/// Small programs that tools sign.
pub fn small(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus/pe")
        .join(name);
    fs::read(path).unwrap()
}

/// Reads a program in pieces of this many bytes.
pub fn read_in(file: &[u8], piece: usize) -> Result<Program, String> {
    let all = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
    let mut reader = Reader::new(file.len() as u64, &all);
    for bytes in file.chunks(piece) {
        reader.update(bytes).map_err(|error| error.to_string())?;
    }
    reader.finish().map_err(|error| error.to_string())
}

pub fn verdict(file: &[u8], trusted: &Trusted) -> Verdict {
    read_in(file, 4096).unwrap().verify(trusted)
}

pub fn chain(verdict: &Verdict) -> Vec<String> {
    let proof = verdict.proofs.first();
    let chain = proof.and_then(|proof| proof.chain()).expect("a chain");
    chain.certificates().iter().map(Certificate::name).collect()
}

/// Why nothing counts.
fn refusal(verdict: &Verdict) -> String {
    assert!(verdict.proofs.is_empty(), "{:?}", verdict.proofs);
    let texts: Vec<String> = verdict.refusals.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

pub fn sbsign(keys: &Keys, program: &[u8], by: &str, more: &str) -> Vec<u8> {
    keys.0.file("program", program);
    keys.run(&format!(
        "sbsign --key {{}}/{by}.key --cert {{}}/{by}.pem {more} --output {{}}/signed {{}}/program"
    ));
    keys.read("signed")
}

fn osslsigncode(keys: &Keys, program: &[u8], by: &str, more: &str) -> Vec<u8> {
    keys.0.file("program", program);
    let _ = fs::remove_file(keys.path("signed"));
    keys.run(&format!(
        "osslsigncode sign -key {{}}/{by}.key -certs {{}}/{by}.pem {more} -in {{}}/program -out {{}}/signed"
    ));
    keys.read("signed")
}

/// A program with bytes behind its sections, of any length.
fn with_tail(length: usize) -> Vec<u8> {
    [small("profiles"), noise(length, 1)].concat()
}

#[test]
fn digests_are_those_of_the_tools() {
    let keys = Keys::three();
    for program in [
        small("pinned"),
        small("ia32"),
        with_tail(13),
        with_tail(70_000),
    ] {
        let signed = osslsigncode(&keys, &program, "signer", "-h sha256");
        let digest = read_in(&signed, 4096).unwrap().digests()[0].to_string();
        let printed = tool("osslsigncode")
            .arg("verify")
            .arg(keys.path("signed"))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&printed.stdout).to_lowercase();
        assert!(
            printed.contains(&format!("calculated message digest : {digest}")),
            "{digest}: {printed}"
        );
        // However it is cut into pieces.
        for piece in [1, 7, 512, 65_536, 1 << 20] {
            assert_eq!(
                read_in(&signed, piece).unwrap().digests()[0].to_string(),
                digest,
                "{piece}"
            );
        }
    }
}

#[test]
fn pesign_has_the_same_digest() {
    let keys = Keys::three();
    let signed = sbsign(&keys, &stub(), "signer", "");
    let printed = keys.run("pesign -h -d sha256 -i {}/signed");
    let digest = read_in(&signed, 4096).unwrap().digests()[0].to_string();
    assert!(printed.contains(&digest), "{digest}: {printed}");

    for line in [
        "certutil -N -d {} --empty-password",
        "openssl pkcs12 -export -inkey {}/signer.key -in {}/signer.pem -name signer -passout pass:x -out {}/p12",
        "pk12util -i {}/p12 -d {} -W x",
        "pesign -n {} -c signer -s -d sha256 -i {}/program -o {}/by-pesign",
    ] {
        keys.run(line);
    }
    let signed = keys.read("by-pesign");
    let signers = chain(&verdict(&signed, &keys.trust(&["middle"])));
    assert_eq!(signers, ["signer", "middle"]);
}

#[test]
fn signers_lead_to_anchors() {
    let keys = Keys::three();
    let program = small("pinned");
    let alone = sbsign(&keys, &program, "signer", "");
    let whole = sbsign(&keys, &program, "signer", "--addcert {}/middle.pem");
    keys.run("sbverify --cert {}/middle.pem {}/signed");
    for (signed, anchors, expected) in [
        (&alone, &["signer"][..], &["signer"][..]),
        (&alone, &["middle"], &["signer", "middle"]),
        (&whole, &["root"], &["signer", "middle", "root"]),
        (&whole, &["root", "middle"], &["signer", "middle"]),
    ] {
        assert_eq!(
            chain(&verdict(signed, &keys.trust(anchors))),
            expected,
            "{anchors:?}"
        );
    }
    let refused = refusal(&verdict(&alone, &keys.trust(&["root"])));
    assert_eq!(
        refused,
        "signature 1: certificate \"signer\": it was issued by \"middle\", and no anchor says so: add the \
         certificate of one of the two as an anchor, if you trust it"
    );
    assert!(refusal(&verdict(&alone, &Trusted::default())).contains("no anchor"));
    assert_eq!(
        refusal(&verdict(&program, &keys.trust(&["root"]))),
        "it is not signed: sign it, or list its digest"
    );
    // Another root of the same name.
    let others = Keys::three();
    assert!(refusal(&verdict(&whole, &others.trust(&["root"]))).contains("the signature is wrong"));
    assert!(
        refusal(&verdict(&alone, &others.trust(&["middle"]))).contains("the signature is wrong")
    );
}

#[test]
fn anchors_may_be_keys() {
    let keys = Keys::three();
    let signed = sbsign(&keys, &small("pinned"), "signer", "");
    for name in ["signer", "middle", "root"] {
        keys.run(&format!(
            "openssl pkey -in {{}}/{name}.key -pubout -outform DER -out {{}}/public"
        ));
        let trusted = Trusted {
            anchors: vec![Anchor::key(name, &keys.read("public")).unwrap()],
            ..Trusted::default()
        };
        let verdict = verdict(&signed, &trusted);
        let anchor = verdict.proofs.first().map(Proof::anchor);
        assert_eq!(anchor, (name != "root").then_some(name));
    }
}

#[test]
fn several_signatures_of_several_tools() {
    let keys = Keys::three();
    keys.issue("other", "rsa:3072", "signer", "other", "");
    let once = sbsign(&keys, &with_tail(5), "signer", "");
    let twice = sbsign(&keys, &once, "other", "");
    assert_eq!(
        verdict(&twice, &keys.trust(&["signer", "other"]))
            .proofs
            .len(),
        2
    );
    for (anchor, refused) in [("signer", "signature 2: "), ("other", "signature 1: ")] {
        let verdict = verdict(&twice, &keys.trust(&[anchor]));
        assert_eq!((verdict.proofs.len(), verdict.refusals.len()), (1, 1));
        assert!(verdict.refusals[0].to_string().starts_with(refused));
    }
}

/// osslsigncode puts further signatures into the first one, and checks all of them.
#[test]
fn signatures_in_signatures() {
    let keys = Keys::new();
    for name in ["first", "other", "third"] {
        keys.issue(name, "rsa:2048", "signer", name, "");
    }
    let once = osslsigncode(&keys, &with_tail(5), "first", "-h sha256");
    let twice = osslsigncode(&keys, &once, "other", "-nest -h sha384");
    let signed = osslsigncode(&keys, &twice, "third", "-nest -h sha256");
    let count = |file: &[u8]| read_in(file, 4096).unwrap().signatures().unwrap().len();
    assert_eq!([&once, &twice, &signed].map(|file| count(file)), [1, 2, 3]);
    // What sbsign adds stands beside all that.
    assert_eq!(count(&sbsign(&keys, &signed, "other", "")), 4);

    keys.0.file("nested", &signed);
    for anchor in ["first", "other", "third"] {
        let verdict = verdict(&signed, &keys.trust(&[anchor]));
        assert_eq!(chain(&verdict), [anchor]);
        let refused: Vec<Option<usize>> = verdict.refusals.iter().map(|r| r.signature).collect();
        let number = (1..=3)
            .find(|number| !refused.contains(&Some(*number)))
            .unwrap();
        assert_eq!((refused.len(), number == 1), (2, anchor == "first"));
        let output = tool("osslsigncode")
            .args(["verify", "-CAfile"])
            .arg(keys.path(&format!("{anchor}.pem")))
            .arg("-in")
            .arg(keys.path("nested"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let sections: Vec<&str> = said.split("Signature Index: ").skip(1).collect();
        assert_eq!(sections.len(), 3, "{said}");
        for (index, section) in sections.iter().enumerate() {
            let is_ok = section.contains("Signature verification: ok");
            assert_eq!(is_ok, index + 1 == number, "{anchor}, {index}: {section}");
        }
    }
    assert_eq!(
        verdict(&signed, &keys.trust(&["first", "other", "third"]))
            .proofs
            .len(),
        3
    );

    // The program, and each signature by itself.
    let mut changed = signed.clone();
    changed[0x410] ^= 1;
    let verdict_of = |file: &[u8]| verdict(file, &keys.trust(&["first", "other", "third"]));
    let refused = refusal(&verdict_of(&changed));
    assert_eq!(
        refused.matches("it is for other bytes").count(),
        3,
        "{refused}"
    );
    let entries = read_in(&signed, 4096).unwrap().signatures().unwrap();
    let nested = entries[1].as_ref().unwrap();
    let at = signed
        .windows(nested.len())
        .position(|bytes| bytes == nested)
        .unwrap();
    let mut changed = signed.clone();
    changed[at + nested.len() - 1] ^= 1;
    let verdict = verdict_of(&changed);
    assert_eq!(verdict.proofs.len(), 2);
    assert!(verdict.refusals[0].to_string().starts_with("signature 2: "));
}

/// A file of signatures in each other, or of very many, comes to an end.
#[test]
fn signatures_in_signatures_are_bounded() {
    let keys = Keys::three();
    let mut signed = osslsigncode(&keys, &small("pinned"), "signer", "-h sha256");
    for _ in 0..16 {
        signed = osslsigncode(&keys, &signed, "signer", "-nest -h sha256");
    }
    assert!(refusal(&verdict(&signed, &keys.trust(&["signer"]))).contains("too many signatures"));
}

#[test]
fn digests_and_keys_of_other_kinds() {
    let keys = Keys::three();
    keys.issue("large", "rsa:4096", "plain", "large", "");
    keys.issue(
        "curve",
        "ec -pkeyopt ec_paramgen_curve:P-256",
        "signer",
        "root",
        "",
    );
    for (by, digest) in [
        ("large", "sha512"),
        ("signer", "sha384"),
        ("curve", "sha256"),
    ] {
        let signed = osslsigncode(&keys, &with_tail(100), by, &format!("-h {digest}"));
        assert_eq!(chain(&verdict(&signed, &keys.trust(&[by]))), [by]);
    }
    let signed = osslsigncode(&keys, &small("pinned"), "signer", "-h sha384");
    let mut reader = Reader::new(signed.len() as u64, &[]);
    reader.update(&signed).unwrap();
    let refused = refusal(&reader.finish().unwrap().verify(&keys.trust(&["signer"])));
    assert_eq!(
        refused,
        "signature 1: it is by SHA-384, which the policy does not count"
    );
    let signed = osslsigncode(&keys, &small("pinned"), "signer", "-h sha1");
    let refused = refusal(&verdict(&signed, &keys.trust(&["signer"])));
    assert_eq!(
        refused,
        "signature 1: it is by SHA-1 or older: sign it again with SHA-256"
    );
}

#[test]
fn a_policy_may_ask_for_more() {
    let keys = Keys::three();
    let program = read_in(&sbsign(&keys, &small("pinned"), "signer", ""), 4096).unwrap();
    let mut trusted = keys.trust(&["signer"]);
    for (rsa_bits, digest, reason) in [
        (2048, Algorithm::Sha256, None),
        (1024, Algorithm::Sha256, None),
        (
            3072,
            Algorithm::Sha256,
            Some("2048 bits, and 3072 are the least"),
        ),
        (
            2048,
            Algorithm::Sha384,
            Some("it is by SHA-256, which the policy does not count"),
        ),
    ] {
        trusted.strength = Strength { rsa_bits, digest };
        let verdict = program.verify(&trusted);
        match reason {
            None => assert_eq!(verdict.proofs.len(), 1),
            Some(reason) => assert!(refusal(&verdict).contains(reason), "{reason}"),
        }
    }
}

#[test]
fn certificates_that_must_not_sign() {
    let keys = Keys::three();
    let wrong = |name: &str, kind: &str, more: &str| {
        keys.issue(name, "rsa:2048", kind, "root", more);
        let signed = sbsign(&keys, &small("pinned"), name, "");
        refusal(&verdict(&signed, &keys.trust(&["root"])))
    };
    for (kind, reason) in [
        ("server", "its extended key usage is not to sign code"),
        ("agreement", "its key usage is not to sign"),
        ("modules", "it is for kernel modules and nothing else"),
        ("netscape_server", "its Netscape type is not to sign code"),
        (
            "critical",
            "its critical extension 1.2.3.4 is not understood",
        ),
    ] {
        let refused = wrong(kind, kind, "");
        assert!(
            refused.starts_with(&format!("signature 1: certificate \"{kind}\": {reason}")),
            "{refused}"
        );
    }
    assert!(wrong("old", "signer", "-sha1").contains("SHA-1"));
    // Issuers that must not issue.
    for (name, kind, above, reason) in [
        ("leaf", "signer", "root", "it may not issue certificates"),
        (
            "lazy",
            "lazy_issuer",
            "root",
            "its key usage is not to sign certificates",
        ),
        (
            "constrained",
            "constrained",
            "root",
            "its critical extension 2.5.29.30 is not understood",
        ),
        (
            "deep",
            "issuer",
            "middle",
            "there are more issuers below it than it allows",
        ),
    ] {
        keys.issue(name, "rsa:2048", kind, above, "");
        keys.issue("below", "rsa:2048", "signer", name, "");
        fs::write(
            keys.path("both"),
            [keys.read(&format!("{name}.pem")), keys.read("middle.pem")].concat(),
        )
        .unwrap();
        let signed = osslsigncode(&keys, &small("pinned"), "below", "-h sha256 -ac {}/both");
        let refused = refusal(&verdict(&signed, &keys.trust(&["root"])));
        assert!(refused.contains(reason), "{name}: {refused}");
        // The same certificate is trusted when it is the anchor, but to sign, not to issue.
        let as_anchor = verdict(&signed, &keys.trust(&[name]));
        assert_eq!(as_anchor.proofs.is_empty(), name != "deep", "{name}");
    }
    keys.issue("short", "rsa:1024", "signer", "root", "");
    let signed = sbsign(&keys, &small("pinned"), "short", "");
    let refused = refusal(&verdict(&signed, &keys.trust(&["root"])));
    assert!(refused.contains("its RSA key has 1024 bits"), "{refused}");
}

/// As Debian's issuer: a critical extension of Netscape's, which says the same once more.
#[test]
fn netscape_types_are_understood() {
    let keys = Keys::three();
    keys.issue("netscape", "rsa:2048", "netscape", "root", "");
    keys.issue("below", "rsa:2048", "signer", "netscape", "");
    let signed = sbsign(&keys, &small("pinned"), "below", "");
    let signers = chain(&verdict(&signed, &keys.trust(&["netscape"])));
    assert_eq!(signers, ["below", "netscape"]);
}

#[test]
fn dates_are_reported_and_change_nothing() {
    let keys = Keys::three();
    let signed = sbsign(&keys, &small("pinned"), "signer", "");
    let verdict = verdict(&signed, &keys.trust(&["middle"]));
    let proof = &verdict.proofs[0];
    let names: Vec<&str> = proof.out_of_date(0).map(|dated| &dated.what[..]).collect();
    assert_eq!(names, ["signer", "middle"]);
    let valid = proof.chain().unwrap().certificates()[0].validity;
    assert_eq!(valid.not_after - valid.not_before, 2 * 86_400);
    assert_eq!(proof.out_of_date(valid.not_before + 60).count(), 0);
}

#[test]
fn revoked_programs_and_certificates() {
    let keys = Keys::three();
    let signed = sbsign(&keys, &small("pinned"), "signer", "--addcert {}/middle.pem");
    let good = keys.trust(&["root"]);
    let program = read_in(&signed, 4096).unwrap();
    assert_eq!(program.verify(&good).proofs.len(), 1);
    let certificate = |name: &str| Certificate::read(&keys.read(&format!("{name}.der"))).unwrap();

    let mut trusted = good.clone();
    trusted.revoked.programs.push(program.digests()[0].clone());
    trusted.programs.push(program.digests()[0].clone());
    assert_eq!(
        refusal(&program.verify(&trusted)),
        "this program is revoked: install a newer version"
    );
    for name in ["signer", "middle", "root"] {
        let mut trusted = good.clone();
        trusted.revoked.certificates.push(certificate(name));
        assert!(
            refusal(&program.verify(&trusted)).contains("revoked"),
            "{name}"
        );
        let mut trusted = good.clone();
        let digest = certificate(name).tbs_digest(Algorithm::Sha256);
        trusted.revoked.certificate_digests.push(digest);
        assert!(
            refusal(&program.verify(&trusted)).contains("revoked"),
            "{name}"
        );
    }
    // What a revoked certificate issued is no way round it.
    let mut trusted = keys.trust(&["signer"]);
    trusted.revoked.certificates.push(certificate("middle"));
    assert!(refusal(&program.verify(&trusted)).contains("what issued it is revoked"));

    let listed = Trusted {
        programs: vec![program.digests()[0].clone()],
        ..Trusted::default()
    };
    assert!(program.verify(&listed).proofs[0].chain().is_none());
}

/// Every byte changed once, in three ways. Only these may change without a refusal, since nobody signs them:
/// the checksum; the length of the entry in the table, which may count the zeros that fill it up; and what
/// [`unsigned_bytes`] names.
#[test]
fn no_byte_changes_unseen() {
    let keys = Keys::three();
    let signed = sbsign(&keys, &small("ia32"), "signer", "");
    let trusted = keys.trust(&["middle"]);
    assert_eq!(verdict(&signed, &trusted).proofs.len(), 1);
    let optional = u32::from_le_bytes(signed[0x3c..0x40].try_into().unwrap()) as usize + 24;
    let checksum = optional + 64..optional + 68;
    let table = small("ia32").len();
    let unsigned = unsigned_bytes(&signed);
    let mut passed = Vec::new();
    for at in 0..signed.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = signed.clone();
            changed[at] ^= change;
            let is_accepted = read_in(&changed, 4096)
                .is_ok_and(|program| !program.verify(&trusted).proofs.is_empty());
            let is_named = checksum.contains(&at) || unsigned.contains(&at) || at == table;
            if is_accepted && !is_named {
                passed.push((at, change));
            }
            assert!(
                is_accepted || !checksum.contains(&at),
                "the checksum is covered"
            );
        }
    }
    assert_eq!(passed, []);
    // Nothing behind it, nothing missing.
    assert!(read_in(&[&signed[..], &[0]].concat(), 4096).is_err());
    assert!(read_in(&signed[..signed.len() - 8], 4096).is_err());
}

/// The bytes of a signature that nobody signs and that change nothing: the version of the structure, and
/// the set of digest algorithms in front, which each signer says again.
fn unsigned_bytes(signed: &[u8]) -> std::ops::Range<usize> {
    const SIGNED_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    let found = signed
        .windows(11)
        .position(|bytes| bytes == SIGNED_DATA)
        .unwrap();
    // Behind it: [0], SEQUENCE, each with two bytes of length; then the version, and the set.
    let version = found + 11 + 4 + 4;
    assert_eq!(signed[version..version + 2], [2, 1]);
    let set = version + 3;
    assert_eq!(signed[set], 0x31);
    version + 2..set + 2 + usize::from(signed[set + 1])
}
