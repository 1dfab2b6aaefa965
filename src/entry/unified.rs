//! What belongs to a unified kernel image, or to a kernel alone, besides its file.

use super::FileRef;

/// How a unified kernel image is started. Of a kernel alone only companions count that are no add-ons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unified {
    /// Which of its profiles, from 0.
    pub profile: usize,
    /// The command line of a configuration that takes the place of the one in the image.
    pub options: Option<String>,
    /// Files that go with it, in the order in which they are handed over.
    pub companions: Vec<Companion>,
}

/// A file that is handed over with a unified kernel image or a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion {
    /// What it is.
    pub kind: CompanionKind,
    /// Where it lies.
    pub file: FileRef,
}

/// Kinds of such files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CompanionKind {
    /// An EFI program with more of the sections of the image: `*.addon.efi`.
    Addon,
    /// A credential for the system in the image: `*.cred`.
    Credential,
    /// A credential for all systems.
    GlobalCredential,
    /// A system extension: `*.raw`.
    Sysext,
    /// A system extension for all systems: `*.sysext.raw`.
    GlobalSysext,
    /// A configuration extension: `*.confext.raw`.
    Confext,
    /// A configuration extension for all systems.
    GlobalConfext,
}

impl CompanionKind {
    /// A letter that no other kind has.
    pub fn letter(self) -> char {
        match self {
            CompanionKind::Addon => 'a',
            CompanionKind::Credential => 'c',
            CompanionKind::GlobalCredential => 'g',
            CompanionKind::Sysext => 's',
            CompanionKind::GlobalSysext => 'S',
            CompanionKind::Confext => 'x',
            CompanionKind::GlobalConfext => 'X',
        }
    }
}
