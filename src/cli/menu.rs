//! `pilotlight menu`: the menu of the boot loader on this terminal, over any disks.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::arguments::MenuOptions;
use super::{CliError, boot, inventory, wishes};
use crate::boot::{Attempt, Stage, Step, Timeline, payload_memory, plan};
use crate::config::{Found, discover};
use crate::inventory::Inventory;
use crate::kexec::DryRun;
use crate::menu::{
    Access, Charset, Choice, Event, Kind, Listing, Menu, Model, Permissions, Terminal, Timeout,
    Tty, Wish, describe,
};
use crate::policy::Boot;
use crate::text::Printable;
use crate::trust::Authority;

/// The terminal that the command was started on.
const OWN: &str = "/dev/tty";

/// What is said of signatures: nobody has named a policy.
const PROVING: &str = "`pilotlight verify` tells, with a policy";

/// How often progress is shown.
const SHOW: Duration = Duration::from_millis(100);

pub(super) fn run(options: &MenuOptions, output: &mut dyn Write) -> Result<(), CliError> {
    let start = Instant::now();
    let mut disks = Disks::look(options)?;
    // On a workstation everything may be tried out; nothing is changed by it.
    let permissions = Permissions {
        choose: Access::Yes,
        edit: Access::Yes,
        quit: true,
        ..Permissions::default()
    };
    let timeout = Timeout {
        wait: options
            .timeout
            .map(|seconds| Duration::from_secs(seconds.into())),
        ..Timeout::default()
    };
    let version = format!("pilotlight {}", env!("CARGO_PKG_VERSION"));
    let about = vec![version, "as a command: nothing is loaded".to_owned()];
    let model = Model::new(
        "Pilotlight".to_owned(),
        about,
        permissions,
        Some(timeout),
        start.elapsed(),
    );
    let mut menu = Menu::new(model, Box::new(|_| false));
    menu.add(terminal(OWN.as_ref(), kind())?);
    for path in &options.terminals {
        menu.add(terminal(path, Kind::Vt100)?);
    }
    menu.tell(Event::Log(disks.summary()));
    menu.tell(Event::Found(disks.listing()));
    while menu.has_terminals() {
        for wish in menu.turn(start.elapsed()) {
            let answer = match wish {
                Wish::Quit => return Ok(()),
                Wish::Start(choice) => match disks.attempt(&choice, &mut menu, start) {
                    Ok(report) => {
                        // The terminal is as it was before.
                        drop(menu);
                        output.write_all(&report)?;
                        return Ok(());
                    }
                    Err(reason) => {
                        menu.tell(Event::Log(reason.clone()));
                        Event::Failed(reason, None)
                    }
                },
                Wish::Describe(id) | Wish::Prove(id) => {
                    let mut entries = disks.found.entries.iter();
                    let entry = entries.find(|entry| entry.id == id);
                    let fields =
                        entry.map(|entry| describe(&disks.inventory, entry, &[PROVING.to_owned()]));
                    Event::Described(fields.unwrap_or_default())
                }
                Wish::Rescan => match Disks::look(options) {
                    Ok(new) => {
                        disks = new;
                        menu.tell(Event::Log(disks.summary()));
                        Event::Found(disks.listing())
                    }
                    Err(error) => Event::Say(error.to_string()),
                },
                // Not permitted here.
                Wish::Leave
                | Wish::Check(_)
                | Wish::Once(_)
                | Wish::SetDefault(_)
                | Wish::Shell
                | Wish::Report(_) => continue,
            };
            menu.tell(answer);
            menu.show(start.elapsed());
        }
        wait(&menu, start);
    }
    Ok(())
}

/// Waits until the menu needs a turn.
fn wait(menu: &Menu, start: Instant) {
    let fds = menu.fds().map(|(fd, writes)| {
        let flags = if writes {
            PollFlags::IN | PollFlags::OUT
        } else {
            PollFlags::IN
        };
        PollFd::from_borrowed_fd(fd, flags)
    });
    let mut fds: Vec<PollFd<'_>> = fds.collect();
    let timeout = menu.timeout(start.elapsed());
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    // An error means that nothing was waited for, and the next turn comes early.
    let _ = rustix::event::poll(&mut fds, timeout.as_ref());
}

fn terminal(path: &Path, kind: Kind) -> Result<Terminal, CliError> {
    let name = || path.display().to_string();
    let tty = Tty::open(path).map_err(|error| CliError::Terminal(name(), error))?;
    Ok(Terminal::new(Box::new(tty), kind, charset()))
}

/// What the own terminal understands.
fn kind() -> Kind {
    match std::env::var("TERM").as_deref() {
        Ok("dumb" | "unknown" | "") | Err(_) => Kind::Lines,
        Ok(_) => Kind::Vt100,
    }
}

/// What it can show (locale(7): the first of these that is set counts).
fn charset() -> Charset {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let mut set = names.filter_map(|name| std::env::var(name).ok());
    let locale = set.find(|value| !value.is_empty()).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    match locale.contains("utf-8") || locale.contains("utf8") {
        true => Charset::Utf8,
        false => Charset::Ascii,
    }
}

/// The disks, and what was found on them.
struct Disks {
    inventory: Inventory,
    found: Found,
    timeline: Timeline,
}

impl Disks {
    fn look(options: &MenuOptions) -> Result<Disks, CliError> {
        let mut timeline = Timeline::start();
        let wishes = wishes(options.efivars.as_deref())?;
        let mut inventory = timeline.run(Stage::Disks, || inventory(&options.disks))?;
        inventory.wish(wishes);
        let found = timeline.run(Stage::Entries, || discover(&inventory));
        Ok(Disks {
            inventory,
            found,
            timeline,
        })
    }

    fn summary(&self) -> String {
        let disks = self.inventory.disks().len();
        let entries = self.found.entries.len();
        format!("looked at disks: {disks}, found entries: {entries}")
    }

    fn listing(&self) -> Listing {
        let plan = plan(&self.found, &[], &Boot::default());
        let first = plan.first().map(|entry| entry.id.as_str());
        Listing::new(&self.inventory, &self.found, first)
    }

    /// Does all but load, and tells what would be booted.
    fn attempt(
        &mut self,
        choice: &Choice,
        menu: &mut Menu,
        start: Instant,
    ) -> Result<Vec<u8>, String> {
        let mut entries = self.found.entries.iter();
        let entry = entries.find(|entry| entry.id == choice.id);
        let entry = choice.apply(entry.ok_or("the entry has gone")?);
        let authority = Authority::off();
        let attempt = Attempt {
            inventory: &self.inventory,
            kexec: &DryRun,
            memory: payload_memory(),
            authority: &authority,
            summary: None,
        };
        let mut shown: Option<Duration> = None;
        let mut progress = |step| {
            let now = start.elapsed();
            let is_news = !matches!(step, Step::Read(..));
            if is_news || shown.is_none_or(|shown| now.saturating_sub(shown) >= SHOW) {
                shown = Some(now);
                menu.tell(Event::Progress(step));
                menu.show(now);
            }
            true
        };
        let loaded = attempt.run_watched(&entry, &mut self.timeline, &mut progress);
        let loaded = loaded.map_err(|error| error.to_string())?;
        let mut report = Vec::new();
        let written = writeln!(report, "{}", Printable(&entry.title))
            .map_err(CliError::from)
            .and_then(|()| boot::report(&self.inventory, &loaded, &mut report))
            .and_then(|()| boot::write_timeline(&self.timeline, &mut report))
            .and_then(|()| Ok(writeln!(report, "{}", boot::DRY)?));
        written.map_err(|error| error.to_string())?;
        Ok(report)
    }
}
