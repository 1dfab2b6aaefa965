//! `pilotlight-flash`: shows what is in an image of UEFI firmware, and makes room in it for a flash kernel.
//!
//! It works on files and never touches the flash of the machine that it runs on.

mod arguments;
mod edit;
mod error;
mod extract;
mod first;
mod print;
mod view;

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use arguments::Command;
use error::FlashError;
use pilotlight::firmware::{Image, MAX_IMAGE};
use view::ImageView;

fn main() -> ExitCode {
    let result = arguments::parse(std::env::args_os().skip(1))
        .and_then(|command| run(command, &mut io::stdout().lock()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(FlashError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // There is nobody to tell if this fails too.
            let _ = writeln!(io::stderr(), "pilotlight-flash: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command, output: &mut dyn Write) -> Result<(), FlashError> {
    match command {
        Command::Help => output.write_all(arguments::HELP.as_bytes())?,
        Command::Version => writeln!(output, "pilotlight-flash {}", env!("CARGO_PKG_VERSION"))?,
        Command::List { json, image } => {
            let view = ImageView::of(&open(&image)?);
            if json {
                serde_json::to_writer_pretty(&mut *output, &view).map_err(io::Error::from)?;
                writeln!(output)?;
            } else {
                print::image(&view, output)?;
            }
            output.flush()?;
            if let Some(problem) = view.problem() {
                return Err(FlashError::Damaged(image, problem));
            }
        }
        Command::Extract(options) => extract::run(&options, output)?,
        Command::Edit(options) => edit::run(&options, output)?,
        Command::First(options) => first::run(&options, output)?,
    }
    output.flush()?;
    Ok(())
}

/// Reads an image, no more of it than may be one.
fn open(path: &Path) -> Result<Image, FlashError> {
    let bytes = read(path)?;
    Image::read(bytes).map_err(|error| FlashError::Firmware(path.to_owned(), error))
}

/// Reads a file, and no more of it than an image may have.
fn read(path: &Path) -> Result<Vec<u8>, FlashError> {
    let wrong = |error| FlashError::Read(path.to_owned(), error);
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_IMAGE)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let file = File::open(path).map_err(wrong)?;
    io::Read::read_to_end(&mut io::Read::take(file, limit), &mut bytes).map_err(wrong)?;
    if bytes.len() > MAX_IMAGE {
        return Err(FlashError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// Writes all of an image or nothing: beside the file first, which may be one that was read. What is no regular file,
/// such as a device, is written as it is.
fn write(path: &Path, bytes: &[u8]) -> Result<(), FlashError> {
    let written = write_whole(path, bytes);
    written.map_err(|error| FlashError::Write(path.to_owned(), error))
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let there = path.metadata().ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return std::fs::write(path, bytes);
    }
    let mut part = path.clone().into_os_string();
    part.push(format!(".{}", std::process::id()));
    let written = write_as(&part, bytes, there).and_then(|()| std::fs::rename(&part, &path));
    written.inspect_err(|_| {
        // The error that came first is told; there may be nothing to remove.
        let _ = std::fs::remove_file(&part);
    })
}

/// Writes a new file that those may read who may read the one that is there, before anything is in it.
fn write_as(part: &OsStr, bytes: &[u8], there: Option<Metadata>) -> io::Result<()> {
    let mut file = File::create(part)?;
    if let Some(there) = there {
        file.set_permissions(there.permissions())?;
    }
    file.write_all(bytes)
}
