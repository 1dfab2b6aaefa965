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
use crate::disk::{DiskWriter, Volume, WriteAt};
use crate::entry::SavedVariables;
use crate::fs::FsError;
use crate::inventory::{Inventory, ScannedDisk};
use crate::text::Printable;

/// A longer file is no environment block; GRUB makes them of 1024 bytes.
const MAX_SIZE: usize = 64 * 1024;

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
        file: inventory.describe(&saved.file).to_string(),
        reason,
    };
    let volume = inventory.volume(saved.file.volume);
    let disk = inventory.disk(saved.file.volume);
    let (disk, volume) = disk.zip(volume).ok_or_else(|| at(Reason::NoBlock))?;
    let patch = Target {
        inventory,
        saved,
        disk,
        volume,
    };
    patch.write(open).map_err(at)
}

struct Target<'a> {
    inventory: &'a Inventory,
    saved: &'a SavedVariables,
    disk: &'a ScannedDisk,
    volume: &'a Volume,
}

impl Target<'_> {
    fn write(&self, open: Open<'_>) -> Result<bool, Reason> {
        let (places, old, new) = match self.change()? {
            Some(change) => change,
            None => return Ok(false),
        };
        let disk = open(self.disk, self.volume).map_err(Reason::Open)?;
        let Some(patch) = Patch::new(disk.as_ref(), &places, &old, &new)? else {
            return Ok(false);
        };
        let names: Vec<&str> = self
            .saved
            .variables
            .iter()
            .map(|(n, _)| n.as_str())
            .collect();
        log::info!(
            "writing {} to {}",
            Printable(&names.join(", ")),
            Printable(&self.inventory.describe(&self.saved.file).to_string())
        );
        let written = disk.write_at_once(patch.offset, &patch.bytes);
        written.map_err(Reason::Write)?;
        Ok(true)
    }

    /// Where the block lies on the disk, what it holds and what it shall hold; `None` where that is the
    /// same.
    #[allow(clippy::type_complexity)] // a name for it would be longer
    fn change(&self) -> Result<Option<(Vec<Range<u64>>, Vec<u8>, Vec<u8>)>, Reason> {
        let file = &self.saved.file;
        let filesystem = self.inventory.filesystem(file.volume);
        let filesystem = filesystem.map_err(|error| Reason::Filesystem(error.to_string()))?;
        let old = filesystem.read(&file.path, MAX_SIZE)?;
        let mut block = EnvironmentBlock::parse(&old).ok_or(Reason::NoBlock)?;
        for (name, value) in &self.saved.variables {
            let set = block.set(name, value.as_deref());
            set.map_err(|_| Reason::TooSmall)?;
        }
        let new = block.as_bytes().to_vec();
        if new == old {
            return Ok(None);
        }
        let ranges = filesystem.locate(&file.path, MAX_SIZE as u64)?;
        let on_disk = |range: Range<u64>| {
            let start = self.volume.offset.checked_add(range.start)?;
            let end = self.volume.offset.checked_add(range.end)?;
            (range.end <= self.volume.size && start <= end).then_some(start..end)
        };
        let places: Option<Vec<_>> = ranges.into_iter().map(on_disk).collect();
        let places = places.ok_or(Reason::OtherContent)?;
        Ok(Some((places, old, new)))
    }
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
    Filesystem(String),
    File(FsError),
    NoBlock,
    TooSmall,
    Open(io::Error),
    SectorSize(u64),
    Read(io::Error),
    OtherContent,
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
            Reason::Filesystem(error) => write!(f, "the filesystem can't be read: {error}"),
            Reason::File(error) => write!(f, "{error}"),
            Reason::NoBlock => f.write_str("it is no environment block any more"),
            Reason::TooSmall => f.write_str("the environment block is too small for them"),
            Reason::Open(error) => write!(f, "the disk can't be opened for writing: {error}"),
            Reason::SectorSize(size) => write!(f, "the disk has sectors of {size} bytes"),
            Reason::Read(error) => write!(f, "read error: {error}"),
            Reason::OtherContent => {
                f.write_str("the disk holds something else where the file should be")
            }
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
