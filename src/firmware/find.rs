//! Which file of an image is meant.

use std::fmt;
use std::str::FromStr;

use super::{Content, File, FirmwareError, Guid, Image, Inside, Piece, Place, Section, Volume};

/// A file's GUID, or the text of its user interface section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Its GUID.
    Guid(Guid),
    /// Its text.
    Text(String),
}

/// A file, in any volume or in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The volume's name.
    pub volume: Option<Guid>,
    /// The file's name.
    pub file: Name,
}

/// A text names no file.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseNameError;

impl fmt::Display for ParseNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a file is named by its GUID or name, after VOLUME/ if it is in several volumes",
        )
    }
}

impl std::error::Error for ParseNameError {}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Guid(guid) => write!(f, "{guid}"),
            Name::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(volume) = self.volume {
            write!(f, "{volume}/")?;
        }
        write!(f, "{}", self.file)
    }
}

impl FromStr for Target {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Target, ParseNameError> {
        let (volume, file) = match text.split_once('/') {
            Some((volume, file)) => (Some(volume.parse().map_err(|_| ParseNameError)?), file),
            None => (None, text),
        };
        if file.is_empty() {
            return Err(ParseNameError);
        }
        let file = file
            .parse()
            .map_or_else(|_| Name::Text(file.to_owned()), Name::Guid);
        Ok(Target { volume, file })
    }
}

impl Target {
    fn is(&self, volume: &Volume, file: &File) -> bool {
        let in_volume = self.volume.is_none() || self.volume == volume.header.name;
        let named = || match &self.file {
            Name::Guid(guid) => file.guid == *guid,
            Name::Text(text) => file.name().as_ref() == Some(text),
        };
        in_volume && !file.is_deleted() && named()
    }

    /// The only file of this name.
    pub fn find<'a>(&self, image: &'a Image) -> Result<&'a File, FirmwareError> {
        self.find_in_volume(image).map(|(_, file)| file)
    }

    /// Where firmware finds the only file of this name.
    pub fn place(&self, image: &Image) -> Result<Place, FirmwareError> {
        let (volume, file) = self.find_in_volume(image)?;
        let unnamed = || FirmwareError::NotFound(format!("name of the volume around {self}"));
        let volume = volume.header.name.ok_or_else(unnamed)?;
        let file = file.guid;
        Ok(Place { volume, file })
    }

    fn find_in_volume<'a>(
        &self,
        image: &'a Image,
    ) -> Result<(&'a Volume, &'a File), FirmwareError> {
        let mut found = Vec::new();
        for volume in all_volumes(image) {
            let files = volume.files().iter().filter(|file| self.is(volume, file));
            found.extend(files.map(|file| (volume, file)));
        }
        match found.as_slice() {
            [] => Err(FirmwareError::NotFound(format!("file {self}"))),
            [found] => Ok(*found),
            several => {
                let place = |(volume, file): &(&Volume, &File)| match volume.header.name {
                    Some(name) => format!("{name}/{}", file.guid),
                    None => format!("{} at {:#x}", file.guid, file.offset),
                };
                let places = several.iter().map(place).collect();
                Err(FirmwareError::Ambiguous(format!("files {self}"), places))
            }
        }
    }
}

/// All volumes, those in others behind the one that they are in.
pub(super) fn all_volumes(image: &Image) -> Vec<&Volume> {
    fn sections<'a>(list: &'a [Section], found: &mut Vec<&'a Volume>) {
        for section in list {
            match &section.inside {
                Inside::Volume(inner) => volume(inner, found),
                Inside::Sections(_, inner) => sections(inner, found),
                Inside::Bytes | Inside::Packed(_) | Inside::Damaged(_) => {}
            }
        }
    }
    fn volume<'a>(one: &'a Volume, found: &mut Vec<&'a Volume>) {
        found.push(one);
        for file in one.files() {
            sections(file.sections(), found);
        }
    }
    let mut found = Vec::new();
    image.volumes().for_each(|one| volume(one, &mut found));
    found
}

/// Goes through all volumes until `visit` has done what it wants in one, and marks all that is around that one as
/// changed.
pub(super) fn change_volume<T>(
    image: &mut Image,
    visit: &mut dyn FnMut(&mut Volume) -> Option<T>,
) -> Option<T> {
    image.pieces.iter_mut().find_map(|piece| match piece {
        Piece::Volume(volume) => in_volume(volume, visit),
        Piece::Other { .. } => None,
    })
}

fn in_volume<T>(volume: &mut Volume, visit: &mut dyn FnMut(&mut Volume) -> Option<T>) -> Option<T> {
    let found = visit(volume).or_else(|| {
        let Content::Files(files) = &mut volume.content else {
            return None;
        };
        files.iter_mut().find_map(|file| {
            let super::Body::Sections(sections) = &mut file.body else {
                return None;
            };
            let found = in_sections(sections, visit)?;
            file.changed = true;
            Some(found)
        })
    })?;
    volume.changed = true;
    Some(found)
}

fn in_sections<T>(
    sections: &mut [Section],
    visit: &mut dyn FnMut(&mut Volume) -> Option<T>,
) -> Option<T> {
    sections.iter_mut().find_map(|section| {
        let found = match &mut section.inside {
            Inside::Volume(volume) => in_volume(volume, visit),
            Inside::Sections(_, inner) => in_sections(inner, visit),
            Inside::Bytes | Inside::Packed(_) | Inside::Damaged(_) => None,
        }?;
        section.changed = true;
        Some(found)
    })
}

impl Target {
    /// Gives the only file of this name, and the list that it is in, to `change`.
    pub(super) fn change<T>(
        &self,
        image: &mut Image,
        mut change: impl FnMut(&mut Vec<File>, usize, &super::VolumeHeader) -> T,
    ) -> Result<T, FirmwareError> {
        self.find(image)?;
        let found = change_volume(image, &mut |volume| {
            let index = volume
                .files()
                .iter()
                .position(|file| self.is(volume, file))?;
            match &mut volume.content {
                Content::Files(files) => Some(change(files, index, &volume.header)),
                Content::Unknown | Content::Damaged(_) => None,
            }
        });
        found.ok_or_else(|| FirmwareError::NotFound(format!("file {self}")))
    }
}
