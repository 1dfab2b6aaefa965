//! `break`, `continue`, `return`, `shift`, `setparams`, `eval`, `time`, `true`, `false`, and what ends GRUB.

use std::rc::Rc;

use super::{Call, Table, find};
use crate::config::grub::failure::{
    BAD_ARGUMENT, Failure, INVALID_COMMAND, Outcome, UNKNOWN_COMMAND, fail,
};
use crate::config::grub::interpreter::{End, Interpreter};
use crate::config::grub::number;
use crate::config::grub::platform::Platform;

pub(super) const TABLE: Table = &[
    ("true", succeed),
    ("false", |_, _| Err(Failure::falsehood())),
    ("break", leave_loop),
    ("continue", leave_loop),
    ("return", leave_function),
    ("shift", shift),
    ("setparams", set_parameters),
    ("eval", eval),
    ("time", time),
    ("insmod", |_, call| match call.arguments {
        [] => fail(BAD_ARGUMENT, "one argument expected"),
        _ => Ok(()),
    }),
    ("halt", |state, _| leave(state, "halt")),
    ("reboot", |state, _| leave(state, "reboot")),
    ("fwsetup", firmware_setup),
    ("exit", |state, _| leave(state, "exit")),
];

fn succeed(_: &mut Interpreter<'_>, _: &Call<'_>) -> Outcome {
    Ok(())
}

fn leave(state: &mut Interpreter<'_>, how: &'static str) -> Outcome {
    state.end(End::Leave(how));
    Ok(())
}

/// With `--is-supported`, as later versions have it and distributions use it, only a question: every EFI
/// firmware has a setup.
fn firmware_setup(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    match (call.argument(0), state.platform) {
        (Some("--is-supported"), Platform::Efi) => Ok(()),
        (Some("--is-supported"), _) => Err(Failure::falsehood()),
        _ => leave(state, "fwsetup"),
    }
}

/// A number that fills the whole argument.
fn whole_number(text: &str) -> Outcome<u64> {
    match number::parse(text, 10)? {
        (value, "") => Ok(value),
        _ => fail(BAD_ARGUMENT, "unrecognized number"),
    }
}

fn leave_loop(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let count = match call.arguments {
        [] => 1,
        [count] => whole_number(count)?,
        _ => return fail(BAD_ARGUMENT, "one argument expected"),
    };
    if count == 0 {
        return fail(BAD_ARGUMENT, "can't break 0 loops");
    }
    state.is_continue = call.name == "continue";
    state.breaks = count.min(state.loops);
    Ok(())
}

fn leave_function(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    if state.parameters.is_none() || call.arguments.len() > 1 {
        return fail(BAD_ARGUMENT, "not in function body");
    }
    let (result, text) = match call.argument(0) {
        None => (state.variables.get("?").map_or(0, number::value), ""),
        Some(text) => (whole_number(text)?, "false"),
    };
    state.returning = true;
    match i32::try_from(result).unwrap_or(i32::MAX) {
        0 => Ok(()),
        code => fail(code, text),
    }
}

fn shift(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let Some(parameters) = &mut state.parameters else {
        return Ok(());
    };
    let count = match call.arguments {
        [] => 1,
        [count] => match number::parse(count, 10) {
            Ok((count, "")) => count,
            Ok(_) => return fail(BAD_ARGUMENT, ""),
            Err(failure) => return fail(BAD_ARGUMENT, failure.text),
        },
        _ => return fail(BAD_ARGUMENT, ""),
    };
    match usize::try_from(count) {
        Ok(count) if count <= parameters.len() => {
            *parameters = Rc::new(parameters.iter().skip(count).cloned().collect());
            Ok(())
        }
        _ => fail(BAD_ARGUMENT, ""),
    }
}

fn set_parameters(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    match &mut state.parameters {
        Some(parameters) => {
            *parameters = Rc::new(call.arguments.to_vec());
            Ok(())
        }
        None => fail(INVALID_COMMAND, ""),
    }
}

fn eval(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    if call.arguments.is_empty() {
        return Ok(());
    }
    match state.run_text(&call.arguments.join(" ")) {
        0 => Ok(()),
        code => fail(code, ""),
    }
}

/// Executes a command; how long that takes is not printed.
fn time(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    loop {
        match arguments {
            [] => return fail(BAD_ARGUMENT, "no command is specified"),
            [name, rest @ ..] if name == "time" => arguments = rest,
            [name, arguments @ ..] => {
                let Some(run) = find(name) else {
                    return fail(UNKNOWN_COMMAND, format!("can't find command `{name}'"));
                };
                let call = Call {
                    name,
                    arguments,
                    block: None,
                };
                return run(state, &call);
            }
        }
    }
}
