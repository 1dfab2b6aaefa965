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

use crate::disk::Format;
use crate::entry::{FileRef, VolumeId};
use crate::inventory::Inventory;

/// Lists what the first configuration on a volume offers, where there is one, and says which it is.
pub(super) fn of_volume(inventory: &Inventory, volume: VolumeId) -> Option<(FileRef, Listed)> {
    let filesystem = inventory.filesystem(volume).ok()?;
    let content = &inventory.volume(volume)?.content;
    let place = places::find(filesystem, content.format == Some(Format::Iso9660))?;
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
    );
    let path = place.path;
    Some((FileRef { volume, path }, listed))
}
