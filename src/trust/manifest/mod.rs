//! [`Manifest`]: a text that lists what belongs together, so that one signature covers all of it.
//!
//! ```text
//! pilotlight-manifest 1
//! name debian
//! version 7
//!
//! kernel sha256:… /vmlinuz-6.1.0-40-amd64
//! initrd sha256:… /initrd.img-6.1.0-40-amd64
//! cmdline root=UUID=… ro quiet
//! ```
//!
//! `docs/manifest.md` describes every line.

mod reader;

use std::fmt;

use super::names::Beside;
use crate::fs::{FsPath, PathError};
pub use reader::{MAX_LENGTH, ManifestError};

/// What is in the first line: the format, and its version.
const FIRST_LINE: &str = "pilotlight-manifest 1";

/// What belongs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Of which system.
    pub name: String,
    /// Its number among the manifests of this system.
    pub version: u64,
    /// The last floor under which it counts, when that is more than its version.
    pub expires: Option<u64>,
    /// What can be booted; at least one.
    pub groups: Vec<Group>,
}

/// What is booted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The kernel, or the unified kernel image.
    pub kernel: Listed,
    /// Initrds that are archives, in the order in which they are joined.
    pub initrds: Vec<Listed>,
    /// Single files that are put into the initrd, under the names that stand in the place of their paths.
    pub files: Vec<Listed>,
    /// The device tree.
    pub devicetree: Option<Listed>,
    /// Configuration files whose choices count.
    pub configurations: Vec<Listed>,
    /// The exact command line. Without it, that of a unified kernel image.
    pub cmdline: Option<String>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Where it was when it was listed. For a configuration file, that is where it counts; otherwise it is for people,
    /// and a file counts by its bytes.
    pub path: String,
}

impl Manifest {
    /// Reads a text.
    ///
    /// # Errors
    /// [`ManifestError`] with the line.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestError> {
        reader::manifest(text)
    }

    /// Does it count where manifests before the version `floor` do not?
    pub fn counts_at(&self, floor: u64) -> bool {
        self.version.max(self.expires.unwrap_or(0)) >= floor
    }

    /// Where the manifests of a kernel may be, on its volume.
    ///
    /// # Errors
    /// The path of the kernel is as long as a path can be.
    pub fn places(kernel: &FsPath) -> Result<[FsPath; 3], PathError> {
        Ok([
            Beside::MANIFEST.path(kernel)?,
            FsPath::new("/pilotlight/manifest")?,
            FsPath::new("/boot/pilotlight/manifest")?,
        ])
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{FIRST_LINE}\nname {}\nversion {}",
            self.name, self.version
        )?;
        if let Some(expires) = self.expires {
            writeln!(f, "expires {expires}")?;
        }
        self.groups
            .iter()
            .try_for_each(|group| write!(f, "\n{group}"))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kernel = std::iter::once(("kernel", &self.kernel));
        let files = kernel
            .chain(self.initrds.iter().map(|file| ("initrd", file)))
            .chain(self.files.iter().map(|file| ("file", file)))
            .chain(self.devicetree.iter().map(|file| ("devicetree", file)))
            .chain(
                self.configurations
                    .iter()
                    .map(|file| ("configuration", file)),
            );
        for (word, Listed { sha256, path }) in files {
            writeln!(f, "{word} sha256:{} {path}", crate::text::hex(sha256))?;
        }
        match self.cmdline.as_deref() {
            None => Ok(()),
            Some("") => writeln!(f, "cmdline"),
            Some(cmdline) => writeln!(f, "cmdline {cmdline}"),
        }
    }
}
