//! [`Striped`]: bytes that several sources share by turns.

use std::io;

use super::{ReadAt, Source};

/// Chunks of equal length that are dealt out over sources, row by row: a stripe of a logical volume, a zone
/// of a RAID0, a RAID10 with its copies beside each other.
pub(super) struct Striped {
    /// `None` is one that is missing, and not needed.
    parts: Vec<Option<Source>>,
    /// Length of a chunk in bytes.
    chunk: u64,
    /// How often each chunk is there, in places that follow each other.
    copies: u64,
    /// By how many sources every row is turned round.
    turn: u64,
    size: u64,
}

impl Striped {
    /// Shares `size` bytes over `parts`. `None` where that makes no sense, or where a chunk has no copy.
    pub(super) fn new(
        parts: Vec<Option<Source>>,
        chunk: u64,
        copies: u64,
        size: u64,
    ) -> Option<Striped> {
        let striped = Striped {
            parts,
            chunk,
            copies,
            turn: 0,
            size,
        };
        // The places of copies repeat after as many chunks as there are sources.
        let all = 0..striped.parts.len() as u64;
        let sound = chunk > 0 && (1..=striped.parts.len() as u64).contains(&copies);
        (sound && { all }.all(|chunk| striped.place(chunk).is_some())).then_some(striped)
    }

    /// The same, with the source that is first in a row moved by `turn`.
    pub(super) fn turned(self, turn: u64) -> Striped {
        Striped { turn, ..self }
    }

    /// The first source that has a chunk, and where it begins there.
    fn place(&self, chunk: u64) -> Option<(&Source, u64)> {
        let width = self.parts.len() as u64;
        let first = chunk.checked_mul(self.copies)?;
        (0..self.copies).find_map(|copy| {
            let place = first.checked_add(copy)?;
            let part = place.checked_add(self.turn)?.checked_rem(width)?;
            let part = self.parts.get(usize::try_from(part).ok()?)?.as_ref()?;
            let row = place.checked_div(width)?;
            Some((part, row.checked_mul(self.chunk)?))
        })
    }
}

impl ReadAt for Striped {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        read_by_chunks(self.size, self.chunk, offset, buf, |chunk, inside, buf| {
            let (part, start) = self.place(chunk).ok_or(io::ErrorKind::InvalidInput)?;
            part.read_at(start.saturating_add(inside), buf)
        })
    }
}

/// Reads from a whole of `size` bytes by asking `read` for the bytes from a place inside of one chunk, which
/// it gets with the number of the chunk. Ends where less comes than was asked for.
pub(super) fn read_by_chunks(
    size: u64,
    chunk: u64,
    offset: u64,
    buf: &mut [u8],
    read: impl Fn(u64, u64, &mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done: usize = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(done as u64);
        let (Some(number), Some(inside)) = (at.checked_div(chunk), at.checked_rem(chunk)) else {
            break;
        };
        let left = chunk.saturating_sub(inside).min(size.saturating_sub(at));
        let wanted = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
        if wanted == 0 {
            break;
        }
        let n = read(number, inside, rest.get_mut(..wanted).unwrap_or_default())?;
        done = done.saturating_add(n);
        if n < wanted {
            break;
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::MemorySource;

    fn parts(texts: &[&'static str]) -> Vec<Option<Source>> {
        let part = |text: &&'static str| -> Option<Source> {
            (!text.is_empty()).then(|| Arc::new(MemorySource::new(text.as_bytes())) as Source)
        };
        texts.iter().map(part).collect()
    }

    fn read(striped: &Striped, offset: u64, size: usize) -> String {
        let mut buf = vec![b'?'; size];
        let n = striped.read_at(offset, &mut buf).unwrap();
        String::from_utf8(buf[..n].to_vec()).unwrap()
    }

    #[test]
    fn chunks_go_round() {
        let striped = Striped::new(parts(&["aAdD", "bBeE", "cCfF"]), 2, 1, 11).unwrap();
        assert_eq!(read(&striped, 0, 20), "aAbBcCdDeEf");
        assert_eq!(read(&striped, 3, 4), "BcCd");
        assert_eq!(read(&striped, 11, 4), "");
        assert_eq!(read(&striped, u64::MAX, 4), "");
        let turned = striped.turned(1);
        assert_eq!(read(&turned, 0, 20), "bBcCaAeEfFd");
    }

    #[test]
    fn one_copy_of_each_chunk_is_enough() {
        // Two copies over three: a a b / b c c.
        let whole = parts(&["ab", "ac", "bc"]);
        let size = |parts| Striped::new(parts, 1, 2, 3);
        assert_eq!(read(&size(whole).unwrap(), 0, 9), "abc");
        for missing in [["", "ac", "bc"], ["ab", "", "bc"], ["ab", "ac", ""]] {
            assert_eq!(read(&size(parts(&missing)).unwrap(), 0, 9), "abc");
        }
        assert!(size(parts(&["", "", "bc"])).is_none());
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Striped::new(parts(&["a"]), 0, 1, 1).is_none());
        assert!(Striped::new(parts(&[]), 1, 1, 1).is_none());
        assert!(Striped::new(parts(&["a"]), 1, 2, 1).is_none());
        assert!(Striped::new(parts(&["a"]), 1, 0, 1).is_none());
        // A part that is too short ends the reading.
        let striped = Striped::new(parts(&["a", "bb"]), 1, 1, u64::MAX).unwrap();
        assert_eq!(read(&striped, 0, 9), "ab");
    }
}
