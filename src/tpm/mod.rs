//! TPM 2.0: a few bytes in its memory, and its registers.
//!
//! [`Tpm`] takes commands; [`Device`] is the one that the kernel knows. [`Index`] is a piece of its memory, and
//! [`extend`] tells one of its registers of an event.

mod command;
mod device;
mod error;
mod index;
mod pcr;

pub use device::{Device, is_announced};
pub use error::TpmError;
pub use index::{Content, Index};
pub use pcr::extend;

use std::io;

/// A TPM that takes commands (TCG, Trusted Platform Module Library, version 2.0).
pub trait Tpm {
    /// Sends a command, and gives the response to it.
    ///
    /// # Errors
    /// It can't be sent, or nothing comes back.
    fn ask(&self, command: &[u8]) -> io::Result<Vec<u8>>;
}
