//! The child: it waits for disks, tries what is on them, and ends with one of two exit statuses.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::firmware::Firmware;
use super::lost::Lost;
use super::place::{DiskName, EntryName, Place, VolumeName};
use super::report::{Counted, LEFT_OUT, Report, Watchman};
use super::settings::Settings;
use super::wait::{Progress, Wait, pause};
use super::{VOLUMES, log as sink, mounts};
use crate::boot::{
    Attempt, AttemptError, Stage, Timeline, available_memory, count, find, is_counted, open_disk,
    plan,
};
use crate::boot::{missing, save, unmet};
use crate::config::Found;
use crate::disk::{Disk, Sysfs, Uevents};
use crate::efi::Efivarfs;
use crate::entry::{BootEntry, FileRef, Origin};
use crate::fs::{FsPath, KernelMount};
use crate::inventory::Inventory;
use crate::kexec::FileLoad;
use crate::policy::{self, Failure, Policy};
use crate::smbios::Smbios;
use crate::text::Printable;
use crate::trust::coverage::{State, Verdict};
use crate::trust::{Authority, Rules};

/// The name under which process 1 starts its loader.
pub const LOADER: &str = "pilotlight-loader";

/// Exit status: a kernel is loaded. Not 0, which is what everything ends with that ends by accident.
pub(super) const LOADED: i32 = 4;
/// Exit status: nothing could be booted.
pub(super) const NOTHING: i32 = 3;
/// Exit status: an entry has failed, and the policy wants no other one to be tried.
pub(super) const STOPPED: i32 = 5;

/// The loader. `lost` is what the loaders before it died of, as [`Lost::print`] writes it.
pub fn main(lost: impl IntoIterator<Item = OsString>) -> ExitCode {
    sink::to_supervisor();
    let lost = lost.into_iter().filter_map(|word| word.into_string().ok());
    let lost = Lost::parse(lost);
    let channel = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3);
    let report = Arc::new(Report::new(channel.ok()));
    // The supervisor has complained about a policy that can't be used.
    let settings = Settings::all();
    let policy = settings.policy();
    let authority = authority(&policy.trust).filter(|_| policy.trust != Rules::closed());
    let Some(authority) = authority else {
        log::error!("nothing may be booted: no disk is looked at");
        return exit(NOTHING);
    };
    let firmware = Firmware::open(&policy.efi);
    let watchman = Watchman {
        report: report.clone(),
        lost: lost.clone(),
    };
    let inventory = Inventory::with_kernel_mount(KernelMount::new(VOLUMES));
    let mut loader = Loader {
        settings,
        policy,
        authority,
        inventory: inventory
            .guarded(Box::new(watchman))
            .described(Smbios::of_this_machine()),
        firmware,
        report,
        lost,
        known: BTreeSet::new(),
        tried: Vec::new(),
        timeline: Timeline::start(),
        stopped: false,
        shown: BTreeSet::new(),
    };
    loader.inventory.wish(loader.firmware.wishes());
    let status = match loader.run() {
        true => LOADED,
        false if loader.stopped => STOPPED,
        false => NOTHING,
    };
    // Process 1 releases what is mounted, and can't be held up by it: a disk that hangs would keep a kernel
    // that is loaded from being started.
    std::mem::forget(loader);
    exit(status)
}

fn exit(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}

struct Loader {
    settings: Settings,
    /// What the settings come to.
    policy: Policy,
    authority: Authority,
    inventory: Inventory,
    firmware: Firmware,
    report: Arc<Report>,
    /// What the loaders before this one died of.
    lost: Lost,
    /// Disks that are in the inventory, or left out.
    known: BTreeSet<DiskName>,
    /// Ids of entries that failed, here or in a loader before. In one loader they stay what they are,
    /// since disks are only added behind the others.
    tried: Vec<String>,
    /// An entry has failed, and the policy wants no other one.
    stopped: bool,
    timeline: Timeline,
    /// Problems that were logged: each once, however often the disks are looked at.
    shown: BTreeSet<String>,
}

impl Loader {
    /// Looks, tries and waits until something is loaded or the time of this round is over.
    fn run(&mut self) -> bool {
        // Opened before the first look, so that nothing that comes in between is missed.
        let uevents = Uevents::open();
        if let Err(error) = &uevents {
            log::warn!("no events of devices ({error}): looking four times a second");
        }
        let mut wait = Wait::start(self.policy.wait.disks);
        let mut first = true;
        loop {
            if self.add_disks() || first {
                first = false;
                self.look_for_wishes();
                let (inventory, policy) = (&self.inventory, &self.policy.boot);
                let found = self
                    .timeline
                    .run(Stage::Entries, || find(inventory, policy));
                self.look_at(&found);
                self.settle(&found, uevents.as_ref().ok());
                if self.try_all() {
                    return true;
                }
                if self.stopped {
                    return false;
                }
            }
            self.report.idle();
            // A file may have said another time.
            wait.limit(self.policy.wait.disks);
            if wait.is_over() {
                let seconds = self.policy.wait.disks.as_secs();
                log::warn!("nothing could be booted within {seconds} s");
                return false;
            }
            wait.show(
                "waiting for a disk with something that boots",
                &Sysfs::system().probing(),
            );
            pause(uevents.as_ref().ok(), wait.step());
        }
    }

    /// Adds the disks that came, and says whether any did.
    fn add_disks(&mut self) -> bool {
        let mut added = false;
        for found in Sysfs::system().disks() {
            let name = DiskName::found(&found);
            if self.known.contains(&name) {
                continue;
            }
            let place = Place::Disk(name.clone());
            if self.lost.disk(&name) {
                log::warn!("{place}: left out: {LEFT_OUT}");
                self.known.insert(name);
                continue;
            }
            self.report.at(place);
            match Disk::open(&found.node) {
                Ok(disk) => {
                    let report = self.report.clone();
                    let disk = Disk {
                        source: Counted::source(disk.source, report),
                        // What it was when it was found, should it be another one by now.
                        hardware: found.hardware,
                        ..disk
                    };
                    let inventory = &mut self.inventory;
                    let index = self.timeline.run(Stage::Disks, || inventory.add(disk));
                    self.known.insert(name);
                    added = true;
                    self.show_disk(index);
                }
                Err(error) if error.is_empty_drive() => {}
                // Its node may come a moment after its directory in sysfs: the next look tries again.
                Err(error) => self.once(format!("{error}")),
            }
        }
        self.report.idle();
        added
    }

    fn show_disk(&mut self, index: usize) {
        let Some(scanned) = self.inventory.disks().get(index) else {
            return;
        };
        let disk = &scanned.disk;
        let transport = disk.hardware.transport.map(|t| format!(" ({t})"));
        let path = disk.path.display().to_string();
        let place = format!("{path}{}", transport.unwrap_or_default());
        let table = scanned.layout.table.map(|table| table.to_string());
        let volumes: Vec<String> = scanned
            .layout
            .volumes
            .iter()
            .filter(|volume| volume.assembled.is_none())
            .map(|volume| {
                let format = volume.content.format.map_or("?", |format| format.name());
                match &volume.partition {
                    Some(partition) => format!("{} {format}", partition.number),
                    None => format.to_owned(),
                }
            })
            .collect();
        let table = table.as_deref().unwrap_or("no partitions");
        log::info!("{place}: {table}: {}", volumes.join(", "));
        let problems: Vec<String> = scanned
            .layout
            .problems
            .iter()
            .chain(scanned.layout.volumes.iter().flat_map(|v| &v.problems))
            .map(|problem| format!("{path}: {}", Printable(problem)))
            .collect();
        for problem in problems {
            self.once(problem);
        }
        self.show_assembled();
    }

    /// Says what was put together since the last disk came.
    fn show_assembled(&mut self) {
        for (id, volume) in self.inventory.volumes() {
            let Some(names) = &volume.assembled else {
                continue;
            };
            let Some(format) = volume.content.format else {
                continue;
            };
            let place = self.inventory.place(id).to_string();
            if self.shown.insert(format!("{} {}", names.id, place)) {
                log::info!("{}: {format}", Printable(&place));
            }
        }
    }

    /// Says what can't be used, and leaves out the entries that loaders before this one died of.
    fn look_at(&mut self, found: &Found) {
        self.report.idle();
        self.show(found);
        for (entry, name) in names(&self.inventory, &found.entries) {
            if self.lost.entry(&name) && !self.tried.contains(&entry.id) {
                log::warn!("{}: left out: {LEFT_OUT}", Place::Entry(name));
                self.tried.push(entry.id.clone());
            }
        }
    }

    fn show(&mut self, found: &Found) {
        for problem in &found.problems {
            let place = self.inventory.place(problem.volume).to_string();
            let text = format!("{}: {}", Printable(&place), Printable(&problem.text));
            self.once(text);
        }
        for text in unmet(found) {
            self.once(Printable(&text).to_string());
        }
        for entry in &found.entries {
            for problem in &entry.problems {
                let origin = self.inventory.describe(&entry.origin.file).to_string();
                let word = if problem.blocks {
                    "can't be booted, "
                } else {
                    ""
                };
                self.once(format!(
                    "{}: {word}{}",
                    Printable(&origin),
                    Printable(&problem.text)
                ));
            }
        }
    }

    fn once(&mut self, text: String) {
        if self.shown.insert(text.clone()) {
            log::warn!("{text}");
        }
    }

    /// Something can be booted: waits a little for the disks that the policy wants, or if it names none for those
    /// that are on their way, which may hold what it likes better.
    fn settle(&mut self, found: &Found, uevents: Option<&Uevents>) {
        if plan(found, &self.tried, &self.policy.boot).is_empty() {
            return;
        }
        let mut wait = Wait::start(self.policy.wait.settle);
        loop {
            let probing = Sysfs::system().probing();
            self.add_disks();
            let wanted = &self.policy.wait.wanted;
            let missing = missing(&self.inventory, wanted);
            let (is_complete, what) = match wanted.is_empty() {
                true => (probing.is_empty(), "what is still being brought up"),
                false => (missing.is_empty(), "the disks that the policy wants"),
            };
            if is_complete {
                return;
            }
            if wait.is_over() {
                for rule in missing {
                    let line = rule.line;
                    log::warn!(
                        "the disk of line {line} of the policy is not there: starting without it"
                    );
                }
                return;
            }
            wait.show(&format!("waiting for {what}"), &probing);
            pause(uevents, wait.step());
        }
    }

    /// Tries all entries that were not tried yet, in the order of the plan.
    fn try_all(&mut self) -> bool {
        // Disks may have come while we waited.
        self.look_for_wishes();
        let found = find(&self.inventory, &self.policy.boot);
        self.look_at(&found);
        let names: BTreeMap<&str, EntryName> = names(&self.inventory, &found.entries)
            .into_iter()
            .map(|(entry, name)| (entry.id.as_str(), name))
            .collect();
        let mut order = plan(&found, &self.tried, &self.policy.boot);
        // Disks on which nothing has died come first. The sort is stable.
        order.sort_by_key(|entry| {
            let name = names.get(entry.id.as_str());
            name.is_some_and(|name| self.lost.suspects(&name.volume.disk))
        });
        if !order.is_empty() {
            self.firmware.consume(&self.inventory);
            self.settings.consume();
        }
        for entry in order {
            self.tried.push(entry.id.clone());
            if let Some(name) = names.get(entry.id.as_str()) {
                self.report.at(Place::Entry(name.clone()));
            }
            let origin = self.inventory.describe(&entry.origin.file).to_string();
            let what = format!("{} from {}", Printable(&entry.title), Printable(&origin));
            log::info!("trying {what}");
            let attempt = Attempt {
                inventory: &self.inventory,
                kexec: &FileLoad,
                // The kernel makes its own copy of everything while it loads.
                memory: available_memory().map_or(u64::MAX, |bytes| bytes / 2),
                authority: &self.authority,
            };
            let report = &self.report;
            let failure = &self.policy.failure;
            let mut number = 1;
            let result = loop {
                let mut progress = Progress::default();
                let result = attempt.run(entry, &mut self.timeline, &mut |done, all| {
                    report.alive(0);
                    progress.show(done, all);
                });
                match result {
                    Err(AttemptError::Refused(_)) | Ok(_) => break result,
                    Err(_) if number >= failure.attempts => break result,
                    Err(error) => log::warn!("{}", Printable(&error.to_string())),
                }
                number = number.saturating_add(1);
                report.idle();
                wait_between(number, failure);
                if let Some(name) = names.get(entry.id.as_str()) {
                    report.at(Place::Entry(name.clone()));
                }
            };
            match result {
                Ok(loaded) => {
                    for (file, part) in &loaded.files {
                        log::info!("sha256 {} {}", part.hex(), Printable(file.path.as_str()));
                    }
                    log::info!("command line: {}", Printable(&loaded.cmdline));
                    show_verdict(&loaded.verdict);
                    log::info!("booting {what}");
                    log::info!("loaded: {}", self.timeline);
                    // From here on nothing keeps the entry from being started. What can't be saved does not
                    // either, as in GRUB.
                    for saved in &entry.saves {
                        report.alive(0);
                        if let Err(error) = save(&self.inventory, saved, &open_disk) {
                            log::warn!("{}", Printable(&error.to_string()));
                        }
                    }
                    report.alive(0);
                    let counted = self.count(entry);
                    report.alive(0);
                    let policy = self.policy.boot.count;
                    self.firmware
                        .tell(&self.inventory, &found, entry, counted.as_ref(), policy);
                    report.loaded();
                    return true;
                }
                Err(AttemptError::Refused(verdict)) => show_complaints("refused", &verdict),
                Err(error) => log::warn!("{}", Printable(&error.to_string())),
            }
            if self.policy.failure.entry.is_some() {
                log::warn!("the policy wants no other entry to be tried");
                self.stopped = true;
                break;
            }
        }
        self.report.idle();
        false
    }

    /// Where no firmware keeps them, wishes may be in a file. Another one may set values of the policy.
    fn look_for_wishes(&mut self) {
        if self.settings.look_for_file(&self.inventory) {
            self.policy = self.settings.policy();
        }
        if self.firmware.look_for_file(&self.inventory) {
            self.inventory.wish(self.firmware.wishes());
        }
    }

    /// Counts a boot of the entry, if it is to be counted: how its file is named now. Not even what can't be
    /// counted keeps it from being started.
    fn count(&self, entry: &BootEntry) -> Option<FsPath> {
        let (inventory, policy) = (&self.inventory, self.policy.boot.count);
        if !is_counted(inventory, entry, policy, self.firmware.can_confirm()) {
            return None;
        }
        match count(inventory, entry, VOLUMES.as_ref()) {
            Ok(path) => Some(path),
            Err(error) => {
                log::warn!("{}", Printable(&error.to_string()));
                None
            }
        }
    }
}

/// Waits before the attempt with this number at one entry.
fn wait_between(number: u32, failure: &Failure) {
    let mut wait = Wait::start(failure.between);
    while !wait.is_over() {
        wait.show(
            &format!("attempt {number} of {} follows", failure.attempts),
            &[],
        );
        pause(None, wait.step());
    }
}

/// Who decides what may be booted. Where that can't be known, or would be nothing, it is said why.
fn authority(rules: &Rules) -> Option<Authority> {
    let variables = rules.platform.then(mounts::mount_efivars).transpose();
    let variables = variables.map(|wanted| wanted.map(|()| Path::new(Efivarfs::DIRECTORY)));
    let authority = variables.and_then(|variables| {
        let anchors = policy::anchors(policy::PATH.as_ref());
        let authority = Authority::load(rules.clone(), &anchors, variables);
        authority.map_err(|error| error.to_string())
    });
    match authority {
        Ok(authority) => Some(authority),
        Err(error) => {
            log::error!("{}: nothing will be booted", Printable(&error));
            None
        }
    }
}

/// Says what is covered by whom, and warns of what the policy wants and is not.
fn show_verdict(verdict: &Verdict) {
    for finding in &verdict.findings {
        if !matches!(finding.state, State::Open(_)) {
            log::info!("{}", Printable(&finding.to_string()));
        }
    }
    show_complaints("booted all the same", verdict);
}

/// Says what speaks against booting it, on a line for each reason, and what follows.
fn show_complaints(what_follows: &str, verdict: &Verdict) {
    for complaint in verdict.complaints() {
        log::warn!("{what_follows}: {}", Printable(&complaint));
    }
}

/// The entries with names that mean the same to another loader.
fn names<'a>(inventory: &Inventory, entries: &'a [BootEntry]) -> Vec<(&'a BootEntry, EntryName)> {
    let mut count: BTreeMap<&Origin, u32> = BTreeMap::new();
    let mut names = Vec::with_capacity(entries.len());
    for entry in entries {
        let FileRef { volume, path } = &entry.origin.file;
        let Some(volume) = VolumeName::of(inventory, *volume) else {
            continue;
        };
        let nth = count.entry(&entry.origin).or_default();
        let name = EntryName {
            volume,
            path: path.as_str().to_owned(),
            line: entry.origin.line,
            nth: *nth,
        };
        *nth = nth.saturating_add(1);
        names.push((entry, name));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Hardware, MemorySource};
    use crate::entry::{EntrySource, PayloadKind, VolumeId};

    fn disk(path: &str) -> Disk {
        let mut image = std::io::Cursor::new(vec![0; 1 << 20]);
        fatfs::format_volume(&mut image, fatfs::FormatVolumeOptions::new()).unwrap();
        Disk {
            path: path.into(),
            source: Arc::new(MemorySource::new(image.into_inner())),
            hardware: Hardware::default(),
        }
    }

    fn entry(disk: usize, line: Option<u32>) -> BootEntry {
        let volume = VolumeId { disk, volume: 0 };
        let path = FsPath::new("/boot/grub/grub.cfg").unwrap();
        let file = FileRef { volume, path };
        let origin = Origin { file, line };
        BootEntry::new(
            "id".to_owned(),
            EntrySource::Grub,
            PayloadKind::Linux,
            origin,
        )
    }

    /// The names of one entry on the first disk and two of a loop on the second.
    fn names_on(disks: [&str; 2]) -> Vec<String> {
        let mut inventory = Inventory::new();
        for path in disks {
            inventory.add(disk(path));
        }
        let index = |path: &str| disks.iter().position(|disk| *disk == path).unwrap();
        let (first, second) = (index("/dev/sda"), index("/dev/sdb"));
        let entries = [
            entry(first, None),
            entry(second, Some(7)),
            entry(second, Some(7)),
        ];
        let names = names(&inventory, &entries).into_iter();
        names.map(|(_, name)| Place::Entry(name).print()).collect()
    }

    #[test]
    fn names_of_entries_do_not_depend_on_who_came_first() {
        let names = names_on(["/dev/sda", "/dev/sdb"]);
        assert_eq!(
            names,
            [
                "entry /dev/sda - - - 0 /boot/grub/grub.cfg - 0",
                "entry /dev/sdb - - - 0 /boot/grub/grub.cfg 7 0",
                "entry /dev/sdb - - - 0 /boot/grub/grub.cfg 7 1",
            ]
        );
        assert_eq!(names_on(["/dev/sdb", "/dev/sda"]), names);
    }
}
