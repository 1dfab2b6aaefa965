//! Reading ahead: many small reads near each other become few large ones.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::{ReadAt, Source};

/// Most bytes that are read at once.
pub const WINDOW: usize = 1024 * 1024;

/// Bytes that are read at first, and the multiple at which windows begin.
const FIRST: usize = 64 * 1024;

/// Places that are remembered at the same time: a directory, a table, an inode, and the contents.
const PLACES: usize = 4;

/// A source that keeps what it reads of another in a few windows. A window that is read to its end is
/// followed by one of twice its size, up to [`WINDOW`]: scattered structures cost little, contents that
/// are read in order come in large pieces.
pub struct Window {
    below: Source,
    places: Mutex<Vec<Place>>,
}

/// Bytes of the source from `start`. Fewer than `asked` end where the source ends.
struct Place {
    start: u64,
    asked: usize,
    bytes: Vec<u8>,
}

impl Window {
    /// A window over `below`, empty at first.
    pub fn new(below: Source) -> Window {
        let places = Mutex::new(Vec::with_capacity(PLACES));
        Window { below, places }
    }
}

impl ReadAt for Window {
    fn size(&self) -> u64 {
        self.below.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(at) = offset.checked_add(done as u64) else {
                break;
            };
            // Large reads gain nothing from a copy.
            if rest.len() >= WINDOW {
                return Ok(done.saturating_add(self.below.read_at(at, rest)?));
            }
            let n = match places.iter().find_map(|place| place.copy(at, rest)) {
                Some(n) => n,
                None => match Place::read(&self.below, at, &mut places) {
                    Some(place) => place.copy(at, rest).unwrap_or(0),
                    // One bad sector must not make its neighbours unreadable: exactly what was
                    // asked for.
                    None => return Ok(done.saturating_add(self.below.read_at(at, rest)?)),
                },
            };
            if n == 0 {
                break;
            }
            done = done.saturating_add(n);
        }
        Ok(done)
    }
}

impl Place {
    /// Reads the window that holds `offset`, in the place of one that it follows or of the oldest.
    fn read<'a>(below: &Source, offset: u64, places: &'a mut Vec<Place>) -> Option<&'a Place> {
        let start = offset & !(FIRST as u64).saturating_sub(1);
        let follows = places.iter().position(|place| place.end() == start);
        let asked = follows
            .and_then(|i| places.get(i))
            .map_or(FIRST, |before| before.asked.saturating_mul(2).min(WINDOW));
        let replaced = match follows {
            Some(i) => Some(places.remove(i)),
            None if places.len() >= PLACES => Some(places.remove(0)),
            None => None,
        };
        let mut bytes = replaced.map(|place| place.bytes).unwrap_or_default();
        bytes.resize(asked, 0);
        let n = below.read_at(start, &mut bytes).ok()?;
        bytes.truncate(n);
        places.push(Place {
            start,
            asked,
            bytes,
        });
        places.last()
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }

    /// Copies what is here of what `buf` asks for: at least one byte, or none at the end of the source.
    fn copy(&self, offset: u64, buf: &mut [u8]) -> Option<usize> {
        let at = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let from = self.bytes.get(at..)?;
        if from.is_empty() && self.bytes.len() == self.asked {
            return None;
        }
        let n = from.len().min(buf.len());
        buf.get_mut(..n)?.copy_from_slice(from.get(..n)?);
        Some(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts reads and fails those that touch the last byte of the second MiB.
    struct Medium {
        bytes: Vec<u8>,
        reads: AtomicUsize,
        bad: Option<u64>,
    }

    impl ReadAt for Medium {
        fn size(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let end = offset.saturating_add(buf.len() as u64);
            if self.bad.is_some_and(|bad| (offset..end).contains(&bad)) {
                return Err(io::ErrorKind::Other.into());
            }
            let rest = self.bytes.get(offset as usize..).unwrap_or_default();
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        }
    }

    fn medium(bad: Option<u64>) -> Arc<Medium> {
        let bytes = (0..3 * WINDOW + 77).map(|i| (i / 3) as u8).collect();
        let reads = AtomicUsize::new(0);
        Arc::new(Medium { bytes, reads, bad })
    }

    #[test]
    fn every_read_is_the_one_below() {
        let medium = medium(None);
        let window = Window::new(medium.clone());
        let size = window.size() as usize;
        let mut offset = 0;
        for step in 0..4000 {
            let length = [1, 17, 4096, WINDOW / 2, WINDOW, WINDOW + 5][step % 6];
            let (mut a, mut b) = (vec![0; length], vec![0; length]);
            let n = window.read_at(offset as u64, &mut a).unwrap();
            let m = medium.read_at(offset as u64, &mut b).unwrap();
            assert_eq!((n, &a[..n]), (m, &b[..m]), "{length} at {offset}");
            offset = (offset * 31 + 12_345) % (size + 100);
        }
        assert_eq!(window.read_at(u64::MAX, &mut [0; 4]).unwrap(), 0);
    }

    #[test]
    fn neighbours_cost_one_read() {
        let medium = medium(None);
        let window = Window::new(medium.clone());
        let reads = || medium.reads.load(Ordering::Relaxed);
        for sector in 0..128 {
            window.read_exact_at(sector * 512, &mut [0; 512]).unwrap();
        }
        assert_eq!(reads(), 1);
        // In order the windows grow: 64, 128, 256, 512 KiB, then one of 1 MiB.
        for sector in 128..(2 * WINDOW as u64 / 512) {
            window.read_exact_at(sector * 512, &mut [0; 512]).unwrap();
        }
        assert_eq!(reads(), 6);
        // Four places at once stay in memory.
        for _ in 0..10 {
            for place in [3, 5, 7, 9] {
                window.read_exact_at(place * 300_000, &mut [0; 16]).unwrap();
            }
        }
        assert!(reads() <= 10, "{}", reads());
    }

    #[test]
    fn a_bad_sector_spares_its_neighbours() {
        let medium = medium(Some(5000));
        let window = Window::new(medium);
        assert!(window.read_exact_at(4096, &mut [0; 512]).is_ok());
        assert!(window.read_exact_at(5120, &mut [0; 512]).is_ok());
        assert!(window.read_exact_at(4608, &mut [0; 512]).is_err());
    }
}
