//! [`Interpreter`]: the state of a script that is executed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::devices::Devices;
use super::environment_block::EnvironmentBlock;
use super::failure::Failure;
use super::limits::{Allowance, Budget, Limit};
use super::load::Loaded;
use super::menu::{Menu, MenuEntry};
use super::platform::Platform;
use super::source::{Position, Source};
use super::syntax::{Function, Script};
use super::variables::Variables;
use super::word;
use crate::entry::{ConfigFile, FileRef, SavePlace, SavedVariables, Written};

/// The state of a script that is executed.
pub(super) struct Interpreter<'a> {
    pub(super) devices: Rc<Devices<'a>>,
    pub(super) platform: Platform,
    pub(super) variables: Variables,
    pub(super) functions: Rc<BTreeMap<String, Rc<Function>>>,
    /// `$1` and further ones, in functions and entries.
    pub(super) parameters: Option<Rc<Vec<String>>>,
    /// How many loops are being executed, and how many of them `break` or `continue` ends.
    pub(super) loops: u64,
    pub(super) breaks: u64,
    pub(super) is_continue: bool,
    /// `return` was executed.
    pub(super) returning: bool,
    /// The menus of the contexts that are open; copies share them until they change them.
    menus: Vec<Rc<Menu>>,
    /// What was loaded to be started.
    pub(super) loaded: Loaded,
    /// What was printed.
    pub(super) output: String,
    pub(super) messages: Vec<Message>,
    /// How many more there would be.
    pub(super) dropped_messages: usize,
    /// Variables that would be written to environment blocks. Copies share them until they save more.
    saves: Rc<Vec<SavedVariables>>,
    /// The configuration files that have made this state what it is.
    pub(super) written: Written,
    /// What a command complains about although it succeeds.
    pub(super) complaint: Option<Failure>,
    /// Something ended the evaluation for good.
    pub(super) ended: Option<End>,
    /// Where that was.
    pub(super) ended_at: Option<Place>,
    pub(super) budget: Rc<Budget>,
    /// Files that were read as scripts or entries, by all copies.
    pub(super) reached: Rc<RefCell<BTreeSet<FileRef>>>,
    /// Files of entries that a command has passed over, and why, by all copies.
    pub(super) left_out: Rc<RefCell<Vec<(FileRef, String)>>>,
    /// Scripts that were read, by all copies.
    pub(super) scripts: Rc<RefCell<Vec<ParsedFile>>>,
    /// What is being executed.
    pub(super) at: Option<Place>,
    pub(super) depth: usize,
}

/// A script, and the place in it.
pub(super) type Place = (Rc<Source>, Position);

/// A file with its syntax tree.
pub(super) type ParsedFile = (Rc<Source>, Rc<Script>);

/// Something that GRUB would print as an error, and where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Name of the script and the place in it.
    pub(super) place: Option<Place>,
    pub(super) text: String,
}

/// What ends an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// `boot`: what was loaded is started.
    Boot,
    /// `halt`, `reboot`, `fwsetup`, `exit`: the command.
    Leave(&'static str),
    /// Another configuration has shown its menu, which nobody leaves by himself.
    OtherMenu,
    /// A limit was reached.
    Limit(Limit),
}

/// Printed output beyond this is dropped.
const MAX_OUTPUT: usize = 64 * 1024;

/// Places in which one boot may save variables.
const MAX_SAVES: usize = 4;

/// Messages beyond this are only counted.
const MAX_MESSAGES: usize = 200;

/// Bytes of a message: what is longer ends with dots.
const MAX_MESSAGE: usize = 500;

impl<'a> Interpreter<'a> {
    pub(super) fn new(
        devices: Rc<Devices<'a>>,
        platform: Platform,
        allowed: Allowance,
    ) -> Interpreter<'a> {
        let mut interpreter = Interpreter {
            devices,
            platform,
            variables: Variables::default(),
            functions: Rc::default(),
            parameters: None,
            loops: 0,
            breaks: 0,
            is_continue: false,
            returning: false,
            menus: vec![Rc::default()],
            loaded: Loaded::default(),
            output: String::new(),
            messages: Vec::new(),
            dropped_messages: 0,
            saves: Rc::default(),
            written: Written::default(),
            complaint: None,
            ended: None,
            ended_at: None,
            budget: Rc::new(Budget::new(allowed)),
            reached: Rc::default(),
            left_out: Rc::default(),
            scripts: Rc::default(),
            at: None,
            depth: 0,
        };
        platform.describe(&mut interpreter.variables);
        interpreter
    }

    /// A copy in which an entry is executed: what happens in it changes nothing outside. What was printed is
    /// not in it.
    pub(super) fn sandbox(&self) -> Interpreter<'a> {
        self.budget.begin();
        self.budget.work(self.loaded.size());
        Interpreter {
            devices: self.devices.clone(),
            platform: self.platform,
            variables: self.variables.clone(),
            functions: self.functions.clone(),
            parameters: None,
            loops: self.loops,
            breaks: self.breaks,
            is_continue: self.is_continue,
            returning: self.returning,
            menus: self.menus.clone(),
            loaded: self.loaded.clone(),
            output: String::new(),
            messages: Vec::new(),
            dropped_messages: 0,
            saves: self.saves.clone(),
            written: self.written.clone(),
            complaint: None,
            ended: None,
            ended_at: None,
            budget: self.budget.clone(),
            reached: self.reached.clone(),
            left_out: self.left_out.clone(),
            scripts: self.scripts.clone(),
            at: None,
            depth: self.depth,
        }
    }

    /// Where the command is that is being executed.
    pub(super) fn place(&self) -> Option<&Place> {
        self.at.as_ref()
    }

    /// Prints an error, as GRUB would; a failure without a text says nothing.
    pub(super) fn message(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.print(&format!("error: {text}.\n"));
        self.remark(text);
    }

    /// Remembers something that GRUB does not print and a person should know.
    pub(super) fn remark(&mut self, text: &str) {
        if self.messages.len() >= MAX_MESSAGES {
            self.dropped_messages = self.dropped_messages.saturating_add(1);
            return;
        }
        let place = self.at.clone();
        let end = text.floor_char_boundary(MAX_MESSAGE);
        let text = match text.get(..end) {
            Some(begin) if begin.len() < text.len() => format!("{begin}…"),
            _ => text.to_owned(),
        };
        self.messages.push(Message { place, text });
    }

    /// Remembers, once, that a kernel misses a variable that is not set.
    pub(super) fn remark_unset(&mut self, name: &str) {
        let text = word::is_unset(name);
        if !self.messages.iter().any(|message| message.text == text) {
            self.remark(&text);
        }
    }

    pub(super) fn print(&mut self, text: &str) {
        let left = MAX_OUTPUT.saturating_sub(self.output.len());
        if text.len() <= left {
            self.output.push_str(text);
        }
    }

    /// What would be written to environment blocks, in the order of their first changes.
    pub(super) fn saves(&self) -> &[SavedVariables] {
        &self.saves
    }

    /// What would be written there, under whatever name.
    pub(super) fn saved_at(&self, place: &SavePlace) -> Option<&SavedVariables> {
        self.saves.get(self.index_of_saved(place)?)
    }

    fn index_of_saved(&self, place: &SavePlace) -> Option<usize> {
        let is_it = |saved: &SavedVariables| {
            let limit = EnvironmentBlock::MAX_SIZE as u64;
            self.devices.is_same(&saved.place, place, limit)
        };
        self.saves.iter().position(is_it)
    }

    /// Remembers variables, with the values that they have, for the place that they are saved in. `None`
    /// where there are too many places for that.
    pub(super) fn save(&mut self, place: &SavePlace, names: &[&str]) -> Option<()> {
        let at = self.index_of_saved(place);
        let saves = Rc::make_mut(&mut self.saves);
        let at = at.or_else(|| {
            let room = saves.len() < MAX_SAVES;
            room.then(|| saves.push(SavedVariables::new(place.clone())))?;
            saves.len().checked_sub(1)
        });
        let saved = saves.get_mut(at?)?;
        for name in names {
            saved.set(name, self.variables.get(name));
        }
        Some(())
    }

    /// A configuration file with its bytes, to be kept with entries; nothing where there is no room for it.
    pub(super) fn keep(&self, place: SavePlace, bytes: &[u8]) -> Option<Arc<ConfigFile>> {
        let has_room = self.budget.keep(bytes.len());
        has_room.then(|| ConfigFile::at(place, bytes))
    }

    /// The menu of the context that is open.
    pub(super) fn menu(&self) -> Rc<Menu> {
        self.menus.last().cloned().unwrap_or_default()
    }

    /// Adds entries to it.
    pub(super) fn add_entries(&mut self, entries: Vec<Rc<MenuEntry>>) {
        if self.menus.is_empty() {
            self.menus.push(Rc::default());
        }
        if let Some(menu) = self.menus.last_mut() {
            if Rc::get_mut(menu).is_none() {
                // All are copied, since somebody else still needs them as they are.
                let size = size_of::<Rc<MenuEntry>>();
                self.budget.work(size.saturating_mul(menu.entries.len()));
            }
            Rc::make_mut(menu).entries.extend(entries);
        }
    }

    /// Opens a context, with a menu of its own; `all` as in [`Variables::open`].
    pub(super) fn open_context(&mut self, all: bool) {
        let copied = self.variables.open(all);
        self.budget.work(copied);
        self.menus.push(Rc::default());
    }

    /// Goes back to the context before, and gives the menu of the one that was open.
    pub(super) fn close_context(&mut self) -> Rc<Menu> {
        self.variables.close();
        self.menus.pop().unwrap_or_default()
    }

    /// Ends the evaluation; the first reason counts.
    pub(super) fn end(&mut self, end: End) {
        if self.ended.is_none() {
            self.ended = Some(end);
            self.ended_at = self.at.clone();
        }
    }
}
