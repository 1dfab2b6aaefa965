//! IPMI: what the management controller of the machine wants to be booted, and what its log is told of it.
//!
//! [`Bmc`] takes commands; [`Device`] is the one that the kernel knows. [`BootFlags`] are what it wants,
//! [`SelEntry`] what it is told.

mod boot_flags;
mod device;
mod sel;

pub use boot_flags::{BootDevice, BootFlags};
pub use device::Device;
pub use sel::SelEntry;

use std::fmt;
use std::io;

/// A management controller that takes commands (IPMI specification 2.0).
pub trait Bmc {
    /// Sends a command with its data and gives the data of the response, behind the completion code.
    ///
    /// # Errors
    /// [`IpmiError`].
    fn ask(&self, function: u8, command: u8, data: &[u8]) -> Result<Vec<u8>, IpmiError>;
}

/// Why a command did not get an answer that means something.
#[derive(Debug)]
pub enum IpmiError {
    /// The kernel could not send it, or nothing came back in time.
    Io(io::Error),
    /// The controller refused it, with this completion code (table 5-2).
    Refused(u8),
    /// The response is shorter than it has to be, or to something else.
    Odd,
}

impl fmt::Display for IpmiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IpmiError::Io(error) => write!(f, "the BMC does not answer: {error}"),
            IpmiError::Refused(code) => write!(f, "the BMC refuses, completion code 0x{code:02x}"),
            IpmiError::Odd => f.write_str("the BMC gives an answer that makes no sense"),
        }
    }
}

impl std::error::Error for IpmiError {}

impl From<io::Error> for IpmiError {
    fn from(error: io::Error) -> IpmiError {
        IpmiError::Io(error)
    }
}

impl From<rustix::io::Errno> for IpmiError {
    fn from(errno: rustix::io::Errno) -> IpmiError {
        IpmiError::Io(errno.into())
    }
}
