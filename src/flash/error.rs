//! Why a command failed.

use std::fmt;
use std::io;
use std::path::PathBuf;

use pilotlight::firmware::{FirmwareError, MAX_IMAGE};

/// The command did not do what it was asked to.
const FAILURE: u8 = 1;
/// The command line makes no sense.
const USAGE: u8 = 2;

/// Why a command failed.
#[derive(Debug)]
pub(super) enum FlashError {
    /// The command line makes no sense.
    Usage(String),
    /// A file can't be read.
    Read(PathBuf, io::Error),
    /// A file has more bytes than any image.
    TooLarge(PathBuf),
    /// A file can't be written.
    Write(PathBuf, io::Error),
    /// Our output can't be written.
    Output(io::Error),
    /// The image, or what should happen to it.
    Firmware(PathBuf, FirmwareError),
    /// The image was listed, but something in it can't be read.
    Damaged(PathBuf, String),
    /// A file has no section of this kind.
    NoSection(String, &'static str),
}

impl FlashError {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            FlashError::Usage(_) => USAGE,
            _ => FAILURE,
        }
    }
}

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlashError::Usage(text) => write!(f, "{text} (see `pilotlight-flash --help`)"),
            FlashError::Read(path, error) => {
                write!(f, "{}: can't be read: {error}", path.display())
            }
            FlashError::TooLarge(path) => {
                let most = MAX_IMAGE >> 20;
                write!(
                    f,
                    "{}: it is too large: no image has more than {most} MiB",
                    path.display()
                )
            }
            FlashError::Write(path, error) => {
                write!(f, "{}: can't be written: {error}", path.display())
            }
            FlashError::Output(error) => write!(f, "can't write the output: {error}"),
            FlashError::Firmware(path, error) => write!(f, "{}: {error}", path.display()),
            FlashError::Damaged(path, problem) => {
                write!(
                    f,
                    "{}: not all of it can be read: {problem}",
                    path.display()
                )
            }
            FlashError::NoSection(file, kind) => {
                write!(
                    f,
                    "file {file} has no section {kind}: `list` shows what it has"
                )
            }
        }
    }
}

impl std::error::Error for FlashError {}

impl From<io::Error> for FlashError {
    fn from(error: io::Error) -> FlashError {
        FlashError::Output(error)
    }
}

impl From<lexopt::Error> for FlashError {
    fn from(error: lexopt::Error) -> FlashError {
        FlashError::Usage(error.to_string())
    }
}
