//! Detached signatures: those that stand beside a file, in any of the formats that people have.
//!
//! A [`Check`] reads the signatures first, which says what has to be computed over the file; then the file passes
//! once, in pieces of any size; then each signature has an answer. What a file of signatures is follows from
//! its bytes, never from its name.

mod check;
pub(super) mod cms;
mod raw;
mod streams;

pub(super) use check::claims;
pub use check::{Check, MAX_LENGTH, verify};
pub use streams::MAX_STREAMS;
pub(super) use streams::{Streams, Told};
