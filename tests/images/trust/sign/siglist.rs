//! Lists for UEFI variables.

use pilotlight::trust::efi::SignatureLists;

use super::sign;
use crate::trust::authenticode::small;
use crate::trust::keys::Keys;

const OWNER: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

#[test]
fn they_are_those_of_sbsiglist() {
    let keys = Keys::three();
    keys.0.file("program", &small("pinned"));
    sign(
        keys.0.path(),
        &format!("siglist --owner {OWNER} -o {{}}/ours {{}}/signer.pem {{}}/root.der {{}}/program"),
    );
    let lists = SignatureLists::read(&keys.read("ours")).unwrap();
    assert_eq!(
        (
            lists.certificates.len(),
            lists.programs.len(),
            lists.unknown
        ),
        (2, 1, 0)
    );
    let mut theirs = Vec::new();
    keys.0.file("digest", lists.programs[0].bytes());
    for (kind, file) in [
        ("x509", "signer.der"),
        ("x509", "root.der"),
        ("sha256", "digest"),
    ] {
        keys.run(&format!(
            "sbsiglist --owner {OWNER} --type {kind} --output {{}}/theirs {{}}/{file}"
        ));
        theirs.extend(keys.read("theirs"));
    }
    assert_eq!(keys.read("ours"), theirs);
}
