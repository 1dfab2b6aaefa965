//! Arrays of Linux software RAID (MD), put together in user space.

mod array;
mod parity;
mod superblock;
mod superblock_090;

pub(super) use array::{Member, assemble};
pub(super) use superblock::Superblock;

impl Superblock {
    /// UUID of the array, with dashes.
    pub(super) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// GRUB's name of the array (`grub_diskfilter_make_raid` in `grub-core/disk/diskfilter.c`).
    pub(super) fn name(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("md/{name}"))
    }

    /// What a filesystem of a member means to the machine is what the array means: a mirror keeps the same
    /// bytes.
    pub(super) fn is_mirror(&self) -> bool {
        self.geometry.level == 1
    }
}
