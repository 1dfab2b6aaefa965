//! [`Variables`]: reading and writing UEFI variables.

use std::fmt;
use std::io;

/// Vendor GUID of the variables of the Boot Loader Interface.
pub const LOADER: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// A longer value is not read: the specification sets no limit, and firmware gives 32 to 64 KiB.
pub(super) const MAX_SIZE: usize = 64 * 1024;

/// A store of UEFI variables (UEFI specification, 8.2). A variable is named by its name and the GUID of its
/// vendor, in lower case.
pub trait Variables {
    /// The value of a variable; `None` if there is none of this name.
    ///
    /// # Errors
    /// [`VariableError`].
    fn read(&self, vendor: &str, name: &str) -> Result<Option<Vec<u8>>, VariableError>;

    /// Makes the value of a variable lasting. Where it has this value already nothing is written: the
    /// flash part of the firmware wears out.
    ///
    /// # Errors
    /// [`VariableError`]; the variable has its old value then.
    fn write(&self, vendor: &str, name: &str, value: &[u8]) -> Result<(), VariableError>;

    /// Takes a variable away, if there is one.
    ///
    /// # Errors
    /// [`VariableError`]; the variable is still there then.
    fn remove(&self, vendor: &str, name: &str) -> Result<(), VariableError>;

    /// Can anything be written?
    fn writable(&self) -> bool;
}

/// Why a variable could not be read or written.
#[derive(Debug)]
pub struct VariableError {
    /// Its name.
    pub name: String,
    /// What was tried: `read`, `write` or `remove`.
    pub action: &'static str,
    /// What the system said.
    pub error: io::Error,
}

impl fmt::Display for VariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VariableError {
            name,
            action,
            error,
        } = self;
        write!(f, "can't {action} the UEFI variable {name}: {error}")
    }
}

impl std::error::Error for VariableError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
