//! [`DiskWriter`]: the only way by which bytes are written to a disk, and only the writes that are declared use
//! it. The other thing that changes on a disk is the name of an entry whose boot is counted, by the kernel's
//! driver of its filesystem.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::Volume;
use super::protection::{is_read_only, set_read_only};
use crate::child::{ChildError, in_child};
use crate::seconds;

/// How long a write and its flush may take. A healthy disk takes milliseconds, one that has to spin up
/// some seconds.
const LIMIT: Duration = Duration::from_secs(10);

/// After which time a write is shown that has not ended.
const SHOW: Duration = Duration::from_secs(2);

/// What every device takes for the address of a buffer that goes past the page cache.
const ALIGNMENT: usize = 4096;

/// A disk that can be written to. Offsets count from the beginning of the disk; they and all lengths are
/// multiples of the sector size.
pub trait WriteAt {
    /// Length in bytes of what the disk writes as one.
    fn sector_size(&self) -> u64;

    /// Fills `buf` from what the medium holds.
    ///
    /// # Errors
    /// It can't be read.
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// Writes `bytes` by one request, and waits until the medium holds them.
    ///
    /// # Errors
    /// It can't be written, or not within the time that is set for it.
    fn write_at_once(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// A block device or an image file, open for writing.
pub struct DiskWriter {
    file: File,
    sector_size: u64,
    /// The kernel refused writes before, and is to do so again.
    protected: bool,
}

impl DiskWriter {
    /// Opens the disk that holds `volume`, which was opened as `path`. The whole disk is taken, not the
    /// partition: it is what was read from, and is there where the kernel sees no partitions. A device
    /// that the kernel protects since it has mounted the disk is open to us as long as this lives.
    ///
    /// # Errors
    /// It is gone, or can't be written to.
    pub fn open(path: &Path, volume: &Volume) -> io::Result<DiskWriter> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let Some(device) = &volume.device else {
            let file = rustix::fs::open(path, flags, Mode::empty())?;
            let sector_size = 512;
            return Ok(DiskWriter {
                file: file.into(),
                sector_size,
                protected: false,
            });
        };
        let node = device.disk_node();
        let node = node.ok_or_else(|| io::Error::other("the disk is not there any more"))?;
        let reader = rustix::fs::open(node, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let protected = is_read_only(&reader)?;
        if protected {
            set_read_only(&reader, false)?;
        }
        // Past the page cache: what is compared is what the medium holds, and what is written is nothing
        // but the sectors that were named.
        let writer = rustix::fs::open(node, flags | OFlags::DIRECT, Mode::empty());
        if protected && writer.is_err() {
            let _ = set_read_only(&reader, true);
        }
        let file = File::from(writer?);
        let sector_size = rustix::fs::ioctl_blksszget(&file)?.into();
        Ok(DiskWriter {
            file,
            sector_size,
            protected,
        })
    }
}

impl Drop for DiskWriter {
    fn drop(&mut self) {
        if self.protected {
            let _ = set_read_only(&self.file, true);
        }
    }
}

impl WriteAt for DiskWriter {
    fn sector_size(&self) -> u64 {
        self.sector_size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let mut aligned = Aligned::new(buf.len());
        self.file.read_exact_at(aligned.bytes(), offset)?;
        buf.copy_from_slice(aligned.bytes());
        Ok(())
    }

    fn write_at_once(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut aligned = Aligned::new(bytes.len());
        let copy = aligned.bytes();
        copy.copy_from_slice(bytes);
        let mut shown = false;
        let mut waiting = |time: Duration| {
            if time >= SHOW && !shown {
                shown = true;
                let left = seconds::left(LIMIT.saturating_sub(time));
                log::info!("waiting for the disk to write, {left} s left");
            }
        };
        // A disk that hangs is left behind: nobody has to wait for it.
        let result = in_child(LIMIT, &mut waiting, || {
            if rustix::io::pwrite(&self.file, copy, offset)? != copy.len() {
                return Err(Errno::IO);
            }
            rustix::fs::fdatasync(&self.file)
        });
        result.map_err(|error| match error {
            ChildError::Errno(errno) => errno.into(),
            error => io::Error::other(error.to_string()),
        })
    }
}

/// Bytes at an address that direct input and output takes.
struct Aligned {
    memory: Vec<u8>,
    length: usize,
}

impl Aligned {
    fn new(length: usize) -> Aligned {
        let memory = vec![0; length.saturating_add(ALIGNMENT)];
        Aligned { memory, length }
    }

    fn bytes(&mut self) -> &mut [u8] {
        let skip = self.memory.as_ptr().align_offset(ALIGNMENT);
        let rest = self.memory.get_mut(skip..).unwrap_or_default();
        rest.get_mut(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_as_long_as_asked_for() {
        for length in [0, 1, 512, 4096, 65_536] {
            let mut aligned = Aligned::new(length);
            let bytes = aligned.bytes();
            assert_eq!(bytes.len(), length);
            assert_eq!(bytes.as_ptr().align_offset(ALIGNMENT), 0);
        }
    }
}
