//! Executing commands: what `grub-core/script/execute.c` of GRUB 2.06 does, within limits.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::commands;
use super::devices::Devices;
use super::environment_block::EnvironmentBlock;
use super::failure::{FALSE, Failure};
use super::limits::{Budget, Limit};
use super::load::Loaded;
use super::menu::{Menu, MenuEntry};
use super::platform::Platform;
use super::source::{Position, Source};
use super::syntax::{Block, Command, Function, List, Script, Simple, Word};
use super::variables::Variables;
use super::wildcard;
use super::word::{self, Values};
use crate::entry::{FileRef, SavePlace, SavedVariables};

/// The state of a script that is executed. A copy is a sandbox: what happens in it changes nothing
/// outside.
#[derive(Clone)]
pub(super) struct Interpreter<'a> {
    pub(super) devices: Rc<Devices<'a>>,
    pub(super) platform: Platform,
    pub(super) variables: Variables,
    functions: Rc<BTreeMap<String, Function>>,
    /// `$1` and further ones, in functions and entries.
    pub(super) parameters: Option<Vec<String>>,
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
    /// Variables that would be written to environment blocks. Copies share them until they save more.
    saves: Rc<Vec<SavedVariables>>,
    /// What a command complains about although it succeeds.
    pub(super) complaint: Option<Failure>,
    /// Something ended the evaluation for good.
    pub(super) ended: Option<End>,
    pub(super) budget: Rc<Budget>,
    /// Files that were read as scripts or entries, by all copies.
    pub(super) reached: Rc<RefCell<BTreeSet<FileRef>>>,
    /// What is being executed.
    at: Option<(Rc<Source>, Position)>,
    depth: usize,
}

/// Something that GRUB would print as an error, and where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Name of the script and the place in it.
    pub(super) place: Option<(Rc<Source>, Position)>,
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

/// Messages beyond this are dropped.
const MAX_MESSAGES: usize = 200;

impl<'a> Interpreter<'a> {
    pub(super) fn new(devices: Rc<Devices<'a>>, platform: Platform) -> Interpreter<'a> {
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
            saves: Rc::default(),
            complaint: None,
            ended: None,
            budget: Rc::default(),
            reached: Rc::default(),
            at: None,
            depth: 0,
        };
        platform.describe(&mut interpreter.variables);
        interpreter
    }

    /// Executes a whole script, unit by unit; the result is that of the last one.
    pub(super) fn run(&mut self, source: &Rc<Source>) -> i32 {
        let script = Script::parse(source);
        self.run_script(source, &script)
    }

    fn run_script(&mut self, source: &Rc<Source>, script: &Script) -> i32 {
        let before = self.at.take();
        let mut result = 0;
        for unit in &script.units {
            if self.ended.is_some() {
                break;
            }
            for function in &unit.functions {
                let functions = Rc::make_mut(&mut self.functions);
                functions.insert(function.name.clone(), function.clone());
            }
            match &unit.commands {
                Ok(list) if list.is_empty() => result = 0,
                Ok(list) => {
                    self.at = Some((source.clone(), Position { line: 1, column: 1 }));
                    result = self.list(list);
                    self.set_result(result);
                }
                Err(error) => {
                    self.at = Some((source.clone(), error.position));
                    self.message(&format!("syntax error: {}", error.text));
                }
            }
        }
        self.at = before;
        result
    }

    /// Executes the text of a block with its parameters: the body of an entry.
    pub(super) fn run_block(&mut self, block: &Block, parameters: Vec<String>) -> i32 {
        let before = self.parameters.replace(parameters);
        let source = block.as_source();
        let result = self.run(&source);
        self.parameters = before;
        result
    }

    fn set_result(&mut self, result: i32) {
        self.variables.set("?", result.to_string());
    }

    fn list(&mut self, list: &List) -> i32 {
        let mut result = 0;
        for command in list.iter() {
            if self.breaks > 0 {
                break;
            }
            result = self.command(command);
            if self.returning || self.ended.is_some() {
                break;
            }
        }
        result
    }

    /// A list as the part of a loop or condition: its result is in `$?`, too.
    fn inner(&mut self, list: &List) -> i32 {
        let result = self.list(list);
        self.set_result(result);
        result
    }

    fn command(&mut self, command: &Command) -> i32 {
        let result = match self.enter() {
            false => 0,
            true => match command {
                Command::Simple(simple) => self.simple(simple),
                Command::If {
                    branches,
                    otherwise,
                } => self.condition(branches, otherwise.as_ref()),
                Command::For { name, words, body } => self.for_loop(name, words, body),
                Command::While {
                    condition,
                    until,
                    body,
                } => self.while_loop(condition, *until, body),
            },
        };
        self.leave();
        self.set_result(result);
        result
    }

    /// Takes a step; `false` when there are none left.
    fn enter(&mut self) -> bool {
        self.depth = self.depth.saturating_add(1);
        let size = self.variables.size();
        if let Err(limit) = self.budget.step(self.depth, size) {
            self.end(End::Limit(limit));
            return false;
        }
        true
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn condition(&mut self, branches: &[(List, List)], otherwise: Option<&List>) -> i32 {
        for (condition, body) in branches {
            let result = self.inner(condition);
            if self.returning || self.ended.is_some() {
                return result;
            }
            if result == 0 {
                return self.inner(body);
            }
        }
        match otherwise {
            Some(body) => self.inner(body),
            // Where no branch is taken the result is true, as that of nothing.
            None => 0,
        }
    }

    fn for_loop(&mut self, name: &str, words: &[Word], body: &List) -> i32 {
        if words.is_empty() {
            return 0;
        }
        let values = self.expand(words);
        let mut result = 0;
        self.loops = self.loops.saturating_add(1);
        for value in values {
            if self.is_continue && self.breaks == 1 {
                self.breaks = 0;
            }
            if self.breaks == 0 {
                self.variables.set(name, value);
                result = self.inner(body);
                if self.returning || self.ended.is_some() {
                    break;
                }
            }
        }
        self.end_loop();
        result
    }

    fn while_loop(&mut self, condition: &List, until: bool, body: &List) -> i32 {
        self.loops = self.loops.saturating_add(1);
        let mut result;
        loop {
            result = self.inner(condition);
            if self.returning || self.ended.is_some() || (result == 0) == until {
                break;
            }
            result = self.inner(body);
            if self.returning || self.ended.is_some() {
                break;
            }
            if self.breaks == 1 && self.is_continue {
                self.breaks = 0;
            }
            if self.breaks > 0 {
                break;
            }
        }
        self.end_loop();
        result
    }

    fn end_loop(&mut self) {
        self.breaks = self.breaks.saturating_sub(1);
        self.loops = self.loops.saturating_sub(1);
    }

    /// Arguments of words: variables, then wildcards.
    fn expand(&mut self, words: &[Word]) -> Vec<String> {
        let values = Values {
            variables: &self.variables,
            parameters: self.parameters.as_deref(),
        };
        let Some(patterns) = word::expand(words, &values) else {
            self.end(End::Limit(Limit::Memory));
            return Vec::new();
        };
        self.budget.work(
            patterns
                .iter()
                .map(|pattern| pattern.len().saturating_add(16))
                .sum(),
        );
        let mut arguments = Vec::new();
        for pattern in patterns {
            let root = self.variables.get("root");
            match wildcard::expand(&pattern, &self.devices, root, &self.budget) {
                Some(names) => arguments.extend(names),
                None => arguments.push(word::unescape(&pattern)),
            }
        }
        arguments
    }

    fn simple(&mut self, simple: &Simple) -> i32 {
        if let Some((_, position)) = &mut self.at {
            *position = simple.position;
        }
        let mut words = self.expand(&simple.words).into_iter();
        let Some(mut name) = words.next() else {
            return 0;
        };
        let mut arguments: Vec<String> = words.collect();
        let invert = name == "!";
        if invert {
            if arguments.is_empty() {
                self.message("no command is specified");
                return super::failure::BAD_ARGUMENT;
            }
            name = arguments.remove(0);
        }
        let (mut result, mut error) = match commands::find(&name) {
            Some(command) => {
                let call = commands::Call {
                    name: &name,
                    arguments: &arguments,
                    block: simple.block.as_ref(),
                };
                match command(self, &call) {
                    Ok(()) => (0, self.complaint.take()),
                    Err(failure) => (failure.code, Some(failure)),
                }
            }
            None => match self.functions.get(&name).cloned() {
                Some(function) => {
                    arguments.extend(
                        simple
                            .block
                            .as_ref()
                            .map(|block| format!("{{{}}}", block.text())),
                    );
                    (self.call(&function, arguments), None)
                }
                None => return self.assign(&name),
            },
        };
        if invert {
            result = match result {
                FALSE => {
                    error = None;
                    0
                }
                0 => {
                    error = Some(Failure::falsehood());
                    FALSE
                }
                _ => 0,
            };
        }
        if let Some(failure) = error.filter(|failure| failure.code != FALSE) {
            self.message(&failure.text);
        }
        result
    }

    /// The last thing that a word may be which is no command: `name=value`.
    fn assign(&mut self, word: &str) -> i32 {
        match word.split_once('=') {
            Some((name, _)) if is_special(name) => {
                self.message(&format!("invalid variable name `{name}'"));
            }
            Some((name, value)) => self.variables.set(name, value),
            None => self.message(&format!("can't find command `{word}'")),
        }
        0
    }

    fn call(&mut self, function: &Function, arguments: Vec<String>) -> i32 {
        let loops = std::mem::take(&mut self.loops);
        let parameters = self.parameters.replace(arguments);
        let at = self.at.clone();
        self.at = Some((function.source.clone(), Position { line: 1, column: 1 }));
        let result = self.inner(&function.body);
        self.at = at;
        self.returning = false;
        self.loops = loops;
        self.parameters = parameters;
        result
    }

    /// Executes text that a script made.
    pub(super) fn run_text(&mut self, text: &str) -> i32 {
        if !self.enter() {
            self.leave();
            return 0;
        }
        let (name, file, line) = match &self.at {
            Some((source, position)) => (source.name(), source.file().cloned(), position.line),
            None => ("", None, 1),
        };
        let source = Rc::new(Source::of_string(name, file, text, line));
        let result = self.run(&source);
        self.leave();
        result
    }

    /// Executes a file in the context that is open.
    pub(super) fn run_file(&mut self, source: &Rc<Source>) -> i32 {
        let result = match self.enter() {
            true => self.run(source),
            false => 0,
        };
        self.leave();
        result
    }

    /// Where the command is that is being executed.
    pub(super) fn place(&self) -> Option<&(Rc<Source>, Position)> {
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
        if self.messages.len() < MAX_MESSAGES {
            let message = Message {
                place: self.at.clone(),
                text: text.to_owned(),
            };
            self.messages.push(message);
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

    /// The menu of the context that is open.
    pub(super) fn menu(&self) -> Rc<Menu> {
        self.menus.last().cloned().unwrap_or_default()
    }

    /// Adds entries to it.
    pub(super) fn add_entries(&mut self, entries: impl IntoIterator<Item = MenuEntry>) {
        if self.menus.is_empty() {
            self.menus.push(Rc::default());
        }
        if let Some(menu) = self.menus.last_mut() {
            Rc::make_mut(menu).entries.extend(entries);
        }
    }

    /// Opens a context, with a menu of its own; `all` as in [`Variables::open`].
    pub(super) fn open_context(&mut self, all: bool) {
        self.variables.open(all);
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
        }
    }
}

/// Names that are not for assignments.
fn is_special(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit()) || matches!(name, "#" | "*" | "@")
}
