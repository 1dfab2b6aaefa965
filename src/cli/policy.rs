//! `pilotlight policy`: the values that hold, and who has set them.

use std::io::{self, Write};

use serde::Serialize;

use super::CliError;
use super::arguments::PolicyOptions;
use crate::efi::{Efivarfs, Variables};
use crate::policy::Policy;
use crate::policy::overrides::{Machine, Overridden, Overrides, Source, Told};
use crate::text::Printable;

/// The JSON view; `docs/commands.md` describes it.
#[derive(Serialize)]
struct View {
    values: Vec<ValueView>,
    sources: Vec<String>,
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
        sources: sources(&policy.overrides, &told, &result),
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
    for source in &view.sources {
        writeln!(output, "source {source}")?;
    }
    for problem in &view.problems {
        writeln!(output, "passed over: {}", Printable(problem))?;
    }
    Ok(())
}

/// What came of each source, of those that the policy listens to in its order.
fn sources(overrides: &Overrides, told: &[Told], result: &Overridden) -> Vec<String> {
    let others = Source::ALL.into_iter();
    let others = others.filter(|source| !overrides.allow.contains(source));
    let all = overrides.allow.iter().copied().chain(others);
    let view = |source: Source| {
        let set = result.set.iter().filter(|(_, by)| *by == source);
        let set = set.map(|(key, _)| *key).collect::<Vec<&str>>().join(", ");
        let said = match source {
            _ if !overrides.allow.contains(&source) => "not listened to",
            Source::Ipmi | Source::File => "not asked by this command",
            _ if !set.is_empty() => "sets ",
            _ if told.iter().all(|told| told.source != source) => "says nothing",
            _ if result.problems.iter().any(|(by, _)| *by == source) => "passed over",
            _ => "others count",
        };
        format!("{}: {said}{set}", source.name())
    };
    all.map(view).collect()
}

/// Where UEFI variables are, from the root.
const EFIVARS: &str = "sys/firmware/efi/efivars";
