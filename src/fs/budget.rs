//! [`Budget`]: how much of a volume one request may read.

use std::cell::Cell;

use super::FsError;

/// Bytes of metadata that one request may read: more than a directory with
/// [`MAX_DIRECTORY_ENTRIES`](super::MAX_DIRECTORY_ENTRIES) of the longest names has.
pub(super) const BUDGET: u64 = 32 * 1024 * 1024;

/// What a read costs at least: a small one at a new place takes as long as a larger one. So a request
/// is at most two thousand of them, which is a minute on the slowest stick.
pub(super) const LEAST_COST: u64 = 16 * 1024;

/// What is left of what the request may read.
pub(super) struct Budget(Cell<u64>);

impl Budget {
    /// Enough for one request.
    pub(super) fn new() -> Budget {
        Budget(Cell::new(BUDGET))
    }

    /// Another request begins, which may read so many bytes of metadata.
    pub(super) fn allow(&self, bytes: u64) {
        self.0.set(bytes);
    }

    /// Takes the cost of reading `length` bytes of metadata at a new place.
    ///
    /// # Errors
    /// [`FsError::TooLarge`] when nothing is left.
    pub(super) fn spend(&self, length: usize) -> Result<(), FsError> {
        self.spend_exactly(LEAST_COST.max(length as u64))
    }

    /// Takes the cost of reading on where the last read ended.
    ///
    /// # Errors
    /// As [`Budget::spend`].
    pub(super) fn spend_exactly(&self, cost: u64) -> Result<(), FsError> {
        let left = self.0.get().checked_sub(cost);
        self.0.set(left.unwrap_or_default());
        match left {
            Some(_) => Ok(()),
            None => Err(FsError::TooLarge(
                "the directories and maps on the way to it are longer than is read at once"
                    .to_owned(),
            )),
        }
    }
}
