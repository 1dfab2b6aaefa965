//! Files of anchors, in every form that people have certificates and keys in.

use super::anchor::{Anchor, Kind};
use super::armor::{self, Block};
use super::error::Problem;
use super::{minisign, openpgp, ssh};

/// The longest file, in bytes. The keyring of a distribution has some 60 KB.
const MAX_LENGTH: usize = 1024 * 1024;

impl Anchor {
    /// Reads a file of anchors, which all get this name. What it is follows from its bytes:
    ///
    /// - PEM with certificates and public keys, any number of each; and one of them in DER;
    /// - OpenPGP public keys, in armor or not (`gpg --export`);
    /// - a public key of minisign;
    /// - public keys of OpenSSH, or its `allowed_signers`.
    ///
    /// # Errors
    /// [`Problem`]: of the first one in it that could never prove anything, so that nobody waits for it in vain.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Vec<Anchor>, Problem> {
        if bytes.len() > MAX_LENGTH {
            return Err(Problem::TooMany("bytes"));
        }
        let named = |kind: Kind| Anchor {
            name: name.to_owned(),
            kind,
        };
        if armor::is_armored(bytes) {
            let mut anchors = Vec::new();
            for block in armor::blocks(bytes)? {
                anchors.extend(Anchor::block(name, &block)?);
            }
            return Ok(anchors);
        }
        match bytes {
            [0x30, ..] => Ok(vec![Anchor::der(name, bytes)?]),
            [0x80..=0xff, ..] => Anchor::openpgp(name, bytes),
            _ if bytes.starts_with(minisign::UNTRUSTED) || bytes.starts_with(b"RW") => {
                Ok(vec![named(Kind::Minisign(minisign::key(bytes)?))])
            }
            _ if ssh::is_keys(bytes) => {
                let keys = ssh::keys(bytes)?.into_iter();
                Ok(keys.map(|key| named(Kind::Ssh(key))).collect())
            }
            _ => {
                let what = "neither a certificate nor a public key in PEM or DER, of OpenPGP, minisign or OpenSSH";
                Err(Problem::Kind(what.to_owned()))
            }
        }
    }

    fn block(name: &str, Block { label, bytes }: &Block) -> Result<Vec<Anchor>, Problem> {
        match label.as_str() {
            "CERTIFICATE" => Ok(vec![Anchor::certificate(name, bytes)?]),
            "PUBLIC KEY" => Ok(vec![Anchor::key(name, bytes)?]),
            "PGP PUBLIC KEY BLOCK" => Anchor::openpgp(name, bytes),
            _ if label.contains("PRIVATE KEY") => {
                let what = "a private key, in whose place its public key belongs";
                Err(Problem::Kind(what.to_owned()))
            }
            _ => Err(Problem::Kind(format!(
                "a block \"{label}\", and no certificate or public key"
            ))),
        }
    }

    /// A certificate or a key in DER: a key begins with its algorithm, which is an object identifier, a
    /// certificate with its version or its serial number.
    fn der(name: &str, bytes: &[u8]) -> Result<Anchor, Problem> {
        match super::key::PublicKey::is_one(bytes) {
            true => Anchor::key(name, bytes),
            false => Anchor::certificate(name, bytes),
        }
    }

    fn openpgp(name: &str, bytes: &[u8]) -> Result<Vec<Anchor>, Problem> {
        let certificates = openpgp::certificates(bytes)?;
        if certificates.is_empty() {
            return Err(Problem::Kind("OpenPGP without a public key".to_owned()));
        }
        let anchors = certificates.into_iter().map(|certificate| {
            certificate.check()?;
            Ok(Anchor {
                name: name.to_owned(),
                kind: Kind::OpenPgp(Box::new(certificate)),
            })
        });
        anchors.collect()
    }
}
