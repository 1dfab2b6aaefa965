//! [`Configurations`]: all scripts of a machine, and how they lead to each other.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::evaluate::{Evaluated, evaluate_within};
use super::limits::Allowance;
use super::places::{files, is_stub};
use super::platform::Platform;
use crate::config::identity::place;
use crate::entry::{BootEntry, EntrySource, FileRef, Password, VolumeId};
use crate::inventory::Inventory;
use crate::text::hex;

/// A disk with more configurations, not counting those that others lead to, is an attack or a mistake.
const MAX_CONFIGURATIONS: usize = 64;

/// The configurations of a machine, each of which is read once.
#[derive(Default)]
pub struct Configurations {
    reached: BTreeSet<FileRef>,
    /// What those of the usual names are, whatever path leads to them, and which of `first` led there first.
    identities: BTreeMap<String, usize>,
    first: Vec<FileRef>,
    /// What was said already, behind the volume that it was said of.
    said: BTreeSet<String>,
    /// Further ways to scripts that were read before, if there is a password on them.
    ways: Vec<Way>,
    /// What [`Configurations::hidden`] gives.
    hidden: Vec<(usize, BootEntry)>,
    /// What [`Configurations::locked`] gives.
    locked: BTreeSet<usize>,
}

/// A configuration with a password that leads to scripts which were read before.
struct Way {
    /// The configuration.
    from: FileRef,
    /// The scripts.
    to: BTreeSet<FileRef>,
    /// Where the entries in those are that it starts without a password.
    open: BTreeSet<String>,
}

/// A text for the place of an entry, in a file that may have another name.
fn place_of(entry: &BootEntry, file: &FileRef) -> String {
    format!("{:?}{}", entry.origin.line, file.key())
}

/// Does what one script says count for another one: that there is a password, or that it was read? Who can pull its
/// disk out, or plug it in, has no say in other disks.
fn has_say(inventory: &Inventory, from: &FileRef, to: &FileRef) -> bool {
    let is_removable = |file: &FileRef| {
        let disk = inventory.disk(file.volume);
        disk.is_some_and(|scanned| scanned.disk.is_removable())
    };
    !is_removable(from) || is_removable(to)
}

impl Configurations {
    /// Evaluates those on the volumes of one disk. Those come first that stand beside GRUB itself and lead
    /// on to others.
    pub fn read(
        &mut self,
        inventory: &Inventory,
        volumes: impl IntoIterator<Item = VolumeId>,
    ) -> Vec<(FileRef, Evaluated)> {
        let files = files(inventory, volumes);
        let mut left = Allowance::of_disk(inventory.disks().len());
        let mut all = Vec::new();
        for (number, file) in files.iter().enumerate() {
            let is_known = self.known(inventory, file).is_some();
            // Firmware begins with a stub, whatever has led to it before.
            if is_known && !is_stub(&file.path) {
                continue;
            }
            let file = file.clone();
            if all.len() >= MAX_CONFIGURATIONS {
                let text = format!(
                    "{}: the disk has over {MAX_CONFIGURATIONS} configurations: it is left out, and those \
                     that follow",
                    file.path
                );
                let problems = vec![text];
                let left_out = Evaluated {
                    problems,
                    ..Evaluated::default()
                };
                all.push((file, left_out));
                break;
            }
            let platform = Platform::of(inventory, &file);
            let others = MAX_CONFIGURATIONS.saturating_sub(all.len());
            let share = left.share(files.len().saturating_sub(number).min(others));
            let (mut evaluated, used) = evaluate_within(inventory, &file, platform, share);
            left = left.without(used);
            if evaluated.has_password {
                self.lock(inventory, &file, &evaluated.reached);
            }
            evaluated.entries.iter_mut().for_each(block_without_file);
            let own = (!is_known).then_some(&file);
            self.drop_known(inventory, &file, own, &mut evaluated);
            let reached = evaluated.reached.iter();
            for script in reached.filter(|script| has_say(inventory, &file, script)) {
                if let Some(identity) = identity(inventory, script) {
                    self.identities.entry(identity).or_insert(self.first.len());
                    self.first.push(script.clone());
                }
                self.reached.insert(script.clone());
            }
            if !is_known || !evaluated.entries.is_empty() {
                all.push((file, evaluated));
            }
        }
        all
    }

    /// Was this file read as a script, or as an entry that a script asked for? What those on a removable disk read
    /// of others does not count.
    pub fn has_read(&self, file: &FileRef) -> bool {
        self.reached.contains(file)
    }

    /// Entries that a menu with a password has as well, but which were listed before: each with the disk of the
    /// configuration. They say what the password is for.
    pub fn hidden(&self) -> &[(usize, BootEntry)] {
        &self.hidden
    }

    /// The disks of scripts that set a password, whether or not anything was found that they start.
    pub fn locked(&self) -> &BTreeSet<usize> {
        &self.locked
    }

    /// Remembers where the scripts lie that a configuration with a password leads to.
    fn lock(&mut self, inventory: &Inventory, from: &FileRef, scripts: &BTreeSet<FileRef>) {
        let scripts = std::iter::once(from).chain(scripts);
        let scripts = scripts.filter(|script| has_say(inventory, from, script));
        self.locked.extend(scripts.map(|file| file.volume.disk));
    }

    /// Where several ways lead to a script, its entries need a password if one of the ways asks for it, whatever was
    /// read first.
    pub fn restrict(&self, inventory: &Inventory, entries: &mut [BootEntry]) {
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut ways: Vec<Vec<&Way>> = Vec::new();
        for way in &self.ways {
            for script in &way.to {
                let number = *known.entry(script.key()).or_insert(ways.len());
                match ways.get_mut(number) {
                    Some(ways) => ways.push(way),
                    None => ways.push(vec![way]),
                }
            }
        }
        let of_grub = |entry: &&mut BootEntry| entry.source == EntrySource::Grub;
        for entry in entries.iter_mut().filter(of_grub) {
            let file = &entry.origin.file;
            let number = known.get(&file.key()).copied();
            let ways = number.and_then(|number| ways.get(number));
            let place = place_of(entry, file);
            let ways = ways.into_iter().flatten();
            let mut ways = ways.filter(|way| !way.open.contains(&place));
            let Some(way) = ways.next() else {
                continue;
            };
            let is_known = entry.password == Password::Start;
            entry.password = Password::Start;
            if !is_known {
                entry.block(format!(
                    "GRUB asks for a password when it comes here from {}",
                    inventory.describe(&way.from)
                ));
            }
        }
    }

    /// The name under which this file was read before, where another path may have led to it.
    fn known(&self, inventory: &Inventory, file: &FileRef) -> Option<FileRef> {
        if self.has_read(file) {
            return Some(file.clone());
        }
        let number = self.identities.get(&identity(inventory, file)?)?;
        self.first.get(*number).cloned()
    }

    /// What leads to a configuration that was read before offers nothing new. `own` is what was not read before.
    fn drop_known(
        &mut self,
        inventory: &Inventory,
        file: &FileRef,
        own: Option<&FileRef>,
        evaluated: &mut Evaluated,
    ) {
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut first = Vec::new();
        let others = evaluated.reached.iter();
        for script in others.filter(|script| Some(*script) != own) {
            if let Some(name) = self.known(inventory, script) {
                known.insert(script.key(), first.len());
                first.push(name);
            }
        }
        let mut way = Way {
            from: file.clone(),
            to: BTreeSet::new(),
            open: BTreeSet::new(),
        };
        for entry in std::mem::take(&mut evaluated.entries) {
            let number = known.get(&entry.origin.file.key());
            let Some(script) = number.and_then(|number| first.get(*number)) else {
                evaluated.entries.push(entry);
                continue;
            };
            if entry.password != Password::Start {
                way.open.insert(place_of(&entry, script));
            }
            if evaluated.has_password {
                self.hidden.push((file.volume.disk, entry));
            }
        }
        if evaluated.has_password {
            first.retain(|script| has_say(inventory, file, script));
            way.to.extend(first);
            self.ways.push(way);
        }
        let is_new = |text: &String| self.said.insert(file.volume.key() + text);
        evaluated.problems.retain(is_new);
    }
}

/// What a kernel of Arch Linux is told about the file that its medium lies in.
const OF_FILE: [&str; 3] = ["img_dev=", "img_dev=UUID=", "img_loop="];

/// `loopback.cfg` expects variables of who has opened the file with the medium. Of a medium that is a disk nobody has,
/// and what starts without them waits for a disk that has no name.
fn block_without_file(entry: &mut BootEntry) {
    let mut words = entry.cmdline.split_ascii_whitespace();
    if let Some(word) = words.find(|word| OF_FILE.contains(word)) {
        let text =
            format!("`{word}` says nothing: this entry is for a medium in a file of another one");
        entry.block(text);
    }
}

/// What tells a configuration from others, as a text. Symbolic links lead to one by several paths: `/boot/boot` is
/// often one to `/boot` itself. It is where the script lies; where nobody can tell, when it was changed, and what it
/// says. `None` for a file that has another name than those that are looked for, and one that can't be read.
fn identity(inventory: &Inventory, file: &FileRef) -> Option<String> {
    let FileRef { volume, path } = file;
    let name = path.file_name();
    let names = ["grub.cfg", "loopback.cfg"];
    if !names.iter().any(|usual| name.eq_ignore_ascii_case(usual)) {
        return None;
    }
    let filesystem = inventory.filesystem(*volume).ok()?;
    if let Ok(ranges) = filesystem.locate(path, MAX_SIZE as u64) {
        return Some(volume.key() + &place(&ranges));
    }
    let modified = filesystem.metadata(path).ok()?.modified;
    let content = filesystem.read(path, MAX_SIZE).ok()?;
    let digest = hex(&Sha256::digest(content));
    Some(format!("{}{modified:?} {digest}", volume.key()))
}

/// Longer scripts are not read, in bytes.
const MAX_SIZE: usize = super::commands::MAX_SCRIPT;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryFilesystem;

    #[test]
    fn what_is_for_a_medium_in_a_file_is_not_started_from_a_disk() {
        let script = "menuentry file { linux /k img_dev=UUID=${dev} img_loop=\"${iso_path}\" quiet; }\n\
                      menuentry disk { linux /k findiso=${iso_path} img_loop=x; }\n";
        let files = MemoryFilesystem::new().file("/boot/grub/loopback.cfg", script);
        let files = files.file("/k", "");
        let mut inventory = Inventory::new();
        let volume = inventory.add_filesystem("a", Box::new(files));
        let all = Configurations::default().read(&inventory, [volume]);
        let entries = &all[0].1.entries;
        let text =
            "`img_dev=UUID=` says nothing: this entry is for a medium in a file of another one";
        let problems = &entries[0].problems;
        assert!(
            problems.iter().any(|p| p.blocks && p.text == text),
            "{problems:?}"
        );
        assert!(entries[1].bootable(), "{:?}", entries[1].problems);
    }

    #[test]
    fn a_disk_with_too_many_configurations_says_so() {
        let files = (0..70).fold(MemoryFilesystem::new(), |all, number| {
            all.file(
                &format!("/EFI/{number:02}/grub.cfg"),
                format!("x={number}\n"),
            )
        });
        let mut inventory = Inventory::new();
        let volume = inventory.add_filesystem("a", Box::new(files));
        let all = Configurations::default().read(&inventory, [volume]);
        assert_eq!(all.len(), MAX_CONFIGURATIONS + 1);
        let (file, last) = &all[MAX_CONFIGURATIONS];
        assert_eq!(file.path.as_str(), "/EFI/64/grub.cfg");
        assert_eq!(
            last.problems,
            [
                "/EFI/64/grub.cfg: the disk has over 64 configurations: it is left out, and those that \
                 follow"
            ]
        );
    }
}
