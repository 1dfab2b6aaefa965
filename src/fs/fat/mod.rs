//! FAT12, FAT16 and FAT32, by the crate `fatfs`.
//!
//! The crate trusts the numbers on the disk: what they lead to is read, and reading ends where the
//! [`Medium`] below says so. That bounds every loop, and nothing is ever written.

mod clusters;
mod file;
mod listing;
mod medium;

use std::cell::{OnceCell, RefCell};
use std::io::{self, Read};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use fatfs::{FileAttributes, FsOptions};

use self::clusters::Clusters;
use self::file::{OpenFile, SmallFile};
use self::listing::{INSIDE, Item, Listing, MAX_SMALL, RECORD};
use self::medium::{BUDGET, Medium, Meter};
use super::date::Date;
use super::{
    DirEntry, FileKind, Filesystem, FsError, FsPath, MAX_DIRECTORY_ENTRIES, Metadata, ReadFile,
};
use crate::disk::{Joined, ReadAt, Section, Source, Window};

/// A FAT filesystem.
pub(super) struct Fat {
    inner: fatfs::FileSystem<Medium>,
    meter: Rc<Meter>,
    source: Source,
    window: Arc<Window>,
    /// What is in the root directory; `None` inside where that can't be read as a whole.
    root: OnceCell<Option<Listing>>,
    listed: RefCell<Option<Listing>>,
}

impl Fat {
    /// Reads the boot sector.
    ///
    /// # Errors
    /// The medium failed, or its numbers make no sense.
    pub(super) fn open(source: Source) -> Result<Fat, FsError> {
        let window = Arc::new(Window::new(source.clone()));
        let (medium, meter) = Medium::new(window.clone());
        let inner = fatfs::FileSystem::new(medium, FsOptions::new()).map_err(error)?;
        Ok(Fat {
            inner,
            meter,
            source,
            window,
            root: OnceCell::new(),
            listed: RefCell::default(),
        })
    }

    /// What is in the root directory, if that can be read as a whole. Whoever looks for boot loaders asks for dozens of
    /// paths, most of which lead nowhere from their first name on.
    fn root(&self) -> Option<&Listing> {
        self.root.get_or_init(|| self.list_root().ok()).as_ref()
    }

    /// What `path` leads to, where its directory is the root or was listed last.
    fn listed(&self, path: &FsPath) -> Result<Option<Item>, FsError> {
        let listed = self.listed.borrow();
        let mut listings = self.root().into_iter().chain(listed.iter());
        match listings.find_map(|listing| listing.find(path)) {
            Some(Some(item)) => Ok(Some(item)),
            Some(None) => Err(FsError::NotFound),
            None => Ok(None),
        }
    }

    fn list_root(&self) -> Result<Listing, FsError> {
        let root = FsPath::root();
        Ok(self.list(&root, &self.inner.root_dir())?.0)
    }

    /// What is in a directory, to be looked up in and as it is told.
    fn list(
        &self,
        path: &FsPath,
        directory: &Directory<'_>,
    ) -> Result<(Listing, Vec<DirEntry>), FsError> {
        self.meter.budget.set(BUDGET);
        let mut list = Vec::new();
        let mut listing = Listing::new(path);
        for entry in entries(directory) {
            let entry = entry?;
            let metadata = metadata(&entry);
            let (name, kind) = (entry.file_name(), metadata.kind);
            // What the crate has read last is the end of its record.
            let record = self.meter.last.get() & !INSIDE;
            let names = [name.clone(), entry.short_file_name()];
            listing.add(names, Item { metadata, record });
            list.push(DirEntry { name, kind });
        }
        Ok((listing, list))
    }

    /// A small file that was listed. `None` where its record is another one by now.
    fn small(&self, item: &Item) -> Result<Option<SmallFile<'_>>, FsError> {
        let Metadata { kind, size, .. } = item.metadata;
        if kind != FileKind::File || size > MAX_SMALL {
            return Ok(None);
        }
        let mut record = [0; RECORD];
        let read = self.window.read_exact_at(item.record, &mut record);
        read.map_err(FsError::Io)?;
        let clusters = Clusters::read(self.window.as_ref())?;
        let start = clusters.start(&record, size);
        Ok(start.map(|start| SmallFile::new(self, start, size)))
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
        if self.root().is_some_and(|root| root.lacks(path)) {
            return Err(FsError::NotFound);
        }
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
        let (listing, mut list) = self.list(path, &directory)?;
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
        Ok(Box::new(OpenFile::new(&entry, &self.meter)))
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::disk::MemorySource;

    #[test]
    fn what_the_root_lacks_is_not_looked_for() {
        let mut image = io::Cursor::new(vec![0; 1 << 20]);
        fatfs::format_volume(&mut image, fatfs::FormatVolumeOptions::new()).unwrap();
        let filesystem = fatfs::FileSystem::new(&mut image, FsOptions::new()).unwrap();
        for number in 0..100 {
            let name = format!("a file with a long name {number}");
            let mut file = filesystem.root_dir().create_file(&name).unwrap();
            file.write_all(name.as_bytes()).unwrap();
        }
        drop(filesystem);
        let fat = Fat::open(Arc::new(MemorySource::new(image.into_inner()))).unwrap();
        let path = |text: &str| FsPath::new(text).unwrap();
        let size = |text: &str| fat.metadata(&path(text)).unwrap().size;
        assert_eq!(size("/A File With A Long Name 7"), 25);
        // Nothing more is read, however often somebody asks.
        fat.meter.budget.set(BUDGET);
        for number in 0..100 {
            let nowhere = path(&format!("/boot/grub/{number}.cfg"));
            assert!(matches!(fat.metadata(&nowhere), Err(FsError::NotFound)));
            assert!(matches!(fat.open(&nowhere), Err(FsError::NotFound)));
            assert!(matches!(fat.read_dir(&nowhere), Err(FsError::NotFound)));
            assert!(matches!(
                fat.metadata(&path("/boot")),
                Err(FsError::NotFound)
            ));
            assert_eq!(size("/a file with a long name 9"), 25);
        }
        assert_eq!(fat.meter.budget.get(), BUDGET);
    }
}
