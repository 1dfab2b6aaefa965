//! The initrds of a kernel, one behind the other, and single files in archives between them
//! (`grub_initrd_load` in `grub-core/loader/linux.c` of GRUB).

use std::collections::BTreeSet;

use super::attempt::AttemptError;
use super::cpio::Archive;
use super::payload::{Draft, PayloadError};
use super::reading::{Reading, Source};
use super::stream::{Route, Target};
use crate::entry::Initrd;
use crate::trust::Role;
use crate::trust::coverage::Piece;

/// What GRUB gives to everything in its archives.
const MODE: u32 = 0o777;

/// Reads what was opened of `initrds` into `draft`. Files with a name that follow each other are in one
/// archive.
pub(super) fn read(
    initrds: &[Initrd],
    sources: Vec<Source<'_>>,
    draft: &Draft,
    reading: &mut Reading<'_>,
) -> Result<(), AttemptError> {
    let mut open: Option<Single<'_>> = None;
    for (initrd, source) in initrds.iter().zip(sources) {
        let at = match &initrd.name {
            Some(name) => {
                let archive = open.get_or_insert_with(|| Single::new(draft));
                archive.file(name, source.stream.size())
            }
            None => match open.take() {
                Some(archive) => archive.finish(),
                None => Ok(()),
            }
            .map(|()| draft.reserve(source.stream.size())),
        };
        let at = at.map_err(|error| reading.error(&initrd.file, error))?;
        let range = 0..source.stream.size();
        let target = Target::Draft(draft, at);
        let piece = Piece::of(Role::Initrd).named(initrd.name.as_deref());
        reading.read(source, &mut [Route { range, target }], piece)?;
    }
    match (open, initrds.last()) {
        (Some(archive), Some(last)) => archive
            .finish()
            .map_err(|error| reading.error(&last.file, error)),
        _ => Ok(()),
    }
}

/// An archive of single files.
struct Single<'d> {
    archive: Archive<'d>,
    /// The directories that it has.
    directories: BTreeSet<String>,
}

impl<'d> Single<'d> {
    fn new(draft: &'d Draft) -> Single<'d> {
        Single {
            archive: Archive::without_numbers(draft),
            directories: BTreeSet::new(),
        }
    }

    /// Adds a file with the directories that it is in, and says where its content goes.
    fn file(&mut self, name: &str, size: u64) -> Result<u64, PayloadError> {
        for (end, _) in name.match_indices('/') {
            let directory = name.get(..end).unwrap_or_default();
            if !directory.ends_with('/') && self.directories.insert(directory.to_owned()) {
                self.archive.directory(directory, MODE)?;
            }
        }
        self.archive.file(name, MODE, size)
    }

    fn finish(self) -> Result<(), PayloadError> {
        self.archive.finish()
    }
}
