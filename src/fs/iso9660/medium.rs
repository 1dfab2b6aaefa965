//! The volume below an ISO 9660 filesystem, and how much of it one request may read.

use std::io;
use std::sync::Arc;

use crate::disk::{ReadAt, Source, Window};
use crate::fs::FsError;
use crate::fs::budget::Budget;

/// Bytes of a logical block, by which places are counted, and of a logical sector, which no record of a
/// directory crosses. Other blocks are allowed, and nobody makes them.
pub(super) const SECTOR: usize = 2048;

/// The same for places.
pub(super) const BLOCK: u64 = SECTOR as u64;

/// Bytes that belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::fs) struct Place {
    /// Where they begin on the volume, in bytes.
    pub(super) start: u64,
    /// How many they are.
    pub(super) size: u64,
}

impl Place {
    fn end(self) -> u64 {
        self.start.saturating_add(self.size)
    }
}

/// The volume.
pub(super) struct Medium {
    /// Its bytes, read as they are asked for.
    pub(super) source: Source,
    window: Arc<Window>,
    /// What the request may still read of descriptors and directories.
    pub(super) budget: Budget,
}

impl Medium {
    pub(super) fn new(source: Source) -> Medium {
        Medium {
            window: Arc::new(Window::new(source.clone())),
            source,
            budget: Budget::new(),
        }
    }

    /// The bytes of the volume, read ahead.
    pub(super) fn window(&self) -> Source {
        self.window.clone()
    }

    /// Is this on the volume?
    ///
    /// # Errors
    /// [`FsError::Corrupt`] where it reaches over its end: so does a copy that was cut.
    pub(super) fn check(&self, place: Place) -> Result<(), FsError> {
        match place.end() <= self.source.size() {
            true => Ok(()),
            false => Err(behind_the_end(place)),
        }
    }

    /// Fills `buf` with what was paid for.
    ///
    /// # Errors
    /// The medium, or [`FsError::Corrupt`] behind its end.
    pub(super) fn read(&self, start: u64, buf: &mut [u8]) -> Result<(), FsError> {
        let size = buf.len() as u64;
        let read = self.window.read_exact_at(start, buf);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => behind_the_end(Place { start, size }),
            _ => FsError::Io(error),
        })
    }
}

fn behind_the_end(place: Place) -> FsError {
    FsError::Corrupt(format!(
        "{} bytes at block {} are behind the end of the volume, which may have been cut",
        place.size,
        place.start / BLOCK
    ))
}
