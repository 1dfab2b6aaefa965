//! Rock Ridge (IEEE P1282): what POSIX has of a file, in the fields of SUSP (IEEE P1281) behind its record.

use super::medium::{BLOCK, Medium, SECTOR};
use super::record::seconds;
use crate::disk::bytes::{array, le32};
use crate::fs::walk::MAX_TARGET;
use crate::fs::{FileKind, FsError};

/// Length of the head of a field: two letters, its length, its version.
const FIELD: usize = 4;

/// Areas that the fields of one record go on in, as in Linux (`RR_MAX_CE_ENTRIES`).
const MAX_AREAS: u32 = 32;

/// No name is longer (`NAME_MAX`).
const MAX_NAME: usize = 255;

/// Bytes before the fields on media with CD-ROM XA.
const XA: usize = 14;

/// What the fields of a record tell.
#[derive(Debug, Default)]
pub(super) struct RockRidge {
    /// NM
    pub(super) name: Vec<u8>,
    /// PX
    pub(super) kind: Option<FileKind>,
    /// TF: the last modification, in seconds since 1970.
    pub(super) modified: Option<i64>,
    /// SL: where a symbolic link leads.
    pub(super) target: Option<Vec<u8>>,
    /// CL: the block of the directory in whose place this is, since it was too deep in the tree.
    pub(super) moved_to: Option<u32>,
    /// RE: the directory is somewhere else in the tree.
    pub(super) is_relocated: bool,
    /// ZF: the content is compressed.
    pub(super) is_compressed: bool,
}

/// The sector with fields that was read last. Those of many records are in one.
#[derive(Default)]
pub(super) struct Continued {
    sector: u64,
    bytes: Vec<u8>,
}

impl RockRidge {
    /// Reads the fields in `area`, and in those that it leads to.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] for fields that don't fit their area, and what reading says.
    pub(super) fn read(
        medium: &Medium,
        continued: &mut Continued,
        area: &[u8],
    ) -> Result<RockRidge, FsError> {
        let mut found = RockRidge::default();
        let mut link = Link::default();
        let visit = &mut |signature: &[u8; 2], data: &[u8]| {
            match signature {
                b"NM" => found.add_name(data),
                b"PX" => found.kind = le32(data, 0).map(kind),
                b"TF" => found.modified = found.modified.or(modified(data)),
                b"SL" => link.add(data)?,
                b"CL" => found.moved_to = le32(data, 0),
                b"RE" => found.is_relocated = true,
                b"ZF" => found.is_compressed = true,
                _ => {}
            }
            Ok(())
        };
        fields(medium, continued, area, visit)?;
        found.target = link.target;
        Ok(found)
    }

    fn add_name(&mut self, data: &[u8]) {
        // The flags for the directory itself and the one above have no name behind them.
        if let Some(([flags], part)) = data.split_first_chunk()
            && flags & 6 == 0
            && self.name.len().saturating_add(part.len()) <= MAX_NAME
        {
            self.name.extend_from_slice(part);
        }
    }
}

/// Is Rock Ridge announced in the first record of a root directory? Then it is said how many bytes are
/// before the fields of the others.
///
/// # Errors
/// As [`RockRidge::read`].
pub(super) fn announced(medium: &Medium, area: &[u8]) -> Result<Option<usize>, FsError> {
    let with_xa = area.get(XA..).unwrap_or_default();
    let announces = |area: &&[u8]| area.starts_with(b"SP\x07\x01\xbe\xef");
    let Some(area) = [area, with_xa].into_iter().find(announces) else {
        return Ok(None);
    };
    let skip = area.get(6).copied().unwrap_or_default();
    let mut is_there = false;
    fields(
        medium,
        &mut Continued::default(),
        area,
        &mut |signature, _| {
            is_there |= signature == b"ER";
            Ok(())
        },
    )?;
    Ok(is_there.then_some(skip.into()))
}

/// Is shown the signature and the data of a field.
type Visit<'v> = dyn FnMut(&[u8; 2], &[u8]) -> Result<(), FsError> + 'v;

/// Shows all fields to `visit`.
fn fields(
    medium: &Medium,
    continued: &mut Continued,
    area: &[u8],
    visit: &mut Visit<'_>,
) -> Result<(), FsError> {
    let mut next = fields_of(area, visit)?;
    for _ in 0..MAX_AREAS {
        let Some(more) = next else {
            return Ok(());
        };
        let area = continued.area(medium, &more)?;
        next = fields_of(area, visit)?;
    }
    Err(FsError::Corrupt(format!(
        "what belongs to one file is in more than {MAX_AREAS} places"
    )))
}

/// The same in one area; the field CE says where the next one is.
fn fields_of(mut area: &[u8], visit: &mut Visit<'_>) -> Result<Option<[u32; 3]>, FsError> {
    let mut next = None;
    while let Some((&[a, b, length, _], _)) = area.split_first_chunk::<FIELD>() {
        // Zeros fill up, and the field ST ends.
        if usize::from(length) < FIELD || [a, b] == *b"ST" {
            break;
        }
        let Some((field, rest)) = area.split_at_checked(length.into()) else {
            return Err(FsError::Corrupt(
                "a file has fields of Rock Ridge that do not fit their place".to_owned(),
            ));
        };
        area = rest;
        let data = field.get(FIELD..).unwrap_or_default();
        match [a, b] {
            // Each number is there twice, in both orders of bytes.
            [b'C', b'E'] => {
                let [block, at, size] = [0, 8, 16].map(|at| le32(data, at));
                next = block
                    .zip(at)
                    .zip(size)
                    .map(|((block, at), size)| [block, at, size]);
            }
            signature => visit(&signature, data)?,
        }
    }
    Ok(next)
}

impl Continued {
    /// The area of so many bytes, at a byte of a block.
    fn area(&mut self, medium: &Medium, [block, at, size]: &[u32; 3]) -> Result<&[u8], FsError> {
        let sector = u64::from(*block).saturating_mul(BLOCK);
        if self.bytes.is_empty() || self.sector != sector {
            match self.sector.checked_add(BLOCK) == Some(sector) {
                true => medium.budget.spend_exactly(BLOCK)?,
                false => medium.budget.spend(SECTOR)?,
            }
            self.bytes.clear();
            let mut bytes = vec![0; SECTOR];
            medium.read(sector, &mut bytes)?;
            (self.sector, self.bytes) = (sector, bytes);
        }
        let start = usize::try_from(*at).unwrap_or(usize::MAX);
        let size = usize::try_from(*size).unwrap_or(usize::MAX);
        let area = self.bytes.get(start..).and_then(|rest| rest.get(..size));
        area.ok_or_else(|| {
            FsError::Corrupt("fields of Rock Ridge reach over the end of their block".to_owned())
        })
    }
}

/// The kind of file in POSIX's mode.
fn kind(mode: u32) -> FileKind {
    match mode & 0o170_000 {
        0o040_000 => FileKind::Directory,
        0o100_000 => FileKind::File,
        0o120_000 => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

/// The second of the dates that there may be, where it is in the short form, which everybody writes.
fn modified(data: &[u8]) -> Option<i64> {
    let flags = data.first()?;
    let has = |bit: u8| flags & bit != 0;
    let at = if has(1) { 8 } else { 1 };
    (has(2) && !has(0x80)).then(|| seconds(array(data, at)?))?
}

/// A symbolic link that is put together from its parts.
#[derive(Default)]
struct Link {
    target: Option<Vec<u8>>,
    /// The last part goes on in the next.
    goes_on: bool,
}

impl Link {
    fn add(&mut self, data: &[u8]) -> Result<(), FsError> {
        let target = self.target.get_or_insert_default();
        // Behind a flag that says whether another field follows.
        let mut parts = data.get(1..).unwrap_or_default();
        while let Some((&[flags, length], rest)) = parts.split_first_chunk() {
            let Some((text, rest)) = rest.split_at_checked(length.into()) else {
                return Err(FsError::Corrupt(
                    "a symbolic link has parts that do not fit".to_owned(),
                ));
            };
            parts = rest;
            if !self.goes_on && target.last().is_some_and(|last| *last != b'/') {
                target.push(b'/');
            }
            target.extend_from_slice(match flags & 0xe {
                0 => text,
                2 => b".",
                4 => b"..",
                8 => b"/",
                _ => b"",
            });
            self.goes_on = flags & 1 != 0;
            if target.len() as u64 > MAX_TARGET {
                return Err(FsError::Corrupt(format!(
                    "a symbolic link of more than {MAX_TARGET} bytes"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemorySource;
    use std::sync::Arc;

    fn field(signature: &str, data: &[u8]) -> Vec<u8> {
        let mut field = signature.as_bytes().to_vec();
        field.extend([u8::try_from(data.len() + FIELD).unwrap(), 1]);
        field.extend_from_slice(data);
        field
    }

    /// The field that leads to `size` bytes at byte `at` of a block.
    fn continuation(block: u32, at: u32, size: u32) -> Vec<u8> {
        let numbers = [block, at, size];
        let both = |number: u32| [number.to_le_bytes(), number.to_be_bytes()].concat();
        field("CE", &numbers.map(both).concat())
    }

    /// What is read on a medium of two blocks, the second of which begins with `second`.
    fn read(area: &[u8], second: &[u8]) -> Result<RockRidge, FsError> {
        let mut bytes = vec![0; 4096];
        bytes[2048..2048 + second.len()].copy_from_slice(second);
        let medium = Medium::new(Arc::new(MemorySource::new(bytes)));
        RockRidge::read(&medium, &mut Continued::default(), area)
    }

    #[test]
    fn names_and_links_go_on() {
        let first = [
            field("NM", b"\x01a long "),
            field("SL", b"\x01\x08\x00\x04\x00\x01\x03var"),
            continuation(1, 0, 25),
        ];
        let second = [
            field("NM", b"\x00name"),
            field("SL", b"\x00\x00\x04ious\x02\x00\x00\x01x"),
        ];
        let second = second.concat();
        assert_eq!(second.len(), 25);
        let found = read(&first.concat(), &second).unwrap();
        assert_eq!(found.name, b"a long name");
        assert_eq!(found.target.unwrap(), b"/../various/./x");
    }

    #[test]
    fn damage_is_an_error_and_ends() {
        for (area, second) in [
            (b"NM\xff\x01\x00x".to_vec(), vec![]),
            (field("SL", b"\x00\x00\x09x"), vec![]),
            (continuation(1, 2000, 49), vec![]),
            (continuation(1, 0, u32::MAX), vec![]),
            (continuation(u32::MAX, 0, 1), vec![]),
            (continuation(1, 0, 28), continuation(1, 0, 28)),
        ] {
            let found = read(&area, &second);
            assert!(
                matches!(found, Err(FsError::Corrupt(_))),
                "{area:?}: {found:?}"
            );
        }
        let endless = field("SL", &[&b"\x00\x00\xf0"[..], &[b'x'; 240]].concat());
        assert!(read(&endless, b"").is_ok());
        let long = [endless.repeat(8), continuation(1, 0, 2048)].concat();
        let found = read(&long, &endless.repeat(8));
        assert!(found.is_ok(), "{found:?}");
    }

    #[test]
    fn announced_in_the_first_record() {
        let medium = Medium::new(Arc::new(MemorySource::new(vec![0; 2048])));
        let area = [field("SP", b"\xbe\xef\x02"), field("ER", b"")].concat();
        let ask = |area: &[u8]| announced(&medium, area).unwrap();
        assert_eq!(ask(&area), Some(2));
        assert_eq!(ask(&[vec![0; XA], area.clone()].concat()), Some(2));
        assert_eq!(ask(&area[..7]), None);
        assert_eq!(ask(&area[7..]), None);
        assert_eq!(ask(b""), None);
    }
}
