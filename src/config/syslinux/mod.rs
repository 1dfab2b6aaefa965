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
use crate::fs::FsPath;
use crate::inventory::Inventory;

/// Lists what the first configuration on a volume offers that offers anything, where there is one, and says which it
/// is. It has its share of what all of the disk may take.
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
    let known = Known {
        smbios: inventory.smbios(),
        content: Some(content),
    };
    let mut tried: Vec<FsPath> = Vec::new();
    let mut problems = Vec::new();
    let mut has_password = false;
    for place in places::all(filesystem, is_optical, budget) {
        if tried.contains(&place.path) {
            continue;
        }
        let mut listed = list(
            filesystem,
            volume,
            &place.path,
            &place.directory,
            place.medium,
            known,
            budget,
        );
        problems.append(&mut listed.problems);
        has_password |= listed.has_password;
        if !listed.entries.is_empty() {
            listed.problems = problems;
            listed.has_password = has_password;
            let path = place.path;
            return Some((FileRef { volume, path }, listed));
        }
        problems.push(format!("{}: it offers nothing", place.path));
        tried.push(place.path);
    }
    let path = tried.into_iter().next()?;
    let listed = Listed {
        problems,
        has_password,
        ..Listed::default()
    };
    Some((FileRef { volume, path }, listed))
}
