//! Writing files so that a power cut leaves the old one or the new one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Gid, Uid, fchown};

use crate::error::SignError;

/// Writes a file, or puts it in the place of the one that is there, with its owner and its mode. A symbolic link
/// stays, and what it leads to is replaced.
///
/// # Errors
/// [`SignError::Write`].
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), SignError> {
    let replace = || -> io::Result<()> {
        let path = match path.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            result => result?,
        };
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut new = OsString::from(".");
        new.push(name);
        new.push(format!(".new-{}", std::process::id()));
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let new = directory.join(new);
        let written = fill(&new, &path, bytes).and_then(|()| fs::rename(&new, &path));
        if written.is_err() {
            // What went wrong is told; this file would be in nobody's way.
            let _ = fs::remove_file(&new);
        }
        written?;
        File::open(directory)?.sync_all()
    };
    replace().map_err(|error| SignError::Write(path.to_owned(), error))
}

/// Writes the new file, and waits until it is on the disk.
fn fill(new: &Path, old: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(new)?;
    if let Ok(old) = fs::metadata(old) {
        // FAT has no owners, and only root may give files away: the mode is what matters.
        let _ = fchown(
            &file,
            Some(Uid::from_raw(old.uid())),
            Some(Gid::from_raw(old.gid())),
        );
        file.set_permissions(old.permissions())?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}
