//! [`Blocks`]: what MD5, SHA-1 and SHA-2 have in common.

use super::Hash;

/// A hash that takes blocks.
pub(super) trait State {
    /// Bytes of a block. An eighth of it holds the length at the end.
    const BLOCK: usize;
    /// Does the least byte of a number come first?
    const LEAST_FIRST: bool;

    /// Takes a block.
    fn compress(&mut self, block: &[u8]);
    /// What it has become.
    fn bytes(&self) -> Vec<u8>;
}

/// Makes blocks of bytes, and puts an end to the last one: a bit, and the length in bits.
pub(super) struct Blocks<S> {
    state: S,
    /// Bytes that are no whole block yet.
    pending: Vec<u8>,
    /// Bytes so far.
    length: u64,
}

impl<S: State> Blocks<S> {
    pub(super) fn new(state: S) -> Blocks<S> {
        Blocks {
            state,
            pending: Vec::new(),
            length: 0,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let mut blocks = self.pending.chunks_exact(S::BLOCK);
        for block in blocks.by_ref() {
            self.state.compress(block);
        }
        self.pending = blocks.remainder().to_vec();
    }
}

impl<S: State> Hash for Blocks<S> {
    fn update(&mut self, bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        self.take(bytes);
    }

    fn finish(mut self: Box<Self>) -> Vec<u8> {
        let bits = u128::from(self.length).wrapping_mul(8);
        let room = S::BLOCK / 8;
        self.take(&[0x80]);
        let end = S::BLOCK.saturating_sub(room);
        while self.pending.len() != end {
            self.take(&[0]);
        }
        let (least, most) = (bits.to_le_bytes(), bits.to_be_bytes());
        let bits = match S::LEAST_FIRST {
            true => least.get(..room),
            false => most.get(most.len().saturating_sub(room)..),
        };
        self.take(bits.unwrap_or_default());
        self.state.bytes()
    }
}
