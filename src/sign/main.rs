//! `pilotlight-sign`: makes the signatures that Pilotlight checks. It runs on a workstation or in the installed
//! system and never is in the flash.
//!
//! Private keys are not read here: `openssl` does everything that needs one, with keys in files or in tokens.

mod arguments;
mod certificates;
mod check;
mod checksum;
mod cms;
mod encode;
mod error;
mod file;
mod image;
mod indirect;
mod key;
mod keys;
mod list;
mod manifest;
mod openssl;
mod password;
mod pem;
mod replace;
mod siglist;
mod signer;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use arguments::Command;
use error::SignError;

fn main() -> ExitCode {
    let result = arguments::parse(std::env::args_os().skip(1))
        .and_then(|command| run(command, &mut io::stdout().lock()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(SignError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // There is nobody to tell if this fails too.
            let _ = writeln!(io::stderr(), "pilotlight-sign: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command, output: &mut dyn Write) -> Result<(), SignError> {
    match command {
        Command::Help(topic) => output.write_all(arguments::help(topic).as_bytes())?,
        Command::Version => writeln!(output, "pilotlight-sign {}", env!("CARGO_PKG_VERSION"))?,
        Command::Keys(options) => keys::run(&options, output)?,
        Command::Image(options) => image::run(&options, output)?,
        Command::File(options) => file::run(&options, output)?,
        Command::List { json, files } => list::run(&files, json, output)?,
        Command::Manifest(options) => manifest::run(&options, output)?,
        Command::HashPassword => password::run(output)?,
        Command::Siglist(options) => siglist::run(&options, output)?,
    }
    output.flush()?;
    Ok(())
}
