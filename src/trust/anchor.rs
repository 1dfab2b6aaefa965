//! [`Anchor`]: a certificate or a key that is trusted from the start, and [`Trusted`], all that is.

use super::certificate::Certificate;
use super::digest::{Algorithm, Digest};
use super::error::Problem;
use super::key::PublicKey;
use super::openpgp;
use super::revocation::Revocations;
use super::strength::Strength;

/// A certificate or a key that is trusted from the start.
///
/// It counts for the formats that it is made for: a certificate or a key in PEM or DER for Authenticode and CMS,
/// such a key for raw signatures too, and the others each for their own. One key in two forms is two anchors.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// What people call it.
    pub name: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Certificate(Box<Certificate>),
    Key(Key),
    OpenPgp(Box<openpgp::Certificate>),
    Minisign(Minisign),
    Ssh(Key),
}

/// A key, and its fingerprint for people.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) key: PublicKey,
    pub(super) fingerprint: String,
}

/// A key of minisign, with the number by which signatures name it.
#[derive(Clone, Debug)]
pub(super) struct Minisign {
    pub(super) key: PublicKey,
    pub(super) id: [u8; 8],
}

impl Anchor {
    /// A certificate in DER: it may be that of a signer, or of an issuer when it says that it is one.
    ///
    /// # Errors
    /// [`Problem`]: damaged, or with a key that does not count. Such an anchor would never hold anything.
    pub fn certificate(name: &str, der: &[u8]) -> Result<Anchor, Problem> {
        let certificate = Certificate::read(der)?;
        certificate.public_key()?;
        Ok(Anchor {
            name: name.to_owned(),
            kind: Kind::Certificate(Box::new(certificate)),
        })
    }

    /// A key (`SubjectPublicKeyInfo` in DER), of a signer or of an issuer.
    ///
    /// # Errors
    /// As [`PublicKey::read`].
    pub fn key(name: &str, der: &[u8]) -> Result<Anchor, Problem> {
        Ok(Anchor {
            name: name.to_owned(),
            kind: Kind::Key(Key {
                key: PublicKey::read(der)?,
                fingerprint: Algorithm::Sha256.digest(der).to_string(),
            }),
        })
    }

    /// Could signatures by it be strong enough?
    ///
    /// # Errors
    /// [`Problem::WeakKey`].
    pub(super) fn check(&self, strength: Strength) -> Result<(), Problem> {
        let check = |key: &PublicKey| strength.check(key, Algorithm::Blake2b);
        match &self.kind {
            Kind::Certificate(certificate) => check(&certificate.public_key()?),
            Kind::Key(key) | Kind::Ssh(key) => check(&key.key),
            Kind::OpenPgp(certificate) => certificate.check_strength(strength),
            // They are all of one length.
            Kind::Minisign(_) => Ok(()),
        }
    }

    /// Its certificate, if it is one.
    pub(super) fn as_certificate(&self) -> Option<&Certificate> {
        match &self.kind {
            Kind::Certificate(certificate) => Some(certificate),
            _ => None,
        }
    }

    /// Its key, if it is a bare one in PEM or DER.
    pub(super) fn as_key(&self) -> Option<&Key> {
        match &self.kind {
            Kind::Key(key) => Some(key),
            _ => None,
        }
    }
}

/// What is trusted, and what no longer is.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// Whose signatures count.
    pub anchors: Vec<Anchor>,
    /// Programs that count without a signature, by their Authenticode digest.
    pub programs: Vec<Digest>,
    /// What does not count, whoever signed it.
    pub revoked: Revocations,
    /// The weakest keys and digests that count.
    pub strength: Strength,
}

impl Trusted {
    /// Do signatures by this key, of something with such a digest, count? A key counts in no format once one of
    /// its certificates is revoked.
    ///
    /// # Errors
    /// [`Problem::Revoked`], and those of the [`Strength`].
    pub(super) fn check_key(&self, key: &PublicKey, digest: Algorithm) -> Result<(), Problem> {
        match self.revoked.has_key(key) {
            true => Err(Problem::Revoked("its key")),
            false => self.strength.check(key, digest),
        }
    }
}
