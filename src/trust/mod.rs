//! Trust: whether something was signed by someone whom the owner of the machine trusts.
//!
//! What is read is one type, and what is proven another: a [`Certificate`] says anything, a [`Chain`] exists
//! only when each signature up to an [`Anchor`] was checked. Whatever does not count is a [`Refusal`], which
//! says in words which signature and which certificate, why, and what to do.
//!
//! - [`authenticode::Reader`] hashes an EFI program while it is read, and [`authenticode::Program::verify`]
//!   checks its signatures;
//! - [`detached::verify`] checks a CMS signature that stands beside a file;
//! - [`efi::SignatureLists`] reads `db`, `dbx`, `MokListRT` and `MokListXRT` into [`Trusted`];
//! - [`sbat`] compares the generations of a program with those that are revoked.
//!
//! Dates are reported ([`Chain::out_of_date`]) and change nothing. Revocation lists inside of signatures,
//! time stamps and nested signatures are not looked at.

mod algorithm;
mod anchor;
mod asn1;
pub mod authenticode;
mod certificate;
mod chain;
mod cms;
pub mod detached;
mod digest;
pub mod efi;
mod error;
mod extensions;
mod key;
mod oids;
mod revocation;
pub mod sbat;
mod signer;

pub use anchor::{Anchor, Trusted};
pub use certificate::{Certificate, Validity};
pub use chain::Chain;
pub use digest::{Algorithm, Digest, Hasher};
pub use error::{Problem, Refusal};
pub use key::{MAX_RSA_BITS, MIN_RSA_BITS, PublicKey};
pub use revocation::Revocations;
