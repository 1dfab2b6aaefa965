//! Why a signature does not count: [`Problem`], and [`Refusal`], which says of which signature and certificate.

use std::fmt;

use der::asn1::ObjectIdentifier as Oid;

use crate::pe::PeError;
use crate::text::Printable;

/// A signature that does not count, or a thing whose signatures can't.
#[derive(Debug)]
pub struct Refusal {
    /// Which signature of the thing, counted from 1; nothing where it is the thing itself.
    pub signature: Option<usize>,
    /// The name of the certificate at fault, as it says itself.
    pub certificate: Option<String>,
    /// The key at fault, as the tools of its format print it, where there are no certificates.
    pub key: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug)]
pub enum Problem {
    /// The program is damaged.
    Program(PeError),
    /// Something can't be read, or breaks the rules of its format: what is wrong.
    Damaged(&'static str),
    /// There is no signature.
    Unsigned,
    /// The signature is of a kind that does not count.
    Kind(String),
    /// There is more of something than anyone has.
    TooMany(&'static str),
    /// What was signed is not this.
    OtherContent,
    /// The policy does not count this algorithm of digests.
    NotCounted(super::Algorithm),
    /// SHA-1 or older.
    WeakDigest,
    /// An algorithm that is not known here.
    Algorithm(Oid),
    /// A key that can't be used, and why.
    Key(&'static str),
    /// An RSA key that is too short.
    WeakKey {
        /// What it has.
        bits: usize,
        /// What counts.
        least: usize,
    },
    /// The signature needs another kind of key.
    OtherKey,
    /// The signature is not by this key, or what was signed has changed.
    Signature,
    /// The certificate that the signature names is not there.
    NoSigner,
    /// No anchor is the key that made the signature: how the signature names the key.
    UnknownKey(String),
    /// No anchor is a key that such a signature could be by: which keys could.
    NoKey(&'static str),
    /// The certificate or the key must not sign this, and why.
    Usage(&'static str),
    /// The OpenPGP signature has a critical subpacket of this kind, which is not known here (RFC 9580,
    /// section 5.2.3.7).
    Subpacket(u8),
    /// The certificate has a critical extension that is not known here (RFC 5280, section 4.2).
    Extension(Oid),
    /// No anchor issued the certificate: the name of its issuer.
    NoAnchor(String),
    /// The certificate is its own issuer, and no anchor.
    NoIssuer,
    /// The signature, the certificate or the program is revoked: what of it.
    Revoked(&'static str),
    /// A part of the program is older than the SBAT level allows.
    Generation {
        /// The component.
        component: String,
        /// What the program has.
        has: u64,
        /// What the level asks for.
        needs: u64,
    },
}

impl Refusal {
    /// Of the thing itself.
    pub(super) fn of(problem: Problem) -> Refusal {
        Refusal {
            signature: None,
            certificate: None,
            key: None,
            problem,
        }
    }

    /// The same, with the key.
    pub(super) fn by_key(problem: Problem, key: &str) -> Refusal {
        Refusal {
            key: Some(key.to_owned()),
            ..Refusal::of(problem)
        }
    }

    /// The same, with the name of the certificate.
    pub(super) fn by(problem: Problem, certificate: &str) -> Refusal {
        Refusal {
            certificate: Some(certificate.to_owned()),
            ..Refusal::of(problem)
        }
    }

    /// The same, as what is wrong with the signature of this number.
    pub(super) fn numbered(self, number: usize) -> Refusal {
        Refusal {
            signature: Some(number),
            ..self
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.signature {
            write!(f, "signature {number}: ")?;
        }
        if let Some(name) = &self.certificate {
            write!(f, "certificate \"{}\": ", Printable(name))?;
        }
        if let Some(key) = &self.key {
            write!(f, "key {}: ", Printable(key))?;
        }
        self.problem.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Program(error) => error.fmt(f),
            Problem::Damaged(what) => write!(f, "{what}: get it again from where it came"),
            Problem::Unsigned => f.write_str("it is not signed: sign it, or list its digest"),
            Problem::Kind(what) => write!(f, "it is {}, which does not count", Printable(what)),
            Problem::TooMany(what) => write!(f, "it has too many {what}"),
            Problem::OtherContent => f.write_str(
                "it is for other bytes: what was signed was changed since, or this is the signature of another file",
            ),
            Problem::NotCounted(algorithm) => write!(f, "it is by {algorithm}, which the policy does not count"),
            Problem::WeakDigest => f.write_str("it is by SHA-1 or older: sign it again with SHA-256"),
            Problem::Algorithm(oid) => write!(f, "its algorithm {oid} is not supported: sign it with RSA or P-256, and SHA-256"),
            Problem::Key(why) => write!(f, "its key can't be used: {why}"),
            Problem::WeakKey { bits, least } => write!(
                f,
                "its RSA key has {bits} bits, and {least} are the least that count: make a new key"
            ),
            Problem::OtherKey => f.write_str("its key is of another kind than the signature"),
            Problem::Signature => f.write_str("the signature is wrong: it was made by another key, or something was changed since"),
            Problem::NoSigner => f.write_str("the certificate of the signer is neither with the signature nor an anchor: add it as an anchor"),
            Problem::UnknownKey(key) => write!(
                f,
                "it is by the key {}, which is no anchor: add the key as an anchor, if you trust it",
                Printable(key)
            ),
            Problem::NoKey(kind) => write!(f, "no anchor is {kind}, as it takes to check it: add the key of its signer as an anchor, if you trust it"),
            Problem::Usage(why) => write!(f, "{why}: use a certificate or a key that is made for this"),
            Problem::Subpacket(kind) => write!(f, "its critical subpacket {kind} is not understood: sign it without"),
            Problem::Extension(oid) => write!(f, "its critical extension {oid} is not understood: use a certificate without it"),
            Problem::NoAnchor(issuer) => write!(
                f,
                "it was issued by \"{}\", and no anchor says so: add the certificate of one of the two as an anchor, if you trust it",
                Printable(issuer)
            ),
            Problem::NoIssuer => f.write_str("it vouches for itself alone, and is no anchor: add it as an anchor, if you trust it"),
            Problem::Revoked(what) => write!(f, "{what} is revoked: install a newer version"),
            Problem::Generation { component, has, needs } => write!(
                f,
                "its component \"{}\" is of generation {has}, and those before {needs} are revoked: install a newer version",
                Printable(component)
            ),
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Program(error) => Some(error),
            _ => None,
        }
    }
}
