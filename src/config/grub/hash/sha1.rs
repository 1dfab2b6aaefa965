//! SHA-1 (FIPS 180-4, 6.1).

use super::blocks::State;

pub(super) struct Sha1([u32; 5]);

impl Sha1 {
    pub(super) fn new() -> Sha1 {
        Sha1([
            0x6745_2301,
            0xefcd_ab89,
            0x98ba_dcfe,
            0x1032_5476,
            0xc3d2_e1f0,
        ])
    }
}

impl State for Sha1 {
    const BLOCK: usize = 64;
    const LEAST_FIRST: bool = false;

    fn compress(&mut self, block: &[u8]) {
        // The words of this step and the next 15.
        let mut w = [0; 16];
        for (word, bytes) in w.iter_mut().zip(block.as_chunks().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        let [mut a, mut b, mut c, mut d, mut e] = self.0;
        for step in 0..80 {
            let (f, k) = match step {
                0..20 => ((b & c) ^ (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) ^ (b & d) ^ (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let sum = [f, e, k, w[0]].into_iter();
            let new = sum.fold(a.rotate_left(5), u32::wrapping_add);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, new);
            w[0] = (w[0] ^ w[2] ^ w[8] ^ w[13]).rotate_left(1);
            w.rotate_left(1);
        }
        for (word, new) in self.0.iter_mut().zip([a, b, c, d, e]) {
            *word = word.wrapping_add(new);
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_be_bytes()).collect()
    }
}
