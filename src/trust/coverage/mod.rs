//! Coverage: which part of a boot is covered by whose signature, and whether that lets it boot.
//!
//! [`Rules::judge`] computes the [`Verdict`] on the [`Facts`] of one boot, without looking at anything else.
//! [`Rules::clear`] makes a [`Cleared`] payload of what the verdict lets boot; nothing else makes one.

mod by;
mod cleared;
mod combination;
mod facts;
mod findings;
mod judge;
#[cfg(test)]
mod situations;
mod together;
mod verdict;
mod voucher;

pub use by::By;
pub use cleared::Cleared;
pub use facts::{Facts, Line, Piece, SignedManifest, VolumeNames, Vouched};
pub use verdict::{Finding, State, Verdict};
pub use voucher::{Voucher, Who};
