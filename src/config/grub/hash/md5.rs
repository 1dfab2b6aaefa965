//! MD5 (RFC 1321).

use super::Hash;

pub(super) struct Md5 {
    words: [u32; 4],
    /// Bytes that are no whole block yet.
    pending: Vec<u8>,
    /// Bytes so far.
    length: u64,
}

impl Md5 {
    pub(super) fn new() -> Md5 {
        Md5 {
            words: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476],
            pending: Vec::new(),
            length: 0,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let (blocks, rest) = self.pending.as_chunks();
        for block in blocks {
            compress(&mut self.words, block);
        }
        self.pending = rest.to_vec();
    }
}

impl Hash for Md5 {
    fn update(&mut self, bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        self.take(bytes);
    }

    fn finish(mut self: Box<Self>) -> Vec<u8> {
        let bits = self.length.wrapping_mul(8);
        self.take(&[0x80]);
        // The length stands at the end of the last block.
        while self.pending.len() != BLOCK.saturating_sub(size_of::<u64>()) {
            self.take(&[0]);
        }
        self.take(&bits.to_le_bytes());
        self.words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }
}

/// Bytes of a block.
const BLOCK: usize = 64;

/// How far each step of a round rotates, again and again.
const ROTATIONS: [[u32; 4]; 4] = [
    [7, 12, 17, 22],
    [5, 9, 14, 20],
    [4, 11, 16, 23],
    [6, 10, 15, 21],
];

/// The first word of a round, and how many words further the next one is.
const WORDS: [(usize, usize); 4] = [(0, 1), (1, 5), (5, 3), (0, 7)];

/// Of each step: 2^32 times the sine of its number, from 1, without a sign.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

fn compress(state: &mut [u32; 4], block: &[u8; BLOCK]) {
    let words = block.as_chunks().0.iter();
    let words: Vec<u32> = words.map(|bytes| u32::from_le_bytes(*bytes)).collect();
    let [mut a, mut b, mut c, mut d] = *state;
    let rounds = ROTATIONS
        .into_iter()
        .zip(WORDS)
        .zip(SINES.as_chunks::<16>().0);
    for (round, ((mut rotations, (first, step)), sines)) in rounds.enumerate() {
        let mut indexes = (first..).step_by(step);
        for sine in sines {
            let f = match round {
                0 => (b & c) | (!b & d),
                1 => (d & b) | (!d & c),
                2 => b ^ c ^ d,
                _ => c ^ (b | !d),
            };
            let index = indexes.next().unwrap_or_default() % 16;
            let word = words.get(index).copied().unwrap_or_default();
            let sum = a.wrapping_add(f).wrapping_add(*sine).wrapping_add(word);
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(rotations[0]));
            rotations.rotate_left(1);
        }
    }
    for (word, new) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(new);
    }
}
