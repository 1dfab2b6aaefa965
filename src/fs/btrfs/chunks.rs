//! Where an address is on the device: `struct btrfs_chunk` in `include/uapi/linux/btrfs_tree.h` of Linux.
//!
//! All other structures name places by addresses that chunks map to one or several devices.

use super::node::{CHUNK_ITEM, Key};
use crate::disk::bytes::{le16, le64};
use crate::fs::FsError;

/// What is before the stripes of a chunk, and the length of one.
const HEAD: usize = 48;
const STRIPE: usize = 32;

/// Chunks have a gigabyte each, or a tenth of the filesystem: this is more than any of 50 terabytes has.
const MOST: usize = 65_536;

/// The tree has chunks in order. Only those that the superblock told of before may come later.
const MOST_OF_SUPERBLOCK: usize = 32;

/// Nobody keeps more copies of anything (`BTRFS_BLOCK_GROUP_RAID1C4`).
const MOST_COPIES: usize = 4;

/// How a chunk is kept (`BTRFS_BLOCK_GROUP_RAID0` and so on).
const RAID0: u64 = 1 << 3;
const RAID10: u64 = 1 << 6;
const RAID5: u64 = 1 << 7;
const RAID6: u64 = 1 << 8;

/// The chunks of a filesystem, as far as this device has them.
#[derive(Default)]
pub(super) struct Chunks {
    /// In the order of their addresses, without overlap.
    chunks: Vec<Chunk>,
}

struct Chunk {
    address: u64,
    length: u64,
    copies: Copies,
}

/// Where the copies of a chunk begin.
enum Copies {
    /// At these places of this device.
    Here(Vec<u64>),
    /// Only on others: why they are not read.
    Elsewhere(&'static str),
}

/// Where bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// Where the chunk begins, in each copy.
    starts: &'a [u64],
    /// Where the bytes are in it.
    inside: u64,
    /// How many bytes of the chunk are there from that place on.
    pub(super) length: u64,
}

impl Found<'_> {
    /// The places of the bytes, each with a copy of the same.
    pub(super) fn places(&self) -> impl Iterator<Item = u64> {
        self.starts
            .iter()
            .map(|start| start.saturating_add(self.inside))
    }
}

impl Chunks {
    /// Those that the superblock of the device with this number tells of.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when they make no sense.
    pub(super) fn of_superblock(bytes: &[u8], device: u64) -> Result<Chunks, FsError> {
        let mut chunks = Chunks::default();
        let mut rest = bytes;
        // Each turn takes a part of what is left.
        while !rest.is_empty() {
            let key = Key::parse(rest).filter(|key| key.kind == CHUNK_ITEM);
            let item = rest.get(Key::LENGTH..).unwrap_or_default();
            let stripes = le16(item, 44).unwrap_or_default();
            let length = usize::from(stripes)
                .saturating_mul(STRIPE)
                .saturating_add(HEAD);
            let (Some(key), Some((item, after))) = (key, item.split_at_checked(length)) else {
                return Err(damaged("the superblock"));
            };
            chunks.add(key.offset, item, device)?;
            rest = after;
        }
        Ok(chunks)
    }

    /// Adds a chunk, as its item describes it, unless it is known.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when it makes no sense, [`FsError::TooLarge`] for too many.
    pub(super) fn add(&mut self, address: u64, item: &[u8], device: u64) -> Result<(), FsError> {
        let length = le64(item, 0).unwrap_or_default();
        let end = address.checked_add(length).filter(|_| length > 0);
        let end = end.ok_or_else(|| damaged("the tree of chunks"))?;
        let at = self.chunks.partition_point(|chunk| chunk.address < address);
        let next = self.chunks.get(at);
        if next.is_some_and(|next| next.address == address) {
            return Ok(());
        }
        let before = at.checked_sub(1).and_then(|at| self.chunks.get(at));
        if before.is_some_and(|before| before.end() > address)
            || next.is_some_and(|next| next.address < end)
        {
            return Err(damaged("the tree of chunks"));
        }
        if self.chunks.len().saturating_sub(at) > MOST_OF_SUPERBLOCK {
            return Err(damaged("the tree of chunks"));
        }
        if self.chunks.len() >= MOST {
            return Err(FsError::TooLarge(format!("more than {MOST} chunks")));
        }
        let copies = copies(item, device)?;
        self.chunks.insert(
            at,
            Chunk {
                address,
                length,
                copies,
            },
        );
        Ok(())
    }

    /// Where the bytes from `address` on are.
    ///
    /// # Errors
    /// [`FsError::Corrupt`] when they are in no chunk, [`FsError::Unsupported`] when they are not on this
    /// device or in stripes.
    pub(super) fn find(&self, address: u64) -> Result<Found<'_>, FsError> {
        let after = self
            .chunks
            .partition_point(|chunk| chunk.address <= address);
        let chunk = after.checked_sub(1).and_then(|at| self.chunks.get(at));
        let chunk = chunk.filter(|chunk| address < chunk.end());
        let chunk = chunk
            .ok_or_else(|| FsError::Corrupt(format!("the address {address:#x} is in no chunk")))?;
        match &chunk.copies {
            Copies::Here(starts) => Ok(Found {
                starts,
                inside: address.saturating_sub(chunk.address),
                length: chunk.end().saturating_sub(address),
            }),
            Copies::Elsewhere(why) => Err(FsError::Unsupported((*why).to_owned())),
        }
    }
}

impl Chunk {
    fn end(&self) -> u64 {
        self.address.saturating_add(self.length)
    }
}

/// The copies of a chunk on the device with this number.
fn copies(item: &[u8], device: u64) -> Result<Copies, FsError> {
    let kind = le64(item, 24).unwrap_or_default();
    if kind & (RAID5 | RAID6) != 0 {
        return Ok(Copies::Elsewhere("Btrfs in RAID 5 or 6"));
    }
    let count = le16(item, 44).unwrap_or_default();
    let stripes = item.get(HEAD..).unwrap_or_default().as_chunks::<STRIPE>().0;
    let stripes = stripes.get(..count.into()).unwrap_or_default();
    // Stripes of a single one are not striped.
    if kind & (RAID0 | RAID10) != 0 && stripes.len() != 1 {
        return Ok(Copies::Elsewhere(
            "Btrfs in RAID 0 or 10, in stripes over several devices",
        ));
    }
    if stripes.is_empty() {
        return Err(damaged("the tree of chunks"));
    }
    let here = stripes
        .iter()
        .filter(|stripe| le64(*stripe, 0) == Some(device));
    let here: Vec<u64> = here
        .filter_map(|stripe| le64(stripe, 8))
        .take(MOST_COPIES)
        .collect();
    Ok(match here.is_empty() {
        false => Copies::Here(here),
        true => Copies::Elsewhere("a part of it is on another device of this Btrfs"),
    })
}

fn damaged(place: &str) -> FsError {
    FsError::Corrupt(format!("{place} has a chunk that makes no sense"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk with stripes on devices.
    fn chunk(length: u64, kind: u64, stripes: &[(u64, u64)]) -> Vec<u8> {
        let mut item = vec![0; HEAD + STRIPE * stripes.len()];
        item[..8].copy_from_slice(&length.to_le_bytes());
        item[24..32].copy_from_slice(&kind.to_le_bytes());
        item[44] = u8::try_from(stripes.len()).unwrap();
        for (at, (device, place)) in stripes.iter().enumerate() {
            let stripe = &mut item[HEAD + at * STRIPE..][..16];
            stripe[..8].copy_from_slice(&device.to_le_bytes());
            stripe[8..].copy_from_slice(&place.to_le_bytes());
        }
        item
    }

    #[test]
    fn addresses_are_places() {
        let mut chunks = Chunks::default();
        chunks
            .add(5000, &chunk(1000, 0, &[(1, 100), (1, 9000)]), 1)
            .unwrap();
        chunks
            .add(1000, &chunk(4000, 1 << 4, &[(2, 7), (1, 70)]), 1)
            .unwrap();
        chunks.add(6000, &chunk(1, RAID0, &[(1, 80)]), 1).unwrap();
        let find = |address| {
            let found = chunks.find(address).unwrap();
            (found.places().collect::<Vec<_>>(), found.length)
        };
        assert_eq!(find(5999), (vec![1099, 9999], 1));
        assert_eq!(find(1000), (vec![70], 4000));
        assert_eq!(find(6000), (vec![80], 1));
        for address in [0, 999, 6001, u64::MAX] {
            assert!(matches!(chunks.find(address), Err(FsError::Corrupt(_))));
        }
    }

    #[test]
    fn what_is_not_here() {
        for (kind, stripes, text) in [
            (0, &[(2, 0)][..], "another device"),
            (RAID0, &[(1, 0), (2, 0)], "RAID 0"),
            (RAID10, &[(1, 0), (2, 0)], "RAID 0"),
            (RAID5, &[(1, 0)], "RAID 5"),
        ] {
            let mut chunks = Chunks::default();
            chunks.add(0, &chunk(10, kind, stripes), 1).unwrap();
            let error = chunks.find(5).unwrap_err().to_string();
            assert!(
                error.starts_with("not supported: ") && error.contains(text),
                "{error}"
            );
        }
    }

    #[test]
    fn chunks_that_make_no_sense() {
        let mut chunks = Chunks::default();
        chunks.add(100, &chunk(100, 0, &[(1, 0)]), 1).unwrap();
        for (address, item) in [
            (300, chunk(0, 0, &[(1, 0)])),
            (u64::MAX, chunk(1, 0, &[(1, 0)])),
            (300, chunk(1, 0, &[])),
            (300, chunk(1, 0, &[(1, 0)])[..HEAD].to_vec()),
            (300, Vec::new()),
            (199, chunk(10, 0, &[(1, 0)])),
            (50, chunk(51, 0, &[(1, 0)])),
        ] {
            assert!(chunks.add(address, &item, 1).is_err(), "{address}");
        }
        // Each before the others: that takes the longer the more there are.
        let mut backwards = Chunks::default();
        let mut add = |address| backwards.add(address, &chunk(1, 0, &[(1, 0)]), 1);
        assert!((0..100).rev().any(|address| add(address).is_err()));
        // Twice the same is one.
        chunks.add(100, &chunk(100, 0, &[(1, 0)]), 1).unwrap();
        for length in [1, 30, 64, 90] {
            assert!(Chunks::of_superblock(&vec![228; length], 1).is_err());
        }
    }
}
