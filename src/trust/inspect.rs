//! What a signature says of itself, for people and for the tools that make signatures. Nothing here is proven.

use super::authenticode;
use super::certificate::Certificate;
use super::cms::{self, SignedData};
use super::digest::{Algorithm, Digest};
use super::error::Problem;
use super::oids;

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
        let data = SignedData::read(der)?;
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
            certificates: data.certificates,
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
