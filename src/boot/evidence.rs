//! [`Evidence`]: what is known of the files of an entry, for the verdict on it.

use sha2::{Digest, Sha256};

use super::attempt::Parts;
use super::witness::Witness;
use crate::config::bls::Counter;
use crate::config::uki;
use crate::entry::{BootEntry, ConfigFile, FileRef, PayloadKind, SavePlace, VolumeId, Written};
use crate::fs::{FsError, FsPath};
use crate::inventory::Inventory;
use crate::pe::Image;
use crate::trust::coverage::{Facts, Piece, SignedManifest, VolumeNames, Vouched};
use crate::trust::manifest::{self, Manifest};
use crate::trust::sbat::Components;
use crate::trust::{Authority, Beside, Role, detached};

/// Collects the facts of one boot while its files are read.
pub(super) struct Evidence<'a> {
    inventory: &'a Inventory,
    authority: &'a Authority,
    pub(super) facts: Facts,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(inventory: &'a Inventory, authority: &'a Authority) -> Evidence<'a> {
        Evidence {
            inventory,
            authority,
            facts: Facts::default(),
        }
    }

    /// Does anyone want to know?
    pub(super) fn is_wanted(&self) -> bool {
        self.authority.is_on()
    }

    /// Who looks at a file while it is read, if anyone does. `image` is that of a program, and `tail` the end of
    /// a kernel.
    pub(super) fn witness(
        &self,
        file: &FileRef,
        size: u64,
        image: Option<&Image>,
        tail: Option<&[u8]>,
    ) -> Witness<'a> {
        let mut witness = Witness::default();
        if let Some(image) = image {
            witness.program(image, size, &self.authority.rules().digests);
        }
        if let Some(tail) = tail {
            witness.appended(tail, size, self.authority);
        }
        for (name, signature) in self.signatures(file.volume, &file.path) {
            witness.beside(&name, signature, self.authority);
        }
        witness
    }

    /// A file was read.
    pub(super) fn add(
        &mut self,
        file: &FileRef,
        piece: Piece,
        sha256: [u8; 32],
        witness: Witness<'_>,
    ) {
        let (own, seen) = witness.finish(self.authority);
        let mut piece = Piece {
            file: self.inventory.describe(file).to_string(),
            sha256,
            volume: self.volume(file.volume),
            own,
            ..piece
        };
        if let Some(seen) = seen {
            let program = seen.program.as_ref();
            piece.programs = program.map_or(Vec::new(), |program| program.digests().to_vec());
            let components = seen.sbat.as_deref().map(Components::read);
            piece.components = components.map(|read| read.map_err(|error| error.to_string()));
            piece.system = seen.os_release.as_deref().and_then(uki::system);
        }
        self.facts.pieces.push(piece);
    }

    /// The facts, when all files are read: those of the entry, and those of its twins, which differ in what made
    /// them and perhaps in the command line. Who has edited an entry wants it and no twin.
    pub(super) fn finish(mut self, entry: &BootEntry, parts: &Parts) -> (Facts, Vec<Facts>) {
        let Some(kernel) = entry.kernel.as_ref().filter(|_| self.is_wanted()) else {
            return (self.facts, Vec::new());
        };
        let version = parts.image.version.as_deref().unwrap_or_default();
        self.facts.release = version.split_whitespace().next().map(str::to_owned);
        for path in Manifest::places(&kernel.path).into_iter().flatten() {
            let manifest = self.manifest(kernel.volume, path);
            self.facts.manifests.extend(manifest);
        }
        // The command line that an image makes is that of all of them.
        let is_possible =
            |twin: &&BootEntry| twin.kind == PayloadKind::Linux || twin.cmdline == parts.cmdline;
        let twins = entry.twins.iter().filter(|_| entry.is_as_written());
        let twins = twins.filter(is_possible);
        let twins = twins.map(|twin| self.of(twin, kernel)).collect();
        (self.of(entry, kernel), twins)
    }

    /// The facts of one of those that start what was read.
    fn of(&self, entry: &BootEntry, kernel: &FileRef) -> Facts {
        let mut facts = self.facts.clone();
        facts.entry.clone_from(&entry.id);
        facts.volume = self.volume(entry.origin.file.volume);
        facts.cmdline.text.clone_from(&entry.cmdline);
        facts.cmdline.own = self.signed_cmdline(kernel, &entry.cmdline);
        self.configuration(entry, &mut facts);
        facts
    }

    /// The files that the entry is from, unless somebody has edited it. Nothing of them is read again: what is
    /// judged are the bytes that were evaluated.
    fn configuration(&self, entry: &BootEntry, facts: &mut Facts) {
        if !entry.is_as_written() {
            return;
        }
        let pieces: Vec<Piece> = entry
            .written
            .files()
            .iter()
            .map(|file| self.written(file))
            .collect();
        // What else goes into the command line of an image is in the image.
        facts.cmdline.is_written = !pieces.is_empty() && entry.kind == PayloadKind::Linux;
        facts.pieces.extend(pieces);
        if !entry.written.is_complete() {
            let most = Written::MAX_FILES;
            facts.pieces.push(Piece {
                file: self.inventory.describe(&entry.origin.file).to_string(),
                own: Vouched {
                    refusals: vec![format!(
                        "it is from more than {most} configuration files, too long ones, or one with lines that \
                         its language does not have"
                    )],
                    ..Vouched::default()
                },
                ..Piece::of(Role::Configuration)
            });
        }
    }

    /// A configuration file, with the signatures that stand beside it now.
    fn written(&self, file: &ConfigFile) -> Piece {
        let mut own = Vouched::default();
        let mut place = None;
        if let SavePlace::File(FileRef { volume, path }) = &file.place {
            place = Some(uncounted(path));
            for (name, signature) in self.signatures(*volume, path) {
                own.extend(self.check(&name, &signature, &file.bytes));
            }
        }
        Piece {
            file: self.inventory.describe_saved(&file.place).to_string(),
            sha256: Sha256::digest(&file.bytes).into(),
            volume: self.volume(file.place.volume()),
            own,
            path: place,
            ..Piece::of(Role::Configuration)
        }
    }

    /// Signatures of the command line, beside the kernel. Tools that sign a file may have ended it as a line.
    fn signed_cmdline(&self, kernel: &FileRef, cmdline: &str) -> Vouched {
        let Ok(path) = Beside::CMDLINE.path(&kernel.path) else {
            return Vouched::default();
        };
        let line = format!("{cmdline}\n");
        let mut all = Vouched::default();
        for (name, signature) in self.signatures(kernel.volume, &path) {
            let vouched = self.check(&name, &signature, cmdline.as_bytes());
            all.extend(match vouched.vouchers.is_empty() {
                true => self.check(&name, &signature, line.as_bytes()),
                false => vouched,
            });
        }
        all
    }

    /// The manifest at this path, if there is one.
    fn manifest(&self, volume: VolumeId, path: FsPath) -> Option<SignedManifest> {
        let file = FileRef { volume, path };
        let text = self.read(&file, manifest::MAX_LENGTH)?;
        let (manifest, own) = match text {
            Err(error) => (Err(error), Vouched::default()),
            Ok(text) => {
                let parsed = Manifest::parse(&text).map_err(|error| error.to_string());
                let mut own = Vouched::default();
                for (name, signature) in self.signatures(volume, &file.path) {
                    own.extend(self.check(&name, &signature, &text));
                }
                (parsed, own)
            }
        };
        Some(SignedManifest {
            file: self.inventory.describe(&file).to_string(),
            manifest,
            own,
        })
    }

    /// What a file of signatures comes to, over something small.
    fn check(&self, name: &str, signature: &Result<Vec<u8>, String>, content: &[u8]) -> Vouched {
        let vouched = match signature {
            Ok(signature) => self.authority.detached(signature, content),
            Err(error) => Vouched {
                refusals: vec![error.clone()],
                ..Vouched::default()
            },
        };
        vouched.from_file(name)
    }

    /// The files of signatures that stand beside a file, each with its name or why it can't be read.
    fn signatures(
        &self,
        volume: VolumeId,
        path: &FsPath,
    ) -> Vec<(String, Result<Vec<u8>, String>)> {
        let paths = Beside::SIGNATURES.map(|suffix| suffix.path(path));
        let files = paths.into_iter().flatten().filter_map(|path| {
            let file = FileRef { volume, path };
            let bytes = self.read(&file, detached::MAX_LENGTH)?;
            Some((file.path.file_name().to_owned(), bytes))
        });
        files.collect()
    }

    /// A small file, if it is there, or why it can't be read.
    fn read(&self, file: &FileRef, limit: usize) -> Option<Result<Vec<u8>, String>> {
        let filesystem = self.inventory.filesystem(file.volume).ok()?;
        match filesystem.read(&file.path, limit) {
            Err(FsError::NotFound) => None,
            result => Some(result.map_err(|error| error.to_string())),
        }
    }

    fn volume(&self, id: VolumeId) -> VolumeNames {
        let content = self.inventory.volume(id).map(|volume| &volume.content);
        VolumeNames {
            uuid: content.and_then(|content| content.uuid.clone()),
            label: content.and_then(|content| content.label.clone()),
        }
    }
}

/// A path without the boot counter that the name of an entry may have, which is another one at each boot.
fn uncounted(path: &FsPath) -> String {
    let name = path.file_name();
    let directory = path.as_str().strip_suffix(name).unwrap_or_default();
    let (name, _) = Counter::split(name, ".conf");
    format!("{directory}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_no_part_of_a_place() {
        for (path, place) in [
            ("/loader/entries/a+3.conf", "/loader/entries/a.conf"),
            ("/loader/entries/a+2-1.conf", "/loader/entries/a.conf"),
            ("/boot/grub/grub.cfg", "/boot/grub/grub.cfg"),
            ("/a+1", "/a+1"),
        ] {
            assert_eq!(uncounted(&FsPath::new(path).unwrap()), place);
        }
    }
}
