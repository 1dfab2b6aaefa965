//! The [report](crate::report) for the system that is started: an archive behind its initrds.
//!
//! It is joined to what was read when all of that is known, and is made of nothing but our own words and the names of
//! what was found: what is proven of an initrd is proven of its bytes, which stay as they are.

use super::cpio::Archive;
use super::payload::{Draft, Part, PayloadError};
use super::timeline::Timeline;
use crate::entry::FileRef;
use crate::trust::coverage::Verdict;

/// Writes the report, from the files that were read, what is proven of them, and the time that it took.
pub type Summary<'a> = dyn Fn(&[(FileRef, Part)], &Verdict, &Timeline) -> String + 'a;

/// Where boot loaders leave things for an initrd, as `systemd-stub` does. What is put into `/run` here is hidden as
/// soon as the initrd mounts its own; the system has that one.
const PLACE: [&str; 2] = [".extra", ".extra/pilotlight"];
const FILE: &str = ".extra/pilotlight/boot.json";

/// Puts the report behind the initrds in `draft`.
pub(super) fn append(draft: &Draft, report: &str) -> Result<(), PayloadError> {
    let mut archive = Archive::new(draft);
    for directory in PLACE {
        archive.directory(directory, 0o755)?;
    }
    let at = archive.file(FILE, 0o444, report.len() as u64)?;
    draft.write_at(at, report.as_bytes())?;
    archive.finish()
}
