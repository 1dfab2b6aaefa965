//! What a signature says of itself, in any format, for people and for the tools that make signatures. Nothing here is
//! proven.

use super::anchor::Anchor;
use super::appended;
use super::authenticode;
use super::certificate::Certificate;
use super::cms::{self, SignedData};
use super::detached;
use super::digest::{Algorithm, Digest};
use super::error::Problem;
use super::oids;
use super::proof::Format;

/// A signature beside a file, or behind it.
#[derive(Debug)]
pub struct Claim {
    /// Its format.
    pub format: Format,
    /// The key that made it, as the tools of the format print it, where it names a key and no certificate.
    pub key: Option<String>,
    /// By which digest; nothing where only the key tells.
    pub digest: Option<Algorithm>,
    /// What CMS says besides.
    pub cms: Option<Signature>,
    /// The key itself, where the signature brings it along.
    pub(super) own: Option<Anchor>,
}

impl Claim {
    /// One that names a key.
    pub(super) fn by_key(format: Format, key: String, digest: Algorithm) -> Claim {
        Claim {
            key: Some(key),
            digest: Some(digest),
            ..Claim::of(format)
        }
    }

    /// One that says nothing.
    pub(super) fn of(format: Format) -> Claim {
        Claim {
            format,
            key: None,
            digest: None,
            cms: None,
            own: None,
        }
    }

    /// CMS.
    pub(super) fn of_cms(format: Format, data: &SignedData) -> Result<Claim, Problem> {
        Ok(Claim {
            cms: Some(Signature::of(data)?),
            ..Claim::of(format)
        })
    }

    /// How many answers a check of its file has for it: one for each signer.
    pub fn signers(&self) -> usize {
        self.cms.as_ref().map_or(1, |cms| cms.signers.len())
    }

    /// Trust in whoever the signature says that it is by: then one that does not count is a broken one. Nothing
    /// where it brings no key along.
    pub fn anchors(&self) -> Vec<Anchor> {
        let certificates = self.cms.iter().flat_map(|cms| &cms.certificates);
        let anchors = certificates.filter_map(|own| Anchor::certificate("signer", own.der()).ok());
        anchors.chain(self.own.clone()).collect()
    }
}

/// What the signatures in a file beside another one say of themselves.
///
/// # Errors
/// [`Problem`]: it is no file of signatures.
pub fn beside(bytes: &[u8]) -> Result<Vec<Result<Claim, Problem>>, Problem> {
    detached::claims(bytes)
}

/// What the signature at the end of a file says of itself, if there is one.
///
/// # Errors
/// [`Problem`]: there is one, and it can't be read.
pub fn behind(file: &[u8]) -> Result<Option<Claim>, Problem> {
    appended::claim(file)
}

/// A CMS or PKCS #7 signature.
#[derive(Debug)]
pub struct Signature {
    /// What it is over.
    pub content: Content,
    /// All that are with it. They may have nothing to do with the signers.
    pub certificates: Vec<Certificate>,
    /// Who signed.
    pub signers: Vec<Signer>,
}

/// What a signature is over.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// A program with this Authenticode digest.
    Program(Digest),
    /// A file beside it.
    Detached,
    /// Bytes that are in the signature, or something else than a program and a file.
    Other,
}

/// Who signed.
#[derive(Debug)]
pub struct Signer {
    /// Where the certificate is among those that are with the signature.
    pub certificate: Option<usize>,
    /// By which digest; nothing when it is one that does not count.
    pub digest: Option<Algorithm>,
}

impl Signature {
    /// Reads a signature in DER.
    ///
    /// # Errors
    /// [`Problem`]: it is none, or it is damaged.
    pub fn read(der: &[u8]) -> Result<Signature, Problem> {
        Signature::of(&SignedData::read(der)?)
    }

    fn of(data: &SignedData) -> Result<Signature, Problem> {
        let content = match &data.content {
            Some(content) if data.content_type == oids::SPC_INDIRECT_DATA => {
                let (algorithm, digest) = authenticode::signed_digest(content)?;
                let digest = Digest::from_bytes(algorithm, &digest);
                Content::Program(digest.ok_or(Problem::Damaged("the signed digest is cut off"))?)
            }
            None if data.content_type == oids::DATA => Content::Detached,
            _ => Content::Other,
        };
        let signers = data.signers.iter();
        let signers = signers.map(|info| Signer::of(info, &data.certificates));
        Ok(Signature {
            content,
            signers: signers.collect(),
            certificates: data.certificates.clone(),
        })
    }
}

impl Signer {
    fn of(info: &cms::SignerInfo, certificates: &[Certificate]) -> Signer {
        Signer {
            certificate: certificates
                .iter()
                .position(|certificate| info.is(certificate)),
            digest: info.scheme.as_ref().ok().map(|scheme| scheme.digest),
        }
    }
}
