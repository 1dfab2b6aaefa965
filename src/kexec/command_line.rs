//! The kernel command line as a type: what is in it can be handed over.

use std::ffi::{CStr, CString};
use std::fmt;

/// Room that the kernel keeps for `elfcorehdr=0x…` behind every command line of a kexec
/// (`MAX_ELFCOREHDR_STR_LEN` in `arch/x86/kernel/kexec-bzimage64.c`), in bytes.
const RESERVED: usize = 30;

/// A command line that the kernel to be started can take: no NUL inside, and short enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(CString);

impl CommandLine {
    /// Checks `text` for a kernel that takes `capacity` bytes without the final NUL
    /// (`cmdline_size` of its setup header).
    ///
    /// # Errors
    /// [`CommandLineError`]: nothing is cut off in silence.
    pub fn new(text: &str, capacity: u32) -> Result<CommandLine, CommandLineError> {
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        // The kernel compares the length with its NUL plus the reserve against the capacity.
        let limit = capacity.saturating_sub(RESERVED.saturating_add(1));
        if text.len() > limit {
            let length = text.len();
            return Err(CommandLineError::TooLong { length, limit });
        }
        match CString::new(text) {
            Ok(text) => Ok(CommandLine(text)),
            Err(e) => Err(CommandLineError::Nul {
                position: e.nul_position(),
            }),
        }
    }

    /// The bytes as the system call wants them: with the NUL.
    pub fn as_c_str(&self) -> &CStr {
        &self.0
    }
}

/// Why a text can't be a kernel command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandLineError {
    /// Longer than the kernel takes, both in bytes.
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A NUL byte would end it early.
    Nul {
        /// Where, from 0.
        position: usize,
    },
}

impl fmt::Display for CommandLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandLineError::TooLong { length, limit } => write!(
                f,
                "the command line has {length} bytes and this kernel takes {limit} through kexec: \
                 shorten the entry's options"
            ),
            CommandLineError::Nul { position } => {
                write!(f, "the command line has a NUL byte at {position}")
            }
        }
    }
}

impl std::error::Error for CommandLineError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_the_kernels() {
        // x86: a capacity of 2,047; 2,016 bytes of text and a NUL and 30 reserved bytes fill it.
        assert!(CommandLine::new(&"a".repeat(2016), 2047).is_ok());
        let error = CommandLine::new(&"a".repeat(2017), 2047).unwrap_err();
        let (length, limit) = (2017, 2016);
        assert_eq!(error, CommandLineError::TooLong { length, limit });
        assert!(CommandLine::new("", 3).is_ok());
        assert!(CommandLine::new("a", 3).is_err());
    }

    #[test]
    fn nul_is_refused() {
        let error = CommandLine::new("a\0b", 2047).unwrap_err();
        assert_eq!(error, CommandLineError::Nul { position: 1 });
    }

    #[test]
    fn keeps_the_text() {
        let line = CommandLine::new("root=/dev/sda1 quiet", 2047).unwrap();
        assert_eq!(line.as_c_str(), c"root=/dev/sda1 quiet");
    }
}
