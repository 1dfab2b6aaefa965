//! [`Medium`]: a volume as the crate `fatfs` wants to see it.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;
use std::sync::Arc;

use fatfs::ReadWriteSeek;

use crate::disk::{ReadAt, Window};

/// Bytes that may be read while one directory is searched or one file is positioned: a circular chain of
/// clusters ends here. It is more than a directory with [`MAX_DIRECTORY_ENTRIES`](crate::fs::MAX_DIRECTORY_ENTRIES)
/// long names has, and more than the table entries of the largest file.
pub(super) const BUDGET: u64 = 64 * 1024 * 1024;

/// What the [`Medium`] shares with its user, who has given it away.
pub(super) struct Meter {
    /// Bytes that may still be read.
    pub(super) budget: Cell<u64>,
    /// Where the last read began, in bytes.
    pub(super) last: Cell<u64>,
}

/// The disk as the crate wants to see it: readable while the budget lasts, never writable.
pub(super) struct Medium {
    source: Arc<Window>,
    position: u64,
    meter: Rc<Meter>,
}

impl Medium {
    /// What is read through `source`, and who counts it.
    pub(super) fn new(source: Arc<Window>) -> (Medium, Rc<Meter>) {
        let meter = Rc::new(Meter {
            budget: Cell::new(BUDGET),
            last: Cell::default(),
        });
        let medium = Medium {
            source,
            position: 0,
            meter: meter.clone(),
        };
        (medium, meter)
    }
}

impl Read for Medium {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read_at(self.position, buf)?;
        let left = self.meter.budget.get().checked_sub(n as u64);
        // Not `Other`: the crate uses that for its own findings.
        let left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        self.meter.budget.set(left);
        self.meter.last.set(self.position);
        self.position = self.position.saturating_add(n as u64);
        Ok(n)
    }
}

impl Seek for Medium {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.source.size().checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// The crate's trait asks for it; nothing that is called here writes, and nothing could.
impl Write for Medium {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const _: fn() = || {
    fn is_a_medium<T: ReadWriteSeek>() {}
    is_a_medium::<Medium>();
};
