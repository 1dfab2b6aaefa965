//! `pilotlight-sign hash-password`: the hash of a password, for a policy.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;

use pilotlight::policy::password::{Hash, MAX_LENGTH};
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

use crate::error::SignError;

/// Where random bytes come from.
const RANDOM: &str = "/dev/urandom";

/// Reads a password, from a terminal without showing it and twice, and prints its hash.
///
/// # Errors
/// [`SignError::Password`], [`SignError::Read`], [`SignError::Output`].
pub(crate) fn run(output: &mut dyn Write) -> Result<(), SignError> {
    let password = match isatty(io::stdin()) {
        true => {
            let _hidden = Hidden::input();
            let first = asked("password: ")?;
            if asked("once more: ")? != first {
                return Err(SignError::Password("the two are not the same"));
            }
            first
        }
        false => line()?,
    };
    if password.is_empty() || password.len() > MAX_LENGTH {
        return Err(SignError::Password("it has 1 to 256 bytes"));
    }
    let mut salt = [0; 16];
    let random = File::open(RANDOM).and_then(|mut file| file.read_exact(&mut salt));
    random.map_err(|error| SignError::Read(PathBuf::from(RANDOM), error))?;
    let hash = Hash::of(&password, &salt);
    let hash = hash.ok_or(SignError::Password("there is no memory to make its hash"))?;
    Ok(writeln!(output, "{hash}")?)
}

fn asked(question: &str) -> Result<String, SignError> {
    let mut errors = io::stderr();
    // The question is a courtesy.
    let _ = write!(errors, "{question}").and_then(|()| errors.flush());
    let line = line();
    let _ = writeln!(errors);
    line
}

fn line() -> Result<String, SignError> {
    let wrong = |error| SignError::Read(PathBuf::from("standard input"), error);
    let mut line = String::new();
    // Longer ones are refused anyway.
    let input = io::stdin().lock();
    let mut input = input.take(u64::try_from(MAX_LENGTH).unwrap_or(0).saturating_add(2));
    input.read_line(&mut line).map_err(wrong)?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(line)
}

/// What is typed is not shown, until this is dropped.
struct Hidden(Option<Termios>);

impl Hidden {
    fn input() -> Hidden {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut hidden = before.clone();
            hidden.local_modes.remove(LocalModes::ECHO);
            // Where that fails, the password is seen by who types it.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &hidden);
        }
        Hidden(before)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}
