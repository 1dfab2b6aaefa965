//! What may stand beside a file: the names in one place.

use crate::fs::{FsPath, PathError};

/// The end of the name of a file that belongs to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside(&'static str);

impl Beside {
    /// Signatures, of whatever is in front of this. Which format it has is seen in its bytes.
    pub const SIGNATURES: [Beside; 5] = [
        Beside(".sig"),
        Beside(".asc"),
        Beside(".p7s"),
        Beside(".minisig"),
        Beside(".sshsig"),
    ];

    /// The manifest of a kernel.
    pub const MANIFEST: Beside = Beside(".manifest");

    /// In front of the signatures of the command line that goes with a kernel, as petitboot names them. There is
    /// no file of this name itself.
    pub const CMDLINE: Beside = Beside(".cmdline");

    /// What is added to the name of the file.
    pub fn suffix(self) -> &'static str {
        self.0
    }

    /// The path of what stands beside this one.
    ///
    /// # Errors
    /// It would be longer than a path can be.
    pub fn path(self, file: &FsPath) -> Result<FsPath, PathError> {
        FsPath::new(&format!("{}{}", file.as_str(), self.0))
    }
}
