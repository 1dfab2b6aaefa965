//! kexec: handing the machine to another kernel.
//!
//! [`Kexec::load`] gives a [`Handover`] that was cleared to the running kernel, which prepares them
//! for the jump; [`jump`] jumps. What can be known to fail is refused before the call, in words;
//! what the kernel refuses is a [`LoadError`] with the errno explained and with what it logged.

mod bzimage;
mod command_line;
mod error;
mod kernel;
mod kmsg;
mod parameters;
mod system;
mod zboot;

#[cfg(test)]
pub(crate) use bzimage::least_kernel;
pub use bzimage::{BzImage, HEADER_LENGTH, NotBzImage};
pub use command_line::{CommandLine, CommandLineError};
pub use error::LoadError;
pub use kernel::{Kernel, NotStartable};
pub(crate) use parameters::{is_space, parameters_of};
pub use system::{FileLoad, jump};
#[cfg(test)]
pub(crate) use zboot::zboot;
pub use zboot::{Zboot, ZbootError};

use std::os::fd::BorrowedFd;

use crate::trust::coverage::Cleared;

/// What is handed over. Both descriptors are sealed memfds: what was hashed is what is loaded.
#[derive(Debug)]
pub struct Handover<'a> {
    /// The kernel.
    pub kernel: BorrowedFd<'a>,
    /// Its first file system, if it gets one.
    pub initrd: Option<BorrowedFd<'a>>,
    /// Its command line.
    pub cmdline: &'a CommandLine,
}

/// Someone who takes a kernel for the next jump.
pub trait Kexec {
    /// Loads what the policy has let pass, in the place of what was loaded before.
    ///
    /// # Errors
    /// [`LoadError`]; then nothing is loaded, or what was loaded before still is.
    fn load(&self, what: &Cleared<Handover<'_>>) -> Result<(), LoadError>;
}

/// Does everything but load: the dry run.
pub struct DryRun;

impl Kexec for DryRun {
    fn load(&self, _what: &Cleared<Handover<'_>>) -> Result<(), LoadError> {
        Ok(())
    }
}
