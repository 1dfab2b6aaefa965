//! [`SignError`]: why a command failed.

use std::fmt;
use std::io;
use std::path::PathBuf;

use pilotlight::disk::OpenError;
use pilotlight::text::Printable;
use pilotlight::trust::manifest::ManifestError;
use pilotlight::trust::{Problem, Refusal};

/// The command did not do what it was asked to.
const FAILURE: u8 = 1;
/// The command line makes no sense.
const USAGE: u8 = 2;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum SignError {
    /// The command line makes no sense.
    Usage(String),
    /// Standard output can't be written.
    Output(io::Error),
    /// A file can't be read.
    Read(PathBuf, io::Error),
    /// A file can't be written.
    Write(PathBuf, io::Error),
    /// A file would be overwritten.
    Exists(PathBuf),
    /// Something in memory that `openssl` reads can't be made.
    Memory(io::Error),
    /// `openssl` can't be started.
    NoOpenssl(io::Error),
    /// `openssl` failed: at what, and what it said.
    Openssl(String, String),
    /// A file of certificates is none.
    Certificates(PathBuf, String),
    /// A program can't be signed as it is.
    Program(PathBuf, Box<Refusal>),
    /// A program can't be signed as it is, and why.
    Layout(PathBuf, &'static str),
    /// The key of a certificate is of a kind that can't sign this.
    Kind(PathBuf, &'static str),
    /// What was signed does not count, by our own rules; nothing was written.
    Useless(PathBuf, Box<Refusal>),
    /// A file is nothing whose signatures are known.
    Unknown(PathBuf, Problem),
    /// A disk can't be opened.
    Open(OpenError),
    /// This machine shows no disks.
    NoDisks,
    /// Nothing can be booted.
    NoEntries,
    /// What an entry names can't be read.
    Entry(String, String),
    /// A manifest can't be read, or what was listed can't stand in one.
    Manifest(PathBuf, ManifestError),
    /// The machine has no name.
    NoName,
    /// The numbers of manifests are used up.
    NoNumber,
    /// There is no hash of a password, and why.
    Password(&'static str),
    /// A structure can't be written in DER.
    Encoding(der::Error),
}

impl SignError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            SignError::Usage(_) => USAGE,
            _ => FAILURE,
        }
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignError::Usage(what) => write!(f, "{what} (see `pilotlight-sign --help`)"),
            SignError::Output(error) => write!(f, "can't write the output: {error}"),
            SignError::Read(path, error) => write!(f, "can't read {}: {error}", path.display()),
            SignError::Write(path, error) => {
                write!(
                    f,
                    "can't write {}: {error}; nothing there was changed",
                    path.display()
                )
            }
            SignError::Exists(path) => write!(
                f,
                "{} is there already and is not overwritten: name another directory, or move it away",
                path.display()
            ),
            SignError::Memory(error) => write!(f, "can't hand bytes to openssl: {error}"),
            SignError::NoOpenssl(error) => write!(
                f,
                "can't start `openssl`, which does what needs a private key: {error}; install the package openssl"
            ),
            SignError::Openssl(doing, said) => {
                write!(f, "openssl can't {doing}. It says: {}", Printable(said))
            }
            SignError::Certificates(path, what) => write!(
                f,
                "{}: {}: name a file with certificates in PEM or one in DER",
                path.display(),
                Printable(what)
            ),
            SignError::Program(path, refusal) => write!(f, "{}: {refusal}", path.display()),
            SignError::Layout(path, what) => write!(f, "{}: {what}", path.display()),
            SignError::Kind(path, what) => write!(f, "{}: {what}", path.display()),
            SignError::Useless(path, refusal) => write!(
                f,
                "{}: the signature would not count, so nothing was written: {refusal}; is the key the one of the \
                 certificate?",
                path.display()
            ),
            SignError::Unknown(path, problem) => write!(
                f,
                "{}: no EFI program, no manifest and no signature of a known format: {problem}",
                path.display()
            ),
            SignError::Open(error) => write!(f, "{error}"),
            SignError::NoDisks => f.write_str("this machine shows no disks: name an image file"),
            SignError::NoEntries => f.write_str(
                "nothing here can be booted, so there is nothing to list: `pilotlight list` shows why",
            ),
            SignError::Entry(id, why) => write!(
                f,
                "{} can't be listed, and nothing was written: {}",
                Printable(id),
                Printable(why)
            ),
            SignError::Manifest(path, error) => write!(
                f,
                "{}: it is no manifest: {error}; move it away, or name another file",
                path.display()
            ),
            SignError::NoName => f.write_str("this machine has no name: say --name NAME"),
            SignError::NoNumber => f.write_str("the manifest before has the last number that there is: say --number N"),
            SignError::Password(why) => write!(f, "no hash was made of the password: {why}"),
            SignError::Encoding(error) => write!(f, "can't write the signature in DER: {error}"),
        }
    }
}

impl std::error::Error for SignError {}

impl From<io::Error> for SignError {
    fn from(error: io::Error) -> SignError {
        SignError::Output(error)
    }
}

impl From<lexopt::Error> for SignError {
    fn from(error: lexopt::Error) -> SignError {
        SignError::Usage(error.to_string())
    }
}

impl From<der::Error> for SignError {
    fn from(error: der::Error) -> SignError {
        SignError::Encoding(error)
    }
}
