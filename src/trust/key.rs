//! [`PublicKey`]: RSA, P-256 and Ed25519 keys, and whether a signature is theirs.

use der::asn1::{BitStringRef, ObjectIdentifier as Oid, UintRef};
use der::{Decode, Reader, SliceReader, Tag};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Sha256, Sha384, Sha512};

use super::algorithm::{Padding, Scheme};
use super::asn1;
use super::digest::{Algorithm, Digest};
use super::ed25519;
use super::error::Problem;
use super::oids;

/// RSA keys with a shorter modulus are refused, in bits.
pub const MIN_RSA_BITS: usize = 2048;

/// RSA keys with a longer modulus are refused, in bits: nobody has one, and each check would take seconds.
pub const MAX_RSA_BITS: usize = 8192;

/// A key that can check signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519::Key),
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, section 4.1): what `openssl pkey -pubout -outform DER` writes.
    ///
    /// # Errors
    /// [`Problem::Key`]: damaged, of another kind than RSA, P-256 and Ed25519, or too weak.
    pub fn read(der: &[u8]) -> Result<PublicKey, Problem> {
        let damaged = |_| Problem::Key("it is damaged");
        let (algorithm, parameters, bits) = asn1::whole(der, |reader| {
            asn1::sequence(reader, |reader| {
                let (algorithm, parameters) = identifier(reader)?;
                let bits = BitStringRef::decode(reader)?;
                Ok((algorithm, parameters, bits.as_bytes()))
            })
        })
        .map_err(damaged)?;
        let bits = bits.ok_or(Problem::Key("it is damaged"))?;
        match algorithm {
            oids::RSA if parameters.is_none_or(|bytes| bytes == NULL) => PublicKey::rsa(bits),
            oids::EC => {
                let curve = parameters.map(Oid::from_der).transpose().map_err(damaged)?;
                if curve != Some(oids::P256) {
                    return Err(Problem::Key("it is on another curve than P-256"));
                }
                PublicKey::p256(bits)
            }
            // RFC 8410, section 3: "The parameters … MUST be absent".
            oids::ED25519 if parameters.is_none() => PublicKey::ed25519(bits),
            _ => Err(Problem::Key("it is no RSA, P-256 or Ed25519 key")),
        }
    }

    /// Does a DER begin as a `SubjectPublicKeyInfo` does: with its algorithm?
    pub(super) fn is_one(der: &[u8]) -> bool {
        let first = asn1::value(der).map(asn1::first_in_sequence);
        first == Ok(Some(Tag::ObjectIdentifier))
    }

    /// A key on P-256: a point (SEC 1, section 2.3.3).
    pub(super) fn p256(point: &[u8]) -> Result<PublicKey, Problem> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .map_err(|_| Problem::Key("it is no point of the curve P-256"))?;
        Ok(PublicKey(Kind::P256(key)))
    }

    /// An Ed25519 key: the 32 bytes of RFC 8032.
    pub(super) fn ed25519(bytes: &[u8]) -> Result<PublicKey, Problem> {
        Ok(PublicKey(Kind::Ed25519(ed25519::Key::read(bytes)?)))
    }

    /// An `RSAPublicKey` (RFC 8017, appendix A.1.1).
    fn rsa(der: &[u8]) -> Result<PublicKey, Problem> {
        let (modulus, exponent) = asn1::whole(der, |reader| {
            asn1::sequence(reader, |reader| {
                Ok((UintRef::decode(reader)?, UintRef::decode(reader)?))
            })
        })
        .map_err(|_| Problem::Key("it is damaged"))?;
        PublicKey::rsa_of(modulus.as_bytes(), exponent.as_bytes())
    }

    /// An RSA key of these two numbers, without zeros in front.
    pub(super) fn rsa_of(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, Problem> {
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        let n = BigUint::from_bytes_be(modulus);
        let size = n.bits();
        if size < MIN_RSA_BITS {
            return Err(Problem::WeakKey {
                bits: size,
                least: MIN_RSA_BITS,
            });
        }
        if size > MAX_RSA_BITS {
            return Err(Problem::Key("its modulus is longer than 8192 bits"));
        }
        if !is_odd(modulus) || !is_odd(exponent) || exponent == [1] || exponent.len() > 4 {
            return Err(Problem::Key("its modulus or its exponent makes no sense"));
        }
        let key =
            RsaPublicKey::new_with_max_size(n, BigUint::from_bytes_be(exponent), MAX_RSA_BITS)
                .map_err(|_| Problem::Key("its modulus or its exponent makes no sense"))?;
        Ok(PublicKey(Kind::Rsa(key)))
    }

    /// The length of the modulus of an RSA key, in bits.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        match &self.0 {
            Kind::Rsa(key) => Some(key.n().bits()),
            _ => None,
        }
    }

    /// Is it a key on P-256?
    pub(super) fn is_p256(&self) -> bool {
        matches!(self.0, Kind::P256(_))
    }

    /// The key, if it is an Ed25519 key.
    pub(super) fn as_ed25519(&self) -> Option<&ed25519::Key> {
        match &self.0 {
            Kind::Ed25519(key) => Some(key),
            _ => None,
        }
    }

    /// Is this the signature by this key of something with this digest?
    ///
    /// # Errors
    /// [`Problem::Signature`] when it is not, [`Problem::OtherKey`] when the key is of another kind.
    pub(super) fn verify(
        &self,
        scheme: Scheme,
        digest: &Digest,
        signature: &[u8],
    ) -> Result<(), Problem> {
        let valid = match (&self.0, scheme.padding) {
            (Kind::Rsa(key), Padding::Pkcs1) => {
                let padding = match digest.algorithm() {
                    Algorithm::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
                    Algorithm::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
                    Algorithm::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
                    Algorithm::Blake2b => return Err(Problem::OtherKey),
                };
                key.verify(padding, digest.bytes(), signature).is_ok()
            }
            (Kind::Rsa(key), Padding::Pss { salt }) if salt <= key.size() => {
                let padding = match digest.algorithm() {
                    Algorithm::Sha256 => Pss::new_with_salt::<Sha256>(salt),
                    Algorithm::Sha384 => Pss::new_with_salt::<Sha384>(salt),
                    Algorithm::Sha512 => Pss::new_with_salt::<Sha512>(salt),
                    Algorithm::Blake2b => return Err(Problem::OtherKey),
                };
                key.verify(padding, digest.bytes(), signature).is_ok()
            }
            (Kind::P256(key), Padding::Ecdsa) => {
                let signature = p256::ecdsa::DerSignature::from_bytes(signature);
                signature
                    .is_ok_and(|signature| key.verify_prehash(digest.bytes(), &signature).is_ok())
            }
            (Kind::Rsa(_), Padding::Pss { .. }) => false,
            (Kind::Ed25519(key), Padding::Ed25519) => key.verify(digest.bytes(), signature).is_ok(),
            _ => return Err(Problem::OtherKey),
        };
        match valid && digest.algorithm() == scheme.digest {
            true => Ok(()),
            false => Err(Problem::Signature),
        }
    }
}

/// The DER of an ECDSA signature on P-256 whose two numbers come without zeros in front; longer ones are none.
pub(super) fn ecdsa_der(r: &[u8], s: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = [0; 64];
    let (left, right) = bytes.split_at_mut_checked(32)?;
    for (place, number) in [(left, r), (right, s)] {
        let at = place.len().checked_sub(number.len())?;
        place.get_mut(at..)?.copy_from_slice(number);
    }
    let signature = p256::ecdsa::Signature::from_slice(&bytes).ok()?;
    Some(signature.to_der().as_bytes().to_vec())
}

/// NULL, as parameters that say nothing.
pub(super) const NULL: &[u8] = &[5, 0];

/// An `AlgorithmIdentifier`: the algorithm, and its parameters as they are written.
pub(super) fn identifier<'a>(reader: &mut SliceReader<'a>) -> der::Result<(Oid, Option<&'a [u8]>)> {
    asn1::sequence(reader, |reader| {
        let algorithm = Oid::decode(reader)?;
        let parameters = match reader.is_finished() {
            true => None,
            false => Some(reader.tlv_bytes()?),
        };
        Ok((algorithm, parameters))
    })
}
