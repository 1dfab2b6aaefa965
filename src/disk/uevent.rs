//! The kernel's messages about devices that come and go (`lib/kobject_uevent.c`).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};

/// Bytes of the longest message (`UEVENT_BUFFER_SIZE` with its header).
const MAX_MESSAGE: usize = 4096;

/// The multicast group in which the kernel sends.
const KERNEL: u32 = 1;

/// Something happened to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uevent {
    /// What.
    pub action: Action,
    /// `block`, `usb`, `scsi`, ….
    pub subsystem: String,
    /// Name of the node below `/dev`, where there is one.
    pub name: Option<String>,
}

/// What happens to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It came.
    Add,
    /// It went.
    Remove,
    /// Its medium or size changed.
    Change,
    /// Something else (`move`, `online`, `bind`, …).
    Other,
}

/// Listens to uevents from the moment it is opened.
pub struct Uevents(OwnedFd);

impl Uevents {
    /// Opens the socket. What happened before is found in sysfs: open first, look afterwards, and
    /// nothing is missed.
    ///
    /// # Errors
    /// The kernel has no such socket, or does not let us.
    pub fn open() -> io::Result<Uevents> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (family, kind) = (AddressFamily::NETLINK, SocketType::DGRAM);
        let socket = rustix::net::socket_with(family, kind, flags, Some(KOBJECT_UEVENT))?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, KERNEL))?;
        Ok(Uevents(socket))
    }

    /// Waits for at most `timeout` until something happens and returns all of it. Messages that the
    /// kernel had to drop are a [`Action::Change`] of nothing in particular: look at everything.
    ///
    /// # Errors
    /// The socket failed.
    pub fn wait(&self, timeout: Duration) -> io::Result<Vec<Uevent>> {
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut events = Vec::new();
        loop {
            match self.receive() {
                Ok(event) => events.extend(event),
                Err(Errno::AGAIN) => return Ok(events),
                Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => events.push(Uevent {
                    action: Action::Change,
                    subsystem: String::new(),
                    name: None,
                }),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// One message; `None` for one that is not the kernel's or can't be read.
    fn receive(&self) -> Result<Option<Uevent>, Errno> {
        let mut buffer = [MaybeUninit::uninit(); MAX_MESSAGE];
        let ((bytes, _), _, sender) =
            rustix::net::recvfrom(&self.0, buffer.as_mut_slice(), RecvFlags::empty())?;
        // Any process may send to a netlink socket: only port 0 is the kernel.
        let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
        let is_kernel = sender.is_some_and(|sender| sender.pid() == 0);
        Ok(if is_kernel {
            Uevent::parse(bytes)
        } else {
            None
        })
    }
}

impl Uevent {
    /// Reads a message: `add@/devices/…`, then `KEY=value`, each ended by a NUL.
    pub fn parse(message: &[u8]) -> Option<Uevent> {
        let mut fields = message.split(|byte| *byte == 0);
        let (action, _) = std::str::from_utf8(fields.next()?).ok()?.split_once('@')?;
        let action = match action {
            "add" => Action::Add,
            "remove" => Action::Remove,
            "change" => Action::Change,
            _ => Action::Other,
        };
        let mut event = Uevent {
            action,
            subsystem: String::new(),
            name: None,
        };
        for field in fields {
            let pair = std::str::from_utf8(field)
                .ok()
                .and_then(|field| field.split_once('='));
            match pair {
                Some(("SUBSYSTEM", value)) => event.subsystem = value.to_owned(),
                Some(("DEVNAME", value)) => event.name = Some(value.to_owned()),
                _ => {}
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let message = b"add@/devices/pci0000:00/0000:00:04.0/virtio1/block/vda\0ACTION=add\0\
            DEVPATH=/devices/pci0000:00/0000:00:04.0/virtio1/block/vda\0SUBSYSTEM=block\0\
            MAJOR=254\0MINOR=0\0DEVNAME=vda\0DEVTYPE=disk\0SEQNUM=1234\0";
        let expected = Uevent {
            action: Action::Add,
            subsystem: "block".to_owned(),
            name: Some("vda".to_owned()),
        };
        assert_eq!(Uevent::parse(message), Some(expected));
        assert_eq!(Uevent::parse(b"libudev\0\xfe\xed"), None);
        assert_eq!(Uevent::parse(b""), None);
    }

    #[test]
    fn an_empty_wait_ends() {
        let uevents = Uevents::open().unwrap();
        assert!(uevents.wait(Duration::ZERO).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Uevent::parse(&bytes);
        }
    }
}
