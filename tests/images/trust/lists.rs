//! Signature lists made by `sbsiglist` and `efisiglist`.

use pilotlight::trust::efi::SignatureLists;
use pilotlight::trust::{Certificate, Trusted};

use super::keys::Keys;

const OWNER: &str = "77fa9abd-0359-4d32-bd60-28f4e78f784b";

#[test]
fn lists_of_the_tools() {
    let keys = Keys::three();
    keys.0.file("digest", &[5; 32]);
    for (kind, from) in [
        ("x509", "root.der"),
        ("x509", "signer.der"),
        ("sha256", "digest"),
    ] {
        keys.run(&format!(
            "sbsiglist --owner {OWNER} --type {kind} --output {{}}/{from}.list {{}}/{from}"
        ));
    }
    let variable: Vec<u8> = ["root.der.list", "signer.der.list", "digest.list"]
        .iter()
        .flat_map(|name| keys.read(name))
        .collect();
    let lists = SignatureLists::read(&variable).unwrap();
    let names: Vec<String> = lists.certificates.iter().map(Certificate::name).collect();
    assert_eq!(names, ["root", "signer"]);
    assert_eq!(lists.programs[0].bytes(), [5; 32]);
    assert_eq!(lists.unknown, 0);
    let mut trusted = Trusted::default();
    lists.clone().trust("db", &mut trusted);
    assert_eq!((trusted.anchors.len(), trusted.programs.len()), (2, 1));
    lists.revoke(&mut trusted.revoked);
    assert_eq!(
        (
            trusted.revoked.certificates.len(),
            trusted.revoked.programs.len()
        ),
        (2, 1)
    );
}
