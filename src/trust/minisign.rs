//! Minisign: its keys and its signatures, as `minisign` 0.11 writes and its manual page describes them.

use super::anchor::{Anchor, Kind, Minisign, Trusted};
use super::armor::decode;
use super::cursor::Cursor;
use super::detached::{Streams, Told};
use super::digest::Algorithm;
use super::error::{Problem, Refusal};
use super::inspect::Claim;
use super::key::PublicKey;
use super::proof::{Format, Proof, Signer};

/// How files begin.
pub(super) const UNTRUSTED: &[u8] = b"untrusted comment: ";
const TRUSTED: &[u8] = b"trusted comment: ";

/// How the file is signed: itself, as old versions did, or its BLAKE2b. Keys are always marked as the first.
const PURE: &[u8; 2] = b"Ed";
const HASHED: &[u8; 2] = b"ED";

/// The longest comment, in bytes, which is minisign's limit, too.
const MAX_COMMENT: usize = 8192;

const DAMAGED: Problem = Problem::Damaged("the minisign signature is damaged");

/// The lines of a file, without their ends. Nothing may stand behind the last one.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let lines = text.split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Reads a public key: the file that minisign writes, or its second line alone.
///
/// # Errors
/// [`Problem::Damaged`], [`Problem::Key`].
pub(super) fn key(text: &[u8]) -> Result<Minisign, Problem> {
    const DAMAGED: Problem = Problem::Damaged("the minisign key is damaged");
    let lines: Vec<&[u8]> = lines(text).take(3).collect();
    let line = match lines.as_slice() {
        [comment, key] if comment.starts_with(UNTRUSTED) => key,
        [key] => key,
        _ => return Err(DAMAGED),
    };
    let bytes = decode(line).ok_or(DAMAGED)?;
    let mut cursor = Cursor(&bytes);
    let (algorithm, id) = (cursor.array(), cursor.array().ok_or(DAMAGED)?);
    if algorithm.as_ref() != Some(PURE) {
        return Err(DAMAGED);
    }
    Ok(Minisign {
        key: PublicKey::ed25519(cursor.0)?,
        id,
    })
}

/// The number of a key as minisign prints it.
fn name(id: [u8; 8]) -> String {
    format!("{:016X}", u64::from_le_bytes(id))
}

/// A signature that waits for its content.
pub(super) struct Detached {
    id: [u8; 8],
    signature: [u8; 64],
    /// What is signed besides, together with the signature.
    comment: Vec<u8>,
    over_all: Vec<u8>,
    /// It signs the file itself, not its BLAKE2b.
    is_pure: bool,
}

impl Detached {
    /// Reads a file of four lines.
    ///
    /// # Errors
    /// [`Problem::Damaged`], [`Problem::TooMany`].
    pub(super) fn read(text: &[u8]) -> Result<Detached, Problem> {
        let lines: Vec<&[u8]> = lines(text).take(5).collect();
        let [_, signature, comment, over_all] = lines.as_slice() else {
            return Err(DAMAGED);
        };
        let comment = comment.strip_prefix(TRUSTED).ok_or(DAMAGED)?;
        if comment.len() > MAX_COMMENT {
            return Err(Problem::TooMany("bytes of comment"));
        }
        let bytes = decode(signature).ok_or(DAMAGED)?;
        let mut cursor = Cursor(&bytes);
        let is_pure = match cursor.array().as_ref() {
            Some(PURE) => true,
            Some(HASHED) => false,
            _ => return Err(DAMAGED),
        };
        let id = cursor.array().ok_or(DAMAGED)?;
        Ok(Detached {
            id,
            signature: cursor.0.try_into().map_err(|_| DAMAGED)?,
            comment: comment.to_vec(),
            over_all: decode(over_all).ok_or(DAMAGED)?,
            is_pure,
        })
    }

    /// What it says of itself.
    pub(super) fn claim(&self) -> Claim {
        Claim::by_key(Format::Minisign, name(self.id), self.digest())
    }

    fn digest(&self) -> Algorithm {
        match self.is_pure {
            true => Algorithm::Sha512,
            false => Algorithm::Blake2b,
        }
    }

    /// Asks for the hashes that it needs.
    ///
    /// # Errors
    /// [`Problem::TooMany`].
    pub(super) fn want(&self, streams: &mut Streams, trusted: &Trusted) -> Result<(), Problem> {
        if !self.is_pure {
            return streams.want(Algorithm::Blake2b, &[]);
        }
        let keys = trusted.anchors.iter().filter_map(|anchor| self.key(anchor));
        keys.filter_map(PublicKey::as_ed25519)
            .try_for_each(|key| streams.want_ed25519(key, &self.signature))
    }

    /// The key of an anchor, if the signature names it.
    fn key<'a>(&self, anchor: &'a Anchor) -> Option<&'a PublicKey> {
        match &anchor.kind {
            Kind::Minisign(own) if own.id == self.id => Some(&own.key),
            _ => None,
        }
    }

    /// Checks it, now that all content was hashed.
    pub(super) fn finish(&self, told: &Told, trusted: &Trusted) -> Result<Proof, Refusal> {
        let mut refusal = Refusal::of(Problem::UnknownKey(name(self.id)));
        for anchor in &trusted.anchors {
            let Some(key) = self.key(anchor) else {
                continue;
            };
            match self.verify(key, told, trusted) {
                Ok(digest) => {
                    let signer = Signer::Key(name(self.id));
                    let proof = Proof::new(Format::Minisign, &anchor.name, signer, digest);
                    let comment = String::from_utf8_lossy(&self.comment).into_owned();
                    return Ok(Proof {
                        comment: Some(comment),
                        ..proof
                    });
                }
                Err(problem) => refusal = Refusal::by_key(problem, &name(self.id)),
            }
        }
        Err(refusal)
    }

    fn verify(
        &self,
        key: &PublicKey,
        told: &Told,
        trusted: &Trusted,
    ) -> Result<Algorithm, Problem> {
        let digest = self.digest();
        trusted.check_key(key, digest)?;
        let key = key.as_ed25519().ok_or(Problem::OtherKey)?;
        match self.is_pure {
            true => told.ed25519(key, &self.signature)?,
            false => {
                let content = told.hasher(digest, &[])?.finish();
                key.verify(content.bytes(), &self.signature)?;
            }
        }
        // The comment may be somebody else's still: the second signature is over both.
        let all = [&self.signature[..], &self.comment].concat();
        key.verify(&all, &self.over_all).map_err(|_| {
            Problem::Damaged("the trusted comment of the minisign signature is not by its key")
        })?;
        Ok(digest)
    }
}
