//! Parts of files: `struct btrfs_file_extent_item` in `include/uapi/linux/btrfs_tree.h` of Linux.

use super::compression::{self, Method};
use super::inode::Inode;
use super::medium::Medium;
use super::node::Item;
use crate::disk::bytes::{le16, le64};
use crate::fs::FsError;

/// Length of what all have, behind which content may begin, and of the rest.
const HEAD: usize = 21;
const LENGTH: usize = 53;

/// Kinds (`BTRFS_FILE_EXTENT_INLINE` and so on).
const INLINE: u8 = 0;
const REGULAR: u8 = 1;
const UNWRITTEN: u8 = 2;

/// What is compressed together is at most this long, before and after (`BTRFS_MAX_UNCOMPRESSED`).
const MOST_COMPRESSED: u64 = 128 * 1024;

/// A part of a file, and where its content is.
pub(super) struct Extent {
    /// Where it begins in the file, in bytes.
    start: u64,
    /// Where it ends.
    pub(super) end: u64,
    place: Place,
}

enum Place {
    /// Nowhere: zeros.
    Hole,
    /// Here.
    Known(Vec<u8>),
    /// From this address on.
    Plain(u64),
    /// Compressed, with others around it.
    Packed(Packed),
}

/// Bytes that were compressed together.
struct Packed {
    method: Method,
    address: u64,
    /// Length as it is on the disk, and as it was.
    packed: usize,
    length: usize,
    /// Where in it the part begins.
    offset: u64,
}

impl Extent {
    /// What an item of `inode` says. What is compressed in the item itself is unpacked.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when it contradicts itself, [`FsError::Unsupported`] for what is encrypted or
    /// compressed in an unknown way.
    pub(super) fn parse(
        medium: &Medium,
        inode: &Inode,
        item: &Item<'_>,
    ) -> Result<Extent, FsError> {
        let content = item.content;
        let damaged = || inode.damaged("has a part that makes no sense");
        let byte = |at: usize| content.get(at).copied().unwrap_or_default();
        let long = |at| le64(content, at).ok_or_else(damaged);
        let start = item.key.offset;
        // Encryption, and another encoding: nobody writes them yet.
        if byte(17) != 0 || le16(content, 18) != Some(0) {
            return Err(FsError::Unsupported("an encoded file on Btrfs".to_owned()));
        }
        let method = Method::new(byte(16))?;
        let sector = medium.superblock.sector_size;
        let unpacked = long(8)?;
        if byte(20) == INLINE {
            let length = usize::try_from(unpacked).ok();
            let length = length.filter(|length| *length <= sector && start == 0);
            let (length, bytes) = length.zip(content.get(HEAD..)).ok_or_else(damaged)?;
            let known = match method {
                None => bytes.to_vec(),
                Some(method) => compression::unpack(method, bytes, length, sector)
                    .map_err(|text| inode.damaged(text))?,
            };
            return Ok(Extent {
                start,
                end: known.len() as u64,
                place: Place::Known(known),
            });
        }
        if content.len() < LENGTH {
            return Err(damaged());
        }
        let (address, packed, offset, length) = (long(21)?, long(29)?, long(37)?, long(45)?);
        let sectors = |number: u64| number.is_multiple_of(sector as u64);
        let end = start.checked_add(length).filter(|_| length > 0);
        let inside = offset
            .checked_add(length)
            .is_some_and(|end| end <= unpacked);
        let (Some(end), true) = (end, sectors(start) && sectors(length)) else {
            return Err(damaged());
        };
        let place = match (byte(20), method) {
            (REGULAR, _) if address == 0 => Place::Hole,
            (UNWRITTEN, _) => Place::Hole,
            (REGULAR, None) => Place::Plain(address.checked_add(offset).ok_or_else(damaged)?),
            (REGULAR, Some(method)) if inside => {
                let fits = packed <= MOST_COMPRESSED && unpacked <= MOST_COMPRESSED;
                let lengths = usize::try_from(packed)
                    .ok()
                    .zip(usize::try_from(unpacked).ok());
                let (packed, length) = lengths.filter(|_| fits).ok_or_else(damaged)?;
                Place::Packed(Packed {
                    method,
                    address,
                    packed,
                    length,
                    offset,
                })
            }
            _ => return Err(damaged()),
        };
        Ok(Extent { start, end, place })
    }

    /// A part of zeros.
    pub(super) fn hole(start: u64, end: u64) -> Extent {
        Extent {
            start,
            end,
            place: Place::Hole,
        }
    }

    /// Is the byte of the file in it?
    pub(super) fn contains(&self, at: u64) -> bool {
        (self.start..self.end).contains(&at)
    }

    /// Fills `buf` from the byte `at` of the file on, of which all is in this part. What was unpacked is
    /// kept for the next time.
    ///
    /// # Errors
    /// What reading and unpacking say.
    pub(super) fn read(
        &mut self,
        medium: &Medium,
        inode: &Inode,
        at: u64,
        buf: &mut [u8],
    ) -> Result<(), FsError> {
        let inside = at.saturating_sub(self.start);
        if let Place::Packed(packed) = &self.place {
            let sector = medium.superblock.sector_size;
            let mut bytes = vec![0; packed.packed];
            medium.budget.spend(packed.packed)?;
            medium.data(packed.address, &mut bytes)?;
            let mut all = compression::unpack(packed.method, &bytes, packed.length, sector)
                .map_err(|text| inode.damaged(text))?;
            let offset = usize::try_from(packed.offset).unwrap_or(usize::MAX);
            self.place = Place::Known(all.split_off(offset.min(all.len())));
        }
        match &self.place {
            Place::Hole => buf.fill(0),
            Place::Plain(address) => medium.data(address.saturating_add(inside), buf)?,
            Place::Known(bytes) => {
                let from = usize::try_from(inside).ok().and_then(|at| bytes.get(at..));
                let from = from.unwrap_or_default();
                // What was unpacked may be shorter than it should be: then zeros follow.
                let n = from.len().min(buf.len());
                let (head, tail) = buf.split_at_mut_checked(n).unwrap_or_default();
                head.copy_from_slice(from.get(..n).unwrap_or_default());
                tail.fill(0);
            }
            Place::Packed(_) => {}
        }
        Ok(())
    }
}
