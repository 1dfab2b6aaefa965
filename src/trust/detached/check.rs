//! [`Check`]: from a file of signatures and the file that they are for to what each of them proves.

use der::Tag;

use super::streams::Streams;
use super::{cms, raw};
use crate::trust::anchor::Trusted;
use crate::trust::error::{Problem, Refusal};
use crate::trust::inspect::Claim;
use crate::trust::proof::{Format, Proof};
use crate::trust::{armor, asn1, minisign, openpgp, ssh};

/// The longest file of signatures, in bytes.
pub const MAX_LENGTH: usize = 256 * 1024;

/// No file has more signatures, each signer of CMS counted.
const MAX_SIGNATURES: usize = 16;

/// The signatures beside a file, while the file is read.
pub struct Check<'a> {
    trusted: &'a Trusted,
    signatures: Vec<Result<Signature, Refusal>>,
    streams: Streams,
}

/// A signature that waits for its content.
enum Signature {
    Cms(cms::Detached),
    Raw(raw::Detached),
    OpenPgp(Box<openpgp::Detached>),
    Minisign(Box<minisign::Detached>),
    Ssh(Box<ssh::Detached>),
}

impl<'a> Check<'a> {
    /// Reads a file of signatures. Several may stand in one: OpenPGP packets, blocks of PEM or armor, signers of CMS.
    ///
    /// # Errors
    /// [`Refusal`]: nothing in it could count, or there is more than anyone needs. A single signature that does not
    /// count is refused in [`Check::finish`].
    pub fn new(signature: &[u8], trusted: &'a Trusted) -> Result<Check<'a>, Refusal> {
        let read = || {
            if signature.len() > MAX_LENGTH {
                return Err(Problem::TooMany("bytes"));
            }
            let signatures = recognise(signature, trusted)?;
            if signatures.is_empty() {
                return Err(Problem::Unsigned);
            }
            let count = signatures.iter().map(|signature| match signature {
                Ok(Signature::Cms(own)) => own.signers(),
                _ => 1,
            });
            if count.sum::<usize>() > MAX_SIGNATURES {
                return Err(Problem::TooMany("signatures"));
            }
            let mut streams = Streams::default();
            for signature in signatures.iter().flatten() {
                match signature {
                    Signature::Cms(own) => own.want(&mut streams)?,
                    Signature::Raw(own) => own.want(&mut streams, trusted)?,
                    Signature::OpenPgp(own) => own.want(&mut streams)?,
                    Signature::Minisign(own) => own.want(&mut streams, trusted)?,
                    Signature::Ssh(own) => own.want(&mut streams)?,
                }
            }
            Ok(Check {
                trusted,
                signatures,
                streams,
            })
        };
        read().map_err(Refusal::of)
    }

    /// Takes the bytes of the file that come next.
    pub fn update(&mut self, bytes: &[u8]) {
        self.streams.update(bytes);
    }

    /// What each signature proves, now that the file was read to its end, in their order.
    pub fn finish(self) -> Vec<Result<Proof, Refusal>> {
        let (told, trusted) = (self.streams.finish(), self.trusted);
        let mut results = Vec::new();
        for signature in self.signatures {
            match signature {
                Err(refusal) => results.push(Err(refusal)),
                Ok(Signature::Cms(own)) => results.extend(own.finish(&told, trusted, Format::Cms)),
                Ok(Signature::Raw(own)) => results.push(own.finish(&told, trusted)),
                Ok(Signature::OpenPgp(own)) => results.push(own.finish(&told, trusted)),
                Ok(Signature::Minisign(own)) => results.push(own.finish(&told, trusted)),
                Ok(Signature::Ssh(own)) => results.push(own.finish(&told, trusted)),
            }
        }
        let numbered = (1_usize..).zip(results);
        let numbered =
            numbered.map(|(number, result)| result.map_err(|error| error.numbered(number)));
        numbered.collect()
    }
}

/// Checks the signatures of something small that is in memory: a manifest, a command line.
///
/// # Errors
/// As [`Check::new`].
pub fn verify(
    signature: &[u8],
    content: &[u8],
    trusted: &Trusted,
) -> Result<Vec<Result<Proof, Refusal>>, Refusal> {
    let mut check = Check::new(signature, trusted)?;
    check.update(content);
    Ok(check.finish())
}

/// What the signatures of a file say of themselves.
///
/// # Errors
/// [`Problem`]: it is no file of signatures.
pub(in crate::trust) fn claims(bytes: &[u8]) -> Result<Vec<Result<Claim, Problem>>, Problem> {
    let signatures = match recognise(bytes, &Trusted::default()) {
        // It says nothing at all. Certificates and keys begin as ECDSA does.
        Err(Problem::NoKey(_)) if is_raw(bytes) => return Ok(vec![Ok(Claim::of(Format::Raw))]),
        Err(Problem::NoKey(_)) => return Err(Problem::Kind("no signature".to_owned())),
        signatures => signatures?,
    };
    let claims = signatures.into_iter().map(|signature| match signature {
        Err(refusal) => Err(refusal.problem),
        Ok(Signature::Cms(own)) => own.claim(Format::Cms),
        Ok(Signature::Raw(_)) => Ok(Claim::of(Format::Raw)),
        Ok(Signature::OpenPgp(own)) => Ok(own.claim()),
        Ok(Signature::Minisign(own)) => Ok(own.claim()),
        Ok(Signature::Ssh(own)) => Ok(own.claim()),
    });
    Ok(claims.collect())
}

fn is_raw(bytes: &[u8]) -> bool {
    bytes.first() != Some(&0x30) || asn1::first_in_sequence(bytes) == Some(Tag::Integer)
}

/// What the bytes are.
fn recognise(bytes: &[u8], trusted: &Trusted) -> Result<Vec<Result<Signature, Refusal>>, Problem> {
    if armor::is_armored(bytes) {
        return armored(bytes);
    }
    if bytes.starts_with(minisign::UNTRUSTED) {
        let signature = minisign::Detached::read(bytes)?;
        return Ok(vec![Ok(Signature::Minisign(Box::new(signature)))]);
    }
    if openpgp::is_signatures(bytes) {
        return openpgp(bytes);
    }
    // Both are a SEQUENCE: CMS begins with an object identifier, ECDSA with a number. One without a length is
    // CMS that is no DER.
    let first = asn1::first_in_sequence(bytes);
    if first == Some(Tag::ObjectIdentifier) || bytes.starts_with(&[0x30, 0x80]) {
        return Ok(vec![Ok(Signature::Cms(cms::Detached::read(bytes)?))]);
    }
    Ok(vec![Ok(Signature::Raw(raw::Detached::read(
        bytes, trusted,
    )?))])
}

fn armored(text: &[u8]) -> Result<Vec<Result<Signature, Refusal>>, Problem> {
    let mut found = Vec::new();
    for block in armor::blocks(text)? {
        let bytes = &block.bytes;
        match block.label.as_str() {
            "PGP SIGNATURE" => found.extend(openpgp(bytes)?),
            "SSH SIGNATURE" => found.push(
                ssh::Detached::read(bytes)
                    .map(|own| Signature::Ssh(Box::new(own)))
                    .map_err(Refusal::of),
            ),
            "CMS" | "PKCS7" => {
                found.push(
                    cms::Detached::read(bytes)
                        .map(Signature::Cms)
                        .map_err(Refusal::of),
                );
            }
            label => {
                return Err(Problem::Kind(format!(
                    "a block \"{label}\", and no detached signature"
                )));
            }
        }
    }
    Ok(found)
}

fn openpgp(bytes: &[u8]) -> Result<Vec<Result<Signature, Refusal>>, Problem> {
    let signatures = openpgp::signatures(bytes)?.into_iter();
    Ok(signatures
        .map(|own| own.map(|own| Signature::OpenPgp(Box::new(own))))
        .collect())
}
