//! Checksums of metadata: `btrfs_csum_type` in `include/uapi/linux/btrfs_tree.h` of Linux.

use sha2::{Digest, Sha256};

use crate::fs::FsError;
use crate::fs::crc32c::Checksum;

/// What is before the bytes that a checksum covers: room for the longest one.
pub(super) const LENGTH: usize = 32;

/// How a filesystem computes its checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Crc32c,
    Sha256,
    /// One that is not computed here: its name.
    Unverified(&'static str),
}

impl Kind {
    /// What `csum_type` stands for.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] for one that nobody knows.
    pub(super) fn new(csum_type: u16) -> Result<Kind, FsError> {
        match csum_type {
            0 => Ok(Kind::Crc32c),
            1 => Ok(Kind::Unverified("xxhash64")),
            2 => Ok(Kind::Sha256),
            3 => Ok(Kind::Unverified("blake2b")),
            other => Err(FsError::Unsupported(format!(
                "checksums of kind {other} in Btrfs"
            ))),
        }
    }

    /// Does a block of metadata begin with the checksum of the rest of it?
    pub(super) fn is_whole(self, block: &[u8]) -> bool {
        let Some((own, rest)) = block.split_at_checked(LENGTH) else {
            return false;
        };
        match self {
            Kind::Crc32c => own.starts_with(&(!Checksum::START.and(rest).0).to_le_bytes()),
            Kind::Sha256 => own == Sha256::digest(rest).as_slice(),
            Kind::Unverified(_) => true,
        }
    }
}
