//! The kernel's own protection of a block device from writes.
#![allow(unsafe_code)] // two ioctls that rustix does not have

use std::ffi::c_int;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::ioctl::{Getter, Opcode, Setter, ioctl};

/// `BLKROSET` and `BLKROGET` of `<linux/fs.h>`.
const SET_READ_ONLY: Opcode = 0x125d;
const GET_READ_ONLY: Opcode = 0x125e;

/// Makes the kernel refuse, or take, writes to an open device. Only a system call, no allocation.
///
/// # Errors
/// It is no block device, or we are not root.
pub(crate) fn set_read_only(device: impl AsFd, yes: bool) -> Result<(), Errno> {
    let yes = c_int::from(yes);
    // SAFETY: this operation reads the one int that it is given a pointer to, and the number fits it.
    unsafe { ioctl(device, Setter::<SET_READ_ONLY, c_int>::new(yes)) }
}

/// Does the kernel refuse writes to an open device?
///
/// # Errors
/// It is no block device.
pub(crate) fn is_read_only(device: impl AsFd) -> Result<bool, Errno> {
    // SAFETY: this operation writes one int to where it is given a pointer to, and the number fits it.
    let read_only = unsafe { ioctl(device, Getter::<GET_READ_ONLY, c_int>::new()) };
    read_only.map(|flag| flag != 0)
}
