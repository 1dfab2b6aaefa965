//! Raw signatures: the bare number that a key makes, as `openssl dgst -sign` and `openssl pkeyutl -rawin` write it.
//!
//! Nothing in them says by which key and how: every bare key among the anchors is tried in every way that it could
//! have signed. With PSS, the salt is as long as the digest, or as long as there is room for: what tools write.

use super::streams::{Streams, Told};
use crate::trust::algorithm::{Padding, Scheme};
use crate::trust::anchor::{Key, Trusted};
use crate::trust::digest::Algorithm;
use crate::trust::error::{Problem, Refusal};
use crate::trust::proof::{Format, Proof, Signer};

const DIGESTS: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

/// A signature that waits for its content.
pub(super) struct Detached(Vec<u8>);

impl Detached {
    /// Takes a signature that is of no other kind.
    ///
    /// # Errors
    /// [`Problem::NoKey`], where it could be by no bare key among the anchors.
    pub(super) fn read(bytes: &[u8], trusted: &Trusted) -> Result<Detached, Problem> {
        let signature = Detached(bytes.to_vec());
        let mut keys = trusted.anchors.iter().filter_map(|anchor| anchor.as_key());
        if keys.any(|own| signature.fits(own)) {
            return Ok(signature);
        }
        Err(Problem::NoKey(match bytes.first() {
            None => return Err(Problem::Unsigned),
            Some(0x30) => "a bare P-256 key",
            Some(_) if bytes.len() == 64 => "a bare Ed25519 key",
            Some(_) if [256, 384, 512, 1024].contains(&bytes.len()) => {
                "a bare RSA key of this length"
            }
            Some(_) => {
                let what = "no signature of a format that is known here".to_owned();
                return Err(Problem::Kind(what));
            }
        }))
    }

    /// Could it be by this key?
    fn fits(&self, own: &Key) -> bool {
        match own.key.rsa_bits() {
            Some(bits) => self.0.len() == bits.div_ceil(8),
            None if own.key.is_p256() => self.0.first() == Some(&0x30),
            None => self.0.len() == 64,
        }
    }

    /// Asks for the hashes that it may need.
    ///
    /// # Errors
    /// [`Problem::TooMany`].
    pub(super) fn want(&self, streams: &mut Streams, trusted: &Trusted) -> Result<(), Problem> {
        let keys = trusted.anchors.iter().filter_map(|anchor| anchor.as_key());
        for own in keys.filter(|own| self.fits(own)) {
            match (
                own.key.as_ed25519(),
                <&[u8; 64]>::try_from(self.0.as_slice()),
            ) {
                (Some(key), Ok(signature)) => streams.want_ed25519(key, signature)?,
                _ => DIGESTS
                    .into_iter()
                    .try_for_each(|digest| streams.want(digest, &[]))?,
            }
        }
        Ok(())
    }

    /// Checks it, now that all content was hashed.
    pub(super) fn finish(&self, told: &Told, trusted: &Trusted) -> Result<Proof, Refusal> {
        let mut refusal = Refusal::of(Problem::Signature);
        for anchor in &trusted.anchors {
            let Some(own) = anchor.as_key().filter(|own| self.fits(own)) else {
                continue;
            };
            // A key that did not sign it says nothing.
            let Ok(digest) = self.verify(own, told) else {
                continue;
            };
            match trusted.check_key(&own.key, digest) {
                Ok(()) => {
                    let signer = Signer::Key(own.fingerprint.clone());
                    return Ok(Proof::new(Format::Raw, &anchor.name, signer, digest));
                }
                Err(problem) => refusal = Refusal::by_key(problem, &own.fingerprint),
            }
        }
        Err(refusal)
    }

    /// By which digest the key signed.
    fn verify(&self, own: &Key, told: &Told) -> Result<Algorithm, Problem> {
        if let Some(key) = own.key.as_ed25519() {
            let signature = self
                .0
                .as_slice()
                .try_into()
                .map_err(|_| Problem::Signature)?;
            return told.ed25519(key, signature).map(|()| Algorithm::Sha512);
        }
        for digest in DIGESTS {
            let content = told.hasher(digest, &[])?.finish();
            let length = content.bytes().len();
            let paddings = match own.key.rsa_bits() {
                None => vec![Padding::Ecdsa],
                Some(bits) => {
                    // RFC 8017, section 9.1.1: what the digest and two bytes leave.
                    let room = bits.saturating_sub(1).div_ceil(8);
                    let room = room.saturating_sub(length).saturating_sub(2);
                    vec![
                        Padding::Pkcs1,
                        Padding::Pss { salt: length },
                        Padding::Pss { salt: room },
                    ]
                }
            };
            let signs = |padding| {
                own.key
                    .verify(Scheme { digest, padding }, &content, &self.0)
                    .is_ok()
            };
            if paddings.into_iter().any(signs) {
                return Ok(digest);
            }
        }
        Err(Problem::Signature)
    }
}
