//! [`Streams`]: everything that is computed of a file while it passes once, and [`Told`], what came of it.

use crate::trust::digest::{Algorithm, Hasher};
use crate::trust::ed25519;
use crate::trust::error::Problem;

/// More than these are not computed at once. All signatures by one algorithm share one; only Ed25519 over the file
/// itself and OpenPGP's version 6 need one for each signature.
pub const MAX_STREAMS: usize = 16;

/// What is computed. Each is wanted once, however often it is asked for.
#[derive(Default)]
pub(in crate::trust) struct Streams {
    digests: Vec<Hashed>,
    ed25519: Vec<Ed25519>,
}

/// A digest of the file, with something before it.
struct Hashed {
    algorithm: Algorithm,
    salt: Vec<u8>,
    hasher: Hasher,
}

/// A signature over the file itself.
struct Ed25519 {
    key: ed25519::Key,
    signature: [u8; 64],
    verifier: ed25519::Stream,
}

/// What was computed, over all of the file.
pub(in crate::trust) struct Told {
    digests: Vec<Hashed>,
    /// The signatures that are right.
    ed25519: Vec<(ed25519::Key, [u8; 64])>,
}

impl Streams {
    /// Wants a digest of the file with `salt` before it.
    ///
    /// # Errors
    /// [`Problem::TooMany`].
    pub(in crate::trust) fn want(
        &mut self,
        algorithm: Algorithm,
        salt: &[u8],
    ) -> Result<(), Problem> {
        let mut digests = self.digests.iter();
        if digests.any(|own| own.algorithm == algorithm && own.salt == salt) {
            return Ok(());
        }
        self.check_room()?;
        let mut hasher = Hasher::new(algorithm);
        hasher.update(salt);
        self.digests.push(Hashed {
            algorithm,
            salt: salt.to_vec(),
            hasher,
        });
        Ok(())
    }

    /// Wants to know whether a signature over the file itself is by a key. One that can't be is not computed.
    ///
    /// # Errors
    /// [`Problem::TooMany`].
    pub(in crate::trust) fn want_ed25519(
        &mut self,
        key: &ed25519::Key,
        signature: &[u8; 64],
    ) -> Result<(), Problem> {
        let mut wanted = self.ed25519.iter();
        if wanted.any(|own| own.key == *key && own.signature == *signature) {
            return Ok(());
        }
        self.check_room()?;
        if let Ok(verifier) = key.stream(signature) {
            self.ed25519.push(Ed25519 {
                key: key.clone(),
                signature: *signature,
                verifier,
            });
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), Problem> {
        match self.digests.len().saturating_add(self.ed25519.len()) < MAX_STREAMS {
            true => Ok(()),
            false => Err(Problem::TooMany("signatures, or keys that it could be by")),
        }
    }

    /// Takes the bytes of the file that come next.
    pub(in crate::trust) fn update(&mut self, bytes: &[u8]) {
        for own in &mut self.digests {
            own.hasher.update(bytes);
        }
        for own in &mut self.ed25519 {
            own.verifier.update(bytes);
        }
    }

    /// The file ends here.
    pub(in crate::trust) fn finish(self) -> Told {
        let ed25519 = self.ed25519.into_iter();
        let right = ed25519.filter_map(|own| {
            let is_right = own.verifier.finish();
            is_right.then_some((own.key, own.signature))
        });
        Told {
            digests: self.digests,
            ed25519: right.collect(),
        }
    }
}

impl Told {
    /// A hasher that holds all of the file, with `salt` before it.
    ///
    /// # Errors
    /// [`Problem::NotCounted`] when nobody wanted that.
    pub(in crate::trust) fn hasher(
        &self,
        algorithm: Algorithm,
        salt: &[u8],
    ) -> Result<Hasher, Problem> {
        let mut digests = self.digests.iter();
        let own = digests.find(|own| own.algorithm == algorithm && own.salt == salt);
        let own = own.ok_or(Problem::NotCounted(algorithm))?;
        Ok(own.hasher.clone())
    }

    /// Is the signature over the file itself by this key?
    ///
    /// # Errors
    /// [`Problem::Signature`].
    pub(in crate::trust) fn ed25519(
        &self,
        key: &ed25519::Key,
        signature: &[u8; 64],
    ) -> Result<(), Problem> {
        let mut right = self.ed25519.iter();
        match right.any(|(own, value)| own == key && value == signature) {
            true => Ok(()),
            false => Err(Problem::Signature),
        }
    }
}
