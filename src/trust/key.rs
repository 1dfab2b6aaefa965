//! [`PublicKey`]: RSA and P-256 keys, and whether a signature is theirs.

use der::asn1::{BitStringRef, ObjectIdentifier as Oid, UintRef};
use der::{Decode, Reader, SliceReader};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Sha256, Sha384, Sha512};

use super::algorithm::{Padding, Scheme};
use super::asn1;
use super::digest::{Algorithm, Digest};
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
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, section 4.1): what `openssl pkey -pubout -outform DER` writes.
    ///
    /// # Errors
    /// [`Problem::Key`]: damaged, of another kind than RSA and P-256, or too weak.
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
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(bits)
                    .map_err(|_| Problem::Key("it is no point of the curve P-256"))?;
                Ok(PublicKey(Kind::P256(key)))
            }
            _ => Err(Problem::Key("it is neither an RSA nor a P-256 key")),
        }
    }

    /// An `RSAPublicKey` (RFC 8017, appendix A.1.1).
    fn rsa(der: &[u8]) -> Result<PublicKey, Problem> {
        let (modulus, exponent) = asn1::whole(der, |reader| {
            asn1::sequence(reader, |reader| {
                Ok((UintRef::decode(reader)?, UintRef::decode(reader)?))
            })
        })
        .map_err(|_| Problem::Key("it is damaged"))?;
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        let (modulus, exponent) = (modulus.as_bytes(), exponent.as_bytes());
        let n = BigUint::from_bytes_be(modulus);
        let size = n.bits();
        if size < MIN_RSA_BITS {
            return Err(Problem::WeakKey(size));
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
                };
                key.verify(padding, digest.bytes(), signature).is_ok()
            }
            (Kind::Rsa(key), Padding::Pss { salt }) if salt <= key.size() => {
                let padding = match digest.algorithm() {
                    Algorithm::Sha256 => Pss::new_with_salt::<Sha256>(salt),
                    Algorithm::Sha384 => Pss::new_with_salt::<Sha384>(salt),
                    Algorithm::Sha512 => Pss::new_with_salt::<Sha512>(salt),
                };
                key.verify(padding, digest.bytes(), signature).is_ok()
            }
            (Kind::P256(key), Padding::Ecdsa) => {
                let signature = p256::ecdsa::DerSignature::from_bytes(signature);
                signature
                    .is_ok_and(|signature| key.verify_prehash(digest.bytes(), &signature).is_ok())
            }
            (Kind::Rsa(_), Padding::Pss { .. }) => false,
            _ => return Err(Problem::OtherKey),
        };
        match valid && digest.algorithm() == scheme.digest {
            true => Ok(()),
            false => Err(Problem::Signature),
        }
    }
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
