//! [`Scheme`]: how a signature was made.

use der::asn1::ObjectIdentifier as Oid;
use der::{Decode, SliceReader, TagNumber};

use super::asn1;
use super::digest::Algorithm;
use super::error::Problem;
use super::key::{NULL, identifier};
use super::oids;

/// How a digest became a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scheme {
    /// Of what was signed.
    pub(super) digest: Algorithm,
    pub(super) padding: Padding,
}

/// What was done with the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2).
    Pkcs1,
    /// RSASSA-PSS (RFC 8017, section 8.1), with this many bytes of salt.
    Pss { salt: usize },
    /// ECDSA (RFC 5758, section 3.2).
    Ecdsa,
    /// Ed25519 (RFC 8032), in OpenPGP and minisign: the digest is the message. Where the file itself is, see
    /// [`ed25519::Key::stream`](super::ed25519::Key::stream).
    Ed25519,
}

impl Scheme {
    /// The scheme of an `AlgorithmIdentifier` of a signature. In CMS it may name only the kind of key; then
    /// the digest is the one that is named beside it.
    pub(super) fn of(
        (oid, parameters): (Oid, Option<&[u8]>),
        beside: Option<Algorithm>,
    ) -> Result<Scheme, Problem> {
        let (digest, padding) = match oid {
            oids::RSA_PSS => {
                let parameters = parameters.ok_or(Problem::WeakDigest)?;
                return asn1::whole(parameters, pss).map_err(|_| {
                    Problem::Damaged("the parameters of its RSASSA-PSS can't be read")
                })?;
            }
            oids::RSA => (beside, Padding::Pkcs1),
            oids::RSA_SHA256 => (Some(Algorithm::Sha256), Padding::Pkcs1),
            oids::RSA_SHA384 => (Some(Algorithm::Sha384), Padding::Pkcs1),
            oids::RSA_SHA512 => (Some(Algorithm::Sha512), Padding::Pkcs1),
            oids::ECDSA_SHA256 => (Some(Algorithm::Sha256), Padding::Ecdsa),
            oids::ECDSA_SHA384 => (Some(Algorithm::Sha384), Padding::Ecdsa),
            oids::ECDSA_SHA512 => (Some(Algorithm::Sha512), Padding::Ecdsa),
            oids::RSA_SHA1 | oids::RSA_MD5 => return Err(Problem::WeakDigest),
            _ => return Err(Problem::Algorithm(oid)),
        };
        if parameters.is_some_and(|bytes| bytes != NULL) {
            return Err(Problem::Algorithm(oid));
        }
        let digest = digest.ok_or(Problem::Algorithm(oid))?;
        Ok(Scheme { digest, padding })
    }
}

/// `RSASSA-PSS-params` (RFC 8017, appendix A.2.3). What is left out there means SHA-1.
fn pss(reader: &mut SliceReader<'_>) -> der::Result<Result<Scheme, Problem>> {
    asn1::sequence(reader, |reader| {
        let digest = asn1::explicit(reader, TagNumber::N0)?;
        let digest = digest.map(|bytes| asn1::whole(bytes, identifier));
        let mask = asn1::explicit(reader, TagNumber::N1)?;
        let mask = mask
            .map(|bytes| asn1::whole(bytes, identifier))
            .transpose()?;
        let salt = asn1::explicit(reader, TagNumber::N2)?.map_or(Ok(20), u8::from_der)?;
        let trailer = asn1::explicit(reader, TagNumber::N3)?.map_or(Ok(1), u8::from_der)?;
        let digest = digest.transpose()?;
        let mask = match mask {
            Some((oids::MGF1, Some(parameters))) => Some(asn1::whole(parameters, identifier)?.0),
            _ => None,
        };
        let is_one = digest.map(|(oid, _)| oid) == mask;
        let (Some(digest), true, 1) = (digest, is_one, trailer) else {
            return Ok(Err(Problem::WeakDigest));
        };
        Ok(read_digest(digest).map(|digest| Scheme {
            digest,
            padding: Padding::Pss { salt: salt.into() },
        }))
    })
}

/// The digest algorithm of an `AlgorithmIdentifier`.
pub(super) fn read_digest((oid, parameters): (Oid, Option<&[u8]>)) -> Result<Algorithm, Problem> {
    let algorithm = Algorithm::of(oid).filter(|_| parameters.is_none_or(|bytes| bytes == NULL));
    algorithm.ok_or(match oid {
        oids::SHA1 => Problem::WeakDigest,
        _ => Problem::Algorithm(oid),
    })
}
