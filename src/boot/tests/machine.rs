//! [`Machine`]: disks with entries, in one line.

use std::time::Duration;

use crate::boot::rules::judge;
use crate::boot::{Settled, Starts, is_one_shot, plan, settle};
use crate::config::{Configuration, Found};
use crate::disk::{Hardware, PartitionKind, Transport};
use crate::efi::Wishes;
use crate::entry::{BootEntry, EntrySource, FileRef, VolumeId};
use crate::fs::{FsPath, MemoryFilesystem};
use crate::inventory::Inventory;
use crate::policy::Policy;

/// A machine, as a line has it: a word for each disk, which is its letter, `:`, and its entries with commas between
/// them; words for what UEFI variables wish, as in `once=b`, `preferred=b`, `always=b`; and what happened before:
/// `started=aab`, of which the ids are one letter, and `good=b`, which was started once and confirmed before all that.
///
/// Before the id of an entry may stand `*` for the default of the disk's configuration, `!` where its kernel is not
/// there, `~` where it was lost before, `%` where its boots are used up. Behind it may stand `+` and a number where
/// the configuration falls back to it, `.` and its language, `@` and its system, `>` and the disk with its kernel.
pub(super) struct Machine {
    pub(super) inventory: Inventory,
    found: Found,
    lost: Vec<String>,
    starts: Starts,
}

impl Machine {
    pub(super) fn new(line: &str) -> Machine {
        let mut machine = Machine {
            inventory: Inventory::new(),
            found: Found::default(),
            lost: Vec::new(),
            starts: Starts::default(),
        };
        let disks = line.split(' ').filter_map(|word| word.split_once(':'));
        let letters: Vec<&str> = disks.clone().map(|(letter, _)| letter).collect();
        for (disk, (letter, entries)) in disks.enumerate() {
            machine.add_disk(letter);
            let first = machine.found.entries.len();
            for word in entries.split(',').filter(|word| !word.is_empty()) {
                let entry = machine.entry(disk, word, &letters);
                machine.found.entries.push(entry);
            }
            let Some(entry) = machine.found.entries.get(first) else {
                continue;
            };
            let (source, file) = (entry.source, entry.origin.file.clone());
            let own = first..machine.found.entries.len();
            let configuration = Configuration::new(source, file, own, &machine.found.entries);
            machine.found.configurations.push(configuration);
        }
        let wish = |name: &str| {
            let mut words = line.split(' ').filter_map(|word| word.split_once('='));
            let found = words.find(|(known, _)| *known == name);
            found.map(|(_, id)| id.to_owned())
        };
        machine.found.wishes = Wishes {
            one_shot: wish("once"),
            preferred: wish("preferred"),
            default: wish("always"),
            ..Wishes::default()
        };
        for id in wish("good").iter().flat_map(|ids| ids.chars()) {
            machine.start(id);
            machine.starts.confirm();
        }
        for id in wish("started").iter().flat_map(|ids| ids.chars()) {
            machine.start(id);
        }
        machine
    }

    fn start(&mut self, id: char) {
        let id = id.to_string();
        let entry = self.found.entries.iter().find(|entry| entry.id == id);
        let known = self.starts.to_bytes();
        self.starts = Starts::parse(&known).unwrap();
        self.starts.start(entry.unwrap(), true);
    }

    fn add_disk(&mut self, letter: &str) {
        const ESP: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
        const XBOOTLDR: &str = "bc13c2ff-59e6-4262-a352-b275fd6f7172";
        const LINUX: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";
        let gpt = |guid: &str| PartitionKind::Gpt(guid.to_owned());
        let (transport, model, serial, uuid, label, kind) = match letter {
            "n" => (
                Transport::Nvme,
                "WD Black",
                "2145",
                "AAAA-0001",
                "EFI",
                gpt(ESP),
            ),
            "o" => (
                Transport::Nvme,
                "WD Black",
                "2146",
                "AAAA-0002",
                "EFI",
                gpt(ESP),
            ),
            "s" => (
                Transport::Ata,
                "SSD 870",
                "S5Y1",
                "5000",
                "boot",
                gpt(XBOOTLDR),
            ),
            "u" => (
                Transport::Usb,
                "Ultra",
                "4C53",
                "1234-ABCD",
                "STICK",
                PartitionKind::Mbr(0x0c),
            ),
            "v" => (Transport::Virtio, "", "root", "6000", "root", gpt(LINUX)),
            "c" => (Transport::Scsi, "DVD", "", "2026-01-01", "Install", gpt("")),
            letter => panic!("there is no disk {letter}"),
        };
        let id = self
            .inventory
            .add_filesystem(uuid, Box::new(MemoryFilesystem::new()));
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let hardware = Hardware {
            transport: Some(transport),
            model: text(model),
            serial: text(serial),
            removable: letter == "c",
            ..Hardware::default()
        };
        self.inventory.set_hardware(id.disk, hardware);
        self.inventory.change_volume(id, |volume| {
            volume.content.label = text(label);
            volume.partition.as_mut().unwrap().kind = kind;
        });
    }

    fn entry(&mut self, disk: usize, word: &str, letters: &[&str]) -> BootEntry {
        let id = word.trim_start_matches(['*', '!', '~', '%']);
        let marks = word.strip_suffix(id).unwrap();
        let end = id.find(['+', '.', '@', '>']).unwrap_or(id.len());
        let (id, mut rest) = id.split_at(end);
        let mut entry = BootEntry::on_disk(disk, id);
        entry.title = format!("{} Linux", id.to_uppercase());
        entry.default = marks.contains('*');
        while let Some(mark) = rest.chars().next() {
            let end = rest[1..]
                .find(['+', '.', '@', '>'])
                .map_or(rest.len(), |end| end + 1);
            let value = &rest[1..end];
            match mark {
                '+' => entry.fallback = Some(value.parse().unwrap()),
                '@' => entry.system = Some(value.to_owned()),
                '>' => {
                    let disk = letters.iter().position(|letter| *letter == value).unwrap();
                    let volume = VolumeId { disk, volume: 0 };
                    let path = FsPath::new("/vmlinuz").unwrap();
                    entry.kernel = Some(FileRef { volume, path });
                }
                _ => {
                    entry.source = match value {
                        "grub" => EntrySource::Grub,
                        "uki" => EntrySource::Uki,
                        "guess" => EntrySource::Guess,
                        other => panic!("there is no language {other}"),
                    }
                }
            }
            rest = &rest[end..];
        }
        if marks.contains('!') {
            entry.block("its kernel is not there");
        }
        if marks.contains('%') {
            entry.tries_left = Some(0);
        }
        if marks.contains('~') {
            self.lost.push(id.to_owned());
        }
        entry
    }

    /// The ids of what is tried, in order, and in brackets what the policy refuses with the line that does.
    pub(super) fn plan(self, policy: &str) -> String {
        let policy = Policy::parse(policy).unwrap_or_else(|error| panic!("{policy}: {error}"));
        self.plan_of(&policy)
    }

    /// The same for a policy that was read.
    pub(super) fn plan_of(mut self, policy: &Policy) -> String {
        judge(&self.inventory, &policy.boot, &mut self.found.entries);
        let mut plan = plan(&self.found, &self.lost, &policy.boot);
        let once = |entry: &BootEntry| is_one_shot(&self.found, entry);
        self.starts.order(&mut plan, policy.failure.resets, once);
        let plan = plan.into_iter().map(|entry| entry.id.clone());
        let refused = self.found.entries.iter().filter_map(|entry| {
            let texts = entry.problems.iter().map(|problem| problem.text.as_str());
            let line = texts
                .filter_map(|text| {
                    text.strip_prefix("line ")?
                        .strip_suffix(" of the policy refuses it")
                })
                .next()?;
            Some(format!("[{} {line}]", entry.id))
        });
        plan.chain(refused).collect::<Vec<String>>().join(" ")
    }

    /// Its disks, and what was found on them.
    pub(super) fn into_found(self) -> (Inventory, Found) {
        (self.inventory, self.found)
    }

    /// The lines of disks that the policy wants and that are not there when nobody waits any more.
    pub(super) fn missing(&self, policy: &str) -> Vec<usize> {
        match self.settled(policy, false, u64::MAX).as_str() {
            "" => Vec::new(),
            lines => lines.split(' ').map(|line| line.parse().unwrap()).collect(),
        }
    }

    /// What is waited for after so many seconds, or the lines of disks that are not there all the same.
    pub(super) fn settled(&self, policy: &str, on_their_way: bool, seconds: u64) -> String {
        let policy = Policy::parse(policy).unwrap_or_else(|error| panic!("{policy}: {error}"));
        let waited = Duration::from_secs(seconds);
        match settle(&self.inventory, &policy.wait, on_their_way, waited) {
            Settled::Waits(what) => what.to_owned(),
            Settled::Over(missing) => {
                let lines = missing.iter().map(|rule| rule.line.to_string());
                lines.collect::<Vec<String>>().join(" ")
            }
        }
    }
}
