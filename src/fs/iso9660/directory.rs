//! Directories: their records, put together to files.

use std::ops::ControlFlow;

use super::descriptor::Names;
use super::medium::{BLOCK, Medium, Place, SECTOR};
use super::record::Record;
use super::rock_ridge::{Continued, RockRidge};
use crate::disk::bytes::set_length;
use crate::fs::{FileKind, FsError, MAX_DIRECTORY_ENTRIES};

/// Sectors are read together up to this many bytes.
const PIECE: u64 = 64 * 1024;

/// Sections of one file, each of which has up to 4 GiB.
const MAX_SECTIONS: usize = 1024;

/// A file of any kind.
#[derive(Clone, Debug)]
pub(in crate::fs) struct File {
    pub(super) kind: FileKind,
    /// Where its content is, in order; a directory has one place.
    pub(super) places: Vec<Place>,
    pub(super) modified: Option<i64>,
    /// Where a symbolic link leads.
    pub(super) target: Option<Vec<u8>>,
    /// Where the directory begins, in bytes, in whose place this stands.
    pub(super) moved_to: Option<u64>,
    /// Why its content is not read here.
    pub(super) unreadable: Option<&'static str>,
}

impl File {
    /// The directory at a place.
    pub(super) fn directory(place: Place) -> File {
        File {
            kind: FileKind::Directory,
            places: vec![place],
            modified: None,
            target: None,
            moved_to: None,
            unreadable: None,
        }
    }

    fn new(record: &Record<'_>, extra: RockRidge) -> File {
        let of_record = match record.is_directory() {
            true => FileKind::Directory,
            false => FileKind::File,
        };
        let kind = match extra.moved_to {
            Some(_) => FileKind::Directory,
            None => extra.kind.unwrap_or(of_record),
        };
        File {
            kind,
            places: vec![record.place],
            modified: extra.modified.or_else(|| record.date()),
            target: extra.target,
            moved_to: extra
                .moved_to
                .map(|block| u64::from(block).saturating_mul(BLOCK)),
            unreadable: match (record.interleaved, extra.is_compressed) {
                (true, _) => Some("its content is interleaved with that of others"),
                (false, true) => Some("its content is compressed (zisofs)"),
                (false, false) => None,
            },
        }
    }

    /// Length of its content in bytes.
    pub(super) fn size(&self) -> u64 {
        let sizes = self.places.iter().map(|place| place.size);
        sizes.fold(0, u64::saturating_add)
    }
}

type Visit<'v> = dyn FnMut(&str, File) -> ControlFlow<()> + 'v;

/// Reading a directory from begin to end.
pub(super) struct Scan<'a> {
    medium: &'a Medium,
    names: Names,
    continued: Continued,
    /// How many records there may be from here on.
    left: usize,
    /// A file of which more sections follow, with its name; `None` for one that is left out.
    unfinished: Option<Option<(String, File)>>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(medium: &'a Medium, names: Names) -> Scan<'a> {
        Scan {
            medium,
            names,
            continued: Continued::default(),
            left: MAX_DIRECTORY_ENTRIES,
            unfinished: None,
        }
    }

    /// Shows all files with their names to `visit`, until it has seen enough. Names that are no text or
    /// can't be in a path are left out.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] for records that don't fit their sector, [`FsError::TooLarge`] above
    /// [`MAX_DIRECTORY_ENTRIES`], and what reading says.
    pub(super) fn run(&mut self, directory: Place, visit: &mut Visit<'_>) -> Result<(), FsError> {
        let mut done = 0;
        let mut piece = Vec::new();
        while done < directory.size {
            let length = PIECE.min(directory.size.saturating_sub(done));
            let length = usize::try_from(length).unwrap_or_default();
            self.medium.budget.spend(length)?;
            set_length(&mut piece, length);
            let start = directory.start.saturating_add(done);
            self.medium.read(start, &mut piece)?;
            for sector in piece.chunks(SECTOR) {
                if self.sector(sector, visit)?.is_break() {
                    return Ok(());
                }
            }
            done = done.saturating_add(length as u64);
        }
        Ok(())
    }

    fn sector(&mut self, sector: &[u8], visit: &mut Visit<'_>) -> Result<ControlFlow<()>, FsError> {
        let mut rest = sector;
        // A length of 0 ends the records of a sector.
        while let Some(length) = rest.first().filter(|length| **length != 0) {
            let record = rest.split_at_checked((*length).into());
            let record = record.and_then(|(record, rest)| Some((Record::parse(record)?, rest)));
            let Some((record, behind)) = record else {
                return Err(FsError::Corrupt(
                    "a directory has records that do not fit their sector".to_owned(),
                ));
            };
            rest = behind;
            if record.is_dot() || record.is_associated() {
                continue;
            }
            self.left = self.left.checked_sub(1).ok_or_else(|| {
                FsError::TooLarge(format!(
                    "a directory with over {MAX_DIRECTORY_ENTRIES} entries"
                ))
            })?;
            let file = match self.unfinished.take() {
                None => self.file(&record)?,
                Some(mut file) => {
                    if let Some((_, file)) = &mut file {
                        add_section(file, &record)?;
                    }
                    file
                }
            };
            if record.goes_on() {
                self.unfinished = Some(file);
                continue;
            }
            if let Some((name, file)) = file
                && visit(&name, file).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The file that a record is or begins.
    fn file(&mut self, record: &Record<'_>) -> Result<Option<(String, File)>, FsError> {
        let extra = match self.names {
            Names::RockRidge { skip } => {
                let area = record.system_use.get(skip..).unwrap_or_default();
                RockRidge::read(self.medium, &mut self.continued, area)?
            }
            Names::Joliet | Names::Plain => RockRidge::default(),
        };
        if extra.is_relocated {
            return Ok(None);
        }
        let name = match (self.names, extra.name.is_empty()) {
            (Names::Joliet, _) => wide(record.name),
            (_, true) => plain(record.name),
            (_, false) => std::str::from_utf8(&extra.name).ok().map(str::to_owned),
        };
        let usable = |name: &String| {
            !matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\0'])
        };
        let name = name.filter(usable);
        Ok(name.map(|name| (name, File::new(record, extra))))
    }
}

fn add_section(file: &mut File, record: &Record<'_>) -> Result<(), FsError> {
    if file.places.len() >= MAX_SECTIONS {
        return Err(FsError::TooLarge(format!(
            "a file of more than {MAX_SECTIONS} sections"
        )));
    }
    file.places.push(record.place);
    Ok(())
}

/// A name in capitals, which Linux and GRUB show in small letters, without its version and without the dot
/// of an empty extension (ECMA-119, section 7.5).
fn plain(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let name = without_version(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    Some(name.to_ascii_lowercase())
}

/// A name in UCS-2, with the higher byte first; pairs of surrogates are taken for what they are in UTF-16.
fn wide(name: &[u8]) -> Option<String> {
    let units = name.as_chunks::<2>().0.iter();
    let units = units.map(|unit| u16::from_be_bytes(*unit));
    let name: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    Some(without_version(&name).to_owned())
}

fn without_version(name: &str) -> &str {
    match name.rsplit_once(';') {
        Some((name, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// What `ask` makes of the first record of a directory, which is the directory itself.
///
/// # Errors
/// [`FsError::Corrupt`] where there is none, and what reading and `ask` say.
pub(super) fn first<T>(
    medium: &Medium,
    directory: Place,
    ask: impl FnOnce(&Record<'_>) -> Result<T, FsError>,
) -> Result<T, FsError> {
    let mut sector = [0; SECTOR];
    medium.budget.spend(sector.len())?;
    medium.read(directory.start, &mut sector)?;
    let length = sector.first().copied().unwrap_or_default();
    let record = sector.get(..length.into()).and_then(Record::parse);
    match record.filter(Record::is_dot) {
        Some(record) => ask(&record),
        None => Err(FsError::Corrupt(format!(
            "there is no directory at block {}",
            directory.start / BLOCK
        ))),
    }
}

/// The place of the directory that begins at byte `start`, as it says itself.
///
/// # Errors
/// As [`first`].
pub(super) fn at(medium: &Medium, start: u64) -> Result<Place, FsError> {
    let size = BLOCK;
    first(medium, Place { start, size }, |record| {
        Ok(Place {
            start,
            size: record.place.size,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_nobody_types() {
        for (stored, name) in [
            ("VMLINUZ.;1", "vmlinuz"),
            ("INITRD.IMG;12", "initrd.img"),
            ("README", "readme"),
            ("A;B;1", "a;b"),
            ("A;B", "a;b"),
        ] {
            assert_eq!(plain(stored.as_bytes()).as_deref(), Some(name), "{stored}");
        }
        let units: Vec<u8> = "Größe;1"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(wide(&units).as_deref(), Some("Größe"));
        assert_eq!(wide(&[0xd8, 0, 0, 0x41]), None);
        assert_eq!(plain(&[0xff]), None);
    }
}
