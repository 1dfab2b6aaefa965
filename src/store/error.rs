//! [`StoreError`]: why nothing could be read or kept.

use std::fmt;
use std::io;

use crate::efi::VariableError;
use crate::tpm::TpmError;

/// Why nothing could be read or kept.
#[derive(Debug)]
pub enum StoreError {
    /// By the firmware.
    Variable(VariableError),
    /// In the memory of the clock.
    Cmos {
        /// The first byte.
        byte: u32,
        /// What was tried: `open`, `read` or `write`.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// By the TPM.
    Tpm {
        /// The number of the index.
        index: u32,
        /// What was tried: `open`, `read` or `write`.
        action: &'static str,
        /// What the TPM said.
        error: TpmError,
    },
    /// Under this number the TPM has something else.
    Taken(u32),
    /// Under this number the TPM has something else than what was just written.
    NotKept(u32),
    /// What the memory that a reset leaves had before can't be read.
    Pstore(io::Error),
    /// Nothing can be written to the memory that a reset leaves.
    Pmsg(io::Error),
}

impl From<VariableError> for StoreError {
    fn from(error: VariableError) -> StoreError {
        StoreError::Variable(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Variable(error) => error.fmt(f),
            StoreError::Cmos {
                byte,
                action,
                error,
            } => write!(
                f,
                "can't {action} byte {byte} of the clock's memory: {error}"
            ),
            StoreError::Tpm {
                index,
                action,
                error,
            } => write!(f, "can't {action} index 0x{index:08x} of the TPM: {error}"),
            StoreError::Taken(index) => write!(
                f,
                "index 0x{index:08x} of the TPM is something else, and left alone: name another"
            ),
            StoreError::NotKept(index) => {
                write!(
                    f,
                    "index 0x{index:08x} of the TPM does not keep its content"
                )
            }
            StoreError::Pstore(error) => write!(f, "can't read /sys/fs/pstore: {error}"),
            StoreError::Pmsg(error) => write!(
                f,
                "can't write /dev/pmsg0, which a kernel has that knows of memory for it: {error}"
            ),
        }
    }
}

impl std::error::Error for StoreError {}
