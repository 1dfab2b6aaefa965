//! Disks in files, found while configurations are evaluated: GRUB's `loopback`.

use std::cell::OnceCell;
use std::fmt;

use super::{Filesystems, Inventory};
use crate::disk::{Disk, Hardware, Layout};
use crate::entry::{FileRef, VolumeId};
use crate::fs::FsError;

/// Files of one disk that are opened as disks. Media with many systems have one of each.
const MAX_IMAGES: usize = 64;

/// A disk in a file that is in another file is opened, and none that is deeper.
const MAX_DEPTH: usize = 2;

/// The volumes of images are numbered behind those of the disk, so many for each.
pub(super) const VOLUMES: usize = 1024;

/// A file that is used as a disk.
pub struct Image {
    /// The file.
    pub file: FileRef,
    /// What is on it.
    pub layout: Layout,
    filesystems: Filesystems,
    /// The number of its first volume.
    first: usize,
}

/// The images on one disk, in the order in which they were opened. They stay: their volumes are named by
/// entries.
pub(super) struct Images([OnceCell<Box<Image>>; MAX_IMAGES]);

impl Default for Images {
    fn default() -> Images {
        Images([const { OnceCell::new() }; MAX_IMAGES])
    }
}

impl Images {
    fn iter(&self) -> impl Iterator<Item = &Image> {
        self.0.iter().map_while(|cell| cell.get().map(Box::as_ref))
    }

    /// See [`Inventory::forget_unreadable`].
    pub(super) fn forget_unreadable(&mut self) {
        for image in self.0.iter_mut().filter_map(OnceCell::get_mut) {
            image.filesystems.forget_unreadable();
        }
    }

    /// The one that a volume of this number is on.
    fn find(&self, volume: usize) -> Option<&Image> {
        let number = volume.checked_div(VOLUMES)?.checked_sub(1)?;
        self.0.get(number)?.get().map(Box::as_ref)
    }
}

impl Image {
    /// A volume of it by the index in its layout.
    pub fn volume(&self, index: usize) -> VolumeId {
        VolumeId {
            disk: self.file.volume.disk,
            volume: self.first.saturating_add(index),
        }
    }

    /// The index in its layout of a volume that is on it.
    pub(super) fn index(&self, id: VolumeId) -> Option<usize> {
        id.volume.checked_sub(self.first)
    }

    pub(super) fn filesystems(&self) -> &Filesystems {
        &self.filesystems
    }
}

impl Inventory {
    /// The disk that is in a file; the same file is the same disk again. What is on it is read when it is
    /// asked for.
    ///
    /// # Errors
    /// [`ImageError`]
    pub fn open_image(&self, file: &FileRef) -> Result<&Image, ImageError> {
        let scanned = self.disk(file.volume);
        let images = &scanned.ok_or(ImageError::File(FsError::NotFound))?.images;
        if let Some(known) = images.iter().find(|image| image.file == *file) {
            return Ok(known);
        }
        if self.depth(file.volume) >= MAX_DEPTH {
            return Err(ImageError::TooDeep);
        }
        let filesystem = self.filesystem(file.volume);
        let filesystem = filesystem.map_err(|e| ImageError::Filesystem(e.to_string()))?;
        let source = filesystem.image(&file.path).map_err(ImageError::File)?;
        let free = (1..).zip(&images.0).find(|(_, cell)| cell.get().is_none());
        let (number, cell) = free.ok_or(ImageError::TooMany)?;
        let layout = Disk {
            path: self.describe(file).to_string().into(),
            source,
            hardware: Hardware::default(),
        }
        .scan();
        let image = Box::new(Image {
            file: file.clone(),
            filesystems: Filesystems::new(&layout),
            layout,
            first: VOLUMES.saturating_mul(number),
        });
        Ok(cell.get_or_init(|| image))
    }

    /// The image that a volume is on; `None` for the volumes of disks.
    pub fn image(&self, id: VolumeId) -> Option<&Image> {
        self.disk(id)?.images.find(id.volume)
    }

    /// How many images a volume is inside of.
    fn depth(&self, id: VolumeId) -> usize {
        // The volume of a file had its number before the image got one, so this ends.
        let around = std::iter::successors(self.image(id), |image| self.image(image.file.volume));
        around.count()
    }
}

/// Why a file is not used as a disk. Callers name the file.
#[derive(Debug)]
pub enum ImageError {
    /// The filesystem that the file is on can't be read.
    Filesystem(String),
    /// The file can't be opened, or its filesystem does not tell where it lies.
    File(FsError),
    /// It is in a file that is in a file.
    TooDeep,
    /// There are too many already.
    TooMany,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::Filesystem(error) => write!(f, "its filesystem can't be read: {error}"),
            ImageError::File(error) => write!(f, "{error}"),
            ImageError::TooDeep => write!(
                f,
                "it is a disk in more than {MAX_DEPTH} files inside of each other"
            ),
            ImageError::TooMany => write!(
                f,
                "{MAX_IMAGES} files of its disk are opened as disks already"
            ),
        }
    }
}

impl std::error::Error for ImageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ImageError::File(error) => Some(error),
            _ => None,
        }
    }
}
