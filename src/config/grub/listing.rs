//! [`Listing`]: from a script that was executed to its entries.

use std::rc::Rc;

use super::evaluate::Evaluated;
use super::interpreter::{End, Interpreter, Message, Place};
use super::limits::Limit;
use super::load::{Loaded, Program};
use super::menu::{Body, Menu, MenuEntry, escaped, inner_default};
use super::source::Position;
use super::wait::wait;
use crate::config::bls::Counter;
use crate::config::configuration::{MAX_FALLBACKS, MenuWait, WaitStyle};
use crate::entry::{
    BootEntry, EntrySource, FileRef, HotKey, Origin, Password, PayloadKind, SavedVariables, Written,
};

/// Menus in each other beyond this are not opened.
const MAX_LEVELS: usize = 8;

/// Remarks on one entry.
const MAX_REMARKS: usize = 16;

/// Names of the menus around an entry.
#[derive(Clone, Default)]
struct Path {
    titles: Vec<String>,
    keys: Vec<Option<HotKey>>,
    ids: Vec<String>,
    /// Where the menus on the way begin.
    menus: Vec<Start>,
    /// What a menu on the way, or the entry, has a password for.
    password: Password,
    /// Who may start it, where that is not everybody.
    users: Vec<String>,
}

/// The script, and the place in it, of the first entry of a menu.
type Start = Option<(String, Position)>;

fn start_of(menu: &Menu) -> Start {
    let (source, position) = menu.entries.first()?.place.as_ref()?;
    Some((source.name().to_owned(), *position))
}

impl Path {
    /// Is this menu one of those on the way?
    fn is_above(&self, menu: &Menu) -> bool {
        self.menus.contains(&start_of(menu))
    }

    fn join(&self, state: &Interpreter<'_>, menu: &Menu, entry: &MenuEntry) -> Path {
        let mut path = self.clone();
        let names = path.titles.iter().chain(&path.ids).map(String::len);
        state.budget.work(names.sum());
        path.menus.push(start_of(menu));
        // What the entry itself does to the variables comes too late.
        let password = password(state, entry);
        if password == Password::Start && path.password != Password::Start {
            let superusers = state.variables.get("superusers").unwrap_or_default();
            let users = entry.users.as_deref().unwrap_or_default();
            let both = [superusers, users].into_iter();
            path.users = both.flat_map(in_list).map(str::to_owned).collect();
        }
        path.password = path.password.max(password);
        path.titles.push(entry.title.clone());
        path.keys.push(entry.hot_key);
        path.ids.push(escaped(&entry.id));
        path
    }
}

/// Collects the entries of a configuration.
pub(super) struct Listing<'a> {
    file: &'a FileRef,
    found: Evaluated,
    /// When GRUB starts entries by itself that are not the default, and their indexes.
    turns: Vec<(Vec<usize>, usize)>,
    /// Why GRUB never shows the menu of the script.
    never_shown: Option<String>,
    /// The last entries were left out, and it was said why.
    is_full: bool,
}

impl<'a> Listing<'a> {
    /// Begins with the configuration `file`.
    pub(super) fn new(file: &'a FileRef) -> Listing<'a> {
        Listing {
            file,
            found: Evaluated::default(),
            turns: Vec::new(),
            never_shown: None,
            is_full: false,
        }
    }

    /// What was found.
    pub(super) fn finish(mut self, state: &Interpreter<'_>) -> Evaluated {
        self.order_fallbacks();
        self.found.wait = match state.ended {
            // It starts a kernel itself, and shows no menu before.
            Some(End::Boot) => MenuWait {
                stated: true,
                seconds: Some(0),
                style: WaitStyle::Menu,
            },
            _ => wait(&state.variables),
        };
        self.found.wanted = state.variables.get("default").map(str::to_owned);
        self.found.has_password = state.variables.get("superusers").is_some()
            || self
                .found
                .entries
                .iter()
                .any(|entry| entry.password != Password::None);
        self.found.reached = state.reached.take();
        for (file, reason) in state.left_out.take() {
            // Unless it was offered elsewhere.
            let path = file.path.to_string();
            if self.found.reached.insert(file) {
                self.found.problems.push(format!("{path}: {reason}"));
            }
        }
        self.found
    }

    /// Adds what a script offers that was executed to its end: its menu, or what it starts itself.
    pub(super) fn script(&mut self, state: &Interpreter<'_>) {
        let place = state.ended_at.as_ref();
        let at = place.map(describe_place).unwrap_or_default();
        let starts = match state.ended {
            Some(End::Boot) => true,
            None => state.menu().entries.is_empty() && state.loaded.program.is_some(),
            _ => false,
        };
        if starts {
            self.own_entry(state, place);
        } else {
            self.report(state, "the evaluation");
        }
        match &state.ended {
            Some(End::Boot) => {
                self.never_shown = Some(format!("{at}: `boot' starts a kernel before"));
            }
            Some(End::Leave(command)) => {
                let text = format!("{at}: `{command}' ends GRUB before it shows a menu");
                self.found.problems.push(text.clone());
                self.never_shown = Some(text);
            }
            _ => {}
        }
        let turn: Option<&[usize]> = (!starts).then_some(&[]);
        self.menu(state, &Path::default(), turn);
    }

    /// The script itself as an entry: it starts a kernel without a menu.
    fn own_entry(&mut self, state: &Interpreter<'_>, place: Option<&Place>) {
        let script = place.and_then(|(source, _)| source.file());
        let title = script.unwrap_or(self.file).path.to_string();
        let entry = MenuEntry {
            id: title.clone(),
            title,
            users: None,
            parameters: Rc::default(),
            body: Body::Text(String::new()),
            submenu: false,
            class: None,
            hot_key: None,
            file: None,
            written: Written::default(),
            place: place.cloned(),
            notes: Vec::new(),
        };
        let path = Path::default().join(state, &Menu::default(), &entry);
        let mut found = self.entry(state, &entry, &path);
        found.default = true;
        if state.ended.is_none() {
            found.block("GRUB loads it and does not start it: the script ends without `boot'");
        }
        let limit = state.budget.list(found.size());
        if !self.is_full(limit, &entry) {
            self.found.entries.push(found);
        }
    }

    /// Adds the entries of the menu that `state` would show. `turn` says when GRUB opens it by itself: for
    /// each menu on the way 0 where it is the default, or its number among the fallbacks, from 1
    /// (`grub_menu_execute_with_fallback` in `grub-core/normal/menu.c`).
    fn menu(&mut self, state: &Interpreter<'_>, path: &Path, turn: Option<&[usize]>) {
        let menu = state.menu();
        let default = menu.choose(state.variables.get("default"));
        let fallback = turn.and_then(|_| state.variables.get("fallback"));
        let fallback = fallback.map(|value| menu.fallback(value));
        let fallback = fallback.unwrap_or_default();
        if let Some(unknown) = fallback.unknown {
            let text = format!("fallback: `{unknown}' means no entry");
            self.found.problems.push(text);
        }
        let number = |i| match i == default {
            true => Some(0),
            false => {
                let nth = fallback.entries.iter().position(|entry| *entry == i)?;
                nth.checked_add(1)
            }
        };
        for (i, entry) in menu.entries.iter().enumerate() {
            let limit = state.budget.full(self.found.entries.len());
            if self.is_full(limit, entry) {
                return;
            }
            let path = path.join(state, &menu, entry);
            let state = execute(state, entry);
            let turn = turn.and_then(|turn| Some([turn, &[number(i)?]].concat()));
            let opens = match &state.ended {
                Some(End::OtherMenu) => true,
                Some(End::Boot | End::Leave(_)) => false,
                // What is loaded is started at once, even by a submenu.
                _ => entry.submenu && !state.loaded.is_ready(),
            };
            let inner = state.menu();
            let leads_back = state.ended == Some(End::OtherMenu) && path.is_above(&inner);
            let too_deep = path.titles.len() >= MAX_LEVELS;
            if opens && !inner.entries.is_empty() && !leads_back && !too_deep {
                self.report(&state, "the evaluation of a menu");
                self.menu(&state, &path, turn.as_deref());
            } else {
                let mut found = self.entry(&state, entry, &path);
                if leads_back {
                    found.problems.clear();
                    found.block("it leads back to a menu that it is in");
                } else if opens && too_deep {
                    found.problems.clear();
                    found.block(format!(
                        "menus in each other beyond {MAX_LEVELS} are not opened"
                    ));
                }
                // Only now it is known how much it takes.
                let limit = state.budget.list(found.size());
                if self.is_full(limit, entry) {
                    return;
                }
                if let Some(turn) = turn {
                    found.default = turn.iter().all(|number| *number == 0);
                    if !found.default {
                        self.turns.push((turn, self.found.entries.len()));
                    }
                }
                self.found.entries.push(found);
            }
        }
    }

    /// Numbers the entries that are tried when the default can't be started.
    fn order_fallbacks(&mut self) {
        for nth in 0..MAX_FALLBACKS {
            let turns = self.turns.iter().enumerate();
            let next = turns.min_by(|(_, (a, _)), (_, (b, _))| a.cmp(b));
            let Some((at, _)) = next else {
                return;
            };
            let (_, index) = self.turns.swap_remove(at);
            if let Some(entry) = self.found.entries.get_mut(index) {
                entry.fallback = Some(nth);
            }
        }
    }

    /// Does a limit keep this entry, and those behind it, from being listed? Then it is said once.
    fn is_full(&mut self, limit: Option<Limit>, entry: &MenuEntry) -> bool {
        let Some(reason) = limit else {
            return false;
        };
        if !std::mem::replace(&mut self.is_full, true) {
            let (path, title) = (&self.file.path, &entry.title);
            let text = format!("{path}: {reason}: `{title}' and what follows is left out");
            self.found.problems.push(text);
        }
        true
    }

    /// What went wrong outside of entries that could say it.
    fn report(&mut self, state: &Interpreter<'_>, what: &str) {
        let problems = &mut self.found.problems;
        for text in state.messages.iter().map(describe) {
            state.budget.list(text.len());
            problems.push(text);
        }
        if state.dropped_messages > 0 {
            problems.push(more(state.dropped_messages));
        }
        if let Some(End::Limit(limit)) = state.ended {
            let path = &self.file.path;
            problems.push(format!("{path}: {what} was ended: {limit}"));
        }
    }

    fn entry(&self, state: &Interpreter<'_>, entry: &MenuEntry, path: &Path) -> BootEntry {
        let place = entry.place.as_ref();
        let script = place.and_then(|(source, _)| source.file());
        let in_script = Origin {
            file: script.unwrap_or(self.file).clone(),
            line: place.map(|(_, position)| position.line),
        };
        // What `blscfg` reads is in a file of its own, and in the script that asks for it.
        let (origin, also_at) = match &entry.file {
            Some(file) => {
                let file = file.clone();
                let line = None;
                (Origin { file, line }, vec![in_script])
            }
            None => (in_script, Vec::new()),
        };
        let problems = state.loaded.problems().cloned().collect();
        let Loaded {
            program,
            devicetree,
            ..
        } = state.loaded.clone();
        let nothing = program.is_none();
        let program = program.unwrap_or_else(|| Program::new(PayloadKind::Linux));
        let mut found = BootEntry::new(path.ids.join(">"), EntrySource::Grub, program.kind, origin);
        found.also_at = also_at;
        // Other loaders know it by the name of its file.
        let own_file = entry.file.iter().map(|file| file.path.file_name());
        found.also_called = own_file
            .map(|name| Counter::split(name, ".conf").0)
            .collect();
        found.title.clone_from(&entry.title);
        found.system.clone_from(&entry.class);
        found.hot_key = entry.hot_key;
        found.kernel = program.kernel;
        found.initrd = program.initrd;
        found.devicetree = devicetree;
        found.modules = program.modules;
        found.cmdline = program.cmdline;
        found.unified = program.unified;
        // What the script has saved before its menu is copied for each entry.
        let saves = state.saves().iter().map(SavedVariables::size);
        state.budget.work(saves.fold(0, usize::saturating_add));
        found.saves = state.saves().to_vec();
        found.written = state.written.clone();
        found.written.extend(&entry.written);
        let outer = path.titles.split_last().map(|(_, outer)| outer);
        found.submenu = outer.unwrap_or_default().to_vec();
        let outer = path.keys.split_last().map(|(_, outer)| outer);
        found.submenu_keys = outer.unwrap_or_default().to_vec();
        found.problems = problems;
        let known: Vec<String> = found.problems.iter().map(|p| p.text.clone()).collect();
        match &state.ended {
            Some(End::Leave(command)) => {
                found.goes_on = *command == "exit";
                found.block(format!("it starts no system: `{command}'"));
            }
            Some(End::Limit(limit)) => found.block(format!("its evaluation was ended: {limit}")),
            _ if nothing && entry.submenu => found.block("this menu has no entries"),
            _ if nothing => found.block("it starts nothing"),
            _ => {}
        }
        if found.cmdline.contains(char::REPLACEMENT_CHARACTER) {
            found.block("its command line is not UTF-8 text: the configuration is damaged");
        }
        found.password = path.password;
        if path.password == Password::Start {
            found.block(match path.users.join(", ") {
                users if users.is_empty() => {
                    "GRUB starts it for nobody: `superusers' is set and names no user".to_owned()
                }
                users => format!("GRUB starts it only for {users}, with a password"),
            });
        }
        if let Some(reason) = &self.never_shown {
            found.block(format!("GRUB never shows it: {reason}"));
        }
        let messages = state.messages.iter();
        let messages = messages.filter(|m| !known.contains(&m.text)).map(describe);
        let mut remarks = entry.notes.iter().cloned().chain(messages);
        for text in remarks.by_ref().take(MAX_REMARKS) {
            found.remark(text);
        }
        match remarks.count().saturating_add(state.dropped_messages) {
            0 => {}
            count => found.remark(more(count)),
        }
        found
    }
}

/// Executes the body of an entry in a copy of the state (`grub_menu_execute_entry` in
/// `grub-core/normal/menu.c`).
fn execute<'a>(before: &Interpreter<'a>, entry: &MenuEntry) -> Interpreter<'a> {
    let mut state = before.sandbox();
    let chosen = state.variables.get("chosen").map(str::to_owned);
    let default = state.variables.get("default").map(str::to_owned);
    if entry.submenu {
        state.open_context(false);
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
            state.run_block(block, &entry.parameters);
        }
        Body::Text(text) => {
            state.parameters = Some(entry.parameters.clone());
            state.at.clone_from(&entry.place);
            state.run_text(text);
        }
    }
    state
}

/// What an entry of the menu of `state` needs a password for (`grub_auth_check_authentication` in
/// `grub-core/normal/auth.c`).
fn password(state: &Interpreter<'_>, entry: &MenuEntry) -> Password {
    // Set to nothing it is set all the same: then nobody may.
    match (state.variables.get("superusers"), &entry.users) {
        (None, _) => Password::None,
        (Some(_), None) => Password::Change,
        (Some(_), Some(_)) => Password::Start,
    }
}

/// The users in a list, which spaces, `,`, `;`, `|` and `&` divide (`is_authenticated` there).
fn in_list(users: &str) -> impl Iterator<Item = &str> {
    let names = users.split([' ', ',', ';', '|', '&']);
    names.filter(|name| !name.is_empty())
}

fn describe(message: &Message) -> String {
    match &message.place {
        Some(place) => format!("{}: {}", describe_place(place), message.text),
        None => message.text.clone(),
    }
}

fn describe_place((source, position): &Place) -> String {
    format!("{}, {position}", source.name())
}

/// What is said instead of further messages.
fn more(count: usize) -> String {
    format!("{count} more messages are left out")
}
