//! `menuentry`, `submenu`, `hiddenentry` (`grub-core/commands/menuentry.c`), and access to them.

use std::rc::Rc;

use super::{Call, Table};
use crate::config::grub::failure::{ACCESS_DENIED, BAD_ARGUMENT, MENU, Outcome, fail};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::menu::{Body, MenuEntry};
use crate::config::grub::options::{self, Spec, Style, Value};

pub(super) const TABLE: Table = &[
    ("menuentry", define),
    ("submenu", define),
    ("hiddenentry", define),
    ("authenticate", authenticate),
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

fn define(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::AcceptDash, call.arguments)?;
    let source = given.value("source");
    let body = match (call.block, source) {
        (Some(_), Some(_)) => return fail(BAD_ARGUMENT, "multiple menuentry definitions"),
        (Some(block), None) => Body::Block(block.clone()),
        (None, Some(text)) => Body::Text(text.to_owned()),
        (None, None) if given.arguments.is_empty() => {
            return fail(BAD_ARGUMENT, "missing arguments");
        }
        (None, None) => return fail(BAD_ARGUMENT, "no menuentry definition"),
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
        file: None,
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
