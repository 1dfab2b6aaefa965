//! Passwords: what one boot loader asks a password for, others do not offer without.

use std::collections::BTreeSet;

use super::discover::Found;
use super::identity::Identities;
use super::same::start;
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
        guarded: BTreeSet::new(),
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

/// Keeps guesses from being booted that lie on `locked` disks, where a menu has a password. What the menu
/// lacks, perhaps since a line of it can't be read, nobody can start there without it.
pub(super) fn guard_guesses(found: &mut Found, locked: &BTreeSet<usize>) {
    for entry in &mut found.entries {
        let disk = entry.origin.file.volume.disk;
        if entry.source == EntrySource::Guess && locked.contains(&disk) && entry.mendable() {
            entry.block("a boot menu on this disk has a password, and does not offer it without");
        }
    }
}

/// Boot loaders that have passwords.
const LANGUAGES: [EntrySource; 2] = [EntrySource::Grub, EntrySource::Syslinux];

/// Menus with passwords.
struct Menus<'a> {
    inventory: &'a Inventory,
    known: &'a Identities<'a>,
    /// The kernels that they start, each behind the name of the language.
    guarded: BTreeSet<String>,
    /// What is started without a password, behind the same.
    open: BTreeSet<String>,
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
            let kernel = self.known.at_least(kernel);
            self.guarded
                .insert(entry.source.name().to_owned() + &kernel);
        }
    }

    fn is_removable(&self, disk: usize) -> bool {
        let scanned = self.inventory.disks().get(disk);
        scanned.is_some_and(|scanned| scanned.disk.is_removable())
    }

    /// Does a menu in this language start a kernel of the entry?
    fn guards(&self, source: EntrySource, entry: &BootEntry) -> bool {
        let is_guarded = |kernel| {
            let kernel = self.known.at_least(kernel);
            self.guarded.contains(&(source.name().to_owned() + &kernel))
        };
        kernels(entry).any(is_guarded)
    }

    /// What the entry starts, if a menu in this language is to start it.
    fn start(&self, source: EntrySource, entry: &BootEntry) -> Option<String> {
        let start = start(entry, self.known)?;
        Some(source.name().to_owned() + &start)
    }

    /// Remembers what anybody may start.
    fn open(&mut self, entry: &BootEntry) {
        let source = entry.source;
        if entry.bootable() && self.guards(source, entry) {
            self.open.extend(self.start(source, entry));
        }
    }

    /// Which menu keeps an entry of another one from being booted?
    fn refuse(&self, entry: &BootEntry) -> Option<EntrySource> {
        let refuses = |source: &EntrySource| {
            let start = || self.start(*source, entry);
            // What a person has to change first is not the same, and is not merged with what asks for a password then.
            let is_open =
                || entry.bootable() && start().is_some_and(|start| self.open.contains(&start));
            *source != entry.source && self.guards(*source, entry) && !is_open()
        };
        let mut refused = LANGUAGES.into_iter().filter(|_| entry.mendable());
        refused.find(refuses)
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
