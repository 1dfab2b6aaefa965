//! From a configuration to its entries.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::commands::run_script;
use super::devices::Devices;
use super::interpreter::{End, Interpreter, Message};
use super::load::{Loaded, Program};
use super::menu::{Body, Menu, MenuEntry, escaped, inner_default};
use super::platform::Platform;
use super::source::Source;
use crate::entry::{BootEntry, EntrySource, FileRef, Origin, PayloadKind, Problem};
use crate::inventory::Inventory;

/// Menus in each other beyond this are not opened.
const MAX_LEVELS: usize = 8;

/// Entries of one configuration beyond this are left out.
const MAX_ENTRIES: usize = 5000;

/// Remarks on one entry.
const MAX_REMARKS: usize = 16;

/// What a configuration offers.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// Its entries in the order of the menu, those of a submenu in the place of the submenu.
    pub entries: Vec<BootEntry>,
    /// What went wrong outside of entries, in words.
    pub problems: Vec<String>,
    /// Files that were read as scripts or entries: nobody else has to look at them.
    pub reached: BTreeSet<FileRef>,
}

/// Evaluates the configuration `file` as if GRUB had been started from its disk.
pub fn evaluate(inventory: &Inventory, file: &FileRef, platform: Platform) -> Evaluated {
    let devices = Rc::new(Devices::new(inventory, file.volume.disk));
    let Some(device) = devices.name_of(file.volume) else {
        return Evaluated::default();
    };
    let directory = file.path.parent().unwrap_or_else(crate::fs::FsPath::root);
    let mut state = Interpreter::new(devices, platform);
    for (name, value) in [
        ("root", device.clone()),
        ("prefix", format!("({device}){directory}")),
        ("cmdpath", format!("({device}){directory}")),
    ] {
        state.variables.set(name, value);
        state.variables.export(name);
    }
    if let Err(failure) = run_script(&mut state, &format!("({device}){}", file.path)) {
        state.message(&failure.text);
    }
    let mut listing = Listing {
        file,
        found: Evaluated::default(),
    };
    listing.found.problems = state.messages.iter().map(describe).collect();
    if let Some(End::Limit(limit)) = state.ended {
        let text = format!("the evaluation was ended: {limit}");
        listing.found.problems.push(text);
    }
    listing.menu(&state, &Path::default(), true);
    listing.found.reached = state.reached.take();
    listing.found
}

/// Executes scripts one after the other in one context, and says what each of them printed, errors
/// included: how the evaluation is compared with GRUB.
pub fn execute_scripts(
    inventory: &Inventory,
    platform: Platform,
    scripts: &[String],
) -> Vec<String> {
    let devices = Rc::new(Devices::new(inventory, 0));
    let mut state = Interpreter::new(devices, platform);
    let run = |script: &String| {
        let source = Rc::new(Source::of_file("script", None, script.as_bytes()));
        state.run_file(&source);
        std::mem::take(&mut state.output)
    };
    scripts.iter().map(run).collect()
}

/// Names of the menus around an entry.
#[derive(Clone, Default)]
struct Path {
    titles: Vec<String>,
    ids: Vec<String>,
}

impl Path {
    fn join(&self, entry: &MenuEntry) -> Path {
        let mut path = self.clone();
        path.titles.push(entry.title.clone());
        path.ids.push(escaped(&entry.id));
        path
    }
}

struct Listing<'a> {
    file: &'a FileRef,
    found: Evaluated,
}

impl Listing<'_> {
    /// Adds the entries of the menu that `state` would show. `is_default` says that the menu is on the way
    /// to the default.
    fn menu(&mut self, state: &Interpreter<'_>, path: &Path, is_default: bool) {
        let Some(menu) = state.menus.last() else {
            return;
        };
        let default = menu.choose(state.variables.get("default"));
        for (i, entry) in menu.entries.iter().enumerate() {
            if self.found.entries.len() >= MAX_ENTRIES {
                let text = format!("there are over {MAX_ENTRIES} entries: the rest is left out");
                if !self.found.problems.contains(&text) {
                    self.found.problems.push(text);
                }
                return;
            }
            if entry.hidden {
                continue;
            }
            let state = execute(state, entry);
            let path = path.join(entry);
            let is_default = is_default && i == default;
            let opens = entry.submenu || state.ended == Some(End::OtherMenu);
            let has_entries = |menu: &Menu| !menu.entries.is_empty();
            if opens
                && path.titles.len() < MAX_LEVELS
                && state.menus.last().is_some_and(has_entries)
            {
                self.menu(&state, &path, is_default);
            } else {
                let found = self.entry(&state, entry, &path, is_default);
                self.found.entries.push(found);
            }
        }
    }

    fn entry(
        &self,
        state: &Interpreter<'_>,
        entry: &MenuEntry,
        path: &Path,
        is_default: bool,
    ) -> BootEntry {
        let place = entry.place.as_ref();
        let script = place.and_then(|(source, _)| source.file());
        let origin = match &entry.file {
            Some(file) => Origin {
                file: file.clone(),
                line: None,
            },
            None => Origin {
                file: script.unwrap_or(self.file).clone(),
                line: place.map(|(_, position)| position.line),
            },
        };
        let Loaded { program, problems } = state.loaded.clone();
        let nothing = program.is_none();
        let program = program.unwrap_or_else(|| Program::new(PayloadKind::Linux));
        let mut found = BootEntry::new(path.ids.join(">"), EntrySource::Grub, program.kind, origin);
        found.title.clone_from(&entry.title);
        found.kernel = program.kernel;
        found.initrd = program.initrd;
        found.devicetree = program.devicetree;
        found.modules = program.modules;
        found.cmdline = program.cmdline;
        found.default = is_default;
        let outer = path.titles.split_last().map(|(_, outer)| outer);
        found.submenu = outer.unwrap_or_default().to_vec();
        let known: Vec<String> = problems.iter().map(|p| p.text.clone()).collect();
        found.problems = problems;
        match &state.ended {
            Some(End::Leave(command)) if nothing => {
                found.block(format!("it starts no system: `{command}'"));
            }
            Some(End::Limit(limit)) => found.block(format!("its evaluation was ended: {limit}")),
            _ if nothing && entry.submenu => found.block("this menu has no entries"),
            _ if nothing => found.block("it starts nothing"),
            _ => {}
        }
        if let Some(users) = password(state, entry) {
            found.block(format!("GRUB starts it only for {users}, with a password"));
        }
        let new = state.messages.iter().filter(|m| !known.contains(&m.text));
        found
            .problems
            .extend(new.take(MAX_REMARKS).map(|message| Problem {
                blocks: false,
                text: describe(message),
            }));
        found
    }
}

/// Executes the body of an entry in a copy of the state (`grub_menu_execute_entry` in
/// `grub-core/normal/menu.c`).
fn execute<'a>(before: &Interpreter<'a>, entry: &MenuEntry) -> Interpreter<'a> {
    let mut state = before.clone();
    state.messages.clear();
    state.saves.clear();
    state.output.clear();
    state.ended = None;
    let chosen = state.variables.get("chosen").map(str::to_owned);
    let default = state.variables.get("default").map(str::to_owned);
    if entry.submenu {
        state.variables.open(false);
        state.menus.push(Menu::default());
        state.variables.set("timeout", "0");
    }
    let own = escaped(&entry.id);
    let chosen = chosen.map_or_else(|| own.clone(), |outer| format!("{outer}>{own}"));
    state.variables.set("chosen", chosen);
    state.variables.export("chosen");
    match default.as_deref().and_then(inner_default) {
        Some(inner) => state.variables.set("default", inner),
        None => state.variables.unset("default"),
    }
    match &entry.body {
        Body::Block(block) => {
            state.run_block(block, entry.parameters.clone());
        }
        Body::Text(text) => {
            state.parameters = Some(entry.parameters.clone());
            state.run_text(text);
        }
    }
    state
}

/// Who may start an entry, where that is not everybody.
fn password(state: &Interpreter<'_>, entry: &MenuEntry) -> Option<String> {
    let superusers = state.variables.get("superusers");
    let superusers = superusers.filter(|users| !users.is_empty())?;
    let users = entry.users.as_deref()?;
    Some(format!("{superusers} {users}").trim().to_owned())
}

fn describe(message: &Message) -> String {
    match &message.place {
        Some((source, position)) => format!("{}, {position}: {}", source.name(), message.text),
        None => message.text.clone(),
    }
}
