//! `first`: the firmware's variables, by which it starts a file of the flash before all else.

use std::io::Write;

use pilotlight::firmware::{FirmwareError, start_first};

use super::arguments::First;
use super::error::FlashError;
use super::{open, read, write};

pub(super) fn run(options: &First, output: &mut dyn Write) -> Result<(), FlashError> {
    let wrong = |path: &std::path::Path| {
        let path = path.to_owned();
        move |error: FirmwareError| FlashError::Firmware(path, error)
    };
    let image = open(&options.image)?;
    let file = options
        .file
        .fv_file(&image)
        .map_err(wrong(&options.image))?;
    let variables = read(&options.variables)?;
    let first = start_first(&variables, file);
    let (bytes, number) = first.map_err(wrong(&options.variables))?;
    if let Some(path) = &options.output {
        write(path, &bytes)?;
    }
    writeln!(output, "Boot{number:04X} comes first: {}", options.file)?;
    Ok(())
}
