//! `pilotlight policy`: the values that hold, and who has set them.

use std::io::{self, Write};

use serde::Serialize;

use super::CliError;
use super::arguments::PolicyOptions;
use crate::efi::{Efivarfs, Variables};
use crate::policy::Policy;
use crate::policy::overrides::Machine;
use crate::text::Printable;

/// The JSON view; `docs/commands.md` describes it.
#[derive(Serialize)]
struct View {
    values: Vec<ValueView>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct ValueView {
    key: &'static str,
    value: String,
    from: String,
}

pub(super) fn run(options: &PolicyOptions, output: &mut dyn Write) -> Result<(), CliError> {
    let wrong = |why: String| CliError::Policy(options.file.display().to_string(), why);
    let text = std::fs::read_to_string(&options.file).map_err(|error| wrong(error.to_string()))?;
    let policy = Policy::parse(&text).map_err(|error| wrong(error.to_string()))?;
    let lines = Policy::lines(&text).map_err(|error| wrong(error.to_string()))?;
    let variables = Efivarfs::open(&options.root.join(EFIVARS));
    let variables = variables
        .as_ref()
        .map(|variables| variables as &dyn Variables);
    let told = Machine::new(&options.root, variables).ask(&policy.overrides);
    let result = policy.overridden(&told);
    let from = |key: &str| {
        let source = result.set.iter().find(|(known, _)| *known == key);
        let line = lines.iter().find(|(known, _)| known == key);
        match (source, line) {
            (Some((_, source)), _) => source.name().to_owned(),
            (None, Some((_, line))) => format!("line {line}"),
            (None, None) => "default".to_owned(),
        }
    };
    let values = result.policy.values().into_iter();
    let values = values.map(|(key, value)| ValueView {
        key,
        value,
        from: from(key),
    });
    let view = View {
        values: values.collect(),
        problems: result.problems.into_iter().map(|(_, text)| text).collect(),
    };
    if options.json {
        serde_json::to_writer_pretty(&mut *output, &view).map_err(io::Error::from)?;
        writeln!(output)?;
        return Ok(());
    }
    for ValueView { key, value, from } in &view.values {
        writeln!(output, "{key:17} {from:9} {}", Printable(value))?;
    }
    for problem in &view.problems {
        writeln!(output, "passed over: {}", Printable(problem))?;
    }
    Ok(())
}

/// Where UEFI variables are, from the root.
const EFIVARS: &str = "sys/firmware/efi/efivars";
