//! `load_env`, `save_env`, `list_env` (`grub-core/commands/loadenv.c`).

use super::{Call, Table};
use crate::config::grub::environment_block::EnvironmentBlock;
use crate::config::grub::failure::{
    BAD_ARGUMENT, BAD_FILE_TYPE, FILE_NOT_FOUND, Failure, NOT_IMPLEMENTED, Outcome, fail,
};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::options::{self, Given, Spec, Style, Value};
use crate::entry::SavePlace;

pub(super) const TABLE: Table = &[("load_env", load), ("save_env", save), ("list_env", list)];

const OPTIONS: [Spec; 2] = [
    Spec {
        short: 'f',
        long: "file",
        value: Value::Required,
    },
    Spec {
        short: 's',
        long: "skip-sig",
        value: Value::None,
    },
];

/// The block, where it is, and its bytes as they were read.
fn open(
    state: &Interpreter<'_>,
    given: &Given<'_>,
) -> Outcome<(SavePlace, EnvironmentBlock, Vec<u8>)> {
    let name = match (given.value("file"), state.variables.get("prefix")) {
        (Some(name), _) => name.to_owned(),
        (None, Some(prefix)) => format!("{prefix}/grubenv"),
        (None, None) => return fail(FILE_NOT_FOUND, "variable `prefix' isn't set"),
    };
    let root = state.variables.get("root");
    let place = state.devices.locate_any(&name, root)?;
    if let Err(limit) = state.budget.file() {
        return fail(FILE_NOT_FOUND, limit.to_string());
    }
    let bytes = state.devices.read_any(&place, EnvironmentBlock::MAX_SIZE)?;
    state.budget.work(bytes.len());
    let block = EnvironmentBlock::parse(&bytes);
    let mut block =
        block.ok_or_else(|| Failure::new(BAD_FILE_TYPE, "invalid environment block"))?;
    // What was saved a moment ago would have been written.
    let saved = state.saved_at(&place);
    for (name, value) in saved.into_iter().flat_map(|saved| &saved.variables) {
        // It fitted when it was saved.
        let _ = block.set(name, value.as_deref());
    }
    Ok((place, block, bytes))
}

fn load(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    let (place, block, bytes) = open(state, &given)?;
    // As for GRUB's own signatures: a script that skips them names the variables that it takes. One that takes all
    // could be given any.
    if !given.has("skip-sig") || given.arguments.is_empty() {
        let kept = state.keep(place, &bytes);
        state.written.add(kept.as_ref());
    }
    let wanted = |name: &str| given.arguments.is_empty() || given.arguments.contains(&name);
    for (name, value) in block.iter().filter(|(name, _)| wanted(name)) {
        state.variables.set(&name, value);
    }
    Ok(())
}

/// Nothing is written here: what would be is remembered for whoever really boots.
fn save(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    if given.arguments.is_empty() {
        return fail(BAD_ARGUMENT, "no variable is specified");
    }
    let (place, mut block, _) = open(state, &given)?;
    if state.devices.is_image(place.volume()) {
        return fail(NOT_IMPLEMENTED, "loopback write is not supported");
    }
    for name in &given.arguments {
        state.budget.work(block.as_bytes().len());
        if block.set(name, state.variables.get(name)).is_err() {
            return fail(BAD_ARGUMENT, "environment block too small");
        }
    }
    let saved = state.save(&place, &given.arguments);
    saved.ok_or_else(|| Failure::new(BAD_ARGUMENT, "variables are saved in too many places"))
}

fn list(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    let (_, block, _) = open(state, &given)?;
    let all: String = block
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    state.print(&all);
    Ok(())
}
