//! The fuzz targets on stable: each over its corpus in `fuzz/corpus/`, and over mutations of it that
//! are the same in every run.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and the targets are public for the fuzzer"
)]

#[allow(dead_code, reason = "the encoder of sparse disks is for people")]
#[path = "../fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

#[test]
fn no_target_breaks_on_its_corpus_and_around_it() {
    std::thread::scope(|scope| {
        for target in targets::ALL {
            scope.spawn(move || no_break(target));
        }
    });
}

fn no_break((name, target, mutations): targets::Target) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let entries =
        fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut seeds: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} is empty", directory.display());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for seed in seeds {
        let seed = fs::read(seed).unwrap();
        target(&seed);
        for _ in 0..mutations {
            target(&random.mutate(&seed));
        }
    }
}

/// Numbers that look random and are the same every time (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Some of: a bit flipped, a byte made extreme, a run zeroed or copied elsewhere, the end cut off.
    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut data = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(data.len());
            let length = self.below(64).min(data.len() - at);
            match self.below(6) {
                _ if data.is_empty() => {}
                0 | 1 => data[at] ^= 1 << self.below(8),
                2 => data[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                3 => data[at..at + length].fill(0),
                4 => {
                    let to = self.below(data.len() - length + 1);
                    data.copy_within(at..at + length, to);
                }
                _ => data.truncate(at),
            }
        }
        data
    }
}
