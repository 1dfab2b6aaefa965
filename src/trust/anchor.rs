//! [`Anchor`]: a certificate or a key that is trusted from the start, and [`Trusted`], all that is.

use super::certificate::Certificate;
use super::digest::Digest;
use super::error::Problem;
use super::key::PublicKey;
use super::revocation::Revocations;

/// A certificate or a key that is trusted from the start.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// What people call it.
    pub name: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Certificate(Box<Certificate>),
    Key(PublicKey),
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
            kind: Kind::Key(PublicKey::read(der)?),
        })
    }

    /// Its certificate, if it is one.
    pub(super) fn as_certificate(&self) -> Option<&Certificate> {
        match &self.kind {
            Kind::Certificate(certificate) => Some(certificate),
            Kind::Key(_) => None,
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
}
