//! Changes to an image.

use std::fmt;

use super::file::File;
use super::find::{change_volume, find_volume, not_found};
use super::header::Format;
use super::section::{Section, SectionKind};
use super::{FileKind, FirmwareError, Guid, Image, Place, Target};

/// A change to an image.
pub enum Change {
    /// Remove a file.
    Remove(Target),
    /// Put something else into a file, or another file in its place.
    Replace {
        /// The file.
        target: Target,
        /// A whole file, an EFI program for its PE32 section, or other bytes for its raw content.
        with: Vec<u8>,
    },
    /// Add a file behind the others of a volume.
    Add {
        /// The volume.
        volume: Place,
        /// The file's GUID, where `content` is an EFI program.
        guid: Option<Guid>,
        /// The name that people see, where `content` is an EFI program.
        name: String,
        /// A whole file, or an EFI program.
        content: Vec<u8>,
    },
}

/// What a change did.
#[derive(Debug, PartialEq, Eq)]
pub struct Done {
    /// `removed`, `replaced` or `added`.
    pub what: &'static str,
    /// The file's GUID.
    pub guid: Guid,
    /// The file's name.
    pub name: Option<String>,
    /// Its bytes before and after. Zero where it was not there.
    pub sizes: (usize, usize),
    /// Does it run where it is in the flash? Nothing here links it to that place.
    pub runs_in_place: bool,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.guid)?;
        if let Some(name) = &self.name {
            write!(f, " {}", crate::text::Printable(name))?;
        }
        match self.sizes {
            (size, 0) | (0, size) => write!(f, ": {size} bytes"),
            (before, after) => write!(f, ": {before} bytes, {after} now"),
        }?;
        match self.runs_in_place {
            true => f.write_str("; it runs where it is, and has to be linked to that place"),
            false => Ok(()),
        }
    }
}

impl Image {
    /// Makes a change. Whether all of it fits is known when the image is encoded.
    pub fn apply(&mut self, change: &Change) -> Result<Done, FirmwareError> {
        match change {
            Change::Remove(target) => target.change(self, |files, index, _| {
                let file = files.remove(index);
                Done {
                    what: "removed",
                    guid: file.guid,
                    name: file.name(),
                    sizes: (file.size(), 0),
                    runs_in_place: false,
                }
            }),
            Change::Replace { target, with } => target.change(self, |files, index, header| {
                let format = header.format();
                let missing = || FirmwareError::NotFound(format!("file {target}"), None);
                let file = files.get_mut(index).ok_or_else(missing)?;
                let (old, before) = (file.guid, file.size());
                replace(file, with, format, target)?;
                let done = Done {
                    what: "replaced",
                    guid: file.guid,
                    name: file.name(),
                    sizes: (before, file.size_now(format)?),
                    runs_in_place: file.kind.runs_in_place(),
                };
                if done.guid != old {
                    let file = files.get(index).ok_or_else(missing)?;
                    only_one(file, files, header.name)?;
                }
                Ok(done)
            })?,
            Change::Add {
                volume,
                guid,
                name,
                content,
            } => self.add(*volume, *guid, name, content),
        }
    }

    fn add(
        &mut self,
        volume: Place,
        guid: Option<Guid>,
        name: &str,
        content: &[u8],
    ) -> Result<Done, FirmwareError> {
        find_volume(self, volume)?;
        let file = match File::standalone(content).map_err(FirmwareError::NotAddable)? {
            Some(file) if guid.is_some_and(|guid| guid != file.guid) => {
                let why = "it is a file with another GUID: VOLUME=FILE adds it by its own";
                return Err(FirmwareError::NotAddable(why));
            }
            Some(file) => file,
            None => program(guid, name, content)?,
        };
        let mut file = Some(file);
        let added = change_volume(self, Some(volume), &mut |one| {
            let (format, volume) = (one.header.format(), one.header.name);
            let files = match one.files_mut() {
                Ok(files) => files,
                Err(error) => return Some(Err(error)),
            };
            let file = file.take()?.placed(0, format);
            if let Err(error) = only_one(&file, files, volume) {
                return Some(Err(error));
            }
            let done = file.size_now(format).map(|size| Done {
                what: "added",
                guid: file.guid,
                name: file.name(),
                sizes: (0, size),
                runs_in_place: file.kind.runs_in_place(),
            });
            // Nothing comes behind the file that ends with the volume.
            let top = files.iter().position(File::is_top).unwrap_or(files.len());
            files.insert(top, file);
            Some(done)
        });
        added.unwrap_or_else(|| Err(not_found(self, format!("volume {volume}"))))
    }
}

/// Is there no other file of its GUID in the volume? Firmware would find only one of them, and nothing could name
/// either. Pad files have no name.
fn only_one(file: &File, files: &[File], volume: Option<Guid>) -> Result<(), FirmwareError> {
    let is_same =
        |other: &File| other.guid == file.guid && !other.is_deleted() && !std::ptr::eq(other, file);
    match file.kind != FileKind::PAD && files.iter().any(is_same) {
        true => Err(FirmwareError::Twice(file.guid, volume)),
        false => Ok(()),
    }
}

/// Puts `with` into the file, or in its place.
fn replace(
    file: &mut File,
    with: &[u8],
    format: Format,
    target: &Target,
) -> Result<(), FirmwareError> {
    let refused = |why| FirmwareError::NoPlace(target.to_string(), why);
    if let Some(whole) = File::standalone(with).map_err(refused)? {
        *file = whole.placed(file.offset, format);
        return Ok(());
    }
    if file.is_raw() {
        file.set_content(with);
        return Ok(());
    }
    let kind = match with {
        [b'M', b'Z', ..] => SectionKind::PE32,
        [b'V', b'Z', ..] => SectionKind::TE,
        _ => SectionKind::RAW,
    };
    // Raw sections in front of a program or a volume only align it.
    if kind == SectionKind::RAW {
        let mut holds = |kind| file.section_mut(kind).is_some();
        if holds(SectionKind::PE32) || holds(SectionKind::TE) {
            return Err(refused("it is no EFI program, and the file holds one"));
        }
        if holds(SectionKind::VOLUME) {
            let why = "the file holds a volume: change the files in it, or give a whole file";
            return Err(refused(why));
        }
    }
    let none = "the file has no section of its kind: give a whole file";
    let section = file.section_mut(kind).ok_or_else(|| refused(none))?;
    let offset = section.offset;
    *section = Section::new(kind, with)?;
    section.offset = offset;
    file.changed = true;
    Ok(())
}

/// A file with an EFI program, of the kind that the program's subsystem says.
fn program(guid: Option<Guid>, name: &str, content: &[u8]) -> Result<File, FirmwareError> {
    const APPLICATION: u16 = 10;
    const BOOT_DRIVER: u16 = 11;
    const RUNTIME_DRIVER: u16 = 12;
    let subsystem = subsystem(content);
    let kind = match subsystem {
        Some(APPLICATION) => FileKind::APPLICATION,
        Some(BOOT_DRIVER | RUNTIME_DRIVER) => FileKind::DRIVER,
        _ => {
            let why = "it is neither a file of a volume nor an EFI program";
            return Err(FirmwareError::NotAddable(why));
        }
    };
    let guid = guid.ok_or(FirmwareError::NotAddable(
        "an EFI program needs a GUID: VOLUME/GUID=FILE",
    ))?;
    let sections = vec![
        Section::new(SectionKind::PE32, content)?,
        Section::user_interface(name)?,
    ];
    Ok(File::new(guid, kind, sections))
}

/// `Subsystem` of the optional header of a PE file.
fn subsystem(content: &[u8]) -> Option<u16> {
    let span = super::span::Span::new(content.to_vec());
    let header = usize::try_from(span.u32(0x3c)?).ok()?;
    let is_pe = content.starts_with(b"MZ") && span.array(header) == Some(*b"PE\0\0");
    is_pe
        .then(|| span.u16(header.checked_add(24 + 68)?))
        .flatten()
}
