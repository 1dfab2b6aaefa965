//! GRUB scripts, evaluated as GRUB 2.06 evaluates them.
//!
//! A script is read into a syntax tree ([`syntax`]) and executed by an interpreter, which writes nothing:
//! what `save_env` would write is only remembered. The body of each entry is executed in a copy of the
//! state that the script left, so that listing has no effects, and what it would load is the
//! [`BootEntry`](crate::entry::BootEntry).

mod assembled;
mod blocklist;
mod commands;
mod configurations;
mod devices;
mod environment_block;
mod evaluate;
mod execute;
mod failure;
mod hash;
mod interpreter;
mod lexer;
mod limits;
mod listing;
mod load;
mod menu;
mod number;
mod options;
mod parser;
mod pattern;
mod places;
mod platform;
pub mod source;
pub mod syntax;
#[cfg(test)]
mod tests;
mod variables;
mod wait;
mod wildcard;
mod word;

pub use configurations::Configurations;
pub use environment_block::EnvironmentBlock;
pub use evaluate::{Evaluated, evaluate, execute_scripts};
pub use platform::Platform;
