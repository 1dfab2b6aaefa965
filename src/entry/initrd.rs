//! [`Initrd`]: what a kernel gets as its first file system.

use super::FileRef;

/// A file of an initial RAM disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initrd {
    /// Where it lies.
    pub file: FileRef,
    /// For a file that is no archive: its path in the system, without `/` in front. An archive is made
    /// around it, as for `newc:PATH:FILE` of GRUB.
    pub name: Option<String>,
}

impl From<FileRef> for Initrd {
    /// A file that is an archive itself.
    fn from(file: FileRef) -> Initrd {
        Initrd { file, name: None }
    }
}
