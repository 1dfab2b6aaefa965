//! Files with a value in each line.

use super::{Source, Told, limited};

/// What is in the text of a file: lines `KEY=VALUE`, blanks around both left out; lines that are empty or begin with
/// `#` say nothing.
pub fn lines(text: &str) -> Vec<Told> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let told = lines.map(|line| {
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.trim_end(), Ok(value.trim_start().to_owned())),
            None => (line, Err("has no value: KEY=VALUE".to_owned())),
        };
        Told {
            source: Source::File,
            key: key.to_owned(),
            value,
        }
    });
    limited(told)
}
