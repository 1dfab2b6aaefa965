//! A filesystem in memory, for tests of what reads configurations.

use std::collections::BTreeMap;

use super::{DirEntry, FileKind, Filesystem, FsError, FsPath, Metadata, ReadFile};

/// Files by their paths; directories are where files are. Names are compared with case.
#[derive(Default)]
pub struct MemoryFilesystem {
    files: BTreeMap<FsPath, Vec<u8>>,
}

impl MemoryFilesystem {
    /// An empty one.
    pub fn new() -> MemoryFilesystem {
        MemoryFilesystem::default()
    }

    /// Adds a file, in the place of one that is there. A path that can't be is left out.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> MemoryFilesystem {
        if let Ok(path) = FsPath::new(path) {
            self.files.insert(path, content.into());
        }
        self
    }

    fn children<'a>(&'a self, path: &'a FsPath) -> impl Iterator<Item = (&'a str, bool)> {
        self.files.keys().filter_map(move |file| {
            let rest = file
                .as_str()
                .strip_prefix(path.as_str().trim_end_matches('/'))?;
            let (name, below) = match rest.strip_prefix('/')?.split_once('/') {
                Some((name, _)) => (name, true),
                None => (rest.strip_prefix('/')?, false),
            };
            Some((name, below))
        })
    }
}

impl Filesystem for MemoryFilesystem {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        let modified = None;
        if let Some(content) = self.files.get(path) {
            let (kind, size) = (FileKind::File, content.len() as u64);
            return Ok(Metadata {
                kind,
                size,
                modified,
            });
        }
        if self.children(path).next().is_none() {
            return Err(FsError::NotFound);
        }
        let (kind, size) = (FileKind::Directory, 0);
        Ok(Metadata {
            kind,
            size,
            modified,
        })
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        if self.metadata(path)?.kind != FileKind::Directory {
            return Err(FsError::NotADirectory);
        }
        let mut entries: Vec<DirEntry> = self
            .children(path)
            .map(|(name, directory)| DirEntry {
                name: name.to_owned(),
                kind: if directory {
                    FileKind::Directory
                } else {
                    FileKind::File
                },
            })
            .collect();
        entries.sort_unstable();
        entries.dedup();
        Ok(entries)
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        match self.files.get(path) {
            Some(content) => Ok(Box::new(OpenFile(content))),
            None => Err(self
                .metadata(path)
                .map_or_else(|error| error, |_| FsError::NotAFile)),
        }
    }
}

struct OpenFile<'a>(&'a [u8]);

impl ReadFile for OpenFile<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..));
        let rest = rest.unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }
}
