//! [`Verdict`]: what is covered by whom, what is not and why, and what follows.

use std::fmt;

use super::by::By;
use crate::trust::role::Role;
use crate::trust::rules::Mode;

/// What is covered by whom, what is not and why, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What follows from what is not covered.
    pub mode: Mode,
    /// On each part; none when nothing is looked at.
    pub findings: Vec<Finding>,
    /// What is wrong besides: something is revoked, too old, or not allowed. In words.
    pub faults: Vec<String>,
    /// Why manifests that were found do not count, in words. That alone keeps nothing from being booted.
    pub manifests: Vec<String>,
}

/// What is known of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which part.
    pub role: Role,
    /// Does the policy want it covered?
    pub is_wanted: bool,
    /// Is it?
    pub state: State,
}

/// Is a part covered?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no such part.
    Absent,
    /// By these.
    Covered(Vec<By>),
    /// It is not, in words.
    Open(Vec<String>),
}

impl Verdict {
    /// May it be booted?
    pub fn allows(&self) -> bool {
        self.mode != Mode::Enforce || self.is_clear()
    }

    /// Does nothing speak against booting it?
    pub fn is_clear(&self) -> bool {
        let is_open = |finding: &Finding| finding.is_wanted && finding.reasons().next().is_some();
        self.faults.is_empty() && !self.findings.iter().any(is_open)
    }

    /// Everything that speaks against booting it, in words, each by itself; in [`Mode::Warn`] they are warnings.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
        let findings = self.findings.iter().filter(|finding| finding.is_wanted);
        let open = findings.flat_map(|finding| {
            let role = finding.role;
            let reasons = finding.reasons();
            reasons.map(move |reason| format!("{role}: not covered: {reason}"))
        });
        let manifests = self.manifests.iter().filter(|_| !self.is_clear());
        open.chain(manifests.cloned())
            .chain(self.faults.iter().cloned())
    }
}

impl Finding {
    /// Why it is not covered, if it is not.
    fn reasons(&self) -> impl Iterator<Item = &String> {
        let reasons = match &self.state {
            State::Open(reasons) => reasons.as_slice(),
            State::Absent | State::Covered(_) => &[],
        };
        reasons.iter()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role;
        match &self.state {
            State::Absent => write!(f, "{role}: there is none"),
            State::Covered(by) => {
                let by: Vec<String> = by.iter().map(By::to_string).collect();
                write!(f, "{role}: covered by {}", by.join(" and "))
            }
            State::Open(reasons) => write!(f, "{role}: not covered: {}", reasons.join("; ")),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let complaints: Vec<String> = self.complaints().collect();
        match (self.allows(), complaints.is_empty()) {
            (true, true) => f.write_str("nothing speaks against booting it"),
            (true, false) => write!(
                f,
                "it would not boot if the policy enforced it: {}",
                complaints.join("; ")
            ),
            (false, _) => write!(
                f,
                "the policy does not let it boot: {}",
                complaints.join("; ")
            ),
        }
    }
}
