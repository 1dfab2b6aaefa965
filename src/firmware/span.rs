//! Part of a buffer that many parts share.

use std::ops::Range;
use std::rc::Rc;

use super::Guid;

/// A range of bytes; cutting it copies nothing.
#[derive(Clone)]
pub(super) struct Span {
    buffer: Rc<[u8]>,
    range: Range<usize>,
}

impl Span {
    /// All of a buffer.
    pub(super) fn new(bytes: Vec<u8>) -> Span {
        let range = 0..bytes.len();
        Span {
            buffer: bytes.into(),
            range,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.range.clone()).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    /// `length` bytes from `start` on, if there are so many.
    pub(super) fn cut(&self, start: usize, length: usize) -> Option<Span> {
        let start = self.range.start.checked_add(start)?;
        let end = start.checked_add(length)?;
        (end <= self.range.end).then(|| Span {
            buffer: self.buffer.clone(),
            range: start..end,
        })
    }

    /// All from `start` on.
    pub(super) fn tail(&self, start: usize) -> Option<Span> {
        self.cut(start, self.len().checked_sub(start)?)
    }

    /// As many bytes as the caller's array has.
    pub(super) fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes().get(at..)?.first_chunk().copied()
    }

    pub(super) fn u8(&self, at: usize) -> Option<u8> {
        self.bytes().get(at).copied()
    }

    pub(super) fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// A little-endian number of three bytes.
    pub(super) fn u24(&self, at: usize) -> Option<usize> {
        let [a, b, c] = self.array(at)?;
        usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok()
    }

    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    pub(super) fn guid(&self, at: usize) -> Option<Guid> {
        self.array(at).map(Guid::from_bytes)
    }
}
