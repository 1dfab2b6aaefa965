//! Messages of the kernel about devices that appear, change and vanish (`lib/kobject_uevent.c` of
//! Linux).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recvfrom, socket_with};

/// A message is shorter: the kernel's buffer has 2 KiB (`UEVENT_BUFFER_SIZE`), and the first line is a
/// path in sysfs.
const MAX_MESSAGE: usize = 8192;
/// The group to which the kernel sends; group 2 is udev's.
const KERNEL_GROUP: u32 = 1;
/// Messages that are taken at once before somebody looks at them.
const MAX_AT_ONCE: usize = 1024;

/// What happened to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is there.
    Add,
    /// It is gone.
    Remove,
    /// Its medium, size or state changed.
    Change,
    /// Something that does not concern a boot loader: drivers, names, power.
    Other,
}

/// One message of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uevent {
    /// What happened.
    pub action: Action,
    /// Its subsystem: `block`, `usb`, `nvme`.
    pub subsystem: String,
    /// Name of its node below `/dev`, where it has one.
    pub name: Option<String>,
    /// Its kind in its subsystem: `disk` or `partition` among block devices.
    pub kind: Option<String>,
}

impl Uevent {
    /// Reads a message: `ACTION@PATH`, then `NAME=VALUE`, each ended by a NUL. `None` when it is none
    /// of the kernel's.
    pub fn parse(message: &[u8]) -> Option<Uevent> {
        let mut fields = message
            .split(|byte| *byte == 0)
            .filter(|field| !field.is_empty());
        let header = std::str::from_utf8(fields.next()?).ok()?;
        header.split_once('@')?;
        let mut event = Uevent {
            action: Action::Other,
            subsystem: String::new(),
            name: None,
            kind: None,
        };
        for field in fields {
            let Some((name, value)) = std::str::from_utf8(field).ok()?.split_once('=') else {
                continue;
            };
            match name {
                "ACTION" => event.action = Action::named(value),
                "SUBSYSTEM" => value.clone_into(&mut event.subsystem),
                "DEVNAME" => event.name = Some(value.to_owned()),
                "DEVTYPE" => event.kind = Some(value.to_owned()),
                _ => {}
            }
        }
        (!event.subsystem.is_empty()).then_some(event)
    }

    /// Is it about a whole disk?
    pub fn is_disk(&self) -> bool {
        self.subsystem == "block" && self.kind.as_deref() == Some("disk")
    }
}

impl Action {
    fn named(name: &str) -> Action {
        match name {
            "add" => Action::Add,
            "remove" => Action::Remove,
            "change" => Action::Change,
            _ => Action::Other,
        }
    }
}

/// The socket on which the kernel's messages arrive, from the moment it was opened: open it before
/// looking at sysfs, and nothing is missed.
pub struct Uevents(OwnedFd);

impl Uevents {
    /// Begins to listen. No privilege is needed.
    ///
    /// # Errors
    /// The kernel has no netlink sockets (`CONFIG_NET`).
    pub fn open() -> io::Result<Uevents> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            flags,
            Some(KOBJECT_UEVENT),
        )?;
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Uevents(socket))
    }

    /// Waits until something happens, at most for `timeout`, and returns all of it; zero asks what is
    /// there already. Messages that the kernel had to drop are a [`Action::Change`] of nothing in
    /// particular: look at sysfs again.
    ///
    /// # Errors
    /// The socket failed.
    pub fn wait(&self, timeout: Duration) -> io::Result<Vec<Uevent>> {
        let start = Instant::now();
        loop {
            let events = self.pending()?;
            let left = timeout.saturating_sub(start.elapsed());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            let left = Timespec::try_from(left).ok();
            let mut sockets = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut sockets, left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What has arrived. A flood ends at some time.
    fn pending(&self) -> io::Result<Vec<Uevent>> {
        let mut events = Vec::new();
        for _ in 0..MAX_AT_ONCE {
            match self.receive() {
                Ok(event) => events.extend(event),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => events.push(Uevent {
                    action: Action::Change,
                    subsystem: String::new(),
                    name: None,
                    kind: None,
                }),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(events)
    }

    /// Takes one message without waiting; `None` for one that does not count.
    fn receive(&self) -> rustix::io::Result<Option<Uevent>> {
        let mut buffer = [0; MAX_MESSAGE];
        let (_, length, sender) = recvfrom(&self.0, &mut buffer, RecvFlags::TRUNC)?;
        let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
        // Programs may send to the group as well: the kernel's own port is 0.
        let kernel = sender.is_some_and(|sender| sender.pid() == 0);
        let message = buffer.get(..length).filter(|_| kernel);
        Ok(message.and_then(Uevent::parse))
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_message_of_the_kernel() {
        let message = b"add@/devices/virtual/block/sda/sda1\0ACTION=add\0\
            DEVPATH=/devices/virtual/block/sda/sda1\0SUBSYSTEM=block\0MAJOR=8\0MINOR=1\0\
            DEVNAME=sda1\0DEVTYPE=partition\0PARTN=1\0SEQNUM=1234\0";
        let event = Uevent::parse(message).unwrap();
        assert_eq!(
            event,
            Uevent {
                action: Action::Add,
                subsystem: "block".to_owned(),
                name: Some("sda1".to_owned()),
                kind: Some("partition".to_owned()),
            }
        );
        assert!(!event.is_disk());
        let disk = b"change@/d\0ACTION=change\0SUBSYSTEM=block\0DEVTYPE=disk\0";
        let disk = Uevent::parse(disk).unwrap();
        assert!(disk.is_disk());
        assert_eq!(disk.action, Action::Change);
    }

    #[test]
    fn refuses_what_the_kernel_does_not_send() {
        assert_eq!(Uevent::parse(b""), None);
        assert_eq!(Uevent::parse(b"libudev\0\xfe\xed\xca\xfe"), None);
        assert_eq!(Uevent::parse(b"add@/d\0ACTION=add\0"), None);
        assert_eq!(Uevent::parse(b"add@/d\0SUBSYSTEM=\xff\0"), None);
        let bind = Uevent::parse(b"bind@/d\0ACTION=bind\0SUBSYSTEM=usb\0").unwrap();
        assert_eq!(bind.action, Action::Other);
    }

    #[test]
    fn a_message_of_a_program_is_not_believed() {
        let listener = Uevents::open().unwrap();
        let address = rustix::net::getsockname(&listener.0).unwrap();
        let address = SocketAddrNetlink::try_from(address).unwrap();
        let forger = Uevents::open().unwrap();
        let forged = b"add@/forged\0ACTION=add\0SUBSYSTEM=block\0DEVNAME=forged\0";
        let to = SocketAddrNetlink::new(address.pid(), 0);
        let sent = rustix::net::sendto(&forger.0, forged, rustix::net::SendFlags::empty(), &to);
        // Whoever is not root can't even send it.
        if sent != Err(rustix::io::Errno::PERM) {
            assert_eq!(sent, Ok(forged.len()));
        }
        let events = listener.wait(Duration::ZERO).unwrap();
        assert!(
            events
                .iter()
                .all(|event| event.name.as_deref() != Some("forged")),
            "{events:?}"
        );
    }
}
