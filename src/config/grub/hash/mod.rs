//! [`Hash`]: hashes under the names that GRUB gives them (`name` of `gcry_md_spec_t` in
//! `grub-core/lib/libgcrypt`).
//!
//! They answer scripts, and nothing is trusted because of them. Those that signatures need come from the same crates;
//! MD5, which nothing else needs, is written out in its plainest form.

mod md5;

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use md5::Md5;

/// A hash of bytes that come piece by piece.
pub(super) trait Hash {
    /// Adds bytes.
    fn update(&mut self, bytes: &[u8]);
    /// The hash of all of them.
    fn finish(self: Box<Self>) -> Vec<u8>;
}

/// The hash of this name, in which case does not matter.
pub(super) fn find(name: &str) -> Option<Box<dyn Hash>> {
    let hash: Box<dyn Hash> = match name.to_ascii_lowercase().as_str() {
        "crc32" => Box::new(Crc32(CRC32.digest())),
        "md5" => Box::new(Md5::new()),
        "sha1" => Box::new(Sha(Sha1::new())),
        "sha224" => Box::new(Sha(Sha224::new())),
        "sha256" => Box::new(Sha(Sha256::new())),
        "sha384" => Box::new(Sha(Sha384::new())),
        "sha512" => Box::new(Sha(Sha512::new())),
        _ => return None,
    };
    Some(hash)
}

static CRC32: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

struct Crc32(crc::Digest<'static, u32, NoTable>);

impl Hash for Crc32 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_be_bytes().to_vec()
    }
}

struct Sha<D>(D);

impl<D: Digest> Hash for Sha<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::hex;

    fn hash(name: &str, pieces: &[&[u8]]) -> String {
        let mut hash = find(name).unwrap();
        for piece in pieces {
            hash.update(piece);
        }
        hex(&hash.finish())
    }

    /// RFC 1321, RFC 3174, FIPS 180-4, and the check value of the CRC.
    #[test]
    fn known_values() {
        for (name, text, expected) in [
            ("crc32", "123456789", "cbf43926"),
            ("md5", "", "d41d8cd98f00b204e9800998ecf8427e"),
            ("MD5", "message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "sha224",
                "abc",
                "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
            ),
            (
                "sha384",
                "abc",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                 8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                "sha512",
                "abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            assert_eq!(hash(name, &[text.as_bytes()]), expected, "{name}");
        }
        let million = [b'a'; 1000];
        let million = vec![&million[..]; 1000];
        assert_eq!(hash("md5", &million), "7707d6ae4e027c70eea2a935c2296f21");
        assert_eq!(
            hash("sha1", &million),
            "34aa973cd4c4daa4f61eeb2bdbad27316534016f"
        );
    }

    /// Each length around those of blocks, in pieces: as `md5sum` has the hash of all of their hashes.
    #[test]
    fn blocks_may_end_anywhere() {
        let bytes: Vec<u8> = (0..300_u16).map(|i| (i * 7 % 251) as u8).collect();
        let mut all = String::new();
        for length in 0..bytes.len() {
            let (first, second) = bytes[..length].split_at(length / 3);
            let pieces = hash("md5", &[first, b"", second]);
            assert_eq!(pieces, hash("md5", &[&bytes[..length]]), "{length}");
            all += &pieces;
        }
        assert_eq!(
            hash("md5", &[all.as_bytes()]),
            "c92bd5a9ba8dfb676029b928f19df6ee"
        );
    }

    #[test]
    fn others_are_not_known() {
        for name in ["", "sha", "sum", "sha3", "whirlpool"] {
            assert!(find(name).is_none(), "{name}");
        }
    }
}
