//! [`Device`]: the controller behind `/dev/ipmi0`.
#![allow(unsafe_code)] // two ioctls that rustix does not have

use std::ffi::{c_int, c_long, c_short, c_uchar, c_uint, c_ushort};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Setter, Updater, ioctl, opcode};

use super::{Bmc, IpmiError};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longer answers are cut: none that is asked for is.
const MAX_ANSWER: usize = 64;

/// The controller that the kernel's driver `ipmi_devintf` shows.
pub struct Device {
    file: File,
}

impl Device {
    /// Where it is.
    pub const PATH: &'static str = "/dev/ipmi0";

    /// Opens it; `None` where the machine has none, or the kernel no driver.
    ///
    /// # Errors
    /// [`IpmiError::Io`].
    pub fn open(path: &Path) -> Result<Option<Device>, IpmiError> {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => Ok(Some(Device { file })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(IpmiError::Io(error)),
        }
    }

    /// Waits until there is an answer.
    fn wait(&self, end: Instant) -> Result<(), IpmiError> {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
        let mut polled = [PollFd::new(&self.file, PollFlags::IN)];
        match poll(&mut polled, Some(&left))? {
            0 => Err(Errno::TIMEDOUT.into()),
            _ => Ok(()),
        }
    }
}

// As in <linux/ipmi.h>.

/// `struct ipmi_system_interface_addr`.
#[repr(C)]
struct Address {
    kind: c_int,
    channel: c_short,
    lun: c_uchar,
}

/// `IPMI_SYSTEM_INTERFACE_ADDR_TYPE` and `IPMI_BMC_CHANNEL`.
static CONTROLLER: Address = Address {
    kind: 0x0c,
    channel: 0x0f,
    lun: 0,
};

/// `struct ipmi_msg`.
#[repr(C)]
struct Message {
    function: c_uchar,
    command: c_uchar,
    length: c_ushort,
    data: *mut c_uchar,
}

/// `struct ipmi_req`.
#[repr(C)]
struct Request {
    address: *const Address,
    address_length: c_uint,
    number: c_long,
    message: Message,
}

/// `struct ipmi_recv`.
#[repr(C)]
struct Received {
    kind: c_int,
    address: *mut Address,
    address_length: c_uint,
    number: c_long,
    message: Message,
}

/// `IPMICTL_SEND_COMMAND` and `IPMICTL_RECEIVE_MSG_TRUNC`.
const SEND: Opcode = opcode::read::<Request>(b'i', 13);
const RECEIVE: Opcode = opcode::read_write::<Received>(b'i', 11);

/// `IPMI_RESPONSE_RECV_TYPE`.
const RESPONSE: c_int = 1;

impl Bmc for Device {
    fn ask(&self, function: u8, command: u8, data: &[u8]) -> Result<Vec<u8>, IpmiError> {
        const NUMBER: c_long = 1;
        let mut data = data.to_vec();
        let length = size_of::<Address>();
        let address_length = c_uint::try_from(length).map_err(|_| IpmiError::Odd)?;
        let request = Request {
            address: &raw const CONTROLLER,
            address_length,
            number: NUMBER,
            message: Message {
                function,
                command,
                length: c_ushort::try_from(data.len()).map_err(|_| IpmiError::Odd)?,
                data: data.as_mut_ptr(),
            },
        };
        // SAFETY: the operation reads one `ipmi_req`, which this is, the address and as many bytes of data as it
        // says, and keeps no pointer.
        unsafe { ioctl(&self.file, Setter::<SEND, Request>::new(request)) }?;
        let end = Instant::now().checked_add(PATIENCE).ok_or(IpmiError::Odd)?;
        loop {
            self.wait(end)?;
            let mut from = Address { ..CONTROLLER };
            let mut answer = [0; MAX_ANSWER];
            let mut received = Received {
                kind: 0,
                address: &raw mut from,
                address_length,
                number: 0,
                message: Message {
                    function: 0,
                    command: 0,
                    length: c_ushort::try_from(MAX_ANSWER).map_err(|_| IpmiError::Odd)?,
                    data: answer.as_mut_ptr(),
                },
            };
            // SAFETY: the operation writes one `ipmi_recv`, which this is, and to the address and the data no more
            // bytes than it says that there are; both outlive the call.
            let result = unsafe { ioctl(&self.file, Updater::<RECEIVE, _>::new(&mut received)) };
            match result {
                // Cut, or somebody else has taken it.
                Ok(()) | Err(Errno::MSGSIZE) => {}
                Err(Errno::AGAIN) => continue,
                Err(errno) => return Err(errno.into()),
            }
            if received.kind != RESPONSE || received.number != NUMBER {
                continue;
            }
            let length = usize::from(received.message.length);
            return match answer.get(..length).and_then(<[u8]>::split_first) {
                Some((0, answer)) => Ok(answer.to_vec()),
                Some((code, _)) => Err(IpmiError::Refused(*code)),
                None => Err(IpmiError::Odd),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that `ipmitool` calls with on x86-64, as `strace` shows them.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn structures_are_those_of_the_kernel() {
        assert_eq!((SEND, RECEIVE), (0x8028_690d, 0xc030_690b));
        assert_eq!(size_of::<Address>(), 8);
    }

    #[test]
    fn without_a_controller_there_is_none() {
        assert!(Device::open("/nowhere/ipmi0".as_ref()).unwrap().is_none());
        let other = Device::open("/dev/null".as_ref()).unwrap().unwrap();
        assert!(matches!(other.ask(0, 9, &[5, 0, 0]), Err(IpmiError::Io(_))));
    }
}
