//! The binary: process 1 of the flash kernel, its loader, or a command.

use std::process::ExitCode;

use pilotlight::{cli, init};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next();
    if std::process::id() == 1 {
        init::main()
    }
    if name.is_some_and(|name| name == init::LOADER) {
        return init::loader(arguments);
    }
    cli::main(arguments)
}
