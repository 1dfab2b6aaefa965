//! What is known of the signatures of entries, for a person who asks.

use std::time::{Duration, Instant};

use super::loader::Loader;
use super::place::Place;
use crate::boot::{Attempt, payload_memory};
use crate::entry::BootEntry;
use crate::kexec::DryRun;
use crate::trust::Mode;
use crate::trust::coverage::Verdict;

/// Nobody waits longer for the signatures of one entry.
const LIMIT: Duration = Duration::from_secs(120);

impl Loader {
    /// What is known of the signatures of an entry, line by line, without reading anything.
    pub(super) fn known_verdict(&self, entry: &BootEntry) -> Vec<String> {
        match self.verdicts.get(&entry.id) {
            Some(lines) => lines.clone(),
            None if self.policy.trust.mode == Mode::Off => {
                vec!["the policy looks at no signatures".to_owned()]
            }
            None => vec!["not looked at yet: v reads all files, and tells".to_owned()],
        }
    }

    /// Keeps what came of an entry that is as its configuration has it.
    pub(super) fn remember_verdict(&mut self, entry: &BootEntry, verdict: &Verdict) {
        if self.found.entries.contains(entry) {
            self.verdicts.insert(entry.id.clone(), lines(verdict));
        }
    }

    /// Reads the files of an entry to know of their signatures, unless that is known. `None` when the person wants
    /// something else meanwhile.
    pub(super) fn prove(&mut self, id: &str) -> Option<Vec<String>> {
        let mut entries = self.found.entries.iter();
        let entry = entries.find(|entry| entry.id == id)?.clone();
        if self.policy.trust.mode == Mode::Off {
            return Some(self.known_verdict(&entry));
        }
        if let Some(name) = self.name_of(&entry) {
            self.report.at(Place::Entry(name));
        }
        let attempt = Attempt {
            inventory: &self.inventory,
            kexec: &DryRun,
            memory: payload_memory(),
            authority: &self.authority,
            summary: None,
        };
        let (report, desk) = (&self.report, &self.desk);
        // Process 1 ends what takes longer than an attempt may.
        let limit = LIMIT.min(self.policy.failure.limit);
        let start = Instant::now();
        desk.set_step(None);
        report.limit(Some(limit));
        let verdict = attempt.prove(&entry, &mut |step| {
            report.alive(0);
            desk.set_step(Some(step));
            !desk.has_wishes() && start.elapsed() < limit
        });
        report.limit(None);
        let lines = match verdict {
            Ok(verdict) => lines(&verdict),
            Err(_) if self.desk.has_wishes() => return None,
            Err(_) if start.elapsed() >= limit => {
                let seconds = limit.as_secs();
                return Some(vec![format!(
                    "its files can't be read within {seconds} s: not known"
                )]);
            }
            Err(error) => vec![error.to_string()],
        };
        self.verdicts.insert(entry.id, lines.clone());
        Some(lines)
    }
}

/// A verdict, with who covers what.
fn lines(verdict: &Verdict) -> Vec<String> {
    let mut lines: Vec<String> = verdict.findings.iter().map(ToString::to_string).collect();
    lines.push(verdict.to_string());
    lines
}
