//! OpenPGP (RFC 9580): keys, and detached signatures by them.
//!
//! Versions 4 and 6, with RSA, P-256 and Ed25519 under both of its numbers. A signing subkey counts when the key
//! bound it and it bound itself to the key; key flags have to let a key sign, and a revocation is for ever.

mod certificate;
mod key;
mod packet;
mod signature;
mod subpackets;

use super::anchor::{Kind, Trusted};
use super::certificate::Validity;
use super::detached::{Streams, Told};
use super::digest::Algorithm;
use super::error::{Problem, Refusal};
use super::inspect::Claim;
use super::proof::{Dated, Format, Proof, Signer};
pub(super) use certificate::Certificate;
use packet::{MARKER, NOT_CRITICAL, PADDING, SIGNATURE, packets};
use signature::Signature;
use subpackets::Issuer;

/// What a signature is about: the bytes of a file, as they are (RFC 9580, section 5.2.1.1).
const BINARY: u8 = 0x00;
/// A text, whose line ends may change.
const TEXT: u8 = 0x01;

/// Reads the keys of a file, which is no armor.
///
/// # Errors
/// [`Problem`]: damaged, no keys, or one that could never sign.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, Problem> {
    Certificate::read_all(&packets(bytes)?)
}

/// Could these bytes be packets with signatures, in no armor? The first byte of other things may be the same,
/// but then the lengths do not come out even.
pub(super) fn is_signatures(bytes: &[u8]) -> bool {
    let is_signature = |first: &packet::Packet<'_>| {
        first.kind == SIGNATURE && matches!(first.body.first(), Some(2..=6))
    };
    packets(bytes).is_ok_and(|packets| packets.first().is_some_and(is_signature))
}

/// A detached signature that waits for its content.
pub(super) struct Detached {
    signature: Signature,
    digest: Algorithm,
}

/// Reads the signatures of a file, which is no armor.
///
/// # Errors
/// [`Problem`]: damaged, or something else stands there.
pub(super) fn signatures(bytes: &[u8]) -> Result<Vec<Result<Detached, Refusal>>, Problem> {
    let mut found = Vec::new();
    for packet in packets(bytes)? {
        match packet.kind {
            SIGNATURE => found.push(Detached::read(packet.body).map_err(Refusal::of)),
            MARKER | PADDING | NOT_CRITICAL.. => {}
            kind => {
                let what =
                    format!("an OpenPGP packet of kind {kind} where a signature is expected");
                return Err(Problem::Kind(what));
            }
        }
    }
    Ok(found)
}

impl Detached {
    fn read(body: &[u8]) -> Result<Detached, Problem> {
        let signature = Signature::read(body)?;
        match signature.kind {
            BINARY => {}
            TEXT => {
                let what = "an OpenPGP signature of a text (--textmode), not of a file";
                return Err(Problem::Kind(what.to_owned()));
            }
            kind => {
                return Err(Problem::Kind(format!(
                    "an OpenPGP signature of kind {kind:#04x}"
                )));
            }
        }
        let digest = signature.check()?;
        if signature.issuers().is_empty() {
            return Err(Problem::Damaged(
                "the OpenPGP signature does not name its key",
            ));
        }
        Ok(Detached { signature, digest })
    }

    /// What it says of itself.
    pub(super) fn claim(&self) -> Claim {
        let key = self.signature.issuers().last().map(Issuer::name);
        Claim::by_key(Format::OpenPgp, key.unwrap_or_default(), self.digest)
    }

    /// Asks for the hash that it needs.
    pub(super) fn want(&self, streams: &mut Streams) -> Result<(), Problem> {
        streams.want(self.digest, &self.signature.salt)
    }

    /// Checks it, now that all content was hashed.
    pub(super) fn finish(&self, told: &Told, trusted: &Trusted) -> Result<Proof, Refusal> {
        let name = self.signature.issuers().last().map(Issuer::name);
        let unknown = Problem::UnknownKey(name.unwrap_or_default());
        let mut refusal = Refusal::of(unknown);
        for anchor in &trusted.anchors {
            let Kind::OpenPgp(certificate) = &anchor.kind else {
                continue;
            };
            for signer in &certificate.keys {
                if !self.signature.names(&signer.key) {
                    continue;
                }
                match self.verify(signer, told, trusted) {
                    Ok(dates) => {
                        let key = Signer::Key(signer.key.name());
                        let proof = Proof::new(Format::OpenPgp, &anchor.name, key, self.digest);
                        return Ok(Proof { dates, ..proof });
                    }
                    Err(problem) => refusal = Refusal::by_key(problem, &signer.key.name()),
                }
            }
        }
        Err(refusal)
    }

    fn verify(
        &self,
        signer: &certificate::Signer,
        told: &Told,
        trusted: &Trusted,
    ) -> Result<Vec<Dated>, Problem> {
        signer.check()?;
        if let Some(public) = &signer.key.public {
            trusted.check_key(public, self.digest)?;
        }
        self.signature
            .verify(&signer.key, told.hasher(self.digest, &self.signature.salt)?)?;
        let made = u64::from(self.signature.said.created.unwrap_or(0));
        let expires = self.signature.said.expires;
        let signature = Validity {
            not_before: made,
            not_after: expires.map_or(u64::MAX, |seconds| made.saturating_add(seconds.into())),
        };
        Ok(vec![
            Dated {
                what: "key".to_owned(),
                validity: signer.validity,
            },
            Dated {
                what: "signature".to_owned(),
                validity: signature,
            },
        ])
    }
}
