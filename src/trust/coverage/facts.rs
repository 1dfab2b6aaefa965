//! [`Facts`]: what is known of one boot.

use super::voucher::Voucher;
use crate::text::Printable;
use crate::trust::digest::Digest;
use crate::trust::manifest::Manifest;
use crate::trust::role::Role;
use crate::trust::sbat::Components;

/// What is known of one boot, when everything is read.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The id of the entry.
    pub entry: String,
    /// The volume that the entry was written down on.
    pub volume: VolumeNames,
    /// Everything that was read, each file once.
    pub pieces: Vec<Piece>,
    /// The command line.
    pub cmdline: Line,
    /// Manifests that were found.
    pub manifests: Vec<SignedManifest>,
    /// What the kernel says that it is: `uname -r`.
    pub release: Option<String>,
}

/// By what a volume is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeNames {
    /// Its UUID.
    pub uuid: Option<String>,
    /// Its label.
    pub label: Option<String>,
}

/// What the signatures of something came to.
#[derive(Clone, Debug, Default)]
pub struct Vouched {
    /// Who vouches for it.
    pub vouchers: Vec<Voucher>,
    /// Why other signatures do not count, in words.
    pub refusals: Vec<String>,
}

/// A file that was read, and what it is for.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// What it is for; a unified kernel image is for several.
    pub roles: Vec<Role>,
    /// Its name for people.
    pub file: String,
    /// Its bytes.
    pub sha256: [u8; 32],
    /// Where it is.
    pub volume: VolumeNames,
    /// Its own signatures.
    pub own: Vouched,
    /// The path in the first file system that it is put at. Signatures of its bytes say nothing of that.
    pub name: Option<String>,
    /// For a configuration file: its path on its volume, without a boot counter. Manifests list it there alone.
    pub path: Option<String>,
    /// Another piece that names it with its hash: the stub. Its index, and the hash was compared.
    pub pinned_by: Option<usize>,
    /// It is added to what belongs together, as add-ons of unified kernel images are.
    pub is_addition: bool,
    /// For a program: its Authenticode digests.
    pub programs: Vec<Digest>,
    /// For a program: what it is made of, or why that can't be known.
    pub components: Option<Result<Components, String>>,
    /// For a unified kernel image: the system that is in it.
    pub system: Option<String>,
}

/// The command line.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// All of it, without what the policy adds.
    pub text: String,
    /// What the pieces for it make of it, if there are any.
    pub of_pieces: Option<String>,
    /// Is it what the configuration files among the pieces make of it?
    pub is_written: bool,
    /// Signatures of the text beside the kernel.
    pub own: Vouched,
}

/// A manifest that was found.
#[derive(Clone, Debug)]
pub struct SignedManifest {
    /// Its name for people.
    pub file: String,
    /// What is in it, or why that can't be known.
    pub manifest: Result<Manifest, String>,
    /// Its signatures.
    pub own: Vouched,
}

impl Vouched {
    /// Adds what others came to.
    pub fn extend(&mut self, other: Vouched) {
        self.vouchers.extend(other.vouchers);
        self.refusals.extend(other.refusals);
    }

    /// The same, with the name of the file of signatures in front of what is refused.
    pub fn from_file(self, name: &str) -> Vouched {
        let name = Printable(name);
        let refusals = self.refusals.iter();
        Vouched {
            refusals: refusals.map(|why| format!("{name}: {why}")).collect(),
            vouchers: self.vouchers,
        }
    }
}

impl Piece {
    /// A file for one thing.
    pub fn of(role: Role) -> Piece {
        Piece {
            roles: vec![role],
            ..Piece::default()
        }
    }

    /// A unified kernel image. Where it has no command line, that is what it says.
    pub fn image() -> Piece {
        Piece {
            roles: vec![Role::Kernel, Role::Initrd, Role::CommandLine],
            ..Piece::default()
        }
    }

    /// The same, as something that is added.
    pub fn added(self) -> Piece {
        Piece {
            is_addition: true,
            ..self
        }
    }

    /// The same, put into the first file system at this path, if at any.
    pub fn named(self, name: Option<&str>) -> Piece {
        Piece {
            name: name.map(str::to_owned),
            ..self
        }
    }

    /// The same, whose hash is in the piece of this index.
    pub fn pinned_by(self, index: usize) -> Piece {
        Piece {
            pinned_by: Some(index),
            ..self
        }
    }

    /// Is it an initrd as a whole: none inside a kernel's image, none that is added, and no single file in it?
    pub(super) fn is_whole_initrd(&self) -> bool {
        let is_other = self.is(Role::Kernel) || self.is_addition || self.name.is_some();
        self.is(Role::Initrd) && !is_other
    }

    /// Is it for this?
    pub(super) fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

impl VolumeNames {
    /// Is this its UUID or its label?
    pub(super) fn is(&self, name: &str) -> bool {
        let is_uuid = |uuid: &String| uuid.eq_ignore_ascii_case(name);
        self.uuid.as_ref().is_some_and(is_uuid) || self.label.as_deref() == Some(name)
    }
}
