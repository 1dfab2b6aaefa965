//! The command line of the flash kernel.

use super::{Source, Told, limited};

/// What the names of our parameters begin with.
const PREFIX: &str = "pilotlight.";

/// Our parameters, `pilotlight.KEY=VALUE`. As the kernel does it (`next_arg` in `lib/cmdline.c`), a parameter ends at
/// a blank outside of quotes, and those around a value, or around all of it, are left out.
pub(super) fn command_line(text: &str) -> Vec<Told> {
    let mut quoted = false;
    let parameters = text.trim().split(|c: char| {
        quoted ^= c == '"';
        c.is_ascii_whitespace() && !quoted
    });
    let told = parameters.filter_map(|parameter| {
        let parameter = parameter.strip_prefix('"').unwrap_or(parameter);
        let told = parameter.strip_prefix(PREFIX)?;
        let (key, value) = told.split_once('=').unwrap_or((told, ""));
        let value = value.strip_prefix('"').unwrap_or(value);
        let value = value.strip_suffix('"').unwrap_or(value);
        Some(Told {
            source: Source::CommandLine,
            key: key.to_owned(),
            value: Ok(value.to_owned()),
        })
    });
    limited(told)
}
