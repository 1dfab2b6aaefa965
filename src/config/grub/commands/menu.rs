//! `menuentry`, `submenu`, `hiddenentry` (`grub-core/commands/menuentry.c`), and access to them.

use std::rc::Rc;

use super::{Call, Table};
use crate::config::grub::failure::{ACCESS_DENIED, BAD_ARGUMENT, MENU, Outcome, fail};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::menu::{Body, MenuEntry};
use crate::config::grub::options::{self, Spec, Style, Value};
use crate::config::grub::syntax::Block;
use crate::entry::{HotKey, Written};

pub(super) const TABLE: Table = &[
    ("menuentry", define),
    ("submenu", define),
    ("hiddenentry", define),
    ("authenticate", authenticate),
    ("password", password),
    ("password_pbkdf2", password),
];

const fn option(short: char, long: &'static str, value: Value) -> Spec {
    Spec { short, long, value }
}

const OPTIONS: [Spec; 6] = [
    option('\u{1}', "class", Value::Required),
    option('\u{2}', "users", Value::Required),
    option('\u{3}', "hotkey", Value::Required),
    option('\u{4}', "source", Value::Required),
    option('\0', "id", Value::Required),
    option('\0', "unrestricted", Value::None),
];

/// For GRUB the block is the last argument, in braces. An option without a value takes it, and then the argument
/// before it is what is executed, without its first and last letter.
fn with_block(state: &Interpreter<'_>, arguments: &[String], block: &Block) -> Vec<String> {
    let block = format!("{{{}}}", block.text());
    state.budget.work(block.len());
    arguments.iter().cloned().chain([block]).collect()
}

fn inside(text: &str) -> &str {
    let mut letters = text.chars();
    letters.next();
    letters.next_back();
    letters.as_str()
}

fn define(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let words;
    let mut given = options::parse(&OPTIONS, Style::AcceptDash, call.arguments);
    let mut taken = None;
    if let (Err(_), Some(block)) = (&given, call.block) {
        words = with_block(state, call.arguments, block);
        given = options::parse(&OPTIONS, Style::AcceptDash, &words);
        taken = given.as_mut().ok().and_then(|given| given.arguments.pop());
    }
    let given = given?;
    let source = given.value("source");
    if given.arguments.is_empty() && (call.block.is_none() && taken.is_none()) {
        return fail(BAD_ARGUMENT, "missing arguments");
    }
    let body = match (call.block, source, taken) {
        (Some(_), Some(_), _) => return fail(BAD_ARGUMENT, "multiple menuentry definitions"),
        (_, _, Some(taken)) => Body::Text(inside(taken).to_owned()),
        (Some(block), None, None) => Body::Block(block.clone()),
        (None, Some(text), None) => Body::Text(text.to_owned()),
        (None, None, None) => return fail(BAD_ARGUMENT, "no menuentry definition"),
    };
    let Some(title) = given.arguments.first() else {
        return fail(MENU, "menuentry is missing title");
    };
    // Started only by its key: it is not in the menu, and numbers pass over it.
    if call.name == "hiddenentry" {
        return Ok(());
    }
    let users = match (given.value("users"), given.has("unrestricted")) {
        (Some(users), _) => Some(users.to_owned()),
        (None, true) => None,
        (None, false) => Some(String::new()),
    };
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let entry = MenuEntry {
        title: (*title).to_owned(),
        id: given.value("id").unwrap_or(title).to_owned(),
        users,
        parameters: Rc::new(owned(&given.arguments)),
        body,
        submenu: call.name == "submenu",
        class: given.values("class").first().map(|c| (*c).to_owned()),
        hot_key: given.value("hotkey").and_then(HotKey::of_grub),
        file: None,
        written: Written::default(),
        place: state.place().cloned(),
        notes: Vec::new(),
    };
    state.add_entries(vec![Rc::new(entry)]);
    Ok(())
}

/// Nobody is there to type a password: where one is needed, nobody is let in.
fn authenticate(state: &mut Interpreter<'_>, _: &Call<'_>) -> Outcome {
    match state.variables.get("superusers") {
        None => Ok(()),
        Some(_) => fail(ACCESS_DENIED, "access denied"),
    }
}

/// Who somebody is does not matter where nobody is asked.
fn password(_: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    match call.arguments {
        [_, _] => Ok(()),
        _ => fail(BAD_ARGUMENT, "two arguments expected"),
    }
}
