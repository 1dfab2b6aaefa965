//! Whether everything that is booted belongs together.
//!
//! Pieces that are signed one by one prove nothing of that: the initrd of one entry could be put to the kernel of
//! another. So one signed thing has to name all of them: a unified kernel image, a stub, or a group of a manifest.

use super::by::By;
use super::facts::Piece;
use super::findings::{Case, through_manifest};
use super::verdict::State;
use crate::trust::manifest::{Group, Listed};
use crate::trust::role::Role;

impl Case<'_> {
    /// Does one signed thing name everything together, or did what chose it have a signature?
    pub(super) fn combination(&self) -> State {
        // A configuration file that is signed itself may choose what it likes.
        if let State::Covered(by) = self.of_pieces(Role::Configuration) {
            return State::Covered(by);
        }
        let additions = self.facts.pieces.iter().filter(|piece| piece.is_addition);
        for addition in additions {
            for role in &addition.roles {
                if let Err(reasons) = self.piece(*role, addition) {
                    return State::Open(reasons);
                }
            }
        }
        let mut by: Vec<By> = Vec::new();
        let mut volume = &self.facts.volume;
        if let Some(carrier) = self.carrier() {
            by.extend(self.vouchers(carrier));
            volume = &carrier.volume;
        }
        for (signed, manifest) in &self.manifests {
            if manifest.groups.iter().any(|group| self.is_all_of(group)) {
                by.extend(through_manifest(signed));
            }
        }
        if by.is_empty() {
            let reason = "nothing that is signed names kernel, initrds and command line together";
            return State::Open(vec![reason.to_owned()]);
        }
        match self.enough(Role::Configuration, volume, by) {
            Ok(by) => State::Covered(by),
            Err(reasons) => State::Open(reasons),
        }
    }

    /// The piece that everything is in, or named in: a unified kernel image or a stub.
    fn carrier(&self) -> Option<&Piece> {
        let line = &self.facts.cmdline;
        if line.of_pieces.as_ref() != Some(&line.text) {
            return None;
        }
        let pieces = &self.facts.pieces;
        let carries_all = |index: usize| {
            let mut others = (0..).zip(pieces).filter(|(other, _)| *other != index);
            others.all(|(_, other)| other.is_addition || other.pinned_by == Some(index))
        };
        let mut carriers = (0..).zip(pieces);
        let carrier = carriers.find(|(index, piece)| {
            !piece.is_addition && piece.is(Role::CommandLine) && carries_all(*index)
        });
        carrier.map(|(_, piece)| piece)
    }

    /// Does a group list all that is booted, in order, and nothing else?
    fn is_all_of(&self, group: &Group) -> bool {
        let line = &self.facts.cmdline;
        let is_cmdline = match &group.cmdline {
            Some(cmdline) => *cmdline == line.text,
            None => {
                line.of_pieces.as_ref() == Some(&line.text)
                    && matches!(self.of_pieces(Role::CommandLine), State::Covered(_))
            }
        };
        let pieces = || self.facts.pieces.iter();
        let is = |(piece, listed): (&Piece, &Listed)| piece.sha256 == listed.sha256;
        let all = |pieces: Vec<&Piece>, listed: Vec<&Listed>| {
            pieces.len() == listed.len() && pieces.into_iter().zip(listed).all(is)
        };
        let named = pieces().filter(|piece| piece.name.is_some());
        let names = named.clone().map(|piece| piece.name.as_deref());
        is_cmdline
            && all(
                pieces().filter(|piece| piece.is(Role::Kernel)).collect(),
                vec![&group.kernel],
            )
            && all(
                pieces().filter(|piece| piece.is_whole_initrd()).collect(),
                group.initrds.iter().collect(),
            )
            && all(
                pieces()
                    .filter(|piece| piece.is(Role::DeviceTree))
                    .collect(),
                group.devicetree.iter().collect(),
            )
            && all(named.collect(), group.files.iter().collect())
            && names.eq(group.files.iter().map(|file| Some(file.path.as_str())))
    }
}
