//! CMS beside a file, as `openssl cms -sign -binary` writes it.

use super::streams::{Streams, Told};
use crate::trust::anchor::Trusted;
use crate::trust::cms::SignedData;
use crate::trust::error::{Problem, Refusal};
use crate::trust::inspect::Claim;
use crate::trust::oids;
use crate::trust::proof::{Format, Proof};
use crate::trust::signer;

/// A signature, with all its signers, that waits for its content.
pub(in crate::trust) struct Detached(SignedData);

impl Detached {
    /// Reads a signature in DER.
    ///
    /// A signature without signed attributes is over the file itself. Such a file might be the attributes of
    /// another signature, which never are a kernel or a command line: their first bytes are 0x31 and a length.
    ///
    /// # Errors
    /// [`Problem`]: it is no detached signature at all.
    pub(in crate::trust) fn read(der: &[u8]) -> Result<Detached, Problem> {
        let data = SignedData::read(der)?;
        if data.content_type != oids::DATA || data.content.is_some() {
            return Err(Problem::Kind("a signature that is not detached".to_owned()));
        }
        match data.signers.is_empty() {
            true => Err(Problem::Unsigned),
            false => Ok(Detached(data)),
        }
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// As [`Detached::read`].
    pub(in crate::trust) fn claim(&self, format: Format) -> Result<Claim, Problem> {
        Claim::of_cms(format, &self.0)
    }

    /// How many signers it has.
    pub(in crate::trust) fn signers(&self) -> usize {
        self.0.signers.len()
    }

    /// Asks for the hashes that its signers need.
    ///
    /// # Errors
    /// [`Problem::TooMany`].
    pub(in crate::trust) fn want(&self, streams: &mut Streams) -> Result<(), Problem> {
        let schemes = self
            .0
            .signers
            .iter()
            .filter_map(|info| info.scheme.as_ref().ok());
        schemes
            .map(|scheme| scheme.digest)
            .try_for_each(|digest| streams.want(digest, &[]))
    }

    /// What each signer is, now that all content was hashed.
    pub(in crate::trust) fn finish(
        &self,
        told: &Told,
        trusted: &Trusted,
        format: Format,
    ) -> impl Iterator<Item = Result<Proof, Refusal>> {
        self.0.signers.iter().map(move |info| {
            let content = |algorithm| {
                told.hasher(algorithm, &[])
                    .ok()
                    .map(|hasher| hasher.finish())
            };
            signer::verify(&self.0, info, content, trusted, format)
        })
    }
}
