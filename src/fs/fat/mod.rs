//! FAT12, FAT16 and FAT32, by the crate `fatfs`.
//!
//! The crate trusts the numbers on the disk: what they lead to is read, and reading ends where the
//! [`Medium`] below says so. That bounds every loop, and nothing is ever written.

mod clusters;
mod listing;

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use fatfs::{FileAttributes, FsOptions, ReadWriteSeek};

use self::clusters::Clusters;
use self::listing::{INSIDE, Item, Listing, MAX_SMALL, RECORD};
use super::date::Date;
use super::{
    DirEntry, FileKind, Filesystem, FsError, FsPath, MAX_DIRECTORY_ENTRIES, Metadata, ReadFile,
};
use crate::disk::{Joined, ReadAt, Section, Source, Window};

/// Bytes that may be read while one directory is searched or one file is positioned: a circular chain of
/// clusters ends here. It is more than a directory with [`MAX_DIRECTORY_ENTRIES`] long names has, and
/// more than the table entries of the largest file.
const BUDGET: u64 = 64 * 1024 * 1024;

/// A FAT filesystem.
pub(super) struct Fat {
    inner: fatfs::FileSystem<Medium>,
    meter: Rc<Meter>,
    source: Source,
    window: Arc<Window>,
    listed: RefCell<Option<Listing>>,
}

/// What the [`Medium`] shares with its user, who has given it away.
struct Meter {
    /// Bytes that may still be read.
    budget: Cell<u64>,
    /// Where the last read began, in bytes.
    last: Cell<u64>,
}

impl Fat {
    /// Reads the boot sector.
    ///
    /// # Errors
    /// The medium failed, or its numbers make no sense.
    pub(super) fn open(source: Source) -> Result<Fat, FsError> {
        let window = Arc::new(Window::new(source.clone()));
        let meter = Rc::new(Meter {
            budget: Cell::new(BUDGET),
            last: Cell::default(),
        });
        let medium = Medium {
            source: window.clone(),
            position: 0,
            meter: meter.clone(),
        };
        let inner = fatfs::FileSystem::new(medium, FsOptions::new()).map_err(error)?;
        Ok(Fat {
            inner,
            meter,
            source,
            window,
            listed: RefCell::default(),
        })
    }

    /// What `path` leads to, where its directory was listed last.
    fn listed(&self, path: &FsPath) -> Result<Option<Item>, FsError> {
        match self
            .listed
            .borrow()
            .as_ref()
            .map(|listed| listed.find(path))
        {
            Some(Some(Some(item))) => Ok(Some(item)),
            Some(Some(None)) => Err(FsError::NotFound),
            _ => Ok(None),
        }
    }

    /// A small file that was listed. `None` where its record is another one by now.
    fn small(&self, item: &Item) -> Result<Option<SmallFile>, FsError> {
        let Metadata { kind, size, .. } = item.metadata;
        if kind != FileKind::File || size > MAX_SMALL {
            return Ok(None);
        }
        let mut record = [0; RECORD];
        let read = self.window.read_exact_at(item.record, &mut record);
        read.map_err(FsError::Io)?;
        let clusters = Clusters::read(self.window.as_ref())?;
        let Some(start) = clusters.start(&record, size) else {
            return Ok(None);
        };
        let ranges = clusters.ranges(&self.window, start, size)?;
        Ok(Some(SmallFile(self.joined(ranges))))
    }

    fn joined(&self, ranges: Vec<Range<u64>>) -> Joined {
        Joined::new(ranges.into_iter().map(|range| {
            let size = range.end.saturating_sub(range.start);
            Section::new(self.source.clone(), range.start, size)
        }))
    }

    /// Where the content of a file lies on the volume. What the crate reads last for its first byte tells
    /// where it begins.
    fn ranges(&self, entry: &Entry<'_>) -> Result<Vec<Range<u64>>, FsError> {
        let size = entry.len();
        if size == 0 {
            return Ok(Vec::new());
        }
        self.meter.budget.set(BUDGET);
        entry.to_file().read_exact(&mut [0]).map_err(error)?;
        let clusters = Clusters::read(self.window.as_ref())?;
        clusters.ranges(&self.window, self.meter.last.get(), size)
    }

    /// Follows `path` to a directory or a file.
    fn find(&self, path: &FsPath) -> Result<Found<'_>, FsError> {
        let mut found = Found::Directory(self.inner.root_dir());
        for name in path.components() {
            let Found::Directory(directory) = &found else {
                return Err(FsError::NotADirectory);
            };
            self.meter.budget.set(BUDGET);
            let wanted: Vec<char> = upper_case(name).collect();
            let mut entry = None;
            for candidate in entries(directory) {
                let candidate = candidate?;
                let is = |name: &str| upper_case(name).eq(wanted.iter().copied());
                if is(&candidate.file_name()) || is(&candidate.short_file_name()) {
                    entry = Some(candidate);
                    break;
                }
            }
            let entry = entry.ok_or(FsError::NotFound)?;
            found = match entry.is_dir() {
                true => Found::Directory(entry.to_dir()),
                false => Found::File(entry),
            };
        }
        Ok(found)
    }
}

/// Names are compared without case.
fn upper_case(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_uppercase)
}

type Directory<'a> = fatfs::Dir<'a, Medium>;
type Entry<'a> = fatfs::DirEntry<'a, Medium>;

enum Found<'a> {
    Directory(Directory<'a>),
    File(Entry<'a>),
}

/// The entries of a directory without `.` and `..`, as many as are allowed.
fn entries<'a>(directory: &Directory<'a>) -> impl Iterator<Item = Result<Entry<'a>, FsError>> {
    let mut left = MAX_DIRECTORY_ENTRIES;
    directory
        .iter()
        .map(move |entry| {
            left = left.checked_sub(1).ok_or_else(|| {
                FsError::TooLarge(format!(
                    "a directory with over {MAX_DIRECTORY_ENTRIES} entries"
                ))
            })?;
            entry.map_err(error)
        })
        .filter(|entry| {
            let name = entry.as_ref().ok().map(Entry::short_file_name_as_bytes);
            !matches!(name, Some(b"." | b".."))
        })
}

impl Filesystem for Fat {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        if let Some(item) = self.listed(path)? {
            return Ok(item.metadata);
        }
        Ok(match self.find(path)? {
            Found::Directory(_) => DIRECTORY,
            Found::File(entry) => metadata(&entry),
        })
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        let Found::Directory(directory) = self.find(path)? else {
            return Err(FsError::NotADirectory);
        };
        self.meter.budget.set(BUDGET);
        let mut list = Vec::new();
        let mut listing = Listing::new(path);
        for entry in entries(&directory) {
            let entry = entry?;
            let metadata = metadata(&entry);
            let (name, kind) = (entry.file_name(), metadata.kind);
            // What the crate has read last is the end of its record.
            let record = self.meter.last.get() & !INSIDE;
            let names = [name.clone(), entry.short_file_name()];
            listing.add(names, Item { metadata, record });
            list.push(DirEntry { name, kind });
        }
        *self.listed.borrow_mut() = Some(listing);
        list.sort_unstable();
        Ok(list)
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        if let Some(item) = self.listed(path)?
            && let Some(file) = self.small(&item)?
        {
            return Ok(Box::new(file));
        }
        let Found::File(entry) = self.find(path)? else {
            return Err(FsError::NotAFile);
        };
        Ok(Box::new(OpenFile {
            size: entry.len(),
            file: entry.to_file(),
            position: 0,
            meter: &self.meter,
        }))
    }

    fn image(&self, path: &FsPath) -> Result<Source, FsError> {
        let Found::File(entry) = self.find(path)? else {
            return Err(FsError::NotAFile);
        };
        Ok(Arc::new(self.joined(self.ranges(&entry)?)))
    }

    fn locate(&self, path: &FsPath, limit: u64) -> Result<Vec<Range<u64>>, FsError> {
        let Found::File(entry) = self.find(path)? else {
            return Err(FsError::NotAFile);
        };
        if entry.attributes().contains(FileAttributes::READ_ONLY) {
            let text = "it is marked read-only".to_owned();
            return Err(FsError::Unsupported(text));
        }
        let size = entry.len();
        if size > limit {
            return Err(FsError::TooLarge(format!(
                "{size} bytes where at most {limit} are written"
            )));
        }
        self.ranges(&entry)
    }
}

/// A directory has a date, which says nothing of what is in it.
const DIRECTORY: Metadata = Metadata {
    kind: FileKind::Directory,
    size: 0,
    modified: None,
};

fn metadata(entry: &Entry<'_>) -> Metadata {
    if entry.is_dir() {
        return DIRECTORY;
    }
    Metadata {
        kind: FileKind::File,
        size: entry.len(),
        modified: seconds(entry.modified()),
    }
}

/// A file of which all pieces are known.
struct SmallFile(Joined);

impl ReadFile for SmallFile {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        self.0.read_at(offset, buf).map_err(error)
    }
}

struct OpenFile<'a> {
    size: u64,
    file: fatfs::File<'a, Medium>,
    position: u64,
    meter: &'a Meter,
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

/// The disk as the crate wants to see it: readable while the budget lasts, never writable.
struct Medium {
    source: Arc<Window>,
    position: u64,
    meter: Rc<Meter>,
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

/// What the crate reports is the medium's failure or its own finding.
fn error(error: io::Error) -> FsError {
    match error.kind() {
        io::ErrorKind::FileTooLarge => {
            FsError::Corrupt("a chain of clusters has no end".to_owned())
        }
        io::ErrorKind::UnexpectedEof => {
            FsError::Corrupt("a structure lies behind the end of the volume".to_owned())
        }
        io::ErrorKind::InvalidInput => {
            FsError::Corrupt("a cluster number is out of range".to_owned())
        }
        io::ErrorKind::Other if error.raw_os_error().is_none() => {
            FsError::Corrupt(error.to_string())
        }
        _ => FsError::Io(error),
    }
}

/// Seconds since 1970 of a date that may be anything that fits its bits.
fn seconds(time: fatfs::DateTime) -> Option<i64> {
    let (date, time) = (time.date, time.time);
    Date {
        year: date.year,
        month: date.month,
        day: date.day,
        hour: time.hour,
        minute: time.min,
        second: time.sec,
    }
    .seconds()
}
