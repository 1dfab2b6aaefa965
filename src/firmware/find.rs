//! Which file of an image is meant.

use std::fmt;
use std::str::FromStr;

use super::{
    Body, Content, File, FileKind, FirmwareError, FvFile, Guid, Image, Inside, Piece, Section,
    Volume,
};

/// A file's GUID, or the text of its user interface section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Its GUID.
    Guid(Guid),
    /// Its text.
    Text(String),
}

impl Name {
    /// Is it this file, which was not deleted?
    fn is(&self, file: &File) -> bool {
        let named = || match self {
            Name::Guid(guid) => file.guid == *guid,
            Name::Text(text) => file.name().as_ref() == Some(text),
        };
        !file.is_deleted() && named()
    }
}

/// Which volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The one with this name.
    Name(Guid),
    /// The one that begins there in the image, in bytes, with those inside of it.
    Offset(usize),
}

impl Place {
    /// Is it this volume, which is the one at `top` in the image or inside of that one?
    fn is(self, top: usize, volume: &Volume) -> bool {
        match self {
            Place::Name(name) => volume.header.name == Some(name),
            Place::Offset(offset) => top == offset,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Name(guid) => write!(f, "{guid}"),
            Place::Offset(offset) => write!(f, "{offset:#x}"),
        }
    }
}

/// A text names no volume.
#[derive(Debug, PartialEq, Eq)]
pub struct ParsePlaceError;

impl fmt::Display for ParsePlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a volume is named by its GUID, or by where it begins in the image, as 0x1000")
    }
}

impl std::error::Error for ParsePlaceError {}

impl FromStr for Place {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Place, ParsePlaceError> {
        let offset = text.strip_prefix("0x");
        let offset = offset.map(|digits| usize::from_str_radix(digits, 16).map(Place::Offset));
        let place = offset.map(|offset| offset.map_err(|_| ParsePlaceError));
        place.unwrap_or_else(|| text.parse().map(Place::Name).map_err(|_| ParsePlaceError))
    }
}

/// A file, in any volume or in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which volume; `None`: any.
    pub volume: Option<Place>,
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
    /// The only file of this name.
    pub fn find<'a>(&self, image: &'a Image) -> Result<&'a File, FirmwareError> {
        self.find_in_volume(image).map(|(_, file)| file)
    }

    /// Where firmware finds the only file of this name, if that is one that can be started.
    pub fn fv_file(&self, image: &Image) -> Result<FvFile, FirmwareError> {
        let (volume, file) = self.find_in_volume(image)?;
        if !matches!(file.kind, FileKind::APPLICATION | FileKind::DRIVER) {
            return Err(FirmwareError::NotStartable(self.to_string(), file.kind));
        }
        let unnamed = || not_found(image, format!("name of the volume around {self}"));
        let volume = volume.header.name.ok_or_else(unnamed)?;
        let file = file.guid;
        Ok(FvFile { volume, file })
    }

    fn find_in_volume<'a>(
        &self,
        image: &'a Image,
    ) -> Result<(&'a Volume, &'a File), FirmwareError> {
        /// So many places are named.
        const NAMED: usize = 16;
        match self.all(image).as_slice() {
            [] => Err(not_found(image, format!("file {self}"))),
            [(_, volume, file)] => Ok((volume, file)),
            several => {
                let places = several
                    .iter()
                    .take(NAMED)
                    .filter_map(|(top, volume, file)| {
                        let name = volume.header.name.map(Place::Name);
                        let places = name.into_iter().chain([Place::Offset(*top)]);
                        let mut targets = places.map(|place| Target {
                            volume: Some(place),
                            file: Name::Guid(file.guid),
                        });
                        targets.find(|target| target.all(image).len() == 1)
                    });
                let places = places.map(|target| target.to_string()).collect();
                Err(FirmwareError::Ambiguous(format!("files {self}"), places))
            }
        }
    }

    /// All files of this name, each with its volume and where the outermost one around it begins.
    fn all<'a>(&self, image: &'a Image) -> Vec<(usize, &'a Volume, &'a File)> {
        let mut found = Vec::new();
        for (top, volume) in volumes_by_offset(image) {
            if self.volume.is_none_or(|place| place.is(top, volume)) {
                let files = volume.files().iter().filter(|file| self.file.is(file));
                found.extend(files.map(|file| (top, volume, file)));
            }
        }
        found
    }
}

/// There is nothing of this name in what could be read.
pub(super) fn not_found(image: &Image, name: String) -> FirmwareError {
    let damage = image.damage().first().map(|damage| (*damage).clone());
    FirmwareError::NotFound(name, damage)
}

/// All volumes, those in others behind the one that they are in.
pub(super) fn all_volumes(image: &Image) -> Vec<&Volume> {
    let volumes = volumes_by_offset(image).into_iter();
    volumes.map(|(_, volume)| volume).collect()
}

/// The only volume that is meant, if files can be added to it.
pub(super) fn find_volume(image: &Image, place: Place) -> Result<(), FirmwareError> {
    let volumes = volumes_by_offset(image).into_iter();
    let found: Vec<(usize, &Volume)> = volumes.filter(|(top, one)| place.is(*top, one)).collect();
    match (place, found.as_slice()) {
        (_, []) => Err(not_found(image, format!("volume {place}"))),
        // The outermost comes first.
        (Place::Offset(_), _) | (_, [_]) => Ok(()),
        (Place::Name(_), several) => {
            let offsets = several.iter();
            let is_top = |top: usize, one: &Volume| {
                let mut volumes = image.volumes();
                volumes.any(|volume| volume.offset == top && std::ptr::eq(volume, one))
            };
            let offsets = offsets.filter(|(top, one)| is_top(*top, one));
            let places = offsets.map(|(top, _)| Place::Offset(*top).to_string());
            Err(FirmwareError::Ambiguous(
                format!("volumes {place}"),
                places.collect(),
            ))
        }
    }
}

/// All volumes, each with where the outermost one around it begins in the image.
fn volumes_by_offset(image: &Image) -> Vec<(usize, &Volume)> {
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
    let outermost = image.volumes().flat_map(|one| {
        let mut found = Vec::new();
        volume(one, &mut found);
        found.into_iter().map(|inner| (one.offset, inner))
    });
    outermost.collect()
}

/// Goes through all volumes that may be meant until `visit` has done what it wants in one, and marks all that is around
/// that one as changed.
pub(super) fn change_volume<T>(
    image: &mut Image,
    place: Option<Place>,
    visit: &mut dyn FnMut(&mut Volume) -> Option<T>,
) -> Option<T> {
    image.pieces.iter_mut().find_map(|piece| match piece {
        Piece::Volume(volume) => {
            let top = volume.offset;
            in_volume(volume, &mut |one| {
                let is_meant = place.is_none_or(|place| place.is(top, one));
                is_meant.then(|| visit(one)).flatten()
            })
        }
        Piece::Other { .. } => None,
    })
}

fn in_volume<T>(volume: &mut Volume, visit: &mut dyn FnMut(&mut Volume) -> Option<T>) -> Option<T> {
    let found = visit(volume).or_else(|| {
        let (Content::Files(files) | Content::Damaged(files, _)) = &mut volume.content else {
            return None;
        };
        files.iter_mut().find_map(|file| {
            let Body::Sections(sections) = &mut file.body else {
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
        let found = change_volume(image, self.volume, &mut |volume| {
            let index = volume.files().iter().position(|one| self.file.is(one))?;
            let header = volume.header.clone();
            let files = volume.files_mut();
            Some(files.map(|files| change(files, index, &header)))
        });
        found.unwrap_or_else(|| Err(not_found(image, format!("file {self}"))))
    }
}
