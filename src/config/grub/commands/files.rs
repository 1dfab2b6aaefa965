//! Other scripts (`source`, `configfile`, `normal`, …) and reading files.

use std::rc::Rc;

use super::{Call, Table};
use crate::config::grub::failure::{
    BAD_ARGUMENT, FILE_NOT_FOUND, Failure, NOT_IMPLEMENTED, Outcome, fail,
};
use crate::config::grub::interpreter::{End, Interpreter, ParsedFile};
use crate::config::grub::options::{self, Spec, Style, Value};
use crate::config::grub::source::Source;
use crate::entry::SavePlace;
use crate::fs::FileKind;

pub(super) const TABLE: Table = &[
    ("source", source),
    (".", source),
    ("configfile", configfile),
    ("normal", normal),
    ("extract_entries_source", extract),
    ("extract_entries_configfile", extract),
    ("legacy_configfile", foreign),
    ("legacy_source", foreign),
    ("extract_legacy_entries_configfile", foreign),
    ("extract_legacy_entries_source", foreign),
    ("cat", cat),
    ("cmp", compare),
    ("ls", ls),
    ("loopback", loopback),
];

/// A longer file is no configuration, in bytes.
pub(in crate::config::grub) const MAX_SCRIPT: usize = 4 << 20;

/// So many scripts are kept for whoever reads them again.
const MAX_KEPT: usize = 256;

/// More of a file is not printed or compared, and of a block list not hashed either.
pub(super) const MAX_FILE: usize = 1 << 20;

/// Reads a script, once, and says how it is called in full.
fn read_script(state: &Interpreter<'_>, name: &str) -> Outcome<(ParsedFile, String)> {
    if let Err(limit) = state.budget.file() {
        return fail(FILE_NOT_FOUND, limit.to_string());
    }
    let root = state.variables.get("root");
    let file = state.devices.locate(name, root)?;
    let full = match name.starts_with('(') {
        true => name.to_owned(),
        false => format!("({}){name}", root.unwrap_or_default()),
    };
    let scripts = state.scripts.borrow();
    let mut known = scripts.iter();
    // By another name it is another script for messages.
    let known = known.find(|(source, _)| source.file() == Some(&file) && source.name() == full);
    if let Some(known) = known {
        return Ok((known.clone(), full));
    }
    drop(scripts);
    let bytes = state.devices.read(&file, MAX_SCRIPT)?;
    state.budget.work(bytes.len());
    state.reached.borrow_mut().insert(file.clone());
    let kept = state.keep(SavePlace::File(file.clone()), &bytes);
    let source = Rc::new(Source::of_file(&full, Some(file), &bytes).with(kept));
    let script = Rc::new(state.parse(&source));
    let parsed = (source, script);
    let mut scripts = state.scripts.borrow_mut();
    if scripts.len() < MAX_KEPT {
        scripts.push(parsed.clone());
    }
    Ok((parsed, full))
}

/// Runs a script in the context that is open; `$config_file` and `$config_directory` tell it where it is.
pub(in crate::config::grub) fn run_script(state: &mut Interpreter<'_>, name: &str) -> Outcome {
    let ((source, script), full) = read_script(state, name)?;
    state.written.add(source.kept());
    let directory = full.rsplit_once('/').map_or("", |(directory, _)| directory);
    let places = [
        ("config_file", full.as_str()),
        ("config_directory", directory),
    ];
    let before = places.map(|(name, _)| state.variables.get(name).map(str::to_owned));
    for (name, value) in places {
        state.variables.set(name, value);
        state.variables.export(name);
    }
    state.run_file(&source, &script);
    // What another menu sees stays as it is there.
    if state.ended != Some(End::OtherMenu) {
        for ((name, _), value) in places.into_iter().zip(before) {
            match value {
                Some(value) => state.variables.set(name, value),
                None => state.variables.unset(name),
            }
        }
    }
    Ok(())
}

fn only_name<'c>(call: &Call<'c>) -> Outcome<&'c str> {
    match call.arguments {
        [name] => Ok(name),
        _ => fail(BAD_ARGUMENT, "filename expected"),
    }
}

fn source(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    run_script(state, only_name(call)?).or_else(|failure| say(state, &failure))
}

/// In GRUB these commands succeed, and say nothing, whatever happens to the file.
fn say(state: &mut Interpreter<'_>, failure: &Failure) -> Outcome {
    state.remark(&failure.text);
    Ok(())
}

/// Another configuration in a context of its own. If it has a menu, that is shown, and nobody comes back.
fn configfile(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let name = only_name(call)?;
    state.open_context(false);
    let result = run_script(state, name);
    if state.ended.is_some() {
        return Ok(());
    }
    if !state.menu().entries.is_empty() {
        state.end(End::OtherMenu);
        return Ok(());
    }
    state.close_context();
    result.or_else(|failure| say(state, &failure))
}

/// The same in the context that is open.
fn normal(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let name = match (call.arguments, state.variables.get("prefix")) {
        ([name, ..], _) => name.clone(),
        ([], Some(prefix)) => format!("{prefix}/grub.cfg"),
        ([], None) => return Ok(()),
    };
    let result = run_script(state, &name);
    if !state.menu().entries.is_empty() {
        state.end(End::OtherMenu);
    }
    result.or_else(|failure| say(state, &failure))
}

/// Takes only the entries of another script.
fn extract(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let name = only_name(call)?;
    state.open_context(true);
    let result = run_script(state, name);
    let menu = state.close_context();
    state.add_entries(menu.entries.clone());
    result.or_else(|failure| say(state, &failure))
}

fn foreign(_: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    fail(
        NOT_IMPLEMENTED,
        format!(
            "`{}' reads a configuration of another boot loader",
            call.name
        ),
    )
}

/// The content of a file that is not large.
pub(super) fn read(state: &Interpreter<'_>, name: &str) -> Outcome<Vec<u8>> {
    if let Err(limit) = state.budget.file() {
        return fail(FILE_NOT_FOUND, limit.to_string());
    }
    let root = state.variables.get("root");
    let place = state.devices.locate_any(name, root)?;
    let content = state.devices.read_any(&place, MAX_FILE)?;
    state.budget.work(content.len());
    Ok(content)
}

fn cat(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let names = call.arguments.iter().filter(|a| !a.starts_with("--"));
    let [name] = names.collect::<Vec<_>>()[..] else {
        return fail(BAD_ARGUMENT, "filename expected");
    };
    let content = read(state, name)?;
    state.print(&format!("{}\n", String::from_utf8_lossy(&content)));
    Ok(())
}

fn compare(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let names = call.arguments.iter().filter(|a| !a.starts_with('-'));
    let [a, b] = names.collect::<Vec<_>>()[..] else {
        return fail(BAD_ARGUMENT, "two arguments expected");
    };
    state.print(&format!("Compare file `{a}' with `{b}':\n"));
    let (first, second) = (read(state, a)?, read(state, b)?);
    let text = if first.len() != second.len() {
        let (m, n) = (first.len(), second.len());
        format!("Files differ in size: {m} [{a}], {n} [{b}]\n")
    } else {
        let mut bytes = first.iter().zip(&second).enumerate();
        match bytes.find(|(_, (x, y))| x != y) {
            Some((at, (x, y))) => {
                format!("Files differ at the offset {at}: {x:#x} [{a}], {y:#x} [{b}]\n")
            }
            None => "The files are identical.\n".to_owned(),
        }
    };
    // As in GRUB this is no failure, whatever the answer.
    state.print(&text);
    Ok(())
}

/// Devices, or names in a directory. In GRUB it succeeds, whatever it complains about.
fn ls(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    state.complaint = list_names(state, call).err();
    Ok(())
}

fn list_names(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let Some(name) = call.arguments.iter().find(|a| !a.starts_with('-')) else {
        let names = state.devices.iter().map(|(name, _)| format!("({name}) "));
        let names: String = names.collect();
        state.print(&format!("{names}\n"));
        return Ok(());
    };
    let path = match name.ends_with(')') {
        true => format!("{name}/"),
        false => name.clone(),
    };
    let file = state.devices.locate(&path, state.variables.get("root"))?;
    let entries = state.devices.filesystem(file.volume)?.read_dir(&file.path);
    let Ok(entries) = entries else {
        return fail(FILE_NOT_FOUND, format!("file `{}' not found", file.path));
    };
    for entry in entries {
        let slash = if entry.kind == FileKind::Directory {
            "/"
        } else {
            ""
        };
        state.print(&format!("{}{slash} ", entry.name));
    }
    state.print("\n");
    Ok(())
}

/// A file as a device (`grub-core/disk/loopback.c`).
fn loopback(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    // Later versions decompress what is compressed, if they are asked to.
    let option = |short, long| Spec {
        short,
        long,
        value: Value::None,
    };
    let known = [option('d', "delete"), option('D', "decompress")];
    let given = options::parse(&known, Style::Strict, call.arguments)?;
    let Some(name) = given.arguments.first() else {
        return fail(BAD_ARGUMENT, "device name required");
    };
    if given.has("delete") {
        return Rc::make_mut(&mut state.devices).detach(name);
    }
    let Some(file) = given.arguments.get(1) else {
        return fail(BAD_ARGUMENT, "filename expected");
    };
    if let Err(limit) = state.budget.file() {
        return fail(FILE_NOT_FOUND, limit.to_string());
    }
    let file = state.devices.locate(file, state.variables.get("root"))?;
    Rc::make_mut(&mut state.devices).attach(name, &file)
}
