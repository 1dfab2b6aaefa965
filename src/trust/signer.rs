//! The proof: from a signature as it was read to a [`Chain`] or a key.

use super::anchor::Trusted;
use super::chain::Chain;
use super::cms::{SignedData, SignerInfo};
use super::digest::Digest;
use super::error::{Problem, Refusal};
use super::key::PublicKey;
use super::proof::{Format, Proof, Signer};

/// Checks one signer of a signature over content with the digest that `content` gives for an algorithm.
///
/// # Errors
/// [`Refusal`]: the first thing that is wrong.
pub(super) fn verify(
    data: &SignedData,
    info: &SignerInfo,
    content: impl FnOnce(super::Algorithm) -> Option<Digest>,
    trusted: &Trusted,
    format: Format,
) -> Result<Proof, Refusal> {
    let scheme = match &info.scheme {
        Ok(scheme) => *scheme,
        Err(Problem::Algorithm(oid)) => return Err(Refusal::of(Problem::Algorithm(*oid))),
        Err(Problem::Damaged(what)) => return Err(Refusal::of(Problem::Damaged(what))),
        Err(_) => return Err(Refusal::of(Problem::WeakDigest)),
    };
    let not_counted = Problem::NotCounted(scheme.digest);
    let content = content(scheme.digest).ok_or(Refusal::of(not_counted))?;
    let signed = match &info.attributes {
        None => content,
        Some(attributes) => {
            if attributes.content_type != data.content_type {
                let problem = Problem::Damaged("the signature is for another kind of content");
                return Err(Refusal::of(problem));
            }
            if attributes.message_digest != content.bytes() {
                return Err(Refusal::of(Problem::OtherContent));
            }
            scheme.digest.digest(&attributes.bytes)
        }
    };
    let check = |key: &PublicKey| {
        trusted.strength.check(key, scheme.digest)?;
        key.verify(scheme, &signed, &info.signature)
    };

    let anchors = trusted.anchors.iter();
    let anchored = anchors.filter_map(|anchor| anchor.as_certificate());
    let mut refusal = Refusal::of(Problem::NoSigner);
    for certificate in data.certificates.iter().chain(anchored) {
        if !info.is(certificate) {
            continue;
        }
        let result = certificate.public_key().and_then(|key| check(&key));
        let result = result.map_err(|problem| Refusal::by(problem, &certificate.name()));
        match result.and_then(|()| Chain::find(certificate, &data.certificates, trusted)) {
            Ok(chain) => return Ok(Proof::by(chain, format, scheme.digest)),
            Err(error) => refusal = error,
        }
    }
    // Without its certificate a signature may still be by the key of an anchor. One that is revoked or must
    // not sign gets no second way. An owner who trusts a key alone trusts it whatever its certificates say.
    if matches!(refusal.problem, Problem::NoSigner) {
        for anchor in &trusted.anchors {
            let Some(own) = anchor.as_key() else {
                continue;
            };
            if !trusted.revoked.has_key(&own.key) && check(&own.key).is_ok() {
                let signer = Signer::Key(own.fingerprint.clone());
                return Ok(Proof::new(format, &anchor.name, signer, scheme.digest));
            }
        }
    }
    Err(refusal)
}
