//! `smbios` and `cpuid`: questions about the machine (`grub-core/commands/smbios.c`, `i386/cpuid.c`).

use super::{Call, Table};
use crate::config::grub::failure::{BAD_ARGUMENT, Failure, IO, OUT_OF_RANGE, Outcome, fail};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::number;
use crate::config::grub::options::{self, Given, Spec, Style, Value};
use crate::smbios::Structure;

pub(super) const TABLE: Table = &[("smbios", smbios), ("cpuid", cpuid)];

const fn option(short: char, long: &'static str, value: Value) -> Spec {
    Spec { short, long, value }
}

const SMBIOS_OPTIONS: [Spec; 11] = [
    option('t', "type", Value::Required),
    option('h', "handle", Value::Required),
    option('m', "match", Value::Required),
    option('b', "get-byte", Value::Required),
    option('w', "get-word", Value::Required),
    option('d', "get-dword", Value::Required),
    option('q', "get-qword", Value::Required),
    option('s', "get-string", Value::Required),
    option('u', "get-uuid", Value::Required),
    option('\0', "set", Value::Required),
    option('\0', "linux", Value::None),
];

/// The options that ask for a field, and its length in bytes.
const GETTERS: [(&str, usize); 6] = [
    ("get-byte", 1),
    ("get-word", 2),
    ("get-dword", 4),
    ("get-qword", 8),
    ("get-string", 1),
    ("get-uuid", 16),
];

const CPUID_OPTIONS: [Spec; 2] = [
    option('l', "long-mode", Value::None),
    option('p', "pae", Value::None),
];

/// `smbios [-t TYPE] [-h HANDLE] [-m MATCH] (-b|-w|-d|-q|-s|-u) OFFSET [--linux] [--set VARIABLE]`
fn smbios(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&SMBIOS_OPTIONS, Style::Strict, call.arguments)?;
    let number = |name: &str| integer(&given, name);
    let (kind, handle, nth) = (number("type")?, number("handle")?, number("match")?);
    let mut getters = GETTERS.iter().filter(|(name, _)| given.has(name));
    let (getter, another) = (getters.next(), getters.next());
    let offset = match getter {
        Some((name, _)) => number(name)?,
        None => None,
    };
    let devices = state.devices.clone();
    let Some(tables) = devices.smbios() else {
        return fail(IO, "the SMBIOS entry point structure was not found");
    };
    state.budget.work(tables.size());
    if kind.is_some_and(|kind| kind > 255) {
        return fail(BAD_ARGUMENT, "the type must be between 0 and 255");
    }
    if handle.is_some_and(|handle| handle > 65535) {
        return fail(BAD_ARGUMENT, "the handle must be between 0 and 65535");
    }
    if nth.is_some_and(|nth| nth == 0 || nth > 65535) {
        return fail(BAD_ARGUMENT, "the match must be a positive integer");
    }
    if another.is_some() {
        return fail(BAD_ARGUMENT, "only one --get option is usable at a time");
    }
    let (Some((getter, length)), Some(offset)) = (getter, offset) else {
        return fail(BAD_ARGUMENT, "one of the --get options is required");
    };
    let mut matching = tables.structures().filter(|structure| {
        kind.is_none_or(|kind| kind == u64::from(structure.kind))
            && handle.is_none_or(|handle| handle == u64::from(structure.handle))
    });
    let index = usize::try_from(nth.unwrap_or(1).saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(structure) = matching.nth(index) else {
        return fail(IO, "no structure matched the given options");
    };
    let field = usize::try_from(offset)
        .ok()
        .and_then(|offset| structure.fields.get(offset..))
        .filter(|field| !field.is_empty());
    let Some(field) = field else {
        return fail(OUT_OF_RANGE, "the given offset is outside the structure");
    };
    let Some(field) = field.get(..*length) else {
        return fail(OUT_OF_RANGE, "the field ends outside the structure");
    };
    let value = format_field(&structure, getter, field);
    let Some(mut value) = value else {
        return fail(IO, "failed to retrieve the structure field");
    };
    if given.has("linux") {
        // As Linux has it in its module aliases.
        value.retain(|c| c.is_ascii_graphic() && c != ':');
    }
    match given.value("set") {
        Some(variable) => state.variables.set(variable, value),
        None => state.print(&format!("{value}\n")),
    }
    Ok(())
}

/// The whole value of an option is a number.
fn integer(given: &Given<'_>, name: &str) -> Outcome<Option<u64>> {
    let Some(text) = given.value(name) else {
        return Ok(None);
    };
    match number::parse(text, 0) {
        Ok((value, "")) => Ok(Some(value)),
        _ => fail(
            BAD_ARGUMENT,
            format!("the argument `--{name}' requires an integer"),
        ),
    }
}

/// What a field says, as text.
fn format_field(structure: &Structure<'_>, getter: &str, field: &[u8]) -> Option<String> {
    match (getter, field) {
        ("get-string", [number]) => {
            let text = structure.string(*number)?;
            Some(String::from_utf8_lossy(text).into_owned())
        }
        ("get-uuid", _) => {
            // The first three parts are numbers, least byte first.
            let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
            let mut text = String::new();
            for (i, at) in order.into_iter().enumerate() {
                if matches!(i, 4 | 6 | 8 | 10) {
                    text.push('-');
                }
                text.push_str(&format!("{:02x}", field.get(at)?));
            }
            Some(text)
        }
        _ => {
            let bytes = field.iter().rev();
            let number = bytes.fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
            Some(number.to_string())
        }
    }
}

/// `cpuid [-l|-p]`: can the processor run 64-bit code, has it physical address extension? All that we run on
/// can do both, or neither.
fn cpuid(_: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    options::parse(&CPUID_OPTIONS, Style::Strict, call.arguments)?;
    match cfg!(target_arch = "x86_64") {
        true => Ok(()),
        false => Err(Failure::falsehood()),
    }
}
