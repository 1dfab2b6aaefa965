//! ISO 9660 (ECMA-119) with the names of Rock Ridge (IEEE P1282 over SUSP, IEEE P1281) or Joliet.
//!
//! Of the names that a medium has, those of Rock Ridge count, then those of Joliet, as in Linux
//! (`fs/isofs`) and GRUB (`grub-core/fs/iso9660.c`). Nothing here trusts the medium: directories are
//! read for as far as [`BUDGET`] reaches, and what they promise is never allocated before it is read.

mod descriptor;
mod directory;
mod medium;
mod record;
mod rock_ridge;

use std::ops::ControlFlow;

use self::descriptor::{Names, Root};
use self::directory::{File, Scan};
use self::medium::{Medium, Place};
use super::budget::BUDGET;
use super::walk::{self, Tree};
use super::{DirEntry, FileKind, Filesystem, FsError, FsPath, Metadata, ReadFile};
use crate::disk::{Joined, ReadAt, Section, Source};

/// An ISO 9660 filesystem.
pub(super) struct Iso9660 {
    medium: Medium,
    root: Root,
}

impl Iso9660 {
    /// Reads the volume descriptors, and the begin of the root directory, which tells of Rock Ridge.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] names what is not read here.
    pub(super) fn open(source: Source) -> Result<Iso9660, FsError> {
        let medium = Medium::new(source);
        let root = descriptor::root(&medium)?;
        Ok(Iso9660 { medium, root })
    }

    fn find(&self, path: &FsPath) -> Result<File, FsError> {
        self.medium.budget.allow(BUDGET);
        walk::find(self, path)
    }

    /// A regular file that can be read.
    fn find_content(&self, path: &FsPath) -> Result<File, FsError> {
        let file = self.find(path)?;
        if file.kind != FileKind::File {
            return Err(FsError::NotAFile);
        }
        if let Some(reason) = file.unreadable {
            return Err(FsError::Unsupported(reason.to_owned()));
        }
        for place in &file.places {
            self.medium.check(*place)?;
        }
        Ok(file)
    }
}

impl Tree for Iso9660 {
    type Node = File;
    type Id = Place;

    fn root(&self) -> Place {
        self.root.place
    }

    fn node(&self, place: Place) -> Result<File, FsError> {
        Ok(File::directory(place))
    }

    fn id(&self, file: &File) -> Place {
        // A directory has one place.
        file.places.first().copied().unwrap_or_default()
    }

    fn kind(&self, file: &File) -> FileKind {
        file.kind
    }

    fn child(&self, directory: &File, name: &[u8]) -> Result<File, FsError> {
        // Names are text in this reader: what is none is in no directory.
        let name = std::str::from_utf8(name).map_err(|_| FsError::NotFound)?;
        let folded = match self.root.names {
            Names::RockRidge { .. } => None,
            Names::Joliet | Names::Plain => Some(name.to_lowercase()),
        };
        let (mut exact, mut similar) = (None, None);
        let mut scan = Scan::new(&self.medium, self.root.names);
        scan.run(self.id(directory), &mut |found, file| {
            if found == name {
                exact = Some(file);
                return ControlFlow::Break(());
            }
            if similar.is_none() && folded.as_ref() == Some(&found.to_lowercase()) {
                similar = Some(file);
            }
            ControlFlow::Continue(())
        })?;
        let found = exact.or(similar).ok_or(FsError::NotFound)?;
        match found.moved_to {
            Some(start) => directory::at(&self.medium, start).map(File::directory),
            None => Ok(found),
        }
    }

    fn target(&self, link: File) -> Result<Vec<u8>, FsError> {
        match link.target {
            Some(target) if !target.is_empty() => Ok(target),
            _ => Err(FsError::Corrupt(
                "a symbolic link that leads nowhere".to_owned(),
            )),
        }
    }
}

impl Filesystem for Iso9660 {
    fn metadata(&self, path: &FsPath) -> Result<Metadata, FsError> {
        let file = self.find(path)?;
        Ok(Metadata {
            kind: file.kind,
            size: match file.kind {
                FileKind::File => file.size(),
                _ => 0,
            },
            modified: file.modified,
        })
    }

    fn identify(&self, path: &FsPath) -> Option<[u64; 2]> {
        let file = self.find(path).ok()?;
        let Place { start, size } = *file.places.first()?;
        (file.kind == FileKind::Directory).then_some([start, size])
    }

    fn read_dir(&self, path: &FsPath) -> Result<Vec<DirEntry>, FsError> {
        let directory = self.find(path)?;
        if directory.kind != FileKind::Directory {
            return Err(FsError::NotADirectory);
        }
        self.medium.budget.allow(BUDGET);
        let mut list = Vec::new();
        let mut scan = Scan::new(&self.medium, self.root.names);
        scan.run(self.id(&directory), &mut |name, file| {
            list.push(DirEntry {
                name: name.to_owned(),
                kind: file.kind,
            });
            ControlFlow::Continue(())
        })?;
        list.sort_unstable();
        // Older versions of a file have the same name.
        list.dedup_by(|a, b| a.name == b.name);
        Ok(list)
    }

    fn open<'a>(&'a self, path: &FsPath) -> Result<Box<dyn ReadFile + 'a>, FsError> {
        let file = self.find_content(path)?;
        Ok(Box::new(OpenFile(joined(&file, &self.medium.window()))))
    }

    fn image(&self, path: &FsPath) -> Result<Source, FsError> {
        let file = self.find_content(path)?;
        Ok(std::sync::Arc::new(joined(&file, &self.medium.source)))
    }
}

/// The content of a file, which lies on `volume`.
fn joined(file: &File, volume: &Source) -> Joined {
    let section = |place: &Place| Section::new(volume.clone(), place.start, place.size);
    Joined::new(file.places.iter().map(section))
}

struct OpenFile(Joined);

impl ReadFile for OpenFile {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        self.0.read_at(offset, buf).map_err(FsError::Io)
    }
}
