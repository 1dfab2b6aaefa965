//! [`Joined`]: bytes that lie in several places and belong together.

use std::io;

use super::{ReadAt, Section, Source};

/// Parts of other sources, one behind the other: a logical volume, an array, a file that is a disk.
pub struct Joined {
    /// Each with where it begins in the whole, in bytes.
    parts: Vec<(u64, Section)>,
    size: u64,
}

impl Joined {
    /// Joins `parts` in their order. What would come to lie behind the last address is left out.
    pub fn new(parts: impl IntoIterator<Item = Section>) -> Joined {
        let mut joined = Joined {
            parts: Vec::new(),
            size: 0,
        };
        for part in parts {
            let Some(end) = joined.size.checked_add(part.size()) else {
                break;
            };
            if part.size() > 0 {
                joined.parts.push((joined.size, part));
            }
            joined.size = end;
        }
        joined
    }

    /// Zeros of this length, for a [`Section`] of what nothing was written to.
    pub fn zeros(size: u64) -> Source {
        std::sync::Arc::new(Zeros { size })
    }
}

impl ReadAt for Joined {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let first = self.parts.partition_point(|(start, _)| *start <= offset);
        let parts = self.parts.get(first.saturating_sub(1)..);
        let mut done: usize = 0;
        for (start, part) in parts.unwrap_or_default() {
            let rest = buf.get_mut(done..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let at = offset.saturating_add(done as u64).saturating_sub(*start);
            let wanted = part.size().saturating_sub(at).min(rest.len() as u64);
            let n = part.read_at(at, rest)?;
            done = done.saturating_add(n);
            // A part that ends before its time must not be filled up from the next one.
            if (n as u64) < wanted {
                break;
            }
        }
        Ok(done)
    }
}

struct Zeros {
    size: u64,
}

impl ReadAt for Zeros {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(offset);
        let n = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        buf.get_mut(..n).unwrap_or_default().fill(0);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::MemorySource;

    fn read(source: &impl ReadAt, offset: u64, size: usize) -> String {
        let mut buf = vec![b'?'; size];
        let n = source.read_at(offset, &mut buf).unwrap();
        String::from_utf8(buf[..n].to_vec()).unwrap()
    }

    #[test]
    fn parts_follow_each_other() {
        let whole: Source = Arc::new(MemorySource::new(&b"0123456789"[..]));
        let section = |start, size| Section::new(whole.clone(), start, size);
        let joined = Joined::new([section(7, 3), section(4, 0), section(0, 2), section(4, 2)]);
        assert_eq!(joined.size(), 7);
        assert_eq!(read(&joined, 0, 9), "7890145");
        assert_eq!(read(&joined, 2, 2), "90");
        assert_eq!(read(&joined, 3, 1), "0");
        assert_eq!(read(&joined, 6, 4), "5");
        assert_eq!(read(&joined, 7, 4), "");
        assert_eq!(read(&joined, u64::MAX, 4), "");
    }

    #[test]
    fn holes_are_zeros() {
        let zeros = Section::new(Joined::zeros(2), 0, 2);
        let whole: Source = Arc::new(MemorySource::new(&b"ab"[..]));
        let joined = Joined::new([zeros, Section::new(whole, 0, 2)]);
        assert_eq!(read(&joined, 1, 9), "\0ab");
    }

    #[test]
    fn a_part_that_can_not_be_read_whole_ends_the_reading() {
        struct Cut;
        impl ReadAt for Cut {
            fn size(&self) -> u64 {
                4
            }
            fn read_at(&self, _: u64, buf: &mut [u8]) -> io::Result<usize> {
                let n = buf.len().min(2);
                buf[..n].fill(b'x');
                Ok(n)
            }
        }
        let cut = Section::new(Arc::new(Cut), 0, 4);
        let whole: Source = Arc::new(MemorySource::new(&b"ab"[..]));
        let joined = Joined::new([cut, Section::new(whole, 0, 2)]);
        assert_eq!(read(&joined, 0, 6), "xx");
    }
}
