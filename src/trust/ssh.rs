//! SSH: keys as OpenSSH writes them, and its signatures of files (OpenSSH's `PROTOCOL.sshsig`).

use super::algorithm::{Padding, Scheme};
use super::anchor::{Anchor, Key, Kind, Trusted};
use super::armor::{decode, encode};
use super::cursor::Cursor;
use super::detached::{Streams, Told};
use super::digest::{Algorithm, Digest};
use super::error::{Problem, Refusal};
use super::inspect::Claim;
use super::key::{PublicKey, ecdsa_der};
use super::proof::{Format, Proof, Signer};

/// What a signature has to be for: `ssh-keygen -Y sign -n file`. One that was made for something else, such as to
/// log in or to sign a commit, says nothing about a file.
pub const NAMESPACE: &str = "file";

/// How a signature begins, and what is signed.
const MAGIC: &[u8] = b"SSHSIG";

/// The kinds of keys that count (RFC 4253, RFC 5656, RFC 8709).
const ED25519: &[u8] = b"ssh-ed25519";
const RSA: &[u8] = b"ssh-rsa";
const ECDSA: &[u8] = b"ecdsa-sha2-nistp256";
const P256: &[u8] = b"nistp256";

/// The longest line of a file of keys, in bytes.
const MAX_LINE: usize = 16 * 1024;
/// No file has more keys.
const MAX_KEYS: usize = 64;

const DAMAGED_KEY: Problem = Problem::Damaged("a line of SSH keys is damaged");
const DAMAGED: Problem = Problem::Damaged("the SSH signature is damaged");

/// Is it a file of keys? That is decided by its first line that is no comment.
pub(super) fn is_keys(text: &[u8]) -> bool {
    key_lines(text)
        .next()
        .is_some_and(|line| key_type(&words(line)).is_some())
}

fn key_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"))
}

fn words(line: &[u8]) -> Vec<&[u8]> {
    let words = line.split(|byte| *byte == b' ' || *byte == b'\t');
    words.filter(|word| !word.is_empty()).collect()
}

/// Which word of a line is the kind of key, by which keys are recognised.
fn key_type(words: &[&[u8]]) -> Option<usize> {
    const PREFIXES: [&[u8]; 4] = [b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-"];
    let mut words = words.iter().take(4);
    words.position(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
}

/// Reads the keys of a file: lines of `id_ed25519.pub`, or of `allowed_signers`, where principals stand before the
/// key. Who the principals are makes no difference here. Of the options `namespaces` may be there, and has to
/// name [`NAMESPACE`].
///
/// # Errors
/// [`Problem`]: of the first line that does not count.
pub(super) fn keys(text: &[u8]) -> Result<Vec<Key>, Problem> {
    let mut found = Vec::new();
    for line in key_lines(text) {
        if line.len() > MAX_LINE || found.len() == MAX_KEYS {
            return Err(Problem::TooMany("SSH keys, or one that is too long"));
        }
        let words = words(line);
        let place = key_type(&words).ok_or(DAMAGED_KEY)?;
        let options = match words.split_at_checked(place) {
            // As in `authorized_keys`, which has options and no principals.
            Some(([options], _)) if options.contains(&b'"') || *options == b"cert-authority" => {
                Some(options)
            }
            Some(([] | [_], _)) => None,
            Some(([_, options], _)) => Some(options),
            _ => return Err(DAMAGED_KEY),
        };
        if let Some(options) = options {
            let names = options
                .strip_prefix(b"namespaces=\"")
                .and_then(|rest| rest.strip_suffix(b"\""));
            let names = names.filter(|names| !names.contains(&b'"'));
            let names = names.ok_or(Problem::Key("its line has other options than namespaces"))?;
            let mut names = names.split(|byte| *byte == b',');
            if !names.any(|name| name == NAMESPACE.as_bytes()) {
                return Err(Problem::Key("its line does not name the namespace `file`"));
            }
        }
        let base64 = words.get(place.saturating_add(1)).ok_or(DAMAGED_KEY)?;
        let blob = decode(base64).ok_or(DAMAGED_KEY)?;
        if Cursor(&blob).string() != words.get(place).copied() {
            return Err(DAMAGED_KEY);
        }
        found.push(Key {
            key: public_key(&blob)?,
            fingerprint: fingerprint(&blob),
        });
    }
    Ok(found)
}

/// Reads a key in SSH's own form, to its end.
fn public_key(blob: &[u8]) -> Result<PublicKey, Problem> {
    const DAMAGED: Problem = Problem::Key("it is damaged");
    let mut cursor = Cursor(blob);
    let kind = cursor.string().ok_or(DAMAGED)?;
    let key = match kind {
        ED25519 => PublicKey::ed25519(cursor.string().ok_or(DAMAGED)?)?,
        RSA => {
            let exponent = number(&mut cursor).ok_or(DAMAGED)?;
            PublicKey::rsa_of(number(&mut cursor).ok_or(DAMAGED)?, exponent)?
        }
        ECDSA if cursor.string() == Some(P256) => PublicKey::p256(cursor.string().ok_or(DAMAGED)?)?,
        _ => {
            return Err(Problem::Key(
                "it is no SSH key of the kind ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256",
            ));
        }
    };
    cursor.is_empty().then_some(key).ok_or(DAMAGED)
}

/// A number that is not negative (`mpint`, RFC 4251, section 5), without its zero in front.
fn number<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    match cursor.string()? {
        [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => Some(rest),
        bytes if matches!(bytes.first(), Some(1..=0x7f)) => Some(bytes),
        _ => None,
    }
}

/// As `ssh-keygen -l` prints it: the SHA-256 in base64 without padding.
fn fingerprint(blob: &[u8]) -> String {
    let digest = Algorithm::Sha256.digest(blob);
    format!("SHA256:{}", encode(digest.bytes()))
}

/// A signature that waits for its content.
pub(super) struct Detached {
    key: PublicKey,
    fingerprint: String,
    /// Of the content.
    digest: Algorithm,
    /// What is signed, but for the digest of the content, which is its end.
    signed: Vec<u8>,
    /// With which digest and how, where the key is no Ed25519 key.
    scheme: Option<Scheme>,
    signature: Vec<u8>,
}

impl Detached {
    /// Reads a signature without its armor, to its end.
    ///
    /// # Errors
    /// [`Problem`]: damaged, made for something else, or of a kind that does not count.
    pub(super) fn read(blob: &[u8]) -> Result<Detached, Problem> {
        let mut cursor = Cursor(blob.strip_prefix(MAGIC).ok_or(DAMAGED)?);
        if cursor.u32().ok_or(DAMAGED)? != 1 {
            return Err(Problem::Kind(
                "an SSH signature of another version than 1".to_owned(),
            ));
        }
        let key = cursor.string().ok_or(DAMAGED)?;
        let parts: Option<Vec<&[u8]>> = (0..4).map(|_| cursor.string()).collect();
        let parts = parts.filter(|_| cursor.is_empty()).ok_or(DAMAGED)?;
        let [namespace, reserved, name, signature] = parts.as_slice() else {
            return Err(DAMAGED);
        };
        if *namespace != NAMESPACE.as_bytes() {
            let namespace = String::from_utf8_lossy(namespace);
            let what = format!(
                "an SSH signature for \"{namespace}\", not for \"{NAMESPACE}\" (ssh-keygen -n)"
            );
            return Err(Problem::Kind(what));
        }
        let digest = match *name {
            b"sha256" => Algorithm::Sha256,
            b"sha512" => Algorithm::Sha512,
            _ => return Err(Problem::WeakDigest),
        };
        let mut signed = MAGIC.to_vec();
        for part in [*namespace, reserved, name] {
            string(&mut signed, part);
        }
        let fingerprint = fingerprint(key);
        let (key, kind) = (public_key(key)?, Cursor(key).string());
        let mut cursor = Cursor(signature);
        let (algorithm, value) = (cursor.string(), cursor.string().ok_or(DAMAGED)?);
        let (scheme, signature) = match (kind, algorithm) {
            _ if !cursor.is_empty() => return Err(DAMAGED),
            (Some(ED25519), Some(ED25519)) => (None, value.to_vec()),
            (Some(RSA), Some(b"rsa-sha2-256")) => (rsa(Algorithm::Sha256), value.to_vec()),
            (Some(RSA), Some(b"rsa-sha2-512")) => (rsa(Algorithm::Sha512), value.to_vec()),
            (Some(RSA), Some(b"ssh-rsa")) => return Err(Problem::WeakDigest),
            (Some(ECDSA), Some(ECDSA)) => {
                let scheme = Scheme {
                    digest: Algorithm::Sha256,
                    padding: Padding::Ecdsa,
                };
                let mut cursor = Cursor(value);
                let r = number(&mut cursor).ok_or(DAMAGED)?;
                let s = number(&mut cursor)
                    .filter(|_| cursor.is_empty())
                    .ok_or(DAMAGED)?;
                (Some(scheme), ecdsa_der(r, s).ok_or(DAMAGED)?)
            }
            _ => return Err(Problem::OtherKey),
        };
        Ok(Detached {
            key,
            fingerprint,
            digest,
            signed,
            scheme,
            signature,
        })
    }

    /// What it says of itself, with its key.
    pub(super) fn claim(&self) -> Claim {
        let own = Key {
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
        };
        Claim {
            own: Some(Anchor {
                name: self.fingerprint.clone(),
                kind: Kind::Ssh(own),
            }),
            ..Claim::by_key(Format::Ssh, self.fingerprint.clone(), self.digest)
        }
    }

    /// Asks for the hash that it needs.
    ///
    /// # Errors
    /// [`Problem::TooMany`].
    pub(super) fn want(&self, streams: &mut Streams) -> Result<(), Problem> {
        streams.want(self.digest, &[])
    }

    /// Checks it, now that all content was hashed.
    pub(super) fn finish(&self, told: &Told, trusted: &Trusted) -> Result<Proof, Refusal> {
        let is_own = |kind: &Kind| matches!(kind, Kind::Ssh(own) if own.key == self.key);
        let anchor = trusted.anchors.iter().find(|anchor| is_own(&anchor.kind));
        let unknown = || Refusal::of(Problem::UnknownKey(self.fingerprint.clone()));
        let anchor = anchor.ok_or_else(unknown)?;
        let verified = told
            .hasher(self.digest, &[])
            .and_then(|hasher| self.verify(&hasher.finish(), trusted));
        verified.map_err(|problem| Refusal::by_key(problem, &self.fingerprint))?;
        let signer = Signer::Key(self.fingerprint.clone());
        Ok(Proof::new(Format::Ssh, &anchor.name, signer, self.digest))
    }

    fn verify(&self, content: &Digest, trusted: &Trusted) -> Result<(), Problem> {
        trusted.check_key(&self.key, self.digest)?;
        let mut signed = self.signed.clone();
        string(&mut signed, content.bytes());
        match (self.scheme, self.key.as_ed25519()) {
            (None, Some(key)) => key.verify(&signed, &self.signature),
            (Some(scheme), None) => {
                trusted.check_key(&self.key, scheme.digest)?;
                self.key
                    .verify(scheme, &scheme.digest.digest(&signed), &self.signature)
            }
            _ => Err(Problem::OtherKey),
        }
    }
}

fn rsa(digest: Algorithm) -> Option<Scheme> {
    Some(Scheme {
        digest,
        padding: Padding::Pkcs1,
    })
}

/// Writes a `string`.
fn string(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend_from_slice(bytes);
}
