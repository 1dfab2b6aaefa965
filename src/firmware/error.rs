//! What is wrong with an image, or with a change to it.

use std::fmt;

use super::{FileKind, Guid};
use crate::text::Printable;

/// Why something in an image could not be read. It is kept as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where the file or section begins that it is in, in bytes of what is around: the image, a volume, the content of
    /// a file, or what is in a section.
    pub offset: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl Damage {
    pub(super) fn new(offset: usize, what: &'static str) -> Damage {
        Damage { offset, what }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:#x}: {}", self.offset, self.what)
    }
}

impl std::error::Error for Damage {}

/// Why an image can't be read, or can't be changed in a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirmwareError {
    /// The image is larger than [`MAX_IMAGE`](super::MAX_IMAGE): this many bytes.
    TooLarge(usize),
    /// There is no volume in it.
    NoVolume,
    /// A volume's header is damaged: nothing behind it can be trusted to be where it seems.
    Damaged(Damage),
    /// There is no such file or volume in what can be read; the first thing that can't.
    NotFound(String, Option<Damage>),
    /// There are several: what is only one of them, as far as there is such a name.
    Ambiguous(String, Vec<String>),
    /// What should take its place has no place in the file.
    NoPlace(String, &'static str),
    /// What should be added can't be made a file of.
    NotAddable(&'static str),
    /// No firmware can start a file of this kind as a boot option.
    NotStartable(String, FileKind),
    /// The volume has a file of this GUID already.
    Twice(Guid, Option<Guid>),
    /// A change would be inside of what is signed or packed in a way that can't be made again.
    Sealed(Guid),
    /// A changed volume holds bytes that belong to no file, or was not understood.
    NotUnderstood(Option<Guid>, &'static str),
    /// The files of a volume need more room than it has.
    DoesNotFit {
        /// The volume's name.
        volume: Option<Guid>,
        /// How large the volume is, in bytes.
        size: usize,
        /// How many bytes are missing.
        missing: usize,
    },
    /// A file that must stay where it is would have to move by this many bytes.
    MustStay(Guid, usize),
    /// In front of a file that must stay where it is there would be so many bytes, and a pad file has no fewer than so
    /// many.
    SmallGap(Guid, usize, usize),
    /// The file that ends with its volume would begin between multiples of eight: its bytes with the header.
    UnalignedTop(usize),
    /// What was made has damage that was not there before, or a file that moved and must not: it would not be what was
    /// asked for.
    Worse(String),
    /// A section with what runs or is found where it is, or with a volume, which has an alignment: where it begins
    /// among the others, and where it would.
    SectionMustStay(usize, usize),
    /// A file or section has become larger than its header can say: this many bytes.
    TooLargeForHeader(usize),
    /// In this volume this file has become larger than its header can say there: this many bytes.
    TooLargeForVolume(Option<Guid>, Guid, usize),
    /// The packed bytes do not unpack to what was packed.
    Packing(String),
}

impl fmt::Display for FirmwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FirmwareError::TooLarge(size) => write!(
                f,
                "it has {size} bytes, and a firmware image has at most {}",
                super::MAX_IMAGE
            ),
            FirmwareError::NoVolume => {
                f.write_str("it is no firmware image: there is no volume in it")
            }
            FirmwareError::Damaged(damage) => write!(f, "it is damaged {damage}"),
            FirmwareError::NotFound(name, damage) => {
                write!(
                    f,
                    "there is no {}: `list` shows what there is",
                    Printable(name)
                )?;
                match damage {
                    Some(damage) => write!(f, ", and that not all could be read ({damage})"),
                    None => Ok(()),
                }
            }
            FirmwareError::Ambiguous(name, places) if places.is_empty() => write!(
                f,
                "there are several {}, and no VOLUME or GUID tells them apart",
                Printable(name)
            ),
            FirmwareError::Ambiguous(name, places) => write!(
                f,
                "there are several {}: one of them is {}",
                Printable(name),
                Printable(&places.join(", or "))
            ),
            FirmwareError::NoPlace(name, why) => {
                write!(f, "{} can't be replaced by this: {why}", Printable(name))
            }
            FirmwareError::NotAddable(why) => write!(f, "this can't be added: {why}"),
            FirmwareError::NotStartable(name, kind) => write!(
                f,
                "{} can't be started: it is neither an application nor a driver, but of the kind {}",
                Printable(name),
                kind.name()
            ),
            FirmwareError::Twice(guid, volume) => write!(
                f,
                "volume {} has a file {guid} already: remove that one, or replace it",
                Maybe(*volume)
            ),
            FirmwareError::Sealed(guid) => write!(
                f,
                "a section {guid} is around it, which can be read and not made again"
            ),
            FirmwareError::NotUnderstood(volume, why) => {
                write!(f, "volume {} can't be changed: {why}", Maybe(*volume))
            }
            FirmwareError::DoesNotFit {
                volume,
                size,
                missing,
            } => write!(
                f,
                "it does not fit: volume {} has {size} bytes, and {missing} more are needed",
                Maybe(*volume)
            ),
            FirmwareError::MustStay(guid, missing) => write!(
                f,
                "it does not fit: file {guid} runs or is found where it is, and {missing} more bytes are needed \
                 in front of it"
            ),
            FirmwareError::SmallGap(guid, gap, least) => write!(
                f,
                "file {guid} runs or is found where it is, and {gap} bytes would be left in front of it, where a pad \
                 file has at least {least}: make what is in front {gap} bytes longer, or {} shorter",
                least.saturating_sub(*gap)
            ),
            FirmwareError::SectionMustStay(before, after) => write!(
                f,
                "a section would begin at {after:#x} instead of {before:#x}, and holds a volume, or what runs or is \
                 found where it is"
            ),
            FirmwareError::UnalignedTop(size) => write!(
                f,
                "the file at the top of the volume would have {size} bytes with its header: it ends with the volume, \
                 and has to begin at a multiple of 8"
            ),
            FirmwareError::Worse(why) => {
                write!(f, "what was made is not what was asked for: {why}")
            }
            FirmwareError::TooLargeForHeader(size) => write!(
                f,
                "{size} bytes are too many for the header of a file or section"
            ),
            FirmwareError::TooLargeForVolume(volume, file, size) => write!(
                f,
                "file {file} would have {size} bytes, and volume {} is FFS2, where a file has less than 16 MiB",
                Maybe(*volume)
            ),
            FirmwareError::Packing(why) => write!(f, "packing failed: {why}"),
        }
    }
}

impl std::error::Error for FirmwareError {}

impl From<Damage> for FirmwareError {
    fn from(damage: Damage) -> FirmwareError {
        FirmwareError::Damaged(damage)
    }
}

/// The name of a volume, of which not every one has one.
struct Maybe(Option<Guid>);

impl fmt::Display for Maybe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(guid) => write!(f, "{guid}"),
            None => f.write_str("without a name"),
        }
    }
}
