//! kexec: handing the machine to another kernel.
//!
//! [`Kexec::load`] gives kernel, initrd and [`CommandLine`] to the running kernel, which prepares them
//! for the jump; [`jump`] jumps. What can be known to fail is refused before the call, in words;
//! what the kernel refuses is a [`LoadError`] with the errno explained and with what it logged.

mod bzimage;
mod command_line;
mod error;
mod kmsg;
mod system;
mod zboot;

#[cfg(test)]
pub(crate) use bzimage::least_kernel;
pub use bzimage::{BzImage, HEADER_LENGTH, NotBzImage};
pub use command_line::{CommandLine, CommandLineError};
pub use error::LoadError;
pub use system::{FileLoad, jump};
#[cfg(test)]
pub(crate) use zboot::zboot;
pub use zboot::{Zboot, ZbootError};

use std::os::fd::BorrowedFd;

/// Someone who takes a kernel for the next jump.
pub trait Kexec {
    /// Loads `kernel` with `initrd` and `cmdline`, in the place of what was loaded before. Both
    /// descriptors are sealed memfds: what was hashed is what is loaded.
    ///
    /// # Errors
    /// [`LoadError`]; then nothing is loaded, or what was loaded before still is.
    fn load(
        &self,
        kernel: BorrowedFd<'_>,
        initrd: Option<BorrowedFd<'_>>,
        cmdline: &CommandLine,
    ) -> Result<(), LoadError>;
}

/// Does everything but load: the dry run.
pub struct DryRun;

impl Kexec for DryRun {
    fn load(
        &self,
        _kernel: BorrowedFd<'_>,
        _initrd: Option<BorrowedFd<'_>>,
        _cmdline: &CommandLine,
    ) -> Result<(), LoadError> {
        Ok(())
    }
}
