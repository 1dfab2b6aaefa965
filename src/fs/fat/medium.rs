//! [`Medium`]: a volume as the crate `fatfs` wants to see it.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;
use std::sync::Arc;

use fatfs::ReadWriteSeek;

use crate::disk::bytes::{le16, le32};
use crate::disk::{ReadAt, Window};

/// Bytes that may be read while one directory is searched or one file is positioned: a circular chain of
/// clusters ends here. It is more than a directory with [`MAX_DIRECTORY_ENTRIES`](crate::fs::MAX_DIRECTORY_ENTRIES)
/// long names has, and more than the table entries of the largest file.
pub(super) const BUDGET: u64 = 64 * 1024 * 1024;

/// The boot sector up to the length of a table of FAT32.
const TOLD: usize = 40;

/// What the [`Medium`] shares with its user, who has given it away.
pub(super) struct Meter {
    /// Bytes that may still be read.
    pub(super) budget: Cell<u64>,
    /// Where the last read began, in bytes.
    pub(super) last: Cell<u64>,
}

/// The disk as the crate wants to see it: readable while the budget lasts, never writable.
pub(super) struct Medium {
    source: Arc<Window>,
    /// What the crate sees of the boot sector's numbers, where it would not take what stands there.
    told: Option<[u8; TOLD]>,
    position: u64,
    meter: Rc<Meter>,
}

impl Medium {
    /// What is read through `source`, and who counts it.
    pub(super) fn new(source: Arc<Window>) -> (Medium, Rc<Meter>) {
        let meter = Rc::new(Meter {
            budget: Cell::new(BUDGET),
            last: Cell::default(),
        });
        let mut boot = [0; TOLD];
        let read = source.read_exact_at(0, &mut boot);
        let medium = Medium {
            told: read.ok().and_then(|()| told(boot)),
            source,
            position: 0,
            meter: meter.clone(),
        };
        (medium, meter)
    }
}

/// The crate asks that a FAT32 has more clusters than a FAT16 could have, and counts its sectors with 32 bits, as the
/// specification does. `mkfs.vfat -F 32` makes smaller ones, and Linux and firmware go by the lengths of the tables
/// alone (`fat_fill_super` in `fs/fat/inode.c`). The crate is told of sectors that are not there: nothing is in them.
fn told(mut boot: [u8; TOLD]) -> Option<[u8; TOLD]> {
    /// With fewer clusters it would be a FAT16.
    const LEAST: u32 = 65_525;

    let short = |at: usize| le16(&boot, at).map(u32::from);
    let (small, in_table) = (short(19)?, short(22)?);
    let total = if small == 0 { le32(&boot, 32)? } else { small };
    let tables = u32::from(*boot.get(16)?).checked_mul(le32(&boot, 36)?)?;
    let clusters = u32::from(*boot.get(13)?).checked_mul(LEAST)?;
    let least = short(14)?.checked_add(tables)?.checked_add(clusters)?;
    let is_taken = in_table != 0 || (small == 0 && total >= least);
    if is_taken {
        return None;
    }
    boot.get_mut(19..21)?.fill(0);
    let total = total.max(least).to_le_bytes();
    boot.get_mut(32..36)?.copy_from_slice(&total);
    Some(boot)
}

impl Read for Medium {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read_at(self.position, buf)?;
        let left = self.meter.budget.get().checked_sub(n as u64);
        // Not `Other`: the crate uses that for its own findings.
        let left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        self.meter.budget.set(left);
        self.meter.last.set(self.position);
        let at = usize::try_from(self.position).unwrap_or(usize::MAX);
        let told = self.told.as_ref().and_then(|told| told.get(at..));
        let bytes = buf.iter_mut().take(n);
        for (byte, told) in bytes.zip(told.into_iter().flatten()) {
            *byte = *told;
        }
        self.position = self.position.saturating_add(n as u64);
        Ok(n)
    }
}

impl Seek for Medium {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.source.size().checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// The crate's trait asks for it; nothing that is called here writes, and nothing could.
impl Write for Medium {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const _: fn() = || {
    fn is_a_medium<T: ReadWriteSeek>() {}
    is_a_medium::<Medium>();
};
