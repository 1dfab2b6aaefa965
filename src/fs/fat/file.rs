//! Files of a FAT filesystem that were opened.

use std::io::{Read, Seek, SeekFrom};

use super::clusters::Clusters;
use super::medium::{BUDGET, Medium, Meter};
use super::{Entry, Fat, error};
use crate::disk::{Joined, ReadAt};
use crate::fs::{FsError, ReadFile};

/// A file whose pieces are looked for when it is read: most are opened to see whether they are there.
pub(super) struct SmallFile<'a> {
    fat: &'a Fat,
    /// Where it begins, in bytes.
    start: u64,
    size: u64,
    content: Option<Joined>,
}

impl<'a> SmallFile<'a> {
    /// The file of `size` bytes that begins at byte `start` of the volume.
    pub(super) fn new(fat: &'a Fat, start: u64, size: u64) -> SmallFile<'a> {
        SmallFile {
            fat,
            start,
            size,
            content: None,
        }
    }
}

impl ReadFile for SmallFile<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        let content = match &mut self.content {
            Some(content) => content,
            none => {
                let window = &self.fat.window;
                let clusters = Clusters::read(window.as_ref())?;
                let ranges = clusters.ranges(window, self.start, self.size)?;
                none.insert(self.fat.joined(ranges))
            }
        };
        content.read_at(offset, buf).map_err(error)
    }
}

/// A file that the crate reads.
pub(super) struct OpenFile<'a> {
    size: u64,
    file: fatfs::File<'a, Medium>,
    position: u64,
    meter: &'a Meter,
}

impl<'a> OpenFile<'a> {
    /// The file that an entry of a directory is for.
    pub(super) fn new(entry: &Entry<'a>, meter: &'a Meter) -> OpenFile<'a> {
        OpenFile {
            size: entry.len(),
            file: entry.to_file(),
            position: 0,
            meter,
        }
    }
}

impl ReadFile for OpenFile<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        if offset >= self.size {
            return Ok(0);
        }
        let budget = BUDGET.saturating_add(buf.len() as u64);
        self.meter.budget.set(budget);
        if offset != self.position {
            self.position = self.file.seek(SeekFrom::Start(offset)).map_err(error)?;
            if self.position != offset {
                return Err(FsError::Corrupt(format!(
                    "the chain of clusters ends at {} of {} bytes",
                    self.position, self.size
                )));
            }
        }
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(n) => {
                    done = done.saturating_add(n);
                    self.position = self.position.saturating_add(n as u64);
                }
                Err(failure) => return Err(error(failure)),
            }
        }
        Ok(done)
    }
}
