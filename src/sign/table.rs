//! [`Target`]: a program in memory, and the table of signatures at its end (PE format specification, "The attribute
//! certificate table").

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pilotlight::trust::authenticode::{Holes, Program, Reader};
use pilotlight::trust::{Algorithm, Refusal};

use crate::checksum;
use crate::error::SignError;

/// Entries begin at multiples of this, and so does the table.
const ALIGNMENT: usize = 8;
/// `WIN_CERT_REVISION_2_0` and `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const SIGNED_DATA: [u8; 4] = [0, 2, 2, 0];

const TOO_LONG: &str = "it is longer than a PE file can be";

/// A program that was read whole, and checked as a boot checks it.
pub(crate) struct Target {
    path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) program: Program,
    checksum: Range<usize>,
    directory: Range<usize>,
    table: Range<usize>,
}

impl Target {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SignError::Read`]; [`SignError::Program`]: a boot would refuse it, signed or not.
    pub(crate) fn read(path: &Path) -> Result<Target, SignError> {
        let bytes = fs::read(path).map_err(|error| SignError::Read(path.to_owned(), error))?;
        Target::new(path, bytes)
    }

    /// The same of bytes that are to become that file.
    pub(crate) fn new(path: &Path, bytes: Vec<u8>) -> Result<Target, SignError> {
        let refused = |refusal: Refusal| SignError::Program(path.to_owned(), Box::new(refusal));
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let mut reader = Reader::new(size, &[Algorithm::Sha384, Algorithm::Sha512]);
        reader.update(&bytes).map_err(refused)?;
        let program = reader.finish().map_err(refused)?;
        let layout = SignError::Layout;
        let holes = Holes::find(&bytes, program.image(), size)
            .map_err(|_| layout(path.to_owned(), "its optional header is cut off"))?;
        let [checksum, directory, table] =
            [holes.checksum, holes.directory, holes.table].map(in_memory);
        Ok(Target {
            path: path.to_owned(),
            bytes,
            program,
            checksum,
            directory,
            table,
        })
    }

    /// How many signatures it has.
    ///
    /// # Errors
    /// [`SignError::Layout`]: its table is damaged.
    pub(crate) fn signatures(&self) -> Result<usize, SignError> {
        match self.program.signatures() {
            Ok(signatures) => Ok(signatures.len()),
            Err(_) => Err(self.layout("its table of signatures is damaged: use --remove first")),
        }
    }

    /// The same with zeros up to where a table may begin: they are part of what is signed.
    ///
    /// # Errors
    /// [`SignError::Layout`]: there is a table already, which begins somewhere else.
    pub(crate) fn aligned(mut self) -> Result<Target, SignError> {
        match (self.table.start.is_multiple_of(ALIGNMENT), self.table.is_empty()) {
            (true, _) => Ok(self),
            (false, false) => Err(self.layout(
                "its table of signatures does not begin at a multiple of 8 bytes: use --remove first",
            )),
            (false, true) => {
                align(&mut self.bytes);
                Target::new(&self.path, self.bytes)
            }
        }
    }

    /// The same with one more signature behind those that it has.
    ///
    /// # Errors
    /// [`SignError::Layout`]: there is no room for it.
    pub(crate) fn with(mut self, signature: &[u8]) -> Result<Target, SignError> {
        align(&mut self.bytes);
        // With `dwLength`, `wRevision` and `wCertificateType` in front.
        let length = signature.len().checked_add(8).map(u32::try_from);
        let Some(Ok(length)) = length else {
            return Err(self.layout(TOO_LONG));
        };
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(SIGNED_DATA);
        self.bytes.extend_from_slice(signature);
        align(&mut self.bytes);
        self.finish()
    }

    /// The same without signatures.
    ///
    /// # Errors
    /// [`SignError::Layout`].
    pub(crate) fn without(mut self) -> Result<Target, SignError> {
        self.bytes.truncate(self.table.start);
        self.finish()
    }

    /// Writes into the headers where the table is, and the checksum.
    fn finish(mut self) -> Result<Target, SignError> {
        let length = self.bytes.len().saturating_sub(self.table.start);
        let start = if length == 0 { 0 } else { self.table.start };
        let number = |number: usize| u32::try_from(number).map_err(|_| self.layout(TOO_LONG));
        let entry = [number(start)?.to_le_bytes(), number(length)?.to_le_bytes()].concat();
        let directory = self.bytes.get_mut(self.directory.clone());
        match directory.filter(|directory| directory.len() == entry.len()) {
            Some(directory) => directory.copy_from_slice(&entry),
            // A program without a place in its headers has no table to remove, either.
            None if length == 0 => {}
            None => return Err(self.layout("its headers have no place for signatures")),
        }
        let sum = checksum::of(&self.bytes, self.checksum.start);
        let sum = sum.ok_or_else(|| self.layout(TOO_LONG))?;
        if let Some(place) = self.bytes.get_mut(self.checksum.clone()) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        Target::new(&self.path, self.bytes)
    }

    /// Why it can't be signed.
    pub(crate) fn layout(&self, what: &'static str) -> SignError {
        SignError::Layout(self.path.clone(), what)
    }
}

/// Adds zeros up to a multiple of 8 bytes.
fn align(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
}

/// A range of a file that is in memory.
fn in_memory(range: Range<u64>) -> Range<usize> {
    let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
    start..end
}
