//! Signatures in EFI programs: Microsoft's "Windows Authenticode Portable Executable Signature Format".
//!
//! A [`Reader`] is given the file once, from its first to its last byte; the [`Program`] that it becomes holds
//! the digests and the table of signatures, and nothing is read again.

mod holes;
mod indirect;
mod nested;
mod program;
mod reader;
mod table;

pub use holes::Holes;
pub(super) use indirect::read as signed_digest;
pub use program::{Program, Verdict};
pub use reader::{MAX_TABLE, Reader};
