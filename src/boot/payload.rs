//! Payload bytes: in a sealed memfd, which nobody can change any more.
//!
//! What was hashed while it was read is what the kernel gets: the same descriptor.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;

use super::stream::{Route, Stream, Target};
use crate::fs::{FsError, ReadFile};

/// Where the next archive may begin: the kernel unpacks joined initrds only from multiples of four
/// bytes (`Documentation/driver-api/early-userspace/buffer-format.rst`).
const ALIGNMENT: u64 = 4;

/// A payload that is being written.
pub(super) struct Draft {
    memory: OwnedFd,
    end: Cell<u64>,
}

impl Draft {
    /// An empty one.
    pub(super) fn new() -> Result<Draft, PayloadError> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // The name appears in the log of the kernel's integrity subsystem: it is always the same.
        let memory = rustix::fs::memfd_create("pilotlight", flags).map_err(PayloadError::Memory)?;
        Ok(Draft {
            memory,
            end: Cell::new(0),
        })
    }

    /// Takes the next `size` bytes at a multiple of four, and says where they begin. What is not written
    /// is zero.
    pub(super) fn reserve(&self, size: u64) -> u64 {
        let end = self.end.get();
        let start = end.checked_next_multiple_of(ALIGNMENT).unwrap_or(u64::MAX);
        if size > 0 {
            self.end.set(start.saturating_add(size));
        }
        start
    }

    /// Writes into what was reserved.
    pub(super) fn write_at(&self, mut at: u64, mut bytes: &[u8]) -> Result<(), PayloadError> {
        while !bytes.is_empty() {
            match rustix::io::pwrite(&self.memory, bytes, at) {
                Ok(n) => {
                    bytes = bytes.get(n..).unwrap_or_default();
                    at = at.saturating_add(n as u64);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(PayloadError::Memory(errno)),
            }
        }
        Ok(())
    }

    /// Was nothing reserved?
    pub(super) fn is_empty(&self) -> bool {
        self.end.get() == 0
    }

    /// Ends the writing.
    pub(super) fn seal(self) -> Result<Payload, PayloadError> {
        let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&self.memory, seals).map_err(PayloadError::Memory)?;
        Ok(Payload {
            size: self.end.get(),
            memory: self.memory,
        })
    }
}

/// The bytes of one role, sealed against every change.
#[derive(Debug)]
pub struct Payload {
    memory: OwnedFd,
    size: u64,
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of exactly these bytes.
    pub sha256: [u8; 32],
}

impl Payload {
    /// Reads a whole file. `progress` is told after each chunk how many bytes are done.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn read(
        file: Box<dyn ReadFile + '_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Payload, Part), PayloadError> {
        let draft = Draft::new()?;
        let part = draft.append(Stream::new(file), progress)?;
        Ok((draft.seal()?, part))
    }

    /// Length in bytes, with what stands between the files.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads up to `buf.len()` bytes from the start.
    ///
    /// # Errors
    /// Not in practice: these are pages in memory.
    pub fn head(&self, buf: &mut [u8]) -> Result<usize, Errno> {
        rustix::io::pread(&self.memory, buf, 0)
    }

    /// The bytes in a range.
    ///
    /// # Errors
    /// [`PayloadError::Short`] where they are not all there.
    pub(super) fn part(&self, range: &Range<u64>) -> Result<Vec<u8>, PayloadError> {
        let Range { start, end } = *range;
        let size = end.saturating_sub(start);
        let short = PayloadError::Short {
            size: end,
            done: self.size,
        };
        let Some(length) = usize::try_from(size).ok().filter(|_| end <= self.size) else {
            return Err(short);
        };
        let mut bytes = vec![0; length];
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = start.saturating_add(done as u64);
            match rustix::io::pread(&self.memory, rest, at) {
                Ok(0) => return Err(short),
                Ok(n) => done = done.saturating_add(n),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(PayloadError::Memory(errno)),
            }
        }
        Ok(bytes)
    }
}

impl Draft {
    /// Reads a whole file to the end of the draft.
    pub(super) fn append(
        &self,
        file: Stream<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Part, PayloadError> {
        let whole = self.whole(&file);
        let mut progress = |done| {
            progress(done);
            true
        };
        file.run(&mut [whole], None, &mut progress)
    }

    /// The route of a whole file to the end of the draft.
    pub(super) fn whole(&self, file: &Stream<'_>) -> Route<'_> {
        Route {
            range: 0..file.size(),
            target: Target::Draft(self, self.reserve(file.size())),
        }
    }
}

impl AsFd for Payload {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}

impl Part {
    /// The hash in hexadecimal, as `sha256sum` prints it.
    pub fn hex(&self) -> String {
        crate::text::hex(&self.sha256)
    }
}

/// Why a payload could not be read.
#[derive(Debug)]
pub enum PayloadError {
    /// The medium or the filesystem failed.
    Read(FsError),
    /// The file ended before the length that its directory entry promised.
    Short {
        /// Promised length in bytes.
        size: u64,
        /// Bytes that were there.
        done: u64,
    },
    /// What is to be read is longer than it may be, both in bytes.
    TooLarge {
        /// Its length.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Memory for it could not be had.
    Memory(Errno),
    /// The hashing thread ended early.
    Hasher,
    /// Who looks on wanted no more of it.
    Stopped,
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayloadError::Read(error) => write!(f, "{error}"),
            PayloadError::Short { size, done } => {
                write!(
                    f,
                    "the file ends after {done} of {size} bytes: it is damaged"
                )
            }
            PayloadError::TooLarge { size, limit } => {
                write!(f, "{size} bytes, where at most {limit} fit")
            }
            PayloadError::Memory(errno) => write!(f, "no memory for the files: {errno}"),
            PayloadError::Hasher => f.write_str("the hashing thread ended early"),
            PayloadError::Stopped => f.write_str("reading was stopped"),
        }
    }
}

impl std::error::Error for PayloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PayloadError::Read(error) => Some(error),
            PayloadError::Memory(errno) => Some(errno),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::stream::{CHUNK, IN_FLIGHT};
    use sha2::{Digest, Sha256};

    /// A file whose directory entry promises `size` bytes.
    struct Bytes {
        bytes: Vec<u8>,
        size: u64,
    }

    impl ReadFile for Bytes {
        fn size(&self) -> u64 {
            self.size
        }

        fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
            let rest = self.bytes.get(offset as usize..).unwrap_or_default();
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        }
    }

    fn file(bytes: &[u8]) -> Box<dyn ReadFile> {
        file_that_promises(bytes, bytes.len() as u64)
    }

    fn file_that_promises(bytes: &[u8], size: u64) -> Box<dyn ReadFile> {
        let bytes = bytes.to_vec();
        Box::new(Bytes { bytes, size })
    }

    fn content(payload: &Payload) -> Vec<u8> {
        let mut bytes = vec![0; payload.size() as usize + 1];
        let n = payload.head(&mut bytes).unwrap();
        bytes.truncate(n);
        assert_eq!(n as u64, payload.size());
        bytes
    }

    #[test]
    fn files_are_joined_at_multiples_of_four() {
        let draft = Draft::new().unwrap();
        let mut seen = Vec::new();
        let mut parts = Vec::new();
        for bytes in [&b"12345"[..], b"", b"abc", b""] {
            let stream = Stream::new(file(bytes));
            parts.push(draft.append(stream, &mut |done| seen.push(done)).unwrap());
        }
        assert_eq!(content(&draft.seal().unwrap()), b"12345\0\0\0abc");
        assert_eq!(seen, [5, 3]);
        let sizes: Vec<u64> = parts.iter().map(|part| part.size).collect();
        assert_eq!(sizes, [5, 0, 3, 0]);
        assert_eq!(
            parts[2].hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn more_than_all_chunks_in_flight() {
        let bytes: Vec<u8> = (0..(CHUNK * (IN_FLIGHT + 2) + 3))
            .map(|i| (i / 7) as u8)
            .collect();
        let (payload, part) = Payload::read(file(&bytes), &mut |_| ()).unwrap();
        assert_eq!(content(&payload), bytes);
        let expected: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(part.sha256, expected);
    }

    #[test]
    fn parts_of_a_file_go_where_they_are_sent() {
        let bytes: Vec<u8> = (0..CHUNK * 2).map(|i| (i / 5) as u8).collect();
        for head in [0, 100, CHUNK + 10] {
            let mut stream = Stream::new(file(&bytes));
            assert_eq!(stream.head(head).unwrap(), &bytes[..head]);
            let (first, second) = (Draft::new().unwrap(), Draft::new().unwrap());
            let mut kept = Vec::new();
            let route = |range: std::ops::Range<usize>, target| Route {
                range: range.start as u64..range.end as u64,
                target,
            };
            second.reserve(1);
            let mut routes = [
                route(
                    CHUNK - 3..CHUNK + 3,
                    Target::Draft(&first, first.reserve(6)),
                ),
                route(90..110, Target::Kept(&mut kept)),
                route(
                    110..CHUNK * 2,
                    Target::Draft(&second, second.reserve(CHUNK as u64 * 2 - 110)),
                ),
            ];
            let part = stream.run(&mut routes, None, &mut |_| true).unwrap();
            assert_eq!(part.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
            assert_eq!(
                content(&first.seal().unwrap()),
                &bytes[CHUNK - 3..CHUNK + 3]
            );
            assert_eq!(content(&second.seal().unwrap())[4..], bytes[110..]);
            assert_eq!(kept, &bytes[90..110]);
        }
    }

    #[test]
    fn nobody_can_change_it() {
        let (payload, _) = Payload::read(file(b"kernel"), &mut |_| ()).unwrap();
        assert_eq!(rustix::io::pwrite(&payload, b"x", 0), Err(Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&payload, 0), Err(Errno::PERM));
        let seals = rustix::fs::fcntl_get_seals(&payload).unwrap();
        assert!(seals.contains(SealFlags::SEAL));
        assert_eq!(content(&payload), b"kernel");
    }

    #[test]
    fn a_file_that_ends_early_is_an_error() {
        let file = || file_that_promises(b"y", 2);
        let error = Payload::read(file(), &mut |_| ()).unwrap_err();
        let is_short = |error| matches!(error, PayloadError::Short { size: 2, done: 1 });
        assert!(is_short(error));
        let error = Stream::new(file()).head(10).unwrap_err();
        assert!(is_short(error));
    }
}
