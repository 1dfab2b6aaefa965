//! [`Window`]: few large reads below readers that do many small ones.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::bytes::set_length;
use super::{ReadAt, Source};

/// What one read of a sequence brings in, in bytes.
pub const WINDOW: usize = 1024 * 1024;
/// What a read at a new place brings in, in bytes: metadata lies scattered, and a slow stick takes
/// 30 milliseconds for a whole window.
const FIRST: usize = 64 * 1024;
/// Spans begin at multiples of this many bytes.
const ALIGNMENT: u64 = 4096;
/// A reader that follows a file has its data, its mapping, its directory and its inode open.
const SPANS: usize = 4;

/// A source that reads ahead of whoever reads it and remembers the last few places (at most 4 MiB).
///
/// A miss where another read ended is taken for a sequence and brings in 1 MiB; any other miss brings
/// in 64 KiB. Reads of 1 MiB and more go straight through. Where reading ahead meets a bad sector, the
/// bytes that were asked for are tried alone, so a medium that is damaged elsewhere stays readable.
pub struct Window {
    source: Source,
    /// The most recently used one comes first.
    spans: Mutex<Vec<Span>>,
}

struct Span {
    start: u64,
    bytes: Vec<u8>,
}

impl Span {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }

    /// What it has from `offset` on; `None` when it has nothing.
    fn from(&self, offset: u64) -> Option<&[u8]> {
        let skip = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(skip..).filter(|rest| !rest.is_empty())
    }
}

impl Window {
    /// Nothing is read yet.
    pub fn new(source: Source) -> Window {
        Window {
            source,
            spans: Mutex::new(Vec::new()),
        }
    }

    /// Brings a span that contains `offset` to the front. `Ok(false)`: the source ends before.
    fn load(&self, spans: &mut Vec<Span>, offset: u64) -> io::Result<bool> {
        if let Some(at) = spans.iter().position(|w| w.from(offset).is_some()) {
            spans.get_mut(..=at).unwrap_or_default().rotate_right(1);
            return Ok(true);
        }
        let before = spans.iter().position(|span| span.end() == offset);
        let wanted = if before.is_some() { WINDOW } else { FIRST };
        // The span that a sequence has left is the one that nobody needs any more.
        let reused = before.or((spans.len() >= SPANS).then(|| spans.len().saturating_sub(1)));
        let mut bytes = reused.map_or_else(Vec::new, |at| spans.remove(at).bytes);
        let start = offset & !(ALIGNMENT - 1);
        set_length(&mut bytes, wanted);
        let n = self.source.read_at(start, &mut bytes)?;
        bytes.truncate(n);
        let span = Span { start, bytes };
        let found = span.from(offset).is_some();
        spans.insert(0, span);
        Ok(found)
    }
}

impl ReadAt for Window {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        // Readers of structures ask for a few bytes at a time, next to what they had last.
        let last = spans.first().and_then(|span| span.from(offset));
        if let Some(bytes) = last.and_then(|bytes| bytes.get(..buf.len())) {
            buf.copy_from_slice(bytes);
            return Ok(bytes.len());
        }
        let mut done: usize = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(at) = offset.checked_add(done as u64) else {
                break;
            };
            if at >= self.source.size() {
                break;
            }
            let cached = spans.iter().any(|span| span.from(at).is_some());
            if !cached && rest.len() >= WINDOW {
                return Ok(done.saturating_add(self.source.read_at(at, rest)?));
            }
            match self.load(&mut spans, at) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => return Ok(done.saturating_add(self.source.read_at(at, rest)?)),
            }
            let from = spans.first().and_then(|span| span.from(at));
            let from = from.unwrap_or_default();
            let n = from.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..n), from.get(..n)) {
                to.copy_from_slice(from);
            }
            done = done.saturating_add(n);
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::MemorySource;

    /// A disk that writes down every read and fails for those that touch the byte `bad`.
    struct Recorder {
        bytes: MemorySource,
        bad: Option<u64>,
        reads: Mutex<Vec<(u64, usize)>>,
    }

    impl Recorder {
        fn new(size: usize, bad: Option<u64>) -> Arc<Recorder> {
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            Arc::new(Recorder {
                bytes: MemorySource::new(bytes),
                bad,
                reads: Mutex::new(Vec::new()),
            })
        }
    }

    impl ReadAt for Recorder {
        fn size(&self) -> u64 {
            self.bytes.size()
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            self.reads.lock().unwrap().push((offset, buf.len()));
            let n = self.bytes.read_at(offset, buf)?;
            match self.bad {
                Some(bad) if (offset..offset.saturating_add(n as u64)).contains(&bad) => {
                    Err(io::Error::other("bad sector"))
                }
                _ => Ok(n),
            }
        }
    }

    /// Reads the same from both.
    fn check(window: &Window, disk: &Recorder, offset: u64, length: usize) {
        let (mut ours, mut theirs) = (vec![0; length], vec![0; length]);
        let n = window.read_at(offset, &mut ours).unwrap();
        assert_eq!(n, disk.bytes.read_at(offset, &mut theirs).unwrap());
        assert!(ours[..n] == theirs[..n], "{offset}+{length}");
    }

    #[test]
    fn a_sequence_of_small_reads_becomes_few_large_ones() {
        let disk = Recorder::new(4 << 20, None);
        let window = Window::new(disk.clone());
        for offset in (0..4 << 20).step_by(4096) {
            check(&window, &disk, offset, 4096);
        }
        let reads = disk.reads.lock().unwrap();
        assert_eq!(reads[0], (0, FIRST));
        assert_eq!(reads[1], (FIRST as u64, WINDOW));
        assert_eq!(reads.len(), 5);
    }

    #[test]
    fn places_that_are_visited_in_turn_stay_in_memory() {
        let disk = Recorder::new(16 << 20, None);
        let window = Window::new(disk.clone());
        for round in 0..100 {
            check(&window, &disk, 5000 + round, 700);
            check(&window, &disk, (3 << 20) + round, 700);
            check(&window, &disk, (9 << 20) + round, 700);
        }
        assert_eq!(disk.reads.lock().unwrap().len(), 3);
    }

    #[test]
    fn reads_cross_windows_and_end_at_the_end() {
        let disk = Recorder::new((2 << 20) + 77, None);
        let window = Window::new(disk.clone());
        check(&window, &disk, 65_000, 3000);
        check(&window, &disk, 1000, (2 << 20) - 500);
        let mut buf = [0; 10];
        assert_eq!(window.read_at((2 << 20) + 70, &mut buf).unwrap(), 7);
        assert_eq!(window.read_at((2 << 20) + 77, &mut buf).unwrap(), 0);
        assert_eq!(window.read_at(u64::MAX, &mut buf).unwrap(), 0);
    }

    #[test]
    fn a_bad_sector_costs_only_the_reads_that_need_it() {
        let disk = Recorder::new(1 << 20, Some(40_000));
        let window = Window::new(disk.clone());
        check(&window, &disk, 0, 4096);
        check(&window, &disk, 36_864, 2048);
        assert!(window.read_exact_at(40_000, &mut [0; 1]).is_err());
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(32))]
        #[test]
        fn answers_like_its_source(reads in proptest::collection::vec((0u64..3_000_000, 0usize..1_500_000), 1..12)) {
            let disk = Recorder::new(2_500_001, None);
            let window = Window::new(disk.clone());
            for (offset, length) in reads {
                check(&window, &disk, offset, length);
            }
        }
    }
}
