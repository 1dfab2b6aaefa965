//! [`SignedData`]: a CMS or PKCS #7 signature as it was read (RFC 5652, section 5; RFC 2315, section 9).

use der::asn1::ObjectIdentifier as Oid;
use der::{Decode, Reader, SliceReader, Tag, TagNumber};

use super::algorithm::{Scheme, read_digest};
use super::asn1;
use super::certificate::Certificate;
use super::digest::Algorithm;
use super::error::Problem;
use super::key::identifier;
use super::oids;

/// More certificates than these in one signature are refused.
const MAX_CERTIFICATES: usize = 32;
/// More signers than these.
const MAX_SIGNERS: usize = 8;
/// More signed attributes than these.
const MAX_ATTRIBUTES: usize = 32;

/// A signature as it was read. Nothing of it is proven.
#[derive(Debug)]
pub(super) struct SignedData {
    pub(super) content_type: Oid,
    /// The content with its tag, unless it stands elsewhere.
    pub(super) content: Option<Vec<u8>>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) signers: Vec<SignerInfo>,
}

/// One signer.
#[derive(Debug)]
pub(super) struct SignerInfo {
    pub(super) signer: SignerId,
    pub(super) attributes: Option<Attributes>,
    pub(super) scheme: Result<Scheme, Problem>,
    pub(super) signature: Vec<u8>,
    /// The content of the attributes that are not signed: time stamps, and other signatures.
    unsigned: Vec<u8>,
}

/// Which certificate is the signer's.
#[derive(Debug)]
pub(super) enum SignerId {
    Issued { issuer: Vec<u8>, serial: Vec<u8> },
    KeyId(Vec<u8>),
}

/// The attributes that are signed.
#[derive(Debug)]
pub(super) struct Attributes {
    /// As they are hashed: as a SET OF.
    pub(super) bytes: Vec<u8>,
    pub(super) content_type: Oid,
    pub(super) message_digest: Vec<u8>,
}

impl SignedData {
    /// Reads a `ContentInfo` that holds a signature. Up to seven zeros may stand behind it, which fill up a
    /// table of signatures.
    ///
    /// # Errors
    /// [`Problem::Damaged`].
    pub(super) fn read(bytes: &[u8]) -> Result<SignedData, Problem> {
        let damaged = |_| Problem::Damaged("the signature is no CMS in DER, or breaks its rules");
        let mut reader = SliceReader::new(bytes).map_err(damaged)?;
        let info = reader.tlv_bytes().map_err(damaged)?;
        let rest = bytes.get(info.len()..).unwrap_or_default();
        if rest.len() > 7 || rest.iter().any(|byte| *byte != 0) {
            return Err(Problem::Damaged("bytes stand behind the signature"));
        }
        let signed = asn1::whole(info, |reader| {
            asn1::sequence(reader, |reader| {
                let kind = Oid::decode(reader)?;
                let content = asn1::explicit(reader, TagNumber::N0)?;
                Ok((kind == oids::SIGNED_DATA).then_some(content).flatten())
            })
        })
        .map_err(damaged)?;
        let signed = signed.ok_or(Problem::Damaged("the CMS holds no signature"))?;
        let (data, certificates) = asn1::whole(signed, Self::parts).map_err(damaged)?;
        let certificates = certificates
            .into_iter()
            // Kinds of certificates other than X.509 have other tags.
            .filter(|certificate| certificate.first() == Some(&0x30))
            .map(Certificate::read)
            .collect::<Result<_, _>>()?;
        Ok(SignedData {
            certificates,
            ..data
        })
    }

    fn parts<'a>(reader: &mut SliceReader<'a>) -> der::Result<(SignedData, Vec<&'a [u8]>)> {
        asn1::sequence(reader, |reader| {
            let version = asn1::number(reader)?;
            if ![1, 3, 4, 5].contains(&version) {
                return Err(reader.error(der::ErrorKind::Failed));
            }
            // Each signer says his own.
            asn1::content(reader, Tag::Set)?;
            let (content_type, content) = asn1::sequence(reader, |reader| {
                let kind = Oid::decode(reader)?;
                Ok((kind, asn1::explicit(reader, TagNumber::N0)?))
            })?;
            let certificates = asn1::explicit(reader, TagNumber::N0)?.unwrap_or_default();
            let certificates = asn1::each(certificates, MAX_CERTIFICATES)?;
            // Lists of revoked certificates: those that count are in the flash.
            asn1::optional(reader, TagNumber::N1, true)?;
            let signers = asn1::each(asn1::content(reader, Tag::Set)?, MAX_SIGNERS)?;
            let signers = signers.into_iter();
            let signers = signers.map(|signer| asn1::whole(signer, SignerInfo::read));
            let data = SignedData {
                content_type,
                content: content.map(<[u8]>::to_vec),
                certificates: Vec::new(),
                signers: signers.collect::<der::Result<_>>()?,
            };
            Ok((data, certificates))
        })
    }
}

impl SignerInfo {
    fn read(reader: &mut SliceReader<'_>) -> der::Result<SignerInfo> {
        asn1::sequence(reader, |reader| {
            let version = asn1::number(reader)?;
            let key_id = asn1::optional(reader, TagNumber::N0, false)?;
            let signer = match key_id {
                Some(id) => SignerId::KeyId(id.to_vec()),
                None => asn1::sequence(reader, |reader| {
                    Ok(SignerId::Issued {
                        issuer: reader.tlv_bytes()?.to_vec(),
                        serial: asn1::content(reader, Tag::Integer)?.to_vec(),
                    })
                })?,
            };
            // RFC 5652, section 5.3: the version follows from how the signer is named.
            if version != if key_id.is_some() { 3 } else { 1 } {
                return Err(reader.error(der::ErrorKind::Failed));
            }
            let digest = read_digest(identifier(reader)?);
            let attributes = asn1::explicit(reader, TagNumber::N0)?;
            let attributes = attributes.map(Attributes::read).transpose()?;
            let scheme = identifier(reader)?;
            let signature = asn1::content(reader, Tag::OctetString)?.to_vec();
            let unsigned = asn1::optional(reader, TagNumber::N1, true)?;
            let scheme = digest.and_then(|digest| with_digest(scheme, digest));
            Ok(SignerInfo {
                signer,
                attributes,
                scheme,
                signature,
                unsigned: unsigned.unwrap_or_default().to_vec(),
            })
        })
    }

    /// The signatures that Authenticode keeps among the attributes that are not signed, each in DER. They are of the
    /// same program, and nothing in this one says anything of them.
    ///
    /// # Errors
    /// [`Problem::Damaged`]: the attributes can't be read.
    pub(super) fn nested(&self) -> Result<Vec<&[u8]>, Problem> {
        let read = || {
            let mut found = Vec::new();
            for attribute in asn1::each(&self.unsigned, MAX_ATTRIBUTES)? {
                let (kind, values) = attribute_parts(attribute)?;
                if kind == oids::SPC_NESTED_SIGNATURE {
                    found.extend(asn1::each(values, MAX_ATTRIBUTES)?);
                }
            }
            Ok(found)
        };
        read().map_err(|_: der::Error| {
            Problem::Damaged("the signatures in the signature can't be read")
        })
    }

    /// Is this the signer's certificate?
    pub(super) fn is(&self, certificate: &Certificate) -> bool {
        match &self.signer {
            SignerId::Issued { issuer, serial } => {
                *issuer == certificate.issuer && *serial == certificate.serial
            }
            SignerId::KeyId(id) => certificate.extensions.key_id.as_ref() == Some(id),
        }
    }
}

/// The scheme of a signature, whose digest has to be the one that is named beside it.
fn with_digest(scheme: (Oid, Option<&[u8]>), digest: Algorithm) -> Result<Scheme, Problem> {
    let scheme = Scheme::of(scheme, Some(digest))?;
    match scheme.digest == digest {
        true => Ok(scheme),
        false => Err(Problem::Damaged("the signature names two digests")),
    }
}

/// The kind of an attribute, and the content of its values.
fn attribute_parts(attribute: &[u8]) -> der::Result<(Oid, &[u8])> {
    asn1::whole(attribute, |reader| {
        asn1::sequence(reader, |reader| {
            Ok((Oid::decode(reader)?, asn1::content(reader, Tag::Set)?))
        })
    })
}

impl Attributes {
    fn read(content: &[u8]) -> der::Result<Attributes> {
        let mut bytes = der::Encode::to_der(&der::Header::new(Tag::Set, content.len())?)?;
        bytes.extend_from_slice(content);
        let mut content_type = Vec::new();
        let mut message_digest = Vec::new();
        for attribute in asn1::each(content, MAX_ATTRIBUTES)? {
            let (kind, values) = attribute_parts(attribute)?;
            match kind {
                oids::CONTENT_TYPE => content_type.push(Oid::from_der(values)?),
                oids::MESSAGE_DIGEST => {
                    let digest = asn1::whole(values, |r| asn1::content(r, Tag::OctetString))?;
                    message_digest.push(digest.to_vec());
                }
                _ => {}
            }
        }
        // RFC 5652, section 11: each once, with one value.
        match (
            <[Oid; 1]>::try_from(content_type),
            <[Vec<u8>; 1]>::try_from(message_digest),
        ) {
            (Ok([content_type]), Ok([message_digest])) => Ok(Attributes {
                bytes,
                content_type,
                message_digest,
            }),
            _ => Err(der::ErrorKind::Failed.into()),
        }
    }
}
