//! `edit`: the image with changes.

use std::io::Write;

use pilotlight::firmware::{Change, FirmwareError};

use super::arguments::{Edit, Wanted};
use super::error::FlashError;
use super::view::ImageView;
use super::{open, print, read, write};

pub(super) fn run(options: &Edit, output: &mut dyn Write) -> Result<(), FlashError> {
    let wrong = |error: FirmwareError| FlashError::Firmware(options.image.clone(), error);
    let mut image = open(&options.image)?;
    for wanted in &options.changes {
        let done = image.apply(&change(wanted)?).map_err(|error| {
            let path = match (&error, wanted) {
                // That is said of what should come into the image.
                (FirmwareError::NotAddable(_), Wanted::Add(.., path)) => path,
                (FirmwareError::NoPlace(..), Wanted::Replace(_, path)) => path,
                _ => &options.image,
            };
            FlashError::Firmware(path.clone(), error)
        })?;
        writeln!(output, "{done}")?;
    }
    if options.repack {
        image.touch();
    }
    let again = image.made().map_err(wrong)?;
    print::volumes(&ImageView::of(&again), output)?;
    if let Some(path) = &options.output {
        write(path, again.bytes())?;
    }
    Ok(())
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
