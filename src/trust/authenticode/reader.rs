//! [`Reader`]: hashes a program while it is read.

use crate::pe::{Image, MAX_HEADERS, PeError};
use crate::trust::digest::{Algorithm, Hasher};
use crate::trust::error::{Problem, Refusal};

use super::holes::Holes;
use super::program::Program;

/// The longest table of signatures, in bytes. Real ones have 1 to 20 KB.
pub const MAX_TABLE: u64 = 1024 * 1024;

/// Reads a program once, in order, and keeps its digests and its table of signatures.
pub struct Reader {
    size: u64,
    /// How many bytes were given.
    position: u64,
    /// The beginning, until it holds all headers.
    head: Vec<u8>,
    /// How many bytes the headers are known to need.
    wanted: usize,
    holes: Option<(Image, Holes)>,
    hashers: Vec<Hasher>,
    table: Vec<u8>,
    /// Something was wrong already.
    is_refused: bool,
}

impl Reader {
    /// For a program of `size` bytes. SHA-256 is always computed; `also` names what policy counts besides.
    pub fn new(size: u64, also: &[Algorithm]) -> Reader {
        let mut algorithms = also.to_vec();
        algorithms.push(Algorithm::Sha256);
        algorithms.sort_unstable();
        algorithms.dedup();
        Reader {
            size,
            position: 0,
            head: Vec::new(),
            wanted: crate::pe::FIRST_READ,
            holes: None,
            hashers: algorithms.into_iter().map(Hasher::new).collect(),
            table: Vec::new(),
            is_refused: false,
        }
    }

    /// Takes the bytes that come next.
    ///
    /// # Errors
    /// [`Refusal`]: the headers are damaged, or the file is longer than was said. [`Reader::finish`] refuses then,
    /// too.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let result = self.take(bytes);
        self.is_refused |= result.is_err();
        result
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.holes.is_some() {
            return self.hash(bytes);
        }
        self.head.extend_from_slice(bytes);
        let is_all = u64::try_from(self.head.len()).is_ok_and(|length| length >= self.size);
        match is_all || self.head.len() >= self.wanted {
            true => self.open(),
            false => Ok(()),
        }
    }

    /// What the program is, when all its bytes were given.
    ///
    /// # Errors
    /// [`Refusal`]: it is damaged, or not as long as was said.
    pub fn finish(mut self) -> Result<Program, Refusal> {
        if self.holes.is_none() {
            self.open()?;
        }
        let cut = PeError::Outside {
            what: "last byte".to_owned(),
            end: self.size,
            size: self.position,
        };
        let cut = Refusal::of(Problem::Program(cut));
        match self.holes {
            Some((image, _)) if self.position == self.size && !self.is_refused => Ok(Program {
                image,
                digests: self.hashers.into_iter().map(Hasher::finish).collect(),
                table: self.table,
            }),
            _ => Err(cut),
        }
    }

    /// Reads the headers.
    fn open(&mut self) -> Result<(), Refusal> {
        let refuse = |error| Refusal::of(Problem::Program(error));
        let image = match Image::parse(&self.head, self.size) {
            Err(PeError::Longer(end)) if end > self.head.len() && end <= MAX_HEADERS => {
                self.wanted = end;
                return Ok(());
            }
            result => result.map_err(refuse)?,
        };
        let holes = Holes::find(&self.head, &image, self.size).map_err(refuse)?;
        let length = holes.table.end.saturating_sub(holes.table.start);
        if length > MAX_TABLE {
            return Err(Refusal::of(Problem::TooMany("bytes of signatures")));
        }
        self.holes = Some((image, holes));
        let head = std::mem::take(&mut self.head);
        self.hash(&head)
    }

    /// Hashes what is in no hole, and keeps the table.
    fn hash(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        let Some((_, holes)) = &self.holes else {
            return Ok(());
        };
        while !bytes.is_empty() {
            let position = self.position;
            // Up to where the bytes are of one kind: the end of this hole, or the beginning of the next one.
            let hole = holes
                .all()
                .into_iter()
                .find(|hole| hole.contains(&position));
            let end = match hole {
                Some(hole) => hole.end,
                None => {
                    let starts = holes.all().into_iter().map(|hole| hole.start);
                    starts
                        .filter(|start| *start > position)
                        .min()
                        .unwrap_or(self.size)
                }
            };
            let length = usize::try_from(end.saturating_sub(position)).unwrap_or(usize::MAX);
            let (piece, rest) = bytes.split_at(length.min(bytes.len()));
            if piece.is_empty() {
                let longer = PeError::Headers("the file is longer than was said");
                return Err(Refusal::of(Problem::Program(longer)));
            }
            if hole.is_none() {
                self.hashers
                    .iter_mut()
                    .for_each(|hasher| hasher.update(piece));
            } else if hole == Some(&holes.table) {
                self.table.extend_from_slice(piece);
            }
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            self.position = position.saturating_add(length);
            bytes = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pe::program;
    use proptest::prelude::*;

    fn read(file: &[u8], size: u64) -> Result<Program, String> {
        let mut reader = Reader::new(size, &[]);
        let update = reader.update(file);
        let program = reader.finish().map_err(|error| error.to_string());
        assert!(update.is_ok() || program.is_err());
        program
    }

    #[test]
    fn files_are_as_long_as_was_said() {
        let file = program(&[(".text", b"x")]);
        let size = file.len() as u64;
        assert!(read(&file, size).is_ok());
        for (file, size) in [
            (&file[..], size - 1),
            (&file, size + 1),
            (&file[..1000], size),
            (&[], 0),
        ] {
            assert!(read(file, size).is_err(), "{size}");
        }
    }

    #[test]
    fn the_checksum_is_left_out_and_nothing_else() {
        let file = program(&[(".text", b"content"), (".data", b"more")]);
        let digest = |file: &[u8]| read(file, file.len() as u64).map(|program| program.digests);
        let expected = digest(&file).unwrap();
        let directory = 0x58 + 112 + 32;
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 0x40;
            let is_left_out = (0x58 + 64..0x58 + 68).contains(&at)
                // An address of nothing.
                || (directory..directory + 4).contains(&at);
            assert_eq!(
                digest(&changed).as_ref() == Ok(&expected),
                is_left_out,
                "{at:#x}"
            );
        }
    }

    #[test]
    fn the_place_of_the_table_is_not_ambiguous() {
        let mut file = program(&[(".text", b"x")]);
        // Too few directories to have one, or a header too short for it.
        file[0x58 + 108] = 4;
        assert!(read(&file, file.len() as u64).is_ok());
        file[0x58 + 108] = 16;
        file[0x54] = 112 + 36;
        assert!(read(&file, file.len() as u64).is_err());
        file[0x54] = 100;
        assert!(read(&file, file.len() as u64).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(changes in proptest::collection::vec((0_usize..0x180, any::<u8>()), 1..6)) {
            let mut file = program(&[(".text", b"content"), (".data", b"more")]);
            for (at, value) in changes {
                file[at] = value;
            }
            let _ = read(&file, file.len() as u64);
        }
    }
}
