//! `tr`: other letters in the place of letters (`grub-core/commands/tr.c`).

use super::{Call, Table};
use crate::config::grub::failure::{BAD_ARGUMENT, Outcome, fail};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::options::{self, Spec, Style, Value};

pub(super) const TABLE: Table = &[("tr", translate)];

const fn option(short: char, long: &'static str, value: Value) -> Spec {
    Spec { short, long, value }
}

const OPTIONS: [Spec; 3] = [
    option('s', "set", Value::Required),
    option('U', "upcase", Value::None),
    option('D', "downcase", Value::None),
];

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// `tr [--set VARIABLE] [--upcase|--downcase] [FROM TO] [TEXT]`; without a text it is that of the variable.
fn translate(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    let mut letters = match (given.has("upcase"), given.has("downcase")) {
        (_, true) => Some((UPPER, LOWER)),
        (true, false) => Some((LOWER, UPPER)),
        (false, false) => None,
    };
    let variable = given.value("set");
    let mut text = variable.and_then(|name| state.variables.get(name));
    match given.arguments[..] {
        [] => {}
        [only] => text = Some(only),
        [from, to] => letters = Some((from, to)),
        [from, to, last] => (letters, text) = (Some((from, to)), Some(last)),
        _ => return fail(BAD_ARGUMENT, "too many parameters"),
    }
    let (Some((from, to)), Some(text)) = (letters, text) else {
        return fail(BAD_ARGUMENT, "missing parameters");
    };
    if from.len() != to.len() {
        return fail(BAD_ARGUMENT, "set sizes did not match");
    }
    state.budget.work(text.len().saturating_mul(from.len()));
    let other = |byte: u8| {
        let at = from.bytes().position(|known| known == byte);
        at.and_then(|at| to.as_bytes().get(at)).copied()
    };
    let bytes = text.bytes().map(|byte| other(byte).unwrap_or(byte));
    let translated = String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned();
    match variable {
        Some(name) => state.variables.set(name, translated),
        None => state.print(&format!("{translated}\n")),
    }
    Ok(())
}
