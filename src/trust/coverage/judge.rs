//! From rules and facts to the [`Verdict`].

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::facts::Facts;
use super::findings::{Case, is_in};
use super::verdict::{Finding, Verdict};
use super::voucher::Who;
use crate::config::bls::compare;
use crate::text::Printable;
use crate::trust::role::Role;
use crate::trust::rules::{Mode, Rules};

impl Rules {
    /// What is covered by whom, what is not and why, and what follows.
    pub fn judge(&self, facts: &Facts) -> Verdict {
        let mode = self.mode;
        if mode == Mode::Off {
            return Verdict {
                mode,
                findings: Vec::new(),
                faults: Vec::new(),
                manifests: Vec::new(),
            };
        }
        let case = Case::new(self, facts);
        let findings = Role::ALL.map(|role| Finding {
            role,
            is_wanted: self.cover.contains(&role),
            state: match role {
                Role::Kernel | Role::Initrd | Role::DeviceTree => case.of_pieces(role),
                Role::CommandLine => case.cmdline(),
                Role::Configuration => case.combination(),
            },
        });
        let mut faults = Vec::new();
        faults.extend(self.unusable());
        faults.extend(case.revoked());
        faults.extend(case.generations());
        faults.extend(case.versions());
        let parameters = self.parameters.check(&facts.cmdline.text);
        faults.extend(parameters.err().map(|error| error.to_string()));
        Verdict {
            mode,
            findings: findings.into(),
            faults,
            manifests: case.manifest_reasons,
        }
    }
}

impl Case<'_> {
    /// What never counts, whoever signed it.
    fn revoked(&self) -> Vec<String> {
        let pieces = self.facts.pieces.iter();
        let revoked = pieces.filter(|piece| is_in(&self.rules.revoked, piece));
        revoked
            .map(|piece| {
                format!(
                    "{} is revoked: install a newer version",
                    Printable(&piece.file)
                )
            })
            .collect()
    }

    /// Programs with components whose generation is too old.
    fn generations(&self) -> Vec<String> {
        let floor = &self.rules.floor.sbat;
        let mut faults = Vec::new();
        for piece in &self.facts.pieces {
            let why = match &piece.components {
                Some(Ok(components)) => floor.check(components).err().map(|why| why.to_string()),
                Some(Err(why)) if !floor.is_empty() => Some(why.clone()),
                _ => None,
            };
            faults.extend(why.map(|why| format!("{}: {why}", Printable(&piece.file))));
        }
        faults
    }

    /// A kernel that is too old for one of the names that it goes by: those of whoever signed it, of the manifests
    /// that list it, and of the system in the same image. All of them are signed, or the kernel is not covered.
    fn versions(&self) -> Option<String> {
        let mut names = BTreeSet::from(["linux".to_owned()]);
        for piece in &self.facts.pieces {
            names.extend(piece.system.clone());
            if piece.is(Role::Kernel) {
                let anchors = self.vouchers(piece).into_iter();
                names.extend(anchors.filter_map(|by| match by.who {
                    Who::Anchor { name, .. } => Some(name),
                    Who::Owner | Who::Firmware => None,
                }));
            }
        }
        for (_, manifest) in &self.manifests {
            if manifest
                .groups
                .iter()
                .any(|group| self.is_for_kernel(group))
            {
                names.insert(manifest.name.clone());
            }
        }
        let mut floors = self.rules.floor.versions.iter();
        floors.find_map(|(name, least)| match &self.facts.release {
            _ if !names.contains(name) => None,
            None => Some(format!("the version of the kernel is not known, and those of {name} before {least} are too old")),
            Some(release) => (compare(release, least) == Ordering::Less).then(|| {
                let release = Printable(release);
                format!("the kernel {release} is too old: those of {name} before {least} do not count, install a newer one")
            }),
        })
    }
}
