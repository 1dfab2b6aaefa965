//! Where files of a volume that was changed come to lie.
//!
//! They keep their order. A file that runs or is found where it is keeps its place, and the last file of a volume whose
//! end is the reset vector keeps its end; all others move together. Between them there are pad files, and files that
//! were deleted are gone.

use super::file::File;
use super::header::{FileSystem, VolumeHeader};
use super::span::Span;
use super::{FirmwareError, Guid};

/// The smallest pad file: a header.
const SMALLEST: usize = 24;

/// The bytes of a volume with these files.
pub(super) fn volume(
    header: &VolumeHeader,
    original: &Span,
    files: &[File],
) -> Result<Vec<u8>, FirmwareError> {
    let does_not_fit = |missing| FirmwareError::DoesNotFit {
        volume: header.name,
        size: header.size,
        missing,
    };
    let large = header.filesystem == FileSystem::Ffs3;
    let headers = original.bytes().get(..header.first_file);
    // The headers may be cut off by nothing but a volume that ends with them.
    let mut bytes = headers.unwrap_or(original.bytes()).to_vec();
    for file in files {
        if file.is_deleted() || file.is_empty_pad() {
            continue;
        }
        let encoded = file.encode(large)?;
        let place = place(header, file, encoded.len(), bytes.len())?;
        let gap = place.saturating_sub(bytes.len());
        if gap > header.size {
            return Err(does_not_fit(gap.saturating_sub(header.size)));
        }
        if gap > 0 {
            bytes.extend(File::pad(gap, large, header.erased)?);
        }
        bytes.extend(encoded);
        let end = bytes.len().next_multiple_of(8);
        if end <= header.size {
            bytes.resize(end, header.erased);
        }
    }
    let missing = bytes.len().saturating_sub(header.size);
    if missing > 0 {
        return Err(does_not_fit(missing));
    }
    bytes.resize(header.size, header.erased);
    Ok(bytes)
}

/// Where a file of `size` bytes goes that comes behind `end`.
fn place(
    header: &VolumeHeader,
    file: &File,
    size: usize,
    end: usize,
) -> Result<usize, FirmwareError> {
    let end = end.next_multiple_of(8);
    let fixed = if file.is_top() {
        Some(header.size.saturating_sub(size))
    } else if file.stays() && file.offset != 0 {
        Some(file.offset)
    } else {
        None
    };
    match fixed {
        Some(place) => fixed_place(file.guid, place, end),
        None => Ok(free_place(file, size, end)),
    }
}

/// The place that a file has to keep, if there is room for a pad file, or none, in front of it.
fn fixed_place(guid: Guid, place: usize, end: usize) -> Result<usize, FirmwareError> {
    match place.checked_sub(end) {
        Some(0 | SMALLEST..) => Ok(place),
        Some(gap) => Err(FirmwareError::MustStay(guid, SMALLEST.saturating_sub(gap))),
        None => Err(FirmwareError::MustStay(guid, end.saturating_sub(place))),
    }
}

/// The first place where the file's content has its alignment, and a pad file fits in front of it.
fn free_place(file: &File, size: usize, end: usize) -> usize {
    let alignment = file.alignment().max(8);
    let header = File::header_length(size);
    let aligned = |place: usize| {
        let content = place.saturating_add(header);
        let content = content.checked_next_multiple_of(alignment);
        content.unwrap_or(usize::MAX).saturating_sub(header)
    };
    // A file's own header is always at a multiple of eight, whatever its content asks for.
    if file.alignment() <= 8 {
        return end;
    }
    match aligned(end) {
        place if place == end => place,
        _ => aligned(end.saturating_add(SMALLEST)),
    }
}
