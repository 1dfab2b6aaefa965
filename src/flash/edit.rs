//! `edit`: the image with changes.

use std::io::{self, Write};
use std::path::Path;

use pilotlight::firmware::{Change, FirmwareError};

use super::arguments::{Edit, Wanted};
use super::error::FlashError;
use super::view::ImageView;
use super::{open, print, read};

pub(super) fn run(options: &Edit, output: &mut dyn Write) -> Result<(), FlashError> {
    let wrong = |error: FirmwareError| FlashError::Firmware(options.image.clone(), error);
    let mut image = open(&options.image)?;
    for wanted in &options.changes {
        let done = image.apply(&change(wanted)?).map_err(wrong)?;
        writeln!(output, "{done}")?;
    }
    if options.repack {
        image.touch();
    }
    let again = image.made().map_err(wrong)?;
    print::volumes(&ImageView::of(&again), output)?;
    if let Some(path) = &options.output {
        write(path, again.bytes()).map_err(|error| FlashError::Write(path.clone(), error))?;
    }
    Ok(())
}

/// Writes all of the image or nothing: beside the file first, which may be the image that was read. What is no regular
/// file, such as a device, is written as it is.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return std::fs::write(path, bytes);
    }
    let mut part = path.clone().into_os_string();
    part.push(format!(".{}", std::process::id()));
    let written = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, &path));
    written.inspect_err(|_| {
        // The error that came first is told; there may be nothing to remove.
        let _ = std::fs::remove_file(&part);
    })
}

/// The change, with what is in the files that it names.
fn change(wanted: &Wanted) -> Result<Change, FlashError> {
    Ok(match wanted {
        Wanted::Remove(target) => Change::Remove(target.clone()),
        Wanted::Replace(target, path) => Change::Replace {
            target: target.clone(),
            with: read(path)?,
        },
        Wanted::Add(volume, guid, path) => Change::Add {
            volume: *volume,
            guid: *guid,
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            content: read(path)?,
        },
    })
}
