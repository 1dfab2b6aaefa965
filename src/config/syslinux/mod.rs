//! SYSLINUX and its relatives EXTLINUX, ISOLINUX and PXELINUX: configurations of labels and menus, which
//! U-Boot and petitboot read, too.
//!
//! The reference is SYSLINUX 6 (`com32/elflink/ldlinux` and `com32/menu` in its source). A file becomes a
//! [`tree`] of menus and labels, each label a [`command`], and a command that starts Linux an entry.

mod choice;
mod command;
mod entry;
mod esx;
mod files;
mod line;
mod listing;
mod places;
mod reader;
mod sysappend;
#[cfg(test)]
mod tests;
mod tree;

pub use listing::{Listed, Medium, list};
pub use sysappend::Known;

use super::budget::Budget;
use crate::disk::Format;
use crate::entry::{FileRef, VolumeId};
use crate::inventory::Inventory;

/// Lists what the first configuration on a volume offers, where there is one, and says which it is. It has its share
/// of what all of the disk may take.
///
/// # Errors
/// Why it was not looked for everywhere, in words.
pub(super) fn of_volume(
    inventory: &Inventory,
    volume: VolumeId,
    disk: &Budget,
) -> Result<Option<(FileRef, Listed)>, String> {
    disk.share(|budget| {
        let found = of_share(inventory, volume, budget);
        match budget.exceeded().filter(|_| found.is_none()) {
            Some(limit) => Err(format!(
                "the configuration of SYSLINUX is not looked for everywhere: {limit}"
            )),
            None => Ok(found),
        }
    })
}

fn of_share(inventory: &Inventory, volume: VolumeId, budget: &Budget) -> Option<(FileRef, Listed)> {
    let filesystem = inventory.filesystem(volume).ok()?;
    let content = &inventory.volume(volume)?.content;
    let is_optical = content.format == Some(Format::Iso9660);
    let place = places::find(filesystem, is_optical, budget)?;
    let known = Known {
        smbios: inventory.smbios(),
        content: Some(content),
    };
    let listed = list(
        filesystem,
        volume,
        &place.path,
        &place.directory,
        place.medium,
        known,
        budget,
    );
    let path = place.path;
    Some((FileRef { volume, path }, listed))
}
