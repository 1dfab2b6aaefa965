//! Hashes under the names that GRUB gives them (`name` of `gcry_md_spec_t` in `grub-core/lib/libgcrypt`).

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use sha2::Digest;

/// A hash of bytes that come piece by piece.
pub(super) trait Hash {
    /// Adds bytes.
    fn update(&mut self, bytes: &[u8]);
    /// The hash of all of them.
    fn finish(self: Box<Self>) -> Vec<u8>;
}

/// GRUB has these as well; nobody was seen to use them.
const NOT_HERE: [&str; 10] = [
    "ADLER32",
    "CRC24RFC2440",
    "CRC32RFC1510",
    "CRC64",
    "MD4",
    "RMD160",
    "TIGER",
    "TIGER192",
    "TIGER2",
    "WHIRLPOOL",
];

/// What is known of a name.
pub(super) enum Named {
    /// The hash.
    Known(Box<dyn Hash>),
    /// One that GRUB has.
    NotHere,
    /// None.
    Unknown,
}

/// The hash of this name, in which case does not matter.
pub(super) fn named(name: &str) -> Named {
    fn new<D: Digest + 'static>() -> Named {
        Named::Known(Box::new(Cryptographic(D::new())))
    }
    match name.to_ascii_uppercase().as_str() {
        "CRC32" => Named::Known(Box::new(Checksum(CRC32.digest()))),
        "MD5" => new::<md5::Md5>(),
        "SHA1" => new::<sha1::Sha1>(),
        "SHA224" => new::<sha2::Sha224>(),
        "SHA256" => new::<sha2::Sha256>(),
        "SHA384" => new::<sha2::Sha384>(),
        "SHA512" => new::<sha2::Sha512>(),
        name if NOT_HERE.contains(&name) => Named::NotHere,
        _ => Named::Unknown,
    }
}

struct Cryptographic<D>(D);

impl<D: Digest> Hash for Cryptographic<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

static CRC32: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

struct Checksum(crc::Digest<'static, u32, Table<1>>);

impl Hash for Checksum {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_be_bytes().to_vec()
    }
}
