//! Attempts: which entries the loader tries, in what order, and what follows for each.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::VOLUMES;
use super::books::{self, Books};
use super::booting::Booting;
use super::journal::Journal;
use super::loader::{Loader, names};
use super::place::{EntryName, Place};
use super::wait::{Deadline, Progress, pause};
use crate::boot::{
    Attempt, AttemptError, CountError, Part, Timeline, count, counted_name, is_counted,
    is_one_shot, open_disk, payload_memory, plan, save,
};
use crate::config::OnError;
use crate::entry::{BootEntry, FileRef};
use crate::fs::FsPath;
use crate::kexec::FileLoad;
use crate::menu::Event;
use crate::policy::AfterEntry;
use crate::report::{self, Text};
use crate::text::Printable;
use crate::trust::coverage::{State, Verdict};

/// How often disks that have come meanwhile are looked at while entries are tried: one that comes and goes keeps
/// nothing from being tried.
const LOOKS: u32 = 8;

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

impl Loader {
    /// The entries that were not tried yet, as places in what was found, in the order in which they are started without
    /// a person.
    pub(super) fn plan(&self) -> Vec<(usize, Option<EntryName>)> {
        let all = &self.found.entries;
        let places = all.iter().enumerate();
        let places: BTreeMap<&str, usize> =
            places.map(|(i, entry)| (entry.id.as_str(), i)).collect();
        let mut names = names(&self.inventory, all);
        let mut order = plan(&self.found, &self.tried, &self.policy.boot);
        let once = |entry: &BootEntry| is_one_shot(&self.found, entry);
        self.resets.order(&mut order, once);
        let order = order.into_iter().filter_map(|entry| {
            let place = *places.get(entry.id.as_str())?;
            Some((place, names.get_mut(place)?.take()))
        });
        // Disks on which nothing has died come first.
        let (suspected, others): (Vec<_>, Vec<_>) = order.partition(|(_, name)| {
            name.as_ref()
                .is_some_and(|name| self.lost.suspects(&name.volume.disk))
        });
        others.into_iter().chain(suspected).collect()
    }

    /// Tries all entries that were not tried yet, in the order of the plan, unless somebody comes to the menu.
    pub(super) fn try_all(&mut self) -> bool {
        if self.ended {
            self.stopped = true;
            return false;
        }
        let mut reason = None;
        let mut plan = VecDeque::from(self.plan());
        let mut looks = 0;
        while let Some((index, name)) = plan.pop_front() {
            let Some(entry) = self.found.entries.get(index).cloned() else {
                continue;
            };
            self.tried.push(entry.id.clone());
            self.failed.extend(name.clone());
            let failed = match self.try_again_and_again(&entry, name.as_ref()) {
                Ok(()) => {
                    self.tell_of_others();
                    return true;
                }
                Err(failed) => failed,
            };
            let is_over = self.ends_with(&entry, failed.again);
            reason = Some(failed.reason);
            if is_over {
                break;
            }
            if self.is_watched() {
                break;
            }
            // A disk that has come meanwhile may hold what is liked better than what is next.
            if looks < LOOKS && self.add_disks() {
                looks = looks.saturating_add(1);
                self.look();
                plan = self.plan().into();
            }
        }
        self.report.rest();
        self.tell_of_others();
        self.tell_found();
        // The menu waits for an answer, also where what it wished for has gone with its disk. What comes later is
        // started at once where nobody is here.
        let reason = reason.unwrap_or_else(|| "what was to be started has gone".to_owned());
        self.desk.tell(Event::Failed(reason, Some(Duration::ZERO)));
        false
    }

    /// Says that there were attempts of which the log tells nothing.
    fn tell_of_others(&mut self) {
        let more = self.attempts.left_out();
        if more > 0 {
            let tried = self.tried.len();
            self.once(format!(
                "{tried} entries were tried: of {more} attempts nothing is told"
            ));
        }
    }

    /// Tries one entry as often as the policy says, unless somebody comes to the menu.
    fn try_again_and_again(
        &mut self,
        entry: &BootEntry,
        name: Option<&EntryName>,
    ) -> Result<(), Failed> {
        let origin = self.inventory.describe(&entry.origin.file).to_string();
        let mut number = 1;
        loop {
            let event = Event::Attempt(entry.title.clone(), origin.clone());
            self.desk.tell(event);
            let Err(failed) = self.attempt(entry, name.cloned(), false) else {
                return Ok(());
            };
            if !self.policy.failure.tries_again(number, failed.again) || self.is_watched() {
                return Err(failed);
            }
            number = number.saturating_add(1);
            self.wait_before(number);
            if self.is_watched() {
                return Err(failed);
            }
        }
    }

    /// Does an entry that has failed end the round, so that no other one is tried? What its configuration wants is done
    /// at once, unless somebody is at the menu, who chooses.
    fn ends_with(&mut self, entry: &BootEntry, may_succeed: bool) -> bool {
        let after = self.policy.failure.entry;
        let is_watched = self.is_watched();
        let follows = after == AfterEntry::Configuration;
        if follows && is_watched {
            return false;
        }
        let configuration = self.found.configuration_of(entry);
        let on_error = configuration.map_or(OnError::Continue, |all| all.on_error);
        let count = || {
            let name = (entry.tries_left != Some(0)).then(|| self.counted_name(entry));
            name.flatten().is_some_and(|name| self.count(entry, &name))
        };
        self.ended = after.ends(on_error, may_succeed, count);
        if self.ended {
            let who = match follows {
                true => "its configuration",
                false => "the policy",
            };
            log::warn!("{who} wants no other entry to be tried");
            // Who is here may choose another one; who goes then leaves it at that.
            self.stopped = follows || !is_watched;
        }
        self.ended
    }

    /// How process 1 knows an entry.
    pub(super) fn name_of(&self, entry: &BootEntry) -> Option<EntryName> {
        let names = names(&self.inventory, &self.found.entries);
        let mut named = self.found.entries.iter().zip(names);
        let (_, name) = named.find(|(other, _)| other.id == entry.id)?;
        name
    }

    /// Is somebody at the menu by now?
    fn is_watched(&self) -> bool {
        self.desk.is_answered() && self.desk.holds()
    }

    /// Waits before the attempt with this number at one entry, unless somebody comes to the menu.
    fn wait_before(&self, number: u32) {
        let failure = &self.policy.failure;
        let mut wait = Deadline::start(failure.between);
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
    /// stands in the log as well. What a person has chosen, and what was wished for once, comes by itself no second
    /// time: it is not counted.
    pub(super) fn attempt(
        &mut self,
        entry: &BootEntry,
        name: Option<EntryName>,
        by_person: bool,
    ) -> Result<(), Failed> {
        if let Some(name) = name {
            self.report.at(Place::Entry(name));
        }
        self.firmware.consume(&self.inventory);
        // What could not be read in an attempt before may be read now.
        self.inventory.forget_unreadable();
        let settings = &mut self.settings;
        self.report.during(Place::Firmware, || settings.consume());
        let origin = self.inventory.describe(&entry.origin.file).to_string();
        let what = format!("{} from {}", Printable(&entry.title), Printable(&origin));
        let is_told = by_person || self.attempts.one_more();
        if is_told {
            log::info!("trying {what}");
        }
        self.journal.put(&report::Event::Trying {
            entry: Text::name(&entry.id),
            title: Text::name(&entry.title),
            origin: Text::name(&origin),
        });
        let booting = Booting {
            entry,
            origin: &origin,
            inventory: &self.inventory,
        };
        let kept = self.journal.kept();
        let summary = |files: &[(FileRef, Part)], verdict: &Verdict, timeline: &Timeline| {
            let mut lines = kept.clone().unwrap_or_default();
            booting.tell(files, verdict, timeline, &mut |event| {
                lines.push(Journal::line(event));
            });
            report::document(&lines)
        };
        let (report, desk) = (&self.report, &self.desk);
        let attempt = Attempt {
            inventory: &self.inventory,
            kexec: &FileLoad {
                allowed: &|| report.left(),
                // The kernel tells nothing meanwhile.
                waiting: &|| report.alive(0),
            },
            memory: payload_memory(),
            authority: &self.authority,
            summary: match &kept {
                Some(_) => Some(&summary),
                None => None,
            },
        };
        desk.set_step(None);
        let mut progress = Progress::default();
        report.limit(Some(self.policy.failure.limit));
        let result = attempt.run_watched(entry, &mut self.timeline, &mut |step| {
            report.alive(0);
            desk.set_step(Some(step));
            progress.show(step);
            true
        });
        report.limit(None);
        let loaded = match result {
            Ok(loaded) => loaded,
            Err(AttemptError::Refused(verdict)) => {
                self.remember_verdict(entry, &verdict);
                if is_told {
                    show_complaints("refused", &verdict);
                }
                let complaints: Vec<String> = verdict.complaints().collect();
                let complaints = complaints.join("; ");
                self.journal.put(&report::Event::Refused {
                    entry: Text::name(&entry.id),
                    reason: Text::reason(&complaints),
                });
                return Err(Failed::new(format!("refused: {complaints}")));
            }
            Err(error) => {
                let reason = Printable(&error.to_string()).to_string();
                if is_told {
                    if let AttemptError::Load { verdict, .. } = &error {
                        show_complaints("let pass all the same", verdict);
                    }
                    log::warn!("{reason}");
                }
                self.journal.put(&report::Event::Failed {
                    entry: Text::name(&entry.id),
                    reason: Text::reason(&reason),
                });
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
        let journal = &mut self.journal;
        booting.tell(
            &loaded.files,
            &loaded.verdict,
            &self.timeline,
            &mut |event| {
                journal.put(event);
            },
        );
        // From here on nothing keeps the entry from being started. What can't be saved does not either, as in GRUB.
        for saved in &entry.saves {
            report.alive(0);
            if let Err(error) = save(&self.inventory, saved, &open_disk) {
                log::warn!("{}", Printable(&error.to_string()));
            }
        }
        report.alive(0);
        let counted = self.counted_name(entry);
        let asked_for = by_person || is_one_shot(&self.found, entry);
        let mut starting = Starting {
            loader: self,
            entry,
        };
        books::write(&mut starting, counted.as_ref(), asked_for);
        self.report.loaded();
        Ok(())
    }

    /// How the file of the entry is named once a boot of it is counted, if it is to be counted. Not even what can't be
    /// counted keeps it from being started.
    fn counted_name(&self, entry: &BootEntry) -> Option<FsPath> {
        let (inventory, policy) = (&self.inventory, self.policy.boot.count);
        if !is_counted(inventory, entry, policy, self.firmware.can_confirm()) {
            return None;
        }
        let name = counted_name(inventory, entry);
        name.map_err(|error| not_counted(&error)).ok()
    }

    /// Counts a boot of the entry by this name, if that is possible.
    fn count(&self, entry: &BootEntry, name: &FsPath) -> bool {
        let counted = count(&self.inventory, entry, name, VOLUMES.as_ref());
        counted.map_err(|error| not_counted(&error)).is_ok()
    }
}

fn not_counted(error: &CountError) {
    log::warn!("{}", Printable(&error.to_string()));
}

/// An entry that nothing keeps from being started any more.
struct Starting<'a> {
    loader: &'a mut Loader,
    entry: &'a BootEntry,
}

impl Books for Starting<'_> {
    fn tell(&mut self, counted: Option<&FsPath>) {
        let loader = &self.loader;
        let (inventory, found, policy) = (&loader.inventory, &loader.found, &loader.policy);
        loader
            .firmware
            .tell(inventory, found, self.entry, counted, policy);
        loader.report.alive(0);
    }

    fn start(&mut self, counts: bool) {
        let loader = &mut self.loader;
        loader.resets.start(&loader.firmware, self.entry, counts);
        loader.report.alive(0);
    }

    fn rename(&mut self, name: &FsPath) -> bool {
        self.loader.count(self.entry, name)
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
