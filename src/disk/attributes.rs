//! Attributes in sysfs: each a file with one value.

use std::fs;
use std::path::{Path, PathBuf};

/// An attribute without the white space around it; `None` when it is not there or empty. Models and
/// serial numbers come from devices, so control characters are replaced by U+FFFD: none shall reach a
/// terminal.
pub(super) fn attribute(directory: &Path, name: &str) -> Option<String> {
    let bytes = fs::read(directory.join(name)).ok()?;
    clean(&bytes)
}

/// The printable text of a value.
pub(super) fn clean(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let text = text.replace(char::is_control, "\u{fffd}");
    (!text.is_empty()).then_some(text)
}

/// An attribute that is a decimal number.
pub(super) fn number(directory: &Path, name: &str) -> Option<u64> {
    attribute(directory, name)?.parse().ok()
}

/// What lies in a directory, in the order of names; nothing when it is not there.
pub(super) fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut children: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    children.sort_unstable();
    children
}

/// The last part of a path as text; empty when it is none.
pub(super) fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}
