//! [`Belt`]: chunks on their way from one thread to another.
//!
//! A channel of the standard library does the same in 8 KB of the flash binary.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Chunks, in order.
#[derive(Default)]
pub(super) struct Belt {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Vec<u8>>,
    /// No more will come.
    over: bool,
}

/// Who puts chunks on a belt. When it is dropped, no more will come.
pub(super) struct Feeder<'b>(&'b Belt);

impl Belt {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one who puts chunks on it.
    pub(super) fn feeder(&self) -> Feeder<'_> {
        Feeder(self)
    }

    /// Waits for a chunk; `None` when there is none and no more will come.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        let waits = |state: &mut State| state.chunks.is_empty() && !state.over;
        let state = self.moved.wait_while(self.state(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.chunks.pop_front()
    }
}

impl Feeder<'_> {
    /// Puts one on it.
    pub(super) fn put(&self, chunk: Vec<u8>) {
        self.0.state().chunks.push_back(chunk);
        self.0.moved.notify_one();
    }
}

impl Drop for Feeder<'_> {
    fn drop(&mut self) {
        self.0.state().over = true;
        self.0.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_in_order_and_end_with_who_puts_them_there() {
        let (there, back) = (Belt::default(), Belt::default());
        std::thread::scope(|scope| {
            let feeder = there.feeder();
            scope.spawn(|| {
                let feeder = back.feeder();
                while let Some(mut chunk) = there.next() {
                    chunk.push(1);
                    feeder.put(chunk);
                }
            });
            for number in 2..4 {
                feeder.put(vec![number]);
            }
            assert_eq!(back.next(), Some(vec![2, 1]));
            drop(feeder);
            assert_eq!(back.next(), Some(vec![3, 1]));
            assert_eq!(back.next(), None);
        });
    }
}
