//! The two system calls.
#![allow(unsafe_code)] // `kexec_file_load` has no wrapper.

use std::convert::Infallible;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;
use rustix::system::RebootCommand;

use super::kmsg::Bookmark;
use super::{CommandLine, Handover, Kexec, LoadError};
use crate::trust::coverage::Cleared;

/// `KEXEC_FILE_NO_INITRAMFS` of `<linux/kexec.h>`: the initrd descriptor is not looked at.
const NO_INITRAMFS: libc::c_ulong = 4;

/// `kexec_file_load(2)`: the kernel reads, checks and places the files itself.
pub struct FileLoad;

impl Kexec for FileLoad {
    fn load(&self, what: &Cleared<Handover<'_>>) -> Result<(), LoadError> {
        let log = Bookmark::now();
        let what = what.payload();
        kexec_file_load(what.kernel, what.initrd, what.cmdline).map_err(|errno| LoadError {
            errno,
            kernel_messages: log.messages(),
        })
    }
}

fn kexec_file_load(
    kernel: BorrowedFd<'_>,
    initrd: Option<BorrowedFd<'_>>,
    cmdline: &CommandLine,
) -> Result<(), Errno> {
    let (initrd, flags) = match initrd {
        Some(initrd) => (initrd.as_raw_fd(), 0),
        None => (-1, NO_INITRAMFS),
    };
    let cmdline = cmdline.as_c_str().to_bytes_with_nul();
    // SAFETY: both descriptors are open for the time of the call, and `cmdline` points to as many
    // bytes as the length says, the last of them the NUL that the call demands. The kernel copies all
    // of it before it returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_kexec_file_load,
            kernel.as_raw_fd(),
            initrd,
            cmdline.len(),
            cmdline.as_ptr(),
            flags,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(last_errno()),
    }
}

/// What the last system call through libc failed with.
fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// Jumps into the loaded kernel. It returns only when there is none or when we are not permitted;
/// nothing is synchronised and nothing is unmounted by it.
///
/// # Errors
/// `EINVAL` when nothing is loaded, `EPERM` without the capability.
pub fn jump() -> Result<Infallible, Errno> {
    rustix::system::reboot(RebootCommand::Kexec)?;
    Err(Errno::INVAL)
}
