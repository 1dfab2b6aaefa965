//! [`BootEntry`]: one thing that can be booted, whoever described it.

mod hot_key;
mod initrd;
mod unified;
mod written;

use std::ops::Range;

pub use hot_key::HotKey;
pub use initrd::Initrd;
pub use unified::{Companion, CompanionKind, Unified};
pub use written::{ConfigFile, Written};

use crate::fs::FsPath;

/// A volume of the [`Inventory`](crate::inventory::Inventory): unlike a UUID, it can't be imitated by
/// another disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId {
    /// Index of the disk in the inventory.
    pub disk: usize,
    /// Index of the volume in the disk's layout; the volumes of images in files of the disk come behind
    /// those.
    pub volume: usize,
}

/// A file on a volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileRef {
    /// Where it lies.
    pub volume: VolumeId,
    /// Its path there.
    pub path: FsPath,
}

/// Where an entry was written down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The configuration file (for a UKI or a guess: the kernel).
    pub file: FileRef,
    /// The line in it, from 1, where the language has lines.
    pub line: Option<u32>,
}

/// Which language an entry was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntrySource {
    /// A GRUB script.
    Grub,
    /// A Boot Loader Specification type 1 entry.
    Bls,
    /// A unified kernel image (Boot Loader Specification type 2).
    Uki,
    /// A syslinux, extlinux, isolinux or pxelinux configuration.
    Syslinux,
    /// No configuration: a kernel that was found.
    Guess,
    /// No configuration: the program that firmware starts by its place.
    Firmware,
}

impl EntrySource {
    /// The word in the JSON view.
    pub fn name(self) -> &'static str {
        match self {
            EntrySource::Grub => "grub",
            EntrySource::Bls => "bls",
            EntrySource::Uki => "uki",
            EntrySource::Syslinux => "syslinux",
            EntrySource::Guess => "guess",
            EntrySource::Firmware => "firmware",
        }
    }
}

/// What the configuration of an entry asks a password for, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Password {
    /// Nothing.
    #[default]
    None,
    /// Whatever its menu does not offer: the entry may be started as it is, and not be changed.
    Change,
    /// Starting the entry.
    Start,
}

/// What kind of program an entry starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayloadKind {
    /// A Linux kernel with initrds and a command line.
    Linux,
    /// A unified kernel image.
    Uki,
    /// A Multiboot kernel with modules.
    Multiboot,
    /// A Multiboot2 kernel with modules.
    Multiboot2,
    /// Another EFI program.
    Efi,
}

impl PayloadKind {
    /// The word in the JSON view.
    pub fn name(self) -> &'static str {
        match self {
            PayloadKind::Linux => "linux",
            PayloadKind::Uki => "uki",
            PayloadKind::Multiboot => "multiboot",
            PayloadKind::Multiboot2 => "multiboot2",
            PayloadKind::Efi => "efi",
        }
    }
}

/// A Multiboot module: a file and the text that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The file.
    pub file: FileRef,
    /// Its arguments.
    pub cmdline: String,
}

/// What of an entry a person may change for one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its command line.
    CommandLine,
    /// Its initrds.
    Initrds,
}

/// Something that a person should know of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Does it keep the entry from being booted?
    pub blocks: bool,
    /// It is a problem of what can be changed, and of nothing else: who changes that may try the entry.
    pub mended_by: Option<Change>,
    /// What is wrong, and what to do, in words.
    pub text: String,
}

impl Problem {
    /// One of the whole entry.
    pub fn new(blocks: bool, text: impl Into<String>) -> Problem {
        Problem {
            blocks,
            mended_by: None,
            text: text.into(),
        }
    }

    /// Does it keep the entry from being booted, whatever a person changes?
    pub(crate) fn lasts(&self) -> bool {
        self.blocks && self.mended_by.is_none()
    }

    /// Does one of these changes mend it, as far as is known before an attempt?
    pub(crate) fn is_mended_by(&self, changes: &[Change]) -> bool {
        self.mended_by.is_some_and(|by| changes.contains(&by))
    }
}

/// Where variables are kept between boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SavePlace {
    /// In a file.
    File(FileRef),
    /// In parts of a volume that no file has: ranges of bytes from its beginning, in the order of what they
    /// hold.
    Parts(VolumeId, Vec<Range<u64>>),
}

impl SavePlace {
    /// The volume that it is on.
    pub fn volume(&self) -> VolumeId {
        match self {
            SavePlace::File(file) => file.volume,
            SavePlace::Parts(volume, _) => *volume,
        }
    }
}

/// Variables that a configuration wants to find changed at the next boot, in GRUB's environment block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedVariables {
    /// Where the block is.
    pub place: SavePlace,
    /// Each name once, with the value that it gets; `None` takes the variable away.
    pub variables: Vec<(String, Option<String>)>,
}

impl SavedVariables {
    /// Nothing to be changed there yet.
    pub fn new(place: SavePlace) -> SavedVariables {
        let variables = Vec::new();
        SavedVariables { place, variables }
    }

    /// How many bytes a copy takes, about.
    pub fn size(&self) -> usize {
        let each = size_of::<(String, Option<String>)>();
        let variables = self.variables.iter();
        variables.fold(0, |sum: usize, (name, value)| {
            let value = value.as_ref().map_or(0, String::len);
            [each, name.len(), value]
                .into_iter()
                .fold(sum, usize::saturating_add)
        })
    }

    /// Sets a variable, or takes it away; what was said of it before counts no more.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }
}

/// One thing that can be booted, or that someone meant to be: an entry with something missing stays in
/// the list and says what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootEntry {
    /// Name by which people and configurations choose it; unique in a list of entries.
    pub id: String,
    /// Title in the menu; unique in its menu, but for what GRUB repeats itself.
    pub title: String,
    /// The language that it was written in.
    pub source: EntrySource,
    /// The place where it was written.
    pub origin: Origin,
    /// Other places that offer the same.
    pub also_at: Vec<Origin>,
    /// Ids that it has there. No part of the JSON view.
    pub also_called: Vec<String>,
    /// The entries that it has there, where other files or other command lines made them: what covers one of them
    /// lets this one boot, as it is written there. No part of the JSON view.
    pub twins: Vec<BootEntry>,
    /// What it starts.
    pub kind: PayloadKind,
    /// The kernel, UKI or EFI program.
    pub kernel: Option<FileRef>,
    /// Initial RAM disks in the order in which they are joined.
    pub initrd: Vec<Initrd>,
    /// The device tree.
    pub devicetree: Option<FileRef>,
    /// Multiboot modules in order.
    pub modules: Vec<Module>,
    /// Kernel command line, complete.
    pub cmdline: String,
    /// For a unified kernel image: which part of it is started, and what goes with it; for a kernel, what goes
    /// with it, if anything does. No part of the JSON view.
    pub unified: Option<Unified>,
    /// Titles of the menus around it, from the outside in.
    pub submenu: Vec<String>,
    /// The configuration's own choice.
    pub default: bool,
    /// Its turn, from 0, among those that the configuration falls back to where its choice can't be
    /// started.
    pub fallback: Option<usize>,
    /// Its place, from 0, among what the policy prefers to others. No part of the JSON view.
    pub rank: Option<usize>,
    /// The key that its configuration gives it in a menu. No part of the JSON view.
    pub hot_key: Option<HotKey>,
    /// Those of the menus around it, as far as they are known. No part of the JSON view.
    pub submenu_keys: Vec<Option<HotKey>>,
    /// Version of the kernel or system, as written.
    pub version: Option<String>,
    /// Machine ID of the system that it belongs to.
    pub machine_id: Option<String>,
    /// The `ID` of the operating system that it starts, where who offers it knows that: of its `os-release`, the
    /// `sort-key`, or GRUB's first class. No part of the JSON view.
    pub system: Option<String>,
    /// EFI name of the architecture (`x64`, `aa64`), where stated.
    pub architecture: Option<String>,
    /// Boots left before it counts as bad (Automatic Boot Assessment), where counted.
    pub tries_left: Option<u32>,
    /// Boots that were tried and not confirmed.
    pub tries_done: Option<u32>,
    /// What a password is asked for. Where that is [`Password::Start`], a problem blocks the entry. No part of
    /// the JSON view.
    pub password: Password,
    /// Its configuration lets nobody change its command line for a boot. No part of the JSON view.
    pub fixed: bool,
    /// It goes on to the machine's next disk (GRUB's `exit`, SYSLINUX's `localboot`). What stands beside such a default
    /// is left to people. No part of the JSON view.
    pub goes_on: bool,
    /// What is to be written before it is started, and only if it really is: what the configuration has
    /// saved while it was read, and what the entry itself saves. No part of the JSON view.
    pub saves: Vec<SavedVariables>,
    /// The configuration files that it was made from, as they were read. No part of the JSON view.
    pub written: Written,
    /// Lines of its file whose key its language does not have: key and value, as they are written. They change nothing.
    pub other_keys: Vec<(String, String)>,
    /// What is wrong or was left out.
    pub problems: Vec<Problem>,
}

impl BootEntry {
    /// An entry with nothing but its name and origin; the rest is filled in by who reads it.
    pub fn new(id: String, source: EntrySource, kind: PayloadKind, origin: Origin) -> BootEntry {
        BootEntry {
            title: id.clone(),
            id,
            source,
            origin,
            also_at: Vec::new(),
            also_called: Vec::new(),
            twins: Vec::new(),
            kind,
            kernel: None,
            initrd: Vec::new(),
            devicetree: None,
            modules: Vec::new(),
            cmdline: String::new(),
            unified: None,
            submenu: Vec::new(),
            default: false,
            fallback: None,
            rank: None,
            hot_key: None,
            submenu_keys: Vec::new(),
            version: None,
            machine_id: None,
            system: None,
            architecture: None,
            tries_left: None,
            tries_done: None,
            password: Password::None,
            fixed: false,
            goes_on: false,
            saves: Vec::new(),
            written: Written::default(),
            other_keys: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// An entry for tests, on the first volume of a disk.
    #[cfg(test)]
    pub(crate) fn on_disk(disk: usize, id: &str) -> BootEntry {
        let file = FileRef {
            volume: VolumeId { disk, volume: 0 },
            path: FsPath::root(),
        };
        let origin = Origin { file, line: None };
        BootEntry::new(id.to_owned(), EntrySource::Bls, PayloadKind::Linux, origin)
    }

    /// Can it be tried? Problems that block say why not.
    pub fn bootable(&self) -> bool {
        !self.problems.iter().any(|problem| problem.blocks)
    }

    /// Can it be tried, as it is or as a person may change it?
    pub fn mendable(&self) -> bool {
        !self.problems.iter().any(Problem::lasts)
    }

    /// From the problem with this number on, a change mends them.
    pub(crate) fn mark_mendable(&mut self, from: usize, by: Change) {
        for problem in self.problems.iter_mut().skip(from) {
            problem.mended_by = Some(by);
        }
    }

    /// How many bytes a copy takes, about.
    pub fn size(&self) -> usize {
        let mut sum = size_of::<BootEntry>();
        let mut add = |bytes: usize| sum = sum.saturating_add(bytes);
        for text in [&self.id, &self.title, &self.cmdline] {
            add(text.len());
        }
        for text in [
            &self.version,
            &self.machine_id,
            &self.system,
            &self.architecture,
        ] {
            add(text.as_ref().map_or(0, String::len));
        }
        for text in self.also_called.iter().chain(&self.submenu) {
            add(size_of::<String>());
            add(text.len());
        }
        self.twins.iter().for_each(|twin| add(twin.size()));
        for module in &self.modules {
            add(size_of::<Module>());
            add(module.cmdline.len());
        }
        for saved in &self.saves {
            add(saved.size());
        }
        add(self.written.size());
        let mut add_file = |file: &FileRef| {
            add(size_of::<FileRef>());
            add(file.path.as_str().len());
        };
        add_file(&self.origin.file);
        for origin in &self.also_at {
            add_file(&origin.file);
        }
        for module in &self.modules {
            add_file(&module.file);
        }
        for file in [&self.kernel, &self.devicetree].into_iter().flatten() {
            add_file(file);
        }
        for initrd in &self.initrd {
            add_file(&initrd.file);
        }
        if let Some(unified) = &self.unified {
            for companion in &unified.companions {
                add_file(&companion.file);
            }
            add(unified.options.as_ref().map_or(0, String::len));
        }
        for (key, value) in &self.other_keys {
            add(size_of::<(String, String)>());
            add(key.len());
            add(value.len());
        }
        for problem in &self.problems {
            add(size_of::<Problem>());
            add(problem.text.len());
        }
        sum
    }

    /// Adds a problem that keeps the entry from being booted.
    pub fn block(&mut self, text: impl Into<String>) {
        self.problems.push(Problem::new(true, text));
    }

    /// Adds a remark that does not keep the entry from being booted.
    pub fn remark(&mut self, text: impl Into<String>) {
        self.problems.push(Problem::new(false, text));
    }
}
