//! Keys and certificates by `openssl`, made anew for each test.

use std::fs;
use std::path::Path;

use pilotlight::trust::{Anchor, Trusted};

use crate::kit::{TempDir, run_line, temp_dir};

/// What `openssl` reads: one section for each kind of certificate.
const KINDS: &str = "\
[req]\ndistinguished_name = name\n[name]\n\
[issuer]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = hash\n\
[last_issuer]\nbasicConstraints = critical, CA:TRUE, pathlen:0\nsubjectKeyIdentifier = hash\n\
[lazy_issuer]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, digitalSignature\n\
[signer]\nbasicConstraints = CA:FALSE\nkeyUsage = digitalSignature\nextendedKeyUsage = codeSigning\n\
subjectKeyIdentifier = hash\n\
[plain]\nbasicConstraints = CA:FALSE\n\
[server]\nextendedKeyUsage = serverAuth\n\
[agreement]\nkeyUsage = critical, keyAgreement\n\
[modules]\nextendedKeyUsage = codeSigning, 1.3.6.1.4.1.2312.16.1.2\n\
[netscape]\nbasicConstraints = critical, CA:TRUE\nnsCertType = critical, objsign, objCA\n\
[netscape_server]\nnsCertType = critical, server\n\
[critical]\n1.2.3.4 = critical, ASN1:NULL\n\
[constrained]\nbasicConstraints = critical, CA:TRUE\nnameConstraints = critical, permitted;DNS:example.org\n";

/// A directory of keys. A certificate `NAME` is `NAME.key`, `NAME.pem` and `NAME.der`.
pub struct Keys(pub TempDir);

impl Keys {
    pub fn new() -> Keys {
        let directory = temp_dir();
        directory.file("kinds", KINDS.as_bytes());
        Keys(directory)
    }

    /// A certificate of a section of [`KINDS`], issued by `issuer`, or by itself. `key` is what `openssl req
    /// -newkey` takes.
    pub fn issue(&self, name: &str, key: &str, kind: &str, issuer: &str, more: &str) {
        let issued = match issuer == name {
            true => String::new(),
            false => format!("-CA {{}}/{issuer}.pem -CAkey {{}}/{issuer}.key"),
        };
        self.run(&format!(
            "openssl req -x509 -newkey {key} -nodes -batch -config {{}}/kinds -subj /CN={name} -days 2 -extensions {kind} \
             -keyout {{}}/{name}.key -out {{}}/{name}.pem {issued} {more}"
        ));
        self.run(&format!(
            "openssl x509 -in {{}}/{name}.pem -outform DER -out {{}}/{name}.der"
        ));
    }

    /// A root, an issuer below it, and a signer below that.
    pub fn three() -> Keys {
        let keys = Keys::new();
        keys.issue("root", "rsa:2048", "issuer", "root", "");
        keys.issue("middle", "rsa:2048", "last_issuer", "root", "");
        keys.issue("signer", "rsa:2048", "signer", "middle", "");
        keys
    }

    /// Runs a line in which `{}` is the directory.
    pub fn run(&self, line: &str) -> String {
        run_line(line, self.0.path())
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        let directory: &Path = self.0.path();
        directory.join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Trust in these certificates.
    pub fn trust(&self, names: &[&str]) -> Trusted {
        let anchors = names.iter();
        let anchors =
            anchors.map(|name| Anchor::certificate(name, &self.read(&format!("{name}.der"))));
        Trusted {
            anchors: anchors
                .map(|anchor| anchor.unwrap_or_else(|e| panic!("{e}")))
                .collect(),
            ..Trusted::default()
        }
    }
}

/// The certificate in some bytes that is the first to have this name.
pub fn find_certificate(bytes: &[u8], name: &[u8]) -> Vec<u8> {
    let at = bytes.windows(name.len()).position(|found| found == name);
    let at = at.expect("a certificate with this name");
    let certificate = (at - 200..at).find_map(|start| {
        let length = match bytes[start..start + 4] {
            [0x30, 0x82, high, low] => usize::from(u16::from_be_bytes([high, low])) + 4,
            _ => return None,
        };
        let der = bytes.get(start..start + length)?;
        let is_one = Anchor::certificate("found", der).is_ok();
        is_one.then(|| der.to_vec())
    });
    certificate.expect("a certificate around its name")
}
