//! [`Mirror`]: sources that have the same bytes.

use std::io;

use super::{ReadAt, Source};

/// Halves of a mirror that are in step. What one of them can't read, the next one may.
pub(super) struct Mirror {
    legs: Vec<Source>,
    size: u64,
}

impl Mirror {
    /// The first `size` bytes of each of `legs`, which are asked in their order.
    pub(super) fn new(legs: Vec<Source>, size: u64) -> Mirror {
        Mirror { legs, size }
    }
}

impl ReadAt for Mirror {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(offset);
        let length = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let buf = buf.get_mut(..length).unwrap_or_default();
        let mut result = Ok(0);
        for leg in &self.legs {
            result = leg.read_at(offset, buf);
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::MemorySource;

    struct Bad;

    impl ReadAt for Bad {
        fn size(&self) -> u64 {
            4
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::Other.into())
        }
    }

    #[test]
    fn the_next_one_is_asked() {
        let good = || -> Source { Arc::new(MemorySource::new(&b"good and more"[..])) };
        let mut buf = [0; 9];
        let mirror = Mirror::new(vec![Arc::new(Bad), good()], 4);
        assert_eq!(mirror.read_at(1, &mut buf).unwrap(), 3);
        assert_eq!(&buf[..3], b"ood");
        assert_eq!(mirror.read_at(u64::MAX, &mut buf).unwrap(), 0);
        let mirror = Mirror::new(vec![good(), Arc::new(Bad)], 4);
        assert!(mirror.read_at(0, &mut buf).is_ok());
        let mirror = Mirror::new(vec![Arc::new(Bad)], 4);
        assert!(mirror.read_at(0, &mut buf).is_err());
    }
}
