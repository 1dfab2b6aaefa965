//! [`Signer`]: a private key with the certificate that says whose it is.

use std::path::Path;

use der::asn1::ObjectIdentifier as Oid;
use der::{Encode, Reader, SliceReader};
use pilotlight::trust::{Anchor, Certificate};

use crate::certificates;
use crate::encode;
use crate::error::SignError;
use crate::key::Key;
use crate::openssl;

/// A private key with its certificate.
pub(crate) struct Signer {
    key: Key,
    pub(crate) certificate: Certificate,
    /// Issuers that are put beside the certificate.
    pub(crate) chain: Vec<Certificate>,
    pub(crate) kind: Kind,
}

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RSA, to sign with PKCS #1 v1.5.
    Rsa,
    /// ECDSA.
    Ec,
}

const RSA: Oid = Oid::new_unwrap("1.2.840.113549.1.1.1");
const EC: Oid = Oid::new_unwrap("1.2.840.10045.2.1");
const ECDSA_SHA256: Oid = Oid::new_unwrap("1.2.840.10045.4.3.2");

impl Signer {
    /// Reads the certificates. That the key is theirs is known when something was signed.
    ///
    /// # Errors
    /// [`SignError`]: no certificate, or one of a key that can't sign here.
    pub(crate) fn new(
        key: &Key,
        certificate: &Path,
        chain: Option<&Path>,
    ) -> Result<Signer, SignError> {
        let path = certificate.to_owned();
        let certificate = certificates::read_one(&path)?;
        let kind = match algorithm(certificate.key())? {
            RSA => Kind::Rsa,
            EC => Kind::Ec,
            _ => {
                let what = "its key is neither RSA nor ECDSA: sign with the bare key, without a certificate";
                return Err(SignError::Kind(path, what));
            }
        };
        // What is signed under a certificate that is no anchor would count nowhere.
        Anchor::certificate("signer", certificate.der())
            .map_err(|problem| SignError::Certificates(path.clone(), problem.to_string()))?;
        let mut chain = chain
            .map(certificates::read)
            .transpose()?
            .unwrap_or_default();
        chain.retain(|issuer| *issuer != certificate);
        Ok(Signer {
            key: key.clone(),
            certificate,
            chain,
            kind,
        })
    }

    /// Signs bytes with SHA-256.
    ///
    /// # Errors
    /// [`SignError`], when `openssl` does not.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(openssl::input(bytes)?, Some("sha256"))
    }
}

impl Kind {
    /// Its `AlgorithmIdentifier` in a signature: for RSA the kind of the key, as PKCS #7 has it.
    pub(crate) fn algorithm(self) -> der::Result<Vec<u8>> {
        match self {
            Kind::Rsa => encode::algorithm(RSA),
            // RFC 5758, section 3.2: no parameters.
            Kind::Ec => encode::sequence(&[&ECDSA_SHA256.to_der()?]),
        }
    }
}

/// The kind of a `SubjectPublicKeyInfo`.
fn algorithm(key: &[u8]) -> der::Result<Oid> {
    SliceReader::new(key)?.sequence(|reader| {
        let oid = reader.sequence(|reader| {
            let oid = reader.decode()?;
            reader.read_slice(reader.remaining_len())?;
            Ok(oid)
        });
        reader.read_slice(reader.remaining_len())?;
        oid
    })
}
