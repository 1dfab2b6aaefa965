//! What is measured: `cargo bench` measures all of it, `cargo bench -- growth` one part. One program for all parts:
//! each further one would be linked, and optimised as a whole, by itself.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

mod boot;
mod directory;
mod growth;
mod grub_listing;
mod medium;
mod menu_keys;
mod progress;
mod read_hash;
mod work;

use std::process::ExitCode;

/// A part by its name. It is told whether to measure; otherwise, among the tests, it only has to run. It says whether
/// what is aimed at was reached.
type Part = (&'static str, fn(bool) -> bool);

const PARTS: [Part; 6] = [
    ("grub_listing", grub_listing::measure),
    ("growth", growth::measure),
    ("menu_keys", menu_keys::measure),
    ("read_hash", read_hash::measure),
    ("progress", progress::measure),
    ("boot", boot::measure),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo asks for measuring so.
    let is_measured = arguments.iter().any(|argument| argument == "--bench");
    let names: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    for name in &names {
        if PARTS.iter().all(|(part, _)| part != name) {
            let parts = PARTS.map(|(part, _)| part).join(", ");
            eprintln!("nothing measures {name}: there are {parts}");
            return ExitCode::FAILURE;
        }
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| *wanted == name);
    let mut reached = true;
    for (name, measure) in PARTS.into_iter().filter(|(name, _)| wanted(name)) {
        println!("{name}");
        reached &= measure(is_measured);
    }
    match reached {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
