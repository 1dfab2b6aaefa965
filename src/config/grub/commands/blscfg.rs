//! `blscfg`, Fedora's and RHEL's addition: entries of the Boot Loader Specification as a part of GRUB's
//! menu, in a dialect of its own.

use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

use super::{Call, Table};
use crate::config::bls::{Line, Type1, lines};
use crate::config::grub::failure::{FILE_NOT_FOUND, Outcome, fail};
use crate::config::grub::interpreter::Interpreter;
use crate::config::grub::menu::{Body, MenuEntry};
use crate::config::grub::word::{is_missed, is_unset};
use crate::entry::{ConfigFile, FileRef, HotKey, SavePlace, Written};
use crate::fs::FileKind;

pub(super) const TABLE: Table = &[("blscfg", blscfg)];

/// A longer file is no entry.
const MAX_SIZE: usize = 64 * 1024;

const DIRECTORY: &str = "/loader/entries";
const FALLBACK: &str = "/boot/loader/entries";

/// A file, and what it says.
struct Entry {
    file: FileRef,
    /// The same as it was read, where there was room for it and it is no text of another language.
    kept: Option<Arc<ConfigFile>>,
    /// Its name without `.conf`.
    id: String,
    /// Line, key and value, in order.
    lines: Vec<(u32, String, String)>,
}

impl Entry {
    fn value(&self, key: &str) -> Option<&str> {
        self.line(key).map(|(_, value)| value)
    }

    /// The first line with this key: its number, and the value.
    fn line(&self, key: &str) -> Option<(u32, &str)> {
        let found = self.lines.iter().find(|(_, name, _)| name == key);
        found.map(|(number, _, value)| (*number, value.as_str()))
    }

    fn all(&self, key: &str) -> Vec<&str> {
        let found = self.lines.iter().filter(|(_, name, _)| name == key);
        found.map(|(.., value)| value.as_str()).collect()
    }
}

/// `blscfg [default|non-default|ID|(device)/directory]`
fn blscfg(state: &mut Interpreter<'_>, call: &Call<'_>) -> Outcome {
    let argument = call.argument(0);
    let path = argument.filter(|argument| argument.starts_with('('));
    let mut entries = read(state, path)?;
    entries.sort_by(|a, b| by_package(&b.id, &a.id));
    let default = state.variables.get("default").map(str::to_owned);
    let reserve = state.budget.room_for_scripts() / 2;
    let mut found = Vec::new();
    for (i, entry) in entries.into_iter().enumerate() {
        let is_default = default.as_deref().is_none_or(|default| {
            default == entry.id || Some(default) == entry.value("title") || default.parse() == Ok(i)
        });
        let wanted = match argument {
            Some("default") => is_default,
            Some("non-default") => !is_default,
            Some(id) if path.is_none() => id == entry.id,
            _ => true,
        };
        if state.budget.exceeded().is_some() {
            break;
        }
        if !wanted {
            let reason = format!("`blscfg {}' leaves it out", argument.unwrap_or_default());
            state.left_out.borrow_mut().push((entry.file, reason));
        } else if let Some(entry) = menu_entry(state, entry, reserve) {
            found.push(Rc::new(entry));
        }
    }
    state.add_entries(found);
    Ok(())
}

/// The files of the directory that is given, or of the usual ones on the device `$boot`.
fn read(state: &mut Interpreter<'_>, path: Option<&str>) -> Outcome<Vec<Entry>> {
    let device = state.variables.get("boot").or(state.variables.get("root"));
    let device = device.unwrap_or_default().to_owned();
    let own = state.variables.get("blsdir").unwrap_or(DIRECTORY);
    let places: Vec<String> = match path {
        Some(path) => vec![path.to_owned()],
        None if own == DIRECTORY => [own, FALLBACK].map(|p| format!("({device}){p}")).into(),
        None => vec![format!("({device}){own}")],
    };
    for place in &places {
        let entries = read_directory(state, place.trim_end_matches('/'))?;
        if !entries.is_empty() {
            return Ok(entries);
        }
    }
    fail(
        FILE_NOT_FOUND,
        format!("no entries in {}", places.join(" or ")),
    )
}

fn read_directory(state: &mut Interpreter<'_>, place: &str) -> Outcome<Vec<Entry>> {
    let directory = state.devices.locate(place, None)?;
    let list = match state.budget.file() {
        Ok(()) => state
            .devices
            .filesystem(directory.volume)?
            .read_dir(&directory.path),
        Err(limit) => return fail(FILE_NOT_FOUND, limit.to_string()),
    };
    let reserve = state.budget.room_for_scripts() / 2;
    let mut entries = Vec::new();
    for item in list.unwrap_or_default() {
        let Some(id) = item.name.strip_suffix(".conf") else {
            continue;
        };
        let Ok(path) = directory.path.join(&item.name) else {
            continue;
        };
        if item.kind == FileKind::Directory || state.budget.file().is_err() {
            continue;
        }
        let file = FileRef {
            volume: directory.volume,
            path,
        };
        match state.devices.read(&file, MAX_SIZE) {
            Ok(bytes) => {
                if !has_room(state, &file, bytes.len().saturating_mul(2), reserve) {
                    break;
                }
                let text = String::from_utf8_lossy(&bytes);
                let owned =
                    |line: Line<'_>| (line.number, line.key.to_owned(), line.value.to_owned());
                let lines = lines(&text).map(owned).collect();
                let id = id.to_owned();
                let kept = match Type1::parse(&bytes).is_foreign {
                    true => None,
                    false => state.keep(SavePlace::File(file.clone()), &bytes),
                };
                entries.push(Entry {
                    file,
                    kept,
                    id,
                    lines,
                });
            }
            Err(failure) => state.remark(&failure.text),
        }
    }
    Ok(entries)
}

/// Is there room for so many bytes of an entry, with `reserve` left for carrying the entries out?
fn has_room(state: &mut Interpreter<'_>, file: &FileRef, bytes: usize, reserve: usize) -> bool {
    let left = state.budget.room_for_scripts().checked_sub(bytes);
    if left.is_none_or(|left| left < reserve) {
        state.remark(&format!("{}: no memory is left for it", file.path));
        return false;
    }
    state.budget.script(bytes);
    true
}

/// The entry as `blscfg` writes it for GRUB's menu: a script of its own.
fn menu_entry(state: &mut Interpreter<'_>, entry: Entry, reserve: usize) -> Option<MenuEntry> {
    let Some(linux) = entry.value("linux") else {
        let text = format!(
            "{}: it names nothing to start: `linux` is missing",
            entry.file.path
        );
        state.remark(&text);
        // Whoever reads the specification's entries may say more of it.
        let mut left_out = state.left_out.borrow_mut();
        left_out.retain(|(file, _)| *file != entry.file);
        drop(left_out);
        return None;
    };
    let mut unset = Vec::new();
    let default = state.variables.get("default_kernelopts");
    let options = entry.line("options");
    let (line, options) = options.unwrap_or((1, default.unwrap_or_default()));
    let options = expand(state, options, &mut unset);
    let path = &entry.file.path;
    let notes = unset
        .iter()
        .map(|name| format!("{path}, line {line}: {}", is_unset(name)));
    let notes = notes.collect();
    let mut script = format!("linux ($root){linux} {options}\n");
    let initrds = entry.all("initrd");
    if let Some(first) = initrds.first() {
        let directory = first
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory);
        let early = state.variables.get("early_initrd").unwrap_or_default();
        let early = early
            .split_whitespace()
            .map(|name| format!(" ($root){directory}/{name}"));
        let early: String = early.collect();
        let others = initrds.iter().map(|initrd| format!(" ($root){initrd}"));
        let others: String = others.collect();
        script.push_str(&format!("initrd{early}{others}\n"));
    }
    if let Some(tree) = entry.value("devicetree") {
        script.push_str(&format!("devicetree ($root){tree}\n"));
    }
    state.budget.work(script.len());
    if !has_room(state, &entry.file, script.len(), reserve) {
        return None;
    }
    let title = entry.value("title").unwrap_or(&entry.id).to_owned();
    let users = entry.value("grub_users");
    // Nobody is named where the variable is not set.
    let users = users.map(|users| expand(state, users, &mut Vec::new()));
    let unrestricted = entry.all("grub_arg").contains(&"--unrestricted");
    state.reached.borrow_mut().insert(entry.file.clone());
    let mut written = Written::default();
    written.add(entry.kept.as_ref());
    Some(MenuEntry {
        parameters: Rc::new(vec![title.clone()]),
        title,
        id: entry.id.clone(),
        users: match (users, unrestricted) {
            (Some(users), _) if !users.is_empty() => Some(users),
            (_, true) => None,
            _ => Some(String::new()),
        },
        body: Body::Text(script),
        submenu: false,
        class: entry
            .value("grub_class")
            .map(|class| expand(state, class, &mut Vec::new())),
        hot_key: entry
            .value("grub_hotkey")
            .and_then(|name| HotKey::of_grub(&expand(state, name, &mut Vec::new()))),
        file: Some(entry.file.clone()),
        written,
        place: state.place().cloned(),
        notes,
    })
}

/// Replaces `$name` and `${name}`. The result becomes part of a script, in which `\$` is a dollar. Variables
/// that are not set and are missed are added to `unset`.
fn expand<'v>(state: &Interpreter<'_>, value: &'v str, unset: &mut Vec<&'v str>) -> String {
    let mut expanded = String::new();
    let mut rest = value.get(..MAX_SIZE).unwrap_or(value);
    // What grows beyond a file would be refused by any kernel.
    while let Some(at) = rest.find(['$', '\\']).filter(|_| expanded.len() < MAX_SIZE) {
        let (before, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        expanded.push_str(before);
        if let Some(after) = special.strip_prefix("\\$") {
            expanded.push_str("\\$");
            rest = after;
            continue;
        }
        let mut chars = special.chars();
        let sign = chars.next();
        rest = chars.as_str();
        if sign == Some('\\') {
            expanded.push('\\');
            continue;
        }
        let braces = rest.starts_with('{');
        let name = rest.strip_prefix('{').unwrap_or(rest);
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, after) = name
            .split_at_checked(end.unwrap_or(name.len()))
            .unwrap_or((name, ""));
        if name.is_empty() {
            expanded.push_str("\\$");
            continue;
        }
        match state.variables.get(name) {
            Some(value) => expanded.push_str(value),
            None if is_missed(name) && !unset.contains(&name) => unset.push(name),
            None => {}
        }
        rest = match braces {
            true => after.strip_prefix('}').unwrap_or(after),
            false => after,
        };
    }
    expanded + rest
}

/// By name, version and release of the package that the file is named after.
fn by_package(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> [String; 3] {
        let (rest, release) = text.rsplit_once('-').unwrap_or((text, ""));
        let (name, version) = rest.rsplit_once('-').unwrap_or((rest, ""));
        [name, version, release].map(str::to_owned)
    };
    let pairs = parts(a).into_iter().zip(parts(b));
    pairs.fold(Ordering::Equal, |order, (a, b)| {
        order.then_with(|| by_version(&a, &b))
    })
}

/// As RPM compares versions (`rpmvercmp`): numbers and words in turn, `~` before everything.
fn by_version(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let skip = |c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^';
        a = a.trim_start_matches(skip);
        b = b.trim_start_matches(skip);
        match (a.strip_prefix('~'), b.strip_prefix('~')) {
            (Some(rest_a), Some(rest_b)) => {
                (a, b) = (rest_a, rest_b);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (a.strip_prefix('^'), b.strip_prefix('^')) {
            (Some(rest_a), Some(rest_b)) => {
                (a, b) = (rest_a, rest_b);
                continue;
            }
            (Some(_), None) if b.is_empty() => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) if a.is_empty() => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let digits = a.starts_with(|c: char| c.is_ascii_digit());
        let is_part = |c: char| match digits {
            true => c.is_ascii_digit(),
            false => c.is_ascii_alphabetic(),
        };
        let split = |text: &'_ str| text.find(|c| !is_part(c)).unwrap_or(text.len());
        let (part_a, rest_a) = a.split_at_checked(split(a)).unwrap_or((a, ""));
        let (part_b, rest_b) = b.split_at_checked(split(b)).unwrap_or((b, ""));
        if part_b.is_empty() {
            // A number is newer than a word.
            return if digits {
                Ordering::Greater
            } else {
                Ordering::Less
            };
        }
        let order = match digits {
            true => {
                let number = |part: &str| part.trim_start_matches('0').to_owned();
                let (x, y) = (number(part_a), number(part_b));
                x.len().cmp(&y.len()).then_with(|| x.cmp(&y))
            }
            false => part_a.cmp(part_b),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_in_order() {
        for (lower, higher) in [
            ("x-6.11.4-301.fc41.x86_64", "x-6.11.10-300.fc41.x86_64"),
            ("x-6.11.4-301.fc41.x86_64", "x-6.11.4-302.fc41.x86_64"),
            ("x-0-rescue", "x-6.1-1"),
            ("x-6.12~rc1-1", "x-6.12-1"),
            ("x-6.a-1", "x-6.1-1"),
            ("x-5.14.0-70.el9.x86_64", "x-5.14.0-427.13.1.el9_4.x86_64"),
        ] {
            assert_eq!(
                by_package(lower, higher),
                Ordering::Less,
                "{lower} {higher}"
            );
            assert_eq!(by_package(higher, lower), Ordering::Greater, "{lower}");
            assert_eq!(by_package(lower, lower), Ordering::Equal);
        }
    }

    #[test]
    fn rpm_versions() {
        for (a, b, order) in [
            ("1.0", "1.0", Ordering::Equal),
            ("1.0", "1.0.1", Ordering::Less),
            ("1.0a", "1.0", Ordering::Greater),
            ("1.0~a", "1.0", Ordering::Less),
            ("1.0^a", "1.0", Ordering::Greater),
            ("1.0^a", "1.0.1", Ordering::Less),
            ("10", "9", Ordering::Greater),
            ("010", "10", Ordering::Equal),
            ("a", "1", Ordering::Less),
        ] {
            assert_eq!(by_version(a, b), order, "{a} {b}");
        }
    }
}
