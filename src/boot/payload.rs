//! Payload bytes: read once, in order, into a sealed memfd while they are hashed.
//!
//! What is hashed here is what the kernel gets: the same descriptor, which nobody can change any more.
//! Reading and hashing overlap in two threads, since hashing is the larger cost of the two.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc;
use std::thread;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::fs::{FsError, ReadFile};

/// Bytes that are read and hashed in one go.
const CHUNK: usize = 1024 * 1024;

/// How many chunks may be on their way to the hashing thread.
const IN_FLIGHT: usize = 4;

/// Where the next archive may begin: the kernel unpacks joined initrds only from multiples of four
/// bytes (`Documentation/driver-api/early-userspace/buffer-format.rst`).
const ALIGNMENT: usize = 4;

/// Files of one role, joined, sealed against every change.
#[derive(Debug)]
pub struct Payload {
    memory: OwnedFd,
    size: u64,
    parts: Vec<Part>,
}

/// One file of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of exactly these bytes.
    pub sha256: [u8; 32],
}

impl Payload {
    /// Reads `files` to their ends, one behind the other, each begun at a multiple of four bytes with
    /// zeros before it. `progress` is told after each chunk how many bytes are done.
    ///
    /// # Errors
    /// [`PayloadError`]. When the files together are longer than `limit` bytes nothing is read.
    pub fn read(
        files: &mut [Box<dyn ReadFile + '_>],
        limit: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Payload, PayloadError> {
        let size = files
            .iter()
            .fold(0_u64, |sum, file| sum.saturating_add(file.size()));
        if size > limit {
            return Err(PayloadError::TooLarge { size, limit });
        }
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // The name appears in the log of the kernel's integrity subsystem: it is always the same.
        let memory = rustix::fs::memfd_create("pilotlight", flags).map_err(PayloadError::Memory)?;
        let mut payload = Payload {
            memory,
            size: 0,
            parts: Vec::new(),
        };
        for (index, file) in files.iter_mut().enumerate() {
            payload.align()?;
            payload.append(index, file.as_mut(), progress)?;
        }
        let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&payload.memory, seals).map_err(PayloadError::Memory)?;
        Ok(payload)
    }

    /// Fills up with zeros to where the next file may begin.
    fn align(&mut self) -> Result<(), PayloadError> {
        let end = self.size.next_multiple_of(ALIGNMENT as u64);
        let padding = usize::try_from(end.saturating_sub(self.size)).unwrap_or_default();
        let zeros = [0; ALIGNMENT];
        self.write(zeros.get(..padding).unwrap_or_default())
    }

    /// Reads one file to its end, hashing in a second thread.
    fn append(
        &mut self,
        index: usize,
        file: &mut dyn ReadFile,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), PayloadError> {
        let size = file.size();
        thread::scope(|scope| {
            // Empty chunks come back from the hashing thread, so that memory is bounded.
            let (to_hasher, chunks) = mpsc::channel::<Vec<u8>>();
            let (from_hasher, empty) = mpsc::channel::<Vec<u8>>();
            for _ in 0..IN_FLIGHT {
                // The receiver lives in this function: sending can't fail.
                let _ = from_hasher.send(vec![0; CHUNK]);
            }
            let hasher = scope.spawn(move || {
                let mut hash = Sha256::new();
                for chunk in chunks {
                    hash.update(&chunk);
                    // The reader may have given up meanwhile.
                    let _ = from_hasher.send(chunk);
                }
                <[u8; 32]>::from(hash.finalize())
            });
            let mut done: u64 = 0;
            while done < size {
                let mut chunk = empty.recv().unwrap_or_default();
                let left = usize::try_from(size.saturating_sub(done)).unwrap_or(CHUNK);
                chunk.resize(left.min(CHUNK), 0);
                let n = file
                    .read_at(done, &mut chunk)
                    .map_err(|error| PayloadError::Read { index, error })?;
                if n == 0 {
                    return Err(PayloadError::Short { index, size, done });
                }
                chunk.truncate(n);
                self.write(&chunk)?;
                done = done.saturating_add(n as u64);
                progress(self.size);
                // The thread ends only after this sender is gone.
                let _ = to_hasher.send(chunk);
            }
            drop(to_hasher);
            let sha256 = hasher.join().map_err(|_| PayloadError::Hasher)?;
            self.parts.push(Part { size, sha256 });
            Ok(())
        })
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), PayloadError> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.memory, bytes) {
                Ok(n) => {
                    bytes = bytes.get(n..).unwrap_or_default();
                    self.size = self.size.saturating_add(n as u64);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(PayloadError::Memory(errno)),
            }
        }
        Ok(())
    }

    /// Length in bytes, with what stands between the files.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The files, in the order in which they were given.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Reads up to `buf.len()` bytes from the start.
    ///
    /// # Errors
    /// Not in practice: these are pages in memory.
    pub fn head(&self, buf: &mut [u8]) -> Result<usize, Errno> {
        rustix::io::pread(&self.memory, buf, 0)
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
        self.sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// Why a payload could not be read. `index` counts the files that were given, from 0.
#[derive(Debug)]
pub enum PayloadError {
    /// The medium or the filesystem failed.
    Read {
        /// Which file.
        index: usize,
        /// How.
        error: FsError,
    },
    /// The file ended before the length that its directory entry promised.
    Short {
        /// Which file.
        index: usize,
        /// Promised length in bytes.
        size: u64,
        /// Bytes that were there.
        done: u64,
    },
    /// The files together are longer than what is free, both in bytes.
    TooLarge {
        /// Their length.
        size: u64,
        /// What is free for them.
        limit: u64,
    },
    /// Memory for them could not be had.
    Memory(Errno),
    /// The hashing thread ended early.
    Hasher,
}

impl PayloadError {
    /// Which file it is about, if about one.
    pub fn index(&self) -> Option<usize> {
        match self {
            PayloadError::Read { index, .. } | PayloadError::Short { index, .. } => Some(*index),
            PayloadError::TooLarge { .. } | PayloadError::Memory(_) | PayloadError::Hasher => None,
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayloadError::Read { error, .. } => write!(f, "{error}"),
            PayloadError::Short { size, done, .. } => {
                write!(
                    f,
                    "the file ends after {done} of {size} bytes: it is damaged"
                )
            }
            PayloadError::TooLarge { size, limit } => write!(
                f,
                "the files have {size} bytes together, and {limit} bytes of memory are free for them"
            ),
            PayloadError::Memory(errno) => write!(f, "no memory for the files: {errno}"),
            PayloadError::Hasher => f.write_str("the hashing thread ended early"),
        }
    }
}

impl std::error::Error for PayloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PayloadError::Read { error, .. } => Some(error),
            PayloadError::Memory(errno) => Some(errno),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut bytes = vec![0; payload.size() as usize];
        assert_eq!(payload.head(&mut bytes).unwrap(), bytes.len());
        bytes
    }

    #[test]
    fn files_are_joined_at_multiples_of_four() {
        let mut files = [file(b"12345"), file(b""), file(b"abc")];
        let mut seen = Vec::new();
        let payload = Payload::read(&mut files, 100, &mut |done| seen.push(done)).unwrap();
        assert_eq!(content(&payload), b"12345\0\0\0abc");
        assert_eq!(seen, [5, 11]);
        let sizes: Vec<u64> = payload.parts().iter().map(|part| part.size).collect();
        assert_eq!(sizes, [5, 0, 3]);
        assert_eq!(
            payload.parts()[2].hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn more_than_all_chunks_in_flight() {
        let bytes: Vec<u8> = (0..(CHUNK * (IN_FLIGHT + 2) + 3))
            .map(|i| (i / 7) as u8)
            .collect();
        let payload = Payload::read(&mut [file(&bytes)], u64::MAX, &mut |_| ()).unwrap();
        assert_eq!(content(&payload), bytes);
        let expected: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(payload.parts()[0].sha256, expected);
    }

    #[test]
    fn nobody_can_change_it() {
        let payload = Payload::read(&mut [file(b"kernel")], 100, &mut |_| ()).unwrap();
        assert_eq!(rustix::io::pwrite(&payload, b"x", 0), Err(Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&payload, 0), Err(Errno::PERM));
        let seals = rustix::fs::fcntl_get_seals(&payload).unwrap();
        assert!(seals.contains(SealFlags::SEAL));
        assert_eq!(content(&payload), b"kernel");
    }

    #[test]
    fn a_promise_beyond_memory_reads_nothing() {
        let mut files = [file_that_promises(b"x", u64::MAX), file(b"y")];
        let error = Payload::read(&mut files, 1 << 30, &mut |_| ()).unwrap_err();
        assert!(matches!(
            error,
            PayloadError::TooLarge { size: u64::MAX, .. }
        ));
    }

    #[test]
    fn a_file_that_ends_early_is_an_error() {
        let mut files = [file(b"ok"), file_that_promises(b"y", 2)];
        let error = Payload::read(&mut files, 100, &mut |_| ()).unwrap_err();
        assert!(
            matches!(
                error,
                PayloadError::Short {
                    index: 1,
                    size: 2,
                    done: 1
                }
            ),
            "{error}"
        );
    }
}
