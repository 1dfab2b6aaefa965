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
        let additions = self.facts.pieces.iter().filter(|piece| piece.is_addition);
        for addition in additions {
            for role in &addition.roles {
                if let Err(reasons) = self.piece(*role, addition) {
                    return State::Open(reasons);
                }
            }
        }
        // A configuration file that is signed itself may choose what it likes; what is added to an image it has not
        // named.
        if let Some(by) = self.by_configuration(Role::Configuration) {
            return State::Covered(by);
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
            let reasons = self.of_signed_configuration().chain([reason.to_owned()]);
            return State::Open(reasons.collect());
        }
        match self.enough(Role::Configuration, volume, by) {
            Ok(by) => State::Covered(by),
            Err(reasons) => State::Open(reasons),
        }
    }

    /// Who vouches for the configuration files, if enough do for all of them, each as a part of this role.
    pub(super) fn by_configuration(&self, role: Role) -> Option<Vec<By>> {
        let mut all: Vec<By> = Vec::new();
        for piece in self.configuration() {
            let vouchers = self.vouchers(piece);
            let enough = self.enough(role, &piece.volume, vouchers).ok()?;
            for by in enough {
                let by = By {
                    through: by.through.or_else(|| Some(piece.file.clone())),
                    ..by
                };
                if !all.contains(&by) {
                    all.push(by);
                }
            }
        }
        (!all.is_empty()).then_some(all)
    }

    /// Why configuration files are not covered, if somebody has signed any of them.
    fn of_signed_configuration(&self) -> impl Iterator<Item = String> {
        let is_signed =
            |piece: &Piece| !piece.own.refusals.is_empty() || !self.vouchers(piece).is_empty();
        let is_any = self.configuration().any(is_signed);
        let pieces = self.configuration().filter(move |_| is_any);
        let open = pieces.filter_map(|piece| self.piece(Role::Configuration, piece).err());
        open.flatten()
    }

    fn configuration(&self) -> impl Iterator<Item = &Piece> {
        let pieces = self.facts.pieces.iter();
        pieces.filter(|piece| piece.is(Role::Configuration))
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
            others.all(|(_, other)| {
                let is_other = !other.is_addition && !other.is(Role::Configuration);
                !is_other || other.pinned_by == Some(index)
            })
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
