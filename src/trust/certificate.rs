//! [`Certificate`]: an X.509 certificate as it was read (RFC 5280, section 4.1). Nothing of it is proven.

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, ObjectIdentifier as Oid, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

use super::algorithm::Scheme;
use super::asn1;
use super::digest::Digest;
use super::error::Problem;
use super::extensions::Extensions;
use super::key::{PublicKey, identifier};
use super::oids;
use super::strength::Strength;

/// A certificate, as it was read. Only a [`Chain`](super::Chain) says that it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// All its bytes.
    der: Vec<u8>,
    /// What its issuer signed.
    tbs: Vec<u8>,
    /// The two names as they are written; they are the same when their bytes are.
    pub(super) issuer: Vec<u8>,
    pub(super) subject: Vec<u8>,
    /// The content of its serial number, which is negative in some.
    pub(super) serial: Vec<u8>,
    /// Its key as it is written.
    pub(super) key: Vec<u8>,
    pub(super) extensions: Extensions,
    algorithm: Oid,
    parameters: Option<Vec<u8>>,
    signature: Vec<u8>,
    /// From when until when it is valid. This is reported and changes no verdict: firmware has no clock that
    /// can be trusted, and certificates that everything is signed by have run out.
    pub validity: Validity,
}

/// From when until when something is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: u64,
    /// The last one.
    pub not_after: u64,
}

impl Certificate {
    /// Reads a certificate in DER, and nothing may stand behind it.
    ///
    /// # Errors
    /// [`Problem::Damaged`].
    pub fn read(der: &[u8]) -> Result<Certificate, Problem> {
        asn1::whole(der, |reader| {
            asn1::sequence(reader, |reader| {
                let tbs = reader.tlv_bytes()?;
                let (algorithm, parameters) = identifier(reader)?;
                let signature = BitStringRef::decode(reader)?;
                let signature = signature.as_bytes().unwrap_or_default().to_vec();
                let certificate = asn1::whole(tbs, |reader| {
                    asn1::sequence(reader, |reader| {
                        Self::to_be_signed(reader, (algorithm, parameters))
                    })
                })?;
                Ok(Certificate {
                    der: der.to_vec(),
                    tbs: tbs.to_vec(),
                    signature,
                    ..certificate
                })
            })
        })
        .map_err(|_| Problem::Damaged("a certificate can't be read"))
    }

    fn to_be_signed(
        reader: &mut SliceReader<'_>,
        outer: (Oid, Option<&[u8]>),
    ) -> der::Result<Certificate> {
        let version = asn1::explicit(reader, TagNumber::N0)?.map_or(Ok(0), u8::from_der)?;
        let serial = asn1::content(reader, Tag::Integer)?.to_vec();
        let algorithm = identifier(reader)?;
        let issuer = reader.tlv_bytes()?.to_vec();
        let validity = asn1::sequence(reader, |reader| {
            Ok(Validity {
                not_before: time(reader)?,
                not_after: time(reader)?,
            })
        })?;
        let subject = reader.tlv_bytes()?.to_vec();
        let key = reader.tlv_bytes()?.to_vec();
        // The unique identifiers of issuer and subject, which nobody uses.
        asn1::optional(reader, TagNumber::N1, false)?;
        asn1::optional(reader, TagNumber::N2, false)?;
        let extensions = asn1::explicit(reader, TagNumber::N3)?;
        let extensions = extensions.map(|bytes| asn1::whole(bytes, Extensions::read));
        // RFC 5280, section 4.1.1.2: the algorithm stands there twice; section 4.1.2.1: only version 3 has
        // extensions.
        if algorithm != outer || version > 2 || (extensions.is_some() && version != 2) {
            return Err(reader.error(der::ErrorKind::Failed));
        }
        Ok(Certificate {
            der: Vec::new(),
            tbs: Vec::new(),
            issuer,
            subject,
            serial,
            key,
            extensions: extensions.transpose()?.unwrap_or_default(),
            algorithm: algorithm.0,
            parameters: algorithm.1.map(<[u8]>::to_vec),
            signature: Vec::new(),
            validity,
        })
    }

    /// All its bytes, as they were given.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name of its issuer as it is written, in DER.
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// The content of its serial number, the highest byte first.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Its key as it is written: a `SubjectPublicKeyInfo` in DER.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The digest of what its issuer signed, by which it may be revoked.
    pub fn tbs_digest(&self, algorithm: super::Algorithm) -> Digest {
        algorithm.digest(&self.tbs)
    }

    /// What it calls itself: the common name, else the organisation. It is not made safe to print.
    pub fn name(&self) -> String {
        readable(&self.subject)
    }

    /// What it calls its issuer.
    pub fn issuer_name(&self) -> String {
        readable(&self.issuer)
    }

    /// Its key.
    ///
    /// # Errors
    /// As [`PublicKey::read`]; and Ed25519 keys count alone, not in certificates, which no tool makes to sign
    /// files with.
    pub fn public_key(&self) -> Result<PublicKey, Problem> {
        let key = PublicKey::read(&self.key)?;
        match key.as_ed25519() {
            None => Ok(key),
            Some(_) => Err(Problem::Key(
                "Ed25519 keys count alone, not in certificates",
            )),
        }
    }

    /// Did this key sign it?
    ///
    /// # Errors
    /// [`Problem`]: no, or not in a way that counts.
    pub(super) fn verify(&self, issuer: &PublicKey, strength: Strength) -> Result<(), Problem> {
        let scheme = Scheme::of((self.algorithm, self.parameters.as_deref()), None)?;
        strength.check(issuer, scheme.digest)?;
        issuer.verify(scheme, &scheme.digest.digest(&self.tbs), &self.signature)
    }
}

/// The text in a name by which people know it.
fn readable(name: &[u8]) -> String {
    let find = |wanted: Oid| {
        let sets = asn1::each(asn1::value(name).ok()?, 64).ok()?;
        sets.into_iter().find_map(|set| {
            let parts = asn1::each(asn1::value(set).ok()?, 16).ok()?;
            parts.into_iter().find_map(|part| {
                let (oid, text) = asn1::whole(part, |reader| {
                    asn1::sequence(reader, |reader| {
                        Ok((Oid::decode(reader)?, AnyRef::decode(reader)?))
                    })
                })
                .ok()?;
                (oid == wanted).then(|| String::from_utf8_lossy(text.value()).into_owned())
            })
        })
    };
    let name = find(oids::COMMON_NAME).or_else(|| find(oids::ORGANISATION));
    name.unwrap_or_else(|| "without a name".to_owned())
}

/// A `Time`. The years before 1970 are 1970.
fn time(reader: &mut SliceReader<'_>) -> der::Result<u64> {
    let value = AnyRef::decode(reader)?;
    let duration = match value.tag() {
        Tag::UtcTime => value.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => value.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(duration.as_secs())
}
