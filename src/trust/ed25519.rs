//! [`Key`]: an Ed25519 key (RFC 8032, section 5.1), and its signatures under the strict rules.
//!
//! Strict is what makes a signature mean one key and one content: `S` is below the order of the group, `R` is
//! written in its one form, and neither `R` nor the key is a point of small order.

use ed25519_dalek::{Signature, VerifyingKey};

use super::error::Problem;

/// A key of 32 bytes that is a point of the curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(VerifyingKey);

impl Key {
    /// # Errors
    /// [`Problem::Key`].
    pub(super) fn read(bytes: &[u8]) -> Result<Key, Problem> {
        let key = bytes.try_into().ok();
        let key = key.and_then(|bytes| VerifyingKey::from_bytes(bytes).ok());
        // A key of small order has signatures that fit any content.
        let key = key.filter(|key| !key.is_weak());
        key.map(Key).ok_or(Problem::Key("it is no Ed25519 key"))
    }

    /// Is this the signature of a message that is in memory?
    ///
    /// # Errors
    /// [`Problem::Signature`].
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Problem> {
        let signature = Signature::from_slice(signature).map_err(|_| Problem::Signature)?;
        let result = self.0.verify_strict(message, &signature);
        result.map_err(|_| Problem::Signature)
    }

    /// The same for a message that is still to come. The rules of [`VerifyingKey::verify_strict`] that the
    /// stream leaves out are checked here.
    ///
    /// # Errors
    /// [`Problem::Signature`].
    pub(super) fn stream(&self, signature: &[u8; 64]) -> Result<Stream, Problem> {
        let signature = Signature::from_bytes(signature);
        // `R` is a point, as keys are.
        let r = VerifyingKey::from_bytes(signature.r_bytes());
        match (r, self.0.verify_stream(&signature)) {
            (Ok(r), Ok(verifier)) if !r.is_weak() => {
                let mut verifier = Some(verifier);
                Ok(Stream(Box::new(move |bytes| match bytes {
                    Some(bytes) => {
                        verifier.iter_mut().for_each(|own| own.update(bytes));
                        false
                    }
                    None => verifier
                        .take()
                        .is_some_and(|own| own.finalize_and_verify().is_ok()),
                })))
            }
            _ => Err(Problem::Signature),
        }
    }
}

/// A signature over a message that comes in pieces. The library gives its verifier no name that could be
/// written here, so a function holds it.
pub(super) struct Stream(Box<Step>);

/// It takes a piece, or the end, and says then whether the signature is right.
type Step = dyn FnMut(Option<&[u8]>) -> bool + Send;

impl Stream {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        (self.0)(Some(bytes));
    }

    /// Is the signature right?
    pub(super) fn finish(mut self) -> bool {
        (self.0)(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::armor;
    use ed25519_dalek::{Signer, SigningKey};

    fn by_stream(key: &Key, message: &[u8], signature: &[u8; 64]) -> bool {
        let Ok(mut stream) = key.stream(signature) else {
            return false;
        };
        message.chunks(3).for_each(|bytes| stream.update(bytes));
        stream.finish()
    }

    /// In pieces and at once: the same, for good signatures and for those that only a lax verifier takes.
    #[test]
    fn both_ways_are_strict() {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let key = Key::read(secret.verifying_key().as_bytes()).unwrap();
        let message = b"content of the file";
        let good = secret.sign(message).to_bytes();
        assert!(by_stream(&key, message, &good) && key.verify(message, &good).is_ok());
        for at in 0..512 {
            let mut bad = good;
            bad[at / 8] ^= 1 << (at % 8);
            assert!(!by_stream(&key, message, &bad), "{at}");
            assert!(key.verify(message, &bad).is_err(), "{at}");
        }
        // S + L: the same number modulo the order of the group.
        let order = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut high = good;
        let mut carry = 0;
        for (byte, add) in high[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + add + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        assert!(!by_stream(&key, message, &high) && key.verify(message, &high).is_err());
    }

    /// R of small order: with S = k·a it satisfies the plain equation.
    #[test]
    fn points_of_small_order() {
        let mut one = [0; 32];
        one[0] = 1;
        assert!(Key::read(&one).is_err());
        assert!(Key::read(&[0; 32]).is_err());
        let secret = SigningKey::from_bytes(&[7; 32]);
        let key = Key::read(secret.verifying_key().as_bytes()).unwrap();
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(key.stream(&signature).is_err());
        assert!(Key::read(&armor::decode(b"AAAA").unwrap()).is_err());
    }
}
