//! Running `openssl`: always with a list of arguments, never through a shell.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::process::{Command, Stdio};

use rustix::fs::{MemfdFlags, memfd_create};

use crate::error::SignError;

/// Where the input that is given to `openssl` can be opened. Not a pipe: Ed25519 needs the length before.
pub(crate) const INPUT: &str = "/dev/stdin";

/// Bytes as a file that has no name, to be an input.
pub(crate) fn input(bytes: &[u8]) -> Result<File, SignError> {
    let make = || -> io::Result<File> {
        let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC)?);
        file.write_all(bytes)?;
        file.rewind()?;
        Ok(file)
    };
    make().map_err(SignError::Memory)
}

/// Runs it to its end, and returns what it printed. It asks for pass phrases and PINs on the terminal.
///
/// # Errors
/// [`SignError::NoOpenssl`]; [`SignError::Openssl`] with what it was `doing` and what it said.
pub(crate) fn run<S: AsRef<OsStr>>(
    doing: &str,
    arguments: impl IntoIterator<Item = S>,
    input: Option<File>,
) -> Result<Vec<u8>, SignError> {
    let child = Command::new("openssl")
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(input.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(SignError::NoOpenssl)?;
    let output = child.wait_with_output().map_err(SignError::NoOpenssl)?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(SignError::Openssl(doing.to_owned(), said(&output.stderr))),
    }
}

/// The first lines of what it said, without the numbers that are for its programmers.
fn said(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::trim).filter(|line| {
        let is_chatter = line.starts_with("Engine ") || line.contains(":error:");
        !line.is_empty() && !is_chatter
    });
    let mut said: Vec<&str> = lines.take(3).collect();
    // Where the words alone say nothing, the reason is the last but one field of the numbers.
    let reason = text
        .lines()
        .find_map(|line| line.split(":error:").nth(1)?.split(':').nth(3));
    said.extend(reason.filter(|reason| !reason.is_empty()));
    match said.is_empty() {
        true => "nothing".to_owned(),
        false => said.join("; "),
    }
}
