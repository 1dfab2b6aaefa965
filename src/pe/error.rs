//! Why a file is no EFI program.

use std::fmt;

use crate::fs::FsError;

/// What is wrong with the headers of a file. Offsets and lengths are in bytes of the file.
#[derive(Debug)]
pub enum PeError {
    /// The file could not be read.
    Read(FsError),
    /// It has no PE headers at all.
    NoHeaders,
    /// The headers are cut off, or a number in them makes no sense.
    Headers(&'static str),
    /// The headers reach up to this offset, further than what was given of the file.
    Longer(usize),
    /// A section begins before the headers or the section before it end.
    Overlap {
        /// Name of the section.
        section: String,
        /// Where it begins.
        start: u64,
        /// Where what is before it ends.
        end: u64,
    },
    /// Bytes between two sections belong to none: nobody would have looked at them.
    Gap {
        /// Name of the section behind them.
        section: String,
        /// Where the bytes begin.
        start: u64,
        /// Where they end.
        end: u64,
    },
    /// Something ends behind the end of the file.
    Outside {
        /// What.
        what: String,
        /// Where it ends.
        end: u64,
        /// Where the file ends.
        size: u64,
    },
    /// The table of signatures is not the end of the file.
    Certificates {
        /// Where it begins.
        start: u64,
        /// Where it ends.
        end: u64,
    },
}

impl fmt::Display for PeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeError::Read(error) => write!(f, "{error}"),
            PeError::NoHeaders => f.write_str("it is no EFI program: no PE headers"),
            PeError::Headers(what) => write!(f, "its PE headers are damaged: {what}"),
            PeError::Longer(end) => write!(
                f,
                "its PE headers end at {end}, and at most {} bytes are read",
                super::MAX_HEADERS
            ),
            PeError::Overlap {
                section,
                start,
                end,
            } => write!(
                f,
                "its section {section} begins at {start}, before what is in front of it ends at {end}: \
                 it is damaged"
            ),
            PeError::Gap {
                section,
                start,
                end,
            } => write!(
                f,
                "the bytes {start} to {end} before its section {section} belong to no section: it is damaged"
            ),
            PeError::Outside { what, end, size } => write!(
                f,
                "its {what} ends at {end}, and the file at {size}: it is cut off"
            ),
            PeError::Certificates { start, end } => write!(
                f,
                "its table of signatures, from {start} to {end}, is not the end of the file: it is damaged"
            ),
        }
    }
}

impl std::error::Error for PeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PeError::Read(error) => Some(error),
            _ => None,
        }
    }
}
