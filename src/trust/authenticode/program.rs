//! [`Program`]: a program that was read to its end, and the [`Verdict`] on it.

use crate::pe::Image;
use crate::trust::anchor::Trusted;
use crate::trust::cms::SignedData;
use crate::trust::digest::{Algorithm, Digest};
use crate::trust::error::{Problem, Refusal};
use crate::trust::proof::{Format, Proof, Signer};
use crate::trust::{asn1, oids, signer};

use super::{indirect, nested, table};

/// An EFI program that was read to its end. Nothing of it is proven.
#[derive(Debug)]
pub struct Program {
    pub(super) image: Image,
    pub(super) digests: Vec<Digest>,
    pub(super) table: Vec<u8>,
}

/// The anchor of a program whose digest is in [`Trusted::programs`].
const LISTED: &str = "listed digest";

/// What came of each signature. A program counts when there is a proof.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Each signature that counts. Different ones may lead to different anchors.
    pub proofs: Vec<Proof>,
    /// Why the others do not.
    pub refusals: Vec<Refusal>,
}

impl Program {
    /// Its headers.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Its Authenticode digests, by each algorithm that was asked for.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// The signatures in its table, each a CMS in DER, and behind each those that are nested in it. Nothing of
    /// them is proven.
    ///
    /// # Errors
    /// [`Problem::Damaged`], [`Problem::TooMany`]. An entry of the table may be of another kind by itself.
    pub fn signatures(&self) -> Result<Vec<Result<Vec<u8>, Problem>>, Problem> {
        let mut found = Vec::new();
        for entry in table::entries(&self.table)? {
            nested::unfold(entry.map(<[u8]>::to_vec), 0, &mut found)?;
        }
        Ok(found)
    }

    /// Checks all its signatures. A revoked program has no proof, whoever signed it.
    pub fn verify(&self, trusted: &Trusted) -> Verdict {
        let mut verdict = Verdict::default();
        if let Err(problem) = trusted.revoked.check_program(&self.digests) {
            verdict.refusals.push(Refusal::of(problem));
            return verdict;
        }
        let listed = self
            .digests
            .iter()
            .find(|digest| trusted.programs.contains(digest));
        verdict.proofs.extend(listed.map(|digest| {
            let signer = Signer::Digest(digest.clone());
            Proof::new(Format::Authenticode, LISTED, signer, digest.algorithm())
        }));
        let entries = match self.signatures() {
            Ok(entries) => entries,
            Err(problem) => {
                verdict.refusals.push(Refusal::of(problem));
                return verdict;
            }
        };
        if entries.is_empty() {
            verdict.refusals.push(Refusal::of(Problem::Unsigned));
        }
        for (number, entry) in (1_usize..).zip(entries) {
            match entry
                .map_err(Refusal::of)
                .and_then(|entry| self.signature(&entry, trusted))
            {
                Ok(proof) => verdict.proofs.push(proof),
                Err(refusal) => verdict.refusals.push(refusal.numbered(number)),
            }
        }
        verdict
    }

    /// Checks one signature: the digest in it is that of this program, and the signer's chain holds.
    fn signature(&self, entry: &[u8], trusted: &Trusted) -> Result<Proof, Refusal> {
        let refuse = Refusal::of;
        let data = SignedData::read(entry).map_err(refuse)?;
        let content = data.content.as_deref();
        let content = content.filter(|_| data.content_type == oids::SPC_INDIRECT_DATA);
        let damaged = |what| refuse(Problem::Damaged(what));
        let content = content.ok_or(damaged("the signature is for no program"))?;
        let (algorithm, signed) = indirect::read(content).map_err(refuse)?;
        let digest = self.digest(algorithm).map_err(refuse)?;
        if algorithm < trusted.strength.digest {
            return Err(refuse(Problem::NotCounted(algorithm)));
        }
        if digest.bytes() != signed {
            return Err(refuse(Problem::OtherContent));
        }
        let [info] = data.signers.as_slice() else {
            return Err(damaged("the signature does not have one signer"));
        };
        if info.attributes.is_none() {
            return Err(damaged("the signature has no signed attributes"));
        }
        // The content is hashed without its tag and length (RFC 2315, section 9.3).
        let value = asn1::value(content).unwrap_or_default();
        let content = |algorithm: Algorithm| Some(algorithm.digest(value));
        signer::verify(&data, info, content, trusted, Format::Authenticode)
    }

    fn digest(&self, algorithm: Algorithm) -> Result<&Digest, Problem> {
        let mut digests = self.digests.iter();
        let digest = digests.find(|digest| digest.algorithm() == algorithm);
        digest.ok_or(Problem::NotCounted(algorithm))
    }
}
