//! [`Probe`]: small reads at fixed places that remember what went wrong.

use std::cell::RefCell;
use std::fmt;
use std::io;

use crate::disk::ReadAt;

/// A volume that is being recognised.
pub(super) struct Probe<'a> {
    source: &'a dyn ReadAt,
    error: RefCell<Option<ReadError>>,
}

/// A read that failed, and where.
pub(super) struct ReadError {
    offset: u64,
    error: io::Error,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.error)
    }
}

impl<'a> Probe<'a> {
    pub(super) fn new(source: &'a dyn ReadAt) -> Probe<'a> {
        Probe {
            source,
            error: RefCell::new(None),
        }
    }

    /// Length of the volume in bytes.
    pub(super) fn size(&self) -> u64 {
        self.source.size()
    }

    /// The `N` bytes at `offset`; `None` when the volume ends before or they can't be read.
    pub(super) fn bytes<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        match self.source.read_exact_at(offset, &mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) => {
                if error.kind() != io::ErrorKind::UnexpectedEof {
                    let mut first = self.error.borrow_mut();
                    first.get_or_insert(ReadError { offset, error });
                }
                None
            }
        }
    }

    /// The first error of the medium; that a volume is short is none.
    pub(super) fn into_error(self) -> Option<ReadError> {
        self.error.into_inner()
    }
}
