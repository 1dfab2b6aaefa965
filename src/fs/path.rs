//! Paths inside a filesystem.

use std::fmt;

/// An absolute path inside one filesystem: begins with `/`, has no empty parts, no `.` and no `..`,
/// and does not end in `/` unless it is the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FsPath(String);

/// Longer paths are refused (`PATH_MAX` of Linux).
const MAX_LENGTH: usize = 4096;

impl FsPath {
    /// The root directory.
    pub fn root() -> FsPath {
        FsPath("/".to_owned())
    }

    /// Normalises what a configuration wrote: the leading `/` may be missing, repeated `/` and `.`
    /// vanish, `..` takes the part before it away (at the root it is the root).
    ///
    /// # Errors
    /// [`PathError`] for a NUL byte or more than 4,096 bytes.
    pub fn new(text: &str) -> Result<FsPath, PathError> {
        FsPath::root().join(text)
    }

    /// This path, then `text` relative to it, normalised as in [`FsPath::new`].
    ///
    /// # Errors
    /// [`PathError`] for a NUL byte or more than 4,096 bytes.
    pub fn join(&self, text: &str) -> Result<FsPath, PathError> {
        if text.contains('\0') {
            return Err(PathError::Nul);
        }
        if self.0.len().saturating_add(text.len()) > MAX_LENGTH {
            return Err(PathError::TooLong);
        }
        let mut parts: Vec<&str> = self.components().collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        Ok(FsPath(format!("/{}", parts.join("/"))))
    }

    /// The parts between the slashes; none for the root.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<FsPath> {
        let (before, name) = self.0.rsplit_once('/')?;
        match (before, name) {
            (_, "") => None,
            ("", _) => Some(FsPath::root()),
            (before, _) => Some(FsPath(before.to_owned())),
        }
    }

    /// The last part; empty for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// The path as text, with its leading `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// It holds a NUL byte.
    Nul,
    /// It is longer than 4,096 bytes.
    TooLong,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PathError::Nul => "a path can't contain a NUL byte",
            PathError::TooLong => "a path is at most 4,096 bytes long",
        })
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_what_configurations_write() {
        for (text, path) in [
            ("", "/"),
            ("/", "/"),
            ("vmlinuz", "/vmlinuz"),
            ("//boot//vmlinuz/", "/boot/vmlinuz"),
            ("/boot/./grub/../vmlinuz", "/boot/vmlinuz"),
            ("/../../etc", "/etc"),
        ] {
            assert_eq!(FsPath::new(text).unwrap().as_str(), path, "{text}");
        }
        assert_eq!(FsPath::new("a\0b"), Err(PathError::Nul));
        assert_eq!(FsPath::new(&"a/".repeat(3000)), Err(PathError::TooLong));
    }

    #[test]
    fn parent_and_name() {
        let path = FsPath::new("/boot/vmlinuz").unwrap();
        assert_eq!(path.file_name(), "vmlinuz");
        let boot = path.parent().unwrap();
        assert_eq!(boot.as_str(), "/boot");
        assert_eq!(boot.parent().unwrap(), FsPath::root());
        assert_eq!(FsPath::root().parent(), None);
        assert_eq!(FsPath::root().file_name(), "");
    }
}
