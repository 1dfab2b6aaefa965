//! Where files of a volume that was changed come to lie.
//!
//! They keep their order. A file that runs or is found where it is keeps its place, and the last file of a volume whose
//! end is the reset vector keeps its end; all others move together. Between them there are pad files, and files that
//! were deleted are gone.

use super::file::File;
use super::header::{Format, VolumeHeader};
use super::span::Span;
use super::{FirmwareError, Guid};

/// The smallest pad file: a header.
const SMALLEST: usize = 24;
/// The largest that ends at a multiple of eight, and whose size any header can say.
const LARGEST: usize = 0xff_fff8;

/// The bytes of a volume with these files.
pub(super) fn volume(
    header: &VolumeHeader,
    original: &Span,
    files: &[File],
) -> Result<Vec<u8>, FirmwareError> {
    let format = header.format();
    let headers = original.bytes().get(..header.first_file);
    // The headers may be cut off by nothing but a volume that ends with them.
    let mut bytes = headers.unwrap_or(original.bytes()).to_vec();
    let mut end = bytes.len();
    let mut placed = Vec::new();
    let mut too_large = None;
    for file in files {
        if file.is_deleted() || file.is_empty_pad() {
            continue;
        }
        if let Some(why) = file.refuses() {
            return Err(FirmwareError::NotUnderstood(header.name, why));
        }
        let (encoded, size) = match file.encode(format) {
            Ok(encoded) => {
                let size = encoded.len();
                (encoded, size)
            }
            // How many bytes are missing tells more, where the volume is too small for it anyway.
            Err(FirmwareError::TooLargeForHeader(size)) => {
                too_large = Some(FirmwareError::TooLargeForVolume(
                    header.name,
                    file.guid,
                    size,
                ));
                (Vec::new(), size)
            }
            Err(error) => return Err(error),
        };
        let head = File::header_length(&encoded, format);
        let place = place(header, file, (head, size), end.next_multiple_of(8))?;
        end = place.saturating_add(size);
        placed.push((place, encoded));
    }
    // Only when it fits, the gaps are no larger than the volume.
    let missing = end.saturating_sub(header.size);
    if missing > 0 {
        return Err(FirmwareError::DoesNotFit {
            volume: header.name,
            size: header.size,
            missing,
        });
    }
    if let Some(error) = too_large {
        return Err(error);
    }
    for (place, encoded) in placed {
        bytes.resize(bytes.len().next_multiple_of(8), header.erased);
        for size in pads(place.saturating_sub(bytes.len()), format) {
            bytes.extend(File::pad(size, format)?);
        }
        bytes.extend(encoded);
    }
    let used = bytes.len().next_multiple_of(8);
    bytes.resize(header.size, header.erased);
    if let Some(at) = header.used_size {
        let field = bytes.get_mut(at..);
        if let Some(field) = field.and_then(<[u8]>::first_chunk_mut) {
            *field = u32::try_from(used).unwrap_or(u32::MAX).to_le_bytes();
        }
        // Around the extended header there may be a pad file, right behind the header.
        let around = header.end.next_multiple_of(8)..header.first_file;
        if let Some(around) = bytes.get_mut(around) {
            File::sum_anew(around, format);
        }
    }
    Ok(bytes)
}

/// The sizes of the pad files that fill a gap.
fn pads(mut gap: usize, format: Format) -> Vec<usize> {
    let mut sizes = Vec::new();
    while gap > LARGEST && !format.large {
        // What is left has room for a header.
        let size = LARGEST.min(gap.saturating_sub(SMALLEST));
        sizes.push(size);
        gap = gap.saturating_sub(size);
    }
    sizes.extend((gap > 0).then_some(gap));
    sizes
}

/// Where a file goes that comes behind `end`: its header has so many bytes, and all of it so many.
fn place(
    header: &VolumeHeader,
    file: &File,
    (head, size): (usize, usize),
    end: usize,
) -> Result<usize, FirmwareError> {
    let fixed = if file.is_top() {
        let place = header.size.saturating_sub(size);
        if !place.is_multiple_of(8) {
            return Err(FirmwareError::UnalignedTop(size));
        }
        Some(place)
    } else if file.stays() && file.offset != 0 {
        Some(file.offset)
    } else {
        None
    };
    match fixed {
        Some(place) => fixed_place(file.guid, place, end),
        None => Ok(free_place(file, head, end)),
    }
}

/// The place that a file has to keep, if there is room for a pad file, or none, in front of it.
fn fixed_place(guid: Guid, place: usize, end: usize) -> Result<usize, FirmwareError> {
    match place.checked_sub(end) {
        Some(0 | SMALLEST..) => Ok(place),
        Some(gap) => Err(FirmwareError::SmallGap(guid, gap, SMALLEST)),
        None => Err(FirmwareError::MustStay(guid, end.saturating_sub(place))),
    }
}

/// The first place where the file's content has its alignment, and a pad file fits in front of it.
fn free_place(file: &File, header: usize, end: usize) -> usize {
    let alignment = file.alignment().max(8);
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
