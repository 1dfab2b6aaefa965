//! Volume descriptors (ECMA-119, section 8): which of the trees of a medium is read.

use super::directory;
use super::medium::{BLOCK, Medium, Place, SECTOR};
use super::record::Record;
use super::rock_ridge;
use crate::disk::bytes::le16;
use crate::fs::FsError;

/// The system area before the descriptors has 16 sectors.
const FIRST: u64 = 16;

/// Descriptors that are looked at before the set must have ended.
const MAX: u64 = 32;

const PRIMARY: u8 = 1;
const SUPPLEMENTARY: u8 = 2;
const TERMINATOR: u8 = 255;

const ESCAPE_SEQUENCES: usize = 88;
const BLOCK_SIZE: usize = 128;
const ROOT: usize = 156;
const ROOT_LENGTH: usize = 34;

/// Where the tree begins, and how its names are written.
pub(super) struct Root {
    pub(super) place: Place,
    pub(super) names: Names,
}

/// How the names of a tree are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// As POSIX has them, with all that a file has there. The fields begin behind so many bytes.
    RockRidge { skip: usize },
    /// In UCS-2.
    Joliet,
    /// In capitals, with a version.
    Plain,
}

/// The tree that is read: with Rock Ridge, or else with Joliet, or else as it is.
///
/// # Errors
/// [`FsError::Corrupt`] without a primary descriptor, [`FsError::Unsupported`] for other blocks than
/// those of 2048 bytes, and what reading says.
pub(super) fn root(medium: &Medium) -> Result<Root, FsError> {
    let (mut primary, mut joliet) = (None, None);
    for number in FIRST..FIRST.saturating_add(MAX) {
        let mut descriptor = [0; SECTOR];
        medium.budget.spend_exactly(BLOCK)?;
        medium.read(number.saturating_mul(BLOCK), &mut descriptor)?;
        if descriptor.get(1..6) != Some(b"CD001") {
            break;
        }
        match descriptor.first() {
            Some(&PRIMARY) if primary.is_none() => primary = Some(tree(&descriptor)?),
            Some(&SUPPLEMENTARY) if joliet.is_none() && is_joliet(&descriptor) => {
                joliet = Some(tree(&descriptor)?);
            }
            Some(&TERMINATOR) => break,
            _ => {}
        }
    }
    let primary = primary
        .ok_or_else(|| FsError::Corrupt("there is no primary volume descriptor".to_owned()))?;
    let skip = directory::first(medium, primary, |record| {
        rock_ridge::announced(medium, record.system_use)
    })?;
    Ok(match (skip, joliet) {
        (Some(skip), _) => Root {
            place: primary,
            names: Names::RockRidge { skip },
        },
        (None, Some(place)) => Root {
            place,
            names: Names::Joliet,
        },
        (None, None) => Root {
            place: primary,
            names: Names::Plain,
        },
    })
}

/// Where the tree of a descriptor begins.
fn tree(descriptor: &[u8]) -> Result<Place, FsError> {
    match le16(descriptor, BLOCK_SIZE) {
        Some(size) if u64::from(size) == BLOCK => {}
        size => {
            let size = size.unwrap_or_default();
            return Err(FsError::Unsupported(format!(
                "ISO 9660 with logical blocks of {size} bytes"
            )));
        }
    }
    let root = descriptor.get(ROOT..).unwrap_or_default();
    let root = root.get(..ROOT_LENGTH).and_then(Record::parse);
    let root = root.filter(Record::is_directory);
    let root = root.ok_or_else(|| FsError::Corrupt("there is no root directory".to_owned()))?;
    Ok(root.place)
}

/// UCS-2 level 1, 2 or 3 (Joliet specification, "Escape Sequences").
fn is_joliet(descriptor: &[u8]) -> bool {
    let escape = descriptor.get(ESCAPE_SEQUENCES..).unwrap_or_default();
    matches!(escape, [b'%', b'/', b'@' | b'C' | b'E', ..])
}
