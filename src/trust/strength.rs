//! [`Strength`]: the weakest keys and digests that count.

use super::digest::Algorithm;
use super::error::Problem;
use super::key::{MIN_RSA_BITS, PublicKey};

/// The weakest that counts, of every key and every digest between the content and the anchor; what binds a subkey
/// of OpenPGP to its key is part of the anchor. The policy may ask for more than the default, which is RSA with 2048
/// bits, and SHA-256; for less it can't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strength {
    /// The shortest modulus of an RSA key, in bits. Keys on curves are as strong as RSA with 3072 bits, and
    /// always count.
    pub rsa_bits: usize,
    /// The shortest digest: SHA-384 leaves out SHA-256.
    pub digest: Algorithm,
}

impl Default for Strength {
    fn default() -> Strength {
        Strength {
            rsa_bits: MIN_RSA_BITS,
            digest: Algorithm::Sha256,
        }
    }
}

impl Strength {
    /// Is a signature with this key and this digest strong enough?
    ///
    /// # Errors
    /// [`Problem::WeakKey`], [`Problem::NotCounted`].
    pub(super) fn check(self, key: &PublicKey, digest: Algorithm) -> Result<(), Problem> {
        let least = self.rsa_bits.max(MIN_RSA_BITS);
        if let Some(bits) = key.rsa_bits().filter(|bits| *bits < least) {
            return Err(Problem::WeakKey { bits, least });
        }
        match digest < self.digest {
            true => Err(Problem::NotCounted(digest)),
            false => Ok(()),
        }
    }
}
