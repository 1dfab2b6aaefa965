//! Executing the syntax tree: what `grub-core/script/execute.c` of GRUB 2.06 does, within limits.

use std::rc::Rc;

use super::commands;
use super::failure::{BAD_ARGUMENT, FALSE, Failure};
use super::interpreter::{End, Interpreter};
use super::limits::Limit;
use super::source::{Position, Source};
use super::syntax::{Block, Command, Function, List, Script, Simple, Unit, Word};
use super::wildcard;
use super::word::{self, Values};

/// What a unit costs that is only read, in bytes that are put together.
const UNIT: usize = 128;

impl Interpreter<'_> {
    /// Reads a script, whose tree counts for the limits.
    pub(super) fn parse(&self, source: &Rc<Source>) -> Script {
        self.budget.script(source.size());
        let script = Script::parse(source, self.budget.room_for_scripts());
        self.budget.script(script.size);
        script
    }

    /// Executes a script or a block, unit by unit; the result is that of the last one.
    fn units(&mut self, source: &Rc<Source>, units: &[Unit]) -> i32 {
        let before = self.at.take();
        let mut result = 0;
        for unit in units {
            if self.is_over() {
                break;
            }
            for function in &unit.functions {
                self.define(function);
            }
            match &unit.commands {
                Ok(list) if list.is_empty() => result = 0,
                Ok(list) => {
                    self.at = Some((source.clone(), Position { line: 1, column: 1 }));
                    result = self.list(list);
                    self.set_result(result);
                }
                Err(error) => {
                    self.budget.work(UNIT);
                    self.at = Some((source.clone(), error.position));
                    self.message(&format!("syntax error: {}", error.text));
                }
            }
        }
        self.at = before;
        result
    }

    /// Was a limit reached, or is there another reason to go no further?
    fn is_over(&mut self) -> bool {
        if let Some(limit) = self.budget.exceeded() {
            self.end(End::Limit(limit));
        }
        self.ended.is_some()
    }

    fn define(&mut self, function: &Rc<Function>) {
        self.budget.work(UNIT);
        if Rc::get_mut(&mut self.functions).is_none() {
            // All are copied, since somebody else still needs them as they are.
            let all = size_of::<(String, Rc<Function>)>().saturating_add(function.name.len());
            self.budget.work(all.saturating_mul(self.functions.len()));
        }
        let functions = Rc::make_mut(&mut self.functions);
        functions.insert(function.name.clone(), function.clone());
    }

    /// Executes a block with its parameters: the body of an entry.
    pub(super) fn run_block(&mut self, block: &Block, parameters: &Rc<Vec<String>>) -> i32 {
        let before = self.parameters.replace(parameters.clone());
        let result = self.units(&block.source, &block.units);
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
        // What a command did may have been too much, without another step.
        self.is_over();
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
            parameters: self.parameters.as_ref().map(|all| all.as_slice()),
        };
        let Some(patterns) = word::expand(words, &values) else {
            self.end(End::Limit(Limit::Arguments));
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
            // Each may stand for thousands of names.
            if self.is_over() {
                break;
            }
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
                return BAD_ARGUMENT;
            }
            name = arguments.remove(0);
        }
        let (mut result, mut error) = match commands::find(&name) {
            Some(command) => {
                if commands::loads(&name) {
                    self.tell_unset(&simple.words);
                }
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
        let parameters = self.parameters.replace(Rc::new(arguments));
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
        let script = self.parse(&source);
        let result = self.units(&source, &script.units);
        self.leave();
        result
    }

    /// Executes a file in the context that is open.
    pub(super) fn run_file(&mut self, source: &Rc<Source>, script: &Script) -> i32 {
        let result = match self.enter() {
            true => self.units(source, &script.units),
            false => 0,
        };
        self.leave();
        result
    }

    /// Says which variables in these words are not set, unless that is what their authors meant.
    fn tell_unset(&mut self, words: &[Word]) {
        let values = Values {
            variables: &self.variables,
            parameters: self.parameters.as_ref().map(|all| all.as_slice()),
        };
        for name in word::unset(words, &values) {
            self.remark_unset(name);
        }
    }
}

/// Names that are not for assignments.
fn is_special(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit()) || matches!(name, "#" | "*" | "@")
}
