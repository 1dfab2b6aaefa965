//! The child: it waits for disks, tries what is on them or what its menu wishes for, and ends with one of three exit
//! statuses.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::about::about;
use super::desk::Desk;
use super::firmware::Firmware;
use super::journal::Journal;
use super::lost::Lost;
use super::place::{DiskName, EntryName, Place, VolumeName};
use super::report::{LEFT_OUT, Report, Watchman};
use super::resets::Resets;
use super::settings::Settings;
use super::told::Told;
use super::wait::{Deadline, LOOK, pause};
use super::{VOLUMES, front, log as sink, mounts};
use crate::boot::{Settled, Stage, Timeline, find, plan, settle, unmet};
use crate::config::Found;
use crate::disk::{Sysfs, Uevents};
use crate::efi::Efivarfs;
use crate::entry::{BootEntry, FileRef, Origin};
use crate::fs::KernelMount;
use crate::inventory::Inventory;
use crate::menu::Event;
use crate::policy::{self, Policy};
use crate::report;
use crate::smbios::Smbios;
use crate::text::Printable;
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
    if !lost.menu() {
        // The menu shows all that is logged from here on.
        desk.open();
    }
    let mut timeline = Timeline::start();
    // Should the firmware hang, the next loader leaves it out.
    report.at(Place::Firmware);
    let known = timeline.run(Stage::Settings, || {
        // The supervisor has complained about a policy that can't be used.
        let settings = Settings::all(lost.firmware());
        let policy = settings.policy();
        let authority = authority(&policy.trust, lost.firmware());
        let authority = authority.filter(|_| policy.trust != Rules::closed())?;
        let firmware = Firmware::open(&policy.efi, report.clone(), lost.firmware());
        let resets = Resets::read(&policy.failure, &firmware, lost.firmware());
        Some((settings, policy, authority, firmware, resets))
    });
    report.idle();
    let Some((settings, policy, authority, firmware, resets)) = known else {
        log::error!("nothing may be booted: no disk is looked at");
        return exit(NOTHING);
    };
    let mut journal = Journal::of_loader(&policy.report, &report, lost.firmware());
    journal.put_overrides(&settings.set(true));
    let mut loader = Loader {
        settings,
        policy,
        authority,
        inventory: Inventory::new(),
        firmware,
        resets,
        report,
        desk,
        lost,
        journal,
        known: Vec::new(),
        gone: Vec::new(),
        found: Found::default(),
        begun: false,
        again: false,
        tried: Vec::new(),
        failed: Vec::new(),
        timeline,
        settled: Duration::ZERO,
        ended: false,
        stopped: false,
        shown: BTreeSet::new(),
        problems: Told::default(),
        attempts: Told::default(),
        verdicts: BTreeMap::new(),
    };
    if loader.desk.has_menu() {
        let (policy, permissions) = (&loader.policy, loader.permissions());
        let about = about(policy);
        front::start(
            &loader.desk,
            &loader.report,
            policy.menu.clone(),
            permissions,
            about,
        );
        for line in sink::of_firmware(Path::new(sink::FIRMWARE)) {
            loader.desk.put(Event::Log(line));
        }
    }
    loader.forget_disks();
    let is_loaded = loader.run();
    if !is_loaded && !loader.stopped {
        let entries = loader.tried.len();
        loader
            .journal
            .put(&report::Event::NothingBooted { entries });
    }
    let status = match is_loaded {
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
    pub(super) settings: Settings,
    /// What the settings come to.
    pub(super) policy: Policy,
    pub(super) authority: Authority,
    pub(super) inventory: Inventory,
    pub(super) firmware: Firmware,
    /// Starts that were not confirmed.
    pub(super) resets: Resets,
    pub(super) report: Arc<Report>,
    /// What is told the menu, and what it wishes for.
    pub(super) desk: Arc<Desk>,
    /// What the loaders before this one died of.
    pub(super) lost: Lost,
    /// Where it is written down what happens, for machines.
    pub(super) journal: Journal,
    /// Disks that are in the inventory, or left out.
    pub(super) known: Vec<DiskName>,
    /// Those of them that have gone since.
    pub(super) gone: Vec<DiskName>,
    /// What was found on them, as the menu knows it.
    pub(super) found: Found,
    /// The time in which somebody may choose has begun.
    pub(super) begun: bool,
    /// The disks have to be looked at again, whether any came or not.
    pub(super) again: bool,
    /// Ids of entries that failed, here or in a loader before, as they are since the last look: an entry may get the id
    /// of one whose disk has gone.
    pub(super) tried: Vec<String>,
    /// Those that failed here.
    pub(super) failed: Vec<EntryName>,
    /// An entry has failed, and the policy wants no other one to be started without a person.
    pub(super) ended: bool,
    /// So it was, and no person is here: the round is over.
    pub(super) stopped: bool,
    pub(super) timeline: Timeline,
    /// How long further disks were waited for where there was something to boot.
    pub(super) settled: Duration,
    /// Problems that were logged: each once, however often the disks are looked at.
    pub(super) shown: BTreeSet<String>,
    /// Those of them that concern what is on the disks.
    pub(super) problems: Told,
    /// Attempts that no person has asked for.
    pub(super) attempts: Told,
    /// What is known of the signatures of entries, by their ids.
    pub(super) verdicts: BTreeMap<String, Vec<String>>,
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
        let mut wait = Deadline::start(self.policy.wait.disks);
        loop {
            let had_menu = desk.has_menu();
            let has_changed = self.add_disks();
            if std::mem::take(&mut self.again) || has_changed {
                self.look();
                if self.settle(uevents) {
                    self.look();
                }
                self.tell_found();
            }
            // Without a menu there is nobody else to wish for something.
            if self.serve() || (!desk.has_menu() && self.try_all()) {
                return true;
            }
            // Who was here when the last entry failed has gone again.
            self.stopped |= self.ended && !desk.holds();
            if self.stopped {
                return false;
            }
            let answered = self.breathe();
            // A menu that has ended since, for want of a console, has wished for nothing: its part is to be done first.
            let has_ended = had_menu && !desk.has_menu();
            if self.again || has_ended || desk.has_wishes() {
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
    pub(super) fn breathe(&self) -> bool {
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
        let report = self.report.clone();
        let kernel = KernelMount::new(VOLUMES).limited(move || report.left());
        let inventory = Inventory::with_kernel_mount(kernel);
        self.inventory = inventory
            .guarded(Box::new(watchman))
            .described(Smbios::of_this_machine());
        self.inventory.wish(self.firmware.wishes());
        self.known.clear();
        self.gone.clear();
        self.tried.clear();
        self.failed.clear();
        self.verdicts.clear();
        self.again = true;
    }

    /// Looks at what is on the disks by now. Says what can't be used, and leaves out the entries that loaders before
    /// this one died of.
    pub(super) fn look(&mut self) {
        self.look_for_wishes();
        // It is looked at after something has changed: what could not be read may be readable by now.
        self.inventory.forget_unreadable();
        let (inventory, policy) = (&self.inventory, &self.policy.boot);
        let found = self
            .timeline
            .run(Stage::Entries, || find(inventory, policy));
        self.report.rest();
        self.show(&found);
        let names = names(&self.inventory, &found.entries);
        let mut tried = Vec::new();
        for (entry, name) in found.entries.iter().zip(names) {
            let has_failed = match &name {
                Some(name) => self.failed.contains(name),
                None => self.tried.contains(&entry.id),
            };
            if has_failed {
                tried.push(entry.id.clone());
            } else if let Some(name) = name.filter(|name| self.lost.entry(name)) {
                self.once(format!("{}: left out: {LEFT_OUT}", Place::Entry(name)));
                tried.push(entry.id.clone());
            }
        }
        self.tried = tried;
        for entry in &found.entries {
            if let Some(text) = self.resets.complaint(entry) {
                self.once(text);
            }
        }
        self.found = found;
    }

    fn show(&mut self, found: &Found) {
        let left_out = self.problems.left_out();
        for problem in &found.problems {
            let place = self.inventory.place(problem.volume).to_string();
            let text = format!("{}: {}", Printable(&place), Printable(&problem.text));
            self.problem(text);
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
                self.problem(format!(
                    "{}: {word}{}",
                    Printable(&origin),
                    Printable(&problem.text)
                ));
            }
        }
        let more = self.problems.left_out();
        if more > left_out {
            log::warn!("and {more} more problems, which the menu tells");
        }
    }

    /// Says what is wrong on a disk, unless much was said before.
    fn problem(&mut self, text: String) {
        if self.shown.insert(text.clone()) && self.problems.one_more() {
            log::warn!("{text}");
        }
    }

    pub(super) fn once(&mut self, text: String) {
        if self.shown.insert(text.clone()) {
            log::warn!("{text}");
        }
    }

    /// Something can be booted: waits a little for the disks that the policy wants, or if it names none for those
    /// that are on their way, which may hold what it likes better. All such waits of a loader together have one limit:
    /// a disk that comes and goes again and again holds nothing up for longer. `true` when disks came.
    fn settle(&mut self, uevents: Option<&Uevents>) -> bool {
        if plan(&self.found, &self.tried, &self.policy.boot).is_empty() {
            return false;
        }
        let start = Instant::now();
        let left = self.policy.wait.settle.saturating_sub(self.settled);
        let have_come = self.wait_for_others(Deadline::start(left), uevents);
        self.settled = self.settled.saturating_add(start.elapsed());
        have_come
    }

    fn wait_for_others(&mut self, mut wait: Deadline, uevents: Option<&Uevents>) -> bool {
        let mut have_come = false;
        loop {
            let probing = Sysfs::system().probing();
            have_come |= self.add_disks();
            let policy = &self.policy.wait;
            let waited = policy.settle.saturating_sub(wait.left());
            let settled = settle(&self.inventory, policy, !probing.is_empty(), waited);
            let what = match settled {
                // Who came is not kept waiting for disks that may never come.
                _ if self.desk.holds() => return have_come,
                Settled::Over(missing) => {
                    let lines: Vec<usize> = missing.iter().map(|rule| rule.line).collect();
                    for line in lines {
                        self.once(format!(
                            "the disk of line {line} of the policy is not there: starting without it"
                        ));
                    }
                    return have_come;
                }
                Settled::Waits(what) => what,
            };
            wait.show(&format!("waiting for {what}"), &probing);
            self.breathe();
            // What the menu wishes for comes afterwards.
            pause(uevents, None, wait.step());
        }
    }

    /// Where no firmware keeps them, wishes may be in a file. Another one may set values of the policy.
    fn look_for_wishes(&mut self) {
        if self.settings.look_for_file(&self.inventory) {
            self.policy = self.settings.policy();
            self.journal.put_overrides(&self.settings.set_by_file());
            let permissions = self.permissions();
            self.desk.tell(Event::Allow(permissions));
        }
        if self.firmware.look_for_file(&self.inventory) {
            self.inventory.wish(self.firmware.wishes());
        }
    }
}

/// Who decides what may be booted. Where that can't be known, or would be nothing, it is said why.
fn authority(rules: &Rules, is_lost: bool) -> Option<Authority> {
    let mount = || match is_lost {
        true => Err(format!("UEFI variables: left out: {LEFT_OUT}")),
        false => mounts::mount_efivars(),
    };
    let variables = rules.platform.then(mount).transpose();
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

/// Names of the entries, in their order, that mean the same to another loader. `None` for what is on no disk.
pub(super) fn names(inventory: &Inventory, entries: &[BootEntry]) -> Vec<Option<EntryName>> {
    let mut count: BTreeMap<&Origin, u32> = BTreeMap::new();
    let names = entries.iter().map(|entry| {
        let FileRef { volume, path } = &entry.origin.file;
        let volume = VolumeName::of(inventory, *volume)?;
        let nth = count.entry(&entry.origin).or_default();
        let name = EntryName {
            volume,
            path: path.as_str().to_owned(),
            line: entry.origin.line,
            nth: *nth,
        };
        *nth = nth.saturating_add(1);
        Some(name)
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, Hardware, MemorySource};
    use crate::entry::{EntrySource, PayloadKind, VolumeId};
    use crate::fs::FsPath;

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
        names
            .flatten()
            .map(|name| Place::Entry(name).print())
            .collect()
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
