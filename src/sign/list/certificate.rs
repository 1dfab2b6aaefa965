//! [`CertificateListing`]: a certificate in words.

use std::time::Duration;

use der::asn1::{BitStringRef, ObjectIdentifier as Oid, UintRef};
use der::{DateTime, Decode, Reader, SliceReader};
use pilotlight::trust::{Algorithm, Certificate};
use serde::Serialize;

/// A certificate.
#[derive(Debug, Serialize)]
pub(super) struct CertificateListing {
    pub(super) name: String,
    pub(super) issuer: String,
    /// In hexadecimal digits.
    pub(super) serial: String,
    /// Its kind and its length.
    pub(super) key: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    /// Of all its bytes.
    pub(super) sha256: String,
    /// Of what its issuer signed, by which `dbx` revokes it.
    pub(super) tbs_sha256: String,
}

impl CertificateListing {
    pub(super) fn of(certificate: &Certificate) -> CertificateListing {
        let validity = certificate.validity;
        CertificateListing {
            name: certificate.name(),
            issuer: certificate.issuer_name(),
            serial: certificate
                .serial()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            key: key(certificate.key()).unwrap_or_else(|_| "a key that can't be read".to_owned()),
            not_before: day(validity.not_before),
            not_after: day(validity.not_after),
            sha256: Algorithm::Sha256.digest(certificate.der()).to_string(),
            tbs_sha256: certificate.tbs_digest(Algorithm::Sha256).to_string(),
        }
    }
}

/// The day of a time in seconds since 1970.
fn day(seconds: u64) -> String {
    let time = DateTime::from_unix_duration(Duration::from_secs(seconds));
    let text = time.map_or_else(|_| "after 9999".to_owned(), |time| time.to_string());
    text.split('T').next().unwrap_or_default().to_owned()
}

/// What kind of key a `SubjectPublicKeyInfo` holds.
fn key(der: &[u8]) -> der::Result<String> {
    const RSA: Oid = Oid::new_unwrap("1.2.840.113549.1.1.1");
    const EC: Oid = Oid::new_unwrap("1.2.840.10045.2.1");
    const ED25519: Oid = Oid::new_unwrap("1.3.101.112");
    let (kind, parameters, bits) = SliceReader::new(der)?.sequence(|reader| {
        let (kind, parameters) = reader.sequence(|reader| {
            let kind = Oid::decode(reader)?;
            Ok((kind, reader.read_slice(reader.remaining_len())?))
        })?;
        Ok((kind, parameters, BitStringRef::decode(reader)?.raw_bytes()))
    })?;
    Ok(match kind {
        RSA => {
            let modulus = SliceReader::new(bits)?.sequence(|reader| {
                let modulus = UintRef::decode(reader)?.as_bytes();
                reader.read_slice(reader.remaining_len())?;
                Ok(modulus)
            })?;
            let zeros = modulus.first().map_or(0, |byte| u8::leading_zeros(*byte));
            let zeros = usize::try_from(zeros).unwrap_or_default();
            format!(
                "RSA {}",
                modulus.len().saturating_mul(8).saturating_sub(zeros)
            )
        }
        EC => match Oid::from_der(parameters)?.to_string().as_str() {
            "1.2.840.10045.3.1.7" => "ECDSA P-256".to_owned(),
            "1.3.132.0.34" => "ECDSA P-384".to_owned(),
            "1.3.132.0.35" => "ECDSA P-521".to_owned(),
            curve => format!("ECDSA on curve {curve}"),
        },
        ED25519 => "Ed25519".to_owned(),
        kind => format!("of kind {kind}"),
    })
}
