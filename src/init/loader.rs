//! The child: it waits for disks, tries what is on them or what its menu wishes for, and ends with one of two exit
//! statuses.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::desk::Desk;
use super::firmware::Firmware;
use super::lost::Lost;
use super::place::{DiskName, EntryName, Place, VolumeName};
use super::report::{Counted, LEFT_OUT, Report, Watchman};
use super::serving::about;
use super::settings::Settings;
use super::wait::{LOOK, Progress, Wait, pause};
use super::{VOLUMES, front, log as sink, mounts};
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
use crate::menu::Event;
use crate::policy::{self, Policy};
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
    // Without one there is no descriptor left at all.
    let Ok(desk) = Desk::new().map(Arc::new) else {
        return ExitCode::FAILURE;
    };
    sink::to_supervisor(desk.clone());
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
    let mut loader = Loader {
        settings,
        policy,
        authority,
        inventory: Inventory::new(),
        firmware,
        report,
        desk,
        lost,
        known: BTreeSet::new(),
        found: Found::default(),
        begun: false,
        again: false,
        tried: Vec::new(),
        timeline: Timeline::start(),
        stopped: false,
        shown: BTreeSet::new(),
    };
    if !loader.lost.menu() {
        let (policy, permissions) = (&loader.policy, loader.permissions());
        let about = about(policy);
        front::start(
            &loader.desk,
            &loader.report,
            policy.menu.clone(),
            permissions,
            about,
        );
    }
    loader.forget_disks();
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

pub(super) struct Loader {
    settings: Settings,
    /// What the settings come to.
    pub(super) policy: Policy,
    authority: Authority,
    pub(super) inventory: Inventory,
    pub(super) firmware: Firmware,
    pub(super) report: Arc<Report>,
    /// What is told the menu, and what it wishes for.
    pub(super) desk: Arc<Desk>,
    /// What the loaders before this one died of.
    lost: Lost,
    /// Disks that are in the inventory, or left out.
    known: BTreeSet<DiskName>,
    /// What was found on them, as the menu knows it.
    pub(super) found: Found,
    /// The time in which somebody may choose has begun.
    pub(super) begun: bool,
    /// The disks have to be looked at again, whether any came or not.
    again: bool,
    /// Ids of entries that failed, here or in a loader before. They stay what they are, since disks are only added
    /// behind the others, until all of them are forgotten.
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
        let uevents = uevents.ok();
        let uevents = uevents.as_ref();
        let desk = self.desk.clone();
        let mut wait = Wait::start(self.policy.wait.disks);
        loop {
            let has_changed = self.add_disks();
            if std::mem::take(&mut self.again) || has_changed {
                self.look_for_wishes();
                let (inventory, policy) = (&self.inventory, &self.policy.boot);
                let found = self
                    .timeline
                    .run(Stage::Entries, || find(inventory, policy));
                self.look_at(&found);
                self.settle(&found, uevents);
                self.look_again();
            }
            // Without a menu there is nobody else to wish for something.
            if self.serve() || (!desk.has_menu() && self.try_all()) {
                return true;
            }
            if self.stopped {
                return false;
            }
            let answered = self.breathe();
            if self.again || desk.has_wishes() {
                continue;
            }
            if desk.holds() {
                pause(uevents, Some(desk.wished()), LOOK);
                continue;
            }
            // A file may have said another time.
            wait.limit(self.policy.wait.disks);
            if wait.is_over() && answered {
                let seconds = self.policy.wait.disks.as_secs();
                log::warn!("nothing could be booted within {seconds} s");
                return false;
            }
            wait.show(
                "waiting for a disk with something that boots",
                &Sysfs::system().probing(),
            );
            pause(uevents, Some(desk.wished()), wait.step());
        }
    }

    /// Gives a sign of life if the menu gives one: neither keeps a loader alive without the other.
    fn breathe(&self) -> bool {
        let answered = self.desk.is_answered();
        if answered {
            self.report.idle();
        }
        answered
    }

    /// Begins with no disks at all, and looks at what is there.
    pub(super) fn forget_disks(&mut self) {
        let watchman = Watchman {
            report: self.report.clone(),
            lost: self.lost.clone(),
        };
        let inventory = Inventory::with_kernel_mount(KernelMount::new(VOLUMES));
        self.inventory = inventory
            .guarded(Box::new(watchman))
            .described(Smbios::of_this_machine());
        self.inventory.wish(self.firmware.wishes());
        self.known.clear();
        self.tried.clear();
        self.again = true;
    }

    /// Adds the disks that came, and says whether any did.
    fn add_disks(&mut self) -> bool {
        let mut added = false;
        let disks = Sysfs::system().disks();
        let names: BTreeSet<DiskName> = disks.iter().map(DiskName::found).collect();
        // Whoever sits at the menu sees what is there. Without a person an entry that has gone fails as any other.
        if self.desk.holds() && !self.known.is_subset(&names) {
            log::info!("a disk has gone: looking at all of them again");
            self.forget_disks();
        }
        for found in disks {
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
        self.report.rest();
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
        self.report.rest();
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
            self.breathe();
            // What the menu wishes for comes afterwards.
            pause(uevents, None, wait.step());
        }
    }

    /// Looks at what is on the disks by now, and tells the menu.
    fn look_again(&mut self) {
        // Disks may have come while we waited.
        self.look_for_wishes();
        let found = find(&self.inventory, &self.policy.boot);
        self.look_at(&found);
        self.found = found;
        self.tell_found();
    }

    /// The entries that were not tried yet, as places in what was found, in the order in which they are started without
    /// a person.
    pub(super) fn plan(&self) -> Vec<(usize, Option<EntryName>)> {
        let all = &self.found.entries;
        let places = all.iter().enumerate();
        let places: BTreeMap<&str, usize> =
            places.map(|(i, entry)| (entry.id.as_str(), i)).collect();
        let mut names: BTreeMap<&str, EntryName> = names(&self.inventory, all)
            .into_iter()
            .map(|(entry, name)| (entry.id.as_str(), name))
            .collect();
        let mut order = plan(&self.found, &self.tried, &self.policy.boot);
        // Disks on which nothing has died come first. The sort is stable.
        order.sort_by_key(|entry| {
            let name = names.get(entry.id.as_str());
            name.is_some_and(|name| self.lost.suspects(&name.volume.disk))
        });
        let ids = order.into_iter().map(|entry| entry.id.as_str());
        ids.filter_map(|id| Some((*places.get(id)?, names.remove(id))))
            .collect()
    }

    /// Tries all entries that were not tried yet, in the order of the plan, unless somebody comes to the menu.
    pub(super) fn try_all(&mut self) -> bool {
        let mut reason = None;
        for (index, name) in self.plan() {
            let Some(entry) = self.found.entries.get(index).cloned() else {
                continue;
            };
            self.tried.push(entry.id.clone());
            let origin = self.inventory.describe(&entry.origin.file).to_string();
            let mut number = 1;
            let failed = loop {
                let event = Event::Attempt(entry.title.clone(), origin.clone());
                self.desk.tell(event);
                let Err(failed) = self.attempt(&entry, name.clone()) else {
                    return true;
                };
                if !failed.again || number >= self.policy.failure.attempts || self.is_watched() {
                    break failed;
                }
                number = number.saturating_add(1);
                self.wait_before(number);
            };
            reason = Some(failed.reason);
            if self.is_watched() {
                break;
            }
            if self.policy.failure.entry.is_some() {
                log::warn!("the policy wants no other entry to be tried");
                self.stopped = true;
                break;
            }
        }
        self.report.rest();
        if let Some(reason) = reason {
            self.tell_found();
            // What comes later is started at once where nobody is here.
            self.desk.tell(Event::Failed(reason, Some(Duration::ZERO)));
        }
        false
    }

    /// Is somebody at the menu by now?
    fn is_watched(&self) -> bool {
        self.desk.is_answered() && self.desk.holds()
    }

    /// Waits before the attempt with this number at one entry, unless somebody comes to the menu.
    fn wait_before(&self, number: u32) {
        let failure = &self.policy.failure;
        let mut wait = Wait::start(failure.between);
        self.report.rest();
        while !wait.is_over() {
            let what = format!("attempt {number} of {} follows", failure.attempts);
            wait.show(&what, &[]);
            self.breathe();
            if self.desk.holds() {
                return;
            }
            pause(None, None, wait.step());
        }
    }

    /// Reads, proves and loads an entry, and saves what is to be saved before it is started. Why it can't be started
    /// stands in the log as well.
    pub(super) fn attempt(
        &mut self,
        entry: &BootEntry,
        name: Option<EntryName>,
    ) -> Result<(), Failed> {
        self.firmware.consume(&self.inventory);
        self.settings.consume();
        if let Some(name) = name {
            self.report.at(Place::Entry(name));
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
        let (report, desk) = (&self.report, &self.desk);
        desk.set_progress(0, 0);
        let mut progress = Progress::default();
        let result = attempt.run(entry, &mut self.timeline, &mut |done, all| {
            report.alive(0);
            desk.set_progress(done, all);
            progress.show(done, all);
        });
        let loaded = match result {
            Ok(loaded) => loaded,
            Err(AttemptError::Refused(verdict)) => {
                show_complaints("refused", &verdict);
                let complaints: Vec<String> = verdict.complaints().collect();
                return Err(Failed::new(format!("refused: {}", complaints.join("; "))));
            }
            Err(error) => {
                let reason = Printable(&error.to_string()).to_string();
                log::warn!("{reason}");
                let again = true;
                return Err(Failed { reason, again });
            }
        };
        for (file, part) in &loaded.files {
            log::info!("sha256 {} {}", part.hex(), Printable(file.path.as_str()));
        }
        log::info!("command line: {}", Printable(&loaded.cmdline));
        show_verdict(&loaded.verdict);
        log::info!("booting {what}");
        log::info!("loaded: {}", self.timeline);
        // From here on nothing keeps the entry from being started. What can't be saved does not either, as in GRUB.
        for saved in &entry.saves {
            report.alive(0);
            if let Err(error) = save(&self.inventory, saved, &open_disk) {
                log::warn!("{}", Printable(&error.to_string()));
            }
        }
        report.alive(0);
        let counted = self.count(entry);
        report.alive(0);
        let (found, policy) = (&self.found, &self.policy);
        self.firmware
            .tell(&self.inventory, found, entry, counted.as_ref(), policy);
        report.loaded();
        Ok(())
    }

    /// Where no firmware keeps them, wishes may be in a file. Another one may set values of the policy.
    fn look_for_wishes(&mut self) {
        if self.settings.look_for_file(&self.inventory) {
            self.policy = self.settings.policy();
            let permissions = self.permissions();
            self.desk.tell(Event::Allow(permissions));
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

/// An attempt has failed.
pub(super) struct Failed {
    /// Why, in words.
    pub(super) reason: String,
    /// May another one succeed?
    again: bool,
}

impl Failed {
    /// For a reason that stays.
    pub(super) fn new(reason: impl Into<String>) -> Failed {
        Failed {
            reason: reason.into(),
            again: false,
        }
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
pub(super) fn names<'a>(
    inventory: &Inventory,
    entries: &'a [BootEntry],
) -> Vec<(&'a BootEntry, EntryName)> {
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
