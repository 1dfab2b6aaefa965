//! Reading ahead: many small reads near each other become few large ones.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::{ReadAt, Source};

/// Bytes that are read at once.
pub const WINDOW: usize = 1024 * 1024;

/// A window begins at a multiple of this, so that a small step back stays inside.
const GRANULE: u64 = 64 * 1024;

/// A source that keeps one window of [`WINDOW`] bytes of another: structures and contents that lie next
/// to each other come from memory.
pub struct Window {
    below: Source,
    kept: Mutex<Option<Kept>>,
}

/// Bytes of the source from `start`. Fewer than [`WINDOW`] end where the source ends.
struct Kept {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// A window over `below`, empty at first.
    pub fn new(below: Source) -> Window {
        let kept = Mutex::new(None);
        Window { below, kept }
    }
}

impl ReadAt for Window {
    fn size(&self) -> u64 {
        self.below.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if buf.len() <= WINDOW / 2 {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(n) = kept.as_ref().and_then(|kept| kept.copy(offset, buf)) {
                return Ok(n);
            }
            *kept = Kept::read(&self.below, offset, kept.take());
            if let Some(n) = kept.as_ref().and_then(|kept| kept.copy(offset, buf)) {
                return Ok(n);
            }
        }
        // Large reads gain nothing from a copy, and one bad sector must not make its neighbours
        // unreadable: exactly what was asked for.
        self.below.read_at(offset, buf)
    }
}

impl Kept {
    /// Reads the window around `offset`, in the memory of an older one.
    fn read(below: &Source, offset: u64, older: Option<Kept>) -> Option<Kept> {
        let mut bytes = older.map(|older| older.bytes).unwrap_or_default();
        bytes.resize(WINDOW, 0);
        let start = offset & !(GRANULE.saturating_sub(1));
        let n = below.read_at(start, &mut bytes).ok()?;
        bytes.truncate(n);
        Some(Kept { start, bytes })
    }

    /// Copies what `buf` asks for, if all of it that the source has is here.
    fn copy(&self, offset: u64, buf: &mut [u8]) -> Option<usize> {
        let at = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let end = at.checked_add(buf.len())?;
        let from = match self.bytes.get(at..end) {
            Some(all) => all,
            None if self.bytes.len() < WINDOW => self.bytes.get(at..)?,
            None => return None,
        };
        buf.get_mut(..from.len())?.copy_from_slice(from);
        Some(from.len())
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
            let end = offset + buf.len() as u64;
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
        for sector in 0..256 {
            window.read_exact_at(sector * 512, &mut [0; 512]).unwrap();
        }
        assert_eq!(medium.reads.load(Ordering::Relaxed), 1);
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
