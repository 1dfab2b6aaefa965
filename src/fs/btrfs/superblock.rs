//! The superblock: `struct btrfs_super_block` in `include/uapi/linux/btrfs_tree.h` of Linux.

use super::checksum::{self, Kind};
use super::features::{METADATA_UUID, refused};
use super::node::Root;
use crate::disk::ReadAt;
use crate::disk::bytes::{array, le16, le32, le64};
use crate::fs::{FsError, unreadable};

/// Where it is, and where its copies are.
const PLACES: [u64; 3] = [64 << 10, 64 << 20, 256 << 30];
const LENGTH: usize = 4096;

const MAGIC: &[u8] = b"_BHRfS_M";

/// Where the chunks are that hold the tree of chunks.
const SYSTEM_CHUNKS: usize = 811;
const MOST_SYSTEM_CHUNKS: usize = 2048;

/// Sizes that a node can have, in bytes (`BTRFS_MAX_METADATA_BLOCKSIZE`).
const NODES: std::ops::RangeInclusive<u32> = 4096..=65_536;

/// What everything else is found by.
pub(super) struct Superblock {
    /// The tree of all trees.
    pub(super) root: Root,
    /// The tree of chunks.
    pub(super) chunks: Root,
    /// There are changes that are in no tree yet, but in a log.
    pub(super) has_log: bool,
    /// Length of a node in bytes.
    pub(super) node_size: usize,
    /// Length of a sector in bytes.
    pub(super) sector_size: usize,
    /// Which of the devices of the filesystem this is, and of how many.
    pub(super) device: u64,
    pub(super) devices: u64,
    pub(super) checksums: Kind,
    /// What metadata is marked with.
    pub(super) uuid: [u8; 16],
    /// Keys and chunks, one behind the other.
    pub(super) system_chunks: Vec<u8>,
}

impl Superblock {
    /// Reads the first of the copies that is whole.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when none is, [`FsError::Unsupported`] names what is not read here.
    pub(super) fn read(source: &dyn ReadAt) -> Result<Superblock, FsError> {
        let mut first = None;
        for place in PLACES {
            let mut bytes = vec![0; LENGTH];
            let read = source.read_exact_at(place, &mut bytes).map_err(unreadable);
            match read.and_then(|()| Superblock::parse(&bytes, place)) {
                Err(error @ (FsError::Corrupt(_) | FsError::Io(_))) => {
                    first.get_or_insert(error);
                }
                answer => return answer,
            }
        }
        Err(first.unwrap_or(FsError::NotFound))
    }

    /// Of the bytes at `place`.
    fn parse(bytes: &[u8], place: u64) -> Result<Superblock, FsError> {
        let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
        let word = |at| le32(bytes, at).unwrap_or_default();
        let long = |at| le64(bytes, at).unwrap_or_default();
        if bytes.get(64..72) != Some(MAGIC) || long(48) != place {
            return Err(senseless("its magic number or place is wrong"));
        }
        let checksums = Kind::new(le16(bytes, 196).unwrap_or_default())?;
        if !checksums.is_whole(bytes) {
            return Err(senseless("its checksum is wrong"));
        }
        let incompat = long(188);
        if let Some(names) = refused(incompat) {
            return Err(FsError::Unsupported(format!("the Btrfs feature {names}")));
        }
        let (sector_size, node_size) = (word(144), word(148));
        for (size, text) in [
            (sector_size, "the size of a sector is out of range"),
            (node_size, "the size of a node is out of range"),
        ] {
            if !size.is_power_of_two() || !NODES.contains(&size) {
                return Err(senseless(text));
            }
        }
        let length = usize::try_from(word(160)).unwrap_or(usize::MAX);
        let system_chunks = bytes.get(SYSTEM_CHUNKS..).unwrap_or_default();
        let system_chunks = system_chunks
            .get(..length)
            .filter(|_| length <= MOST_SYSTEM_CHUNKS)
            .ok_or_else(|| senseless("its chunks are longer than their place"))?;
        let uuid = match incompat & METADATA_UUID {
            0 => checksum::LENGTH,
            _ => 571,
        };
        Ok(Superblock {
            root: Root {
                address: long(80),
                generation: long(72),
                level: byte(198),
            },
            chunks: Root {
                address: long(88),
                generation: long(164),
                level: byte(199),
            },
            has_log: long(96) != 0,
            node_size: usize::try_from(node_size).unwrap_or_default(),
            sector_size: usize::try_from(sector_size).unwrap_or_default(),
            device: long(201),
            devices: long(136),
            checksums,
            uuid: array(bytes, uuid).unwrap_or_default(),
            system_chunks: system_chunks.to_vec(),
        })
    }
}

fn senseless(text: &str) -> FsError {
    FsError::Corrupt(format!("the superblock: {text}"))
}
