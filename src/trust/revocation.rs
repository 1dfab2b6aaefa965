//! [`Revocations`]: what does not count, whoever signed it.

use super::certificate::Certificate;
use super::digest::{Algorithm, Digest};
use super::error::Problem;
use super::key::PublicKey;
use super::strength::Strength;

/// Digests and certificates that do not count.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    /// Authenticode digests of programs.
    pub programs: Vec<Digest>,
    /// Certificates: neither they nor what they issued counts.
    pub certificates: Vec<Certificate>,
    /// Digests of what the issuer of a certificate signed.
    pub certificate_digests: Vec<Digest>,
}

impl Revocations {
    /// Is a program with one of these digests revoked?
    pub(super) fn check_program(&self, digests: &[Digest]) -> Result<(), Problem> {
        match digests.iter().any(|digest| self.programs.contains(digest)) {
            true => Err(Problem::Revoked("this program")),
            false => Ok(()),
        }
    }

    /// Is a certificate of this key revoked?
    pub(super) fn has_key(&self, key: &PublicKey) -> bool {
        let mut keys = self.certificates.iter().map(Certificate::public_key);
        keys.any(|revoked| revoked.is_ok_and(|revoked| revoked == *key))
    }

    /// Is this certificate revoked, or another one of the same key, or one that issued it?
    pub(super) fn check(&self, certificate: &Certificate) -> Result<(), Problem> {
        for revoked in &self.certificates {
            if revoked.key == certificate.key {
                return Err(Problem::Revoked("it"));
            }
            let is_issuer = revoked.subject == certificate.issuer
                && revoked
                    .public_key()
                    .is_ok_and(|key| certificate.verify(&key, Strength::default()).is_ok());
            if is_issuer {
                return Err(Problem::Revoked("what issued it"));
            }
        }
        let algorithms = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
        let digests = algorithms.map(|algorithm| certificate.tbs_digest(algorithm));
        let mut listed = self.certificate_digests.iter();
        match listed.any(|digest| digests.contains(digest)) {
            true => Err(Problem::Revoked("it")),
            false => Ok(()),
        }
    }
}
