//! `syslinux_configfile` and its relatives: a configuration of SYSLINUX as a menu
//! (`grub-core/commands/syslinuxcfg.c`).
//!
//! GRUB translates it into a script. Here it is read as it is where SYSLINUX itself stands, and only what an
//! entry starts becomes a script. So there is always a menu, where GRUB may start the default at once.

use std::rc::Rc;

use super::{Call, Table};
use crate::config::budget::Budget;
use crate::config::grub::failure::{BAD_ARGUMENT, FILE_NOT_FOUND, NOT_IMPLEMENTED, Outcome, fail};
use crate::config::grub::interpreter::{End, Interpreter};
use crate::config::grub::menu::{Body, MenuEntry};
use crate::config::grub::options::{self, Given, Spec, Style, Value};
use crate::config::syslinux::{Known, Listed, Medium, list};
use crate::entry::{BootEntry, FileRef, PayloadKind};
use crate::fs::FsPath;

pub(super) const TABLE: Table = &[
    ("syslinux_configfile", configfile),
    ("syslinux_source", add),
    ("extract_syslinux_entries_configfile", extract),
    ("extract_syslinux_entries_source", extract),
];

const fn option(short: char, long: &'static str, value: Value) -> Spec {
    Spec { short, long, value }
}

const OPTIONS: [Spec; 5] = [
    option('r', "root", Value::Required),
    option('c', "cwd", Value::Required),
    option('i', "isolinux", Value::None),
    option('p', "pxelinux", Value::None),
    option('s', "syslinux", Value::None),
];

/// What reading one costs, in bytes that are put together.
const CONFIGURATION: usize = 64 * 1024;

/// Taking so much of the time of SYSLINUX's budget costs one.
const WORTH: usize = 4;

fn configfile(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    state.open_context(false);
    let result = add(state, call);
    if !state.menu().entries.is_empty() {
        state.end(End::OtherMenu);
        return Ok(());
    }
    state.close_context();
    result
}

fn extract(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    state.open_context(true);
    let result = add(state, call);
    let menu = state.close_context();
    state.add_entries(menu.entries.clone());
    result
}

/// Adds the entries of the configuration to the menu that is open.
fn add(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let given = options::parse(&OPTIONS, Style::Strict, call.arguments)?;
    let [name] = given.arguments[..] else {
        return fail(BAD_ARGUMENT, "filename expected");
    };
    let (file, listed) = read(state, name, &given)?;
    let sizes = listed.entries.iter().map(BootEntry::size);
    state
        .budget
        .work(sizes.fold(CONFIGURATION, usize::saturating_add));
    state.reached.borrow_mut().insert(file);
    for problem in &listed.problems {
        state.remark(problem);
    }
    if let Some(seconds) = listed.wait.seconds {
        state.variables.set("timeout", seconds.to_string());
    }
    // The variables that are set here may decide what the rest of the script does.
    state.written.extend(&listed.written);
    let default = listed.entries.iter().find(|entry| entry.default);
    if let Some(default) = default {
        state.variables.set("default", default.id.as_str());
    }
    let entries = listed.entries.into_iter();
    let entries = entries.map(|entry| Rc::new(menu_entry(state, entry)));
    let entries: Vec<_> = entries.collect();
    state.add_entries(entries);
    Ok(())
}

fn read(state: &Interpreter<'_>, name: &str, given: &Given<'_>) -> Outcome<(FileRef, Listed)> {
    if let Err(limit) = state.budget.file() {
        return fail(FILE_NOT_FOUND, limit.to_string());
    }
    let devices = &state.devices;
    let root = state.variables.get("root");
    let file = devices.locate(name, root)?;
    devices.check(&file)?;
    let on_volume = |option: &str| -> Outcome<Option<FsPath>> {
        let Some(path) = given.value(option) else {
            return Ok(None);
        };
        let path = match path.ends_with(')') {
            true => format!("{path}/"),
            false => path.to_owned(),
        };
        let directory = devices.locate(&path, root)?;
        match directory.volume == file.volume {
            true => Ok(Some(directory.path)),
            false => fail(
                NOT_IMPLEMENTED,
                format!("--{option} is on another volume than {name}"),
            ),
        }
    };
    if on_volume("root")?.is_some_and(|path| path != FsPath::root()) {
        return fail(NOT_IMPLEMENTED, "--root is not the root of a volume");
    }
    let directory = on_volume("cwd")?.or_else(|| file.path.parent());
    let directory = directory.unwrap_or_else(FsPath::root);
    let medium = match (given.has("isolinux"), given.has("pxelinux")) {
        (true, _) => Medium::Optical,
        (_, true) => Medium::Network,
        _ => Medium::Disk,
    };
    let filesystem = devices.filesystem(file.volume)?;
    // GRUB has no `sysappend`.
    let known = Known::default();
    let budget = Budget::of_disk(1);
    let listed = list(
        filesystem,
        file.volume,
        &file.path,
        &directory,
        medium,
        known,
        &budget,
    );
    state.budget.work(budget.worth() / WORTH);
    Ok((file, listed))
}

fn menu_entry(state: &Interpreter<'_>, entry: BootEntry) -> MenuEntry {
    let script = script(state, &entry);
    // What is missing will be said by the script.
    let problems = entry.problems.into_iter();
    let notes = problems.filter(|problem| !problem.blocks || script.is_none());
    let notes = notes.map(|problem| problem.text).collect();
    MenuEntry {
        id: entry.id,
        users: Some(String::new()),
        parameters: Rc::new(vec![entry.title.clone()]),
        title: entry.title,
        body: Body::Text(script.unwrap_or_default()),
        submenu: false,
        class: None,
        hot_key: None,
        file: Some(entry.origin.file),
        written: entry.written,
        place: state.place().cloned(),
        notes,
    }
}

/// The commands that load what an entry starts; `None` for one that starts no kernel of Linux.
fn script(state: &Interpreter<'_>, entry: &BootEntry) -> Option<String> {
    let kernel = entry.kernel.as_ref();
    let kernel = kernel.filter(|_| entry.kind == PayloadKind::Linux)?;
    let name = |file: &FileRef| {
        let device = state.devices.name_of(file.volume)?;
        Some(quoted(&format!("({device}){}", file.path)))
    };
    let mut script = format!("linux {}", name(kernel)?);
    // As it is written, behind the name of the kernel: GRUB reads it as a part of the script, too.
    if let Some((_, arguments)) = entry.cmdline.split_once(' ') {
        script.push(' ');
        script += arguments;
    }
    let initrds = entry.initrd.iter().map(|initrd| name(&initrd.file));
    let initrds = initrds.collect::<Option<Vec<String>>>()?;
    if !initrds.is_empty() {
        script += "\ninitrd ";
        script += &initrds.join(" ");
    }
    Some(script + "\n")
}

/// A word of a script that means exactly this text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
