//! Programs as Debian ships them: signed by it, by somebody for it, or not at all. Of each the tools say the same.

use std::fs;

use super::authenticode::{netboot, read_in, verdict};
use super::keys::{Keys, find_certificate};
use crate::kit::tool;

/// The program that writes firmware, of the package `fwupd-amd64-signed`.
const FWUPD: &str = "/usr/libexec/fwupd/efi/fwupdx64.efi.signed";

/// The boot loader of systemd, which bookworm does not sign.
const SYSTEMD: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";

fn installed(path: &str, package: &str) -> Vec<u8> {
    fs::read(path)
        .unwrap_or_else(|error| panic!("{path}: {error}: install the Debian package `{package}`"))
}

/// What each is signed by, in the order of the certificates in [`anchors`].
fn programs() -> [(&'static str, Vec<u8>, [bool; 3]); 5] {
    let systemd = installed(SYSTEMD, "systemd-boot-efi");
    let fwupd = installed(FWUPD, "fwupd-amd64-signed");
    [
        ("Linux", netboot("linux"), [true, false, false]),
        ("shim", netboot("bootnetx64.efi"), [false, true, false]),
        ("GRUB", netboot("grubx64.efi"), [true, false, false]),
        ("fwupd", fwupd, [true, false, false]),
        ("systemd-boot", systemd, [false, false, false]),
    ]
}

/// Debian's certificate is in shim, that of the authority that signs shim in its signature; the third has signed none.
fn anchors(keys: &Keys) -> [&'static str; 3] {
    let shim = netboot("bootnetx64.efi");
    keys.0.file(
        "debian.der",
        &find_certificate(&shim, b"Debian Secure Boot CA"),
    );
    keys.run("openssl x509 -inform DER -in {}/debian.der -out {}/debian.pem");
    keys.0.file("shim", &shim);
    keys.run("sbattach --detach {}/signature {}/shim");
    let listed = keys.run("openssl pkcs7 -inform DER -in {}/signature -print_certs");
    let issuer = listed.split("subject=").nth(2).unwrap();
    keys.0.file("authority.pem", issuer.as_bytes());
    keys.run("openssl x509 -in {}/authority.pem -outform DER -out {}/authority.der");
    ["debian", "authority", "signer"]
}

fn does_sbverify_accept(keys: &Keys, program: &[u8], anchor: &str) -> bool {
    keys.0.file("program", program);
    let output = tool("sbverify")
        .arg("--cert")
        .arg(keys.path(&format!("{anchor}.pem")))
        .arg(keys.path("program"))
        .output();
    output.unwrap().status.success()
}

/// It checks each signature by itself; the time stamps beside some of them are not asked for.
fn does_osslsigncode_accept(keys: &Keys, anchor: &str) -> bool {
    let output = tool("osslsigncode")
        .args(["verify", "-ignore-timestamp", "-CAfile"])
        .arg(keys.path(&format!("{anchor}.pem")))
        .arg("-in")
        .arg(keys.path("program"))
        .output();
    let said = String::from_utf8_lossy(&output.unwrap().stdout).into_owned();
    said.contains("Signature verification: ok")
}

#[test]
fn programs_of_debian_are_judged_as_by_the_tools() {
    let keys = Keys::three();
    let anchors = anchors(&keys);
    for (name, program, expected) in programs() {
        for (anchor, expected) in anchors.into_iter().zip(expected) {
            let ours = !verdict(&program, &keys.trust(&[anchor])).proofs.is_empty();
            let theirs = does_sbverify_accept(&keys, &program, anchor);
            let others = does_osslsigncode_accept(&keys, anchor);
            assert_eq!(ours, expected, "{name} by {anchor}");
            // sbverify trusts an issuer that came with the signature, whomever it is asked for, and shim has them with
            // it; osslsigncode asks for dates, which end after months for those who sign shim.
            if name != "shim" {
                assert_eq!(
                    [theirs, others],
                    [ours; 2],
                    "{name} by {anchor}: sbverify, osslsigncode"
                );
            } else {
                assert!(theirs && (expected || !others), "{name} by {anchor}");
            }
        }
    }
}

/// Bytes in all parts of each: headers, sections, and the signatures themselves.
#[test]
fn changed_programs_of_debian_are_refused_as_by_the_tools() {
    const PLACES: usize = 24;
    let keys = Keys::three();
    let anchors = anchors(&keys);
    for (name, program, expected) in programs() {
        let signers = anchors.into_iter().zip(expected);
        for (anchor, _) in signers.filter(|(_, is_signer)| *is_signer) {
            let trusted = keys.trust(&[anchor]);
            for place in 1..PLACES {
                let at = program.len() * place / PLACES;
                let mut changed = program.clone();
                changed[at] ^= 1;
                let ours = read_in(&changed, 1 << 20)
                    .is_ok_and(|program| !program.verify(&trusted).proofs.is_empty());
                let theirs = does_sbverify_accept(&keys, &changed, anchor);
                assert_eq!([ours, theirs], [false; 2], "{name}, byte {at}");
            }
        }
    }
}
