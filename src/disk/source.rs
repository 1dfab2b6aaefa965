//! Where bytes come from: a file or device, memory, or a section of either.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Bytes that can be read at any position. There is no way to write.
pub trait ReadAt: Send + Sync {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// Reads up to `buf.len()` bytes from `offset` and says how many. Less than asked for comes only
    /// at the end; from there on it is 0.
    ///
    /// # Errors
    /// The medium could not be read.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// The medium could not be read, or it ends before: `UnexpectedEof`.
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if self.read_at(offset, buf)? == buf.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

/// A shared source of bytes.
pub type Source = Arc<dyn ReadAt>;

/// A regular file or a block device, opened for reading only.
pub struct FileSource {
    file: File,
    size: u64,
}

impl FileSource {
    /// Opens `path`. The size is asked once: that of a block device comes from seeking to its end.
    ///
    /// # Errors
    /// It can't be opened or has no end to seek to.
    pub fn open(path: &Path) -> io::Result<FileSource> {
        FileSource::new(File::open(path)?)
    }

    /// Takes an open file, as [`FileSource::open`] does.
    ///
    /// # Errors
    /// It has no end to seek to.
    pub fn new(mut file: File) -> io::Result<FileSource> {
        let size = file.seek(SeekFrom::End(0))?;
        Ok(FileSource { file, size })
    }
}

impl ReadAt for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(at) = offset.checked_add(done as u64) else {
                break;
            };
            match self.file.read_at(rest, at) {
                // The kernel makes a disk that was taken out 0 bytes long.
                Ok(0) if at < self.size => {
                    let text = format!("it ends at byte {at}, and had {}: it has gone", self.size);
                    return Err(io::Error::new(io::ErrorKind::NotConnected, text));
                }
                Ok(0) => break,
                Ok(n) => done = done.saturating_add(n),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }
}

/// Bytes in memory: tests, fuzzing, and files inside files.
pub struct MemorySource(pub Arc<[u8]>);

impl MemorySource {
    /// Takes the bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> MemorySource {
        MemorySource(bytes.into())
    }
}

impl ReadAt for MemorySource {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| self.0.get(at..))
            .unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }
}

/// A part of another source, such as a partition.
pub struct Section {
    whole: Source,
    start: u64,
    size: u64,
}

impl Section {
    /// `size` bytes of `whole` from `start`; what reaches over its end is cut off.
    pub fn new(whole: Source, start: u64, size: u64) -> Section {
        let start = start.min(whole.size());
        let size = size.min(whole.size().saturating_sub(start));
        Section { whole, start, size }
    }
}

impl ReadAt for Section {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.size.checked_sub(offset) else {
            return Ok(0);
        };
        let n = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let at = self.start.saturating_add(offset);
        self.whole.read_at(at, buf.get_mut(..n).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gets_shorter_has_gone() {
        let path = std::env::temp_dir().join(format!("pilotlight-source-{}", std::process::id()));
        std::fs::write(&path, [7; 4096]).unwrap();
        let source = FileSource::open(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(1024).unwrap();
        std::fs::remove_file(path).unwrap();
        let mut buf = [0; 512];
        source.read_exact_at(512, &mut buf).unwrap();
        let error = source.read_exact_at(768, &mut buf).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it ends at byte 1024, and had 4096: it has gone"
        );
        // Behind its end there was nothing before.
        assert_eq!(source.read_at(4096, &mut buf).unwrap(), 0);
    }

    #[test]
    fn section_ends_where_it_says() {
        let whole: Source = Arc::new(MemorySource::new(&b"0123456789"[..]));
        let section = Section::new(whole.clone(), 2, 5);
        let mut buf = [0; 8];
        assert_eq!(section.read_at(0, &mut buf).unwrap(), 5);
        assert_eq!(&buf[..5], b"23456");
        assert_eq!(section.read_at(4, &mut buf).unwrap(), 1);
        assert_eq!(section.read_at(5, &mut buf).unwrap(), 0);
        assert_eq!(section.read_at(u64::MAX, &mut buf).unwrap(), 0);
        assert!(section.read_exact_at(3, &mut buf[..3]).is_err());
        assert_eq!(Section::new(whole, 8, u64::MAX).size(), 2);
    }
}
