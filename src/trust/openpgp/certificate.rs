//! [`Certificate`]: an OpenPGP key with its subkeys (RFC 9580, section 10.1), and which of them may sign.

use super::key::Key;
use super::packet::{
    MARKER, NOT_CRITICAL, PADDING, PUBLIC_KEY, PUBLIC_SUBKEY, Packet, SIGNATURE, TRUST,
    USER_ATTRIBUTE, USER_ID,
};
use super::signature::Signature;
use crate::trust::certificate::Validity;
use crate::trust::digest::{Algorithm, Hasher};
use crate::trust::error::Problem;
use crate::trust::strength::Strength;

/// What signatures are about (RFC 9580, section 5.2.1).
const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
const SUBKEY_BINDING: u8 = 0x18;
/// Made by a subkey that signs: it wants to belong to the key.
const PRIMARY_KEY_BINDING: u8 = 0x19;
const DIRECT_KEY: u8 = 0x1f;
const KEY_REVOCATION: u8 = 0x20;
const SUBKEY_REVOCATION: u8 = 0x28;
const CERTIFICATION_REVOCATION: u8 = 0x30;

/// A key with its subkeys. What others say of it is not looked at, and neither are revocations by others.
#[derive(Clone, Debug)]
pub(in crate::trust) struct Certificate {
    /// The key, then its subkeys.
    pub(super) keys: Vec<Signer>,
}

/// One of the keys.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) key: Key,
    pub(super) state: State,
    /// From its creation to its end; and a subkey ends with the key.
    pub(super) validity: Validity,
}

/// May a key sign content?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Yes,
    Revoked,
    /// Why not.
    No(&'static str),
}

impl Signer {
    /// May its signatures count?
    pub(super) fn check(&self) -> Result<(), Problem> {
        match self.state {
            State::Yes => Ok(()),
            State::Revoked => Err(Problem::Revoked("its key")),
            State::No(why) => Err(Problem::Usage(why)),
        }
    }
}

/// A key, a subkey, or what stands for a person, with the signatures behind it.
struct Part<'a> {
    packet: Packet<'a>,
    signatures: Vec<Result<Signature, Packet<'a>>>,
}

impl Certificate {
    /// Reads all certificates of a file.
    ///
    /// # Errors
    /// [`Problem::Damaged`]; [`Problem::Kind`] when something else stands there.
    pub(super) fn read_all(packets: &[Packet<'_>]) -> Result<Vec<Certificate>, Problem> {
        let mut certificates: Vec<Vec<Part<'_>>> = Vec::new();
        for packet in packets {
            let part = Part {
                packet: *packet,
                signatures: Vec::new(),
            };
            match packet.kind {
                PUBLIC_KEY => certificates.push(vec![part]),
                USER_ID | USER_ATTRIBUTE | PUBLIC_SUBKEY => {
                    certificates.last_mut().ok_or(NO_KEY)?.push(part);
                }
                SIGNATURE => {
                    let part = certificates.last_mut().and_then(|parts| parts.last_mut());
                    let signature = Signature::read(packet.body).map_err(|_| *packet);
                    part.ok_or(NO_KEY)?.signatures.push(signature);
                }
                MARKER | TRUST | PADDING | NOT_CRITICAL.. => {}
                kind => {
                    let what =
                        format!("an OpenPGP packet of kind {kind} where a public key is expected");
                    return Err(Problem::Kind(what));
                }
            }
        }
        certificates
            .iter()
            .map(|parts| Certificate::read(parts))
            .collect()
    }

    /// Could signatures by any of its keys that sign be strong enough?
    ///
    /// # Errors
    /// [`Problem::WeakKey`] of the first one: none could.
    pub(in crate::trust) fn check_strength(&self, strength: Strength) -> Result<(), Problem> {
        let keys = self.keys.iter().filter(|signer| signer.check().is_ok());
        let keys = keys.filter_map(|signer| signer.key.public.as_ref());
        let mut results = keys.map(|key| strength.check(key, Algorithm::Blake2b));
        let first = results.next().unwrap_or(Ok(()));
        match first.is_err() && results.any(|result| result.is_ok()) {
            true => Ok(()),
            false => first,
        }
    }

    fn read(parts: &[Part<'_>]) -> Result<Certificate, Problem> {
        let (first, others) = parts.split_first().ok_or(NO_KEY)?;
        let primary = Key::read(first.packet.body)?;
        let mut keys = vec![primary_signer(&primary, first, others)];
        let ends = keys.first().map_or(u64::MAX, |key| key.validity.not_after);
        let is_revoked = keys.first().is_some_and(|key| key.state == State::Revoked);
        for part in others
            .iter()
            .filter(|part| part.packet.kind == PUBLIC_SUBKEY)
        {
            // Subkeys of kinds that are not known belong to somebody else's reader.
            let Ok(key) = Key::read(part.packet.body) else {
                continue;
            };
            let mut signer = subkey_signer(&primary, key, part);
            signer.validity.not_after = signer.validity.not_after.min(ends);
            if is_revoked {
                signer.state = State::Revoked;
            }
            keys.push(signer);
        }
        Ok(Certificate { keys })
    }

    /// May one of the keys sign?
    ///
    /// # Errors
    /// [`Problem`]: why the first one may not.
    pub(in crate::trust) fn check(&self) -> Result<(), Problem> {
        let mut result = Ok(());
        for signer in &self.keys {
            match signer.check() {
                Ok(()) => return Ok(()),
                problem => result = result.and(problem),
            }
        }
        result
    }
}

const NO_KEY: Problem = Problem::Damaged("it does not begin with an OpenPGP key");

/// What the signatures of the key itself say of it.
fn primary_signer(primary: &Key, first: &Part<'_>, others: &[Part<'_>]) -> Signer {
    let is_direct =
        |signature: &Signature| is_own(primary, signature, |hasher| primary.hash(hasher));
    let direct = newest(first, |kind| kind == DIRECT_KEY, is_direct);
    // Else what the newest says about one of its names, unless that was taken back.
    let mut certified: Option<&Signature> = None;
    for part in others.iter().filter(|part| part.packet.kind == USER_ID) {
        let kinds = |kind: u8| CERTIFICATIONS.contains(&kind) || kind == CERTIFICATION_REVOCATION;
        let found = newest(part, kinds, |signature| {
            is_own(primary, signature, |hasher| {
                primary.hash(hasher);
                let length = u32::try_from(part.packet.body.len()).unwrap_or(u32::MAX);
                hasher.update(&[0xb4]);
                hasher.update(&length.to_be_bytes());
                hasher.update(part.packet.body);
            })
        });
        let found = found.filter(|signature| signature.kind != CERTIFICATION_REVOCATION);
        if found.map(|own| own.said.created) > certified.map(|own| own.said.created) {
            certified = found;
        }
    }
    let said = [direct, certified];
    let state = match said.iter().flatten().find_map(|own| own.said.may_sign()) {
        _ if is_revoked(first, KEY_REVOCATION, primary, is_direct) => State::Revoked,
        _ if primary.public.is_none() => State::No(UNUSABLE),
        _ if direct.is_none() && certified.is_none() => {
            State::No("no signature of the key itself says what it may do")
        }
        Some(true) => State::Yes,
        Some(false) => State::No("its key flags do not let it sign"),
        None => State::No("it has no key flags, which would let it sign"),
    };
    let expires = said.iter().flatten().find_map(|own| own.said.key_expires);
    signer(primary.clone(), state, expires)
}

/// What the signatures of the key say of a subkey.
fn subkey_signer(primary: &Key, key: Key, part: &Part<'_>) -> Signer {
    let hash = |hasher: &mut Hasher| {
        primary.hash(hasher);
        key.hash(hasher);
    };
    let is_bound = |signature: &Signature| is_own(primary, signature, hash);
    let binding = newest(part, |kind| kind == SUBKEY_BINDING, is_bound);
    let state = match binding {
        _ if is_revoked(part, SUBKEY_REVOCATION, primary, is_bound) => State::Revoked,
        _ if key.public.is_none() => State::No(UNUSABLE),
        None => State::No("no signature of the key says that the subkey is its own"),
        Some(binding) => match binding.said.may_sign() {
            Some(true) if is_claimed(&key, binding, hash) => State::Yes,
            Some(true) => State::No("the subkey does not say that it belongs to the key"),
            Some(false) => State::No("its key flags do not let it sign"),
            None => State::No("it has no key flags, which would let it sign"),
        },
    };
    signer(
        key,
        state,
        binding.and_then(|binding| binding.said.key_expires),
    )
}

const UNUSABLE: &str = "it is no RSA key of 2048 to 8192 bits, and no P-256 or Ed25519 key";

fn signer(key: Key, state: State, expires: Option<u32>) -> Signer {
    let not_before = u64::from(key.created);
    let not_after = expires.map_or(u64::MAX, |seconds| {
        not_before.saturating_add(seconds.into())
    });
    Signer {
        key,
        state,
        validity: Validity {
            not_before,
            not_after,
        },
    }
}

/// The newest of the signatures of some kinds that are right.
fn newest<'a>(
    part: &'a Part<'_>,
    kinds: impl Fn(u8) -> bool,
    is_right: impl Fn(&Signature) -> bool,
) -> Option<&'a Signature> {
    let signatures = part.signatures.iter().flatten();
    signatures
        .filter(|signature| kinds(signature.kind) && is_right(signature))
        .max_by_key(|signature| signature.said.created)
}

/// Did the key sign what `hash` hashes?
fn is_own(key: &Key, signature: &Signature, hash: impl Fn(&mut Hasher)) -> bool {
    signature.names(key)
        && signature.hasher().is_ok_and(|mut hasher| {
            hash(&mut hasher);
            signature.verify(key, hasher).is_ok()
        })
}

/// Is it taken back? Once is for ever, whatever the reason and the date: nothing proves when a signature was
/// made. A revocation that can't be checked counts as one, too: its digest is too weak, it names no key, or it can't
/// be read at all.
fn is_revoked(part: &Part<'_>, kind: u8, key: &Key, is_right: impl Fn(&Signature) -> bool) -> bool {
    part.signatures.iter().any(|signature| match signature {
        Ok(signature) if signature.kind == kind => {
            let is_nobodys = signature.issuers().is_empty();
            is_nobodys
                || signature.names(key) && (signature.check().is_err() || is_right(signature))
        }
        Ok(_) => false,
        // The kind is the second byte of all versions but the third, where it is the third byte.
        Err(packet) => match packet.body {
            [2 | 3, _, found, ..] | [_, found, ..] => *found == kind,
            _ => false,
        },
    })
}

/// Does the subkey say, in the binding, that it belongs to the key?
fn is_claimed(subkey: &Key, binding: &Signature, hash: impl Fn(&mut Hasher) + Copy) -> bool {
    let embedded = [&binding.said.embedded, &binding.unsigned.embedded];
    embedded.into_iter().flatten().take(MAX_CLAIMS).any(|body| {
        Signature::read(body).is_ok_and(|signature| {
            signature.kind == PRIMARY_KEY_BINDING && is_own(subkey, &signature, hash)
        })
    })
}

/// More signatures in one binding are not tried.
const MAX_CLAIMS: usize = 4;
