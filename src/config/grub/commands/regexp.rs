//! `regexp`: a POSIX extended regular expression on a text.

use super::{Call, Table};
use crate::config::grub::failure::{BAD_ARGUMENT, FALSE, Outcome, fail};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::number;
use crate::config::grub::options::{self, Spec, Style, Value};
use crate::config::grub::pattern::Pattern;

pub(super) const TABLE: Table = &[("regexp", regexp)];

const OPTIONS: [Spec; 1] = [Spec {
    short: 's',
    long: "set",
    value: Value::Required,
}];

fn regexp(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    let [pattern, text] = given.arguments[..] else {
        return fail(BAD_ARGUMENT, "two arguments expected");
    };
    let Ok(pattern) = Pattern::new(pattern) else {
        return fail(FALSE, "Invalid regular expression");
    };
    state.budget.work(pattern.work(text));
    if let Some(limit) = state.budget.exceeded() {
        return fail(FALSE, limit.to_string());
    }
    let Some(groups) = pattern.find(text) else {
        return fail(FALSE, "No match");
    };
    for wanted in given.values("set") {
        let (index, name) = match wanted.split_once(':') {
            None => (1, wanted),
            Some((index, name)) => match number::parse(index, 10) {
                Ok((index, "")) => (usize::try_from(index).unwrap_or(usize::MAX), name),
                _ => {
                    let text = format!("invalid variable name format {wanted}");
                    return fail(BAD_ARGUMENT, text);
                }
            },
        };
        let found = groups.get(index).cloned().flatten();
        match found.and_then(|range| text.get(range)) {
            Some(value) => state.variables.set(name, value),
            None => state.variables.unset(name),
        }
    }
    Ok(())
}
