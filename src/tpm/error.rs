//! [`TpmError`]: why a TPM did not do what it was asked to.

use std::fmt;
use std::io;

/// Why there is no answer that means something.
#[derive(Debug)]
pub enum TpmError {
    /// There is none that the kernel or the firmware knows of.
    None,
    /// The firmware says that there is one, and the kernel has no driver for it.
    NoDriver,
    /// The kernel could not send the command, or nothing came back.
    Io(io::Error),
    /// It refused, with this response code.
    Refused(Code),
    /// It is one of version 1.2.
    Old,
    /// The response is no response to the command.
    Odd,
}

/// A response code (part 2, 6.6), without the number of the handle or parameter that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(u32);

impl Code {
    /// `TPM_RC_HANDLE`: there is nothing under this number.
    pub(super) const HANDLE: Code = Code(0x08b);

    /// Format-one codes have this bit, and six bits that say what is wrong.
    const FORMAT_ONE: u32 = 0x080;
    const ERROR: u32 = 0x0bf;

    pub(super) fn of(response: u32) -> Code {
        match response & Code::FORMAT_ONE {
            0 => Code(response),
            _ => Code(response & Code::ERROR),
        }
    }

    /// What is to be said of those that an owner can do something about.
    fn words(self) -> Option<&'static str> {
        Some(match self.0 {
            // TPM_RC_HIERARCHY.
            0x085 => "its owner hierarchy is disabled: the setup of the firmware can enable it",
            // TPM_RC_AUTH_FAIL and TPM_RC_BAD_AUTH.
            0x08e | 0x0a2 => "its owner has set a password, and has to define the index",
            // TPM_RC_INITIALIZE and TPM_RC_DISABLED.
            0x100 | 0x120 => "the firmware has not started it",
            // TPM_RC_NV_SPACE.
            0x14b => "it has no space left",
            // TPM_RC_NV_RATE.
            0x920 => "it was written too often in a short time",
            // TPM_RC_LOCKOUT.
            0x921 => "it is locked out after wrong passwords",
            _ => return None,
        })
    }
}

impl fmt::Display for TpmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TpmError::None => f.write_str("there is none that the kernel knows of"),
            TpmError::NoDriver => f.write_str("the kernel has no driver for it"),
            TpmError::Io(error) => write!(f, "it does not answer: {error}"),
            TpmError::Refused(code) => match code.words() {
                Some(words) => f.write_str(words),
                None => write!(f, "it refuses, response code 0x{:03x}", code.0),
            },
            TpmError::Old => f.write_str("it is of version 1.2, and only 2.0 is understood"),
            TpmError::Odd => f.write_str("it gives an answer that makes no sense"),
        }
    }
}

impl std::error::Error for TpmError {}

impl From<io::Error> for TpmError {
    fn from(error: io::Error) -> TpmError {
        TpmError::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_what_is_wrong_wherever_it_is() {
        // The first handle, the second parameter, and one that is about nothing.
        assert_eq!(Code::of(0x18b), Code::HANDLE);
        assert_eq!(Code::of(0x2cb), Code::HANDLE);
        assert_ne!(Code::of(0x14b), Code::HANDLE);
        let text = |code| TpmError::Refused(Code::of(code)).to_string();
        assert_eq!(
            text(0x98e),
            "its owner has set a password, and has to define the index"
        );
        assert_eq!(text(0x14b), "it has no space left");
        assert_eq!(text(0x101), "it refuses, response code 0x101");
    }
}
