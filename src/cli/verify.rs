//! `pilotlight verify`: what a policy would let boot from a disk, and why.

use std::io::{self, Write};

use serde::Serialize;

use super::arguments::VerifyOptions;
use super::{CliError, authority, inventory, wishes};
use crate::boot::{Attempt, AttemptError, Timeline, find, payload_memory, plan};
use crate::entry::BootEntry;
use crate::kexec::DryRun;
use crate::text::Printable;
use crate::trust::coverage::{By, Finding, State, Verdict, Who};

/// What came of an entry.
struct Verified<'a> {
    entry: &'a BootEntry,
    /// Would it be started first?
    is_first: bool,
    /// The verdict, or why there is none.
    result: Result<Verdict, String>,
}

pub(super) fn run(options: &VerifyOptions, output: &mut dyn Write) -> Result<(), CliError> {
    let (policy, authority) = authority(&options.policy, options.efivars.as_deref())?;
    let mut inventory = inventory(&options.disks)?;
    inventory.wish(wishes(options.efivars.as_deref())?);
    let found = find(&inventory, &policy.boot);
    let first = plan(&found, &[], &policy.boot)
        .first()
        .map(|entry| &entry.id);
    let attempt = Attempt {
        inventory: &inventory,
        kexec: &DryRun,
        memory: payload_memory(),
        authority: &authority,
        summary: None,
    };
    let verified = found.entries.iter().map(|entry| Verified {
        entry,
        is_first: first == Some(&entry.id),
        result: verify(&attempt, entry),
    });
    let verified: Vec<Verified<'_>> = verified.collect();
    if options.json {
        let view = View {
            mode: authority.rules().mode.name(),
            entries: verified.iter().map(view).collect(),
        };
        serde_json::to_writer_pretty(&mut *output, &view).map_err(io::Error::from)?;
        writeln!(output)?;
    } else {
        for verified in &verified {
            show(verified, output)?;
        }
    }
    output.flush()?;
    match verified.iter().find(|verified| verified.is_first) {
        None => Err(CliError::Nothing(
            "nothing here can be booted: `pilotlight list` shows why".to_owned(),
        )),
        Some(first) if first.boots() => Ok(()),
        Some(first) => Err(CliError::Boot(format!(
            "{} is what would be started first, and can't be",
            Printable(&first.entry.id)
        ))),
    }
}

fn verify(attempt: &Attempt<'_>, entry: &BootEntry) -> Result<Verdict, String> {
    if let Some(problem) = entry.problems.iter().find(|problem| problem.blocks) {
        return Err(problem.text.clone());
    }
    match attempt.run(entry, &mut Timeline::start(), &mut |_, _| ()) {
        Ok(loaded) => Ok(loaded.verdict),
        Err(AttemptError::Refused(verdict)) => Ok(*verdict),
        Err(error) => Err(error.to_string()),
    }
}

impl Verified<'_> {
    fn boots(&self) -> bool {
        self.result.as_ref().is_ok_and(Verdict::allows)
    }
}

fn show(verified: &Verified<'_>, output: &mut dyn Write) -> io::Result<()> {
    let mark = match (verified.boots(), verified.is_first) {
        (false, _) => '!',
        (true, true) => '*',
        (true, false) => ' ',
    };
    writeln!(output, "{mark} {}", Printable(&verified.entry.title))?;
    writeln!(output, "    id {}", Printable(&verified.entry.id))?;
    let verdict = match &verified.result {
        Ok(verdict) => verdict,
        Err(why) => return writeln!(output, "    can't be booted: {}", Printable(why)),
    };
    for finding in &verdict.findings {
        let optional = if finding.is_wanted {
            ""
        } else {
            " (not asked for)"
        };
        writeln!(output, "    {}{optional}", Printable(&finding.to_string()))?;
    }
    for fault in verdict.manifests.iter().chain(&verdict.faults) {
        writeln!(output, "    {}", Printable(fault))?;
    }
    let end = match (verdict.allows(), verdict.is_clear()) {
        _ if verdict.findings.is_empty() => "boots: the policy looks at nothing",
        (true, true) => "boots",
        (true, false) => "boots, with a warning",
        (false, _) => "does not boot",
    };
    writeln!(output, "    {end}")
}

/// The JSON view; `docs/commands.md` describes it.
#[derive(Serialize)]
struct View<'a> {
    mode: &'static str,
    entries: Vec<EntryView<'a>>,
}

#[derive(Serialize)]
struct EntryView<'a> {
    id: &'a str,
    title: &'a str,
    first: bool,
    boots: bool,
    error: Option<&'a str>,
    parts: Vec<PartView<'a>>,
    faults: &'a [String],
    manifests: &'a [String],
}

#[derive(Serialize)]
struct PartView<'a> {
    part: &'static str,
    wanted: bool,
    state: &'static str,
    covered_by: Vec<ByView<'a>>,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct ByView<'a> {
    anchor: Option<&'a str>,
    format: Option<&'static str>,
    through: Option<&'a str>,
}

fn view<'a>(verified: &'a Verified<'_>) -> EntryView<'a> {
    let verdict = verified.result.as_ref();
    EntryView {
        id: &verified.entry.id,
        title: &verified.entry.title,
        first: verified.is_first,
        boots: verified.boots(),
        error: verdict.err().map(String::as_str),
        parts: verdict.map_or(Vec::new(), |verdict| {
            verdict.findings.iter().map(part).collect()
        }),
        faults: verdict.map_or(&[], |verdict| verdict.faults.as_slice()),
        manifests: verdict.map_or(&[], |verdict| verdict.manifests.as_slice()),
    }
}

fn part(finding: &Finding) -> PartView<'_> {
    let (state, covered_by, reasons) = match &finding.state {
        State::Absent => ("absent", Vec::new(), &[][..]),
        State::Covered(by) => ("covered", by.iter().map(by_view).collect(), &[][..]),
        State::Open(reasons) => ("open", Vec::new(), reasons.as_slice()),
    };
    PartView {
        part: finding.role.name(),
        wanted: finding.is_wanted,
        state,
        covered_by,
        reasons,
    }
}

fn by_view(by: &By) -> ByView<'_> {
    let (anchor, format) = match &by.who {
        Who::Anchor { name, format } => (Some(name.as_str()), Some(format.name())),
        Who::Owner | Who::Firmware => (None, None),
    };
    ByView {
        anchor,
        format,
        through: by.through.as_deref(),
    }
}
