//! Wildcards in paths and device names (`grub-core/commands/wildcard.c`).
//!
//! Only arguments that begin like a path or a device are looked at, and `*` and `?` are all that there
//! is. Where nothing matches, the argument stays what it was.

use super::devices::Devices;
use super::limits::Budget;
use crate::disk::Format;

/// One pattern stands for at most so many names.
const MAX_NAMES: usize = 4096;

/// Longer patterns are no paths.
const MAX_PATTERN: usize = 4096;

/// The names that `pattern` stands for; `None` where it is to be taken as it is.
pub(super) fn expand(
    pattern: &str,
    devices: &Devices<'_>,
    root: Option<&str>,
    budget: &Budget,
) -> Option<Vec<String>> {
    let is_path = pattern.starts_with(['/', '(', '*']) && pattern.len() <= MAX_PATTERN;
    if !is_path || !has_wildcard(pattern) {
        return None;
    }
    let end_of_device = match pattern.starts_with('/') {
        true => 0,
        false => pattern.find('/').unwrap_or(pattern.len()),
    };
    let (device, path) = pattern.split_at_checked(end_of_device)?;
    let mut found: Vec<String> = if has_wildcard(device) {
        let names = devices.iter().map(|(name, _)| format!("({name})"));
        let matching = names.filter(|name| matches(device, name));
        // Without a parenthesis only whole disks are meant.
        let all = device.starts_with('(');
        matching.filter(|name| all || !name.contains(',')).collect()
    } else {
        vec![super::word::unescape(device)]
    };
    let mut parts = path.split_inclusive('/').peekable();
    while let Some(part) = parts.next() {
        let name = part.strip_suffix('/').unwrap_or(part);
        let end = part.get(name.len()..).unwrap_or_default();
        if !has_wildcard(name) {
            let plain = super::word::unescape(name);
            for path in &mut found {
                path.push_str(&plain);
                path.push_str(end);
            }
            if parts.peek().is_none() && !name.is_empty() {
                found.retain(|path| exists(devices, path, root, budget));
            }
            continue;
        }
        found = found
            .iter()
            .take(MAX_NAMES)
            .flat_map(|directory| {
                let (names, has_case) = list(devices, directory, root, budget);
                let letters = names.iter().map(String::len).sum::<usize>();
                budget.work(letters.saturating_mul(name.len()));
                let matching = names.into_iter().filter(move |candidate| match has_case {
                    true => matches(name, candidate),
                    false => matches(&name.to_lowercase(), &candidate.to_lowercase()),
                });
                matching.map(move |name| format!("{directory}{name}{end}"))
            })
            .take(MAX_NAMES)
            .collect();
    }
    (!found.is_empty()).then_some(found)
}

fn exists(devices: &Devices<'_>, path: &str, root: Option<&str>, budget: &Budget) -> bool {
    let file = devices.locate(path, root).ok();
    file.filter(|_| budget.file().is_ok())
        .and_then(|file| {
            devices
                .filesystem(file.volume)
                .ok()?
                .metadata(&file.path)
                .ok()
        })
        .is_some()
}

/// The names in a directory, and whether upper and lower case are different in them.
fn list(
    devices: &Devices<'_>,
    path: &str,
    root: Option<&str>,
    budget: &Budget,
) -> (Vec<String>, bool) {
    let directory = devices.locate(path, root).ok();
    let Some(directory) = directory.filter(|_| budget.file().is_ok()) else {
        return (Vec::new(), true);
    };
    let filesystem = devices.filesystem(directory.volume).ok();
    let entries = filesystem.and_then(|filesystem| filesystem.read_dir(&directory.path).ok());
    let entries = entries.unwrap_or_default().into_iter();
    let format = devices.content(directory.volume).and_then(|c| c.format);
    let names = entries.map(|entry| entry.name).collect();
    (names, format != Some(Format::Fat))
}

fn has_wildcard(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.chars().any(|c| {
        let found = !escaped && matches!(c, '*' | '?');
        escaped = c == '\\' && !escaped;
        found
    })
}

/// Does the whole of `text` match? Takes time proportional to the product of both lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // `reached[i]`: the pattern so far matches the first `i` characters.
    let mut reached = vec![false; text.len().saturating_add(1)];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    let mut pattern = pattern.chars();
    while let Some(c) = pattern.next() {
        let any = c == '*';
        let literal = match c {
            '\\' => pattern.next(),
            '?' => None,
            c => Some(c),
        };
        let mut next = vec![false; reached.len()];
        if any {
            let from = reached.iter().position(|r| *r).unwrap_or(reached.len());
            next.iter_mut().skip(from).for_each(|r| *r = true);
        } else {
            for ((next, reached), c) in next.iter_mut().skip(1).zip(&reached).zip(&text) {
                *next = *reached && literal.is_none_or(|literal| literal == *c);
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text) in [
            ("vmlinuz-*", "vmlinuz-6.1"),
            ("*", ""),
            ("a?c*", "abc"),
            ("\\*", "*"),
            ("(hd?,gpt*)", "(hd0,gpt2)"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a?", "a"), ("\\*", "a"), ("a*b", "ac"), ("[ab]", "a")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(has_wildcard("a*") && has_wildcard("\\\\*") && !has_wildcard("a\\*"));
    }
}
