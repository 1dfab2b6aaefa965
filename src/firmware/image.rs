//! All of an image: volumes, and what is between them.

use super::header::{SIGNATURE, VolumeHeader, lacks_signature};
use super::reader::Reader;
use super::span::Span;
use super::{Content, Damage, FirmwareError, Inside, Section, Volume};

/// The largest image that is read: four times the largest flash part of a server.
pub const MAX_IMAGE: usize = 256 << 20;

/// An image of firmware.
pub struct Image {
    /// What it consists of.
    pub pieces: Vec<Piece>,
    original: Span,
    /// What could not be read when it was read.
    pub(super) known: Vec<&'static str>,
}

/// Part of an image.
pub enum Piece {
    /// Bytes that are no volume, from an offset on; they are kept.
    Other {
        /// Where they begin.
        offset: usize,
        /// How many.
        size: usize,
    },
    /// A volume.
    Volume(Volume),
}

impl Image {
    /// Reads an image. What is damaged inside of a volume is said there; a volume whose header is damaged is an
    /// error, for nobody knows where it ends.
    pub fn read(bytes: Vec<u8>) -> Result<Image, FirmwareError> {
        if bytes.len() > MAX_IMAGE {
            return Err(FirmwareError::TooLarge(bytes.len()));
        }
        let original = Span::new(bytes);
        let mut reader = Reader::new();
        let mut pieces = Vec::new();
        let mut behind = 0;
        let mut at = 0;
        while let Some(volume) = next_volume(&original, at, &mut reader)? {
            other(&mut pieces, behind, volume.offset);
            at = volume.offset.saturating_add(volume.header.size);
            behind = at;
            pieces.push(Piece::Volume(volume));
        }
        if pieces.is_empty() {
            return Err(FirmwareError::NoVolume);
        }
        other(&mut pieces, behind, original.len());
        let known = Vec::new();
        let mut image = Image {
            pieces,
            original,
            known,
        };
        image.known = image
            .damage()
            .into_iter()
            .map(|damage| damage.what)
            .collect();
        Ok(image)
    }

    /// Bytes of the image.
    pub fn size(&self) -> usize {
        self.original.len()
    }

    /// The image's bytes as they were read.
    pub fn bytes(&self) -> &[u8] {
        self.original.bytes()
    }

    /// The volumes that are not inside of others.
    pub fn volumes(&self) -> impl Iterator<Item = &Volume> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Volume(volume) => Some(volume),
            Piece::Other { .. } => None,
        })
    }

    /// The image's bytes, with what was changed in it.
    pub fn encode(&self) -> Result<Vec<u8>, FirmwareError> {
        let mut bytes = Vec::with_capacity(self.size());
        for piece in &self.pieces {
            match piece {
                Piece::Other { offset, size } => {
                    let other = self.original.cut(*offset, *size);
                    bytes.extend(other.iter().flat_map(|span| span.bytes()));
                }
                Piece::Volume(volume) => bytes.extend(volume.encode()?),
            }
        }
        Ok(bytes)
    }

    /// Marks everything that can be made anew as changed, so that [`encode`](Image::encode) makes all of it.
    pub fn touch(&mut self) {
        for piece in &mut self.pieces {
            if let Piece::Volume(volume) = piece {
                touch_volume(volume);
            }
        }
    }
}

fn touch_volume(volume: &mut Volume) -> bool {
    if let Content::Files(files) = &mut volume.content
        && files.iter().all(|file| file.refuses().is_none())
    {
        volume.changed = true;
        for file in files {
            if let super::Body::Sections(sections) = &mut file.body {
                let touched = sections.iter_mut().map(touch_section);
                file.changed |= touched.fold(false, |any, touched| any | touched);
            }
        }
    }
    volume.changed
}

fn touch_section(section: &mut Section) -> bool {
    section.changed |= match &mut section.inside {
        Inside::Sections(super::Codec::Sealed(_), _) => false,
        Inside::Sections(_, sections) => sections
            .iter_mut()
            .map(touch_section)
            .fold(true, |all, _| all),
        Inside::Volume(volume) => touch_volume(volume),
        Inside::Bytes | Inside::Packed(_) | Inside::Damaged(_) => false,
    };
    section.changed
}

/// The next volume from `at` on. In memory they begin at multiples of eight bytes, but a capsule's header may come
/// first in the file, which is a multiple of four.
fn next_volume(
    image: &Span,
    at: usize,
    reader: &mut Reader,
) -> Result<Option<Volume>, FirmwareError> {
    let mut at = at.next_multiple_of(4);
    while let Some(rest) = image.tail(at).filter(|rest| rest.len() > SIGNATURE) {
        if let Some(header) = VolumeHeader::read(image, at)? {
            return Ok(Some(Volume::read(image, at, header, reader)?));
        }
        // What is in it would be taken for volumes of the image.
        if lacks_signature(&rest) {
            return Err(Damage::new(at, "the signature of a volume is damaged").into());
        }
        at = at.saturating_add(4);
    }
    Ok(None)
}

/// What is between two volumes, if anything.
fn other(pieces: &mut Vec<Piece>, offset: usize, end: usize) {
    let size = end.saturating_sub(offset);
    if size > 0 {
        pieces.push(Piece::Other { offset, size });
    }
}
