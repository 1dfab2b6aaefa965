//! What a manifest lists of a boot, so that it covers all of it together.

use super::facts::{Facts, Piece};
use crate::trust::manifest::{Group, Listed};
use crate::trust::role::Role;

impl Facts {
    /// The group of everything that was read, with the exact command line. Nothing when no kernel was.
    ///
    /// Add-ons of unified kernel images have no place in a group: they are covered by their own signatures.
    pub fn group(&self) -> Option<Group> {
        let listed = |piece: &Piece| Listed {
            sha256: piece.sha256,
            path: piece.name.clone().unwrap_or_else(|| piece.file.clone()),
        };
        let of = |role| self.pieces.iter().filter(move |piece| piece.is(role));
        let initrds = self.pieces.iter().filter(|piece| piece.is_whole_initrd());
        let named = self.pieces.iter().filter(|piece| piece.name.is_some());
        Some(Group {
            kernel: of(Role::Kernel).map(listed).next()?,
            initrds: initrds.map(listed).collect(),
            files: named.map(listed).collect(),
            devicetree: of(Role::DeviceTree).map(listed).next(),
            configurations: Vec::new(),
            cmdline: Some(self.cmdline.text.clone()),
        })
    }

    /// The configuration files that the entry is from, as they count in any group.
    ///
    /// # Errors
    /// Something of them that can't be listed, so that the others cover nothing: it is no file of its own, or stands
    /// for files that were left out.
    pub fn configurations(&self) -> Result<Vec<Listed>, &Piece> {
        let mut listed = Vec::new();
        for piece in self
            .pieces
            .iter()
            .filter(|piece| piece.is(Role::Configuration))
        {
            let file = Listed {
                sha256: piece.sha256,
                path: piece.path.clone().ok_or(piece)?,
            };
            if !listed.contains(&file) {
                listed.push(file);
            }
        }
        Ok(listed)
    }

    /// Add-ons, which no manifest covers.
    pub fn addons(&self) -> impl Iterator<Item = &Piece> {
        let pieces = self.pieces.iter();
        pieces.filter(|piece| piece.is_addition && piece.name.is_none())
    }
}
