//! [`Stream`]: a file that is read once, in order, while it is hashed.
//!
//! Reading and hashing overlap in two threads, since hashing is the larger cost of the two.

use std::ops::Range;
use std::thread;

use sha2::{Digest, Sha256};

use super::belt::Belt;
use super::payload::{Draft, Part, PayloadError};
use super::witness::Witness;
use crate::disk::bytes::set_length;
use crate::fs::ReadFile;

/// Bytes that are read and hashed in one go.
pub(super) const CHUNK: usize = 1024 * 1024;

/// How many chunks may be on their way to the hashing thread.
pub(super) const IN_FLIGHT: usize = 4;

/// An open file of which nothing, or a beginning, has been read.
pub(super) struct Stream<'a> {
    file: Box<dyn ReadFile + 'a>,
    size: u64,
    /// What has been read. No byte is read again.
    head: Vec<u8>,
}

/// Bytes of a file that go somewhere. The rest is hashed and forgotten.
pub(super) struct Route<'a> {
    /// Which bytes of the file.
    pub(super) range: Range<u64>,
    /// Where they go.
    pub(super) target: Target<'a>,
}

/// Where bytes go.
pub(super) enum Target<'a> {
    /// Into a draft, from this offset on.
    Draft(&'a Draft, u64),
    /// To the end of these.
    Kept(&'a mut Vec<u8>),
}

impl<'a> Stream<'a> {
    pub(super) fn new(file: Box<dyn ReadFile + 'a>) -> Stream<'a> {
        Stream {
            size: file.size(),
            file,
            head: Vec::new(),
        }
    }

    /// Length of the file in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The first `length` bytes of the file, or all of a shorter one.
    pub(super) fn head(&mut self, length: usize) -> Result<&[u8], PayloadError> {
        let length = usize::try_from(self.size).map_or(length, |size| size.min(length));
        let done = self.head.len();
        if done < length {
            set_length(&mut self.head, length);
            let rest = self.head.get_mut(done..).unwrap_or_default();
            let n = self.file.read_at(done as u64, rest);
            let n = n.map_err(PayloadError::Read)?;
            if n < rest.len() {
                return Err(short(self.size, (done as u64).saturating_add(n as u64)));
            }
        }
        Ok(self.head.get(..length).unwrap_or_default())
    }

    /// The last `length` bytes of the file, or all of a shorter one. They are read again with all others, and who
    /// uses them compares.
    pub(super) fn tail(&mut self, length: usize) -> Result<Vec<u8>, PayloadError> {
        let length = usize::try_from(self.size).map_or(length, |size| size.min(length));
        let start = self.size.saturating_sub(length as u64);
        let mut tail = vec![0; length];
        let n = self
            .file
            .read_at(start, &mut tail)
            .map_err(PayloadError::Read)?;
        match n < length {
            true => Err(short(self.size, start.saturating_add(n as u64))),
            false => Ok(tail),
        }
    }

    /// Reads the file to its end and sends what has a route there. `witness` sees every byte, in the thread that
    /// hashes. `progress` is told after each chunk how many bytes of the file are done, and says whether to go on.
    pub(super) fn run(
        mut self,
        routes: &mut [Route<'_>],
        witness: Option<&mut Witness<'_>>,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Part, PayloadError> {
        let size = self.size;
        // Empty chunks come back from the hashing thread, so that memory is bounded.
        let (chunks, empty) = (Belt::default(), Belt::default());
        thread::scope(|scope| {
            let (to_hasher, from_hasher) = (chunks.feeder(), empty.feeder());
            for _ in 0..IN_FLIGHT {
                from_hasher.put(Vec::new());
            }
            let hasher = scope.spawn(|| {
                // The belt ends with this thread.
                let from_hasher = from_hasher;
                let mut hash = Sha256::new();
                let mut witness = witness;
                while let Some(chunk) = chunks.next() {
                    hash.update(&chunk);
                    if let Some(witness) = &mut witness {
                        witness.update(&chunk);
                    }
                    from_hasher.put(chunk);
                }
                <[u8; 32]>::from(hash.finalize())
            });
            let mut done: u64 = 0;
            while done < size {
                let mut chunk = empty.next().unwrap_or_default();
                if self.head.is_empty() {
                    let left = usize::try_from(size.saturating_sub(done)).unwrap_or(CHUNK);
                    set_length(&mut chunk, left.min(CHUNK));
                    let n = self.file.read_at(done, &mut chunk);
                    chunk.truncate(n.map_err(PayloadError::Read)?);
                } else {
                    chunk = std::mem::take(&mut self.head);
                }
                if chunk.is_empty() {
                    return Err(short(size, done));
                }
                for route in routes.iter_mut() {
                    route.take(done, &chunk)?;
                }
                done = done.saturating_add(chunk.len() as u64);
                if !progress(done) {
                    return Err(PayloadError::Stopped);
                }
                to_hasher.put(chunk);
            }
            drop(to_hasher);
            let sha256 = hasher.join().map_err(|_| PayloadError::Hasher)?;
            Ok(Part { size, sha256 })
        })
    }
}

impl Route<'_> {
    /// Sends on what of `chunk`, which begins at `start` in the file, is in the range.
    fn take(&mut self, start: u64, chunk: &[u8]) -> Result<(), PayloadError> {
        let end = start.saturating_add(chunk.len() as u64);
        let (from, to) = (self.range.start.max(start), self.range.end.min(end));
        if from >= to {
            return Ok(());
        }
        let index = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
        let bytes = chunk.get(index(from)..index(to)).unwrap_or_default();
        match &mut self.target {
            Target::Draft(draft, at) => {
                let within = from.saturating_sub(self.range.start);
                draft.write_at(at.saturating_add(within), bytes)
            }
            Target::Kept(kept) => {
                kept.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

/// The file ended before the length that its directory entry promised.
fn short(size: u64, done: u64) -> PayloadError {
    PayloadError::Short { size, done }
}
