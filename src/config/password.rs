//! Passwords: what one boot loader asks a password for, others do not offer without.

use std::collections::{BTreeMap, BTreeSet};

use super::discover::Found;
use super::identity::{Identities, Identity};
use super::same::{Start, identities, outline};
use crate::entry::{BootEntry, EntrySource, FileRef, Password};
use crate::inventory::Inventory;

/// Keeps entries from being booted whose kernel is in a menu with a password that they do not know of:
/// unless that menu offers just the same without one. `hidden` are entries of such menus that are not listed,
/// each with the disk of its configuration.
///
/// A menu on a disk that anybody may plug in or pull out says nothing of what lies on others.
pub(super) fn guard(
    inventory: &Inventory,
    found: &mut Found,
    hidden: &[(usize, BootEntry)],
    known: &Identities<'_>,
) {
    let mut menus = Menus {
        inventory,
        known,
        guarded: BTreeMap::new(),
        open: BTreeSet::new(),
    };
    for configuration in &found.configurations {
        let disk = configuration.file.volume.disk;
        let own = found.entries.get(configuration.entries.clone());
        for entry in own.unwrap_or_default() {
            menus.add(disk, entry);
        }
    }
    hidden
        .iter()
        .for_each(|(disk, entry)| menus.add(*disk, entry));
    if menus.guarded.is_empty() {
        return;
    }
    for entry in &found.entries {
        menus.open(entry);
    }
    for entry in &mut found.entries {
        if let Some(source) = menus.refuse(entry) {
            let menu = source.menu();
            entry.block(format!(
                "its kernel is in a menu of {menu} that has a password, and which does not offer the same \
                 without it"
            ));
        }
    }
}

/// Menus with passwords.
struct Menus<'a> {
    inventory: &'a Inventory,
    known: &'a Identities<'a>,
    /// What they start, and in which languages they are written.
    guarded: BTreeMap<Identity, BTreeSet<EntrySource>>,
    /// What they start without a password.
    open: BTreeSet<(EntrySource, Start)>,
}

/// A kernel, or what Multiboot loads: there it may be a module.
fn kernels(entry: &BootEntry) -> impl Iterator<Item = &FileRef> {
    let modules = entry.modules.iter().map(|module| &module.file);
    entry.kernel.iter().chain(modules)
}

impl Menus<'_> {
    /// Adds an entry of a menu on this disk.
    fn add(&mut self, disk: usize, entry: &BootEntry) {
        if entry.password == Password::None {
            return;
        }
        for kernel in kernels(entry) {
            if self.is_removable(disk) && !self.is_removable(kernel.volume.disk) {
                continue;
            }
            let languages = self.guarded.entry(self.known.at_least(kernel)).or_default();
            languages.insert(entry.source);
        }
    }

    fn is_removable(&self, disk: usize) -> bool {
        let scanned = self.inventory.disks().get(disk);
        scanned.is_some_and(|scanned| scanned.disk.is_removable())
    }

    /// The languages of the menus that start a kernel of this entry.
    fn guards(&self, entry: &BootEntry) -> BTreeSet<EntrySource> {
        let guards =
            kernels(entry).filter_map(|kernel| self.guarded.get(&self.known.at_least(kernel)));
        guards.flatten().copied().collect()
    }

    /// Remembers what anybody may start.
    fn open(&mut self, entry: &BootEntry) {
        if entry.bootable()
            && self.guards(entry).contains(&entry.source)
            && let Some(outline) = outline(entry)
        {
            let start = (outline, identities(entry, self.known));
            self.open.insert((entry.source, start));
        }
    }

    /// Which menu keeps an entry of another one from being booted?
    fn refuse(&self, entry: &BootEntry) -> Option<EntrySource> {
        if !entry.bootable() {
            return None;
        }
        let guards = self.guards(entry);
        let others = guards.into_iter().filter(|source| *source != entry.source);
        let start = || Some((outline(entry)?, identities(entry, self.known)));
        others.into_iter().find(|source| {
            let start = start().map(|start| (*source, start));
            !start.is_some_and(|start| self.open.contains(&start))
        })
    }
}

impl EntrySource {
    /// How a menu of it is called; only two have passwords.
    fn menu(self) -> &'static str {
        match self {
            EntrySource::Syslinux => "SYSLINUX",
            _ => "GRUB",
        }
    }
}
