//! Trust: whether something was signed by someone whom the owner of the machine trusts.
//!
//! What is read is one type, and what is proven another: a [`Certificate`] says anything, a [`Chain`] exists
//! only when each signature up to an [`Anchor`] was checked, and a [`Proof`] when the content was, too. Whatever
//! does not count is a [`Refusal`], which says in words which signature and which certificate or key, why, and
//! what to do.
//!
//! - [`Anchor::read`] recognises certificates and keys in every form that people have them in;
//! - [`authenticode::Reader`] hashes an EFI program while it is read, and [`authenticode::Program::verify`]
//!   checks its signatures;
//! - [`detached::Check`] checks the signatures beside a file while the file is read: CMS, raw ones, OpenPGP,
//!   minisign and SSH;
//! - [`appended::Check`] checks the signature behind a kernel while the kernel is read;
//! - [`efi::SignatureLists`] reads `db`, `dbx`, `MokListRT` and `MokListXRT` into [`Trusted`];
//! - [`inspect`] says what is in a signature, for people;
//! - [`sbat`] compares the generations of a program with those that are revoked;
//! - [`coverage`] decides by the [`Rules`] of the owner what of a boot is covered, and whether it may be loaded.
//!
//! Dates are reported ([`Proof::out_of_date`]) and change nothing. Revocation lists inside of signatures and time
//! stamps are not looked at.

mod algorithm;
mod anchor;
mod anchor_file;
pub mod appended;
mod armor;
mod asn1;
pub mod authenticode;
mod authority;
mod certificate;
mod chain;
mod cms;
pub mod coverage;
mod cursor;
pub mod detached;
mod digest;
mod ed25519;
pub mod efi;
mod error;
mod extensions;
pub mod inspect;
mod key;
pub mod manifest;
mod minisign;
mod names;
mod oids;
mod openpgp;
mod parameters;
mod proof;
mod revocation;
mod role;
mod rules;
pub mod sbat;
mod signer;
mod ssh;
mod strength;

pub use anchor::{Anchor, Trusted};
pub use armor::{decode as base64, encode as to_base64};
pub use authority::{Authority, AuthorityError};
pub use certificate::{Certificate, Validity};
pub use chain::Chain;
pub use digest::{Algorithm, Digest, Hasher};
pub use error::{Problem, Refusal};
pub use key::{MAX_RSA_BITS, MIN_RSA_BITS, PublicKey};
pub use names::Beside;
pub use parameters::{ParameterError, Parameters};
pub use proof::{Dated, Format, Proof, Signer};
pub use revocation::Revocations;
pub use role::Role;
pub use rules::{AnchorRule, Floor, Mode, Rules};
pub use ssh::NAMESPACE as SSH_NAMESPACE;
pub use strength::Strength;
