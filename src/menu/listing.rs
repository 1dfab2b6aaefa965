//! [`Listing`]: what was found on disks, as far as a menu shows it.

use std::fmt;

use crate::config::Found;
use crate::entry::{
    BootEntry, Change, CompanionKind, FileRef, HotKey, Initrd, Origin, Password, PayloadKind,
    Problem, VolumeId,
};
use crate::inventory::Inventory;
use crate::size::Size;

/// Everything that was found, at one time. What changes with a disk is a new listing.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The entries, in the order of the menu.
    pub items: Vec<Item>,
    /// The one that is started without a person, as an index.
    pub automatic: Option<usize>,
    /// What happens where none is, in words; `None` waits for one.
    pub ending: Option<String>,
    /// Disks and volumes, line by line.
    pub disks: Vec<String>,
    /// What was found and is not offered, or only in spite of damage, and why.
    pub notes: Vec<String>,
}

/// An entry in a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The id of the [`BootEntry`].
    pub id: String,
    /// Its title.
    pub title: String,
    /// Titles of the menus around it, from the outside in.
    pub submenu: Vec<String>,
    /// Where it was written down, in words.
    pub place: String,
    /// The key that its configuration gives it.
    pub hot_key: Option<HotKey>,
    /// Those of the menus around it, as far as they are known.
    pub submenu_keys: Vec<Option<HotKey>>,
    /// What keeps it from being started as it is.
    pub(super) blocking: Vec<Problem>,
    /// A configuration chooses it.
    pub default: bool,
    /// What its own configuration asks a password for.
    pub password: Password,
    /// Why its command line and its initrds can't be others, whatever the policy lets.
    pub fixed: Option<&'static str>,
    /// Its command line.
    pub cmdline: String,
    /// Its initrds.
    pub initrd: Vec<Initrd>,
    kernel: Option<VolumeId>,
    profile: usize,
    origins: Vec<Origin>,
}

/// A line of what is known of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is.
    pub word: &'static str,
    /// What is known.
    pub text: String,
}

impl Item {
    fn new(inventory: &Inventory, entry: &BootEntry) -> Item {
        let kinds = [
            PayloadKind::Linux,
            PayloadKind::Multiboot,
            PayloadKind::Multiboot2,
        ];
        let blocking = entry.problems.iter().filter(|problem| problem.blocks);
        let origins = std::iter::once(&entry.origin).chain(&entry.also_at);
        Item {
            id: entry.id.clone(),
            title: entry.title.clone(),
            submenu: entry.submenu.clone(),
            place: place(inventory, &entry.origin),
            hot_key: entry.hot_key,
            submenu_keys: entry.submenu_keys.clone(),
            blocking: blocking.cloned().collect(),
            default: entry.default,
            password: entry.password,
            fixed: match (kinds.contains(&entry.kind), entry.fixed) {
                // Its command line and its initrds are parts of it.
                (false, _) => Some("it is one file with its command line"),
                (true, true) => Some("its loader.conf says `editor no`"),
                (true, false) => None,
            },
            cmdline: entry.cmdline.clone(),
            initrd: entry.initrd.clone(),
            kernel: entry.kernel.as_ref().map(|kernel| kernel.volume),
            profile: entry.unified.as_ref().map_or(0, |unified| unified.profile),
            origins: origins.cloned().collect(),
        }
    }

    /// Why it can't be started, with other initrds or another command line if it has them.
    pub(super) fn blocked(&self, changes: &[Change]) -> Option<&str> {
        let mut blocking = self.blocking.iter();
        let first = blocking.find(|problem| !problem.is_mended_by(changes));
        first.map(|problem| problem.text.as_str())
    }

    /// Is it blocked for its initrds?
    pub(super) fn lacks_initrds(&self) -> bool {
        let mut blocking = self.blocking.iter();
        blocking.any(|problem| problem.is_mended_by(&[Change::Initrds]))
    }

    /// Is it the same entry, seen at another time? Places of files stay what they are while disks come; ids and
    /// titles may get something behind them that tells them apart.
    fn is_like(&self, other: &Item) -> bool {
        let mut common = self.origins.iter();
        self.profile == other.profile && common.any(|origin| other.origins.contains(origin))
    }
}

impl Listing {
    /// What was found, of which the entry with this id is started without a person.
    pub fn new(inventory: &Inventory, found: &Found, automatic: Option<&str>) -> Listing {
        let entries = found.entries.iter();
        let position = |id| found.entries.iter().position(|entry| entry.id == id);
        Listing {
            items: entries.map(|entry| Item::new(inventory, entry)).collect(),
            automatic: automatic.and_then(position),
            ending: None,
            disks: disks(inventory),
            notes: notes(inventory, found),
        }
    }

    /// Where the item of an older listing is in this one.
    pub(super) fn find(&self, old: &Item) -> Option<usize> {
        let like = || {
            let items = self.items.iter().enumerate();
            items.filter(|(_, item)| item.is_like(old))
        };
        let same = |is: fn(&Item, &Item) -> bool| like().find(|(_, item)| is(item, old));
        same(|a, b| a.id == b.id)
            .or_else(|| same(|a, b| a.title == b.title && a.submenu == b.submenu))
            .or_else(|| same(|a, b| a.cmdline == b.cmdline && a.initrd == b.initrd))
            .map(|(i, _)| i)
    }

    /// Initrds that an item may have: its own in their order, then those of others on the volume of its kernel.
    pub(super) fn initrds(&self, item: &Item) -> Vec<(Initrd, bool)> {
        let mut choices: Vec<(Initrd, bool)> =
            item.initrd.iter().map(|own| (own.clone(), true)).collect();
        // What another one lacks is nothing to choose.
        let others = self.items.iter().filter(|item| !item.lacks_initrds());
        for initrd in others.flat_map(|other| &other.initrd) {
            let here = Some(initrd.file.volume) == item.kernel;
            if here && choices.iter().all(|(known, _)| known != initrd) {
                choices.push((initrd.clone(), false));
            }
        }
        choices
    }
}

/// Where an entry was written down.
fn place(inventory: &Inventory, origin: &Origin) -> String {
    let file = inventory.describe(&origin.file);
    match origin.line {
        Some(line) => format!("{file}, line {line}"),
        None => file.to_string(),
    }
}

/// All that is known of an entry. Sizes of files are asked of the disk. `verdict` is what was found out about
/// signatures, line by line.
pub fn describe(inventory: &Inventory, entry: &BootEntry, verdict: &[String]) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut add = |word, text: String| fields.push(Field { word, text });
    add("title", entry.title.clone());
    add("id", entry.id.clone());
    if !entry.submenu.is_empty() {
        add("menu", entry.submenu.join(" > "));
    }
    if let Some(key) = entry.hot_key {
        add("key", key.to_string());
    }
    for problem in &entry.problems {
        let word = if problem.blocks { "blocked" } else { "note" };
        add(word, problem.text.clone());
    }
    add("from", place(inventory, &entry.origin));
    for origin in &entry.also_at {
        add("also", place(inventory, origin));
    }
    let kind = [entry.kind.name(), entry.source.name()].join(", by ");
    add("kind", kind);
    let known = [
        ("version", &entry.version),
        ("machine", &entry.machine_id),
        ("for", &entry.architecture),
    ];
    for (word, text) in known {
        if let Some(text) = text {
            add(word, text.clone());
        }
    }
    let sized = |file: &FileRef| with_size(inventory, file);
    if let Some(kernel) = &entry.kernel {
        add("kernel", sized(kernel));
    }
    for initrd in &entry.initrd {
        let name = initrd.name.as_ref();
        let name = name.map(|name| format!(" as {name}")).unwrap_or_default();
        add("initrd", sized(&initrd.file) + &name);
    }
    if let Some(devicetree) = &entry.devicetree {
        add("devicetree", sized(devicetree));
    }
    for module in &entry.modules {
        add(
            "module",
            format!("{} {}", sized(&module.file), module.cmdline),
        );
    }
    for companion in entry.unified.iter().flat_map(|unified| &unified.companions) {
        let word = match companion.kind {
            CompanionKind::Addon => "add-on",
            CompanionKind::Credential | CompanionKind::GlobalCredential => "credential",
            CompanionKind::Sysext
            | CompanionKind::GlobalSysext
            | CompanionKind::Confext
            | CompanionKind::GlobalConfext => "extension",
        };
        add(word, sized(&companion.file));
    }
    add("options", entry.cmdline.clone());
    for (key, value) in &entry.other_keys {
        add("unknown", format!("{key} {value}"));
    }
    if let Some(left) = entry.tries_left {
        let done = entry.tries_done.unwrap_or(0);
        add("tries", format!("{left} left, {done} done"));
    }
    for line in verdict {
        add("verdict", line.clone());
    }
    fields
}

/// A file with its size, or why there is none.
fn with_size(inventory: &Inventory, file: &FileRef) -> String {
    let filesystem = inventory.filesystem(file.volume);
    let size = match filesystem {
        Ok(filesystem) => match filesystem.metadata(&file.path) {
            Ok(metadata) => Size(metadata.size).to_string(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    format!("{} ({size})", inventory.describe(file))
}

fn disks(inventory: &Inventory) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, scanned) in inventory.disks().iter().enumerate() {
        let disk = &scanned.disk;
        let mut line = format!("{}  {}", disk.path.display(), Size(disk.source.size()));
        let hardware = &disk.hardware;
        let table = scanned.layout.table.map(|table| table.to_string());
        let transport = hardware.transport.map(|transport| transport.to_string());
        let known = [
            table,
            transport,
            hardware.model.clone(),
            hardware.serial.clone(),
        ];
        for text in known.into_iter().flatten() {
            line.push_str(", ");
            line.push_str(&text);
        }
        if hardware.removable {
            line.push_str(", removable");
        }
        lines.push(line);
        for (id, volume) in inventory.volumes_of(index) {
            let content = &volume.content;
            let format = content.format.map_or("?", |format| format.name());
            let mut line = format!("  {}  {}, {format}", inventory.place(id), Size(volume.size));
            for (word, text) in [("label", &content.label), ("UUID", &content.uuid)] {
                if let Some(text) = text {
                    line.push_str(", ");
                    line.push_str(word);
                    line.push(' ');
                    line.push_str(text);
                }
            }
            lines.push(line);
        }
    }
    lines
}

fn notes(inventory: &Inventory, found: &Found) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |place: &dyn fmt::Display, text: &str| lines.push(format!("{place}: {text}"));
    for (index, scanned) in inventory.disks().iter().enumerate() {
        for problem in &scanned.layout.problems {
            add(&scanned.disk.path.display(), problem);
        }
        for (id, volume) in inventory.volumes_of(index) {
            for problem in volume.problems.iter().chain(found.problems_of(id)) {
                add(&inventory.place(id), problem);
            }
        }
    }
    for entry in &found.entries {
        for problem in entry.problems.iter().filter(|problem| problem.blocks) {
            add(&entry.title, &problem.text);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::{FsPath, MemoryFilesystem};

    fn found(entries: Vec<BootEntry>) -> Found {
        Found {
            entries,
            ..Found::default()
        }
    }

    #[test]
    fn an_entry_is_found_again_by_what_it_is() {
        let entry = |id: &str, path: &str, line| {
            let mut entry = BootEntry::on_disk(0, id);
            entry.origin.file.path = FsPath::new(path).unwrap();
            entry.origin.line = line;
            entry.cmdline = id[..1].to_owned();
            entry
        };
        let inventory = Inventory::new();
        let listing = |entries| Listing::new(&inventory, &found(entries), None);
        let old = listing(vec![
            entry("a", "/e/a.conf", None),
            entry("b", "/grub.cfg", Some(3)),
            entry("c", "/grub.cfg", Some(3)),
        ]);
        let new = listing(vec![
            entry("c", "/grub.cfg", Some(3)),
            entry("a (disk 2)", "/e/a.conf", None),
            entry("b", "/other.cfg", Some(3)),
        ]);
        let places: Vec<_> = old.items.iter().map(|item| new.find(item)).collect();
        assert_eq!(places, [Some(1), None, Some(0)]);
        assert_eq!(listing(vec![]).find(&old.items[0]), None);
    }

    #[test]
    fn details_tell_sizes_and_what_is_wrong() {
        let mut inventory = Inventory::new();
        let filesystem = MemoryFilesystem::new().file("/linux", "12345");
        let volume = inventory.add_filesystem("uuid", Box::new(filesystem));
        let file = |path: &str| FileRef {
            volume,
            path: FsPath::new(path).unwrap(),
        };
        let mut entry = BootEntry::on_disk(0, "a");
        entry.kernel = Some(file("/linux"));
        entry.initrd = vec![file("/gone").into()];
        entry.origin.line = Some(7);
        entry.tries_left = Some(2);
        entry.block("its initrd is not there");
        let fields = describe(&inventory, &entry, &["signed by nobody".to_owned()]);
        let lines: Vec<String> = fields
            .iter()
            .map(|f| format!("{}: {}", f.word, f.text))
            .collect();
        assert_eq!(
            lines,
            [
                "title: a",
                "id: a",
                "blocked: its initrd is not there",
                "from: disk-uuid partition 2: /, line 7",
                "kind: linux, by bls",
                "kernel: disk-uuid partition 2: /linux (5 B)",
                "initrd: disk-uuid partition 2: /gone (not found)",
                "options: ",
                "tries: 2 left, 0 done",
                "verdict: signed by nobody",
            ]
        );
        let listing = Listing::new(&inventory, &found(vec![entry]), Some("a"));
        assert_eq!(listing.automatic, Some(0));
        assert_eq!(listing.notes, ["a: its initrd is not there"]);
        assert_eq!(listing.disks.len(), 2);
    }
}
