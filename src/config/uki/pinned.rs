//! Stubs of lanzaboote: kernel and initrd are files of their own, named in the stub with their hashes.

use std::fmt;

use super::command_line::{TextError, text};
use super::profile::Profile;
use crate::fs::{FsPath, PathError};
use crate::pe::{Image, Section};

/// Names of the sections with a path and with the SHA-256 of the file there, for the kernel and for the
/// initrd: of today's stubs and of those before version 0.4.
const NAMES: [[[&str; 2]; 2]; 2] = [
    [[".linux", ".linuxh"], [".initrd", ".initrdh"]],
    [[".kernelp", ".kernelh"], [".initrdp", ".initrdh"]],
];

/// Every section that a stub may have, all of them small.
pub const PIN_SECTIONS: [&str; 7] = [
    ".linux", ".linuxh", ".initrd", ".initrdh", ".kernelp", ".kernelh", ".initrdp",
];

/// Does a program start something by itself: a kernel in it, or one that it names as a stub does? Such a program is no
/// add-on, and its command line is for what it starts alone. An add-on may have an initrd in it.
pub fn starts_something(image: &Image) -> bool {
    let mut names = PIN_SECTIONS.iter().filter(|name| **name != ".initrd");
    names.any(|name| image.section(name).is_some())
}

/// What such a stub starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The kernel.
    pub kernel: PinnedFile,
    /// The initrd.
    pub initrd: Option<PinnedFile>,
}

/// A file on the volume of the stub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedFile {
    /// Where it is.
    pub path: FsPath,
    /// The SHA-256 that it must have.
    pub sha256: [u8; 32],
}

impl Pinned {
    /// Is it such a stub?
    pub fn is_in(profile: &Profile<'_>) -> bool {
        let mut names = NAMES.iter();
        names.any(|[[_, hash], _]| profile.section(hash).is_some())
    }

    /// Reads the sections with `read`; `None` for what is no such stub.
    ///
    /// # Errors
    /// [`PinnedError`].
    pub fn read(
        profile: &Profile<'_>,
        read: &mut dyn FnMut(&Section) -> Result<Vec<u8>, PinnedError>,
    ) -> Result<Option<Pinned>, PinnedError> {
        let mut names = NAMES.iter();
        let form = names.find(|[[_, hash], _]| profile.section(hash).is_some());
        let Some([kernel, initrd]) = form else {
            return Ok(None);
        };
        let mut file = |names: &[&'static str; 2]| {
            let [path, hash] = *names;
            let (path, hash) = match (profile.section(path), profile.section(hash)) {
                (None, None) => return Ok(None),
                (None, Some(_)) => return Err(PinnedError::Missing(path)),
                (Some(_), None) => return Err(PinnedError::Missing(hash)),
                (Some(path), Some(hash)) => (path, hash),
            };
            Ok(Some(PinnedFile::of(&read(path)?, &read(hash)?)?))
        };
        let [path, _] = *kernel;
        let kernel = file(kernel)?.ok_or(PinnedError::Missing(path))?;
        let initrd = file(initrd)?;
        Ok(Some(Pinned { kernel, initrd }))
    }
}

impl PinnedFile {
    fn of(path: &[u8], hash: &[u8]) -> Result<PinnedFile, PinnedError> {
        let path = text(path).map_err(PinnedError::Text)?.replace('\\', "/");
        Ok(PinnedFile {
            path: FsPath::new(&path).map_err(PinnedError::Path)?,
            sha256: hash.try_into().map_err(|_| PinnedError::Hash(hash.len()))?,
        })
    }
}

/// What is wrong with the sections of a stub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinnedError {
    /// A section can't be read, with the reason.
    Read(String),
    /// This section is not there.
    Missing(&'static str),
    /// A path is no text.
    Text(TextError),
    /// A path can't be one.
    Path(PathError),
    /// A hash has this many bytes instead of 32.
    Hash(usize),
}

impl fmt::Display for PinnedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PinnedError::Read(reason) => f.write_str(reason),
            PinnedError::Missing(name) => write!(f, "its section {name} is missing"),
            PinnedError::Text(error) => write!(f, "a path in it is {error}"),
            PinnedError::Path(error) => write!(f, "a path in it can't be one: {error}"),
            PinnedError::Hash(length) => {
                write!(f, "a SHA-256 in it has {length} bytes, and not 32")
            }
        }
    }
}

impl std::error::Error for PinnedError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pe::{Image, program};

    fn read(sections: &[(&str, &[u8])]) -> Result<Option<Pinned>, PinnedError> {
        let file = program(sections);
        let image = Image::parse(&file, file.len() as u64).unwrap();
        let profile = Profile::all(&image).next().unwrap();
        let result = Pinned::read(&profile, &mut |section| {
            let range = section.content.start as usize..section.content.end as usize;
            Ok(file[range].to_vec())
        });
        assert_eq!(
            Pinned::is_in(&profile),
            !matches!(result, Ok(None)),
            "{sections:?}"
        );
        result
    }

    #[test]
    fn both_forms_name_the_same() {
        let (kernel, initrd) = (
            &b"\\EFI\\nixos\\kernel.efi"[..],
            &b"\\EFI\\nixos\\initrd"[..],
        );
        let (one, two) = (&[1; 32][..], &[2; 32][..]);
        let today = read(&[
            (".linux", kernel),
            (".linuxh", one),
            (".initrd", initrd),
            (".initrdh", two),
        ]);
        let before = read(&[
            (".kernelp", kernel),
            (".kernelh", one),
            (".initrdp", initrd),
            (".initrdh", two),
        ]);
        let today = today.unwrap().unwrap();
        assert_eq!(today.kernel.path.as_str(), "/EFI/nixos/kernel.efi");
        assert_eq!(today.initrd.as_ref().unwrap().sha256, [2; 32]);
        assert_eq!(before.unwrap().unwrap(), today);
        let alone = read(&[(".linux", kernel), (".linuxh", one)]);
        assert_eq!(alone.unwrap().unwrap().initrd, None);
        assert_eq!(read(&[(".linux", kernel), (".initrd", initrd)]), Ok(None));
    }

    #[test]
    fn half_a_name_is_none() {
        let kernel = (".linux", &b"/k"[..]);
        let hash = (".linuxh", &[1; 32][..]);
        for (sections, error) in [
            (&[hash][..], PinnedError::Missing(".linux")),
            (
                &[kernel, hash, (".initrd", b"/i")],
                PinnedError::Missing(".initrdh"),
            ),
            (&[kernel, (".linuxh", b"1")], PinnedError::Hash(1)),
        ] {
            assert_eq!(read(sections), Err(error));
        }
    }
}
