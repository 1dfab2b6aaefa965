//! `set`, `unset`, `export`, `read`, `increment`, `decrement`.

use super::{Call, Table};
use crate::config::grub::failure::{BAD_ARGUMENT, Outcome, fail};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::number;

pub(super) const TABLE: Table = &[
    ("set", set),
    ("unset", unset),
    ("export", export),
    ("read", read),
    ("increment", count),
    ("decrement", count),
];

fn set(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    match call.argument(0) {
        None => {
            state.budget.work(state.variables.size());
            let all: String = state
                .variables
                .all()
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect();
            state.print(&all);
            Ok(())
        }
        Some(assignment) => match assignment.split_once('=') {
            Some((name, value)) => {
                state.variables.set(name, value);
                Ok(())
            }
            None => fail(BAD_ARGUMENT, "not an assignment"),
        },
    }
}

fn unset(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    match call.argument(0) {
        Some(name) => {
            state.variables.unset(name);
            Ok(())
        }
        None => fail(BAD_ARGUMENT, "one argument expected"),
    }
}

fn export(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    if call.arguments.is_empty() {
        return fail(BAD_ARGUMENT, "one argument expected");
    }
    for name in call.arguments {
        state.variables.export(name);
    }
    Ok(())
}

/// Nobody is there to type anything.
fn read(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    // Later versions have `--silent`.
    let name = call.arguments.iter().find(|name| !name.starts_with('-'));
    if let Some(name) = name {
        state.variables.set(name, "");
    }
    Ok(())
}

/// Fedora's and openSUSE's addition, for `boot_counter`.
fn count(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let [name] = call.arguments else {
        return fail(BAD_ARGUMENT, "one argument expected");
    };
    let old = state.variables.get(name).map_or(0, number::signed);
    let new = match call.name {
        "increment" => old.saturating_add(1),
        _ => old.saturating_sub(1),
    };
    state.variables.set(name, new.to_string());
    Ok(())
}
