//! [`Key`]: an OpenPGP key or subkey (RFC 9580, section 5.5.2).

use sha1::{Digest as _, Sha1};

use super::packet::number;
use crate::trust::cursor::Cursor;
use crate::trust::digest::{Algorithm, Hasher};
use crate::trust::error::Problem;
use crate::trust::key::PublicKey;

/// Algorithms (RFC 9580, section 9.1).
pub(super) const RSA: u8 = 1;
pub(super) const RSA_SIGN_ONLY: u8 = 3;
pub(super) const ECDSA: u8 = 19;
/// `EdDSALegacy`, which is Ed25519 as GnuPG writes it.
pub(super) const EDDSA: u8 = 22;
pub(super) const ED25519: u8 = 27;

/// Curves (RFC 9580, section 9.2), as DER without tag and length.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const ED25519_LEGACY: &[u8] = &[0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];

/// A key, whose signatures count once a [`Certificate`](super::Certificate) says so.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) version: u8,
    /// In seconds since 1970.
    pub(super) created: u32,
    pub(super) algorithm: u8,
    pub(super) fingerprint: Vec<u8>,
    /// What can check signatures; nothing where the key is of a kind that does not count.
    pub(super) public: Option<PublicKey>,
    /// The packet, as it is hashed.
    body: Vec<u8>,
}

impl Key {
    /// Reads the body of a packet.
    ///
    /// # Errors
    /// [`Problem::Damaged`]; [`Problem::Kind`] for keys of other versions than 4 and 6. A key of a kind that
    /// does not count is none.
    pub(super) fn read(body: &[u8]) -> Result<Key, Problem> {
        const DAMAGED: Problem = Problem::Damaged("an OpenPGP key in it is damaged");
        let mut cursor = Cursor(body);
        let version = cursor.byte().ok_or(DAMAGED)?;
        if version != 4 && version != 6 {
            return Err(Problem::Kind(format!(
                "an OpenPGP key of version {version}"
            )));
        }
        // There are two bytes for the length in what is hashed.
        if version == 4 && u16::try_from(body.len()).is_err() {
            return Err(DAMAGED);
        }
        let created = cursor.u32().ok_or(DAMAGED)?;
        let algorithm = cursor.byte().ok_or(DAMAGED)?;
        if version == 6 {
            let length = cursor.u32().ok_or(DAMAGED)?;
            if usize::try_from(length) != Ok(cursor.0.len()) {
                return Err(DAMAGED);
            }
        }
        let mut key = Key {
            version,
            created,
            algorithm,
            fingerprint: Vec::new(),
            public: public_key(version, algorithm, cursor),
            body: body.to_vec(),
        };
        let hashed = key.hashed();
        key.fingerprint = match version {
            4 => Sha1::digest(&hashed).to_vec(),
            _ => Algorithm::Sha256.digest(&hashed).bytes().to_vec(),
        };
        Ok(key)
    }

    /// The key as fingerprints and signatures hash it (RFC 9580, section 5.5.4).
    fn hashed(&self) -> Vec<u8> {
        let length = u32::try_from(self.body.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes();
        let head = match self.version {
            4 => vec![0x99, length[2], length[3]],
            _ => [&[0x9b][..], &length].concat(),
        };
        [&head[..], &self.body].concat()
    }

    /// Hashes the key, as signatures over keys do.
    pub(super) fn hash(&self, hasher: &mut Hasher) {
        hasher.update(&self.hashed());
    }

    /// The 8 bytes by which older signatures name it.
    pub(super) fn id(&self) -> &[u8] {
        let ends = match self.version {
            4 => self.fingerprint.last_chunk::<8>(),
            _ => self.fingerprint.first_chunk::<8>(),
        };
        ends.map_or(&[], |id| id)
    }

    /// The fingerprint, as GnuPG prints it.
    pub(super) fn name(&self) -> String {
        hexadecimal(&self.fingerprint)
    }
}

/// Digits as GnuPG prints them.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    crate::text::hex(bytes).to_uppercase()
}

/// What comes behind the algorithm (RFC 9580, section 5.5.5), to its end.
fn public_key(version: u8, algorithm: u8, mut cursor: Cursor<'_>) -> Option<PublicKey> {
    let key = match algorithm {
        RSA | RSA_SIGN_ONLY => {
            let (modulus, exponent) = (number(&mut cursor)?, number(&mut cursor)?);
            PublicKey::rsa_of(modulus, exponent)
        }
        ECDSA if curve(&mut cursor)? == P256 => PublicKey::p256(number(&mut cursor)?),
        EDDSA if version == 4 && curve(&mut cursor)? == ED25519_LEGACY => {
            PublicKey::ed25519(number(&mut cursor)?.strip_prefix(&[0x40])?)
        }
        ED25519 => PublicKey::ed25519(cursor.take(32)?),
        _ => return None,
    };
    key.ok().filter(|_| cursor.is_empty())
}

fn curve<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor.byte()?;
    cursor.take(length.into())
}
