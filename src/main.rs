//! The binary: process 1 of the flash kernel, or a command.

fn main() {}
