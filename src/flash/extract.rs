//! `extract`: a file of the image, or what is in one of its sections.

use std::io::Write;

use pilotlight::firmware::{Section, SectionKind};

use super::arguments::Extract;
use super::error::FlashError;
use super::{open, write};

pub(super) fn run(options: &Extract, output: &mut dyn Write) -> Result<(), FlashError> {
    let image = open(&options.image)?;
    let file = options.file.find(&image);
    let file = file.map_err(|error| FlashError::Firmware(options.image.clone(), error))?;
    let bytes = match options.section {
        None => file.bytes(),
        Some(kind) => {
            let none = || FlashError::NoSection(options.file.to_string(), kind.name());
            first(file.sections(), kind).ok_or_else(none)?.bytes()
        }
    };
    if let Some(path) = &options.output {
        write(path, bytes)?;
    }
    writeln!(output, "extracted {}: {} bytes", options.file, bytes.len())?;
    Ok(())
}

/// The first section of a kind, also in packed ones.
fn first(sections: &[Section], kind: SectionKind) -> Option<&Section> {
    let is_it = |section: &Section| section.kind == kind;
    sections.iter().find_map(|section| match is_it(section) {
        true => Some(section),
        false => first(section.sections(), kind),
    })
}
