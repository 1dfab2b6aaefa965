//! The header of a volume (PI 1.8, volume 3, sections 3.2.1 and 3.2.2).

use super::checksum::sum16;
use super::span::Span;
use super::{Damage, Guid};

/// `EFI_FIRMWARE_FILE_SYSTEM2_GUID`
const FFS2: Guid = Guid::new(
    0x8c8c_e578,
    0x8a3d,
    0x4f1c,
    [0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3],
);
/// `EFI_FIRMWARE_FILE_SYSTEM3_GUID`
const FFS3: Guid = Guid::new(
    0x5473_c07a,
    0x3dcb,
    0x4dca,
    [0xbd, 0x6f, 0x1e, 0x96, 0x89, 0xe7, 0x34, 0x9a],
);
/// `EFI_SYSTEM_NV_DATA_FV_GUID`: variables.
const VARIABLES: Guid = Guid::new(
    0xfff1_2b8d,
    0x7696,
    0x4c8b,
    [0xa9, 0x85, 0x27, 0x47, 0x07, 0x5b, 0x4f, 0x50],
);

/// Where the GUID of the format stands in a header.
const FILE_SYSTEM: usize = 16;
/// Where the signature `_FVH` stands in a header.
pub(super) const SIGNATURE: usize = 40;
const SIGNED: &[u8; 4] = b"_FVH";
const BEHIND_SIGNATURE: usize = SIGNATURE + 4;
/// The header without its map of blocks.
const FIXED: usize = 56;
/// The longest header that is read: it has room for more than a hundred runs of blocks.
const MAX_HEADER: usize = 1024;
/// The extended header without its entries.
const EXTENDED: usize = 20;
/// `EFI_FVB2_ERASE_POLARITY`
const ERASE_POLARITY: u32 = 0x800;
/// Where the power of two of `EFI_FVB2_ALIGNMENT` stands in the attributes. The first revision has other bits there.
const ALIGNMENT: u32 = 16;

/// What is in a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// Files of up to 16 MiB.
    Ffs2,
    /// Files of any size.
    Ffs3,
    /// The variables of the firmware.
    Variables,
    /// Something else.
    Other(Guid),
}

/// A run of blocks of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// How many.
    pub count: u32,
    /// Bytes in each.
    pub size: u32,
}

/// May there be a volume in bytes that can't be read?
pub(super) fn may_hold_volume(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|four| four == SIGNED)
}

/// What a volume asks of the headers of its files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// May a file have 16 MiB and more?
    pub large: bool,
    /// The byte that erased flash has.
    pub erased: u8,
    /// What stands for the sum over the content of a file that asks for none.
    pub no_sum: u8,
}

impl Format {
    /// `FFS_FIXED_CHECKSUM` of volumes of revision 1 (Intel's Framework, before PI), and of those since.
    pub(super) const NO_SUM: [u8; 2] = [0x5a, 0xaa];
}

/// What the header of a volume says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeHeader {
    /// What is in it.
    pub filesystem: FileSystem,
    /// Its name, from the extended header.
    pub name: Option<Guid>,
    /// Bytes of the volume, with the headers.
    pub size: usize,
    /// Its map of blocks.
    pub blocks: Vec<Blocks>,
    /// The byte that erased flash has.
    pub erased: u8,
    /// What it has to begin at a multiple of, in bytes.
    pub(super) alignment: usize,
    /// Where the header ends.
    pub(super) end: usize,
    /// Where the first file may be, behind the headers.
    pub(super) first_file: usize,
    revision: u8,
    /// Where the extended header says how many bytes are used, if it does.
    pub(super) used_size: Option<usize>,
}

impl VolumeHeader {
    /// What files in it look like.
    pub(super) fn format(&self) -> Format {
        let [first, later] = Format::NO_SUM;
        Format {
            large: self.filesystem == FileSystem::Ffs3,
            erased: self.erased,
            no_sum: if self.revision == 1 { first } else { later },
        }
    }

    /// Reads the header that stands `at` an offset. `None`: what is there is no volume.
    pub(super) fn read(image: &Span, at: usize) -> Result<Option<VolumeHeader>, Damage> {
        let Some(span) = image.tail(at) else {
            return Ok(None);
        };
        if span.array(SIGNATURE) != Some(*SIGNED) {
            return Ok(None);
        }
        // Beside the name of a format the signature is no accident, and the rest has to be right, too.
        let is_known = matches!(span.guid(FILE_SYSTEM), Some(FFS2 | FFS3 | VARIABLES));
        let damaged = |what| match is_known {
            true => Err(Damage::new(at, what)),
            false => Ok(None),
        };
        let Some(plain) = Plain::read(&span) else {
            return damaged("a volume's header makes no sense");
        };
        let header = span.bytes().get(..plain.header);
        if header.is_none_or(|header| sum16(header) != 0) {
            let what = "the checksum of a volume's header is wrong";
            // Nor is it where the map says the size once more.
            return match plain.is_said_twice {
                true => Err(Damage::new(at, what)),
                false => damaged(what),
            };
        }
        if span.len() < plain.size {
            return Err(Damage::new(at, "a volume is longer than what it is in"));
        }
        let (name, behind) = match plain.extended {
            0 => (None, plain.header),
            start => {
                let outside =
                    || Damage::new(at, "a volume's extended header is not inside of the volume");
                let (name, behind) = extended(&span, start).ok_or_else(outside)?;
                if start < plain.header || behind > plain.size {
                    return Err(outside());
                }
                (Some(name), behind)
            }
        };
        Ok(Some(VolumeHeader {
            filesystem: match plain.filesystem {
                FFS2 => FileSystem::Ffs2,
                FFS3 => FileSystem::Ffs3,
                VARIABLES => FileSystem::Variables,
                other => FileSystem::Other(other),
            },
            name,
            size: plain.size,
            blocks: plain.blocks,
            erased: if plain.attributes & ERASE_POLARITY == 0 {
                0
            } else {
                0xff
            },
            alignment: match plain.revision {
                1 => 1,
                _ => 1 << (plain.attributes >> ALIGNMENT & 0x1f),
            },
            end: plain.header,
            first_file: behind.next_multiple_of(8),
            revision: plain.revision,
            used_size: used_size(&span, plain.extended, behind),
        }))
    }
}

/// Is nothing damaged in the header at the beginning but its signature?
pub(super) fn lacks_signature(span: &Span) -> bool {
    let is_known = matches!(span.guid(FILE_SYSTEM), Some(FFS2 | FFS3 | VARIABLES));
    let length = || Plain::read(span).map(|plain| plain.header);
    let Some(length) = is_known.then(length).flatten() else {
        return false;
    };
    let front = span.bytes().get(..SIGNATURE).unwrap_or_default();
    let behind = span.bytes().get(BEHIND_SIGNATURE..length);
    sum16(&[front, SIGNED, behind.unwrap_or_default()].concat()) == 0
}

/// The name in an extended header, and where that header ends.
fn extended(span: &Span, start: usize) -> Option<(Guid, usize)> {
    let size = usize::try_from(span.u32(start.checked_add(16)?)?).ok()?;
    let end = start.checked_add(size.max(EXTENDED))?;
    (end <= span.len()).then_some((span.guid(start)?, end))
}

/// Where `UsedSize` stands in the entry `EFI_FIRMWARE_VOLUME_EXT_ENTRY_USED_SIZE_TYPE` of the extended header (PI 1.8,
/// volume 3, section 3.2.2), if there is one before the header's `end`.
fn used_size(span: &Span, start: usize, end: usize) -> Option<usize> {
    const ENTRY: usize = 4;
    const USED_SIZE: u16 = 3;
    let mut at = start.checked_add(EXTENDED).filter(|_| start != 0)?;
    while at.checked_add(ENTRY)? <= end {
        let size = usize::from(span.u16(at)?);
        let next = at.checked_add(size).filter(|next| *next <= end)?;
        if span.u16(at.checked_add(2)?)? == USED_SIZE {
            return (size == ENTRY + 4).then_some(at.checked_add(ENTRY)?);
        }
        at = (size >= ENTRY).then_some(next)?;
    }
    None
}

/// The fields of a header.
struct Plain {
    filesystem: Guid,
    size: usize,
    /// Whether that is what the map of blocks says. Some stores of variables have a map for all of their flash part.
    is_said_twice: bool,
    attributes: u32,
    header: usize,
    extended: usize,
    revision: u8,
    blocks: Vec<Blocks>,
}

impl Plain {
    fn read(span: &Span) -> Option<Plain> {
        let size = usize::try_from(span.u64(32)?).ok()?;
        let header = usize::from(span.u16(48)?);
        if !(FIXED..=MAX_HEADER).contains(&header)
            || header > size
            || size > isize::MAX.cast_unsigned()
        {
            return None;
        }
        let mut blocks = Vec::new();
        let mut total = Some(0_u64);
        let mut at = FIXED;
        loop {
            let end = at.checked_add(8).filter(|end| *end <= header)?;
            let run = Blocks {
                count: span.u32(at)?,
                size: span.u32(at.checked_add(4)?)?,
            };
            if run.count == 0 && run.size == 0 {
                break;
            }
            let bytes = u64::from(run.count).checked_mul(u64::from(run.size));
            total = total.and_then(|total| total.checked_add(bytes?));
            blocks.push(run);
            at = end;
        }
        Some(Plain {
            filesystem: span.guid(FILE_SYSTEM)?,
            size,
            is_said_twice: u64::try_from(size).ok() == total,
            attributes: span.u32(44)?,
            header,
            extended: usize::from(span.u16(52)?),
            revision: span.u8(55)?,
            blocks,
        })
    }
}
