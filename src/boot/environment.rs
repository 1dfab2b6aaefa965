//! What a configuration wants to be remembered, written into GRUB's environment block in place.
//!
//! One request to the disk writes the sectors that differ, so that a power cut leaves the old block or the
//! new one. Nothing around them is changed, and nothing at all unless the medium holds, at the place that
//! the filesystem tells, what was read through it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;

use crate::config::grub::EnvironmentBlock;
use crate::disk::{DiskWriter, Format, Volume, WriteAt};
use crate::entry::{SavePlace, SavedVariables};
use crate::fs::FsError;
use crate::inventory::{Inventory, ScannedDisk};
use crate::text::Printable;

const MAX_SIZE: usize = EnvironmentBlock::MAX_SIZE;

/// What btrfs leaves to others at its beginning, where GRUB keeps a block of 512 bytes: the first MiB, behind
/// its first superblock at 64 KiB (`BTRFS_DEVICE_RANGE_RESERVED` and `BTRFS_SUPER_INFO_OFFSET` in
/// `fs/btrfs/fs.h`).
const BTRFS_RESERVED: Range<u64> = 68 * 1024..1024 * 1024;

/// Opens the disk that holds a volume for writing.
pub type Open<'a> = &'a dyn Fn(&ScannedDisk, &Volume) -> io::Result<Box<dyn WriteAt>>;

/// Writes to the disk itself, or the image file that stands for it.
///
/// # Errors
/// It can't be opened.
pub fn open_disk(scanned: &ScannedDisk, volume: &Volume) -> io::Result<Box<dyn WriteAt>> {
    let writer = DiskWriter::open(&scanned.disk.path, volume)?;
    Ok(Box::new(writer))
}

/// Writes what is to be saved, and logs it before. Says whether there was anything to be written.
///
/// # Errors
/// [`SaveError`]; unless it came from the write itself, nothing was written.
pub fn save(
    inventory: &Inventory,
    saved: &SavedVariables,
    open: Open<'_>,
) -> Result<bool, SaveError> {
    let at = |reason| SaveError {
        file: inventory.describe_saved(&saved.place).to_string(),
        reason,
    };
    let id = saved.place.volume();
    let (volume, disk) = (inventory.volume(id), inventory.disk(id));
    let (disk, volume) = disk.zip(volume).ok_or_else(|| at(Reason::NoBlock))?;
    let target = Target {
        inventory,
        saved,
        disk,
        volume,
    };
    target.write(open).map_err(at)
}

/// A file on a disk, and what is to be saved in it.
struct Target<'a> {
    inventory: &'a Inventory,
    saved: &'a SavedVariables,
    disk: &'a ScannedDisk,
    volume: &'a Volume,
}

impl Target<'_> {
    fn write(&self, open: Open<'_>) -> Result<bool, Reason> {
        let Some(Change { places, old, new }) = self.change()? else {
            return Ok(false);
        };
        // One half of a mirror would come to differ from the other one.
        if self.volume.assembled.is_some() {
            return Err(Reason::Assembled);
        }
        let disk = open(self.disk, self.volume).map_err(Reason::Open)?;
        let Some(patch) = Patch::new(disk.as_ref(), &places, &old, &new)? else {
            return Ok(false);
        };
        let variables = self.saved.variables.iter();
        let names: Vec<&str> = variables.map(|(name, _)| name.as_str()).collect();
        log::info!(
            "writing {} to {}",
            Printable(&names.join(", ")),
            Printable(&self.inventory.describe_saved(&self.saved.place).to_string())
        );
        let written = disk.write_at_once(patch.offset, &patch.bytes);
        written.map_err(Reason::Write)?;
        Ok(true)
    }

    /// `None` where the block has what is to be saved.
    fn change(&self) -> Result<Option<Change>, Reason> {
        let place = &self.saved.place;
        if self.inventory.image(place.volume()).is_some() {
            return Err(Reason::Image);
        }
        let old = self.inventory.read_saved(place, MAX_SIZE)?;
        let mut block = EnvironmentBlock::parse(&old).ok_or(Reason::NoBlock)?;
        for (name, value) in &self.saved.variables {
            let known = block.iter().find(|(known, _)| known == name);
            if known.map(|(_, value)| value) == *value {
                continue;
            }
            let set = block.set(name, value.as_deref());
            set.map_err(|_| Reason::TooSmall)?;
        }
        let new = block.as_bytes().to_vec();
        if new == old {
            return Ok(None);
        }
        let ranges = self.inventory.locate_saved(place, MAX_SIZE as u64)?;
        if let SavePlace::Parts(..) = place
            && !self.is_reserved(&ranges)
        {
            return Err(Reason::NotReserved);
        }
        if overlap(&ranges) {
            return Err(Reason::Overlap);
        }
        let on_disk = |range: Range<u64>| {
            let start = self.volume.offset.checked_add(range.start)?;
            let end = self.volume.offset.checked_add(range.end)?;
            (range.end <= self.volume.size && start <= end).then_some(start..end)
        };
        let places: Option<Vec<_>> = ranges.into_iter().map(on_disk).collect();
        let places = places.ok_or(Reason::OtherContent)?;
        Ok(Some(Change { places, old, new }))
    }

    /// Is it an area that the filesystem leaves alone?
    fn is_reserved(&self, ranges: &[Range<u64>]) -> bool {
        let reserved = BTRFS_RESERVED;
        let inside =
            |range: &Range<u64>| reserved.start <= range.start && range.end <= reserved.end;
        self.volume.content.format == Some(Format::Btrfs) && ranges.iter().all(inside)
    }
}

/// Do two parts of a file share bytes? Then it can't hold what it should.
fn overlap(ranges: &[Range<u64>]) -> bool {
    let mut rest = ranges;
    while let Some((range, others)) = rest.split_first() {
        let shares = |other: &Range<u64>| other.start < range.end && range.start < other.end;
        if others.iter().any(shares) {
            return true;
        }
        rest = others;
    }
    false
}

/// Where the block lies on the disk, what it holds and what it shall hold.
struct Change {
    places: Vec<Range<u64>>,
    old: Vec<u8>,
    new: Vec<u8>,
}

/// Sectors one after the other, with what they shall hold.
#[derive(Debug, PartialEq, Eq)]
struct Patch {
    offset: u64,
    bytes: Vec<u8>,
}

/// A sector that holds a part of the block.
struct Sector {
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Patch {
    /// What turns `old` into `new` on a disk that has its bytes at `places`; `None` where they are the
    /// same.
    fn new(
        disk: &dyn WriteAt,
        places: &[Range<u64>],
        old: &[u8],
        new: &[u8],
    ) -> Result<Option<Patch>, Reason> {
        let size = disk.sector_size();
        let length = usize::try_from(size).unwrap_or_default();
        if !size.is_power_of_two() || length > MAX_SIZE {
            return Err(Reason::SectorSize(size));
        }
        let mut sectors: BTreeMap<u64, Sector> = BTreeMap::new();
        let mut at = places.iter().cloned().flatten();
        // Byte by byte: a block is short, and its parts may share a sector or not.
        for (old, new) in old.iter().zip(new) {
            let place = at.next().ok_or(Reason::OtherContent)?;
            let start = place & !size.saturating_sub(1);
            let sector = match sectors.entry(start) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(free) => {
                    let mut bytes = vec![0; length];
                    disk.read_exact_at(start, &mut bytes)
                        .map_err(Reason::Read)?;
                    free.insert(Sector {
                        old: bytes.clone(),
                        new: bytes,
                    })
                }
            };
            let inside = usize::try_from(place.saturating_sub(start)).unwrap_or(usize::MAX);
            if sector.old.get(inside) != Some(old) {
                return Err(Reason::OtherContent);
            }
            if let Some(byte) = sector.new.get_mut(inside) {
                *byte = *new;
            }
        }
        if old.len() != new.len() || at.next().is_some() {
            return Err(Reason::OtherContent);
        }
        let differs =
            |(start, sector): (&u64, &Sector)| (sector.old != sector.new).then_some(*start);
        let first = sectors.iter().find_map(differs);
        let last = sectors.iter().rev().find_map(differs);
        let Some((first, last)) = first.zip(last) else {
            return Ok(None);
        };
        // One request: sectors between that do not differ are written as they are.
        let mut bytes = Vec::new();
        for (start, sector) in sectors.range(first..=last) {
            if first.checked_add(bytes.len() as u64) != Some(*start) {
                return Err(Reason::Scattered);
            }
            bytes.extend_from_slice(&sector.new);
        }
        Ok(Some(Patch {
            offset: first,
            bytes,
        }))
    }
}

/// Variables were not saved.
#[derive(Debug)]
pub struct SaveError {
    /// The file, with disk and partition.
    file: String,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    File(FsError),
    Image,
    NoBlock,
    TooSmall,
    Assembled,
    Open(io::Error),
    SectorSize(u64),
    Read(io::Error),
    OtherContent,
    NotReserved,
    Overlap,
    Scattered,
    Write(io::Error),
}

impl From<FsError> for Reason {
    fn from(error: FsError) -> Reason {
        Reason::File(error)
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: variables are not saved: ", self.file)?;
        match &self.reason {
            Reason::File(error) => write!(f, "{error}"),
            Reason::Image => f.write_str("it is on a disk in a file, which is only read"),
            Reason::NoBlock => f.write_str("it is no environment block any more"),
            Reason::TooSmall => f.write_str("the environment block is too small for them"),
            Reason::Assembled => f.write_str(
                "it is on a logical volume or an array, and nothing is written to those",
            ),
            Reason::Open(error) => write!(f, "the disk can't be opened for writing: {error}"),
            Reason::SectorSize(size) => write!(f, "the disk has sectors of {size} bytes"),
            Reason::Read(error) => write!(f, "read error: {error}"),
            Reason::OtherContent => {
                f.write_str("the disk holds something else where the file should be")
            }
            Reason::NotReserved => {
                f.write_str("without a file only the beginning of a btrfs is written to")
            }
            Reason::Overlap => f.write_str("parts of the file share a place on the disk"),
            Reason::Scattered => {
                f.write_str("what changes lies in several places and can't be written in one step")
            }
            Reason::Write(error) => write!(f, "write error: {error}"),
        }
    }
}

impl std::error::Error for SaveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::File(error) => Some(error),
            Reason::Open(error) | Reason::Read(error) | Reason::Write(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)] // most blocks lie in one place
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// A disk of 16 KiB, each byte of which tells its sector of 512 bytes.
    struct Disk {
        bytes: RefCell<Vec<u8>>,
        sector_size: u64,
        writes: RefCell<Vec<(u64, usize)>>,
    }

    impl Disk {
        fn new(sector_size: u64) -> Disk {
            let bytes: Vec<u8> = (0..16_384).map(|at| (at / 512) as u8).collect();
            Disk {
                bytes: RefCell::new(bytes),
                sector_size,
                writes: RefCell::default(),
            }
        }

        /// Puts the block at its places.
        fn put(&self, places: &[Range<u64>], block: &[u8]) {
            let mut bytes = self.bytes.borrow_mut();
            for (place, byte) in places.iter().cloned().flatten().zip(block) {
                bytes[place as usize] = *byte;
            }
        }

        fn check(&self, offset: u64, length: usize) -> Range<usize> {
            assert_eq!(offset % self.sector_size, 0);
            assert_eq!(length as u64 % self.sector_size, 0);
            offset as usize..offset as usize + length
        }
    }

    impl WriteAt for Disk {
        fn sector_size(&self) -> u64 {
            self.sector_size
        }

        fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
            let range = self.check(offset, buf.len());
            buf.copy_from_slice(&self.bytes.borrow()[range]);
            Ok(())
        }

        fn write_at_once(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
            let range = self.check(offset, bytes.len());
            self.bytes.borrow_mut()[range].copy_from_slice(bytes);
            self.writes.borrow_mut().push((offset, bytes.len()));
            Ok(())
        }
    }

    /// A block of 1024 bytes, and the same with other bytes at these places.
    fn blocks(changed: &[usize]) -> (Vec<u8>, Vec<u8>) {
        let old = vec![b'o'; 1024];
        let mut new = old.clone();
        for at in changed {
            new[*at] = b'n';
        }
        (old, new)
    }

    /// Changes a block that lies at `places`: the writes that this takes. Everything else on the disk
    /// stays as it is.
    fn writes(
        sector_size: u64,
        places: &[Range<u64>],
        changed: &[usize],
    ) -> Result<Vec<(u64, usize)>, Reason> {
        let (old, new) = blocks(changed);
        let disk = Disk::new(sector_size);
        disk.put(places, &old);
        if let Some(patch) = Patch::new(&disk, places, &old, &new)? {
            disk.write_at_once(patch.offset, &patch.bytes).unwrap();
        }
        let expected = Disk::new(sector_size);
        expected.put(places, &new);
        assert!(disk.bytes == expected.bytes, "{places:?} {changed:?}");
        Ok(disk.writes.take())
    }

    #[test]
    fn parts_that_share_a_place() {
        assert!(!overlap(&[]));
        assert!(!overlap(&[512..1024, 0..512, 1024..1025]));
        assert!(overlap(&[512..1024, 0..513]));
        assert!(overlap(&[0..512, 1024..1536, 0..512]));
    }

    #[test]
    fn sectors_that_differ_are_written_at_once() {
        let whole = [4096..5120];
        for (sector_size, changed, expected) in [
            (512, &[30][..], (4096, 512)),
            (512, &[30, 40], (4096, 512)),
            (512, &[700], (4608, 512)),
            (512, &[511, 512], (4096, 1024)),
            (4096, &[30], (4096, 4096)),
            (4096, &[0, 1023], (4096, 4096)),
        ] {
            assert_eq!(writes(sector_size, &whole, changed).unwrap(), [expected]);
        }
        // The middle of a larger sector, and over the edge of one.
        assert_eq!(writes(4096, &[5120..6144], &[5]).unwrap(), [(4096, 4096)]);
        let over = [7680..8704];
        assert_eq!(writes(4096, &over, &[5, 1000]).unwrap(), [(4096, 8192)]);
        assert_eq!(writes(4096, &over, &[1000]).unwrap(), [(8192, 4096)]);
    }

    #[test]
    fn nothing_is_written_where_nothing_changes() {
        assert_eq!(writes(512, &[4096..5120], &[]).unwrap(), []);
        assert_eq!(writes(4096, &[4096..5120], &[]).unwrap(), []);
    }

    #[test]
    fn a_block_in_parts_is_written_where_one_step_is_enough() {
        let parts = [8192..8704, 1024..1536];
        assert_eq!(writes(512, &parts, &[5]).unwrap(), [(8192, 512)]);
        assert_eq!(writes(512, &parts, &[600]).unwrap(), [(1024, 512)]);
        let refused = writes(512, &parts, &[5, 600]);
        assert!(matches!(refused, Err(Reason::Scattered)), "{refused:?}");
        // Side by side in the wrong order, or in one sector.
        let turned = [1536..2048, 1024..1536];
        assert_eq!(writes(512, &turned, &[5, 600]).unwrap(), [(1024, 1024)]);
        let together = [0..512, 3072..3584];
        assert_eq!(writes(4096, &together, &[5, 600]).unwrap(), [(0, 4096)]);
    }

    #[test]
    fn what_the_disk_does_not_hold_is_not_changed() {
        let (old, new) = blocks(&[5]);
        let disk = Disk::new(512);
        disk.put(&[4096..5120], &old);
        for places in [
            // Somewhere else, too short, too long, nowhere.
            &[4097..5121][..],
            &[4096..5000],
            &[4096..5121],
            &[],
        ] {
            let refused = Patch::new(&disk, places, &old, &new);
            assert!(matches!(refused, Err(Reason::OtherContent)), "{places:?}");
        }
        for sector_size in [0, 500, 1 << 20] {
            let disk = Disk::new(sector_size);
            let refused = Patch::new(&disk, &[4096..5120], &old, &new);
            assert!(matches!(refused, Err(Reason::SectorSize(_))));
        }
    }
}
