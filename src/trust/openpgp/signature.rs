//! [`Signature`]: an OpenPGP signature as it was read (RFC 9580, section 5.2). Nothing of it is proven.

use super::key::{ECDSA, ED25519, EDDSA, Key, RSA, RSA_SIGN_ONLY};
use super::packet::number;
use super::subpackets::{Issuer, Subpackets};
use crate::trust::algorithm::{Padding, Scheme};
use crate::trust::cursor::Cursor;
use crate::trust::digest::{Algorithm, Hasher};
use crate::trust::error::Problem;
use crate::trust::key::ecdsa_der;

const DAMAGED: Problem = Problem::Damaged("the OpenPGP signature is damaged");

/// A signature as it was read.
#[derive(Debug)]
pub(super) struct Signature {
    version: u8,
    /// What it is about (RFC 9580, section 5.2.1).
    pub(super) kind: u8,
    algorithm: u8,
    /// Nothing where it is weak, or not known.
    digest: Option<Algorithm>,
    /// From the version to the end of the first area: what is hashed behind the content.
    hashed: Vec<u8>,
    pub(super) said: Subpackets,
    /// What nobody signed. Only names of keys, which are hints, and signatures in it are looked at.
    pub(super) unsigned: Subpackets,
    /// The first two bytes of the digest.
    left: [u8; 2],
    /// Hashed before the content.
    pub(super) salt: Vec<u8>,
    /// What the key made.
    value: Vec<u8>,
}

impl Signature {
    /// Reads the body of a packet.
    ///
    /// # Errors
    /// [`Problem::Damaged`]; [`Problem::Kind`] for signatures of other versions than 4 and 6.
    pub(super) fn read(body: &[u8]) -> Result<Signature, Problem> {
        match body.first() {
            Some(4 | 6) => Signature::parts(body).ok_or(DAMAGED),
            Some(version) => Err(Problem::Kind(format!(
                "an OpenPGP signature of version {version}"
            ))),
            None => Err(DAMAGED),
        }
    }

    fn parts(body: &[u8]) -> Option<Signature> {
        let mut cursor = Cursor(body);
        let [version, kind, algorithm, digest] = cursor.array()?;
        let area = |cursor: &mut Cursor<'_>| {
            let length = match version {
                4 => cursor.u16()?.into(),
                _ => cursor.u32()?,
            };
            Subpackets::read(cursor.take(usize::try_from(length).ok()?)?)
        };
        let said = area(&mut cursor)?;
        let (hashed, _) = body.split_at_checked(body.len().checked_sub(cursor.0.len())?)?;
        let unsigned = area(&mut cursor)?;
        let left = cursor.array()?;
        // RFC 9580, section 9.5: the digests, and the salt of each.
        let (digest, salt) = match digest {
            8 => (Some(Algorithm::Sha256), 16),
            9 => (Some(Algorithm::Sha384), 24),
            10 => (Some(Algorithm::Sha512), 32),
            _ => (None, 0),
        };
        let salt = match version {
            4 => Vec::new(),
            _ => {
                let length = cursor.byte()?;
                // Without a known digest nothing more is looked at.
                if digest.is_some() && length != salt {
                    return None;
                }
                cursor.take(length.into())?.to_vec()
            }
        };
        Some(Signature {
            version,
            kind,
            algorithm,
            digest,
            hashed: hashed.to_vec(),
            said,
            unsigned,
            left,
            salt,
            value: cursor.0.to_vec(),
        })
    }

    /// How it names its key: what is signed counts, and only without that what is not.
    pub(super) fn issuers(&self) -> &[Issuer] {
        match self.said.issuers.is_empty() {
            true => &self.unsigned.issuers,
            false => &self.said.issuers,
        }
    }

    /// Does it name this key?
    pub(super) fn names(&self, key: &Key) -> bool {
        let issuers = self.issuers();
        !issuers.is_empty() && issuers.iter().all(|issuer| issuer.is(key))
    }

    /// The algorithm of its digest, when it follows the rules that can be checked without a key.
    ///
    /// # Errors
    /// [`Problem`]: the one that it breaks.
    pub(super) fn check(&self) -> Result<Algorithm, Problem> {
        if let Some(kind) = self.said.unknown {
            return Err(Problem::Subpacket(kind));
        }
        if self.said.created.is_none() {
            return Err(Problem::Damaged(
                "the OpenPGP signature does not say when it was made",
            ));
        }
        self.digest.ok_or(Problem::WeakDigest)
    }

    /// A hasher for what is signed.
    ///
    /// # Errors
    /// As [`Signature::check`].
    pub(super) fn hasher(&self) -> Result<Hasher, Problem> {
        let mut hasher = Hasher::new(self.check()?);
        hasher.update(&self.salt);
        Ok(hasher)
    }

    /// Is it the signature by this key of what went into the hasher?
    ///
    /// # Errors
    /// [`Problem::Signature`], or what makes it none.
    pub(super) fn verify(&self, key: &Key, mut hasher: Hasher) -> Result<(), Problem> {
        self.check()?;
        // RFC 9580, section 5.2: each version of keys makes signatures of one version.
        let is_same = match self.algorithm {
            RSA | RSA_SIGN_ONLY => [RSA, RSA_SIGN_ONLY].contains(&key.algorithm),
            algorithm => algorithm == key.algorithm,
        };
        if self.version != key.version || !is_same {
            return Err(Problem::OtherKey);
        }
        let public = key.public.as_ref().ok_or(UNUSABLE)?;
        // RFC 9580, section 5.2.4.
        let length = u32::try_from(self.hashed.len()).map_err(|_| DAMAGED)?;
        hasher.update(&self.hashed);
        hasher.update(&[self.version, 0xff]);
        hasher.update(&length.to_be_bytes());
        let digest = hasher.finish();
        if digest.bytes().first_chunk() != Some(&self.left) {
            return Err(Problem::OtherContent);
        }
        let (padding, value) = self.value(public.rsa_bits()).ok_or(DAMAGED)?;
        let scheme = Scheme {
            digest: digest.algorithm(),
            padding,
        };
        public.verify(scheme, &digest, &value)
    }

    /// What the key made (RFC 9580, section 5.2.3.1), to its end.
    fn value(&self, rsa_bits: Option<usize>) -> Option<(Padding, Vec<u8>)> {
        let mut cursor = Cursor(&self.value);
        let (padding, value) = match self.algorithm {
            RSA | RSA_SIGN_ONLY => {
                let number = number(&mut cursor)?;
                (Padding::Pkcs1, padded(number, rsa_bits?.div_ceil(8))?)
            }
            ECDSA => {
                let (r, s) = (number(&mut cursor)?, number(&mut cursor)?);
                (Padding::Ecdsa, ecdsa_der(r, s)?)
            }
            EDDSA => {
                let (r, s) = (number(&mut cursor)?, number(&mut cursor)?);
                (Padding::Ed25519, [padded(r, 32)?, padded(s, 32)?].concat())
            }
            ED25519 => (Padding::Ed25519, cursor.take(64)?.to_vec()),
            _ => return None,
        };
        cursor.is_empty().then_some((padding, value))
    }
}

/// Why a key without [`Key::public`] can't check anything.
const UNUSABLE: Problem =
    Problem::Key("it is no RSA key of 2048 to 8192 bits, and no P-256 or Ed25519 key");

/// A number with zeros in front of it, up to this length.
fn padded(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length.checked_sub(number.len())?];
    bytes.extend_from_slice(number);
    Some(bytes)
}
