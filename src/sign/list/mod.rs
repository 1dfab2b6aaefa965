//! `list`: what signatures there are, for people and as JSON.

mod certificate;
mod listing;
mod manifest;
mod text;

use std::io::Write;
use std::path::PathBuf;

use crate::error::SignError;
use listing::Listing;

/// Runs the command.
///
/// # Errors
/// [`SignError`]: a file is neither a program nor a signature.
pub(crate) fn run(files: &[PathBuf], json: bool, output: &mut dyn Write) -> Result<(), SignError> {
    let listings = files.iter().map(|path| Listing::read(path));
    let listings: Vec<Listing> = listings.collect::<Result<_, _>>()?;
    if json {
        serde_json::to_writer_pretty(&mut *output, &listings).map_err(std::io::Error::from)?;
        writeln!(output)?;
        return Ok(());
    }
    for listing in &listings {
        text::write(listing, output)?;
    }
    Ok(())
}
