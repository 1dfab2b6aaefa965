//! The child: it waits for disks, tries what is on them, and ends with one of two exit statuses.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::{VOLUMES, log as sink};
use crate::boot::{Attempt, Stage, Timeline, available_memory, plan};
use crate::config::{Found, discover};
use crate::disk::{Action, Disk, Sysfs, Uevents};
use crate::fs::KernelMount;
use crate::inventory::Inventory;
use crate::kexec::FileLoad;
use crate::policy::{self, Policy};
use crate::text::Printable;

/// The name under which process 1 starts its loader.
pub const LOADER: &str = "pilotlight-loader";

/// Exit status: a kernel is loaded.
pub(super) const LOADED: i32 = 0;
/// Exit status: nothing could be booted.
pub(super) const NOTHING: i32 = 3;

/// How often what is being waited for is looked at again when no event says so, and how often the
/// remaining time is shown.
const LOOK: Duration = Duration::from_millis(250);
const SHOW: Duration = Duration::from_secs(5);

/// The loader. `lost` are the ids of entries during which a loader before this one died.
pub fn main(lost: impl IntoIterator<Item = OsString>) -> ExitCode {
    sink::to_supervisor();
    let lost = lost.into_iter().filter_map(|id| id.into_string().ok());
    // The supervisor has complained about a policy that can't be used.
    let (policy, _) = Policy::read_or_default(policy::PATH.as_ref());
    let mut loader = Loader {
        policy,
        inventory: Inventory::with_kernel_mount(KernelMount::new(VOLUMES)),
        known: BTreeSet::new(),
        tried: lost.collect(),
        timeline: Timeline::start(),
        shown: BTreeSet::new(),
    };
    let status = if loader.run() { LOADED } else { NOTHING };
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}

struct Loader {
    policy: Policy,
    inventory: Inventory,
    /// Disks that are in the inventory, by name and sequence number.
    known: BTreeSet<(String, Option<u64>)>,
    /// Ids of entries that failed, here or in a loader before.
    tried: Vec<String>,
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
                let inventory = &self.inventory;
                let found = self.timeline.run(Stage::Entries, || discover(inventory));
                self.show(&found);
                self.settle(&found, uevents.as_ref().ok());
                if self.try_all() {
                    return true;
                }
            }
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
            let key = (found.name.clone(), found.hardware.sequence);
            if self.known.contains(&key) {
                continue;
            }
            match Disk::open(&found.node) {
                Ok(disk) => {
                    let inventory = &mut self.inventory;
                    let index = self.timeline.run(Stage::Disks, || inventory.add(disk));
                    self.known.insert(key);
                    added = true;
                    self.show_disk(index);
                }
                Err(error) if error.is_empty_drive() => {}
                // Its node may come a moment after its directory in sysfs: the next look tries again.
                Err(error) => self.once(format!("{error}")),
            }
        }
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
    }

    fn show(&mut self, found: &Found) {
        for problem in &found.problems {
            let disk = self.inventory.disk(problem.volume);
            let disk = disk.map(|scanned| scanned.disk.path.display().to_string());
            let text = format!("{}: {}", disk.unwrap_or_default(), Printable(&problem.text));
            self.once(text);
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

    /// Something can be booted: waits a little for disks that are on their way, which may hold what the
    /// policy likes better.
    fn settle(&mut self, found: &Found, uevents: Option<&Uevents>) {
        if plan(&found.entries, &self.tried).is_empty() {
            return;
        }
        let mut wait = Wait::start(self.policy.wait.settle);
        loop {
            let probing = Sysfs::system().probing();
            self.add_disks();
            if probing.is_empty() || wait.is_over() {
                return;
            }
            wait.show("waiting for what is still being brought up", &probing);
            pause(uevents, wait.step());
        }
    }

    /// Tries all entries that were not tried yet, in the order of the plan.
    fn try_all(&mut self) -> bool {
        // Disks may have come while we waited.
        let found = discover(&self.inventory);
        self.show(&found);
        for entry in plan(&found.entries, &self.tried) {
            let id = entry.id.clone();
            self.tried.push(id.clone());
            tell(&id);
            let origin = self.inventory.describe(&entry.origin.file).to_string();
            log::info!(
                "booting {} from {}",
                Printable(&entry.title),
                Printable(&origin)
            );
            let attempt = Attempt {
                inventory: &self.inventory,
                kexec: &FileLoad,
                // The kernel makes its own copy of everything while it loads.
                memory: available_memory().map_or(u64::MAX, |bytes| bytes / 2),
            };
            let mut progress = Progress::default();
            match attempt.run(entry, &mut self.timeline, &mut |done, all| {
                progress.show(done, all)
            }) {
                Ok(loaded) => {
                    let parts = loaded.initrd.iter().flat_map(|initrd| initrd.parts());
                    let kernel = entry.kernel.iter().zip(loaded.kernel.parts());
                    for (file, part) in kernel.chain(entry.initrd.iter().zip(parts)) {
                        log::info!("sha256 {} {}", part.hex(), Printable(file.path.as_str()));
                    }
                    log::info!("command line: {}", Printable(&entry.cmdline));
                    log::info!("loaded: {}", self.timeline);
                    return true;
                }
                Err(error) => log::warn!("{}", Printable(&error.to_string())),
            }
        }
        false
    }
}

/// Waits for the next event of a block device, or for `time`.
fn pause(uevents: Option<&Uevents>, time: Duration) {
    let now = Instant::now();
    let end = now.checked_add(time).unwrap_or(now);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let events = match uevents {
            Some(uevents) => uevents.wait(left).unwrap_or_default(),
            None => {
                std::thread::sleep(left);
                return;
            }
        };
        let disk = |event: &crate::disk::Uevent| {
            event.subsystem.is_empty()
                || (event.subsystem == "block"
                    && matches!(event.action, Action::Add | Action::Change))
        };
        if events.iter().any(disk) || Instant::now() >= end {
            return;
        }
    }
}

/// Tells process 1 which entry is tried: should we die, it knows of whom.
fn tell(id: &str) {
    let control = rustix::stdio::stdin();
    let line = format!("{id}\n");
    // Without it, a crash is only less well explained.
    let _ = rustix::io::write(control, line.as_bytes());
}

/// A wait with an end that is shown.
struct Wait {
    start: Instant,
    limit: Duration,
    shown: Option<Instant>,
}

impl Wait {
    fn start(limit: Duration) -> Wait {
        Wait {
            start: Instant::now(),
            limit,
            shown: None,
        }
    }

    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }

    fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn step(&self) -> Duration {
        self.left().min(LOOK)
    }

    fn show(&mut self, what: &str, devices: &[String]) {
        if self.shown.is_some_and(|shown| shown.elapsed() < SHOW) {
            return;
        }
        self.shown = Some(Instant::now());
        let left = self.left().as_secs_f64().ceil();
        let devices = match devices {
            [] => String::new(),
            devices => format!(": {}", devices.join(", ")),
        };
        log::info!("{what}, {left} s left{devices}");
    }
}

/// Says every few seconds how much was read.
#[derive(Default)]
struct Progress {
    shown: Option<Instant>,
}

impl Progress {
    fn show(&mut self, done: u64, all: u64) {
        let shown = *self.shown.get_or_insert_with(Instant::now);
        if shown.elapsed() >= SHOW {
            self.shown = Some(Instant::now());
            log::info!("read {} of {} MiB", done >> 20, all >> 20);
        }
    }
}
