//! The two system calls.
#![allow(unsafe_code)] // `kexec_file_load` has no wrapper.

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::system::RebootCommand;
use rustix::thread::nanosleep;
use rustix::time::Timespec;

use super::kmsg::Bookmark;
use super::{CommandLine, Handover, Kexec, LoadError};
use crate::child::{ChildError, in_child};
use crate::trust::coverage::Cleared;

/// `KEXEC_FILE_NO_INITRAMFS` of `<linux/kexec.h>`: the initrd descriptor is not looked at.
const NO_INITRAMFS: libc::c_ulong = 4;

/// How often the kernel is asked again while it is still at work on what was given up before, and the pause between.
const AGAIN: u32 = 200;
const PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// A kernel that takes longer than this does not do it any more. Large payloads take some seconds, those whose
/// signatures it checks itself the same again.
const LONGEST: Duration = Duration::from_secs(300);

/// There where the firmware is UEFI.
const UEFI: &str = "/sys/firmware/efi";

/// An initrd with nothing in it: the kernel passes over zeros (`unpack_to_rootfs` in `init/initramfs.c`), and refuses
/// one of 0 bytes.
const NOTHING: [u8; 512] = [0; 512];

/// `kexec_file_load(2)`: the kernel reads, checks and places the files itself. Nothing can interrupt it: it is asked by
/// a process of its own, which is left behind where it takes too long.
pub struct FileLoad<'a> {
    /// How long that may take, or that there is no time left.
    pub allowed: &'a dyn Fn() -> io::Result<Duration>,
    /// Called every now and then while the kernel is at work.
    pub waiting: &'a dyn Fn(),
}

impl Kexec for FileLoad<'_> {
    fn load(&self, what: &Cleared<Handover<'_>>) -> Result<(), LoadError> {
        let log = Bookmark::now();
        let what = what.payload();
        let result = self.ask(what);
        result.map_err(|errno| LoadError {
            errno,
            kernel_messages: log.messages(),
        })
    }
}

impl FileLoad<'_> {
    fn ask(&self, what: &Handover<'_>) -> Result<(), Errno> {
        let limit = (self.allowed)().map_err(|_| Errno::TIMEDOUT)?;
        let limit = limit.min(LONGEST);
        // A kernel that is given none takes what the firmware's table names: that of this kernel, whose memory is
        // somebody else's by then (`efi_config_parse_tables` in `drivers/firmware/efi/efi.c`).
        let empty = match what.initrd {
            None if Path::new(UEFI).exists() => Some(empty_initrd()?),
            _ => None,
        };
        let initrd = what.initrd.or(empty.as_ref().map(AsFd::as_fd));
        let result = in_child(limit, &mut |_| (self.waiting)(), || {
            for _ in 0..AGAIN {
                match kexec_file_load(what.kernel, initrd, what.cmdline) {
                    Err(Errno::BUSY) => {
                        let _ = nanosleep(&PAUSE);
                    }
                    result => return result,
                }
            }
            Err(Errno::BUSY)
        });
        result.map_err(|error| match error {
            ChildError::Errno(errno) => errno,
            ChildError::Timeout => Errno::TIMEDOUT,
            ChildError::Killed => Errno::INTR,
        })
    }
}

fn empty_initrd() -> Result<OwnedFd, Errno> {
    let memory = rustix::fs::memfd_create("pilotlight", MemfdFlags::CLOEXEC)?;
    rustix::io::pwrite(&memory, &NOTHING, 0)?;
    Ok(memory)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_time_the_kernel_is_not_asked() {
        let nothing = empty_initrd().unwrap();
        let cmdline = CommandLine::new("", 100).unwrap();
        let what = Handover {
            kernel: nothing.as_fd(),
            initrd: None,
            cmdline: &cmdline,
        };
        let over = || Err(io::ErrorKind::TimedOut.into());
        let load = FileLoad {
            allowed: &over,
            waiting: &|| (),
        };
        assert_eq!(load.ask(&what), Err(Errno::TIMEDOUT));
        // It is no kernel, and nobody may load one here.
        let load = FileLoad {
            allowed: &|| Ok(Duration::from_secs(60)),
            waiting: &|| (),
        };
        let refused = load.ask(&what).unwrap_err();
        assert_ne!(refused, Errno::TIMEDOUT);
    }

    #[test]
    fn an_initrd_with_nothing_in_it_has_bytes() {
        let initrd = empty_initrd().unwrap();
        let mut bytes = [1; 1024];
        let size = rustix::io::pread(&initrd, &mut bytes, 0).unwrap();
        assert_eq!(bytes[..size], NOTHING);
    }
}
