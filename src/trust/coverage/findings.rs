//! Who vouches for each piece, and whether that is enough for a part.

use std::collections::BTreeSet;

use super::by::By;
use super::facts::{Facts, Piece, SignedManifest, VolumeNames, Vouched};
use super::verdict::State;
use super::voucher::{Voucher, Who};
use crate::text::Printable;
use crate::trust::digest::{Algorithm, Digest};
use crate::trust::manifest::{Group, Listed, Manifest};
use crate::trust::role::Role;
use crate::trust::rules::Rules;

/// What is said of what is other than in each manifest that counts.
const NOT_LISTED: &str = "no manifest that counts names it so";

/// The rules and the facts, side by side.
pub(super) struct Case<'a> {
    pub(super) rules: &'a Rules,
    pub(super) facts: &'a Facts,
    /// The manifests that count.
    pub(super) manifests: Vec<(&'a SignedManifest, &'a Manifest)>,
    /// Why the others do not, in words.
    pub(super) manifest_reasons: Vec<String>,
}

impl<'a> Case<'a> {
    pub(super) fn new(rules: &'a Rules, facts: &'a Facts) -> Case<'a> {
        let mut case = Case {
            rules,
            facts,
            manifests: Vec::new(),
            manifest_reasons: Vec::new(),
        };
        for signed in &facts.manifests {
            let file = Printable(&signed.file);
            let floor = rules.floor.manifest;
            let refusals = signed.own.refusals.iter();
            let refusals = refusals.map(|refusal| format!("{file}: {refusal}"));
            case.manifest_reasons.extend(refusals);
            let is_signed = !signed.own.vouchers.is_empty();
            match &signed.manifest {
                // Why its signatures do not count was said.
                Ok(_) if !is_signed && !signed.own.refusals.is_empty() => {}
                Ok(_) if !is_signed => case.manifest_reasons.push(format!(
                    "{file} is not signed: put its signature beside it"
                )),
                Ok(manifest) if manifest.counts_at(floor) => {
                    case.manifests.push((signed, manifest));
                }
                Ok(manifest) => case.manifest_reasons.push(format!(
                    "{file} has the version {}, and those before {floor} are too old: install newer ones",
                    manifest.version
                )),
                Err(error) => case.manifest_reasons.push(format!("{file}: {error}")),
            }
        }
        case
    }

    /// Is every piece for this part covered?
    pub(super) fn of_pieces(&self, role: Role) -> State {
        let pieces = self.facts.pieces.iter().filter(|piece| piece.is(role));
        let results: Vec<_> = pieces.map(|piece| self.piece(role, piece)).collect();
        if results.is_empty() {
            return match role {
                // Without a kernel nothing is known of what would be booted.
                Role::Kernel => State::Open(vec!["there is none".to_owned()]),
                _ => State::Absent,
            };
        }
        let mut covered = Vec::new();
        let mut open = Vec::new();
        for result in results {
            match result {
                Ok(by) => covered.extend(
                    by.into_iter()
                        .filter(|by| !covered.contains(by))
                        .collect::<Vec<By>>(),
                ),
                Err(reasons) => open.extend(reasons),
            }
        }
        match open.is_empty() {
            true => State::Covered(covered),
            false => State::Open(open),
        }
    }

    /// Is this piece covered, as a part of this role?
    pub(super) fn piece(&self, role: Role, piece: &Piece) -> Result<Vec<By>, Vec<String>> {
        self.enough(role, &piece.volume, self.vouchers(piece))
            .map_err(|mut reasons| {
                if piece.name.is_some() && !piece.own.vouchers.is_empty() {
                    reasons.push(
                        "its own signature does not say where it is put: list it in a manifest"
                            .to_owned(),
                    );
                } else {
                    reasons.extend(piece.own.refusals.iter().cloned());
                }
                let stub = piece
                    .pinned_by
                    .and_then(|index| self.facts.pieces.get(index));
                if let Some(stub) = stub {
                    let file = Printable(&stub.file);
                    let refusals = stub.own.refusals.iter();
                    reasons.extend(refusals.map(|refusal| format!("{file}: {refusal}")));
                }
                let is_listed = |(_, manifest): &(_, &Manifest)| {
                    manifest.groups.iter().any(|group| lists(group, piece))
                };
                if !self.manifests.is_empty() && !self.manifests.iter().any(is_listed) {
                    reasons.insert(0, NOT_LISTED.to_owned());
                }
                self.or_unsigned(reasons, Some(&piece.file))
            })
    }

    /// Do these vouch enough for a part on this volume?
    ///
    /// # Errors
    /// Why those that do not count don't.
    pub(super) fn enough(
        &self,
        role: Role,
        volume: &VolumeNames,
        by: Vec<By>,
    ) -> Result<Vec<By>, Vec<String>> {
        let mut counting: Vec<By> = Vec::new();
        let mut reasons = Vec::new();
        for by in by {
            match self.limit(role, volume, &by.who) {
                None if counting.contains(&by) => {}
                None => counting.push(by),
                Some(reason) => reasons.push(format!("{by}: {reason}")),
            }
        }
        let is_owners = counting.iter().any(|by| by.who == Who::Owner);
        let names: BTreeSet<&str> = counting.iter().map(|by| by.who.name()).collect();
        let threshold = self.rules.threshold.max(1);
        if is_owners || names.len() >= threshold {
            return Ok(counting);
        }
        if !names.is_empty() {
            let vouching: Vec<String> = counting.iter().map(By::to_string).collect();
            let vouching = vouching.join(" and ");
            reasons.push(format!(
                "only {vouching} of {threshold} anchors that have to"
            ));
        }
        Err(reasons)
    }

    /// Why this one does not count for a part on this volume, if that is so.
    fn limit(&self, role: Role, volume: &VolumeNames, who: &Who) -> Option<String> {
        let (name, format) = match who {
            Who::Owner => return None,
            Who::Firmware => {
                return (!self.rules.platform)
                    .then(|| "the firmware's lists do not count".to_owned());
            }
            Who::Anchor { name, format } => (name, format),
        };
        if !self.rules.formats.contains(format) {
            return Some("signatures of this format do not count".to_owned());
        }
        let Some(anchor) = self.rules.anchor(name) else {
            return (!self.rules.platform).then(|| "it is no anchor of the policy".to_owned());
        };
        if !anchor.roles.contains(&role) {
            return Some(format!("it may not cover the {role}"));
        }
        if let Some(only) = anchor.volume.as_deref().filter(|only| !volume.is(only)) {
            return Some(format!("it counts on the volume {only} alone"));
        }
        let entry = &self.facts.entry;
        let only = anchor.entry.as_ref().filter(|only| !only.matches(entry))?;
        Some(format!("it counts for entries {:?} alone", only.as_str()))
    }

    /// Everyone who vouches for a piece: by its own signature or the list of the policy, by a manifest, or by a stub.
    pub(super) fn vouchers(&self, piece: &Piece) -> Vec<By> {
        let mut by = self.direct(piece);
        let stub = piece
            .pinned_by
            .and_then(|index| self.facts.pieces.get(index));
        if let Some(stub) = stub {
            let through = |by: By| By {
                through: Some(stub.file.clone()),
                ..by
            };
            by.extend(self.direct(stub).into_iter().map(through));
        }
        by
    }

    fn direct(&self, piece: &Piece) -> Vec<By> {
        let mut by = Vec::new();
        if piece.name.is_none() {
            let listed = is_in(&self.rules.listed, piece).then(Voucher::owner);
            let own = piece.own.vouchers.iter().chain(&listed);
            by.extend(own.map(|voucher| By {
                who: voucher.who().clone(),
                through: None,
            }));
        }
        for (signed, manifest) in &self.manifests {
            if manifest.groups.iter().any(|group| lists(group, piece)) {
                by.extend(through_manifest(signed));
            }
        }
        by
    }

    /// Does something signed say that this is the command line?
    pub(super) fn cmdline(&self) -> State {
        let line = &self.facts.cmdline;
        let mut reasons = Vec::new();
        if line.of_pieces.as_ref() == Some(&line.text) {
            match self.of_pieces(Role::CommandLine) {
                State::Open(why) => reasons = why,
                state => return state,
            }
        } else if line.of_pieces.is_some() {
            reasons.push("it is not the one in the image".to_owned());
        }
        if line.is_written
            && let Some(by) = self.by_configuration(Role::CommandLine)
        {
            return State::Covered(by);
        }
        let own = line.own.vouchers.iter().map(|voucher| By {
            who: voucher.who().clone(),
            through: None,
        });
        let manifests = self.manifests.iter().filter(|(_, manifest)| {
            let mut groups = manifest.groups.iter();
            groups.any(|group| {
                group.cmdline.as_ref() == Some(&line.text) && self.is_for_kernel(group)
            })
        });
        let manifests = manifests.flat_map(|(signed, _)| through_manifest(signed));
        let by = own.chain(manifests).collect();
        match self.enough(Role::CommandLine, &self.facts.volume, by) {
            Ok(by) => State::Covered(by),
            Err(why) => {
                reasons.extend(why);
                reasons.extend(line.own.refusals.iter().cloned());
                State::Open(self.or_unsigned(reasons, None))
            }
        }
    }

    /// Is it a group of the kernel that is booted?
    pub(super) fn is_for_kernel(&self, group: &Group) -> bool {
        let mut kernels = self
            .facts
            .pieces
            .iter()
            .filter(|piece| piece.is(Role::Kernel));
        kernels.any(|kernel| kernel.sha256 == group.kernel.sha256)
    }

    /// At least one reason, each with the file that it is about in front.
    fn or_unsigned(&self, mut reasons: Vec<String>, file: Option<&str>) -> Vec<String> {
        if reasons.is_empty() {
            reasons.push(match self.manifests.is_empty() {
                true => "nothing that is signed names it".to_owned(),
                false => NOT_LISTED.to_owned(),
            });
        }
        reasons.dedup();
        match file {
            None => reasons,
            Some(file) => {
                let reasons = reasons.iter();
                let reasons = reasons.map(|reason| format!("{}: {reason}", Printable(file)));
                reasons.collect()
            }
        }
    }
}

/// Those who signed a manifest.
pub(super) fn through_manifest(signed: &SignedManifest) -> impl Iterator<Item = By> {
    let SignedManifest { file, own, .. } = signed;
    let Vouched { vouchers, .. } = own;
    vouchers.iter().map(|voucher| By {
        who: voucher.who().clone(),
        through: Some(file.clone()),
    })
}

/// Does a group list a piece, as what it is?
fn lists(group: &Group, piece: &Piece) -> bool {
    let is = |listed: &Listed| listed.sha256 == piece.sha256;
    if let Some(name) = &piece.name {
        return group
            .files
            .iter()
            .any(|file| is(file) && file.path == *name);
    }
    // In another place the same lines may belong to other files, or be read in another language.
    let is_there = |listed: &Listed| is(listed) && piece.path.as_ref() == Some(&listed.path);
    let is_alone = !piece.is_addition && !piece.is(Role::Kernel);
    (piece.is(Role::Kernel) && is(&group.kernel))
        || (is_alone && piece.is(Role::Initrd) && group.initrds.iter().any(is))
        || (piece.is(Role::DeviceTree) && group.devicetree.as_ref().is_some_and(is))
        || (piece.is(Role::Configuration) && group.configurations.iter().any(is_there))
}

/// Is a piece in a list of the policy, by its SHA-256 or by its Authenticode digest?
pub(super) fn is_in(list: &[Digest], piece: &Piece) -> bool {
    let file = Digest::from_bytes(Algorithm::Sha256, &piece.sha256);
    let mut digests = piece.programs.iter().chain(&file);
    digests.any(|digest| list.contains(digest))
}
