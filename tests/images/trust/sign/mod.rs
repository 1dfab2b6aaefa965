//! `pilotlight-sign`: what it signs counts for us and for other people's tools.

mod document;
mod files;
mod hooks;
mod image;
mod listing;
mod made_keys;
mod manifest;
mod siglist;
mod token;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub const SIGN: &str = env!("CARGO_BIN_EXE_pilotlight-sign");

/// Runs it with words in which `{}` is a directory.
pub fn output(directory: &Path, line: &str) -> Output {
    let path = directory.to_str().expect("the path is text");
    let words = line.split_whitespace().map(|word| word.replace("{}", path));
    let mut command = Command::new(SIGN);
    command.args(words).stdin(Stdio::null());
    // `openssl` asks on the terminal of the tests, if there is one.
    command.env("PASS_PHRASE", "secret");
    command.output().expect("pilotlight-sign starts")
}

/// What it printed. The test fails when it did.
pub fn sign(directory: &Path, line: &str) -> String {
    let output = output(directory, line);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}");
    assert_eq!(said, "", "{line}");
    String::from_utf8(output.stdout).unwrap()
}

/// Why it failed, without the name of the directory.
pub fn failure(directory: &Path, line: &str) -> String {
    let output = output(directory, line);
    assert_eq!(output.status.code(), Some(1), "{line}: {output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let said = said.replace(directory.to_str().unwrap(), "{}");
    let said = said.strip_prefix("pilotlight-sign: ").unwrap();
    said.trim_end().to_owned()
}

/// Lets a script be run.
pub fn make_executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the mode can be set");
}
