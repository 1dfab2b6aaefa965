//! What the kernel logs while it works for us, from `/dev/kmsg` (`Documentation/ABI/testing/dev-kmsg`).

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, SeekFrom};

/// More records than this are not collected for one call.
const MAX_RECORDS: usize = 64;

/// A place in the kernel's log; what comes after it can be collected.
pub(super) struct Bookmark(Option<OwnedFd>);

impl Bookmark {
    /// The end of the log at this moment. Where the log can't be opened nothing will be collected.
    pub(super) fn now() -> Bookmark {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let log = rustix::fs::open("/dev/kmsg", flags, Mode::empty()).ok();
        Bookmark(log.filter(|log| rustix::fs::seek(log, SeekFrom::End(0)).is_ok()))
    }

    /// The messages since then, oldest first.
    pub(super) fn messages(&self) -> Vec<String> {
        let mut messages = Vec::new();
        let Some(log) = &self.0 else {
            return messages;
        };
        // One read gives one record, at most `LOG_LINE_MAX` with its prefix and dictionary.
        let mut record = [0; 8192];
        for _ in 0..MAX_RECORDS {
            match rustix::io::read(log, &mut record) {
                Ok(n) => messages.extend(record.get(..n).and_then(text)),
                // Older records were overwritten: the next read goes on behind the gap.
                Err(rustix::io::Errno::PIPE) => {}
                Err(_) => break,
            }
        }
        messages
    }
}

/// The message of a record `prefix;message\n dictionary…`.
fn text(record: &[u8]) -> Option<String> {
    let record = String::from_utf8_lossy(record);
    let (_, message) = record.split_once(';')?;
    message.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_without_prefix_and_dictionary() {
        let record = b"6,339,5140900,-;kexec: too long\n SUBSYSTEM=none\n";
        assert_eq!(text(record).as_deref(), Some("kexec: too long"));
        assert_eq!(text(b"nothing"), None);
        assert_eq!(text(b"6,1,2,-;").as_deref(), None);
    }
}
