//! A volume: files in a part of the flash, or in a section.

use std::collections::HashSet;

use super::header::{FileSystem, VolumeHeader};
use super::reader::Reader;
use super::span::Span;
use super::{Damage, File, FirmwareError, Guid, layout};

/// A firmware volume.
pub struct Volume {
    /// Where it begins, in bytes of the image or of the section that it is in.
    pub offset: usize,
    /// What its header says.
    pub header: VolumeHeader,
    /// What is in it.
    pub content: Content,
    pub(super) original: Span,
    pub(super) changed: bool,
}

/// What is in a volume.
pub enum Content {
    /// Files, one behind the other.
    Files(Vec<File>),
    /// Something that is not files; it is kept.
    Unknown,
    /// Files up to something that can't be read; all of it is kept.
    Damaged(Vec<File>, Damage),
}

impl Content {
    /// Why nothing is changed in a volume of this name, where its files could not be read whole.
    fn refusal(&self, volume: Option<Guid>) -> FirmwareError {
        let why = match self {
            Content::Damaged(_, damage) => damage.what,
            Content::Files(_) | Content::Unknown => "it holds no files",
        };
        FirmwareError::NotUnderstood(volume, why)
    }
}

impl Volume {
    /// Reads the volume that begins at `offset`, where its header was found.
    pub(super) fn read(
        around: &Span,
        offset: usize,
        header: VolumeHeader,
        reader: &mut Reader,
    ) -> Result<Volume, Damage> {
        let cut = around.cut(offset, header.size);
        let outside = || Damage::new(offset, "a volume is longer than what it is in");
        let original = cut.ok_or_else(outside)?;
        let content = match header.filesystem {
            FileSystem::Ffs2 | FileSystem::Ffs3 => {
                match reader.deeper(|reader| Ok(files(&original, &header, reader))) {
                    Ok(content) => content,
                    Err(damage) => Content::Damaged(Vec::new(), damage),
                }
            }
            FileSystem::Variables | FileSystem::Other(_) => Content::Unknown,
        };
        Ok(Volume {
            offset,
            header,
            content,
            original,
            changed: false,
        })
    }

    /// Its files, as far as they can be read.
    pub fn files(&self) -> &[File] {
        match &self.content {
            Content::Files(files) | Content::Damaged(files, _) => files,
            Content::Unknown => &[],
        }
    }

    /// Its files, if they may be changed: all of them could be read.
    pub(super) fn files_mut(&mut self) -> Result<&mut Vec<File>, FirmwareError> {
        match &mut self.content {
            Content::Files(files) => Ok(files),
            other => Err(other.refusal(self.header.name)),
        }
    }

    /// Bytes behind the last file that something new may take; `None` where there are no files.
    pub fn free(&self) -> Option<usize> {
        let Content::Files(files) = &self.content else {
            return None;
        };
        let last = files.iter().rfind(|file| !file.is_empty_pad());
        let end = last.map_or(self.header.first_file, File::end);
        Some(self.header.size.saturating_sub(end.next_multiple_of(8)))
    }

    /// Is there a file in it that has to stay where it is? Nobody knows of what can't be read.
    pub(super) fn stays(&self) -> bool {
        match &self.content {
            Content::Files(files) => files.iter().any(File::stays),
            Content::Unknown | Content::Damaged(..) => true,
        }
    }

    /// The volume's bytes, with what was changed in it.
    pub(super) fn encode(&self) -> Result<Vec<u8>, FirmwareError> {
        if !self.changed {
            return Ok(self.original.bytes().to_vec());
        }
        match &self.content {
            Content::Files(files) => layout::volume(&self.header, &self.original, files),
            other => Err(other.refusal(self.header.name)),
        }
    }
}

/// The files from the first one on. Behind the last one there is erased flash up to the end.
fn files(volume: &Span, header: &VolumeHeader, reader: &mut Reader) -> Content {
    let mut files = Vec::new();
    let mut at = header.first_file;
    let damage = loop {
        match File::read(volume, at, header, reader) {
            Ok(Some(file)) => {
                at = file.end().next_multiple_of(8);
                files.push(file);
            }
            Ok(None) => break None,
            Err(damage) => break Some(damage),
        }
    };
    void_updated(&mut files);
    match damage {
        None => Content::Files(files),
        Some(damage) => Content::Damaged(files, damage),
    }
}

/// A file that was being updated is void when the new one is whole, even if nobody came to delete it.
fn void_updated(files: &mut [File]) {
    let counts =
        |file: &&File| !file.is_deleted() && !file.is_being_updated() && file.refuses().is_none();
    let whole: HashSet<(Guid, u8)> = files
        .iter()
        .filter(counts)
        .map(|file| (file.guid, file.kind.0))
        .collect();
    for file in files {
        if file.is_being_updated() && whole.contains(&(file.guid, file.kind.0)) {
            file.make_void();
        }
    }
}
